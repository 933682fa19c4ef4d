"""Devices, memory and CUDA kernels: the only part of the package that knows CuPy.

Imports nothing but NumPy; CuPy is imported on the first call that needs a GPU.
"""

from __future__ import annotations

from gpupept.backend.cuml import cuml_hdbscan
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
from gpupept.backend.launcher import KernelSpec, forget_kernels, shared_memory_limit
from gpupept.backend.loader import find_kernel_file, kernel_directories, kernel_source
from gpupept.backend.memory import memory_budget, parse_size, plan_chunks, set_memory_budget
from gpupept.backend.namespace import (
    array_namespace,
    common_device,
    cupy_module,
    device_of,
    device_scope,
    is_device_array,
    to_device,
    to_host,
)
from gpupept.backend.versions import show_versions, versions_report

__all__ = [
    "GPU",
    "BackendError",
    "DeviceReport",
    "GPUUnavailableError",
    "KernelCompileError",
    "KernelSpec",
    "MixedDevicesError",
    "array_namespace",
    "common_device",
    "cuml_hdbscan",
    "cupy_module",
    "current_backend",
    "device_of",
    "device_scope",
    "find_kernel_file",
    "forget_kernels",
    "forget_probes",
    "is_device_array",
    "kernel_directories",
    "kernel_source",
    "memory_budget",
    "parse_size",
    "plan_chunks",
    "probe",
    "resolve_device",
    "set_memory_budget",
    "shared_memory_limit",
    "show_versions",
    "to_device",
    "to_host",
    "use_backend",
    "versions_report",
]
