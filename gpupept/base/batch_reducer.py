"""Reducers that are built in: fitted with the same options as filters."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any

from gpupept.base.transformers import Reducer
from gpupept.executors import Executor, check_executor
from gpupept.kernels.threads import use_threads


class BatchReducer(Reducer):
    """Base of the built-in reducers, which take all samples in a few calls.

    Subclasses define `fit_all`.
    """

    @abstractmethod
    def fit_all(self, samples: Any) -> Any:
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

    def fit(
        self,
        samples: Any,
        executor: Executor = "joblib",
        max_workers: int | None = None,
        verbose: bool = True,
    ) -> Any:
        """Transform all samples together, as `fit_all` describes.

        Parameters
        ----------
        samples : iterable
            All samples.
        executor : str, class or instance, default "joblib"
            Accepted for compatibility; all runs on threads, or on a GPU, in this process.
        max_workers : int, optional
            Number of threads; every core by default. Results do not depend on it.
        verbose : bool, default True
            Accepted for compatibility; there is no progress bar.

        Returns
        -------
        object
            The result.

        Raises
        ------
        TypeError
            If `executor` is unknown, or the samples are not what the reducer takes.
        ValueError
            If the samples do not have what it needs.
        """
        check_executor(executor, max_workers)
        with use_threads(max_workers):
            return self.fit_all(samples)
