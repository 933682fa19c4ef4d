"""Lines of response counted in the voxels of each cell."""

from __future__ import annotations

import threading
from typing import Any, ClassVar

import numpy as np

from gpupept.backend import array_namespace, device_of, is_device_array, to_device
from gpupept.base.regular_grid import RegularGrid
from gpupept.kernels import Array
from gpupept.kernels.traverse import traverse
from gpupept.mapreduce.box import Box
from gpupept.mapreduce.config import Config, Field
from gpupept.mapreduce.exposure import Exposure
from gpupept.mapreduce.mapper import ImageMapperConfig, patch
from gpupept.mapreduce.mappers.ready import ReadyMapper
from gpupept.mapreduce.struct import Struct
from gpupept.volumes.store import VolumeStore


class RasteriseLinesMapperConfig(ImageMapperConfig):
    """Configuration of a `RasteriseLinesMapper`."""

    lines = Field(object, None, "Lines: rows t, x1, y1(, z1), x2, y2(, z2)")
    limits = Field(object, None, "Lowest and highest edge (mm) of the exposure along each axis")
    lengths = Field(bool, False, "Whether to add lengths (mm) in place of counts", optional=False)


class RasteriseLinesMapper(ReadyMapper):
    """Counts the lines that go through each pixel or voxel of a cell.

    Put together with "copy" and cells that do not overlap, the cells are the image of all lines: a
    reconstruction of a volume larger than memory. A whole layer of the volume is traversed for each
    cell, however little of the layer the cell is, so cells that span all axes but the first are best.

    Parameters
    ----------
    lines : LineData or (N, C) array
        For volumes rows ``t, x1, y1, z1, x2, y2, z2``, for images ``t, x1, y1, x2, y2`` (mm).
    limits : sequence of (float, float), Pixels, Voxels or VolumeStore
        Lowest and highest edge (mm) of the whole exposure along x, y(, z), or a grid that has them.
    lengths : bool, default False
        Whether to add the length (mm) of a line in a voxel in place of 1.
    config, name, parentTask, log
        As of `Task`.

    Raises
    ------
    ValueError
        If the lines have too few columns, or the limits are not finite and ascending.

    Examples
    --------
    >>> import numpy as np
    >>> from gpupept.mapreduce import ImageMapReduceConfig, ImageMapReduceTask, RasteriseLinesMapper
    >>> lines = np.array([[0.0, -5.0, 0.5, 0.5, 5.0, 0.5, 0.5]])
    >>> mapper = RasteriseLinesMapper(lines, limits=[(-5, 5), (-2, 2), (-2, 2)])
    >>> config = ImageMapReduceConfig(cellSizeY=4, cellSizeZ=4, adjustGridOption="none")
    >>> config.reducer.reduceOperation = "copy"
    >>> task = ImageMapReduceTask(config, mapper=mapper)
    >>> float(task.run(np.zeros((10, 4, 4))).exposure.image.array.sum())
    10.0
    """

    ConfigClass: ClassVar[type[Config]] = RasteriseLinesMapperConfig
    _DefaultName: ClassVar[str] = "rasteriseLinesMapper"
    halo = 0

    def __init__(
        self,
        lines: Any = None,
        limits: Any = None,
        lengths: bool | None = None,
        config: Config | None = None,
        **task: Any,
    ) -> None:
        super().__init__({"lines": lines, "limits": limits, "lengths": lengths}, config, **task)
        self._lines = _checked_lines(self.config.lines)
        self._limits = _checked_limits(self.config.limits)
        if self._lines.shape[1] < 1 + 2 * len(self._limits):
            raise ValueError(
                f"lines: expected at least {1 + 2 * len(self._limits)} columns for "
                f"{len(self._limits)} axes, found {self._lines.shape[1]}"
            )
        self._copies: dict[str, Array] = {}  # by device
        self._lock = threading.Lock()

    def run(
        self, subExposure: Exposure, expandedSubExposure: Exposure, fullBBox: Box, **kwargs: Any
    ) -> Struct:
        """Map one cell; see `ImageMapper.run`."""
        if len(self._limits) != fullBBox.ndim:
            raise ValueError(
                f"limits: expected {fullBBox.ndim} axes like the image, found {len(self._limits)}"
            )
        image, box = subExposure.image.array, subExposure.getBBox()
        sizes = fullBBox.getDimensions()
        edges = [
            np.linspace(*ends, size + 1) for ends, size in zip(self._limits, sizes, strict=True)
        ]
        first = box.getMin()[0] - fullBBox.getMin()[0]
        layers = array_namespace(image).zeros((box.getWidth(), *sizes[1:]), dtype=np.float64)
        lines = self._lines_on(device_of(image))
        traverse(layers, lines, edges, first, lengths=self.config.lengths)
        within = box.slices((box.getMin()[0], *fullBBox.getMin()[1:]))
        cell = layers[within]
        return patch(subExposure, cell.T if subExposure._reversed else cell)

    def scratchBytes(self, box: Box, itemsize: int) -> int:
        """Return the memory that mapping an expanded cell takes; see `ImageMapper.scratchBytes`."""
        return super().scratchBytes(box, itemsize) + int(self._lines.nbytes)

    def _lines_on(self, device: str) -> Array:
        with self._lock:
            if device not in self._copies:
                self._copies[device] = to_device(self._lines, device)
            return self._copies[device]


def _checked_lines(lines: Any) -> Array:
    rows = getattr(lines, "data", None) if hasattr(lines, "samples_indices") else lines
    if rows is None:
        raise ValueError("lines: expected LineData or an array of rows, found None")
    xp = array_namespace(rows) if is_device_array(rows) else np
    table = xp.ascontiguousarray(rows, dtype=np.float64)
    if table.ndim != 2:
        raise ValueError(f"lines: expected rows of a table, found shape {tuple(table.shape)}")
    return table


def _checked_limits(limits: Any) -> list[tuple[float, float]]:
    if isinstance(limits, RegularGrid):
        limits = np.stack([limits.lower, limits.upper], axis=1)
    elif isinstance(limits, VolumeStore):
        limits = limits.limits
    pairs = np.asarray(limits if limits is not None else [], dtype=np.float64)
    if pairs.ndim != 2 or pairs.shape[0] not in (2, 3) or pairs.shape[1] != 2:
        raise ValueError(f"limits: expected two or three pairs of edges, found {limits!r}")
    if not np.isfinite(pairs).all() or (pairs[:, 0] >= pairs[:, 1]).any():
        raise ValueError(f"limits: edges must be finite and ascending, found {limits!r}")
    return [(low, high) for low, high in pairs.tolist()]
