"""Run compiled functions over ranges of samples on several threads.

The compiled functions release the interpreter lock, so plain threads are enough. Unlike the threading
layers of Numba's parallel loops they survive forked worker processes and may be used from several
threads at once. Which thread does which range never influences a result.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from contextvars import ContextVar
from itertools import pairwise
from threading import Lock

import numpy as np

from gpupept.kernels.compile_notice import watch_compilation

_RANGES_PER_THREAD = 8
_threads: ContextVar[int | None] = ContextVar("gpupept_threads", default=None)
_kept: tuple[tuple[int, int], ThreadPoolExecutor] | None = None


def thread_count() -> int:
    """Return the number of threads the compiled functions may use."""
    chosen = _threads.get()
    if chosen is not None:
        return chosen
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


@contextmanager
def use_threads(count: int | None) -> Iterator[None]:
    """Let the compiled functions use `count` threads inside the block.

    None leaves the number as it is: that of a block around this one, or every core.
    """
    token = _threads.set(_threads.get() if count is None else count)
    try:
        yield
    finally:
        _threads.reset(token)


def run_ranges(task: Callable[[int, int], object], costs: np.ndarray) -> None:
    """Call ``task(first, last)`` for ranges that cover all samples once.

    Parameters
    ----------
    task : callable
        Handles the samples ``first .. last - 1``; must not depend on how the samples are divided.
    costs : (S,) array
        Relative work per sample, used to make ranges of similar duration.
    """
    watch_compilation()
    samples = len(costs)
    threads = min(thread_count(), samples)
    if threads <= 1:
        if samples:
            task(0, samples)
        return
    bounds = _balanced_bounds(costs, threads * _RANGES_PER_THREAD)
    remaining = iter(list(pairwise(bounds)))
    lock = Lock()

    def work() -> None:
        while True:
            with lock:
                bound = next(remaining, None)
            if bound is None:
                return
            task(*bound)

    # This thread works too, so a call from inside a task cannot wait for itself.
    others = [_pool(threads).submit(work) for _ in range(threads - 1)]
    work()
    for other in others:
        if not other.cancel():
            other.result()


def _pool(threads: int) -> ThreadPoolExecutor:
    """Threads kept for later calls; a forked process, where they do not exist, gets its own."""
    global _kept
    key = (os.getpid(), threads)
    if _kept is None or _kept[0][0] != key[0] or _kept[0][1] < threads:
        _kept = (key, ThreadPoolExecutor(threads, thread_name_prefix="gpupept"))
    return _kept[1]


def _balanced_bounds(costs: np.ndarray, ranges: int) -> list[int]:
    work = np.cumsum(np.asarray(costs, dtype=np.float64) + 1.0)
    marks = work[-1] * np.arange(1, ranges) / ranges
    inner = np.searchsorted(work, marks, side="left") + 1
    return np.unique(np.concatenate([[0], inner, [len(costs)]])).tolist()  # type: ignore[no-any-return]
