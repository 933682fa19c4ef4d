"""Locating tracers, clustering, and separating trajectories.

Every algorithm is a filter (`fit`, `fit_sample`) or a reducer (`fit`); chain them in a
`gpupept.Pipeline`. Built-in filters treat all samples of a data set at once, on the device where the
data is, and return one container whose elements are the samples.
"""

from __future__ import annotations

from gpupept.tracking import peptml, recipes
from gpupept.tracking.centroids import Centroids
from gpupept.tracking.cutpoints import Cutpoints
from gpupept.tracking.group_by import GroupBy, SplitAll
from gpupept.tracking.hdbscan import HDBSCAN
from gpupept.tracking.segregate import Segregate
from gpupept.tracking.split_labels import SplitLabels
from gpupept.tracking.stack import Stack
from gpupept.tracking.velocity import Velocity

__all__ = [
    "HDBSCAN",
    "Centroids",
    "Cutpoints",
    "GroupBy",
    "Segregate",
    "SplitAll",
    "SplitLabels",
    "Stack",
    "Velocity",
    "peptml",
    "recipes",
]
