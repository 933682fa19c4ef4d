"""What a benchmark ran on and with."""

from __future__ import annotations

import contextlib
import datetime
import os
import platform
import subprocess
from collections.abc import Sequence
from pathlib import Path


def hardware(device: str = "cpu") -> str:
    """Name the processor, its usable cores and the memory, and the GPU when one is used.

    Parameters
    ----------
    device : str
        ``"cpu"`` or ``"cuda"``, ``"cuda:N"``.

    Returns
    -------
    str
        One line.
    """
    parts = [f"{processor()}, {usable_cores()} cores usable"]
    with contextlib.suppress(ValueError, OSError, AttributeError):
        memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
        parts.append(f"{memory / 2**30:.0f} GiB")
    if device.startswith("cuda"):
        from gpupept.backend import probe

        number = int(device.partition(":")[2] or 0)
        report = probe()
        gpu = report.devices[number]
        parts.append(
            f"{gpu.name} (sm_{gpu.compute_capability.replace('.', '')}, "
            f"{gpu.total_memory / 2**30:.0f} GiB, driver for CUDA {report.driver_version})"
        )
    return "; ".join(parts)


def processor() -> str:
    """Model name of the processor."""
    with contextlib.suppress(OSError):
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def usable_cores() -> int:
    """Count the cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def load() -> str:
    """Describe how busy the machine is: an idle one has a load near 0."""
    with contextlib.suppress(OSError, AttributeError):
        return f"{os.getloadavg()[0]:.1f}"
    return "not known"


def package_versions(names: Sequence[str]) -> str:
    """Versions of Python, gpupept with its revision, and packages of this process."""
    from importlib.metadata import PackageNotFoundError, version

    from gpupept import __version__

    revision = source_revision()
    own = f"gpupept {__version__}" + (f" ({revision})" if revision else "")
    found = [own, f"Python {platform.python_version()}"]
    for name in names:
        with contextlib.suppress(PackageNotFoundError):
            found.append(f"{name} {version(name)}")
    return ", ".join(found)


def source_revision() -> str:
    """Commit of this checkout, marked when files differ from it; empty without git."""
    command = ["git", "describe", "--always", "--dirty", "--abbrev=10", "--exclude=*"]
    try:
        done = subprocess.run(
            command, cwd=Path(__file__).resolve().parent, capture_output=True, text=True, check=True
        )
    except (OSError, subprocess.CalledProcessError):
        return ""
    return done.stdout.strip()


def today() -> str:
    """Date in UTC."""
    return datetime.datetime.now(datetime.UTC).date().isoformat()
