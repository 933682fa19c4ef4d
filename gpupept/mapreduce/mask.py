"""Masks of bits with names."""

from __future__ import annotations

from collections.abc import Iterable

from gpupept.kernels import Array

_PLANES = (
    *("BAD", "SAT", "INTRP", "CR", "EDGE", "DETECTED", "DETECTED_NEGATIVE", "SUSPECT"),
    "NO_DATA",
)
_BITS = 31  # of a signed 32-bit integer


class Mask:
    """Bits of each pixel or voxel that flag what is wrong with it; planes of bits have names.

    Parameters
    ----------
    array : integer array
        The bits.
    planes : dict of str to int, optional
        Bit of each plane; shared with copies and views, so that planes added to one are known to all.
        By default BAD 0, SAT 1, INTRP 2, CR 3, EDGE 4, DETECTED 5, DETECTED_NEGATIVE 6, SUSPECT 7 and
        NO_DATA 8.

    Raises
    ------
    TypeError
        If the elements are not integers.

    Examples
    --------
    >>> import numpy as np
    >>> from gpupept.mapreduce import Mask
    >>> mask = Mask(np.zeros((2, 2), dtype=np.int32))
    >>> mask.addMaskPlane("TOO_FAR"), mask.getPlaneBitMask(["BAD", "NO_DATA"])
    (9, 257)
    """

    def __init__(self, array: Array, planes: dict[str, int] | None = None) -> None:
        if array.dtype.kind not in "iu":
            raise TypeError(f"mask: expected integers, bits of planes, found {array.dtype}")
        self.array = array
        self.planes = (
            dict(zip(_PLANES, range(len(_PLANES)), strict=True)) if planes is None else planes
        )

    def addMaskPlane(self, name: str) -> int:
        """Add a plane, with the first free bit, unless there is one of this name.

        Returns
        -------
        int
            Its bit.

        Raises
        ------
        ValueError
            If all bits are taken.
        """
        if name not in self.planes:
            bits = min(_BITS, 8 * self.array.dtype.itemsize - (self.array.dtype.kind == "i"))
            free = [bit for bit in range(bits) if bit not in self.planes.values()]
            if not free:
                raise ValueError(f"mask plane {name!r} cannot be added: all {bits} bits are taken")
            self.planes[name] = free[0]
        return self.planes[name]

    def getMaskPlane(self, name: str) -> int:
        """Return the bit of a plane.

        Raises
        ------
        KeyError
            If there is no plane of this name.
        """
        if name not in self.planes:
            raise KeyError(f"no mask plane {name!r}; there are {', '.join(self.planes)}")
        return self.planes[name]

    def getPlaneBitMask(self, names: str | Iterable[str]) -> int:
        """Return the value in which the bits of some planes are set.

        Raises
        ------
        KeyError
            If there is no plane of a name.
        """
        given = [names] if isinstance(names, str) else names
        value = 0
        for name in given:
            value |= 1 << self.getMaskPlane(name)
        return value

    def getMaskPlaneDict(self) -> dict[str, int]:
        """Return the bit of each plane."""
        return dict(self.planes)
