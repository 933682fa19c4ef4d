"""Run a function on samples one by one: in a loop, in joblib processes or through any executor."""

from __future__ import annotations

from gpupept.executors.mapping import Executor, check_executor, map_samples

__all__ = ["Executor", "check_executor", "map_samples"]
