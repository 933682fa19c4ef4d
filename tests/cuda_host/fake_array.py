"""Arrays of the stand-in for CuPy: NumPy arrays that behave as if they were on a GPU.

They refuse what CuPy's refuse - turning into NumPy arrays unasked, meeting NumPy arrays in a call,
meeting arrays of another device - and have the methods and parameters that CuPy's have, no more. In
places they are stricter: a NumPy array as an index is an error here and a silent copy in CuPy.
"""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import numpy as np
from numpy.lib.mixins import NDArrayOperatorsMixin

_current = threading.local()


def _read_interface() -> dict[str, dict[str, tuple[str, ...]]]:
    """CuPy's names by kind, with their parameters."""
    kinds: dict[str, dict[str, tuple[str, ...]]] = {}
    for line in (Path(__file__).parent / "cupy_api.txt").read_text().splitlines():
        if not line.startswith("#"):
            kind, name, *parameters = line.split()
            kinds.setdefault(kind, {})[name] = tuple(parameters)
    return kinds


INTERFACE = _read_interface()


def current_device() -> int:
    """Number of the device on which new arrays are made."""
    return getattr(_current, "index", 0)


def set_current_device(index: int) -> None:
    """Make new arrays on the device of this number, in this thread."""
    _current.index = index


class Memory:
    """Where the elements of an array are."""

    def __init__(self, host: np.ndarray, device: int) -> None:
        self.ptr = int(host.__array_interface__["data"][0])
        self.device_id = device


class DeviceID:
    """The device of an array."""

    def __init__(self, index: int) -> None:
        self.id = index

    def __eq__(self, other: object) -> bool:
        return isinstance(other, DeviceID) and other.id == self.id

    def __hash__(self) -> int:
        return hash(self.id)

    def __repr__(self) -> str:
        return f"<CUDA Device {self.id}>"


class ndarray(NDArrayOperatorsMixin):
    """Stands for `cupy.ndarray`."""

    __hash__ = None  # type: ignore[assignment]
    __array_priority__ = 100

    def __init__(self, shape: Any, dtype: Any = float) -> None:
        self._host = filled_with_canary(np.empty(shape, dtype))
        self._device = current_device()

    # ---- What it is

    dtype = property(lambda self: self._host.dtype)
    shape = property(lambda self: self._host.shape)
    strides = property(lambda self: self._host.strides)
    ndim = property(lambda self: self._host.ndim)
    size = property(lambda self: self._host.size)
    itemsize = property(lambda self: self._host.itemsize)
    nbytes = property(lambda self: self._host.nbytes)
    flags = property(lambda self: self._host.flags)
    device = property(lambda self: DeviceID(self._device))
    data = property(lambda self: Memory(self._host, self._device))
    T = property(lambda self: wrap(self._host.T, self._device))
    real = property(lambda self: wrap(self._host.real, self._device))
    imag = property(lambda self: wrap(self._host.imag, self._device))
    base = property(lambda self: None if self._host.base is None else wrap(self._host.base))

    @property
    def __cuda_array_interface__(self) -> dict[str, Any]:
        interface = dict(self._host.__array_interface__)
        return {**interface, "version": 3, "stream": 1}

    # ---- Leaving the device, when asked to

    def get(
        self, stream: Any = None, order: str = "C", out: Any = None, blocking: bool = True
    ) -> Any:
        if out is not None:
            out[...] = self._host
            return out
        return np.array(self._host, order="C" if order == "A" else order)

    def set(self, arr: np.ndarray, stream: Any = None) -> None:
        if not isinstance(arr, np.ndarray) or arr.dtype != self.dtype or arr.shape != self.shape:
            raise ValueError("set takes a NumPy array of the same shape and dtype")
        self._host[...] = arr

    def item(self) -> Any:
        return self._host.item()

    def tolist(self) -> Any:
        return self._host.tolist()

    def __array__(self, dtype: Any = None, copy: Any = None) -> np.ndarray:
        raise TypeError(
            "Implicit conversion to a NumPy array is not allowed. Please use `.get()` to construct "
            "a NumPy array explicitly."
        )

    def __bool__(self) -> bool:
        return bool(self._host)

    def __int__(self) -> int:
        return int(self._host)

    def __float__(self) -> float:
        return float(self._host)

    def __complex__(self) -> complex:
        return complex(self._host)

    def __repr__(self) -> str:
        return repr(self._host)

    def __str__(self) -> str:
        return str(self._host)

    def __format__(self, spec: str) -> str:
        return format(self._host[()], spec)

    # ---- Elements

    def __len__(self) -> int:
        return len(self._host)

    def __iter__(self) -> Any:
        if self.ndim == 0:
            raise TypeError("iteration over a 0-d array")
        return (self[i] for i in range(len(self)))

    def __getitem__(self, index: Any) -> ndarray:
        places = to_numpy(index, [self._device])
        if isinstance(places, list):
            places = np.asarray(places, dtype=None if places else np.intp)
        found = self._host[places]
        if not isinstance(found, np.ndarray):  # NumPy copies one element, CuPy gives a view of it
            found = self._host[(*places, ...) if isinstance(places, tuple) else (places, ...)]
        return wrap(found, self._device)

    def __setitem__(self, index: Any, value: Any) -> None:
        if isinstance(value, (list, tuple)) or (isinstance(value, np.ndarray) and value.ndim):
            raise ValueError(f"non-scalar {type(value).__name__} cannot be used for fill")
        devices = [self._device]
        self._host[to_numpy(index, devices)] = to_numpy(value, devices, zero_dimensional=True)

    # ---- Computing

    def copy(self, order: str = "C") -> ndarray:
        return wrap(self._host.copy(order), self._device)

    def view(self, dtype: Any = None) -> ndarray:
        return wrap(self._host.view() if dtype is None else self._host.view(dtype), self._device)

    def __copy__(self) -> ndarray:
        return self.copy()

    def __deepcopy__(self, memo: Any) -> ndarray:
        return self.copy()

    def __getattr__(self, name: str) -> Any:
        parameters = INTERFACE["method"].get(name)
        if parameters is None:
            raise AttributeError(f"'cupy.ndarray' object has no attribute {name!r}")

        def method(*args: Any, **kwargs: Any) -> Any:
            check_call(f"ndarray.{name}", parameters, args, kwargs)
            refuse_repeats(name, args, kwargs)
            return call(getattr(self._host, name), args, kwargs, [self._device])

        return method

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **kwargs: Any) -> Any:
        if method != "__call__" or ufunc.__name__ not in INTERFACE["ufunc"]:
            return NotImplemented
        return call(ufunc, inputs, kwargs)

    def __array_function__(self, func: Any, types: Any, args: Any, kwargs: Any) -> Any:
        from gpupept.backend import cupy_module

        if func.__module__ != "numpy" or not all(issubclass(t, ndarray) for t in types):
            return NotImplemented
        counterpart = getattr(cupy_module(), func.__name__, None)
        return NotImplemented if counterpart is None else counterpart(*args, **kwargs)


def filled_with_canary(host: np.ndarray) -> np.ndarray:
    """Fill with what shows when it is used: NaN, or a large number."""
    if host.dtype.kind in "fc":
        host.fill(np.nan)
    elif host.dtype.kind in "iu":
        host.fill(np.frombuffer(b"\xcd" * (host.itemsize - 1) + b"\x7d", host.dtype)[0])
    else:
        host.fill(1)
    return host


def wrap(host: np.ndarray, device: int | None = None) -> ndarray:
    """Make a device array of a NumPy array, without a copy."""
    array = object.__new__(ndarray)
    array._host = np.asarray(host)
    array._device = current_device() if device is None else device
    return array


def to_numpy(value: Any, devices: list[int], zero_dimensional: bool = False) -> Any:
    """Replace device arrays in an argument by what holds their elements; note their devices."""
    if isinstance(value, ndarray):
        devices.append(value._device)
        return value._host
    if isinstance(value, np.ndarray) and not (zero_dimensional and value.ndim == 0):
        raise TypeError(f"Unsupported type {type(value)}")
    if isinstance(value, (list, tuple)):
        return type(value)(to_numpy(v, devices) for v in value)
    if isinstance(value, slice):
        for bound in (value.start, value.stop, value.step):
            if isinstance(bound, ndarray):
                raise TypeError("slice indices must be integers, found an array on the device")
    return value


def call(function: Any, args: Any, kwargs: dict[str, Any], devices: list[int] | None = None) -> Any:
    """Call a function of NumPy with device arrays, giving device arrays."""
    devices = [] if devices is None else devices
    out = kwargs.get("out")
    args = [to_numpy(a, devices) for a in args]
    kwargs = {name: to_numpy(a, devices) for name, a in kwargs.items()}
    if len(set(devices)) > 1:
        raise ValueError(
            f"Array device must be same as the current device: arrays on devices {devices}"
        )
    result = function(*args, **kwargs)
    if out is not None:
        return out[0] if isinstance(out, tuple) else out
    return to_device(result, devices[0] if devices else None)


def to_device(result: Any, device: int | None) -> Any:
    """Replace NumPy arrays and scalars in a result by device arrays."""
    if isinstance(result, (np.ndarray, np.generic, bool)):
        return wrap(np.asarray(result), device)
    if isinstance(result, (list, tuple)):
        replaced = [to_device(r, device) for r in result]
        return replaced if isinstance(result, list) else tuple(replaced)
    return result


def check_call(
    name: str, parameters: tuple[str, ...], args: tuple[Any, ...], kwargs: dict[str, Any]
) -> None:
    """Refuse arguments that the function of CuPy does not have."""
    variable = any(p.startswith("*") for p in parameters)
    if len(args) > len(parameters) and not variable:
        raise TypeError(f"{name}() takes {len(parameters)} arguments, found {len(args)}")
    for keyword in kwargs:
        if keyword not in parameters:
            raise TypeError(f"{name}() got an unexpected keyword argument {keyword!r}")


def refuse_repeats(name: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
    """CuPy before 14 repeats by integers on the host only."""
    repeats = kwargs.get("repeats", args[0] if args else None)
    if name == "repeat" and isinstance(repeats, ndarray):
        raise ValueError("cupy.ndarray cannot be specified as `repeats` argument.")
