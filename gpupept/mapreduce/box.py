"""Boxes of pixels or voxels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Box:
    """A box of whole pixels or voxels, from its first to before its end along each axis.

    Boxes are values: what changes a box gives a new one. All empty boxes are equal.

    Parameters
    ----------
    minimum : sequence of int
        First element along x, y(, z).
    end : sequence of int
        The element after the last. A box of which one dimension is not positive is empty.

    Examples
    --------
    >>> from gpupept.mapreduce import Box
    >>> box = Box((2, 3), (7, 9))
    >>> box.getDimensions(), box.getArea(), box.getMax()
    ((5, 6), 30, (6, 8))
    >>> box.grow(2).clip(Box((0, 0), (8, 8)))
    Box(minimum=(0, 1), end=(8, 8))
    """

    minimum: tuple[int, ...]
    end: tuple[int, ...]

    def __post_init__(self) -> None:
        low, high = tuple(map(int, self.minimum)), tuple(map(int, self.end))
        if len(low) != len(high):
            raise ValueError(f"minimum and end must have as many axes, found {low} and {high}")
        if any(a >= b for a, b in zip(low, high, strict=True)):
            low = high = (0,) * len(low)
        object.__setattr__(self, "minimum", low)
        object.__setattr__(self, "end", high)

    @classmethod
    def sized(cls, minimum: Sequence[int], dimensions: Sequence[int]) -> Box:
        """Make a box of its first element and its number of elements along each axis."""
        low = tuple(minimum)
        return cls(low, tuple(a + n for a, n in zip(low, dimensions, strict=True)))

    @property
    def ndim(self) -> int:
        """Number of axes."""
        return len(self.minimum)

    def isEmpty(self) -> bool:
        """Tell whether the box has no element."""
        return self.minimum == self.end

    def getMin(self) -> tuple[int, ...]:
        """Return the first element along each axis."""
        return self.minimum

    def getMax(self) -> tuple[int, ...]:
        """Return the last element along each axis; one before the first of an empty box."""
        return tuple(b - 1 for b in self.end)

    def getEnd(self) -> tuple[int, ...]:
        """Return the element after the last along each axis."""
        return self.end

    def getDimensions(self) -> tuple[int, ...]:
        """Return the number of elements along each axis."""
        return tuple(b - a for a, b in zip(self.minimum, self.end, strict=True))

    def getWidth(self) -> int:
        """Return the number of elements along x."""
        return self.end[0] - self.minimum[0]

    def getHeight(self) -> int:
        """Return the number of elements along y."""
        return self.end[1] - self.minimum[1]

    def getDepth(self) -> int:
        """Return the number of elements along z."""
        return self.end[2] - self.minimum[2]

    def getArea(self) -> int:
        """Return the number of elements."""
        area = 1
        for size in self.getDimensions():
            area *= size
        return area

    def contains(self, other: Box | Sequence[float]) -> bool:
        """Tell whether a point, or every element of another box, is inside."""
        if isinstance(other, Box):
            return other.isEmpty() or self.clip(other) == other
        places = zip(self.minimum, other, self.end, strict=True)
        return all(a <= place < b for a, place, b in places)

    def overlaps(self, other: Box) -> bool:
        """Tell whether two boxes have an element in common."""
        return not self.clip(other).isEmpty()

    def grow(self, border: int | Sequence[int]) -> Box:
        """Return the box with so many more elements on both sides along each axis."""
        sizes = (border,) * self.ndim if isinstance(border, int) else tuple(border)
        if self.isEmpty():
            return self
        low = tuple(a - n for a, n in zip(self.minimum, sizes, strict=True))
        return Box(low, tuple(b + n for b, n in zip(self.end, sizes, strict=True)))

    def clip(self, other: Box) -> Box:
        """Return what two boxes have in common."""
        low = tuple(map(max, self.minimum, other.minimum))
        return Box(low, tuple(map(min, self.end, other.end)))

    def shift(self, offset: Sequence[int]) -> Box:
        """Return the box moved."""
        low = tuple(a + n for a, n in zip(self.minimum, offset, strict=True))
        return Box(low, tuple(b + n for b, n in zip(self.end, offset, strict=True)))

    def slices(self, origin: Sequence[int]) -> tuple[slice, ...]:
        """Return the index of the box in an array whose first element is at `origin`."""
        return tuple(
            slice(a - o, b - o) for a, b, o in zip(self.minimum, self.end, origin, strict=True)
        )
