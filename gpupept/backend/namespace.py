"""Which library and device an array belongs to, and moving arrays between devices.

This is the one module that imports CuPy, and only when a GPU is asked for. A stand-in with the
same interface can be put in its place (`replace_cupy`), which is how the device path is tested on
machines without a GPU.
"""

from __future__ import annotations

import importlib
import sys
from contextlib import AbstractContextManager, nullcontext
from types import ModuleType
from typing import Any

import numpy as np

from gpupept.backend.errors import GPUUnavailableError, MixedDevicesError

INSTALL_HINT = (
    "install CuPy for the CUDA version of your driver, `pip install gpupept[cuda12]` or "
    "`pip install gpupept[cuda13]`, on a machine with an NVIDIA GPU"
)

_cupy: ModuleType | None = None


def cupy_module() -> ModuleType:
    """Import CuPy on first use and return it.

    CuPy being importable does not mean that there is a GPU: `gpupept.backend.probe` tells.

    Returns
    -------
    module
        The `cupy` module.

    Raises
    ------
    GPUUnavailableError
        If CuPy is not installed or its import fails.

    Examples
    --------
    >>> from gpupept.backend import GPUUnavailableError, cupy_module
    >>> try:
    ...     name = cupy_module().__name__
    ... except GPUUnavailableError:
    ...     name = "not installed"
    """
    global _cupy
    if _cupy is None:
        _cupy = _import_cupy()
    return _cupy


def _import_cupy() -> ModuleType:
    try:
        return importlib.import_module("cupy")
    except ModuleNotFoundError as error:
        if error.name == "cupy":
            raise GPUUnavailableError(f"CuPy is not installed: {INSTALL_HINT}") from error
        raise GPUUnavailableError(_broken_import(error)) from error
    except Exception as error:  # a broken CUDA installation surfaces as any kind of exception
        raise GPUUnavailableError(_broken_import(error)) from error


def _broken_import(error: Exception) -> str:
    detail = " ".join(str(error).split())
    return (
        f"CuPy is installed but importing it fails ({type(error).__name__}: {detail}); "
        f"reinstall it: {INSTALL_HINT}"
    )


def replace_cupy(module: ModuleType | None) -> ModuleType | None:
    """Use `module` in place of CuPy from now on and return what was used before.

    Parameters
    ----------
    module : module or None
        A module with CuPy's interface; None goes back to importing CuPy on first use.

    Returns
    -------
    module or None
        The module used until now, None when CuPy was not imported yet.
    """
    global _cupy
    previous, _cupy = _cupy, module
    return previous


def _device_array_type() -> type | None:
    """CuPy's array class if CuPy is loaded: no array can be CuPy's before somebody imported it."""
    module = _cupy if _cupy is not None else sys.modules.get("cupy")
    return getattr(module, "ndarray", None)


def is_device_array(array: Any) -> bool:
    """Tell whether `array` is a CuPy array, without importing CuPy.

    Parameters
    ----------
    array : object
        Anything.

    Returns
    -------
    bool
        True for a CuPy array, False for everything else.

    Examples
    --------
    >>> import numpy as np
    >>> from gpupept.backend import is_device_array
    >>> is_device_array(np.zeros(3))
    False
    """
    kind = _device_array_type()
    return kind is not None and isinstance(array, kind)


def device_of(array: Any) -> str:
    """Name of the device that holds `array`.

    Parameters
    ----------
    array : object
        An array; anything that is not a CuPy array is on the host.

    Returns
    -------
    str
        ``"cpu"`` or ``"cuda:N"``.

    Examples
    --------
    >>> import numpy as np
    >>> from gpupept.backend import device_of
    >>> device_of(np.zeros(3))
    'cpu'
    """
    return f"cuda:{int(array.device.id)}" if is_device_array(array) else "cpu"


def common_device(*arrays: Any) -> str | None:
    """Name of the one device that holds all the NumPy and CuPy arrays given.

    Parameters
    ----------
    *arrays : object
        Arrays; None, scalars and other objects are ignored.

    Returns
    -------
    str or None
        ``"cpu"``, ``"cuda:N"``, or None when there is no array among the arguments.

    Raises
    ------
    MixedDevicesError
        If the arrays are on different devices.
    """
    found = [device_of(a) for a in arrays if isinstance(a, np.ndarray) or is_device_array(a)]
    if len(set(found)) > 1:
        raise MixedDevicesError(
            f"arrays of one call must be on one device, found them on {', '.join(found)} (in the "
            'order of the arguments); move them with .to("cuda") / .to("cpu") or '
            "gpupept.backend.to_device first"
        )
    return found[0] if found else None


def array_namespace(*arrays: Any) -> ModuleType:
    """Array library, `numpy` or `cupy`, that the given arrays belong to.

    Parameters
    ----------
    *arrays : object
        Arrays; None, scalars and other objects are ignored.

    Returns
    -------
    module
        `cupy` for CuPy arrays, otherwise `numpy`.

    Raises
    ------
    MixedDevicesError
        If the arrays are on different devices.

    Examples
    --------
    >>> import numpy as np
    >>> from gpupept.backend import array_namespace
    >>> array_namespace(np.zeros(3), None, 2.5).__name__
    'numpy'
    """
    device = common_device(*arrays)
    return np if device in (None, "cpu") else cupy_module()


def to_host(array: Any) -> np.ndarray:
    """Copy an array to the host; one that is there already is returned as it is.

    Parameters
    ----------
    array : array_like
        NumPy or CuPy array, or anything `numpy.asarray` takes.

    Returns
    -------
    np.ndarray
        The same values, shape and dtype on the host.

    Examples
    --------
    >>> import numpy as np
    >>> from gpupept.backend import to_host
    >>> a = np.arange(3)
    >>> to_host(a) is a
    True
    """
    if is_device_array(array):
        host: np.ndarray = array.get()
        return host
    return np.asarray(array)


def to_device(array: Any, device: str) -> Any:
    """Move an array to a device; one that is there already is returned as it is.

    Parameters
    ----------
    array : array_like
        NumPy or CuPy array, or anything `numpy.asarray` takes.
    device : str
        ``"cpu"``, ``"cuda:N"``, ``"cuda"`` (the GPU that holds the array, else the current one) or
        ``"auto"``.

    Returns
    -------
    np.ndarray or cupy.ndarray
        The array on that device.

    Raises
    ------
    ValueError
        If `device` is not one of the above.
    GPUUnavailableError
        If CuPy cannot be imported or the GPU does not exist.

    Examples
    --------
    >>> import numpy as np
    >>> from gpupept.backend import to_device
    >>> to_device(np.arange(3), "cpu")
    array([0, 1, 2])
    """
    from gpupept.backend.devices import resolve_device

    target = resolve_device(device, array)
    if target == "cpu":
        return to_host(array)
    if device_of(array) == target:
        return array
    with device_scope(target):
        return cupy_module().asarray(array)


def device_scope(device: str) -> AbstractContextManager[Any]:
    """Make new arrays on a device inside a ``with`` block; CuPy otherwise uses the current GPU.

    Parameters
    ----------
    device : str
        ``"cpu"``, which changes nothing, or ``"cuda:N"``.

    Returns
    -------
    context manager

    Examples
    --------
    >>> from gpupept.backend import device_scope
    >>> with device_scope("cpu"):
    ...     pass
    """
    if device == "cpu":
        return nullcontext()
    scope: AbstractContextManager[Any] = cupy_module().cuda.Device(int(device.partition(":")[2]))
    return scope
