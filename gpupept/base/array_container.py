"""Base of the containers that act like arrays, on the CPU and on a GPU, without being arrays."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from typing import Any, Self

import numpy as np
from numpy.lib.mixins import NDArrayOperatorsMixin

from gpupept.backend import common_device, device_of, is_device_array, to_device, to_host
from gpupept.base.pept_object import PEPTObject
from gpupept.kernels import Array

# Public names of an array that stand for the same of the array inside. The other names of a
# container are its own.
FORWARDED = frozenset(
    name for name in dir(np.ndarray) if not name.startswith("_") and name != "to_device"
)
# Those that can be set, because setting them changes elements and nothing else.
_SETTABLE = frozenset(("flat", "imag", "real"))
# What treats elements one by one, so that results belong where the elements were. Functions of NumPy,
# besides the universal functions; methods and attributes of arrays.
_ELEMENTWISE = frozenset(
    (
        "angle",
        "around",
        "clip",
        "copy",
        "empty_like",
        "fix",
        "full_like",
        "i0",
        "imag",
        "isclose",
        "iscomplex",
        "isin",
        "isneginf",
        "isposinf",
        "isreal",
        "nan_to_num",
        "ones_like",
        "piecewise",
        "real",
        "round",
        "select",
        "sinc",
        "where",
        "zeros_like",
    )
)
_ELEMENTWISE_NAMES = frozenset(("astype", "clip", "conj", "conjugate", "imag", "real", "round"))


class ArrayContainer(NDArrayOperatorsMixin, PEPTObject):
    """An array and what its elements stand for, such as the places of voxels.

    It is used like the array: operators, functions and universal functions of NumPy, methods and
    attributes of arrays, indexing and iteration work, for NumPy and CuPy arrays alike. What treats
    elements one by one gives a container of the same class; everything else - reductions, slices,
    transposes, sorting - gives what the array gives. Of several containers the result is one too if
    they describe the same places.

    Subclasses set `_array` and whatever else describes the elements, and may override
    `_with_array` and `_same_geometry`.

    Examples
    --------
    >>> import numpy as np
    >>> from gpupept.base.array_container import ArrayContainer
    >>> class Image(ArrayContainer):
    ...     def __init__(self, array):
    ...         self._array = np.asarray(array)
    >>> image = Image([[1, 2], [3, 4]])
    >>> type(image + 1).__name__, int(image.sum()), image[0].tolist()
    ('Image', 10, [1, 2])
    """

    _array: Array

    # ---- What subclasses may override

    def _with_array(self, array: Array) -> Self:
        """Make a container like this one of another array of the same shape."""
        new = object.__new__(type(self))
        new.__dict__.update(self.__dict__)
        new.__dict__["_array"] = array
        return new

    def _same_geometry(self, other: ArrayContainer) -> bool:
        """Tell whether the elements of another container stand for the same as those of this one."""
        return type(other) is type(self) and other.shape == self.shape

    # ---- The array

    @property
    def array(self) -> Array:
        """The NumPy or CuPy array inside; changing its elements changes the container."""
        return self._array

    @property
    def device(self) -> str:
        """Where the array is: ``"cpu"`` or ``"cuda:N"``."""
        return device_of(self._array)

    @property
    def shape(self) -> tuple[int, ...]:
        """Number of elements along each axis."""
        shape: tuple[int, ...] = self._array.shape
        return shape

    @property
    def ndim(self) -> int:
        """Number of axes."""
        return len(self.shape)

    @property
    def dtype(self) -> np.dtype[Any]:
        """Type of the elements."""
        dtype: np.dtype[Any] = self._array.dtype
        return dtype

    def to(self, device: str) -> Self:
        """Move to a device.

        Parameters
        ----------
        device : str
            ``"cpu"``, ``"cuda"``, ``"cuda:N"`` or ``"auto"``.

        Returns
        -------
        container of the same class
            This one if it is there already.

        Raises
        ------
        ValueError
            If there is no such kind of device.
        GPUUnavailableError
            If a GPU is asked for and there is none.
        """
        array = to_device(self._array, device)
        return self if array is self._array else self._with_array(array)

    def to_cpu(self) -> Self:
        """Move to the CPU; the same as ``to("cpu")``."""
        return self.to("cpu")

    def to_gpu(self, device: str = "cuda") -> Self:
        """Move to a GPU; see `to`."""
        return self.to(device)

    def get(self) -> np.ndarray:
        """Return the elements as a NumPy array: the one inside, or a copy from the GPU."""
        return to_host(self._array)

    # ---- As an array of others

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        if is_device_array(self._array):
            raise TypeError(
                f"this {type(self).__name__} is on {self.device} and does not become a NumPy array "
                "by itself; call .get() for the array or .to_cpu() for the container"
            )
        if copy is None:
            return np.asarray(self._array, dtype=dtype)
        return np.array(self._array, dtype=dtype, copy=copy)

    @property
    def __cuda_array_interface__(self) -> dict[str, Any]:
        if not is_device_array(self._array):
            raise AttributeError(f"this {type(self).__name__} is on the CPU")
        interface: dict[str, Any] = self._array.__cuda_array_interface__
        return interface

    def __dlpack__(self, **options: Any) -> Any:
        return self._array.__dlpack__(**options)

    def __dlpack_device__(self) -> tuple[int, int]:
        kind, number = self._array.__dlpack_device__()
        return int(kind), int(number)

    # ---- Computing

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, **options: Any) -> Any:
        found: list[ArrayContainer] = []
        arrays, plain = _unwrap(inputs, found), _unwrap(options, found)
        _check_devices(arrays, plain)
        result = getattr(ufunc, method)(*arrays, **plain)
        elementwise = method == "__call__" and ufunc.signature is None
        if isinstance(result, tuple):
            return tuple(_wrap(part, found, elementwise, plain) for part in result)
        return _wrap(result, found, elementwise, plain)

    def __array_function__(
        self,
        function: Callable[..., Any],
        types: Any,
        args: tuple[Any, ...],
        options: dict[str, Any],
    ) -> Any:
        found: list[ArrayContainer] = []
        arrays, plain = _unwrap(args, found), _unwrap(options, found)
        _check_devices(arrays, plain)
        result = function(*arrays, **plain)
        return _wrap(result, found, function.__name__ in _ELEMENTWISE, plain)

    def __cupy_override_elementwise_kernel__(
        self, kernel: Callable[..., Any], *args: Any, **options: Any
    ) -> Any:
        # CuPy's own functions, and its operators with an array on the left, come here.
        found: list[ArrayContainer] = []
        arrays, plain = _unwrap(args, found), _unwrap(options, found)
        return _wrap(kernel(*arrays, **plain), found, True, plain)

    def __getattr__(self, name: str) -> Any:
        if name not in FORWARDED or "_array" not in self.__dict__:
            raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")
        value = getattr(self._array, name)
        elementwise = name in _ELEMENTWISE_NAMES
        if not callable(value):
            return _wrap(value, [self], elementwise, {})

        @functools.wraps(value)
        def method(*args: Any, **options: Any) -> Any:
            found: list[ArrayContainer] = [self]
            arrays, plain = _unwrap(args, found), _unwrap(options, found)
            _check_devices([self._array], arrays, plain)
            return _wrap(value(*arrays, **plain), found, elementwise, plain)

        return method

    def __setattr__(self, name: str, value: Any) -> None:
        if name in _SETTABLE:
            setattr(self._array, name, _unwrap(value, []))
        elif name in FORWARDED:
            raise AttributeError(
                f"{name} of a {type(self).__name__} cannot be set, since it would no longer fit what "
                f"its elements stand for; use the plain array: .array.{name}"
            )
        else:
            object.__setattr__(self, name, value)

    def __dir__(self) -> list[str]:
        return sorted({*object.__dir__(self), *(n for n in FORWARDED if hasattr(self._array, n))})

    def resize(self, *shape: Any, **options: Any) -> None:
        """Not for containers, whose shape is fixed; ``numpy.resize`` gives a plain array.

        Raises
        ------
        ValueError
            Always.
        """
        raise ValueError(
            f"the shape {self.shape} of a {type(self).__name__} is fixed; numpy.resize(container, "
            "shape) gives a plain array of another shape"
        )

    def ptp(self, axis: Any = None, out: Any = None, keepdims: bool = False) -> Any:
        """Range of the values, largest less smallest, as `numpy.ptp`."""
        return np.ptp(self, axis=axis, out=out, keepdims=keepdims)  # type: ignore[call-overload]

    # ---- Elements

    def __len__(self) -> int:
        return len(self._array)

    def __iter__(self) -> Iterator[Any]:
        return iter(self._array)

    def __contains__(self, value: object) -> bool:
        return bool((self._array == _unwrap(value, [])).any())

    def __getitem__(self, index: Any) -> Any:
        places = _unwrap(index, [])
        _check_devices([self._array], places)
        return self._array[places]

    def __setitem__(self, index: Any, value: Any) -> None:
        places, values = _unwrap(index, []), _unwrap(value, [])
        _check_devices([self._array], places, values)
        self._array[places] = values

    def __bool__(self) -> bool:
        return bool(self._array)

    def __int__(self) -> int:
        return int(self._array)

    def __float__(self) -> float:
        return float(self._array)

    def __complex__(self) -> complex:
        return complex(self._array)

    def __repr__(self) -> str:
        name, shape = type(self).__name__, " x ".join(map(str, self.shape))
        return f"{name} ({shape}, {self.dtype}, {self.device})\n{self._array}"


def _unwrap(value: Any, found: list[ArrayContainer]) -> Any:
    """Replace containers in arguments by their arrays, and note them."""
    if isinstance(value, ArrayContainer):
        found.append(value)
        return value.array
    if type(value) in (list, tuple):
        return type(value)(_unwrap(item, found) for item in value)
    if type(value) is dict:
        return {key: _unwrap(item, found) for key, item in value.items()}
    return value


def _wrap(
    result: Any, found: list[ArrayContainer], elementwise: bool, options: dict[str, Any]
) -> Any:
    """Give back a container for its array, or for a new array of what the containers describe."""
    for container in found:
        if result is container.array:
            return container
    out = options.get("out")
    given = any(result is array for array in (out if isinstance(out, tuple) else (out,)))
    is_array = isinstance(result, np.ndarray) or is_device_array(result)
    if given or not elementwise or not is_array:
        return result
    first = found[0]
    if result.shape == first.shape and all(first._same_geometry(other) for other in found[1:]):
        return first._with_array(result)
    return result


def _check_devices(*groups: Any) -> None:
    """Raise a MixedDevicesError for arrays on different devices; scalars may come along."""
    arrays: list[Any] = []
    for group in groups:
        _collect_arrays(group, arrays)
    common_device(*arrays)


def _collect_arrays(value: Any, arrays: list[Any]) -> None:
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list | tuple):
        for item in value:
            _collect_arrays(item, arrays)
    elif getattr(value, "ndim", 0):
        arrays.append(value)
