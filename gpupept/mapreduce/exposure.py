"""Images with what belongs to them, and views of parts of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Self

import numpy as np

from gpupept.backend import array_namespace, device_of, is_device_array, to_device
from gpupept.base.array_container import ArrayContainer
from gpupept.base.regular_grid import RegularGrid
from gpupept.kernels import Array
from gpupept.mapreduce.box import Box
from gpupept.mapreduce.mask import Mask
from gpupept.volumes.store import VolumeStore


class Image:
    """One array of an exposure.

    Parameters
    ----------
    array : array
        The elements.
    """

    def __init__(self, array: Array) -> None:
        self.array = array


class MaskedImage:
    """Image, variance and mask of an exposure, to be changed together.

    Adding to it or subtracting from it changes the image; multiplying and dividing change the
    variance by the square too.

    Attributes
    ----------
    image : Image
    variance : Image or None
    mask : Mask or None
    """

    def __init__(self, image: Image, variance: Image | None, mask: Mask | None) -> None:
        self.image, self.variance, self.mask = image, variance, mask

    def __iadd__(self, other: Any) -> Self:
        self.image.array += other
        return self

    def __isub__(self, other: Any) -> Self:
        self.image.array -= other
        return self

    def __imul__(self, other: Any) -> Self:
        self.image.array *= other
        if self.variance is not None:
            self.variance.array *= other * other
        return self

    def __itruediv__(self, other: Any) -> Self:
        self.image.array /= other
        if self.variance is not None:
            self.variance.array /= other * other
        return self


class Exposure:
    """An image with its variance, mask, point-spread function and place.

    Along box axis k lies array axis k, as in `Pixels` and `Voxels`: arrays are ``[ix, iy(, iz)]`` and
    boxes (x, y(, z)). `from_yx` takes arrays ``[y, x]``.

    Parameters
    ----------
    image : array, container, VolumeStore or Image
        Two or three axes, on either device. Besides NumPy and CuPy arrays, anything that has a shape
        and a dtype and is read by slices, such as a `gpupept.volumes.VolumeStore`, a Zarr array or a
        memory map, parts of which are then read as they are needed.
    variance : array, optional
        Variance of each element.
    mask : integer array or Mask, optional
        Bits that flag elements.
    psf : object, optional
        Point-spread function, such as a `KernelPsf`.
    wcs : object, optional
        What places are in other coordinates; kept and handed on.
    xy0 : tuple of int, optional
        Place of the first element; zeros by default.

    Attributes
    ----------
    container : Pixels, Voxels, ImageArray, VolumeStore or None
        What the image was given as, if that says more than an array.

    Raises
    ------
    ValueError
        If the image has neither two nor three axes, or the others have another shape.
    MixedDevicesError
        If the arrays are on different devices.

    Examples
    --------
    >>> import numpy as np
    >>> from gpupept.mapreduce import Box, Exposure
    >>> exposure = Exposure(np.zeros((6, 4)))
    >>> exposure.width, exposure.height, exposure.getBBox()
    (6, 4, Box(minimum=(0, 0), end=(6, 4)))
    >>> part = exposure.Factory(exposure, Box((1, 1), (3, 2)))
    >>> part.image.array[...] = 1  # a view
    >>> float(exposure.image.array.sum())
    2.0
    """

    def __init__(
        self,
        image: Any,
        variance: Any = None,
        mask: Any = None,
        psf: Any = None,
        wcs: Any = None,
        xy0: Sequence[int] | None = None,
    ) -> None:
        self._set(image, variance, mask, psf, wcs, xy0, False)

    @classmethod
    def from_yx(
        cls,
        image: Any,
        variance: Any = None,
        mask: Any = None,
        psf: Any = None,
        wcs: Any = None,
        xy0: Sequence[int] | None = None,
    ) -> Self:
        """Make an exposure of arrays ``[y, x]`` (or ``[z, y, x]``); boxes stay (x, y(, z)).

        Parameters are those of the class.

        Examples
        --------
        >>> import numpy as np
        >>> from gpupept.mapreduce import Exposure
        >>> Exposure.from_yx(np.zeros((4, 6))).width
        6
        """
        new = object.__new__(cls)
        new._set(image, variance, mask, psf, wcs, xy0, True)
        return new

    def _set(
        self,
        image: Any,
        variance: Any,
        mask: Any,
        psf: Any,
        wcs: Any,
        xy0: Sequence[int] | None,
        reversed_axes: bool,
    ) -> None:
        self.container = image if isinstance(image, ArrayContainer | VolumeStore) else None
        self._reversed = reversed_axes
        self.image = Image(_array_of("image", image))
        shape = tuple(self.image.array.shape)
        if len(shape) not in (2, 3):
            raise ValueError(f"image: expected two or three axes, found shape {shape}")
        self.variance = None if variance is None else Image(_array_of("variance", variance))
        self.mask = (
            mask if isinstance(mask, Mask) or mask is None else Mask(_array_of("mask", mask))
        )
        for name, part in (("variance", self.variance), ("mask", self.mask)):
            if part is not None and tuple(part.array.shape) != shape:
                raise ValueError(f"{name}: expected shape {shape}, found {tuple(part.array.shape)}")
        array_namespace(*(a for a in self._arrays() if a is not None))  # on one device
        self._psf, self._wcs = psf, wcs
        self._xy0 = (0,) * len(shape) if xy0 is None else tuple(map(int, xy0))
        if len(self._xy0) != len(shape):
            raise ValueError(f"xy0: expected {len(shape)} numbers, found {xy0!r}")

    def _arrays(self) -> tuple[Any, Any, Any]:
        parts = (self.image, self.variance, self.mask)
        image, variance, mask = (None if part is None else part.array for part in parts)
        return image, variance, mask

    # ---- What it is

    @property
    def ndim(self) -> int:
        """Number of axes."""
        return len(self._xy0)

    @property
    def device(self) -> str:
        """Where the arrays are."""
        return device_of(self.image.array)

    @property
    def limits(self) -> np.ndarray | None:
        """Lower and upper limit along each axis of the arrays (mm), a row each; None if not known."""
        if isinstance(self.container, VolumeStore):
            return self.container.limits
        if isinstance(self.container, RegularGrid):
            return np.stack([self.container.lower, self.container.upper], axis=1)
        return None

    @property
    def maskedImage(self) -> MaskedImage:
        """Image, variance and mask together."""
        return MaskedImage(self.image, self.variance, self.mask)

    @maskedImage.setter
    def maskedImage(self, value: MaskedImage) -> None:
        self.image, self.variance, self.mask = value.image, value.variance, value.mask

    def getMaskedImage(self) -> MaskedImage:
        """Return image, variance and mask together."""
        return self.maskedImage

    def getBBox(self) -> Box:
        """Return the box of the elements."""
        return Box.sized(self._xy0, self.getDimensions())

    def getXY0(self) -> tuple[int, ...]:
        """Return the place of the first element."""
        return self._xy0

    def getDimensions(self) -> tuple[int, ...]:
        """Return the number of elements along x, y(, z)."""
        shape = tuple(map(int, self.image.array.shape))
        return shape[::-1] if self._reversed else shape

    @property
    def width(self) -> int:
        """Number of elements along x."""
        return self.getDimensions()[0]

    @property
    def height(self) -> int:
        """Number of elements along y."""
        return self.getDimensions()[1]

    @property
    def depth(self) -> int:
        """Number of elements along z; 1 for two axes."""
        return self.getDimensions()[2] if self.ndim == 3 else 1

    def getPsf(self) -> Any:
        """Return the point-spread function, or None."""
        return self._psf

    def setPsf(self, psf: Any) -> None:
        """Replace the point-spread function."""
        self._psf = psf

    def getWcs(self) -> Any:
        """Return the coordinates, or None."""
        return self._wcs

    def setWcs(self, wcs: Any) -> None:
        """Replace the coordinates."""
        self._wcs = wcs

    # ---- Others like it

    def index(self, box: Box) -> tuple[slice, ...]:
        """Return the index of a box in the arrays."""
        slices = box.slices(self._xy0)
        return slices[::-1] if self._reversed else slices

    def like(
        self, image: Any, variance: Any = None, mask: Any = None, xy0: Sequence[int] | None = None
    ) -> Exposure:
        """Make an exposure of other arrays with the same axes, point-spread function and coordinates.

        Parameters
        ----------
        image, variance, mask
            As of the class.
        xy0 : tuple of int, optional
            Place of the first element; that of this exposure by default.
        """
        new = object.__new__(type(self))
        place = self._xy0 if xy0 is None else xy0
        new._set(image, variance, mask, self._psf, self._wcs, place, self._reversed)
        return new

    def clone(self) -> Exposure:
        """Return an exposure with copies of the arrays."""
        image, variance, mask = (None if a is None else _copied(a) for a in self._arrays())
        return self.like(image, variance, self._mask_of(mask))

    def cloneMask(self) -> Mask | None:
        """Return a copy of the mask that shares its planes, or None."""
        return None if self.mask is None else self._mask_of(_copied(self.mask.array))

    def _mask_of(self, array: Any) -> Mask | None:
        """Mask of another array with the planes of this one's."""
        return None if array is None or self.mask is None else Mask(array, self.mask.planes)

    @staticmethod
    def Factory(exposure: Exposure, box: Box) -> Exposure:
        """Make an exposure of a box of another.

        Parameters
        ----------
        exposure : Exposure
            The whole.
        box : Box
            The part.

        Returns
        -------
        Exposure
            Views of NumPy and CuPy arrays, copies read of others.

        Raises
        ------
        ValueError
            If the box is empty or not inside the exposure.
        """
        if box.isEmpty() or not exposure.getBBox().contains(box):
            raise ValueError(f"box {box} must have elements, all within {exposure.getBBox()}")
        index = exposure.index(box)
        arrays = exposure._arrays()
        image, variance, mask = (None if a is None else _part(a, index) for a in arrays)
        return exposure.like(image, variance, exposure._mask_of(mask), box.getMin())

    def readOnly(self) -> Exposure:
        """Return views that cannot be written to, of arrays on the CPU."""
        image, variance, mask = (None if a is None else _locked(a) for a in self._arrays())
        return self.like(image, variance, self._mask_of(mask))

    def to(self, device: str) -> Exposure:
        """Move the arrays to a device; this exposure if they are there."""
        if self.device == device:
            return self
        image, variance, mask = (
            None if a is None else to_device(a, device) for a in self._arrays()
        )
        return self.like(image, variance, self._mask_of(mask))

    def __repr__(self) -> str:
        kind = type(self.image.array if self.container is None else self.container).__name__
        shape = " x ".join(map(str, self.image.array.shape))
        parts = [f"{kind} {shape}", str(self.image.array.dtype), self.device]
        pairs = [] if self.limits is None else self.limits.tolist()
        parts += [
            f"{axis}lim=[{low:g}, {high:g}]"
            for axis, (low, high) in zip("xyz", pairs, strict=False)
        ]
        held = {"variance": self.variance, "mask": self.mask, "psf": self._psf, "wcs": self._wcs}
        parts += [name for name, value in held.items() if value is not None]
        return f"Exposure({', '.join(parts)})"


def _array_of(name: str, value: Any) -> Any:
    if isinstance(value, Exposure):
        raise TypeError(f"{name}: expected an array, found an Exposure; give its {name}")
    value = value.array if isinstance(value, Image | ArrayContainer | VolumeStore) else value
    if isinstance(value, np.ndarray) or is_device_array(value):
        return value
    if hasattr(value, "__cuda_array_interface__"):
        return to_device(value, "cuda")
    if all(hasattr(value, what) for what in ("shape", "dtype", "__getitem__")):
        return value  # read by parts
    return np.asarray(value)


def _part(array: Any, index: tuple[slice, ...]) -> Any:
    part = array[index]
    return part if is_device_array(part) else np.asarray(part)


def _copied(array: Any) -> Any:
    return array.copy() if is_device_array(array) else np.array(array[...])


def _locked(array: Any) -> Any:
    if not isinstance(array, np.ndarray):
        return array
    view = array.view()
    view.flags.writeable = False
    return view
