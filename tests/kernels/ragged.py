"""Ragged batches for the tests of kernels: row ranges, and numbers of every kind."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
from hypothesis import strategies as st

# Stands for the `device` fixture where a test is about the CPU alone.
CPU = SimpleNamespace(asarray=np.asarray, to_host=np.asarray)

PLAIN = st.one_of(st.integers(-3, 3).map(float), st.floats(-100.0, 100.0))
EXTREME = st.sampled_from([np.nan, np.inf, -np.inf, 1e308, -1e308, 1e160, 1e-300, 5e-324, -0.0])


@st.composite
def tables(draw, columns, largest):
    """Arrays (rows, columns) of float64, a few of the rows with extreme numbers."""
    plain = st.tuples(*[PLAIN] * columns)
    mixed = st.tuples(*[st.one_of(PLAIN, PLAIN, EXTREME)] * columns)
    row = st.one_of(*[plain] * 4, mixed)
    rows = draw(st.integers(0, largest))
    listed = draw(st.lists(row, min_size=rows, max_size=rows))
    return np.array(listed, dtype=np.float64).reshape(-1, columns)


@st.composite
def ranges(draw, rows, most=4):
    """Row ranges (S, 2) within so many rows: overlapping, in any order, some empty, maybe none.

    Often one of them is all rows.
    """
    bound = st.integers(0, rows)
    pair = st.one_of(st.just((0, rows)), st.tuples(bound, bound))
    pairs = draw(st.lists(pair, max_size=most))
    return np.array([sorted(pair) for pair in pairs], dtype=np.int64).reshape(-1, 2)
