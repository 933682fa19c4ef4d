"""Errors of grids; each is a `ValueError`, so callers need no special imports."""

from __future__ import annotations


class MaskException(ValueError):
    """A mask, or what is asked of it, cannot be right."""


class GridException(ValueError):
    """A grid, or what is asked of it, cannot be right."""


class ArrayException(ValueError):
    """An array of values does not fit its mask, or what is asked of it cannot be right."""
