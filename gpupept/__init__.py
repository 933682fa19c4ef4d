"""GPU-accelerated positron emission particle tracking (PEPT).

Lines of response (LoRs) in; tracer trajectories, images and figures out, on a GPU through CuPy or on
a CPU through NumPy and Numba, with the same pipelines and the same answers.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from gpupept._version import __version__

if TYPE_CHECKING:
    from gpupept import (
        backend,
        base,
        clustering,
        grids,
        images,
        mapreduce,
        plots,
        processing,
        scanners,
        simulation,
        tracking,
        utilities,
        visualisation,
        volumes,
    )
    from gpupept.backend import show_versions, use_backend
    from gpupept.base import (
        AdaptiveWindow,
        LineData,
        Pipeline,
        Pixels,
        PointData,
        TimeWindow,
        Voxels,
        load,
        save,
    )
    from gpupept.utilities import read_csv
    from gpupept.volumes import voxelize

# Public names and the module each is fetched from on first use, so that importing the package stays
# fast and needs neither a compiler nor a GPU.
_MODULES = (
    "backend",
    "base",
    "clustering",
    "grids",
    "images",
    "mapreduce",
    "plots",
    "processing",
    "scanners",
    "simulation",
    "tracking",
    "utilities",
    "visualisation",
    "volumes",
)
_NAMES = {
    "AdaptiveWindow": "base",
    "LineData": "base",
    "Pipeline": "base",
    "Pixels": "base",
    "PointData": "base",
    "TimeWindow": "base",
    "Voxels": "base",
    "load": "base",
    "save": "base",
    "read_csv": "utilities",
    "show_versions": "backend",
    "use_backend": "backend",
    "voxelize": "volumes",
}

__all__ = [
    "AdaptiveWindow",
    "LineData",
    "Pipeline",
    "Pixels",
    "PointData",
    "TimeWindow",
    "Voxels",
    "__version__",
    "backend",
    "base",
    "clustering",
    "grids",
    "images",
    "load",
    "mapreduce",
    "plots",
    "processing",
    "read_csv",
    "save",
    "scanners",
    "show_versions",
    "simulation",
    "tracking",
    "use_backend",
    "utilities",
    "visualisation",
    "volumes",
    "voxelize",
]


def __getattr__(name: str) -> Any:
    if name in _MODULES:
        return importlib.import_module(f"gpupept.{name}")
    if name in _NAMES:
        value = getattr(importlib.import_module(f"gpupept.{_NAMES[name]}"), name)
        globals()[name] = value
        return value
    raise AttributeError(f"module 'gpupept' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
