"""Volumes larger than memory: grids of voxels in a Zarr store, computed and read slab by slab.

Needs the extra "io": ``pip install gpupept[io]``.
"""

from __future__ import annotations

from gpupept.volumes.statistics import VolumeStatistics
from gpupept.volumes.store import VolumeStore

__all__ = ["VolumeStatistics", "VolumeStore"]
