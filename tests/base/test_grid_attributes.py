"""Attributes of grids are in `attrs`, and nowhere else; many columns in pixels."""

from __future__ import annotations

import pickle

import numpy as np
import pytest

from gpupept import LineData, Pixels, Voxels
from gpupept.base.pixels import _warn_of_columns


class Mine(Pixels):
    """A class of a user, with attributes of its own."""


def test_an_attribute_that_would_be_lost_is_refused() -> None:
    for grid in (
        Voxels.zeros((2, 2, 2), [0, 1], [0, 1], [0, 1]),
        Pixels.zeros((2, 2), [0, 1], [0, 1]),
    ):
        with pytest.raises(AttributeError, match=r"'foo' to set.*\.attrs\['foo'\] = "):
            grid.foo = 3
        assert not hasattr(grid, "foo")
        with pytest.raises(AttributeError, match="xlim"):
            grid.xlim = [0, 2]
        grid.real = 2.0
        assert float(grid.max()) == 2.0


def test_attributes_that_were_given_say_where_they_are() -> None:
    pixels = Pixels.zeros((2, 2), [0, 1], [0, 1]).copy(run=3)
    with pytest.raises(AttributeError, match=r"it is in attrs: \.attrs\['run'\]"):
        pixels.run  # noqa: B018
    assert not hasattr(pixels, "absent")
    assert pickle.loads(pickle.dumps(pixels)).attrs == {"run": 3}


def test_classes_of_users_may_have_attributes() -> None:
    mine = Mine(np.zeros((2, 2)), [0, 1], [0, 1])
    mine.note = "here"
    assert mine.note == "here"


def test_lines_in_3d_given_as_an_array_are_told_once(caplog: pytest.LogCaptureFixture) -> None:
    lines = np.array([[0, 0, 0, 5, 4, 4, 9.0]])
    limits = [0, 4], [0, 4]
    _warn_of_columns.cache_clear()
    flat = Pixels.from_lines(lines[:, [0, 1, 2, 4, 5]], (2, 2), *limits, verbose=False)
    projected = Pixels.from_lines(LineData(lines), (2, 2), *limits, verbose=False)
    assert np.array_equal(flat, projected)
    assert not caplog.records
    for _ in range(2):
        Pixels.from_lines(lines, (2, 2), *limits, verbose=False)
    assert ["LineData(array)" in record.getMessage() for record in caplog.records] == [True]
