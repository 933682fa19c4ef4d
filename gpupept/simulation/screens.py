"""The detector of the simulation: two parallel screens."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from gpupept.simulation.paths import FloatArray


@dataclass(frozen=True)
class ParallelScreens:
    """Two screens that face each other, at z = 0 and z = `separation`, from (0, 0) to their size.

    Parameters
    ----------
    separation : float, default 712
        Distance between the screens in mm.
    width, height : float, default 380 and 510
        Extent along x and y in mm; the active area of an ADAC Forte head.

    Raises
    ------
    ValueError
        If one of them is not positive and finite.

    Examples
    --------
    >>> from gpupept.simulation import ParallelScreens
    >>> ParallelScreens().centre
    (190.0, 255.0, 356.0)
    """

    separation: float = 712.0
    width: float = 380.0
    height: float = 510.0

    def __post_init__(self) -> None:
        for name in ("separation", "width", "height"):
            value = getattr(self, name)
            if not 0 < value < np.inf:
                raise ValueError(f"{name} must be positive and finite (mm), found {value!r}")

    @property
    def centre(self) -> tuple[float, float, float]:
        """The point in the middle between the screens."""
        return self.width / 2, self.height / 2, self.separation / 2

    def crossings(self, points: FloatArray, directions: FloatArray) -> FloatArray:
        """Find where lines cross the planes of the screens.

        Parameters
        ----------
        points, directions : (N, 3) array
            A point on each line (mm) and its direction, of any length.

        Returns
        -------
        (N, 4) float64 array
            ``x1, y1, x2, y2`` on the first and second plane in mm; not finite for lines parallel to
            the screens.

        Examples
        --------
        >>> import numpy as np
        >>> from gpupept.simulation import ParallelScreens
        >>> screens = ParallelScreens(separation=100)
        >>> screens.crossings(np.array([[5.0, 5, 50]]), np.array([[0.0, 0.1, 1]]))
        array([[ 5.,  0.,  5., 10.]])
        """
        with np.errstate(divide="ignore", invalid="ignore"):
            slopes = directions[:, :2] / directions[:, 2:]
            first = points[:, :2] - slopes * points[:, 2:]
            second = points[:, :2] + slopes * (self.separation - points[:, 2:])
        return np.concatenate([first, second], axis=1)

    def detect(self, crossings: FloatArray) -> np.ndarray:
        """Tell which pairs of crossings are on both screens.

        Parameters
        ----------
        crossings : (N, 4) array
            ``x1, y1, x2, y2`` in mm.

        Returns
        -------
        (N,) bool array
            False for crossings that are not finite.

        Examples
        --------
        >>> import numpy as np
        >>> from gpupept.simulation import ParallelScreens
        >>> ParallelScreens().detect(np.array([[1.0, 1, 2, 2], [1, 1, -1, 2]])).tolist()
        [True, False]
        """
        size = np.array([self.width, self.height, self.width, self.height])
        inside: np.ndarray = np.all((crossings > 0) & (crossings < size), axis=1)
        return inside
