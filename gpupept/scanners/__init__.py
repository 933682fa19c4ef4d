"""Read scanner data into `gpupept.LineData` and write it back, and tell what scanners see."""

from __future__ import annotations

from gpupept.scanners.adac import adac_forte
from gpupept.scanners.adac_writer import write_adac_forte
from gpupept.scanners.efficiency import GeometricEfficiency
from gpupept.scanners.efficiency_planes import (
    ADACGeometricEfficiency,
    TwoPlanesGeometricEfficiency,
)
from gpupept.scanners.efficiency_ring import RingGeometricEfficiency
from gpupept.scanners.parallel import parallel_screens

__all__ = [
    "ADACGeometricEfficiency",
    "GeometricEfficiency",
    "RingGeometricEfficiency",
    "TwoPlanesGeometricEfficiency",
    "adac_forte",
    "parallel_screens",
    "write_adac_forte",
]
