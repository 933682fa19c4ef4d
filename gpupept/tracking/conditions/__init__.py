"""The language of conditions on columns: read safely, evaluated for all samples at once."""

from __future__ import annotations

from gpupept.tracking.conditions.errors import ConditionError
from gpupept.tracking.conditions.evaluation import (
    SampleRows,
    evaluate_on_rows,
    evaluate_on_samples,
)
from gpupept.tracking.conditions.nodes import Node, all_of, reduces
from gpupept.tracking.conditions.parsing import parse_row_condition, parse_sample_condition

__all__ = [
    "ConditionError",
    "Node",
    "SampleRows",
    "all_of",
    "evaluate_on_rows",
    "evaluate_on_samples",
    "parse_row_condition",
    "parse_sample_condition",
    "reduces",
]
