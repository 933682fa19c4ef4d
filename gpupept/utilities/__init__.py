"""Reading text files, finding cutpoints, following lines and other tools used across the package."""

from __future__ import annotations

from gpupept.utilities.csv import read_csv
from gpupept.utilities.cutpoints import find_cutpoints, find_minpoints
from gpupept.utilities.traversal import traverse2d, traverse3d

__all__ = ["find_cutpoints", "find_minpoints", "read_csv", "traverse2d", "traverse3d"]
