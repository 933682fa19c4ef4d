"""Lacey colours and relative deviations on every device: golden vectors, known mixers, odd passes."""

from __future__ import annotations

import logging

import numpy as np
import pytest
from hypothesis import given, settings
from kernels.ragged import CPU
from oracle import mixing as oracle
from processing.passes import COLUMNS, any_passes, container, helix

from gpupept import Pipeline, PointData, Voxels
from gpupept.processing import LaceyColors, RelativeDeviations
from gpupept.tracking import Stack

P1, P2 = np.array([-100.0, 0.0, 0.0]), np.array([100.0, 0.0, 0.0])
PLANE = [[0, 0], [1, 0], [0, 1]]  # y and z
QUIET = {"verbose": False}


@pytest.fixture
def mixing(golden, device):
    archive = golden("processing_mixing")
    rows, size = device.asarray(archive["passes"]), int(archive["sample_size"])
    return archive, PointData(rows, sample_size=size, columns=COLUMNS)


def test_golden_lacey_with_bases_of_its_own(device, mixing):
    archive, points = mixing
    lacey = LaceyColors(P1, P2, resolution=(8, 6))
    image = device.to_host(lacey.fit(points, **QUIET).array)
    signs = [
        np.sign((found * archive[f"lacey/{name}"]).sum(axis=0))
        for name, found in (("basis1", lacey.basis1_), ("basis2", lacey.basis2_))
    ]
    for name, found, sign in zip(
        ("basis1", "basis2"), (lacey.basis1_, lacey.basis2_), signs, strict=True
    ):
        np.testing.assert_allclose(found * sign, archive[f"lacey/{name}"], atol=1e-12)
        assert (found[np.abs(found).argmax(axis=0), [0, 1]] > 0).all()
    right = archive["lacey/image"][:: int(signs[1][0]), :: int(signs[1][1])]
    np.testing.assert_array_equal(image, right if signs[0][0] > 0 else right[..., ::-1])
    for name, found, sign in zip("xy", (lacey.xlim_, lacey.ylim_), signs[1], strict=True):
        np.testing.assert_allclose(np.sort(sign * found), archive[f"lacey/{name}lim"], atol=1e-12)


def test_golden_lacey_with_given_bases(device, mixing):
    archive, points = mixing
    lacey = LaceyColors(P1, P2, None, None, PLANE, PLANE, [-20, 20], [-15, 15], resolution=(8, 6))
    image = Pipeline([Stack(), lacey]).fit(points, **QUIET)
    assert isinstance(image, Voxels)
    assert image.device.partition(":")[0] == device.name
    np.testing.assert_array_equal(device.to_host(image.array), archive["lacey_fixed/image"])
    np.testing.assert_array_equal(
        [image.xlim, image.ylim, image.zlim], [[-20, 20], [-15, 15], [0, 2]]
    )
    assert lacey.passes_ == 60
    assert lacey.counts_.shape == (2, 8, 6)


@pytest.mark.parametrize("axes", [{}, {"ax1": [3, 0, 0], "ax2": [-1, 0, 0]}])
def test_golden_deviations(device, mixing, axes, caplog):
    archive, points = mixing
    for distance, key in ((10, "relative_deviations"), (1, "relative_deviations_maxdist1")):
        reducer = RelativeDeviations(P1, P2, max_distance=distance, histogram=False, **axes)
        found = device.to_host(reducer.fit(points, **QUIET))
        np.testing.assert_allclose(found, archive[key], rtol=0, atol=1e-10)
        missed = np.isnan(archive[key])
        for near in (reducer.points1, reducer.points2):
            assert len(near) == len(near.points) == 60
            assert list(near.columns) == COLUMNS
            rows = device.to_host(near.points)
            np.testing.assert_array_equal(np.isnan(rows), np.tile(missed[:, None], 7))
    assert "6 of 60 passes" in caplog.text


def test_half_a_turn_swaps_the_sides(device):
    passes = container(device, helix(turn=np.pi))
    p1, p2 = [0, 0, 0], [100, 0, 0]
    frame = {"basis1": PLANE, "basis2": PLANE, "xlim": [-10, 10], "ylim": [-10, 10]}
    lacey = LaceyColors(p1, p2, resolution=(2, 1), **frame)
    image = device.to_host(lacey.fit(passes, **QUIET).array)
    np.testing.assert_array_equal(image[:, 0], [[0, 0, 255], [255, 0, 0]])
    np.testing.assert_array_equal(lacey.counts_[..., 0], [[0, 20], [20, 0]])
    whole = container(device, helix(turn=2 * np.pi))
    image = device.to_host(lacey.fit(whole, **QUIET).array)
    np.testing.assert_array_equal(image[:, 0], [[255, 0, 0], [0, 0, 255]])
    # A quarter of a turn brings both colours to both sides of y, and apart along z.
    lacey.fit(container(device, helix(turn=np.pi / 2)), **QUIET)
    assert (lacey.counts_ > 0).all()
    upright = LaceyColors(p1, p2, resolution=(1, 2), **frame)
    upright.fit(container(device, helix(turn=np.pi / 2)), **QUIET)
    np.testing.assert_array_equal(upright.counts_[:, 0], [[20, 0], [0, 20]])


def test_turning_keeps_distances_and_widening_changes_them(device):
    for growth in (0.0, 0.5):
        tables = helix(turn=4.0, growth=growth)
        reducer = RelativeDeviations([0, 0, 0], [100, 0, 0], histogram=False)
        found = device.to_host(reducer.fit(container(device, tables), **QUIET))
        radii = [np.hypot(*table[0, 2:4]) for table in tables]
        np.testing.assert_allclose(found, growth * np.array(radii), atol=1e-12)


def test_bases_are_the_axes_of_the_widest_spread(device):
    rng = np.random.default_rng(3)
    y, z = rng.normal(0, [[1.0], [6.0]], (2, 300))
    ends = np.stack([np.zeros((300, 7)), np.zeros((300, 7))], axis=1)
    ends[:, 1, 1] = 50.0
    ends[:, :, 2], ends[:, :, 3] = y[:, None], z[:, None]
    lacey = LaceyColors([0, 0, 0], [50, 0, 0])
    lacey.fit(container(device, list(ends)), **QUIET)
    np.testing.assert_allclose(lacey.basis1_, [[0, 0], [0, 1], [1, 0]], atol=0.02)
    np.testing.assert_allclose(lacey.basis1_.T @ lacey.basis1_, np.eye(2), atol=1e-14)
    assert lacey.counts_.sum() == 300


@settings(max_examples=60)
@given(passes=any_passes())
def test_any_passes(device, passes):
    points = container(device, passes)
    p1, p2, limits, shape = np.zeros(3), np.array([3.0, 0, 4.0]), [[-50, 50], [-3, 3]], (3, 2)
    lacey = LaceyColors(
        p1, p2, None, None, PLANE, PLANE, *limits, max_distance=2.5, resolution=shape
    )
    with np.errstate(all="ignore"):
        counts = oracle.lacey(passes, p1, p2, 2.5, limits, shape)
        right = oracle.deviations(passes, p1, p2, 2.5)
    image = device.to_host(lacey.fit(points, **QUIET).array)
    np.testing.assert_array_equal(lacey.counts_, counts)
    for channel, number in ((0, counts[0]), (2, counts[1])):
        np.testing.assert_array_equal(
            image[..., channel], np.trunc(number * 255 / max(number.max(), 1))
        )
    assert not image[..., 1].any()
    deviations = RelativeDeviations(p1, p2, max_distance=2.5, histogram=False)
    found = device.to_host(deviations.fit(points, **QUIET))
    np.testing.assert_allclose(found, np.array(right).reshape(-1), rtol=1e-12, atol=1e-12)


def test_distances_whose_squares_overflow(device):
    points = container(device, [np.array([[0, 0, 3e200, -4e200], [1, 9, 0, 5]])], COLUMNS[:4])
    reducer = RelativeDeviations([0, 0, 0], [9, 0, 0], histogram=False)
    found = device.to_host(reducer.fit(points, **QUIET))
    np.testing.assert_allclose(found, [5e200], rtol=1e-15)


def test_passes_that_start_between_the_sides_are_blue(device):
    starts = [np.array([[0, 0, y, 0], [1, 9, 0, 0]]) for y in (0.0, -0.0, -1e-9)]
    lacey = LaceyColors([0, 0, 0], [9, 0, 0], None, None, PLANE, PLANE, resolution=(1, 1))
    lacey.fit(container(device, starts, COLUMNS[:4]), **QUIET)
    assert lacey.counts_.ravel().tolist() == [1, 2]


def test_limits_hold_their_lower_end_only(device):
    ends = [
        [[0, 0, -1, 0], [1, 9, y, z]] for y, z in ((-2, 0), (2, 0), (-2.1, 0), (1.9, -2), (0, 2))
    ]
    points = container(device, [np.array(each, dtype=float) for each in ends], COLUMNS[:4])
    lacey = LaceyColors(
        [0, 0, 0], [9, 0, 0], None, None, PLANE, PLANE, [-2, 2], [-2, 2], resolution=(2, 2)
    )
    lacey.fit(points, **QUIET)
    np.testing.assert_array_equal(lacey.counts_[0], [[0, 1], [1, 0]])
    assert lacey.passes_ == 5


def test_nothing_is_kept_between_fits(device):
    first, second = (container(device, helix(turn=turn, growth=1.0)) for turn in (1.0, 2.5))
    reducer = LaceyColors([0, 0, 0], [100, 0, 0])
    reducer.fit(first, **QUIET)
    again = device.to_host(reducer.fit(second, **QUIET).array)
    alone = device.to_host(LaceyColors([0, 0, 0], [100, 0, 0]).fit(second, **QUIET).array)
    np.testing.assert_array_equal(again, alone)
    assert reducer.basis1 is None
    assert reducer.xlim is None


def test_workers_and_executors_change_nothing(fake_gpu):
    tables = helix(passes=200)
    found = []
    for options in ({}, {"max_workers": 1}, {"max_workers": 5}, {"executor": "sequential"}):
        for to in (np.asarray, fake_gpu.asarray):
            points = PointData(to(np.vstack(tables)), sample_size=41, columns=COLUMNS)
            lacey = LaceyColors([0, 0, 0], [100, 0, 0])
            image = lacey.fit(points, **QUIET, **options).array
            deviations = RelativeDeviations([0, 0, 0], [100, 0, 0], histogram=False)
            apart = deviations.fit(points, **QUIET, **options)
            arrays = image, apart, lacey.basis1_, lacey.xlim_
            found.append(b"".join(fake_gpu.asnumpy(array).tobytes() for array in arrays))
    assert found == found[:1] * 8


def test_passes_that_are_nowhere_near(device, caplog):
    far = container(device, [np.full((3, 7), 900.0), np.full((2, 7), np.nan), np.empty((0, 7))])
    p1, p2 = [0, 0, 0], [100, 0, 0]
    frame = {"basis1": PLANE, "basis2": PLANE, "xlim": [-1, 1], "ylim": [-1, 1]}
    image = LaceyColors(p1, p2, **frame).fit(far, **QUIET)
    assert not device.to_host(image.array).any()
    assert "3 of 3 passes are left out" in caplog.text
    assert np.isnan(device.to_host(RelativeDeviations(p1, p2, histogram=False).fit(far))).all()
    RelativeDeviations(p1, p2).fit(far, **QUIET)  # a figure without bars
    with pytest.raises(ValueError, match=r"basis1 must be given.*max_distance"):
        LaceyColors(p1, p2).fit(far, **QUIET)
    with pytest.raises(ValueError, match="xlim must be given"):
        LaceyColors(p1, p2, basis1=PLANE, basis2=PLANE).fit(far, **QUIET)


@pytest.mark.parametrize("rows", [0, 1])
def test_hardly_any_rows(device, rows):
    points = PointData(device.asarray(np.ones((rows, 4))))
    p1, p2 = [0, 0, 0], [1, 0, 0]
    frame = {"basis1": PLANE, "basis2": PLANE, "xlim": [-2, 2], "ylim": [-2, 2]}
    image = LaceyColors(p1, p2, **frame).fit(points, **QUIET)
    assert device.to_host(image.array).sum() == 255 * rows
    found = RelativeDeviations(p1, p2, histogram=False).fit(points, **QUIET)
    expected = [3**0.5 - 2**0.5] * len(points) if rows else [np.nan] * len(points)
    np.testing.assert_allclose(device.to_host(found), expected)


def test_equal_passes(device):
    passes = container(device, helix(passes=1) * 7)
    lacey = LaceyColors([0, 0, 0], [100, 0, 0], resolution=(3, 3))
    image = device.to_host(lacey.fit(passes, **QUIET).array)
    assert lacey.counts_.max() == lacey.counts_.sum() == 7
    assert image.sum() == 255


def test_a_million_rows(device):
    rows = np.tile(np.vstack(helix(passes=50, rows=1000)), (20, 1))
    points = PointData(device.asarray(rows), sample_size=1000, columns=COLUMNS)
    lacey = LaceyColors([0, 0, 0], [100, 0, 0], basis1=PLANE, basis2=PLANE)
    lacey.fit(points, **QUIET)
    np.testing.assert_array_equal(lacey.counts_.sum(axis=(1, 2)), [500, 500])


def test_a_pass_at_the_largest_distance_is_left_out(device):
    points = container(device, [np.array([[0.0, 2, 1, 0], [1, 8, 1, 0]])] * 2, COLUMNS[:4])
    for distance, used in ((2.0, False), (np.nextafter(2.0, 3.0), True)):
        reducer = RelativeDeviations([0, 0, 0], [10, 0, 0], max_distance=distance, histogram=False)
        found = device.to_host(reducer.fit(points, **QUIET))
        assert np.isfinite(found).tolist() == [used] * 2


def test_the_figure_of_deviations():
    points = PointData(np.vstack(helix(growth=1.0)), sample_size=41, columns=COLUMNS)
    fig = RelativeDeviations([0, 0, 0], [100, 0, 0], marginal=None, nbins=7).fit(points, **QUIET)
    assert [trace.type for trace in fig.data] == ["histogram"]
    assert fig.data[0].nbinsx == 7
    assert fig.layout.xaxis.title.text == "Relative Deviation (mm)"
    assert fig.layout.yaxis.title.text == "Probability (%)"
    assert len(fig.data[0].x) == 40


@pytest.mark.parametrize("kind", [LaceyColors, RelativeDeviations])
def test_bad_arguments(kind):
    for arguments, name in (
        (([0, 0], [1, 0, 0]), "p1"),
        (([0, 0, 0], [1, 0, np.nan]), "p2"),
        (([0, 0, 0], "ab"), "p2"),
        (([0, 0, 0], [0, 0, 0]), "ax1"),
        (([0, 0, 0], [1, 0, 0], [0, 0, 0]), "ax1"),
        (([0, 0, 0], [1, 0, 0], None, [1, 0]), "ax2"),
    ):
        with pytest.raises(ValueError, match=name):
            kind(*arguments)
    for distance in (0, -1, np.nan, None, "10"):
        with pytest.raises(ValueError, match="max_distance"):
            kind([0, 0, 0], [1, 0, 0], max_distance=distance)
    with pytest.raises(TypeError, match="trajectories"):
        kind([0, 0, 0], [1, 0, 0]).fit(np.zeros((3, 2)), **QUIET)
    with pytest.raises(TypeError, match="executor"):
        kind([0, 0, 0], [1, 0, 0]).fit(np.zeros((3, 4)), executor="fast")


def test_bad_arguments_of_lacey():
    p1, p2 = [0, 0, 0], [1, 0, 0]
    for name, value in (
        ("basis1", np.eye(3)),
        ("basis2", [[0, 0], [1, 0], [0, np.inf]]),
        ("basis2", "yz"),
        ("xlim", [1, 1]),
        ("ylim", [0]),
        ("resolution", (8, 0)),
        ("resolution", 8),
    ):
        with pytest.raises(ValueError, match=name):
            LaceyColors(p1, p2, **{name: value})


def test_passes_in_any_form(caplog):
    tables = helix(passes=3)
    caplog.set_level(logging.INFO)
    reducer = RelativeDeviations([0, 0, 0], [100, 0, 0], histogram=False)
    found = [
        reducer.fit(samples)
        for samples in (
            container(CPU, tables),
            [PointData(table, columns=COLUMNS) for table in tables],
            iter([PointData(table, columns=COLUMNS) for table in tables]),
        )
    ]
    assert found[0].shape == (3,)
    np.testing.assert_array_equal(found[0], found[1])
    np.testing.assert_array_equal(found[0], found[2])
    assert "RelativeDeviations made in" in caplog.text
