"""A stand-in for the `cupy` module, so that the device path runs where there is no GPU.

Arrays are NumPy arrays in disguise (fake_array.py); kernels are built for the host and run by fibres
(build.py). `installed()` puts it in CuPy's place and takes it out again.
"""

from __future__ import annotations

import contextlib
import sys
import types
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pytest
from cuda_host import build
from cuda_host.fake_array import (
    INTERFACE,
    DeviceID,
    call,
    check_call,
    current_device,
    filled_with_canary,
    ndarray,
    refuse_repeats,
    set_current_device,
    to_numpy,
    wrap,
)

from gpupept.backend import cuml, forget_kernels, forget_probes
from gpupept.backend.namespace import replace_cupy

SHARED_LIMIT = 99 * 1024  # what a block can ask for on the smaller of recent GPUs
_CALLS = ("function", "creation", "host")  # kinds of functions in the interface


class CUDARuntimeError(RuntimeError):
    """Stands for `cupy.cuda.runtime.CUDARuntimeError`."""


class CompileException(Exception):
    """Stands for `cupy.cuda.compiler.CompileException`."""


class CUDADriverError(RuntimeError):
    """Stands for `cupy.cuda.driver.CUDADriverError`."""


class Device(DeviceID):
    """A device, and the context in which it is the current one."""

    compute_capability = "90"
    attributes = {
        "MaxSharedMemoryPerBlock": 48 * 1024,
        "MaxSharedMemoryPerBlockOptin": SHARED_LIMIT,
        "MultiProcessorCount": 4,
        "MaxThreadsPerBlock": 1024,
        "WarpSize": 32,
    }

    def __init__(self, device: Any = None) -> None:
        super().__init__(current_device() if device is None else int(getattr(device, "id", device)))
        self._entered: list[int] = []

    def __enter__(self) -> Device:
        self._entered.append(current_device())
        set_current_device(self.id)
        return self

    def __exit__(self, *error: object) -> None:
        set_current_device(self._entered.pop())

    def use(self) -> None:
        set_current_device(self.id)

    def synchronize(self) -> None:
        """Everything has happened already."""


class Stream:
    """A stream: work is done when it is asked for, so there is nothing to order."""

    ptr = 0

    def __init__(self, null: bool = False, non_blocking: bool = False, ptds: bool = False) -> None:
        self.null = null

    def __enter__(self) -> Stream:
        return self

    def __exit__(self, *error: object) -> None:
        pass

    def use(self) -> Stream:
        return self

    def synchronize(self) -> None:
        pass

    def record(self, event: Any = None) -> Any:
        return event

    def wait_event(self, event: Any) -> None:
        pass


class Event:
    """An event in a stream."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self.done = True

    def record(self, stream: Any = None) -> None:
        pass

    def synchronize(self) -> None:
        pass


class Pool:
    """A memory pool that holds nothing back."""

    def used_bytes(self) -> int:
        return 0

    def free_bytes(self) -> int:
        return 0

    def total_bytes(self) -> int:
        return 0

    def free_all_blocks(self) -> None:
        pass


class Function:
    """A kernel: its arguments are checked against the signature, which CuPy and CUDA do not."""

    def __init__(self, module: build.HostModule, name: str, launches: list[str]) -> None:
        self.name = name
        self.max_dynamic_shared_size_bytes = 48 * 1024 - module.static_shared_bytes
        self._module, self._launches = module, launches
        self._signature = module.signature(name)

    def __call__(self, grid: Any, block: Any, args: Sequence[Any], *, shared_mem: int = 0) -> None:
        if len(args) != len(self._signature):
            raise CUDADriverError(
                f"{self.name} takes {len(self._signature)} arguments, found {len(args)}"
            )
        used = shared_mem + self._module.static_shared_bytes
        if shared_mem > self.max_dynamic_shared_size_bytes or used > SHARED_LIMIT:
            raise CUDADriverError("CUDA_ERROR_INVALID_VALUE: invalid argument")
        values = [self._value(i, a) for i, a in enumerate(args)]
        self._launches.append(self.name)
        addresses = [int(value.__array_interface__["data"][0]) for value in values]
        self._module.run(self.name, tuple(grid), tuple(block), addresses, shared_mem)

    def _value(self, index: int, argument: Any) -> np.ndarray:
        """What is passed: the value of a scalar, the address of an array."""
        declared = self._signature[index]
        if isinstance(argument, ndarray):
            kind, size = argument.dtype.kind, argument.itemsize
            pointer = np.array(argument.data.ptr, dtype=np.uint64)
            self._check(index, declared, kind, size, pointer="*")
            return pointer
        value = np.asarray(argument)
        if "*" in declared and value == 0:  # a null pointer
            return value.astype(np.uint64)
        self._check(index, declared, value.dtype.kind, value.itemsize, pointer="")
        return value

    def _check(self, index: int, declared: str, kind: str, size: int, pointer: str) -> None:
        integers = {"u": "i"}
        same_kind = declared[0] == "?" or integers.get(declared[0], declared[0]) == integers.get(
            kind, kind
        )
        same_size = declared[1] in ("0", str(size))
        if not (same_kind and same_size and declared[2:] == pointer):
            raise CUDADriverError(
                f"{self.name}: parameter {index} is {declared} in the source, the argument is "
                f"{kind}{size}{pointer}"
            )


class RawModule:
    """CUDA source, built when its first kernel is asked for."""

    def __init__(
        self, *, code: str, options: Sequence[str] = (), backend: str = "nvrtc", launches: Any
    ) -> None:
        self._code, self._options, self._launches = code, tuple(options), launches
        self._module: build.HostModule | None = None

    def get_function(self, name: str) -> Function:
        if self._module is None:
            try:
                self._module = build.HostModule(self._code, self._options)
            except build.HostCompileError as error:
                raise CompileException(str(error)) from error
        try:
            return Function(self._module, name, self._launches)
        except build.LaunchError as error:
            raise CUDADriverError(f"CUDA_ERROR_NOT_FOUND: {error}") from error


class Runtime:
    """Stands for `cupy.cuda.runtime`."""

    CUDARuntimeError = CUDARuntimeError

    def __init__(self, devices: int) -> None:
        self._devices = devices

    def getDeviceCount(self) -> int:
        return self._devices

    def getDevice(self) -> int:
        return current_device()

    def setDevice(self, index: int) -> None:
        set_current_device(index)

    def deviceSynchronize(self) -> None:
        pass

    def runtimeGetVersion(self) -> int:
        return 13000

    def driverGetVersion(self) -> int:
        return 13000

    def memGetInfo(self) -> tuple[int, int]:
        return 8 * 2**30, 16 * 2**30

    def getDeviceProperties(self, index: int) -> dict[str, Any]:
        if not 0 <= index < self._devices:
            raise CUDARuntimeError("cudaErrorInvalidDevice: invalid device ordinal")
        name = b"Host shim"
        return {"name": name, "major": 9, "minor": 0, "totalGlobalMem": 16 * 2**30}


class UFunc:
    """A universal function: callable, `at` and nothing else."""

    def __init__(self, name: str) -> None:
        self.__name__ = name
        self._ufunc = getattr(np, name)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return call(self._ufunc, args, kwargs)

    def at(self, a: ndarray, *args: Any) -> None:
        call(self._ufunc.at, (a, *args), {})


class FakeCupy(types.ModuleType):
    """The module. `launches` lists the names of the kernels that ran, in order."""

    ndarray = ndarray
    pi, e, inf, nan, newaxis = np.pi, np.e, np.inf, np.nan, None

    def __init__(self, devices: int = 1) -> None:
        super().__init__("cupy")
        self.__version__ = "13.6.0"
        self.launches: list[str] = []
        self.cuda = types.SimpleNamespace(
            CompileException=CompileException,
            Device=Device,
            Event=Event,
            Stream=Stream,
            compiler=types.SimpleNamespace(CompileException=CompileException),
            driver=types.SimpleNamespace(CUDADriverError=CUDADriverError),
            get_current_stream=Stream,
            runtime=Runtime(devices),
        )

    def __getattr__(self, name: str) -> Any:
        if name in INTERFACE["type"]:
            return getattr(np, name)
        if name in INTERFACE["ufunc"]:
            return UFunc(name)
        if not any(name in INTERFACE[kind] for kind in _CALLS):
            raise AttributeError(f"module 'cupy' has no attribute {name!r}")

        def function(*args: Any, **kwargs: Any) -> Any:
            return _call_function(name, args, kwargs)

        return function

    def RawModule(self, **kwargs: Any) -> RawModule:
        return RawModule(**kwargs, launches=self.launches)

    # ---- Functions that differ from NumPy's in what they take

    def array(self, obj: Any, dtype: Any = None, copy: bool = True, order: str = "K") -> ndarray:
        if isinstance(obj, ndarray):
            same = obj._device == current_device() and not copy
            host = np.asarray(obj._host, dtype) if same else np.array(obj._host, dtype, order=order)
            return obj if same and host is obj._host else wrap(host)
        if isinstance(obj, np.ndarray):
            return wrap(np.array(obj, dtype, order=order))
        return wrap(np.array(to_numpy(obj, []), dtype))

    def asarray(self, a: Any, dtype: Any = None, order: str = "K") -> ndarray:
        return self.array(a, dtype, copy=False, order=order)

    asanyarray = asarray

    def ascontiguousarray(self, a: Any, dtype: Any = None) -> ndarray:
        array = self.asarray(a, dtype)
        return array if array.flags.c_contiguous else array.copy("C")

    def asnumpy(self, a: Any) -> np.ndarray:
        return a.get() if isinstance(a, ndarray) else np.asarray(a)

    def empty(self, shape: Any, dtype: Any = float, order: str = "C") -> ndarray:
        return wrap(filled_with_canary(np.empty(to_numpy(shape, []), dtype, order)))

    def empty_like(self, prototype: ndarray, dtype: Any = None, shape: Any = None) -> ndarray:
        host = np.empty_like(prototype._host, dtype=dtype, shape=shape)
        return wrap(filled_with_canary(host), prototype._device)

    def get_array_module(self, *args: Any) -> types.ModuleType:
        return self if any(isinstance(a, ndarray) for a in args) else np

    def get_default_memory_pool(self) -> Pool:
        return Pool()

    def repeat(self, a: ndarray, repeats: Any, axis: int | None = None) -> ndarray:
        refuse_repeats("repeat", (repeats,), {})
        return call(np.repeat, (_checked(a), repeats, axis), {})

    def lexsort(self, keys: ndarray) -> ndarray:
        if not isinstance(keys, ndarray):
            raise AttributeError(f"'{type(keys).__name__}' object has no attribute 'ndim'")
        return call(np.lexsort, (keys,), {})

    def searchsorted(
        self, a: ndarray, v: ndarray, side: str = "left", sorter: Any = None
    ) -> ndarray:
        if not (isinstance(a, ndarray) and isinstance(v, ndarray)):
            raise NotImplementedError("Only int or ndarray are supported for a and v")
        return call(np.searchsorted, (a, v, side, sorter), {})


def _checked(array: Any) -> ndarray:
    if not isinstance(array, ndarray):
        raise TypeError(f"Unsupported type {type(array)}")
    return array


def _call_function(name: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """Call the function of NumPy of that name, with the parameters that CuPy's has."""
    kind = next(kind for kind in _CALLS if name in INTERFACE[kind])
    check_call(name, INTERFACE[kind][name], args, kwargs)
    function = getattr(np, name)
    devices: list[int] = []
    for value in (*args, *kwargs.values()):
        to_numpy(value, devices)
    if kind == "host":
        return function(*(to_numpy(a, devices) for a in args), **kwargs)
    if not devices and kind == "function":
        raise TypeError(f"{name}: no argument is an array on the device, found {args}")
    return call(function, args, kwargs)


@contextlib.contextmanager
def installed(devices: int = 1) -> Iterator[FakeCupy]:
    """Use a stand-in with so many devices, and no cuML, in place of CuPy."""
    module = FakeCupy(devices)
    before, device_before = replace_cupy(module), current_device()
    _forget()
    try:
        with pytest.MonkeyPatch.context() as patch:
            for name in ("rmm", "cuml"):
                patch.setitem(sys.modules, name, None)
            yield module
    finally:
        replace_cupy(before)
        set_current_device(device_before)
        _forget()


def _forget() -> None:
    """Drop what the package remembers of GPUs and their libraries."""
    forget_probes()
    forget_kernels()
    cuml._hdbscan_class.cache_clear()
