"""Devices, memory and CUDA kernels: the only part of the package that knows CuPy.

Imports nothing but NumPy; CuPy is imported on the first call that needs a GPU.
"""

from __future__ import annotations

from gpupept.backend.devices import (
    GPU,
    DeviceReport,
    current_backend,
    forget_probes,
    probe,
    resolve_device,
    use_backend,
)
from gpupept.backend.errors import (
    BackendError,
    GPUUnavailableError,
    KernelCompileError,
    MixedDevicesError,
)
from gpupept.backend.memory import memory_budget, parse_size, plan_chunks, set_memory_budget
from gpupept.backend.namespace import (
    array_namespace,
    common_device,
    cupy_module,
    device_of,
    is_device_array,
    to_device,
    to_host,
)

__all__ = [
    "GPU",
    "BackendError",
    "DeviceReport",
    "GPUUnavailableError",
    "KernelCompileError",
    "MixedDevicesError",
    "array_namespace",
    "common_device",
    "cupy_module",
    "current_backend",
    "device_of",
    "forget_probes",
    "is_device_array",
    "memory_budget",
    "parse_size",
    "plan_chunks",
    "probe",
    "resolve_device",
    "set_memory_budget",
    "to_device",
    "to_host",
    "use_backend",
]
