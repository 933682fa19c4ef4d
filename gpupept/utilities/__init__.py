"""Reading text files, finding cutpoints, following lines and other tools used across the package."""

from __future__ import annotations

from gpupept.utilities.csv import read_csv
from gpupept.utilities.cutpoints import find_cutpoints
from gpupept.utilities.traversal import traverse2d, traverse3d

__all__ = ["find_cutpoints", "read_csv", "traverse2d", "traverse3d"]
