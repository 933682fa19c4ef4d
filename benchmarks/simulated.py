"""A simulated file like the measured one, for machines that do not have that."""

from __future__ import annotations

from pathlib import Path

import numpy as np

LORS = 80_000


def write_rotating_tracers(path: Path, lors: int | None = None, header_lines: int = 16) -> None:
    """Write LoRs of two tracers that rotate at 42 rpm, between screens 712 mm apart.

    Parameters
    ----------
    path : Path
        File to write: header lines, then rows ``t, x1, y1, x2, y2`` (ms, mm) with one decimal.
    lors : int, optional
        Number of rows; `LORS` by default.
    header_lines : int
        Lines of text before them.
    """
    from gpupept.simulation import rotating_tracers

    rows = rotating_tracers(LORS if lors is None else lors).lines.lines[:, [0, 1, 2, 4, 5]]
    with path.open("w", encoding="ascii") as file:
        file.write("Simulated: t [ms], x1, y1, x2, y2 [mm]\n" * header_lines)
        np.savetxt(file, rows, fmt="%.1f", delimiter="\t")
