"""Functions under the PEPT-ML names: `Cutpoints`, `Minpoints` applied to one sample, and default limits."""

from __future__ import annotations

from typing import Any

import numpy as np

from gpupept.base import PointData
from gpupept.tracking.cutpoints import Cutpoints
from gpupept.tracking.line_points import line_cutoffs
from gpupept.tracking.minpoints import Minpoints

__all__ = ["find_cutpoints", "find_minpoints", "get_cutoffs"]


def find_cutpoints(
    sample_lines: Any, max_distance: float, cutoffs: Any = None, append_indices: bool = False
) -> PointData:
    """Find the cutpoints of one sample of lines.

    Parameters
    ----------
    sample_lines : LineData or (N, 7 or more) array
        Lines of response; columns ``t, x1, y1, z1, x2, y2, z2`` (ms, mm).
    max_distance, cutoffs, append_indices
        See `Cutpoints`.

    Returns
    -------
    PointData
        One sample of cutpoints.

    Raises
    ------
    ValueError
        See `Cutpoints`.

    Examples
    --------
    >>> import numpy as np
    >>> from gpupept.tracking.peptml import find_cutpoints
    >>> lines = np.array([[1, -1, 0, 0, 1, 0, 0], [3, 0, -1, 0.2, 0, 1, 0.2]])
    >>> find_cutpoints(lines, 0.5).points
    array([[2. , 0. , 0. , 0.1]])
    """
    points: PointData = Cutpoints(max_distance, cutoffs, append_indices).fit_sample(sample_lines)
    return points


def find_minpoints(
    sample_lines: Any,
    num_lines: int,
    max_distance: float,
    cutoffs: Any = None,
    append_indices: bool = False,
) -> PointData:
    """Find the minpoints of one sample of lines.

    Parameters
    ----------
    sample_lines : LineData or (N, 7 or more) array
        Lines of response; columns ``t, x1, y1, z1, x2, y2, z2`` (ms, mm).
    num_lines, max_distance, cutoffs, append_indices
        See `Minpoints`.

    Returns
    -------
    PointData
        One sample of minpoints.

    Raises
    ------
    ValueError
        See `Minpoints`.

    Examples
    --------
    >>> import numpy as np
    >>> from gpupept.tracking.peptml import find_minpoints
    >>> lines = np.array([[1, -1, 0, 0, 1, 0, 0], [3, 0, -1, 0.2, 0, 1, 0.2]])
    >>> find_minpoints(lines, 2, 0.25).points
    array([[2. , 0. , 0. , 0.1]])
    """
    found = Minpoints(num_lines, max_distance, cutoffs, append_indices)
    points: PointData = found.fit_sample(sample_lines)
    return points


def get_cutoffs(sample_lines: Any) -> np.ndarray:
    """Limits that contain both end points of all lines.

    Parameters
    ----------
    sample_lines : (N, 7 or more) array
        Columns ``t, x1, y1, z1, x2, y2, z2`` (ms, mm); rows that are not finite are left out.

    Returns
    -------
    (6,) float64 array
        ``[xmin, xmax, ymin, ymax, zmin, zmax]`` (mm); NaN if there is no finite line.

    Raises
    ------
    ValueError
        If it is not a 2D array of at least 7 columns.

    Examples
    --------
    >>> import numpy as np
    >>> from gpupept.tracking.peptml import get_cutoffs
    >>> get_cutoffs(np.array([[0, 1, 2, 3, 6, 5, 4.0]])).tolist()
    [1.0, 6.0, 2.0, 5.0, 3.0, 4.0]
    """
    return line_cutoffs(sample_lines)
