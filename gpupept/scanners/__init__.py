"""Read scanner data into `gpupept.LineData` and write it back, and tell what scanners see."""

from __future__ import annotations

from gpupept.scanners.adac import adac_forte
from gpupept.scanners.adac_writer import write_adac_forte
from gpupept.scanners.efficiency import FieldOfView, GeometricEfficiency
from gpupept.scanners.efficiency_planes import (
    ADACGeometricEfficiency,
    TwoPlanesGeometricEfficiency,
)
from gpupept.scanners.efficiency_ring import RingGeometricEfficiency
from gpupept.scanners.parallel import parallel_screens
from gpupept.scanners.sensitivity import (
    SensitivityInfo,
    geometric_efficiency,
    normalise,
    sensitivity_map,
)

__all__ = [
    "ADACGeometricEfficiency",
    "FieldOfView",
    "GeometricEfficiency",
    "RingGeometricEfficiency",
    "SensitivityInfo",
    "TwoPlanesGeometricEfficiency",
    "adac_forte",
    "geometric_efficiency",
    "normalise",
    "parallel_screens",
    "sensitivity_map",
    "write_adac_forte",
]
