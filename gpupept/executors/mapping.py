"""Apply a function to every sample, in order, by one of several executors."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Sized
from typing import Any, TypeAlias

# "sequential", "joblib", or a `concurrent.futures` executor: a class or an instance.
Executor: TypeAlias = Any

NAMES = ("sequential", "joblib")


def check_executor(executor: Executor, max_workers: int | None) -> None:
    """Check the arguments that choose how samples are run.

    Parameters
    ----------
    executor : str, class or instance
        ``"sequential"``, ``"joblib"``, a class (or `functools.partial` of one) that is called
        with ``max_workers`` and used as a context manager, or an instance; they need a method
        ``submit``, as the executors of `concurrent.futures`, of `mpi4py.futures` and of a Dask
        client have.
    max_workers : int or None
        Number of workers, at least 1; None lets the executor decide.

    Raises
    ------
    TypeError
        If the executor is none of these, or `max_workers` is not a whole number.
    ValueError
        If `max_workers` is less than 1.

    Examples
    --------
    >>> from gpupept.executors import check_executor
    >>> check_executor("sequential", None)
    """
    if executor not in NAMES and not _has_submit(executor) and not _is_factory(executor):
        raise TypeError(
            "executor must be 'sequential', 'joblib' or a concurrent.futures executor (class, "
            f"functools.partial of one, or instance), found {executor!r}"
        )
    if max_workers is None:
        return
    if isinstance(max_workers, bool) or not hasattr(max_workers, "__index__"):
        raise TypeError(f"max_workers must be a whole number or None, found {max_workers!r}")
    if max_workers < 1:
        raise ValueError(f"max_workers must be at least 1 or None, found {max_workers}")


def _has_submit(executor: Executor) -> bool:
    return callable(getattr(executor, "submit", None))


def _is_factory(executor: Executor) -> bool:
    """Tell whether it is a `functools.partial` of an executor class."""
    return callable(executor) and _has_submit(getattr(executor, "func", None))


def map_samples(
    function: Callable[[Any], Any],
    samples: Iterable[Any],
    executor: Executor = "joblib",
    max_workers: int | None = None,
    verbose: bool = True,
    description: str = "",
) -> list[Any]:
    """Apply a function to every sample.

    Parameters
    ----------
    function : callable
        Called with one sample; must be picklable for executors that use processes.
    samples : iterable
        The samples.
    executor, max_workers
        See `check_executor`.
    verbose : bool, default True
        Show a progress bar.
    description : str
        Label of the progress bar.

    Returns
    -------
    list
        What the function returned, in the order of the samples, whatever the executor.

    Raises
    ------
    ValueError
        If `samples` cannot be iterated.
    TypeError
        See `check_executor`.

    Examples
    --------
    >>> from gpupept.executors import map_samples
    >>> map_samples(abs, [-1, 2], executor="sequential", verbose=False)
    [1, 2]
    """
    check_executor(executor, max_workers)
    if not hasattr(samples, "__iter__"):
        raise ValueError(f"samples must be iterable, found {type(samples).__name__}")
    total = len(samples) if isinstance(samples, Sized) else None
    run = _RUNNERS[executor] if isinstance(executor, str) else _run_futures
    results = run(function, samples, executor, max_workers)
    if not verbose:
        return list(results)
    from tqdm.auto import tqdm

    return [*tqdm(results, desc=description, total=total, unit="sample")]  # type: ignore[no-untyped-call]


def _run_sequential(
    function: Callable[[Any], Any], samples: Iterable[Any], executor: str, workers: int | None
) -> Iterator[Any]:
    return (function(sample) for sample in samples)


def _run_joblib(
    function: Callable[[Any], Any], samples: Iterable[Any], executor: str, workers: int | None
) -> Iterator[Any]:
    from joblib import Parallel, delayed

    parallel = Parallel(n_jobs=workers or os.cpu_count(), return_as="generator")
    results: Iterator[Any] = parallel(delayed(function)(sample) for sample in samples)
    return results


def _run_futures(
    function: Callable[[Any], Any], samples: Iterable[Any], executor: Any, workers: int | None
) -> Iterator[Any]:
    if isinstance(executor, type) or not _has_submit(executor):
        with executor(max_workers=workers) as pool:
            yield from _results_in_order(function, samples, pool)
    else:
        yield from _results_in_order(function, samples, executor)


def _results_in_order(
    function: Callable[[Any], Any], samples: Iterable[Any], pool: Any
) -> Iterator[Any]:
    futures = [pool.submit(function, sample) for sample in samples]
    try:
        for future in futures:
            yield future.result()
    finally:
        for future in futures:  # after an error nothing else needs to start
            future.cancel()


_RUNNERS: dict[str, Callable[..., Iterator[Any]]] = {
    "sequential": _run_sequential,
    "joblib": _run_joblib,
}
