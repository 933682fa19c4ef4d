"""Minpoints: points nearest to several lines, for every combination of so many lines of a sample.

The least-squares point of the lines (see `gpupept.kernels.triangulation`) is kept when it lies within
`max_distance` of each of them and within the cutoffs, both inclusive.

Combinations are never listed. Two lines with a common point within d are at most 2 d apart, so for each
line there is one bit for each later line that may be that near; combinations are walked in
lexicographic order through the bits that all lines chosen so far have in common. From the third line
on, a combination is given up with all that begin like it once its least sum of squared distances
exceeds d^2 for each line. Both tests are loosened by more than rounding can matter; the test of a
complete combination is exact.
"""

from __future__ import annotations

import math
import operator
from typing import Any, NamedTuple

import numpy as np

from gpupept.backend import is_device_array
from gpupept.kernels import Array

LOOSE = 1.000001  # widens distances in the tests that only leave out
ROUNDING = 1e-9  # of the size of the coordinates (mm), added to them
NEAR_PARALLEL = 1e-8  # squared sine up to which two lines always count as near each other
BITS = 64  # of a word
MOST_LINES = 30_000  # of a sample; its bits then take 112 MB
MOST_COMBINATIONS = 10**9  # of a sample that are worked out; more take minutes
PROBED = 3  # from so many lines on, combinations may be given up early


class Layout(NamedTuple):
    """Where the lines of each sample, and the bits of each line, are when laid one after another.

    Attributes
    ----------
    first_line, first_word : (S + 1,) int64, on the host
        Offsets of each sample. A sample of n lines has n rows of ``ceil(n / 64)`` words.
    """

    first_line: np.ndarray
    first_word: np.ndarray


def minpoints(
    lines: Array,
    samples: np.ndarray,
    cutoffs: Array,
    num_lines: int,
    max_distance: float,
    append_indices: bool = False,
) -> tuple[Array, np.ndarray]:
    """Minpoints of every sample of a ragged batch.

    Parameters
    ----------
    lines : (R, C >= 7) float64, C-contiguous
        Rows ``t, x1, y1, z1, x2, y2, z2`` (ms, mm); further columns are ignored. Lines that are not
        finite or of no length take no part.
    samples : (S, 2) int64, on the host
        Row range of each sample; ranges may overlap and may be empty.
    cutoffs : (S, 6) float64, where the lines are
        ``xmin, xmax, ymin, ymax, zmin, zmax`` (mm) of each sample.
    num_lines : int
        Lines of a combination, at least 2.
    max_distance : float
        Largest distance (mm) of a point from its lines.
    append_indices : bool
        Append the row numbers of the lines within their sample.

    Returns
    -------
    points : (K, 4) or (K, 4 + num_lines) float64, where the lines are
        Rows ``t, x, y, z`` and the row numbers, rising; t is the mean time of the lines. Within a
        sample in order of time, those of equal time in lexicographic order of the row numbers.
    sizes : (S,) int64, on the host
        Number of minpoints of each sample.

    Raises
    ------
    ValueError
        If a sample has too many lines, or too many combinations of lines near each other.
    """
    count = int(num_lines)
    layout = _layout(samples, count)
    width = 4 + count if append_indices else 4
    if is_device_array(lines):
        from gpupept.kernels.minpoints.device import minpoints_on_device

        return minpoints_on_device(
            lines, samples, cutoffs, layout, count, float(max_distance), width
        )
    from gpupept.kernels.minpoints.samples import minpoints_on_host

    return minpoints_on_host(lines, samples, cutoffs, layout, count, float(max_distance), width)


def expected_combinations(
    lines: Array, samples: np.ndarray, num_lines: int, max_distance: float
) -> np.ndarray:
    """Estimate how many combinations of each sample are worked out, (S,) float64 on the host.

    It is exact for two and three lines. For more, parts of combinations count too; one path is followed
    from each pair of lines, always the same one, and the number of ways at each step multiplied (D. E.
    Knuth, *Estimating the efficiency of backtrack programs*, Math. Comp. 29, 122 (1975)).
    """
    count = int(num_lines)
    layout = _layout(samples, count)
    if is_device_array(lines):
        from gpupept.kernels.minpoints.device import estimate_on_device

        return estimate_on_device(lines, samples, layout, count, float(max_distance))
    from gpupept.kernels.minpoints.samples import estimate_on_host

    return estimate_on_host(lines, samples, layout, count, float(max_distance))


def combinations_at_most(sizes: np.ndarray, num_lines: int) -> np.ndarray:
    """Binomial coefficients of the sizes of samples, (S,) float64, infinite if too large."""
    distinct, places = np.unique(sizes, return_inverse=True)
    numbers = [_binomial(int(size), num_lines) for size in distinct]
    table: np.ndarray = np.array(numbers, dtype=np.float64)[places]
    return table


def _binomial(size: int, count: int) -> float:
    if count > size:
        return 0.0
    exponent = math.lgamma(size + 1) - math.lgamma(count + 1) - math.lgamma(size - count + 1)
    return math.inf if exponent > 700.0 else float(round(math.exp(exponent)))


def _layout(samples: np.ndarray, num_lines: int) -> Layout:
    sizes = samples[:, 1] - samples[:, 0]
    largest = int(sizes.max(initial=0))
    if largest > MOST_LINES and num_lines <= largest:
        raise ValueError(
            f"a sample must have at most {MOST_LINES} lines, found {largest}: set a smaller sample_size"
        )
    used = np.where(sizes >= num_lines, sizes, 0)  # the others have no combination
    words = used * -(-used // BITS)
    return Layout(
        np.concatenate([[0], np.cumsum(used)]).astype(np.int64),
        np.concatenate([[0], np.cumsum(words)]).astype(np.int64),
    )


def check_num_lines(num_lines: Any) -> int:
    """Check the number of lines of a combination and return it."""
    if not hasattr(num_lines, "__index__"):
        raise TypeError(f"num_lines must be a whole number, found {num_lines!r}")
    if operator.index(num_lines) < 2:
        raise ValueError(f"num_lines must be at least 2, found {num_lines!r}")
    return operator.index(num_lines)


def check_combinations(estimates: np.ndarray, num_lines: int) -> None:
    """Refuse samples of which too many combinations would have to be worked out.

    Raises
    ------
    ValueError
        If there is one.
    """
    if not len(estimates) or estimates.max() <= MOST_COMBINATIONS:
        return
    worst = int(np.argmax(estimates))
    raise ValueError(
        f"a sample has about {estimates[worst]:.1e} combinations of {num_lines} lines near each "
        f"other, at most {MOST_COMBINATIONS:.0e} are worked out: set a smaller sample_size, "
        "max_distance or num_lines"
    )
