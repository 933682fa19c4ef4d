"""Reading text files, finding cutpoints and other tools used across the package."""

from __future__ import annotations

from gpupept.utilities.csv import read_csv
from gpupept.utilities.cutpoints import find_cutpoints

__all__ = ["find_cutpoints", "read_csv"]
