"""How much memory a call may take, and cutting a batch of samples into chunks that fit."""

from __future__ import annotations

import contextlib
import os
import re
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from gpupept.backend.devices import resolve_device
from gpupept.backend.namespace import cupy_module

MEMORY_VARIABLE = "GPUPEPT_MEMORY"
_SHARE = 4  # a quarter: the data itself, results and other programs need the rest
_SMALLEST = 64 * 2**20  # a default budget is no less, however full the memory is
_UNKNOWN_MEMORY = 4 * 2**30  # assumed where the operating system does not say
_SIZE = re.compile(r"\s*(\d+(?:\.\d*)?|\.\d+)\s*([kmgtp]?)(i?)b?\s*", re.IGNORECASE)
_CONTROL_GROUP = Path("/sys/fs/cgroup")
_default: int | None = None


def parse_size(size: str | int) -> int:
    """Read a size in memory.

    Parameters
    ----------
    size : str or int
        Bytes, or a string such as ``"2GB"`` (decimal), ``"512MiB"`` (binary) or ``"1000000"``.

    Returns
    -------
    int
        Bytes, at least 1.

    Raises
    ------
    TypeError
        If `size` is neither a string nor an integer.
    ValueError
        If the string cannot be read or the size is not positive.

    Examples
    --------
    >>> from gpupept.backend import parse_size
    >>> parse_size("2GB"), parse_size("512 MiB"), parse_size(100)
    (2000000000, 536870912, 100)
    """
    if isinstance(size, bool) or not isinstance(size, (str, int, np.integer)):
        raise TypeError(f'a size in memory must be bytes or a string such as "2GB", found {size!r}')
    if isinstance(size, str):
        found = _SIZE.fullmatch(size)
        if found is None:
            raise ValueError(f'a size in memory must look like "2GB" or "512MiB", found {size!r}')
        number, prefix, binary = found.groups()
        power = " kmgtp".index(prefix.lower()) if prefix else 0
        amount = int(Fraction(number) * (1024 if binary else 1000) ** power)
    else:
        amount = int(size)
    if amount < 1:
        raise ValueError(f"a size in memory must be at least one byte, found {size!r}")
    return amount


def set_memory_budget(size: str | int | None) -> None:
    """Set how much working memory a call may take, for this process.

    Parameters
    ----------
    size : str, int or None
        As `parse_size` reads it; None goes back to GPUPEPT_MEMORY, and without it to a quarter of
        the memory that is available.

    Raises
    ------
    TypeError, ValueError
        If `size` cannot be read.

    Examples
    --------
    >>> from gpupept.backend import memory_budget, set_memory_budget
    >>> set_memory_budget("1GB")
    >>> memory_budget()
    1000000000
    >>> set_memory_budget(None)
    """
    global _default
    _default = None if size is None else parse_size(size)


def memory_budget(device: str = "cpu", memory: str | int | None = None) -> int:
    """Bytes of working memory that a call may take on a device.

    Results never depend on it, only how much is computed at a time.

    Parameters
    ----------
    device : str
        ``"cpu"`` or ``"cuda:N"``.
    memory : str, int or None
        The budget if the caller was given one, as `parse_size` reads it.

    Returns
    -------
    int
        `memory`, else what `set_memory_budget` set, else the environment variable GPUPEPT_MEMORY,
        else a quarter of the memory now available on the device, and at least 64 MiB.

    Raises
    ------
    TypeError, ValueError
        If `memory` or GPUPEPT_MEMORY cannot be read.

    Examples
    --------
    >>> from gpupept.backend import memory_budget
    >>> memory_budget("cpu", "64MiB")
    67108864
    """
    if memory is not None:
        return parse_size(memory)
    if _default is not None:
        return _default
    setting = os.environ.get(MEMORY_VARIABLE, "").strip()
    if setting:
        try:
            return parse_size(setting)
        except ValueError as error:
            raise ValueError(f"environment variable {MEMORY_VARIABLE}: {error}") from None
    available = _host_memory() if device == "cpu" else _device_memory(device)
    return max(_SMALLEST, available // _SHARE)


def _device_memory(device: str) -> int:
    """Bytes that can still be allocated: free on the GPU, or kept by CuPy's pool for reuse."""
    index = int(resolve_device(device).partition(":")[2])
    cupy = cupy_module()
    with cupy.cuda.Device(index):
        free, _total = cupy.cuda.runtime.memGetInfo()
        return int(free) + int(cupy.get_default_memory_pool().free_bytes())


def _host_memory() -> int:
    """Bytes that can be allocated on the host, within the limit of its container if any."""
    limits = (_linux_available(), _control_group_available())
    known = [limit for limit in limits if limit is not None]
    return min(known) if known else _installed_memory()


def _linux_available() -> int | None:
    with contextlib.suppress(OSError, ValueError):
        for line in Path("/proc/meminfo").read_text().splitlines():
            if line.startswith("MemAvailable:"):
                return int(line.split()[1]) * 1024
    return None


def _control_group_available() -> int | None:
    with contextlib.suppress(OSError, ValueError):  # "max" (no limit) is not a number
        limit = int((_CONTROL_GROUP / "memory.max").read_text())
        used = int((_CONTROL_GROUP / "memory.current").read_text())
        statistics = (_CONTROL_GROUP / "memory.stat").read_text().split()
        cached = int(statistics[statistics.index("inactive_file") + 1])  # given up when needed
        return max(0, limit - used + cached)
    return None


def _installed_memory() -> int:
    """Half of the memory installed, on systems that do not say how much of it is available."""
    with contextlib.suppress(AttributeError, OSError, ValueError):
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") // 2
    return _UNKNOWN_MEMORY


def plan_chunks(costs: ArrayLike, budget: int) -> list[tuple[int, int]]:
    """Cut a batch of samples into runs that fit a memory budget.

    Parameters
    ----------
    costs : (S,) array of int
        Bytes of working memory that each sample needs, on the host.
    budget : int
        Bytes that one chunk may take.

    Returns
    -------
    list of (first, last)
        Half-open ranges of samples that cover 0..S in order. Each costs at most `budget` together,
        or is a single sample that costs more by itself.

    Raises
    ------
    ValueError
        If `costs` is not one-dimensional or holds a negative cost, or `budget` is not positive.

    Examples
    --------
    >>> from gpupept.backend import plan_chunks
    >>> plan_chunks([4, 4, 4, 20, 1], budget=10)
    [(0, 2), (2, 3), (3, 4), (4, 5)]
    """
    bytes_needed: np.ndarray[Any, np.dtype[np.int64]] = np.asarray(costs, dtype=np.int64)
    if bytes_needed.ndim != 1 or (bytes_needed < 0).any():
        raise ValueError(
            "costs must be a one-dimensional array of non-negative bytes per sample, "
            f"found shape {bytes_needed.shape} with minimum {bytes_needed.min(initial=0)}"
        )
    if budget < 1:
        raise ValueError(f"budget must be at least one byte, found {budget}")
    size = bytes_needed.shape[0]
    fits = min(int(budget), 2**62 // (size + 1))  # so that the running total cannot overflow
    total = np.zeros(size + 1, dtype=np.int64)
    np.cumsum(np.minimum(bytes_needed, fits + 1), out=total[1:])
    chunks: list[tuple[int, int]] = []
    first = 0
    while first < size:
        reach = int(np.searchsorted(total, total[first] + fits, side="right")) - 1
        last = max(reach, first + 1)
        chunks.append((first, last))
        first = last
    return chunks
