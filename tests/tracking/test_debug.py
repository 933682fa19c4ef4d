"""Debug: a description, and the input unchanged."""

from __future__ import annotations

import io

import numpy as np
import pytest

from gpupept import LineData, Pipeline, PointData, Voxels
from gpupept.base import SampleGroups
from gpupept.tracking import Centroids, Debug


def points(seed=0):
    rows = np.random.default_rng(seed).normal(size=(20, 5))
    rows[3, 4] = np.nan
    return PointData(rows, 5, columns=[*"txyz", "error"])


def test_table(capsys):
    data = points()
    assert Debug().fit(data) is data
    lines = capsys.readouterr().out.splitlines()
    table = {line[:6].strip(): line[6:].split() for line in lines if len(line.split()) == 6}
    assert table["count"] == ["20", "20", "20", "20", "19"]
    assert table["NaN"] == ["0", "0", "0", "0", "1"]
    assert table["dtype"] == ["float64"] * 5
    for name, function in [
        ("mean", np.nanmean),
        ("min", np.nanmin),
        ("50%", np.nanmedian),
        ("max", np.nanmax),
    ]:
        np.testing.assert_allclose(
            [float(v) for v in table[name]], function(data.points, axis=0), rtol=1e-5
        )
    np.testing.assert_allclose(
        [float(v) for v in table["std"]], np.nanstd(data.points, axis=0, ddof=1), rtol=1e-5
    )
    assert "gpupept.PointData (samples: 4)" in lines


def test_levels(capsys):
    Debug(0).fit(points())
    assert capsys.readouterr().out == ""
    Debug(1).fit(points())
    text = capsys.readouterr().out
    assert "samples: 4" in text
    assert "25%" not in text


def test_devices(device):
    stream = io.StringIO()
    data = PointData(device.asarray(points().points))
    assert Debug(stream=stream).fit(data) is data
    assert "NaN" in stream.getvalue()


@pytest.mark.parametrize(
    "samples",
    [
        [],
        [points(), points(1)],
        [points(), LineData(np.zeros((3, 7)))],
        [points(), np.zeros((3, 2)), "text", None, 5],
        [[points()], [points(), points(1)]],
        (np.zeros((2, 3)), np.zeros((0, 3))),
        np.zeros((4, 3), dtype=int),
        np.zeros(3),
        np.array(["a", "b"]),
        PointData(np.empty((0, 4))),
        PointData(np.full((2, 4), np.inf)),
        LineData(np.zeros((3, 7)), 5),
        SampleGroups(points(), [[0, 2], [2, 4]]),
        Voxels(np.zeros((2, 2, 2)), xlim=[0, 1], ylim=[0, 1], zlim=[0, 1]),
        {"a": 1},
        None,
        3,
    ],
)
def test_anything(samples):
    stream = io.StringIO()
    assert Debug(stream=stream).fit(samples) is samples
    assert stream.getvalue().count("Debug") == 2


def test_an_iterator_is_not_used_up():
    found = Debug(stream=io.StringIO()).fit(iter([points(), points(1)]))
    assert [len(item) for item in found] == [4, 4]


def test_long_lists():
    stream = io.StringIO()
    Debug(max_samples=2, stream=stream).fit([None, 1, 2.0, "x", []])
    assert "... and 3 more" in stream.getvalue()
    assert "element 1" in stream.getvalue()
    assert "element 2" not in stream.getvalue()


def test_in_a_pipeline(capsys):
    found = Pipeline([Centroids(), Debug()]).fit(points(), verbose=False)
    assert len(found.points) == 4
    assert "samples: 4" in capsys.readouterr().out
