"""Chains of filters and reducers."""

from __future__ import annotations

import logging
import time
import warnings
from collections.abc import Callable, Iterable, Sequence
from itertools import groupby
from typing import TYPE_CHECKING, Any

from gpupept.backend import device_of, device_scope
from gpupept.base.batch_filter import BatchFilter, as_sized, on_device, run_batch
from gpupept.base.iterable_samples import IterableSamples
from gpupept.base.pept_object import PEPTObject
from gpupept.base.per_sample import is_array
from gpupept.base.sample_groups import SampleGroups
from gpupept.base.transformers import Filter, Reducer, Transformer
from gpupept.executors import Executor, check_executor, map_samples
from gpupept.kernels.threads import use_threads

if TYPE_CHECKING:
    from gpupept.base.optimise import Optimisation

_log = logging.getLogger("gpupept")


class Pipeline(PEPTObject):
    """A chain of transformers, run in order.

    Consecutive built-in filters take whole batches through in a few calls, on a GPU or on the
    threads of a CPU; filters of your own run sample by sample through an executor. The two mix
    freely, and results never depend on the executor, the number of workers or the memory budget.

    Parameters
    ----------
    transformers : iterable of Transformer or Pipeline
        The steps; pipelines among them are flattened.

    Raises
    ------
    TypeError
        If one of them is neither.

    Examples
    --------
    >>> import numpy as np
    >>> import gpupept
    >>> from gpupept.tracking import Centroids, Stack
    >>> points = gpupept.PointData(np.arange(24.0).reshape(6, 4), sample_size=3)
    >>> pipeline = gpupept.Pipeline([Centroids(), Stack()])
    >>> pipeline.fit(points, verbose=False).points[:, 0]
    array([ 4., 16.])
    """

    def __init__(self, transformers: Iterable[Transformer | Pipeline]) -> None:
        if not hasattr(transformers, "__iter__"):
            raise TypeError(
                "transformers must be a list of filters, reducers and pipelines, found "
                f"{type(transformers).__name__}"
            )
        self._transformers: list[Any] = []  # filters and reducers
        for index, item in enumerate(transformers):
            if isinstance(item, Pipeline):
                self._transformers += item.transformers
            elif isinstance(item, Filter | Reducer):
                self._transformers.append(item)
            else:
                raise TypeError(
                    f"transformers[{index}] must be a filter, a reducer or a pipeline (an instance, "
                    f"not a class), found {item!r}"
                )

    @property
    def transformers(self) -> list[Transformer]:
        """All steps, in order."""
        return self._transformers

    @property
    def filters(self) -> list[Filter]:
        """The steps that treat samples one by one."""
        return [item for item in self._transformers if isinstance(item, Filter)]

    @property
    def reducers(self) -> list[Reducer]:
        """The steps that need all samples at once."""
        return [item for item in self._transformers if isinstance(item, Reducer)]

    def steps(self) -> list[tuple[Filter, ...] | Transformer]:
        """List the stages: a tuple for each run of consecutive filters, each reducer alone."""
        stages: list[tuple[Filter, ...] | Transformer] = []
        for is_filter, run in groupby(self._transformers, lambda item: isinstance(item, Filter)):
            items: tuple[Any, ...] = tuple(run)
            stages += [items] if is_filter else items
        return stages

    def __add__(self, other: Transformer | Pipeline) -> Pipeline:
        if not isinstance(other, Transformer | Pipeline):
            return NotImplemented
        return Pipeline([self, other])

    def __radd__(self, other: Any) -> Pipeline:
        # sum([...]) starts from 0.
        return Pipeline([self]) if isinstance(other, int) and other == 0 else NotImplemented

    def fit_sample(self, sample: Any) -> Any:
        """Take one sample through all steps; a reducer gets a list of this one.

        Parameters
        ----------
        sample : object
            What the first step takes.

        Returns
        -------
        object
            What the last step returns.
        """
        for item in self._transformers:
            sample = item.fit_sample(sample) if isinstance(item, Filter) else item.fit([sample])
        return sample

    def fit(
        self,
        samples: Any,
        executor: Executor = "joblib",
        max_workers: int | None = None,
        verbose: bool = True,
        device: str | None = None,
        memory: int | str | None = None,
    ) -> Any:
        """Take all samples through all steps.

        Parameters
        ----------
        samples : iterable
            The samples, typically a `LineData`; it is not changed.
        executor : str, class or instance, default "joblib"
            How filters of your own run: ``"sequential"``, ``"joblib"`` or a `concurrent.futures`
            executor (class or instance).
        max_workers : int, optional
            Number of workers, and of threads for what is built in; every core by default.
        verbose : bool, default True
            Show a progress bar for each run of filters.
        device : {"auto", "cpu", "cuda", "cuda:N"}, optional
            Where to compute; by default where the samples are, or as set by `gpupept.use_backend`.
            The result stays on that device.
        memory : int or str, optional
            Memory budget of a chunk, in bytes or like ``"2GB"``; a quarter of what is free by
            default.

        Returns
        -------
        object
            What the last step returned: a container for built-in steps, a list for filters of
            your own.

        Raises
        ------
        ValueError
            If `samples` cannot be iterated.
        TypeError
            If `executor` is unknown or a step is given samples it does not take.
        GPUUnavailableError
            If a GPU is asked for and there is none.
        """
        check_executor(executor, max_workers)
        if not hasattr(samples, "__iter__"):
            raise ValueError(f"samples must be iterable, found {type(samples).__name__}")
        started = time.perf_counter()
        _warn_of_nothing(samples)
        current = on_device(samples, device)
        if any(getattr(item, "inplace", False) for item in self._transformers):
            current = _unshared(current)
        stages = self.steps()
        for number, stage in enumerate(stages, start=1):
            if isinstance(stage, tuple):
                label = f"Batch {number} / {len(stages)} "
                current = _run_filters(
                    stage, current, executor, max_workers, verbose, memory, label
                )
            elif isinstance(stage, Reducer):
                with use_threads(max_workers), device_scope(_device(current)):
                    current = stage.fit(current)
        _log.info("processed in %.3f s", time.perf_counter() - started)
        return current

    def optimise(
        self,
        lines: Any,
        max_evals: int = 200,
        executor: Executor = "joblib",
        max_workers: int | None = None,
        verbose: bool = True,
        objective: str | Callable[[Any], float] = "held-out",
        seed: int = 0,
        device: str | None = None,
        memory: int | str | None = None,
        **free_parameters: Any,
    ) -> Optimisation:
        """Search parameters that make the tracking good, and set the best ones found.

        Parameters
        ----------
        lines : LineData
            What the pipeline takes. A part of a recording is enough, if it lasts several times as
            long as any window that the pipeline averages over.
        max_evals : int, default 200
            Largest number of different settings to try.
        executor, max_workers, device, memory
            How each setting is run, see `fit`; they do not change what is found.
        verbose : bool, default True
            Show a progress bar with the best objective.
        objective : {"held-out", "pept"} or callable, default "held-out"
            What is made small. ``"held-out"``: some lines are kept from the pipeline, and the
            trajectories are judged by how well they predict these, see Notes; it needs a `LineData`
            and a pipeline that ends with positions and, if there are several tracers, with their
            labels (`gpupept.tracking.Segregate`). ``"pept"``: freq_err times spatial_err, the
            objective of earlier implementations, which needs a column ``error``. A function gets
            the result of the pipeline and returns a number; NaN counts as infinity.
        seed : int, default 0
            Seed of the settings tried; the same seed gives the same result.
        **free_parameters : (min, max)
            Bounds of the parameters to vary, by the names of attributes that are numbers. A number
            n after the name means the n-th transformer with such an attribute (``true_fraction2``);
            without it the first is meant. Integers stay integers. A parameter named like an argument
            of this method is given with its number (``seed1``).

        Returns
        -------
        Optimisation
            ``best`` values, their ``objective``, and the ``history`` of all settings as a table:
            parameters, freq_err, spatial_err and objective.

        Raises
        ------
        ValueError
            If no free parameter is given, a name is unknown, bounds are wrong, another argument is
            out of range, or no setting gives positions.
        TypeError
            If the result of the pipeline cannot be judged.

        Warns
        -----
        RuntimeWarning
            If no setting predicts held-out lines better than chance.

        Notes
        -----
        Settings are tried on copies: the pipeline changes only at the end, and is left as it was if
        the search fails or is interrupted. A setting that is refused with a `ValueError` counts as
        infinite and is reported in ``failed``; other errors end the search. The values that the
        pipeline has are tried first, if they lie within the bounds, so the best is never worse.

        The objective ``"held-out"`` is explained at `gpupept.base.objectives.HeldOutLines`; it counts
        errors of positions, delays, gaps, lost tracers and false trajectories alike. The rate that
        freq_err compares with, one position per hundred lines, is arbitrary, and the spread of a
        cluster, spatial_err, falls when clusters shrink, even if their centroids get worse; the
        product can be made zero by settings that track badly.

        A quarter of the settings is spread evenly over the bounds; the others come from the
        Nelder-Mead method, started at the best of these.

        References
        ----------
        J. A. Nelder, R. Mead, *A simplex method for function minimization*, Comput. J. 7, 308
        (1965).

        Examples
        --------
        >>> import gpupept
        >>> from gpupept.tracking import HDBSCAN, Centroids, Cutpoints, Segregate, SplitLabels, Stack
        >>> run = gpupept.simulation.rotating_tracers(lors=2_000, radii=[50], sample_size=200)
        >>> pipeline = gpupept.Pipeline(
        ...     [Cutpoints(0.5), HDBSCAN(0.9), SplitLabels() + Centroids(), Stack(), Segregate(20, 30)]
        ... )
        >>> found = pipeline.optimise(run.lines, max_evals=6, verbose=False, true_fraction=[0.1, 1])
        >>> found.best["true_fraction"] == pipeline.transformers[1].true_fraction
        True
        >>> list(found.history.columns)
        ['true_fraction', 'freq_err', 'spatial_err', 'objective']
        """
        from gpupept.base.optimise import optimise

        options = {
            "executor": executor,
            "max_workers": max_workers,
            "device": device,
            "memory": memory,
        }
        return optimise(self, lines, max_evals, objective, seed, verbose, options, free_parameters)

    def __repr__(self) -> str:
        steps = [
            "\n".join("    " + line for line in repr(t).split("\n")) for t in self.transformers
        ]
        return "\n".join(["Pipeline", "-" * 8, "transformers = [", *steps, "]"])


def _warn_of_nothing(samples: Any) -> None:
    """Say so when rows are given but no sample: they would all be ignored."""
    if isinstance(samples, IterableSamples) and len(samples.data) and not len(samples):
        warnings.warn(
            f"the {len(samples.data)} rows given make no sample with sample_size = "
            f"{samples.sample_size}; nothing is processed",
            stacklevel=3,
        )


def _unshared(samples: Any) -> Any:
    """Copy the rows of samples, which a step is going to change in place."""
    if isinstance(samples, IterableSamples):
        return samples.with_rows(samples.data.copy())
    if isinstance(samples, SampleGroups):
        return SampleGroups(_unshared(samples.members), samples.groups_indices)
    if isinstance(samples, list | tuple):
        return [_unshared(item) for item in samples]
    return samples.copy() if is_array(samples) else samples


def _device(samples: Any) -> str:
    """Device of a container or an array; lists, which may hold anything, count as on the host."""
    name = getattr(samples, "device", "cpu")
    return name if isinstance(name, str) else device_of(samples)


def _run_filters(
    filters: Sequence[Filter],
    samples: Any,
    executor: Executor,
    max_workers: int | None,
    verbose: bool,
    memory: int | str | None,
    label: str,
) -> Any:
    """Run consecutive filters: batched ones on all samples, the others sample by sample."""
    for batched, run in groupby(filters, lambda item: isinstance(item, BatchFilter)):
        chain = list(run)
        if not batched:
            samples = map_samples(_Chain(chain), samples, executor, max_workers, verbose, label)
            continue
        samples = as_sized(samples)
        batch = chain[0].batch_of(samples)  # type: ignore[attr-defined]
        if batch is not None:
            samples = run_batch(chain, batch, max_workers, verbose, memory, label)  # type: ignore[arg-type]
        else:
            samples = map_samples(_Chain(chain), samples, "sequential", None, verbose, label)
    return samples


class _Chain:
    """Filters applied to one sample after the other; a class so that processes can receive it."""

    def __init__(self, filters: list[Filter]) -> None:
        self.filters = filters

    def __call__(self, sample: Any) -> Any:
        for item in self.filters:
            try:
                sample = item.fit_sample(sample)
            except Exception as error:
                error.add_note(f"in {type(item).__name__}.fit_sample, given:\n{sample!r}"[:1000])
                raise
        return sample
