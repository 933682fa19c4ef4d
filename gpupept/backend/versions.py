"""What was found on this machine and what would be used: the first thing to put in a bug report."""

from __future__ import annotations

import contextlib
import importlib.metadata
import os
import platform
import sys
from pathlib import Path
from typing import TextIO

from gpupept._version import __version__
from gpupept.backend.devices import BACKEND_VARIABLE, DeviceReport, current_backend, probe
from gpupept.backend.loader import kernel_directories
from gpupept.backend.memory import memory_budget

_LIBRARIES = ("numpy", "numba", "scipy", "pandas", "pyarrow", "plotly", "tqdm", "joblib", "hdbscan")
_CUML_PACKAGES = ("cuml-cu13", "cuml-cu12", "cuml")


def show_versions(file: TextIO | None = None) -> None:
    """Write what was found on this machine and what would be used.

    Parameters
    ----------
    file : text stream, optional
        Where to write; standard output by default.

    Examples
    --------
    >>> import gpupept, io
    >>> text = io.StringIO()
    >>> gpupept.show_versions(text)
    >>> text.getvalue().splitlines()[0].split()[0]
    'gpupept'
    """
    (sys.stdout if file is None else file).write(versions_report())


def versions_report() -> str:
    """Text that `show_versions` writes.

    Returns
    -------
    str
        One line for each fact, ending with a newline.
    """
    report = probe()
    facts = [
        ("gpupept", __version__),
        ("Python", f"{platform.python_version()} ({sys.executable})"),
        ("system", platform.platform()),
        ("processor", f"{_processor()}, {_usable_cores()} cores usable"),
        *((name, _installed(name)) for name in _LIBRARIES),
        ("cuml", next((v for p in _CUML_PACKAGES if (v := _version(p))), "not installed")),
        *_gpu_facts(report),
        ("default device", _default_device()),
        ('device "auto"', f"cuda ({report.devices[0].name})" if report.usable else "cpu"),
        ("memory budget", _budgets(report)),
        ("CUDA sources", _kernels()),
        ("Numba cache", _numba_cache()),
    ]
    width = max(len(name) for name, _ in facts)
    return "".join(f"{name:<{width}}  {value}\n" for name, value in facts)


def _gpu_facts(report: DeviceReport) -> list[tuple[str, str]]:
    cuda = f"driver {report.driver_version or 'none'}, runtime {report.runtime_version or 'none'}"
    facts = [("cupy", report.cupy_version or "not usable"), ("CUDA", cuda)]
    for gpu in report.devices:
        memory = f"{gpu.total_memory / 2**30:.1f} GiB"
        facts.append((f"cuda:{gpu.id}", f"{gpu.name}, sm_{gpu.compute_capability}, {memory}"))
    return facts if report.usable else [*facts, ("GPU", f"none: {report.reason}")]


def _version(package: str) -> str | None:
    with contextlib.suppress(importlib.metadata.PackageNotFoundError):
        return importlib.metadata.version(package)
    return None


def _installed(package: str) -> str:
    return _version(package) or "not installed"


def _processor() -> str:
    with contextlib.suppress(OSError):
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def _usable_cores() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _default_device() -> str:
    try:
        return current_backend() or "where the data is"
    except ValueError as error:
        return f"{BACKEND_VARIABLE} is wrong: {error}"


def _budgets(report: DeviceReport) -> str:
    devices = ["cpu", *(f"cuda:{gpu.id}" for gpu in report.devices)]
    try:
        return ", ".join(f"{memory_budget(d) / 2**30:.1f} GiB on {d}" for d in devices)
    except ValueError as error:
        return f"not readable: {error}"


def _kernels() -> str:
    try:
        places = kernel_directories()
    except FileNotFoundError as error:
        return str(error)
    return ", ".join(map(str, places)) or "not found"


def _numba_cache() -> str:
    """Where Numba keeps compiled functions, by the order in which it tries."""
    chosen = os.environ.get("NUMBA_CACHE_DIR")
    if chosen:
        return f"{chosen} (NUMBA_CACHE_DIR)"
    kernels = Path(__file__).resolve().parent.parent / "kernels"
    if os.access(kernels, os.W_OK):
        return f"{kernels}{os.sep}**{os.sep}__pycache__"
    return "the user's cache directory (the package cannot be written to)"
