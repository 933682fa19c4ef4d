"""What every benchmark needs: taking turns, medians and ratios, tables and files of results."""

from __future__ import annotations

import argparse
import os
import re
import shlex
import statistics
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

RESULTS = Path(__file__).resolve().parent / "results"
PEER_VARIABLE = "GPUPEPT_PEER_PYTHON"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")


@dataclass(frozen=True)
class Sample:
    """Repeated measurements of one thing, in the order in which they were made."""

    values: tuple[float, ...]

    def __post_init__(self) -> None:
        if not self.values:
            raise ValueError("values must not be empty: nothing was measured")

    @property
    def median(self) -> float:
        """Middle value."""
        return statistics.median(self.values)

    def ratio_to(self, base: Sample) -> Sample:
        """Ratios of the measurements that were made in the same round, this by the other.

        Raises
        ------
        ValueError
            If there are not as many of one as of the other.
        """
        if len(self.values) != len(base.values):
            raise ValueError(f"cannot pair {len(self.values)} measurements with {len(base.values)}")
        pairs = zip(self.values, base.values, strict=True)
        return Sample(tuple(mine / other if other else float("inf") for mine, other in pairs))


@dataclass(frozen=True)
class Missing:
    """Something that was not measured, and why."""

    reason: str


Measured = Sample | Missing
# What one side of a comparison does: runs a piece of work, and gives the seconds of what it timed.
Side = Callable[[str], Mapping[str, float]]


def take_turns(
    sides: Mapping[str, Side],
    work: Sequence[str],
    repeats: int,
    progress: Callable[[str], object] = lambda text: None,
) -> dict[str, dict[str, Measured]]:
    """Run each piece of work by one side after the other, all of it several times.

    Parameters
    ----------
    sides : mapping of str to callable
        Each is called with a piece of work; those that raise an error are not called for it again.
    work : sequence of str
        The pieces, in order.
    repeats : int
        Number of rounds, at least 1.
    progress : callable, optional
        Is told what was done.

    Returns
    -------
    dict of dict
        For each side the measurements by name.

    Raises
    ------
    ValueError
        If there is no round.
    """
    if repeats < 1:
        raise ValueError(f"repeats must be at least 1, found {repeats}")
    seconds: dict[str, dict[str, list[float]]] = {side: {} for side in sides}
    failed: dict[str, dict[str, Missing]] = {side: {} for side in sides}
    for number in range(1, repeats + 1):
        for piece in work:
            for name, side in sides.items():
                if piece in failed[name]:
                    continue
                try:
                    found = side(piece)
                except Exception as error:  # one side's failure is a result, not the end
                    failed[name][piece] = Missing(f"failed: {error}")
                    progress(f"{number}/{repeats} {name}: {piece}: failed: {error}")
                    continue
                for key, value in found.items():
                    seconds[name].setdefault(key, []).append(value)
                texts = ", ".join(f"{key} {duration(value)}" for key, value in found.items())
                progress(f"{number}/{repeats} {name}: {texts}")
    return {
        name: {key: Sample(tuple(values)) for key, values in seconds[name].items()} | failed[name]
        for name in sides
    }


def duration(seconds: float) -> str:
    """Write a time with three digits and a unit.

    Examples
    --------
    >>> duration(0.00123), duration(12.34), duration(123.4)
    ('1.23 ms', '12.3 s', '123 s')
    """
    factor, unit = time_unit(seconds)
    return f"{digits(seconds * factor)} {unit}"


def time_unit(seconds: float) -> tuple[float, str]:
    """Choose the unit for a time: how many of it make a second, and its symbol."""
    for factor, unit in ((1.0, "s"), (1e3, "ms")):
        if seconds * factor >= 0.9995:
            return factor, unit
    return 1e6, "us"


def digits(value: float) -> str:
    """Write a number with three digits, without exponent.

    Examples
    --------
    >>> digits(0.01234), digits(9.996), digits(1234.5)
    ('0.0123', '10.0', '1234')
    """
    if value == 0 or not -1e15 < value < 1e15:
        return f"{value:g}"
    rounded = float(f"{value:.3g}")
    after = 2
    while after < 9 and abs(rounded) < 10.0 ** (2 - after):
        after += 1
    while after > 0 and abs(rounded) >= 10.0 ** (3 - after):
        after -= 1
    return f"{rounded if after else value:.{after}f}"


def time_cell(measured: Measured | None) -> str:
    """Median and range of times, all in one unit, or that there is none."""
    if isinstance(measured, Sample):
        factor, unit = time_unit(measured.median)
        return spread_cell(measured, factor, f" {unit}")
    return _missing_cell(measured)


def spread_cell(sample: Sample, factor: float = 1.0, unit: str = "") -> str:
    """Median with its unit and, in brackets, the range."""
    middle, low, high = (
        digits(value * factor) for value in (sample.median, min(sample.values), max(sample.values))
    )
    return f"{middle}{unit} ({low} - {high})"


def _missing_cell(measured: Missing | None) -> str:
    return "not run" if measured is None or not measured.reason.startswith("failed") else "failed"


def failures(
    measurements: Mapping[str, Mapping[str, Measured]], sides: Mapping[str, str] | None = None
) -> list[str]:
    """List what failed, and why.

    Parameters
    ----------
    measurements : dict of dict
        From `take_turns`.
    sides : mapping of str to str, optional
        Sides that could not take part, and why.

    Returns
    -------
    list of str
        One section for a document; none when nothing failed.
    """
    lines = [f"- {side}: {reason}\n" for side, reason in (sides or {}).items()]
    lines += [
        f"- {side}, {name}: {measured.reason}\n"
        for side, all_measured in measurements.items()
        for name, measured in all_measured.items()
        if isinstance(measured, Missing)
    ]
    return ["Not measured:\n\n" + "".join(lines)] if lines else []


def ratio(base: Measured | None, other: Measured | None) -> Sample | None:
    """How many times slower `other` is, round by round; None unless both were measured."""
    if isinstance(base, Sample) and isinstance(other, Sample):
        return other.ratio_to(base) if len(base.values) == len(other.values) else None
    return None


def ratio_cell(base: Measured | None, other: Measured | None) -> str:
    """Ratio of medians and the range of the ratios of single rounds."""
    pairs = ratio(base, other)
    if pairs is None or not isinstance(base, Sample) or not isinstance(other, Sample):
        return "-"
    low, high = min(pairs.values), max(pairs.values)
    return f"{digits(other.median / base.median)}x ({digits(low)} - {digits(high)})"


def verdict(value: float | None, must: float, goal: float) -> str:
    """Say which of two bars a value reaches; larger is better.

    Examples
    --------
    >>> verdict(30, 8, 25), verdict(10, 8, 25), verdict(7.99, 8, 25), verdict(None, 8, 25)
    ('goal met', 'must met', 'MISSED', 'not run')
    """
    if value is None:
        return "not run"
    if value >= goal:
        return "goal met"
    return "must met" if value >= must else "MISSED"


def markdown_table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Write a Markdown table: first column to the left, the others to the right.

    Raises
    ------
    ValueError
        If a row is longer or shorter than the header.
    """
    for row in rows:
        if len(row) != len(header):
            raise ValueError(f"expected {len(header)} cells, found {len(row)}: {list(row)}")
    rule = ["---", *["---:"] * (len(header) - 1)]
    lines = [header, rule, *rows]
    return "".join(
        "| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |\n" for line in lines
    )


def shown_command(module: str, arguments: Sequence[str]) -> str:
    """Command line as a record of it: folders are left out, they mean nothing elsewhere.

    Examples
    --------
    >>> shown_command("benchmarks.recipe", ["--file", "some/folder/run.csv", "--repeats=3"])
    'python -m benchmarks.recipe --file run.csv --repeats=3'
    """
    shown = []
    for argument in arguments:
        option, equals, value = (
            argument.partition("=") if argument[:1] == "-" else ("", "", argument)
        )
        shown.append(shlex.quote(option + equals + re.split(r"[/\\]", value)[-1]))
    return " ".join(["python -m", module, *shown])


def document(title: str, facts: Sequence[tuple[str, str]], sections: Sequence[str]) -> str:
    """Put a title, a list of facts and sections of text together to a Markdown file."""
    listed = "".join(f"- {name}: {text}\n" for name, text in facts)
    return "\n".join([f"# {title}\n", listed, *sections])


def result_path(name: str, folder: Path | None = None) -> Path:
    """File for the results of that name.

    Raises
    ------
    ValueError
        If it is not a plain name.
    """
    if not _NAME.fullmatch(name):
        raise ValueError(
            f"a name of results has letters, digits, '.', '_' and '-' alone, found {name!r}"
        )
    return (RESULTS if folder is None else folder) / (
        name if name.endswith(".md") else f"{name}.md"
    )


def write_results(text: str, name: str, folder: Path | None = None) -> Path:
    """Write the results; the folder is made when there is none."""
    from gpupept.utilities.files import atomic_write

    path = result_path(name, folder)
    path.parent.mkdir(parents=True, exist_ok=True)
    with atomic_write(path) as temporary:
        temporary.write_text(text, encoding="utf-8")
    return path


def publish(text: str, name: str) -> None:
    """Print the results and write them to their file."""
    print(text)
    tell(f"written: {write_results(text, name).name}")


def tell(text: str) -> None:
    """Show progress."""
    print(text, file=sys.stderr, flush=True)


def common_options(parser: argparse.ArgumentParser, out: str) -> None:
    """Add the options that all benchmarks have."""
    parser.add_argument("--repeats", type=positive, default=5, help="rounds (default: 5)")
    parser.add_argument(
        "--peer-python",
        metavar="PATH",
        default=os.environ.get(PEER_VARIABLE),
        help=f"Python that has pept, see benchmarks/README.md (default: ${PEER_VARIABLE})",
    )
    parser.add_argument(
        "--out",
        metavar="NAME",
        default=out,
        type=_result_name,
        help=f"name of the file of results (default: {out})",
    )


def _result_name(text: str) -> str:
    try:
        result_path(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None
    return text


def positive(text: str) -> int:
    """Read a whole number above zero from the command line."""
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"expected a whole number above zero, found {text!r}")
    return int(text)
