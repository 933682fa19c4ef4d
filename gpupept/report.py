"""Web pages about a run: its figures in tables, its trajectories in space and against time."""

from __future__ import annotations

import html
from collections.abc import Sequence
from dataclasses import dataclass
from string import Template
from typing import Any, TypeAlias

import numpy as np

from gpupept._version import __version__
from gpupept.base import LineData, PointData
from gpupept.plots import PlotlyGrapher, PlotlyGrapher2D, format_fig
from gpupept.tracking.recipes import TrackingRun

# Title of a table, and its rows: what, and how much.
Facts: TypeAlias = list[tuple[str, list[tuple[str, str]]]]

_FONT = "system-ui, -apple-system, 'Segoe UI', Roboto, 'DejaVu Sans', sans-serif"
_MOST_LISTED = 20
_MOST_LINES = 1000


@dataclass(frozen=True)
class Illustration:
    """A figure of a report.

    Attributes
    ----------
    figure : plotly.graph_objects.Figure
        The figure.
    title, caption : str
        What it is called and what it shows.
    height : int
        In pixels.
    wide : bool
        Whether it takes the whole width of the page, or half of it.
    """

    figure: Any
    title: str
    caption: str
    height: int = 560
    wide: bool = True


def run_facts(run: TrackingRun, skipped: int = 0, read_seconds: float | None = None) -> Facts:
    """Tabulate the figures of a run.

    Parameters
    ----------
    run : TrackingRun
        The run.
    skipped : int, default 0
        Records of the file that were left out.
    read_seconds : float, optional
        Time of reading the file.

    Returns
    -------
    list of (title, rows)
        Tables "Data", "Positions" and "Time"; rows are pairs of text.

    Examples
    --------
    >>> import gpupept
    >>> from gpupept.report import run_facts
    >>> from gpupept.tracking.recipes import Stage, TrackingRun
    >>> points = gpupept.PointData([[0, 1, 2, 3, 0]], columns=["t", "x", "y", "z", "label"])
    >>> run = TrackingRun(1200, 9, "cpu", (Stage("first pass", 0.5, 1),), points)
    >>> for title, rows in run_facts(run):
    ...     print(title, rows[0])
    Data ('LoRs read', '1,200')
    Positions ('first pass', '1')
    Time ('first pass', '0.500 s')
    """
    data = [
        ("LoRs read", f"{run.lors:,}"),
        ("records skipped", f"{skipped:,}"),
        ("samples", f"{run.samples:,}"),
        ("device", run.device),
    ]
    positions = [(s.name, f"{s.rows:,}") for s in run.stages if s.name.endswith("pass")]
    stages = [(stage.name, f"{stage.seconds:.3f} s") for stage in run.stages]
    if read_seconds is not None:
        stages.insert(0, ("reading", f"{read_seconds:.3f} s"))
    total = run.seconds + (read_seconds or 0.0)
    times = [*stages, ("total", f"{total:.3f} s"), ("tracking, LoR/s", f"{run.rate:,.0f}")]
    return [("Data", data), ("Positions", positions + _trajectory_rows(run)), ("Time", times)]


def _trajectory_rows(run: TrackingRun) -> list[tuple[str, str]]:
    sizes = run.trajectory_sizes()
    noise = sizes.pop(-1, 0)
    listed = list(sizes.items())[:_MOST_LISTED]
    rows = [("trajectories", f"{len(sizes):,}")]
    rows += [(f"trajectory {label}", f"{count:,}") for label, count in listed]
    if len(sizes) > _MOST_LISTED:
        rest = sum(list(sizes.values())[_MOST_LISTED:])
        rows.append((f"{len(sizes) - _MOST_LISTED} more trajectories", f"{rest:,}"))
    return [*rows, ("noise", f"{noise:,}")]


def facts_text(facts: Facts) -> str:
    """Lay out tables of facts as text, one line per row.

    Parameters
    ----------
    facts : list of (title, rows)
        As `run_facts` makes them.

    Returns
    -------
    str
        Aligned columns; ends with a newline.

    Examples
    --------
    >>> from gpupept.report import facts_text
    >>> print(facts_text([("Data", [("LoRs read", "12"), ("samples", "1")])]), end="")
    Data
      LoRs read  12
      samples     1
    """
    rows = [row for _, table in facts for row in table]
    left = max((len(name) for name, _ in rows), default=0)
    right = max((len(value) for _, value in rows), default=0)
    lines = []
    for title, table in facts:
        lines += [title, *(f"  {name:<{left}}  {value:>{right}}" for name, value in table)]
    return "".join(f"{line}\n" for line in lines)


def trajectory_illustrations(
    points: PointData, lines: LineData | None = None, paths: Sequence[Any] | None = None
) -> list[Illustration]:
    """Draw trajectories in space and against time.

    Parameters
    ----------
    points : PointData
        Columns ``t, x, y, z, label``; label -1 is noise.
    lines : LineData, optional
        LoRs; their first sample is drawn too.
    paths : sequence of PointData or (N, 4) arrays, optional
        Rows ``t, x, y, z`` of the true paths, drawn as lines.

    Returns
    -------
    list of Illustration
        Two or three figures.

    Examples
    --------
    >>> import gpupept
    >>> from gpupept.report import trajectory_illustrations
    >>> points = gpupept.PointData([[0, 1, 2, 3, 0]], columns=["t", "x", "y", "z", "label"])
    >>> [each.title for each in trajectory_illustrations(points)]
    ['Trajectories', 'Coordinates against time']
    """
    labels = points["label"]
    tracks = _rows(points, labels >= 0)
    noise = _rows(points, labels < 0)
    space, plane = PlotlyGrapher(), PlotlyGrapher2D()
    if len(tracks.points):
        space.add_points(tracks, colorbar_col="label", size=3)
        plane.add_timeseries(tracks, colorbar_col="label", size=4)
    if len(noise.points):
        space.add_points(noise, color="lightgrey", size=2)
        plane.add_timeseries(noise, color="lightgrey", size=3)
    for path in paths or ():
        _draw_path(space, plane, np.asarray(getattr(path, "data", path)))
    truth = "; black lines are the true paths" if paths else ""
    caption = f"One colour per trajectory{truth}. Drag to turn, scroll to zoom."
    pictures = [
        Illustration(_finished(space), "Trajectories", caption, 520, wide=lines is None),
        Illustration(
            plane.fig, "Coordinates against time", f"In mm against ms{truth}. Drag to zoom.", 720
        ),
    ]
    return pictures if lines is None else [_sample_illustration(lines, tracks), *pictures]


def _sample_illustration(lines: LineData, tracks: PointData) -> Illustration:
    """Draw the first sample of LoRs, and the trajectories that come of all samples."""
    sample = lines[0].to("cpu").lines[:_MOST_LINES, :7]
    space = PlotlyGrapher().add_lines(sample, color="#6b7f94", opacity=0.35, width=1)
    if len(tracks.points):
        space.add_points(tracks, color="#ef553b", size=2)
    caption = f"The lines of response of the first sample ({len(sample):,}) between the detectors."
    return Illustration(_finished(space), "One sample", caption, 520, wide=False)


def _finished(space: PlotlyGrapher) -> Any:
    """Figure with axes of one scale, seen from near enough to fill its frame."""
    if space.fig.data:
        space.equalise_axes()
    space.fig.update_scenes(camera={"eye": {"x": 1.45, "y": 0.9, "z": 1.45}})
    return space.fig


def _rows(points: PointData, chosen: Any) -> PointData:
    return PointData(points.points[chosen], columns=list(points.columns))


def _draw_path(space: PlotlyGrapher, plane: PlotlyGrapher2D, rows: np.ndarray) -> None:
    import plotly.graph_objects as go

    t, x, y, z = rows[:, :4].T
    black = {"color": "black", "width": 2}
    space.add_trace(go.Scatter3d(x=x, y=y, z=z, mode="lines", line=black, opacity=0.7))
    for row, values in enumerate((x, y, z), start=1):
        line = {"color": "black", "width": 1}
        plane.add_trace(go.Scatter(x=t, y=values, mode="lines", line=line, opacity=0.7), row)


def report_page(
    title: str, subtitle: str, facts: Facts, illustrations: Sequence[Illustration]
) -> str:
    """Write a web page that needs no other file.

    Parameters
    ----------
    title, subtitle : str
        Its head lines.
    facts : list of (title, rows)
        Its tables.
    illustrations : sequence of Illustration
        Its figures.

    Returns
    -------
    str
        HTML, about 5 MB because the Plotly.js library is in it.

    Examples
    --------
    >>> from gpupept.report import report_page
    >>> page = report_page("Run 7", "two tracers", [("Data", [("LoRs", "12")])], [])
    >>> page.startswith("<!DOCTYPE html>")
    True
    """
    from plotly.offline import get_plotlyjs

    return _PAGE.substitute(
        title=html.escape(title),
        subtitle=html.escape(subtitle),
        library=get_plotlyjs(),
        tables="\n".join(_table(*table) for table in facts),
        figures="\n".join(_figure(n, each) for n, each in enumerate(illustrations, start=1)),
        version=html.escape(__version__),
        font=_FONT,
    )


def _table(title: str, rows: list[tuple[str, str]]) -> str:
    cells = "\n".join(
        f"<tr><th>{html.escape(name)}</th><td>{html.escape(value)}</td></tr>"
        for name, value in rows
    )
    return f"<section><h2>{html.escape(title)}</h2><table>{cells}</table></section>"


def _figure(number: int, illustration: Illustration) -> str:
    figure = format_fig(illustration.figure, size=13, font=_FONT)
    figure.update_layout(autosize=True)
    drawing = figure.to_html(
        full_html=False,
        include_plotlyjs=False,
        div_id=f"figure-{number}",
        default_height=f"{illustration.height}px",
        config={"responsive": True, "displaylogo": False},
    )
    title, caption = html.escape(illustration.title), html.escape(illustration.caption)
    kind = "wide" if illustration.wide else "narrow"
    return f'<figure class="{kind}"><h2>{title}</h2><p>{caption}</p>{drawing}</figure>'


_PAGE = Template("""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>$title</title>
<style>
body { margin: 0; background: #f4f5f7; color: #1d2733; font: 15px/1.5 $font; }
header { background: #17324d; color: #fff; padding: 1.4rem 2rem; }
header h1 { margin: 0; font-size: 1.5rem; font-weight: 600; overflow-wrap: anywhere; }
header p { margin: .2rem 0 0; color: #c3d3e3; }
main { max-width: 1180px; margin: 1.5rem auto; padding: 0 1rem; }
h2 { margin: 0 0 .5rem; font-size: 1.05rem; font-weight: 600; }
.tables { display: grid; grid-template-columns: repeat(auto-fit, minmax(16rem, 1fr)); gap: 1rem; }
section, figure { background: #fff; border: 1px solid #dfe3e8; border-radius: 8px; padding: 1rem 1.2rem; }
.figures { display: grid; grid-template-columns: repeat(2, minmax(0, 1fr)); gap: 1rem; margin-top: 1rem; }
figure { margin: 0; min-width: 0; }
figure.wide { grid-column: 1 / -1; }
@media (max-width: 820px) { figure.narrow { grid-column: 1 / -1; } }
figure p { margin: 0 0 .5rem; color: #5b6875; }
table { width: 100%; border-collapse: collapse; }
th, td { padding: .22rem 0; border-top: 1px solid #eef0f3; font-weight: 400; text-align: left; }
tr:first-child th, tr:first-child td { border-top: 0; }
th { color: #5b6875; }
td { text-align: right; white-space: nowrap; font-variant-numeric: tabular-nums; }
footer { max-width: 1180px; margin: 0 auto 2rem; padding: 0 1rem; color: #5b6875; font-size: .85rem; }
</style>
<script>$library</script>
</head>
<body>
<header><h1>$title</h1><p>$subtitle</p></header>
<main>
<div class="tables">
$tables
</div>
<div class="figures">
$figures
</div>
</main>
<footer>Written by gpupept $version. Lengths in mm, times in ms unless said otherwise.</footer>
</body>
</html>
""")
