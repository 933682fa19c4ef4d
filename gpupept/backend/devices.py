"""What GPUs there are, and which device a piece of work runs on."""

from __future__ import annotations

import functools
import logging
import os
import re
from dataclasses import dataclass, replace
from types import TracebackType
from typing import Any

from gpupept.backend.errors import GPUUnavailableError
from gpupept.backend.namespace import (
    common_device,
    cupy_module,
    device_of,
    is_device_array,
)

BACKEND_VARIABLE = "GPUPEPT_BACKEND"
_NAMES = re.compile(r"cpu|auto|cuda(:\d+)?")
_log = logging.getLogger("gpupept")
_default: str | None = None


@dataclass(frozen=True, slots=True)
class GPU:
    """One CUDA device: its number, name, compute capability such as "9.0" and memory in bytes."""

    id: int
    name: str
    compute_capability: str
    total_memory: int


@dataclass(frozen=True, slots=True)
class DeviceReport:
    """What the probe for GPUs found.

    Attributes
    ----------
    cupy_version : str or None
        Version of CuPy, None when it cannot be imported.
    driver_version, runtime_version : str or None
        CUDA versions, such as ``"13.0"``, of the driver and of the runtime that CuPy uses.
    devices : tuple of GPU
        The CUDA devices, empty when there is none.
    usable : bool
        Whether work can run on a GPU.
    reason : str
        Why no GPU can be used and what to do about it; empty when one can.
    """

    cupy_version: str | None = None
    driver_version: str | None = None
    runtime_version: str | None = None
    devices: tuple[GPU, ...] = ()
    usable: bool = False
    reason: str = ""


@functools.cache
def probe() -> DeviceReport:
    """Look for GPUs that CuPy can use. Never raises; the answer is kept for the process.

    Returns
    -------
    DeviceReport
        What was found, and the reason when no GPU can be used.

    Examples
    --------
    >>> from gpupept.backend import probe
    >>> report = probe()
    >>> report.usable == (report.reason == "")
    True
    """
    try:
        cupy = cupy_module()
    except GPUUnavailableError as error:
        return DeviceReport(reason=str(error))
    runtime = cupy.cuda.runtime
    report = DeviceReport(
        cupy_version=str(getattr(cupy, "__version__", "unknown")),
        driver_version=_version(runtime, "driverGetVersion"),
        runtime_version=_version(runtime, "runtimeGetVersion"),
    )
    try:
        devices = tuple(_describe(runtime, i) for i in range(int(runtime.getDeviceCount())))
    except (
        Exception
    ) as error:  # CUDARuntimeError when there is no driver, or an old or a broken one
        return replace(report, reason=_no_device(report, " ".join(str(error).split())))
    if not devices:
        return replace(report, reason=_no_device(report, "this machine has no NVIDIA GPU"))
    return replace(report, devices=devices, usable=True)


def _no_device(report: DeviceReport, detail: str) -> str:
    driver = f"driver for CUDA {report.driver_version}" if report.driver_version else "no driver"
    return (
        f"CuPy {report.cupy_version} is installed but finds no usable NVIDIA GPU ({driver}, runtime "
        f"{report.runtime_version}: {detail}); on a machine with a GPU install or update its driver, "
        "or the CuPy that fits it, gpupept[cuda12] or gpupept[cuda13]"
    )


def _version(runtime: Any, function: str) -> str | None:
    """Read a CUDA version, 13000 -> "13.0"; None when it is not known (0 means: no driver)."""
    try:
        number = int(getattr(runtime, function)())
    except Exception:
        return None
    return f"{number // 1000}.{number % 1000 // 10}" if number else None


def _describe(runtime: Any, index: int) -> GPU:
    found = runtime.getDeviceProperties(index)
    name = found["name"]
    return GPU(
        id=index,
        name=name.decode() if isinstance(name, bytes) else str(name),
        compute_capability=f"{found['major']}.{found['minor']}",
        total_memory=int(found["totalGlobalMem"]),
    )


def check_device_name(device: object, argument: str = "device") -> str:
    """Return `device` if it names a device, whether or not that device exists.

    Parameters
    ----------
    device : object
        Should be ``"cpu"``, ``"cuda"``, ``"cuda:N"`` or ``"auto"``.
    argument : str
        How the caller's argument is called in the error.

    Returns
    -------
    str
        The name.

    Raises
    ------
    TypeError
        If it is not a string.
    ValueError
        If it is another string.
    """
    if not isinstance(device, str):
        raise TypeError(f"{argument} must be a string, found {device!r}")
    if not _NAMES.fullmatch(device):
        raise ValueError(
            f'{argument} must be "cpu", "cuda", "cuda:N" (the GPU of that number) or "auto", '
            f"found {device!r}"
        )
    return device


class use_backend:
    """Set the default device for this process, or for the body of a `with` statement.

    Parameters
    ----------
    name : str or None
        ``"cpu"``, ``"cuda"``, ``"cuda:N"``, ``"auto"`` (a GPU when there is one) or None: the
        environment variable GPUPEPT_BACKEND decides, and without it work runs where the data is.

    Raises
    ------
    ValueError
        If the name is not one of the above.
    GPUUnavailableError
        If a GPU is asked for and cannot be used.

    Examples
    --------
    >>> import gpupept
    >>> with gpupept.use_backend("cpu"):
    ...     gpupept.backend.current_backend()
    'cpu'
    """

    def __init__(self, name: str | None) -> None:
        global _default
        if name is not None and check_device_name(name, "name").startswith("cuda"):
            _find_gpu(name)
        self._name = name
        self._previous, _default = _default, name

    def __enter__(self) -> None:
        """Keep the backend set when the object was made; set it again if it was left before."""
        global _default
        _default = self._name

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Go back to the backend used before."""
        global _default
        _default = self._previous


def current_backend() -> str | None:
    """Read the default set by `use_backend`, else by the environment variable GPUPEPT_BACKEND.

    Returns
    -------
    str or None
        ``"cpu"``, ``"cuda"``, ``"cuda:N"``, ``"auto"``, or None: work runs where the data is.

    Raises
    ------
    ValueError
        If GPUPEPT_BACKEND holds something else.

    Examples
    --------
    >>> import gpupept
    >>> with gpupept.use_backend("auto"):
    ...     gpupept.backend.current_backend()
    'auto'
    """
    if _default is not None:
        return _default
    name = os.environ.get(BACKEND_VARIABLE, "").strip()
    return check_device_name(name, f"environment variable {BACKEND_VARIABLE}") if name else None


def resolve_device(device: str | None, *arrays: Any) -> str:
    """Decide which device a call runs on.

    Parameters
    ----------
    device : str or None
        ``"cpu"``, ``"cuda"``, ``"cuda:N"``, ``"auto"``, or None: the default of `use_backend` or
        GPUPEPT_BACKEND, and without one the device that holds the arrays.
    *arrays : object
        The arrays the call works on. With ``"cuda"`` and ``"auto"``, arrays on one GPU stay there;
        otherwise ``"cuda"`` is CuPy's current GPU.

    Returns
    -------
    str
        ``"cpu"`` or ``"cuda:N"``.

    Raises
    ------
    TypeError, ValueError
        If `device` is not one of the above.
    GPUUnavailableError
        If a GPU is asked for and cannot be used.
    MixedDevicesError
        If the arrays decide and are on different devices.

    Examples
    --------
    >>> import numpy as np
    >>> from gpupept.backend import resolve_device
    >>> resolve_device("cpu", np.zeros(3))
    'cpu'
    """
    name = current_backend() if device is None else check_device_name(device)
    if name is None:
        return common_device(*arrays) or "cpu"
    on_gpus = {device_of(array) for array in arrays if is_device_array(array)}
    if name in ("cuda", "auto") and len(on_gpus) == 1:
        return on_gpus.pop()
    if name == "auto":
        return _automatic()
    return name if name == "cpu" else _find_gpu(name)


def _automatic() -> str:
    report = probe()
    chosen = _find_gpu("cuda") if report.usable else "cpu"
    _announce(chosen, report)
    return chosen


@functools.cache
def _announce(chosen: str, report: DeviceReport) -> None:
    """Say once where "auto" runs; a fall-back is a warning, since a GPU may have been expected."""
    if report.usable:
        _log.info('device "auto": using %s (%s)', chosen, report.devices[0].name)
    else:
        _log.warning('device "auto": using the CPU (%s)', report.reason)


def _find_gpu(name: str) -> str:
    """Turn "cuda" or "cuda:N" into the name of a GPU that exists."""
    report = probe()
    if not report.usable:
        raise GPUUnavailableError(f"device {name!r} cannot be used: {report.reason}")
    number = name.partition(":")[2]
    index = int(number) if number else int(cupy_module().cuda.runtime.getDevice())
    if index >= len(report.devices):
        raise GPUUnavailableError(
            f"device {name!r} does not exist: this machine has {len(report.devices)} GPU(s), "
            f'"cuda:0" to "cuda:{len(report.devices) - 1}"'
        )
    return f"cuda:{index}"


def forget_probes() -> None:
    """Probe again on next use, because CUDA_VISIBLE_DEVICES or the CuPy in use changed."""
    probe.cache_clear()
    _announce.cache_clear()
