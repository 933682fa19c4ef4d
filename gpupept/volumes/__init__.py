"""Volumes larger than memory: grids of voxels in a Zarr store, computed and read slab by slab.

Needs the extra "io": ``pip install gpupept[io]``.
"""

from __future__ import annotations

from gpupept.volumes.export import export_volume, import_volume
from gpupept.volumes.statistics import VolumeStatistics
from gpupept.volumes.store import VolumeStore
from gpupept.volumes.voxelization import voxelize

__all__ = ["VolumeStatistics", "VolumeStore", "export_volume", "import_volume", "voxelize"]
