"""What a pipeline is made of: filters work sample by sample, reducers on all samples at once."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any

from gpupept.base.checks import check_iterable
from gpupept.base.line_data import LineData
from gpupept.base.pept_object import PEPTObject
from gpupept.base.point_data import PointData
from gpupept.base.text import public_values, shorten
from gpupept.base.voxels import Voxels
from gpupept.executors import Executor, map_samples

if TYPE_CHECKING:
    from gpupept.base.pipeline import Pipeline

LINE_WIDTH = 80


class Transformer(PEPTObject, ABC):
    """Base of filters and reducers; ``a + b`` chains them into a pipeline."""

    def __add__(self, other: Transformer | Pipeline) -> Pipeline:
        from gpupept.base.pipeline import Pipeline

        if not isinstance(other, Transformer | Pipeline):
            return NotImplemented
        return Pipeline([self, other])

    def __radd__(self, other: Any) -> Pipeline:
        from gpupept.base.pipeline import Pipeline

        # sum([...]) starts from 0.
        return Pipeline([self]) if isinstance(other, int) and other == 0 else NotImplemented

    def __repr__(self) -> str:
        name = type(self).__name__
        longest = max(40, LINE_WIDTH + 1 - len(name))
        items = [
            f"{key} = {shorten(str(value), longest, longest - 2)}"
            for key, value in public_values(self).items()
        ]
        lines, line = [], f"{name}("
        for number, item in enumerate(items):
            if number and len(line) + len(item) > LINE_WIDTH:
                lines.append(line)
                line = " " * (len(name) + 1)
            line += item + (", " if number < len(items) - 1 else "")
        return "\n".join([*lines, line + ")"])


class Filter(Transformer):
    """Base of transformers that treat each sample by itself.

    Subclass it and define `fit_sample`; running in parallel and chaining come with it.

    Examples
    --------
    >>> import numpy as np
    >>> import gpupept
    >>> class Shift(gpupept.base.Filter):
    ...     def fit_sample(self, sample):
    ...         return gpupept.PointData(sample.points + 1.0)
    >>> points = gpupept.PointData(np.zeros((4, 4)), sample_size=2)
    >>> shifted = Shift().fit(points, executor="sequential", verbose=False)
    >>> len(shifted), float(shifted[0].points[0, 0])
    (2, 1.0)
    """

    @abstractmethod
    def fit_sample(self, sample: Any) -> Any:
        """Transform one sample.

        Parameters
        ----------
        sample : object
            Typically a `LineData` or `PointData` with one sample.

        Returns
        -------
        object
            The result for this sample.
        """

    def fit(
        self,
        samples: Any,
        executor: Executor = "joblib",
        max_workers: int | None = None,
        verbose: bool = True,
    ) -> Any:
        """Transform every sample.

        Parameters
        ----------
        samples : iterable
            The samples: a container, or any iterable.
        executor : str, class or instance, default "joblib"
            ``"sequential"``, ``"joblib"`` or a `concurrent.futures` executor, see
            `gpupept.executors.check_executor`.
        max_workers : int, optional
            Number of workers; every core by default.
        verbose : bool, default True
            Show a progress bar.

        Returns
        -------
        list
            The results, one per sample, in order.

        Raises
        ------
        ValueError
            If `samples` cannot be iterated.
        TypeError
            If `executor` is unknown.
        """
        return map_samples(
            self.fit_sample, samples, executor, max_workers, verbose, type(self).__name__
        )


class LineDataFilter(Filter):
    """Base of filters of `LineData`; `fit` raises TypeError for other samples."""

    def fit(
        self,
        samples: Any,
        executor: Executor = "joblib",
        max_workers: int | None = None,
        verbose: bool = True,
    ) -> Any:
        """Transform every sample of lines; see `Filter.fit`."""
        check_iterable(LineData, samples=samples)
        return super().fit(samples, executor, max_workers, verbose)


class PointDataFilter(Filter):
    """Base of filters of `PointData`; `fit` raises TypeError for other samples."""

    def fit(
        self,
        samples: Any,
        executor: Executor = "joblib",
        max_workers: int | None = None,
        verbose: bool = True,
    ) -> Any:
        """Transform every sample of points; see `Filter.fit`."""
        check_iterable(PointData, samples=samples)
        return super().fit(samples, executor, max_workers, verbose)


class VoxelsFilter(Filter):
    """Base of filters of `Voxels`; `fit` raises TypeError for other samples."""

    def fit(
        self,
        samples: Any,
        executor: Executor = "joblib",
        max_workers: int | None = None,
        verbose: bool = True,
    ) -> Any:
        """Transform every voxel grid; see `Filter.fit`."""
        check_iterable(Voxels, samples=samples)
        return super().fit(samples, executor, max_workers, verbose)


class Reducer(Transformer):
    """Base of transformers that need all samples at once.

    Examples
    --------
    >>> import numpy as np
    >>> import gpupept
    >>> class Count(gpupept.base.Reducer):
    ...     def fit(self, samples):
    ...         return len(samples)
    >>> Count().fit(gpupept.PointData(np.zeros((4, 4)), sample_size=2))
    2
    """

    @abstractmethod
    def fit(self, samples: Any) -> Any:
        """Transform all samples together.

        Parameters
        ----------
        samples : iterable
            All samples.

        Returns
        -------
        object
            The result.
        """
