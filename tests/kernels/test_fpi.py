"""Peaks of grids, on every device, against golden vectors and a plain search."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
from cuda_host import build
from hypothesis import given, settings
from hypothesis import strategies as st
from oracle import fpi as oracle
from ragged import CPU, ranges, tables

from gpupept.kernels.fpi import device as device_module
from gpupept.kernels.fpi import host as host_module
from gpupept.kernels.fpi import mean_times, peaks_of_grids, peaks_of_lines
from gpupept.kernels.fpi.refine import _fit_parabola
from gpupept.kernels.threads import use_threads
from gpupept.kernels.traverse.batch import describe_grids, traverse_batch


def peaks(device, grids, reach=1, ratio=0.4, least=0.0, dtype=np.float64):
    """Peaks of each grid of a list, in an array (K, 6) for each."""
    shapes = np.array([grid.shape for grid in grids], dtype=np.int64).reshape(-1, 3)
    offsets = np.concatenate([[0], np.cumsum(shapes.prod(axis=1))]).astype(np.int64)
    flat = np.concatenate([np.empty(0, dtype), *(np.ravel(grid) for grid in grids)]).astype(dtype)
    places, sizes = peaks_of_grids(device.asarray(flat), offsets, shapes, reach, ratio, least)
    assert places.shape == (sizes.sum(), 6)
    assert sizes.shape == (len(grids),)
    return np.split(device.to_host(places), np.cumsum(sizes))[: len(sizes)]


def check(device, grids, reach, ratio, least, dtype=np.float64):
    for grid, found in zip(grids, peaks(device, grids, reach, ratio, least, dtype), strict=True):
        expected = oracle.peak_cells(grid, reach, ratio, least)
        assert len(found) == len(expected)
        if not len(found):
            continue
        cells = np.array(expected)
        assert (np.abs(found[:, :3] - cells) < 1.0).all()
        assert not (found[:, 3:] < 0.0).any()
        # The tolerance of the method: it stops when residuals or steps are below 1e-4.
        np.testing.assert_allclose(
            found, oracle.peaks(grid, reach, ratio, least), rtol=1e-6, atol=1e-3
        )


# ---- Golden vectors


def golden_cases(archive):
    for case in json.loads(str(archive["index_json"])):
        name = case["name"]
        limits = np.array([archive[f"{name}/{axis}lim"] for axis in "xyz"])
        yield case, archive[f"{name}/voxels"], limits, archive[f"{name}/points"]


@pytest.mark.parametrize("dtype", [np.uint32, np.float64])
def test_golden(device, golden, dtype):
    """The places given are those of pept, in which half a voxel is missing."""
    compared = 0
    for case, voxels, limits, points in golden_cases(golden("tracking_fpi")):
        if voxels.dtype.kind == "f" and dtype == np.uint32:
            continue
        rule = (int(case["w"]), case["r"], case["lld_counts"])
        (found,) = peaks(device, [voxels], *rule, dtype=dtype)
        assert len(found) == case["n"] == len(points)
        size = (limits[:, 1] - limits[:, 0]) / voxels.shape
        places, widths = (points[:, 1:4] - limits[:, 0]) / size, np.abs(points[:, 4:7]) / size
        np.testing.assert_allclose(found[:, :3], places, atol=1e-3, err_msg=case["name"])
        np.testing.assert_allclose(found[:, 3:], widths, atol=1e-3, err_msg=case["name"])
        compared += len(found)
    assert compared > 30


# ---- Which cells are peaks


@st.composite
def grids(draw):
    """Grids of few values, so that many are equal, some not numbers; of one dtype."""
    counting = draw(st.booleans())
    number = draw(
        st.sampled_from(
            [
                st.integers(0, 3),
                st.sampled_from([0, 0, 0, 0, 0, 0, 5, 5, 7]),
                *([] if counting else [st.sampled_from([-2.0, 0.0, 1.5, math.nan, 3.0])]),
            ]
        )
    )
    number_of_grids = draw(st.integers(0, 3))
    arrays = []
    for _ in range(number_of_grids):
        shape = draw(st.tuples(st.integers(1, 7), st.integers(1, 6), st.integers(1, 9)))
        cells = draw(st.lists(number, min_size=math.prod(shape), max_size=math.prod(shape)))
        arrays.append(np.array(cells, dtype=np.float64).reshape(shape))
    return arrays, np.uint32 if counting else np.float64


@settings(max_examples=60)
@given(
    drawn=grids(),
    reach=st.integers(1, 3),
    ratio=st.sampled_from([0.4, 1.0, 0.0, 0.5]),
    least=st.sampled_from([0.0, 1.0, -5.0]),
)
def test_any_grids(device, drawn, reach, ratio, least):
    values, dtype = drawn
    if any(np.isnan(grid).any() or (grid < 0).any() for grid in values):
        for grid, found in zip(values, peaks(device, values, reach, ratio, least), strict=True):
            expected = np.array(oracle.peak_cells(grid, reach, ratio, least)).reshape(-1, 3)
            assert len(found) == len(expected)
            assert (np.abs(found[:, :3] - expected) < 1.0).all()
    else:
        check(device, values, reach, ratio, max(least, 0.0), dtype)


@pytest.mark.parametrize("dtype", [np.uint32, np.float64])
@pytest.mark.parametrize("shape", [(13, 5, 70), (9, 33, 40), (40, 9, 9)])
def test_noise_and_plateaus(device, shape, dtype):
    """Rows of more than one word, and as many equal values as there are cells."""
    rng = np.random.default_rng(sum(shape))
    flat = np.full(shape, 4.0)
    check(device, [rng.integers(0, 9, shape), flat, rng.poisson(40, shape)], 2, 0.7, 0.0, dtype)


def test_first_of_equal_cells_wins(device):
    grid = np.zeros((9, 9, 12))
    grid[4, 4, 4] = grid[4, 4, 6] = grid[4, 4, 8] = 5.0
    (found,) = peaks(device, [grid], reach=2)
    assert found[:, 2].round().tolist() == [4, 8]  # the one between is tied to the first alone
    (found,) = peaks(device, [grid], reach=3)
    assert found[:, 2].round().tolist() == [4, 8]
    grid[5, 2, 5] = 5.5
    (found,) = peaks(device, [grid], reach=2)
    assert found[:, :3].round().tolist() == [[4, 4, 8], [5, 2, 5]]


def test_border_cells_count_only_as_neighbours(device):
    grid = np.zeros((9, 9, 9))
    grid[4, 4, 4] = 5.0
    assert len(peaks(device, [grid], reach=3)[0]) == 1
    grid[1, 4, 4] = 100.0  # neither a peak, nor part of the largest value, but in the cube
    assert len(peaks(device, [grid], reach=3)[0]) == 0
    grid[1, 4, 4], grid[0, 4, 4] = 0.0, 100.0
    assert len(peaks(device, [grid], reach=3)[0]) == 1


# ---- Where peaks are


def gaussian_cells(centre, width, count=9):
    edges = (np.arange(count + 1) - 0.5 - centre) / (math.sqrt(2.0) * width)
    return np.diff([math.erf(edge) for edge in edges])


@pytest.mark.parametrize("intensity", [1e6, 300.0, 1e-3, 1e-9])
def test_gaussian_is_found_again(device, intensity):
    x, y, z = gaussian_cells(4.3, 0.8), gaussian_cells(3.9, 1.1), gaussian_cells(4.0, 0.6)
    grid = intensity * x[:, None, None] * y[:, None] * z
    (found,) = peaks(device, [grid])
    np.testing.assert_allclose(found, [[4.3, 3.9, 4.0, 0.8, 1.1, 0.6]], atol=1e-3)


def test_no_gaussian_gives_the_centre_of_the_cell(device):
    grid = np.full((3, 3, 3), -1.0)
    grid[1, 1, 1] = 2.0
    grid[1, 1, 0] = np.nan
    (found,) = peaks(device, [grid])
    assert np.isfinite(found[:, :3]).all()
    assert (np.abs(found[:, :3] - 1.0) < 1.0).all()
    assert found[0, 2] == 1.0
    assert np.isnan(found[0, 5])


def test_infinite_values(device):
    grid = np.ones((5, 5, 5))
    grid[2, 2, 2] = np.inf
    (found,) = peaks(device, [grid])
    assert found[0, :3].tolist() == [2, 2, 2]
    assert np.isnan(found[0, 3:]).all()


def test_gaussian_through_the_centres():
    for centre, width in ((0.3, 0.8), (-0.45, 1.5), (0.0, 0.5)):
        values = np.exp(-((np.arange(-1, 2) - centre) ** 2) / (2.0 * width**2))
        np.testing.assert_allclose(_fit_parabola(values), (centre, width), rtol=1e-9, atol=1e-12)


# ---- Lines


def random_lines(rng, number):
    """Lines through two places, and others."""
    middle = np.where(rng.random((number, 1)) < 0.5, [30.0, 40.0, 50.0], [70.0, 60.0, 50.0])
    middle = np.where(rng.random((number, 1)) < 0.7, middle, rng.uniform(0, 100, (number, 3)))
    away = rng.normal(size=(number, 3)) * 40.0
    return np.column_stack([np.arange(float(number)), middle - away, middle + away])


def test_peaks_of_lines(device):
    rng = np.random.default_rng(3)
    lines = random_lines(rng, 600)
    lines[7, 2] = np.nan
    samples = np.array([[0, 300], [200, 600], [300, 300], [0, 10]])
    limits = np.tile([[0.0, 100.0]] * 3, (4, 1, 1))
    limits[1, 0] = [-10.0, 90.0]
    counts = (20, 21, 22)
    tables_ = describe_grids(limits, counts)
    places, sizes, skipped = peaks_of_lines(device.asarray(lines), samples, tables_, 2, 0.4, 0.0)
    assert skipped == 2
    cells = np.zeros((4, *counts), dtype=np.uint32)
    traverse_batch(cells, lines, samples, tables_)
    for grid, found in zip(
        cells, np.split(device.to_host(places), np.cumsum(sizes)[:-1]), strict=True
    ):
        np.testing.assert_allclose(found, oracle.peaks(grid, 2, 0.4, 0.0), rtol=1e-6, atol=1e-3)
    assert sizes[2] == 0
    assert (sizes[:2] >= 2).all()


def test_many_lines_in_one_cell():
    """More than a 16-bit integer holds."""
    lines = np.tile([0.0, 5.5, 5.5, 5.4, 5.5, 5.5, 5.6], (2**16 + 2, 1))
    grids_ = describe_grids(np.array([[[0.0, 11.0]] * 3]), (11, 11, 11))
    whole = np.array([[0, len(lines)]])
    places, sizes, _ = peaks_of_lines(lines, whole, grids_, 3, 0.4, 2.0**16)
    assert sizes.tolist() == [1]
    np.testing.assert_allclose(places[0, :3], 5.0, atol=1e-3)


def test_number_and_order_of_threads_change_nothing(fake_gpu, monkeypatch):
    rng = np.random.default_rng(5)
    lines = random_lines(rng, 2000)
    starts = np.arange(0, 1700, 40)
    samples = np.stack([starts, starts + 300], axis=1)
    tables_ = describe_grids(np.tile([[0.0, 100.0]] * 3, (len(samples), 1, 1)), (16, 15, 14))
    found = []
    for threads, room in ((1, 1024), (2, 1), (5, 1)):
        monkeypatch.setattr(host_module, "ROOM", room)
        with use_threads(threads):
            places, sizes, _ = peaks_of_lines(lines, samples, tables_, 1, 0.3, 0.0)
        found.append((places.tobytes(), sizes.tobytes()))
    assert found == found[:1] * 3
    flat = rng.integers(0, 3, (4, 10, 11, 12)).astype(np.uint32)
    table = (np.arange(5) * 1320, np.tile([10, 11, 12], (4, 1)))
    on_gpu = fake_gpu.asarray(flat.reshape(-1))
    one = fake_gpu.asnumpy(peaks_of_grids(on_gpu, *table, 1, 0.4, 0.0)[0])
    monkeypatch.setattr(device_module, "MOST_GRIDS", 3)
    monkeypatch.setattr(device_module, "ROWS_PER_BLOCK", 7)
    with build.threads_from_last():
        other = fake_gpu.asnumpy(peaks_of_grids(on_gpu, *table, 1, 0.4, 0.0)[0])
    assert one.tobytes() == other.tobytes()


# ---- Times


@settings(max_examples=60)
@given(data=st.data())
def test_mean_times(device, data):
    lines = data.draw(tables(7, 10))
    lines[np.abs(lines) > 1e3] = np.nan
    samples = data.draw(ranges(len(lines)))
    found = device.to_host(mean_times(device.asarray(lines), samples))
    for time, (first, last) in zip(found, samples, strict=True):
        times = lines[first:last, 0]
        times = times[np.isfinite(times)]
        expected = times.mean() if len(times) else np.nan
        np.testing.assert_allclose(time, expected, rtol=1e-12, atol=1e-12)


def test_nothing():
    assert mean_times(np.empty((0, 7)), np.empty((0, 2), np.int64)).shape == (0,)
    assert peaks(CPU, []) == []
