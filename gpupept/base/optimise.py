"""Search of parameters of a pipeline: numbers among the attributes of its transformers."""

from __future__ import annotations

import inspect
import logging
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from gpupept.base.batch_filter import as_sized, on_device
from gpupept.base.free_parameters import FreeParameter, free_parameters, set_values
from gpupept.base.iterable_samples import IterableSamples
from gpupept.base.line_data import LineData
from gpupept.base.objectives import HeldOutLines, frequency_error, spatial_error
from gpupept.base.point_data import PointData
from gpupept.base.samples import whole_number

if TYPE_CHECKING:
    import pandas as pd

    from gpupept.base.pipeline import Pipeline

_log = logging.getLogger("gpupept")

OBJECTIVES = ("held-out", "pept")
MEASURES = ("freq_err", "spatial_err", "objective")
SPREAD = 0.25  # share of the evaluations that are spread over the box before a local search
FIRST_STEP, LAST_STEP = 0.15, 0.002  # of the local search, in shares of [min, max]
FAILED = 1e300  # stands for infinity in optimisers that subtract values


@dataclass(frozen=True)
class Optimisation:
    """Result of a parameter search.

    Attributes
    ----------
    best : dict of str to int or float
        The best values, by the names given.
    objective : float
        Their objective.
    history : pandas.DataFrame
        One row per setting tried, in order: the parameters, ``freq_err`` (1 / ms^2), ``spatial_err``
        (mm), both NaN where they cannot be told, and ``objective``, infinite for settings that
        failed or gave no positions. freq_err is that of the lines the pipeline got, without those
        held out. `numpy.asarray` of the result gives these values.
    failed : int
        How many settings were refused with a `ValueError`.
    last_failure : str
        Message of the last of them; empty if there was none.
    """

    best: dict[str, int | float]
    objective: float
    history: pd.DataFrame
    failed: int
    last_failure: str

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        return np.array(self.history, dtype=np.float64 if dtype is None else dtype)

    def __str__(self) -> str:
        values = ", ".join(f"{name} = {value:.6g}" for name, value in self.best.items())
        tried = f"{len(self.history)} settings tried, {self.failed} failed"
        return f"{values}: objective {self.objective:.6g} ({tried})"


class _Spent(Exception):
    """Not an error: it ends a search whose evaluations are used up."""


class Trials:
    """Evaluate settings on copies of a pipeline, each setting once, and keep what was found.

    Parameters
    ----------
    pipeline : Pipeline
        Never changed.
    parameters : list of FreeParameter
        What is varied.
    evaluate : callable
        From a pipeline to its result.
    score : callable
        From the result to the objective.
    measures : callable
        From the result to frequency and spatial errors.
    max_evals : int
        Largest number of different settings to try.
    report : callable
        Called after each one with the best objective.
    """

    def __init__(
        self,
        pipeline: Pipeline,
        parameters: list[FreeParameter],
        evaluate: Callable[[Pipeline], Any],
        score: Callable[[Any], float],
        measures: Callable[[Any], tuple[float, float]],
        max_evals: int,
        report: Callable[[float], None],
    ) -> None:
        self.parameters = parameters
        self.max_evals = max_evals
        self.rows: list[list[float]] = []
        self.failed = 0
        self.last_failure = ""
        self._pipeline = pipeline
        self._evaluate, self._score, self._measures = evaluate, score, measures
        self._report = report
        self._known: dict[tuple[int | float, ...], float] = {}
        self._checked = {
            parameter.step
            for parameter in parameters
            if _can_be_rebuilt(pipeline.transformers[parameter.step])
        }

    def __call__(self, shares: np.ndarray) -> float:
        """Objective at a point of the unit box, infinity as a large number."""
        values = tuple(p.value(share) for p, share in zip(self.parameters, shares, strict=True))
        if values not in self._known:
            if len(self.rows) >= self.max_evals:
                raise _Spent
            self.rows.append([*values, *self._try(values)])
            self._known[values] = self.rows[-1][-1]
            self._report(min(self._known.values()))
        return min(self._known[values], FAILED)

    def best(self) -> tuple[tuple[int | float, ...], float]:
        """Return the setting of the least objective, the earliest if several are alike, with it."""
        values = min(self._known, key=self._known.__getitem__)
        return values, self._known[values]

    def _try(self, values: tuple[int | float, ...]) -> tuple[float, float, float]:
        try:
            result = self._evaluate(self._changed(values))
        except ValueError as error:
            self.failed += 1
            self.last_failure = str(error)
            return np.nan, np.nan, np.inf
        objective = float(self._score(result))
        return *self._measures(result), np.inf if np.isnan(objective) else objective

    def _changed(self, values: tuple[int | float, ...]) -> Pipeline:
        """Copy of the pipeline with other values, as far as its classes accept them."""
        pipeline = self._pipeline.copy()
        set_values(pipeline.transformers, self.parameters, values)
        for step in sorted(self._checked):
            _rebuilt(pipeline.transformers[step])
        return pipeline


def _rebuilt(step: Any) -> Any:
    """Call the constructor with the attributes of the same names; it checks more than attributes."""
    names = inspect.signature(type(step)).parameters
    return type(step)(**{name: getattr(step, name) for name in names})


def _can_be_rebuilt(step: Any) -> bool:
    # Constructors may take other things than they keep: then only running tells what is allowed.
    try:
        _rebuilt(step)
    except Exception:
        return False
    return True


def search(trials: Trials, start: np.ndarray | None, seed: int) -> None:
    """Minimise over the unit box, until the evaluations are used up or nothing is left to try.

    First points spread evenly over the box (a Halton sequence, shifted at random), then the
    Nelder-Mead method from the best of them, and when it has settled from the next best.

    Parameters
    ----------
    trials : Trials
        The function; it raises when its evaluations are used up.
    start : (P,) array or None
        A point to begin with.
    seed : int
        Seed of the shift.
    """
    from scipy.optimize import minimize
    from scipy.stats import qmc

    axes = len(trials.parameters)
    count = max(2 * axes + 2, round(SPREAD * trials.max_evals))
    points = qmc.Halton(axes, scramble=False).random(count)
    points = (points + np.random.default_rng(seed).random(axes)) % 1.0
    if start is not None:
        points[0] = start
    found = [trials(point) for point in points]
    for number in np.argsort(found, kind="stable"):
        centre = points[number]
        steps = np.diag(np.where(centre > 0.5, -FIRST_STEP, FIRST_STEP))
        options = {
            "initial_simplex": np.vstack([centre, centre + steps]),
            "xatol": LAST_STEP,
            "fatol": np.inf,  # the unit of the objective is not known
        }
        minimize(trials, centre, method="Nelder-Mead", bounds=[(0.0, 1.0)] * axes, options=options)


def optimise(
    pipeline: Pipeline,
    lines: Any,
    max_evals: int,
    objective: str | Callable[[Any], float],
    seed: int,
    verbose: bool,
    options: Mapping[str, Any],
    given: Mapping[str, Any],
) -> Optimisation:
    """Do what `gpupept.Pipeline.optimise` says.

    Parameters
    ----------
    pipeline : Pipeline
        The pipeline; it gets the best values at the end.
    lines, max_evals, objective, seed, verbose
        As there.
    options : mapping
        Further arguments of `Pipeline.fit`.
    given : mapping
        Bounds of the free parameters.

    Returns
    -------
    Optimisation
        What was found.

    Raises
    ------
    ValueError, TypeError
        As there.

    Warns
    -----
    RuntimeWarning
        As there.

    Examples
    --------
    See `gpupept.Pipeline.optimise`.
    """
    parameters = free_parameters(pipeline.transformers, given)
    max_evals, seed = whole_number("max_evals", max_evals), whole_number("seed", seed)
    if max_evals < 1:
        raise ValueError(f"max_evals must be at least 1, found {max_evals}")
    if seed < 0:
        raise ValueError(f"seed must be zero or more, found {seed}")
    if not hasattr(lines, "__iter__"):
        raise ValueError(f"lines must be iterable, found {type(lines).__name__}")
    samples, score = _judge(objective, as_sized(on_device(lines, options.get("device"))))
    with _progress(max_evals, verbose) as report:
        trials = Trials(
            pipeline,
            parameters,
            lambda candidate: candidate.fit(samples, verbose=False, **options),
            score,
            lambda result: _measures(result, samples),
            max_evals,
            report,
        )
        with suppress(_Spent):
            search(trials, _current(pipeline, parameters), seed)
    return _finished(pipeline, trials, 0.0 if objective == "held-out" else None)


def _judge(objective: Any, lines: Any) -> tuple[Any, Callable[[Any], float]]:
    """Return the samples to give to pipelines, and what judges their results."""
    if callable(objective):
        return lines, objective
    if objective == "held-out":
        if not isinstance(lines, LineData):
            raise ValueError(
                "objective 'held-out' needs lines as a LineData, found "
                f"{type(lines).__name__}; give a function as objective"
            )
        held_out = HeldOutLines(lines)
        return held_out.rest, lambda result: held_out(_points(result))
    if objective == "pept":
        if not isinstance(lines, IterableSamples):
            raise ValueError(
                f"objective 'pept' needs lines as a LineData, found {type(lines).__name__}"
            )
        return lines, lambda result: _error_product(_points(result), lines)
    raise ValueError(
        f"objective must be a function or one of {', '.join(OBJECTIVES)}, found {objective!r}"
    )


def _points(result: Any) -> PointData:
    if isinstance(result, list | tuple) and not result:
        return PointData(np.empty((0, 4)))
    if not isinstance(result, PointData):
        raise TypeError(
            f"the pipeline must end with PointData, such as Stack gives, found "
            f"{type(result).__name__}; for other results give a function as objective"
        )
    return result


def _error_product(points: PointData, lines: IterableSamples) -> float:
    if not len(points.data):
        return np.inf
    if "error" not in points.columns:
        raise TypeError(
            "objective 'pept' needs a column 'error', such as Centroids(error=True) makes; the "
            f"columns are {list(points.columns)}"
        )
    return frequency_error(points, lines) * spatial_error(points)


def _measures(result: Any, samples: Any) -> tuple[float, float]:
    if not (isinstance(result, PointData) and isinstance(samples, IterableSamples)):
        return np.nan, np.nan
    return frequency_error(result, samples), spatial_error(result)


def _current(pipeline: Pipeline, parameters: Sequence[FreeParameter]) -> np.ndarray | None:
    """Point of the values there are, if it is in the box."""
    shares = [p.share(getattr(pipeline.transformers[p.step], p.attribute)) for p in parameters]
    inside = all(0.0 <= share <= 1.0 for share in shares)
    return np.array(shares) if inside else None


@contextmanager
def _progress(total: int, verbose: bool) -> Iterator[Callable[[float], None]]:
    """Give a function that counts a setting and shows the best objective."""
    if not verbose:
        yield lambda _: None
        return
    from tqdm.auto import tqdm

    with tqdm(desc="Optimising", total=total, unit="setting") as bar:

        def report(best: float) -> None:
            bar.set_postfix_str(f"best objective {best:.6g}", refresh=False)
            bar.update()

        yield report


def _finished(pipeline: Pipeline, trials: Trials, chance: float | None) -> Optimisation:
    """Set the best values on the pipeline and tell what was found."""
    import pandas as pd

    values, objective = trials.best()
    if objective == np.inf:
        reason = f"; the last one: {trials.last_failure}" if trials.failed else ""
        raise ValueError(
            f"none of the {len(trials.rows)} settings tried gave positions; {trials.failed} were "
            f"refused with a ValueError{reason}"
        )
    if chance is not None and objective >= chance:
        warnings.warn(
            "no setting tried predicts lines held out better than chance; widen the bounds, vary "
            "other parameters or give more lines",
            RuntimeWarning,
            stacklevel=4,
        )
    set_values(pipeline.transformers, trials.parameters, values)
    names = [parameter.name for parameter in trials.parameters]
    history = pd.DataFrame(trials.rows, columns=[*names, *MEASURES])
    best = dict(zip(names, values, strict=True))
    found = Optimisation(best, objective, history, trials.failed, trials.last_failure)
    _log.info("optimised: %s", found)
    return found
