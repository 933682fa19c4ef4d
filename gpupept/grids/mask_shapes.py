"""Masks of simple shapes: which pixels lie in circles, rings and ellipses."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from gpupept.backend import to_host
from gpupept.grids.checks import check_numbers, check_shape
from gpupept.grids.errors import MaskException


class Offsets:
    """How far the pixels of an array lie from a centre, which counts from the middle of the array.

    Rows are counted downwards, so `down` grows with the row.

    Attributes
    ----------
    down : (H, 1) float64
        Offset of each row, in scaled units.
    right : (1, W) float64
        Offset of each column.
    """

    def __init__(
        self, shape: Any, pixel_scales: tuple[float, ...], centre: Any = (0.0, 0.0)
    ) -> None:
        rows, columns = check_shape(shape, "shape_native", 2)
        high, right = check_numbers(centre, "centre", 2)
        tall, wide = pixel_scales
        middle_row = (rows - 1) / 2 - high / tall
        middle_column = (columns - 1) / 2 + right / wide
        self.down = ((np.arange(rows) - middle_row) * tall)[:, None]
        self.right = ((np.arange(columns) - middle_column) * wide)[None, :]

    def radii(self) -> np.ndarray:
        """Distance of each pixel, (H, W)."""
        distances: np.ndarray = np.sqrt(self.down**2 + self.right**2)
        return distances

    def elliptical_radii(self, axis_ratio: float, angle: float) -> np.ndarray:
        """Semi-major axis of the ellipse through each pixel; the angle counts from +x, in degrees."""
        if not (0.0 < axis_ratio < math.inf and math.isfinite(angle)):
            raise MaskException(
                f"axis_ratio must be above zero and the angle (degrees) finite, found {axis_ratio!r} "
                f"and {angle!r}"
            )
        radii = self.radii()
        theta = np.arctan2(self.down, self.right) + math.radians(angle)
        along, across = radii * np.cos(theta), radii * np.sin(theta) / axis_ratio
        elliptical: np.ndarray = np.sqrt(along**2 + across**2)
        return elliptical


def check_radius(value: Any, name: str) -> float:
    """Check a finite number that is not negative."""
    if not isinstance(value, (int, float, np.number)) or not 0.0 <= float(value) < math.inf:
        raise MaskException(f"{name} must be a finite number of at least 0, found {value!r}")
    return float(value)


def listed_pixels(shape: Any, pixel_coordinates: Any, buffer: int) -> np.ndarray:
    """Mask all but the pixels listed and those within `buffer` rows and columns of them."""
    from gpupept.grids.mask_borders import dilated

    rows, columns = check_shape(shape, "shape_native", 2)
    pixels = np.asarray(to_host(pixel_coordinates))
    pixels = pixels.reshape(-1, 2) if pixels.size == 0 else pixels
    if pixels.ndim != 2 or pixels.shape[1] != 2 or (pixels != np.floor(pixels)).any():
        raise MaskException(
            f"pixel_coordinates must be (row, column) pairs of whole numbers, found {pixels.tolist()}"
        )
    outside = (pixels < 0).any(axis=1) | (pixels >= (rows, columns)).any(axis=1)
    if outside.any():
        raise MaskException(
            f"pixel_coordinates must lie in {rows} rows and {columns} columns, found "
            f"{pixels[outside][0].tolist()}"
        )
    if isinstance(buffer, bool) or not isinstance(buffer, (int, np.integer)) or buffer < 0:
        raise MaskException(f"buffer must be a whole number of at least 0, found {buffer!r}")
    chosen = np.zeros((rows, columns), dtype=bool)
    chosen[tuple(pixels.astype(np.int64).T)] = True
    return ~np.asarray(dilated(chosen, (int(buffer), int(buffer))))
