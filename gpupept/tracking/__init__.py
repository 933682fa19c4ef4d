"""Locating tracers, clustering, and separating trajectories.

Every algorithm is a filter (`fit`, `fit_sample`) or a reducer (`fit`); chain them in a
`gpupept.Pipeline`. Built-in filters treat all samples of a data set at once, on the device where the
data is, and return one container whose elements are the samples.
"""

from __future__ import annotations

from gpupept.tracking import peptml, recipes
from gpupept.tracking.birmingham import BirminghamMethod
from gpupept.tracking.center import Center
from gpupept.tracking.centroids import Centroids
from gpupept.tracking.condition import Condition
from gpupept.tracking.conditions.errors import ConditionError
from gpupept.tracking.cutpoints import Cutpoints
from gpupept.tracking.cutpoints_tof import CutpointsToF
from gpupept.tracking.debug import Debug
from gpupept.tracking.fpi import FPI
from gpupept.tracking.gaussian_density import GaussianDensity
from gpupept.tracking.group_by import GroupBy, SplitAll
from gpupept.tracking.hdbscan import HDBSCAN
from gpupept.tracking.hdbscan_clusterer import HDBSCANClusterer
from gpupept.tracking.interpolate import Interpolate
from gpupept.tracking.lines_centroids import LinesCentroids
from gpupept.tracking.minpoints import Minpoints
from gpupept.tracking.optimize_window import OptimizeWindow
from gpupept.tracking.out_of_view import OutOfViewFilter
from gpupept.tracking.pept_em import PEPTEM
from gpupept.tracking.reconnect import Reconnect
from gpupept.tracking.remove import Remove
from gpupept.tracking.remove_static import RemoveStatic
from gpupept.tracking.reorient import Reorient
from gpupept.tracking.samples_condition import SamplesCondition
from gpupept.tracking.segregate import Segregate
from gpupept.tracking.split_labels import SplitLabels
from gpupept.tracking.stack import Stack
from gpupept.tracking.swap import Swap
from gpupept.tracking.time_of_flight import TimeOfFlight
from gpupept.tracking.velocity import Velocity
from gpupept.tracking.voxelize import Voxelize

__all__ = [
    "FPI",
    "HDBSCAN",
    "PEPTEM",
    "BirminghamMethod",
    "Center",
    "Centroids",
    "Condition",
    "ConditionError",
    "Cutpoints",
    "CutpointsToF",
    "Debug",
    "GaussianDensity",
    "GroupBy",
    "HDBSCANClusterer",
    "Interpolate",
    "LinesCentroids",
    "Minpoints",
    "OptimizeWindow",
    "OutOfViewFilter",
    "Reconnect",
    "Remove",
    "RemoveStatic",
    "Reorient",
    "SamplesCondition",
    "Segregate",
    "SplitAll",
    "SplitLabels",
    "Stack",
    "Swap",
    "TimeOfFlight",
    "Velocity",
    "Voxelize",
    "peptml",
    "recipes",
]
