"""Read scanner data into `gpupept.LineData`, and write it back."""

from __future__ import annotations

from gpupept.scanners.adac import adac_forte
from gpupept.scanners.adac_writer import write_adac_forte
from gpupept.scanners.parallel import parallel_screens

__all__ = ["adac_forte", "parallel_screens", "write_adac_forte"]
