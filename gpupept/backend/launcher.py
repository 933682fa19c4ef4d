"""Compiling a CUDA kernel on first use, and launching it with checked arguments.

CuPy checks neither the number nor the types of a kernel's arguments: a Python int where the kernel
takes a double, or a float32 array where it takes `double *`, is silently misread. So each kernel is
declared once, with the types of its arguments, and every launch is held to the declaration.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np

from gpupept.backend.devices import resolve_device
from gpupept.backend.errors import BackendError, KernelCompileError, MixedDevicesError
from gpupept.backend.loader import DIRECTORY_VARIABLE, find_kernel_file, kernel_source
from gpupept.backend.namespace import cupy_module, device_of, is_device_array

_MAX_GRID = (2**31 - 1, 65535, 65535)
_MAX_THREADS = 1024
_SCALARS = ("bool", "int8", "uint8", "int16", "uint16", "int32", "uint32", "int64", "uint64")
_TYPES = {name: np.dtype(name) for name in (*_SCALARS, "float32", "float64")}

_compiled: dict[tuple[Any, ...], Any] = {}
_lock = threading.Lock()


@dataclass(frozen=True, eq=False)
class KernelSpec:
    """One CUDA kernel: where its source is, its name, and what it takes.

    Parameters
    ----------
    family : str
        Name of the `.cu` file without the suffix.
    name : str
        Name of an `extern "C" __global__` function in it.
    arguments : sequence of (name, type)
        The parameters in order. A type is a NumPy type name for a scalar passed by value
        (``"int64"``), the same with a star for an array (``"float64*"``), or with a star and a
        question mark for an array that may be None, a null pointer in the kernel (``"float64*?"``).
    defines : mapping, optional
        Preprocessor macros, name to value (None for ``-DNAME``), that specialise the source.
    fused_multiply_add : bool, default False
        Let the compiler contract ``a * b + c`` to one rounding. Off, results equal the CPU's.
    appended : str, optional
        Source that follows the file, such as a function of the user's that it declares.

    Raises
    ------
    ValueError
        If a type is unknown.

    Examples
    --------
    >>> from gpupept.backend import KernelSpec
    >>> spec = KernelSpec("cutpoints", "fill", (("lines", "float64*"), ("n", "int64")),
    ...                   defines={"REAL": "double"})
    >>> spec.options
    ('-std=c++17', '-fmad=false', '-DREAL=double')
    """

    family: str
    name: str
    arguments: Sequence[tuple[str, str]]
    defines: Mapping[str, object] = field(default_factory=dict)
    fused_multiply_add: bool = False
    appended: str = ""

    def __post_init__(self) -> None:
        for name, kind in self.arguments:
            if kind.rstrip("?").rstrip("*") not in _TYPES or ("?" in kind and "*" not in kind):
                raise ValueError(
                    f"kernel {self.family}.{self.name}: argument {name!r} has unknown type "
                    f"{kind!r}; known are {', '.join(_TYPES)}, with * for an array, *? when it may "
                    "be None"
                )

    @cached_property
    def options(self) -> tuple[str, ...]:
        """Options for the compiler, without the architecture, which CuPy adds."""
        defines = tuple(
            f"-D{name}" if value is None else f"-D{name}={value}"
            for name, value in sorted(self.defines.items())
        )
        fmad = "true" if self.fused_multiply_add else "false"
        return ("-std=c++17", f"-fmad={fmad}", *defines)

    def launch(
        self,
        grid: int | tuple[int, ...],
        block: int | tuple[int, ...],
        *args: Any,
        shared_bytes: int = 0,
    ) -> None:
        """Run the kernel on the device that holds its arrays, in CuPy's current stream.

        Parameters
        ----------
        grid, block : int or tuple of up to three ints
            Blocks in the grid and threads in a block. Nothing runs when either is empty.
        *args : cupy.ndarray or scalar
            One for each declared argument, in order.
        shared_bytes : int, default 0
            Dynamic shared memory of one block.

        Raises
        ------
        TypeError
            If the number of arguments, the dtype of an array or the kind of a scalar is not as
            declared.
        ValueError
            If an array is not C-contiguous, a scalar is out of range, or the launch is larger than
            CUDA allows.
        MixedDevicesError
            If arrays are on the host or on different GPUs.
        KernelCompileError
            If the source does not compile.
        BackendError
            If the launch is refused.
        """
        blocks, threads = _shape(grid, "grid"), _shape(block, "block")
        values = self._check_arguments(args)
        self._check_launch(blocks, threads, shared_bytes)
        if 0 in blocks or 0 in threads:
            return
        cupy = cupy_module()
        with cupy.cuda.Device(self._device_index(args)) as device:
            kernel = self._compile(cupy, device)
            try:
                if shared_bytes and shared_bytes > kernel.max_dynamic_shared_size_bytes:
                    kernel.max_dynamic_shared_size_bytes = shared_bytes
                kernel(blocks, threads, values, shared_mem=shared_bytes)
            except Exception as error:
                raise BackendError(
                    f"kernel {self.family}.{self.name} cannot run with grid {blocks}, block "
                    f"{threads} and {shared_bytes} bytes of dynamic shared memory: {error}"
                ) from error

    def _check_arguments(self, args: tuple[Any, ...]) -> tuple[Any, ...]:
        if len(args) != len(self.arguments):
            raise TypeError(
                f"kernel {self.family}.{self.name} takes {len(self.arguments)} arguments "
                f"({', '.join(name for name, _ in self.arguments)}), found {len(args)}"
            )
        return tuple(
            self._check_array(name, kind, value) if "*" in kind else self._cast(name, kind, value)
            for (name, kind), value in zip(self.arguments, args, strict=True)
        )

    def _check_array(self, name: str, kind: str, value: Any) -> Any:
        if value is None and kind.endswith("?"):
            return np.uint64(0)
        where = f"kernel {self.family}.{self.name}: argument {name!r}"
        expected = _TYPES[kind.rstrip("?").rstrip("*")]
        if not is_device_array(value):
            message = f"{where} must be an array on the GPU, found {type(value).__name__}"
            if isinstance(value, np.ndarray):
                raise MixedDevicesError(f"{message}; move it with to_device first")
            raise TypeError(message)
        if value.dtype != expected:
            raise TypeError(f"{where} must have dtype {expected}, found {value.dtype}")
        if not value.flags.c_contiguous:
            raise ValueError(
                f"{where} must be C-contiguous, found shape {value.shape} with strides "
                f"{value.strides}; use ascontiguousarray"
            )
        return value

    def _cast(self, name: str, kind: str, value: Any) -> Any:
        """Turn a scalar into the declared type, refusing what that type cannot hold."""
        where = f"kernel {self.family}.{self.name}: argument {name!r}"
        expected = _TYPES[kind]
        if not isinstance(value, (bool, int, float, np.generic)):
            raise TypeError(f"{where} must be a {kind} scalar, found {type(value).__name__}")
        if not np.can_cast(np.min_scalar_type(value), expected, casting="same_kind"):
            if expected.kind in "iu" and isinstance(value, (int, np.integer)):
                raise ValueError(f"{where} must fit {kind}, found {value}")
            raise TypeError(f"{where} must be a {kind} scalar, found {value!r}")
        if expected.kind in "iu":
            limits = np.iinfo(expected)
            if not limits.min <= int(value) <= limits.max:
                raise ValueError(f"{where} must fit {kind}, found {value}")
        return expected.type(value)

    def _check_launch(
        self, grid: tuple[int, int, int], block: tuple[int, int, int], shared_bytes: int
    ) -> None:
        threads = block[0] * block[1] * block[2]
        too_large = any(size > limit for size, limit in zip(grid, _MAX_GRID, strict=True))
        if too_large or min(*grid, *block, shared_bytes) < 0 or threads > _MAX_THREADS:
            raise ValueError(
                f"kernel {self.family}.{self.name}: a grid is at most {_MAX_GRID} blocks and a "
                f"block at most {_MAX_THREADS} threads, found grid {grid}, block {block} and "
                f"{shared_bytes} bytes of shared memory"
            )

    def _device_index(self, args: tuple[Any, ...]) -> int:
        devices = {
            name: device_of(value)
            for (name, kind), value in zip(self.arguments, args, strict=True)
            if "*" in kind and value is not None
        }
        if len(set(devices.values())) > 1:
            found = ", ".join(f"{name} on {device}" for name, device in devices.items())
            raise MixedDevicesError(
                f"kernel {self.family}.{self.name}: arrays must be on one GPU, found {found}"
            )
        if not devices:
            devices = {"": resolve_device("cuda")}
        return int(next(iter(devices.values())).partition(":")[2])

    def _compile(self, cupy: Any, device: Any) -> Any:
        """Return the compiled kernel for the current device, kept for the process."""
        place = os.environ.get(DIRECTORY_VARIABLE)
        module_key = (cupy, place, self.family, self.appended, self.options, int(device.id))
        with _lock:
            kernel = _compiled.get((*module_key, self.name))
            if kernel is None:
                module = _compiled.get(module_key) or cupy.RawModule(
                    code=kernel_source(self.family) + self.appended,
                    options=self.options,
                    backend="nvrtc",
                )
                kernel = self._get_function(module, device)
                _compiled[module_key] = module
                _compiled[(*module_key, self.name)] = kernel
        return kernel

    def _get_function(self, module: Any, device: Any) -> Any:
        try:
            return module.get_function(self.name)
        except Exception as error:  # the compiler's, or the loader's when there is no such function
            raise KernelCompileError(
                str(find_kernel_file(f"{self.family}.cu")),
                f"sm_{device.compute_capability}",
                self.options,
                f"{type(error).__name__} for kernel {self.name!r}: {error}",
            ) from error


def _shape(size: int | tuple[int, ...], argument: str) -> tuple[int, int, int]:
    sizes = (size,) if isinstance(size, (int, np.integer)) else tuple(size)
    if not 1 <= len(sizes) <= 3:
        raise ValueError(f"{argument} must have one to three dimensions, found {size!r}")
    x, y, z = (int(s) for s in (*sizes, 1, 1)[:3])
    return x, y, z


def shared_memory_limit(device: str) -> int:
    """Bytes of shared memory that one block can have on a GPU, when a kernel asks for it.

    Parameters
    ----------
    device : str
        ``"cuda:N"``.

    Returns
    -------
    int
        The limit, 64 KiB to 227 KiB depending on the GPU.
    """
    cupy = cupy_module()
    attributes = cupy.cuda.Device(int(device.partition(":")[2])).attributes
    return int(attributes["MaxSharedMemoryPerBlockOptin"])


def forget_kernels() -> None:
    """Drop the compiled kernels, so that the next launch reads the sources again."""
    with _lock:
        _compiled.clear()
