"""What the command line understands."""

from __future__ import annotations

import argparse
from pathlib import Path

from gpupept._version import __version__
from gpupept.cli.commands import demo, info, warmup
from gpupept.cli.export import export
from gpupept.cli.track import track
from gpupept.cli.voxelize import voxelize

_TYPES = tuple(f"{kind}{bits}" for kind in ("uint", "int") for bits in (8, 16, 32, 64))
_TYPES += ("float32", "float64")
FORMATS = (".parquet", ".npz", ".csv", ".pickle")


def make_parser() -> argparse.ArgumentParser:
    """Make the parser of all subcommands.

    Returns
    -------
    argparse.ArgumentParser
        What it parses has the attribute ``run``, the function to call with it.

    Examples
    --------
    >>> from gpupept.cli.arguments import make_parser
    >>> make_parser().parse_args(["demo", "--seed", "3"]).seed
    3
    """
    parser = argparse.ArgumentParser(
        prog="gpupept",
        description="Positron emission particle tracking on a GPU or a CPU.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"gpupept {__version__}")
    subcommands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    _add_track(subcommands)
    _add_voxelize(subcommands)
    _add_export(subcommands)
    _add_demo(subcommands)
    _add_info(subcommands)
    _add_warmup(subcommands)
    for each in subcommands.choices.values():
        each.add_argument(
            "--debug",
            action="store_true",
            default=argparse.SUPPRESS,
            help="show the log, and tracebacks of errors",
        )
    return parser


_Subcommands = argparse._SubParsersAction  # the class has no public name


def _add_track(subcommands: _Subcommands[argparse.ArgumentParser]) -> None:
    parser = subcommands.add_parser(
        "track",
        help="find the trajectories of tracers in a scanner file",
        description="Read lines of response (LoRs), locate tracers in two passes of PEPT-ML, and "
        "separate their trajectories.",
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
        argument_default=argparse.SUPPRESS,
    )
    parser.set_defaults(run=track, debug=False, quiet=False)
    parser.add_argument("file", metavar="FILE", help="file with LoRs")
    _add_reading(parser.add_argument_group("reading"))
    _add_recipe(parser.add_argument_group("recipe"))
    output = parser.add_argument_group("output")
    output.add_argument(
        "--out",
        required=True,
        type=_output_path,
        metavar="PATH",
        help=f"trajectories; the suffix decides the format: {', '.join(FORMATS)}",
    )
    output.add_argument("--csv", type=Path, metavar="PATH", help="trajectories as text, too")
    output.add_argument("--html", type=Path, metavar="PATH", help="report as a web page")
    _add_running(parser.add_argument_group("running"))


def _add_voxelize(subcommands: _Subcommands[argparse.ArgumentParser]) -> None:
    parser = subcommands.add_parser(
        "voxelize",
        help="count the LoRs through each voxel of a grid of any size, on disk",
        description="Read lines of response (LoRs) and count those that go through each voxel, slab by "
        "slab in the memory given, into a Zarr store. Cut short, the same command goes on.",
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
        argument_default=argparse.SUPPRESS,
    )
    parser.set_defaults(
        run=voxelize,
        debug=False,
        quiet=False,
        lengths=False,
        overwrite=False,
        restart=False,
        checksum=False,
    )
    parser.add_argument("file", metavar="FILE", help="file with LoRs")
    _add_reading(parser.add_argument_group("reading"))
    _add_grid(parser.add_argument_group("volume"))
    output = parser.add_argument_group("output")
    output.add_argument(
        "--out", required=True, type=_store_path, metavar="PATH", help="store to make: a .zarr"
    )
    output.add_argument("--overwrite", action="store_true", help="replace a volume of that name")
    output.add_argument(
        "--restart", action="store_true", help="discard an unfinished volume instead of going on"
    )
    output.add_argument(
        "--checksum", action="store_true", help="read the values again and print their SHA-256"
    )
    _add_running(parser.add_argument_group("running"))


def _add_grid(group: argparse._ArgumentGroup) -> None:
    group.add_argument(
        "--voxels",
        required=True,
        nargs=3,
        type=_two_or_more,
        metavar=("NX", "NY", "NZ"),
        help="along each axis, at least 2",
    )
    for axis in "xyz":
        group.add_argument(
            f"--{axis}lim",
            nargs=2,
            type=float,
            metavar=("A", "B"),
            help=f"limits along {axis}, mm; by default those of the LoRs",
        )
    group.add_argument(
        "--dtype",
        choices=("uint32", "float32", "float64"),
        help="of the values; by default uint32, float64 with --lengths",
    )
    group.add_argument(
        "--lengths", action="store_true", help="add up lengths of LoRs in voxels (mm), not LoRs"
    )
    group.add_argument(
        "--chunks",
        nargs=3,
        type=_positive,
        metavar=("NX", "NY", "NZ"),
        help="voxels that are compressed together; by default about 2 MB",
    )


def _add_export(subcommands: _Subcommands[argparse.ArgumentParser]) -> None:
    parser = subcommands.add_parser(
        "export",
        help="write a volume as NIfTI, VTK, MetaImage, TIFF or Zarr",
        description="Write a volume in the format that the suffix names: .zarr, .ome.zarr, .nii, "
        ".nii.gz, .vti, .mhd with .raw, .mha, .tif or .npz. It may be larger than memory.",
        argument_default=argparse.SUPPRESS,
    )
    parser.set_defaults(run=export, debug=False, quiet=False, overwrite=False)
    parser.add_argument(
        "volume", metavar="VOLUME", help="store of a volume, or a file of these formats"
    )
    parser.add_argument("path", metavar="PATH", type=Path, help="file to write")
    parser.add_argument("--overwrite", action="store_true", help="replace a file of that name")
    parser.add_argument(
        "--dtype",
        choices=_TYPES,
        metavar="TYPE",
        help="of the values, such as float32 or uint16; one that does not fit is an error",
    )
    parser.add_argument(
        "--levels", type=_positive, metavar="N", help="of OME-Zarr, each half as fine as the last"
    )
    parser.add_argument(
        "--memory",
        metavar="SIZE",
        help='working memory, such as "2GB"; by default a quarter of what is free',
    )
    parser.add_argument("--quiet", action="store_true", help="show no progress")


def _add_reading(group: argparse._ArgumentGroup) -> None:
    group.add_argument(
        "--scanner",
        choices=("parallel-screens", "adac-forte"),
        default="parallel-screens",
        help="text with columns t x1 y1 x2 y2, or ADAC Forte list mode",
    )
    group.add_argument(
        "--separation", type=float, metavar="MM", help="distance of parallel screens"
    )
    group.add_argument(
        "--skiprows",
        type=_count,
        metavar="N",
        help="lines of header in a text file; found automatically by default",
    )
    group.add_argument("--nrows", type=_positive, metavar="N", help="LoRs of a text file to read")
    group.add_argument(
        "--sep",
        type=_separator,
        metavar="CHARACTER",
        help="column separator of a text file; white space by default",
    )


def _add_recipe(group: argparse._ArgumentGroup) -> None:
    group.add_argument(
        "--max-tracers",
        type=_positive,
        default=1,
        metavar="N",
        help="tracers expected at most: sets the size of clusters, samples and windows",
    )
    group.add_argument(
        "--sample-size", type=_positive, metavar="LORS", help="by default 200 per tracer"
    )
    group.add_argument("--overlap", type=int, metavar="LORS", help="by default 150 per tracer")
    group.add_argument(
        "--max-distance", type=float, default=0.5, metavar="MM", help="between LoRs of a cutpoint"
    )
    group.add_argument(
        "--true-fraction", type=float, default=0.15, metavar="F", help="of the first clustering"
    )
    group.add_argument(
        "--second-true-fraction", type=float, default=0.6, metavar="F", help="of the second one"
    )
    group.add_argument(
        "--second-sample-size",
        type=_positive,
        metavar="N",
        help="positions in a window of the second pass, by default 30 per tracer",
    )
    group.add_argument(
        "--second-overlap", type=int, metavar="N", help="by default one less than its size"
    )
    group.add_argument(
        "--segregate-window",
        type=_positive,
        metavar="N",
        help="places between linked positions, by default 20 per tracer",
    )
    group.add_argument(
        "--cut-distance", type=float, default=10.0, metavar="MM", help="between trajectories"
    )
    group.add_argument(
        "--min-trajectory-size",
        type=_positive,
        default=5,
        metavar="N",
        help="trajectories of fewer positions are noise",
    )


def _add_demo(subcommands: _Subcommands[argparse.ArgumentParser]) -> None:
    parser = subcommands.add_parser(
        "demo",
        help="track two simulated tracers and compare with the truth",
        description="Simulate two tracers that rotate between two screens, track them, and compare "
        "with where they really were.",
        argument_default=argparse.SUPPRESS,
    )
    parser.set_defaults(run=demo, debug=False, quiet=False)
    length = parser.add_mutually_exclusive_group()
    length.add_argument(
        "--lors", type=_positive, metavar="N", help="LoRs to simulate (default: 80000)"
    )
    length.add_argument("--seconds", type=float, metavar="S", help="time to simulate instead")
    parser.add_argument(
        "--seed", type=_count, default=0, metavar="N", help="of the simulation (default: 0)"
    )
    parser.add_argument("--html", type=Path, metavar="PATH", help="report as a web page")
    _add_running(parser.add_argument_group("running"))


def _add_info(subcommands: _Subcommands[argparse.ArgumentParser]) -> None:
    about = "show versions, GPUs, and what would be used"
    parser = subcommands.add_parser(
        "info", help=about, description=f"{about[0].upper()}{about[1:]}."
    )
    parser.set_defaults(run=info, debug=False)


def _add_warmup(subcommands: _Subcommands[argparse.ArgumentParser]) -> None:
    parser = subcommands.add_parser(
        "warmup",
        help="compile all kernels now instead of in the first run",
        description="Compile all kernels into the caches of Numba and, where there is a GPU, CuPy.",
    )
    parser.set_defaults(run=warmup, debug=False)
    parser.add_argument(
        "--device",
        metavar="DEVICE",
        help='"cpu", "cuda" or "cuda:N" (default: the CPU, and a GPU if there is one)',
    )


def _add_running(group: argparse._ArgumentGroup) -> None:
    group.add_argument(
        "--device",
        metavar="DEVICE",
        help='"auto", "cpu", "cuda" or "cuda:N"; by default a GPU if there is one',
    )
    group.add_argument(
        "--memory",
        metavar="SIZE",
        help='working memory, such as "2GB"; by default a quarter of what is free',
    )
    group.add_argument(
        "--max-workers", type=_positive, metavar="N", help="threads; by default every core"
    )
    group.add_argument("--quiet", action="store_true", help="show no progress")


def _output_path(text: str) -> Path:
    path = Path(text)
    if path.suffix.lower() not in FORMATS:
        raise argparse.ArgumentTypeError(
            f"{text!r} must end with one of {', '.join(FORMATS)}, which decides the format"
        )
    return path


def _store_path(text: str) -> Path:
    from gpupept.volumes.folders import checked_store_name

    try:
        return checked_store_name(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def _separator(text: str) -> str:
    character = text.replace("\\t", "\t")
    if len(character) != 1:
        raise argparse.ArgumentTypeError(
            f"must be one character, such as ',' or '\\t', not {text!r}"
        )
    return character


def _positive(text: str) -> int:
    return _whole_number(text, 1)


def _two_or_more(text: str) -> int:
    return _whole_number(text, 2)


def _count(text: str) -> int:
    return _whole_number(text, 0)


def _whole_number(text: str, least: int) -> int:
    try:
        number = int(text)
    except ValueError:
        number = least - 1
    if number < least:
        raise argparse.ArgumentTypeError(
            f"must be a whole number of at least {least}, not {text!r}"
        )
    return number
