"""Reading text files, finding cutpoints and other tools used across the package."""

from __future__ import annotations

from gpupept.utilities.csv import read_csv

__all__ = ["read_csv"]
