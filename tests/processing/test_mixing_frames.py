"""Mixing plane after plane: results on every device, their figures, and the pictures of these."""

from __future__ import annotations

import importlib.machinery
import re
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
import scipy.stats
from hypothesis import given, settings
from kernels.ragged import CPU
from oracle import mixing as oracle
from processing.passes import COLUMNS, any_passes, container, helix

from gpupept import PointData
from gpupept.processing import (
    LaceyColors,
    LaceyColorsLinear,
    RelativeDeviations,
    RelativeDeviationsLinear,
    SpatialProjections,
)

P1, P2 = [0, 0, 0], [100, 0, 0]
QUIET = {"verbose": False}
KINDS = {
    LaceyColorsLinear: (P1, P2),
    RelativeDeviationsLinear: (P1, P2),
    SpatialProjections: (0, 100),
}


def test_lacey_has_the_bases_and_limits_of_its_first_picture(device):
    points = container(device, helix(turn=2.0, growth=0.5))
    linear = LaceyColorsLinear(None, P1, P2, num_divisions=5, resolution=(4, 3))
    images = linear.fit(points, **QUIET)
    assert linear.lengths.tolist() == [25, 50, 75, 100]
    assert linear.passes.tolist() == [40] * 4
    first = LaceyColors(P1, [25, 0, 0], resolution=(4, 3))
    first.fit(points, **QUIET)
    frame = {name: getattr(first, f"{name}_") for name in ("basis1", "basis2", "xlim", "ylim")}
    for image, length in zip(images, linear.lengths, strict=True):
        single = LaceyColors(P1, [length, 0, 0], resolution=(4, 3), **frame)
        right = device.to_host(single.fit(points, **QUIET).array)
        np.testing.assert_array_equal(device.to_host(image.array), right)
        np.testing.assert_array_equal(image.xlim, first.xlim_)


def test_deviations_of_passes_that_widen_evenly(device):
    tables = helix(growth=1.0)
    linear = RelativeDeviationsLinear(None, P1, P2, num_divisions=5)
    figure = linear.fit(container(device, tables), **QUIET)
    radii = np.array([np.hypot(*table[0, 2:4]) for table in tables])
    for k, share in enumerate((0.0, 0.25, 0.5, 0.75, 1.0)):
        found = device.to_host(linear.deviations[k])
        np.testing.assert_allclose(found, share * radii, atol=1e-12)
    np.testing.assert_allclose(linear.mean, linear.lengths / 100 * radii.mean(), atol=1e-12)
    np.testing.assert_allclose(linear.std, linear.lengths / 100 * radii.std(), atol=1e-12)
    np.testing.assert_allclose(linear.skew[1:], scipy.stats.skew(radii), rtol=1e-9)
    np.testing.assert_allclose(linear.kurtosis[1:], scipy.stats.kurtosis(radii), rtol=1e-9)
    assert np.isnan([linear.skew[0], linear.kurtosis[0]]).all()  # all deviations are 0
    names = [trace.name for trace in figure.fig.data]
    assert names[0] == "Mean Deviation"
    assert names[-2:] == ["Skewness", "Kurtosis"]
    np.testing.assert_array_equal(figure.fig.data[0].y, linear.mean)


@pytest.fixture
def no_summary(monkeypatch):
    """Results alone, since a figure takes far longer."""
    monkeypatch.setattr(RelativeDeviationsLinear, "summary", lambda self: None)


@settings(max_examples=40)
@given(passes=any_passes())
def test_any_passes(device, no_summary, passes):
    points = container(device, passes)
    linear = RelativeDeviationsLinear(None, [0, 0, 0], [3, 0, 4], 3, 2.5)
    linear.fit(points, **QUIET)
    for k, place in enumerate(np.linspace([0, 0, 0], [3, 0, 4], 3)):
        found = device.to_host(linear.deviations[k])
        single = RelativeDeviations(
            [0, 0, 0], place, [3, 0, 4], [3, 0, 4], max_distance=2.5, histogram=False
        )
        np.testing.assert_array_equal(found, device.to_host(single.fit(points, **QUIET)))
        finite = found[np.isfinite(found)]
        assert np.isnan(linear.mean[k]) == (not len(finite))
        if len(finite) and 1e-3 * finite.max() < np.ptp(finite) < 1e70:
            expected = [scipy.stats.skew(finite), scipy.stats.kurtosis(finite)]
            np.testing.assert_allclose([linear.skew[k], linear.kurtosis[k]], expected, atol=1e-6)
    slices = SpatialProjections(None, -3, 3, "y", 4, 2.5)
    found = slices.fit(points, **QUIET)
    right = oracle.projections(passes, 2, np.linspace(-3, 3, 4), 2.5)
    for table, rows in zip(found, right, strict=True):
        np.testing.assert_array_equal(device.to_host(table), rows)


@pytest.mark.parametrize("dimension", ["x", 1])
def test_projections_and_their_figures(device, dimension):
    tables = helix(passes=12)
    slices = SpatialProjections(None, 0, 100, dimension, 5, colorbar_col="vy")
    found = slices.fit(container(device, tables), **QUIET)
    assert slices.projections is found
    for k, (place, table) in enumerate(zip(slices.divisions, found, strict=True)):
        assert place == 25.0 * k
        right = np.array([rows[10 * k, [0, 1, 2, 3, 5]] for rows in tables])
        np.testing.assert_array_equal(device.to_host(table), right)
    figures = list(slices.figures())
    everything = np.vstack([device.to_host(table) for table in found])
    for figure in figures:
        for axis, column in ((figure.layout.xaxis, 2), (figure.layout.yaxis, 3)):
            low, high = everything[:, column].min(), everything[:, column].max()
            room = 0.05 * (high - low)
            np.testing.assert_allclose(axis.range, [low - room, high + room])
        assert figure.data[0].marker.cmin == everything[:, 4].min()
        assert figure.data[0].marker.colorbar.title.text == "vy"
    assert figures[1].layout.title.text == "<i>x</i> = 25 mm"
    assert figures[1].layout.xaxis.title.text == "<i>y</i> (mm)"
    np.testing.assert_array_equal(figures[4].data[0].x, [rows[40, 2] for rows in tables])


def test_limits_and_colours_of_projections_can_be_given():
    slices = SpatialProjections(
        None, 0, 100, "z", 3, xlim=[0, 200], ylim=np.array([-20, 20]), marker_cmin=0, size=4
    )
    slices.fit(container(CPU, helix()), **QUIET)
    for figure in slices.figures():
        assert list(figure.layout.xaxis.range) == [0, 200]
        assert list(figure.layout.yaxis.range) == [-20, 20]
        assert {(trace.marker.cmin, trace.marker.size) for trace in figure.data} <= {(0, 4)}


def test_figures_share_their_ranges():
    points = container(CPU, helix(growth=1.0))
    linear = RelativeDeviationsLinear(None, P1, P2, num_divisions=3, nbins=5)
    linear.fit(points, **QUIET)
    figures = list(linear.figures())
    assert {figure.layout.xaxis.range for figure in figures} == {(0, linear.deviations[2].max())}
    assert figures[1].layout.title.text == "Travelled 50.0000 mm"
    lacey = LaceyColorsLinear(None, P1, P2, num_divisions=3)
    lacey.fit(points, **QUIET)
    figures = list(lacey.figures())
    assert [figure.layout.title.text for figure in figures] == [
        "Travelled 50.0000 mm",
        "Travelled 100.0000 mm",
    ]
    assert figures[0].data[0].type == "image"


@pytest.mark.parametrize("kind", KINDS)
def test_without_kaleido_results_are_complete(kind, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "kaleido", None)
    points = container(CPU, helix())
    folder = tmp_path / "frames"
    reducer = kind(folder, *KINDS[kind], num_divisions=3)
    with pytest.raises(ImportError, match=re.escape("gpupept[export]")):
        reducer.fit(points, **QUIET)
    assert not folder.exists()
    without = kind(None, *KINDS[kind], num_divisions=3)
    without.fit(points, **QUIET)
    for one, other in zip(reducer.figures(), without.figures(), strict=True):
        assert one.to_json() == other.to_json()
    with pytest.raises(ValueError, match="directory"):
        without.export()


@pytest.fixture
def pictures(monkeypatch):
    """Kaleido's stand-in: a list of the size of each picture."""
    import plotly.graph_objects as go

    kaleido = ModuleType("kaleido")
    kaleido.__spec__ = importlib.machinery.ModuleSpec("kaleido", None)
    monkeypatch.setitem(sys.modules, "kaleido", kaleido)
    sizes = []

    def write_image(self, file, format, height, width):
        sizes.append((height, width))
        Path(file).write_bytes(format.encode())
        if len(sizes) == 4:
            raise OSError("disk full")

    monkeypatch.setattr(go.Figure, "write_image", write_image)
    return sizes


@pytest.mark.parametrize("kind", KINDS)
def test_pictures_are_numbered_and_whole(kind, tmp_path, pictures):
    points = container(CPU, helix())
    first = 1 if kind is LaceyColorsLinear else 0
    reducer = kind(
        tmp_path / "a" / "b", *KINDS[kind], num_divisions=3 + first, prefix="f", height=30, width=40
    )
    reducer.fit(points, **QUIET)
    names = sorted(path.name for path in (tmp_path / "a" / "b").iterdir())
    assert names == [f"f{number:04d}.png" for number in range(first, first + 3)]
    assert pictures == [(30, 40)] * 3
    with pytest.raises(OSError, match="disk full"):
        reducer.export(tmp_path / "other")
    assert not list((tmp_path / "other").iterdir())


@pytest.mark.parametrize("kind", KINDS)
def test_odd_passes(kind, device, caplog):
    frame = {"xlim": [-1, 1], "ylim": [-1, 1]} if kind is LaceyColorsLinear else {}
    for passes in ([], [np.full((2, 7), np.nan), np.zeros((0, 7)), np.full((3, 7), 1e9)]):
        reducer = kind(None, *KINDS[kind], num_divisions=3, **frame)
        if kind is LaceyColorsLinear:
            with pytest.raises(ValueError, match="basis1 must be given"):
                reducer.fit(container(device, passes), **QUIET)
            continue
        reducer.fit(container(device, passes), **QUIET)
        assert len(list(reducer.figures())) == 3
        assert ("left out" in caplog.text or "no pass near" in caplog.text) or not passes
    one = container(device, [np.zeros((1, 7))] * 3)
    reducer = kind(None, *KINDS[kind], num_divisions=3, max_distance=np.inf, **frame)
    reducer.fit(one, **QUIET)
    assert len(list(reducer.figures())) == 3 - (kind is LaceyColorsLinear)


@pytest.mark.parametrize("kind", KINDS)
def test_workers_and_blocks_change_nothing(kind, monkeypatch):
    points = PointData(np.vstack(helix(passes=64)), sample_size=41, columns=COLUMNS)
    found = []
    for workers, entries in ((1, 10**6), (2, 10**6), (5, 200), (2, 1)):
        monkeypatch.setattr("gpupept.processing.passes._ENTRIES", entries)
        reducer = kind(None, *KINDS[kind], num_divisions=5)
        reducer.fit(points, executor="sequential", max_workers=workers, **QUIET)
        results = (getattr(reducer, name, None) for name in ("images", "deviations", "projections"))
        arrays = [np.asarray(getattr(a, "array", a)) for each in results if each for a in each]
        assert arrays
        found.append(b"".join(array.tobytes() for array in arrays))
    assert found == found[:1] * 4


@pytest.mark.parametrize("kind", KINDS)
def test_bad_arguments(kind):
    places = KINDS[kind]
    for name, value in (
        ("num_divisions", 0),
        ("num_divisions", np.nan),
        ("max_distance", -1),
        ("height", 0),
        ("width", 1.5),
        ("prefix", "a/b"),
        ("prefix", None),
    ):
        with pytest.raises(ValueError, match=name):
            kind(None, *places, **{name: value})
    with pytest.raises(ValueError, match="directory"):
        kind(3, *places)
    with pytest.raises(ValueError, match="fit first"):
        next(kind(None, *places).figures())
    with pytest.raises(TypeError, match="trajectories"):
        kind(None, *places).fit(np.zeros((3, 2)), **QUIET)
    if kind is not SpatialProjections:
        with pytest.raises(ValueError, match="num_divisions must be at least 2"):
            kind(None, *places, num_divisions=1)
        with pytest.raises(ValueError, match="p1 and p2 are the same"):
            kind(None, [1, 1, 1], [1, 1, 1])


def test_bad_arguments_of_projections():
    for dimension in ("t", "xy", 0, 4, None):
        with pytest.raises(ValueError, match="dimension"):
            SpatialProjections(None, 0, 1, dimension)
    for start, end, name in ((np.nan, 1, "start"), (0, "1", "end")):
        with pytest.raises(ValueError, match=name):
            SpatialProjections(None, start, end)
    with pytest.raises(ValueError, match="colorbar_col"):
        SpatialProjections(None, 0, 1, colorbar_col="v").fit(container(CPU, helix()), **QUIET)
