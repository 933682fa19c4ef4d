"""Parts of balls and capsules in cells, on every device, against quadrature and closed forms."""

from __future__ import annotations

import functools
import itertools
import math

import numpy as np
import pytest
from cuda_host import build
from hypothesis import given, settings
from hypothesis import strategies as st
from oracle import occupancy as oracle
from ragged import CPU, EXTREME

from gpupept.backend import set_memory_budget
from gpupept.kernels.occupancy import Shapes, measures, spread
from gpupept.kernels.threads import use_threads


def cover(device, segments, radii, edges, tails=False, weights=None):
    """What `spread` adds to zeros: (K, *cells), and the whole measures."""
    segments = np.atleast_2d(np.asarray(segments, dtype=float))
    count = len(segments)
    shapes = Shapes(
        device.asarray(segments),
        device.asarray(np.full(count, radii, dtype=float)),
        device.asarray(np.full(count, tails)),
    )
    weights = np.ones((count, 1)) if weights is None else weights
    shape = (weights.shape[1], *(len(axis) - 1 for axis in edges))
    cells = device.asarray(np.zeros(shape))
    spread(cells, shapes, device.asarray(np.ascontiguousarray(weights)), edges)
    return device.to_host(cells), device.to_host(measures(shapes))


def cells_of(edges):
    """Index, lower and upper corner of each cell."""
    for index in itertools.product(*(range(len(axis) - 1) for axis in edges)):
        low = [axis[i] for axis, i in zip(edges, index, strict=True)]
        high = [axis[i + 1] for axis, i in zip(edges, index, strict=True)]
        yield index, low, high


@functools.lru_cache
def expected_volume(segment, r, low, high, tail):
    a, b = np.reshape(segment, (2, 3))
    whole = oracle.volume(a, b, r, low, high)
    return whole - (oracle.volume(b, b, r, low, high) if tail else 0.0)


def expected_areas(segment, r, edges, tail=False):
    a, b = np.reshape(segment, (2, 2))
    found = np.zeros([len(axis) - 1 for axis in edges])
    for index, low, high in cells_of(edges):
        found[index] = oracle.area(a, b, r, low, high)
        if tail:
            found[index] -= oracle.area(b, b, r, low, high)
    return found


NUMBER = st.one_of(st.integers(-4, 8).map(lambda n: n / 2), st.floats(-3.0, 6.0))
PLANE = [np.linspace(-1.0, 3.0, 5), np.linspace(0.0, 3.0, 4)]


@settings(max_examples=40)
@given(
    segment=st.one_of(
        st.tuples(*[NUMBER] * 4), st.tuples(NUMBER, NUMBER).map(lambda point: (*point, *point))
    ),
    r=st.one_of(st.sampled_from([0.5, 1.0, 2.0]), st.floats(0.01, 4.0)),
    tail=st.booleans(),
)
def test_areas(device, segment, r, tail):
    """Also of discs that touch edges, and steps along an axis or of no length."""
    found, _ = cover(device, segment, r, PLANE, tail)
    np.testing.assert_allclose(found[0], expected_areas(segment, r, PLANE, tail), atol=2e-8)


SPACE = [np.linspace(-1.0, 1.0, 3), np.linspace(0.0, 1.6, 3), np.linspace(-1.0, 1.0, 2)]


@pytest.mark.parametrize(
    ("segment", "r"),
    [
        ([0.1, 0.5, 0.2, 0.1, 0.5, 0.2], 0.6),  # a ball
        ([0.0, 0.8, -1.0, 0.0, 0.8, -1.0], 1.0),  # around a corner of cells
        ([-0.7, 0.2, -0.5, 0.6, 1.3, 0.4], 0.3),
        ([-3.0, -2.0, -1.0, 2.0, 3.0, 1.5], 0.9),
        ([-0.5, 0.5, 0.3, 0.9, 0.5, 0.3], 0.4),  # along an axis, and back along another
        ([0.4, 0.5, 0.8, 0.4, 0.5, -0.6], 0.25),
        ([-0.5, 0.5, 0.3, 0.9, 0.5 + 1e-9, 0.3], 0.4),  # almost along one
        ([0.0, 0.0, 0.0, 0.4, 0.0, 1.0], 2.5),  # larger than the grid
    ],
)
def test_volumes(device, segment, r):
    for tail in (False, True):
        found, _ = cover(device, segment, r, SPACE, tail)
        for index, low, high in cells_of(SPACE):
            right = expected_volume(tuple(segment), r, tuple(low), tuple(high), tail)
            assert found[0][index] == pytest.approx(right, abs=1e-6)


@pytest.mark.parametrize("axis", [0, 1, 2])
@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_cylinders_along_an_axis_have_the_area_of_a_disc(device, axis, sign):
    centre, r = np.array([0.3, 0.7, 0.1]), 0.45
    step = 5.0 * sign * np.eye(3)[axis]
    found, _ = cover(device, [*(centre - step), *(centre + step)], r, SPACE)
    others = [edges for k, edges in enumerate(SPACE) if k != axis]
    middle = np.delete(centre, axis)
    areas = expected_areas([*middle, *middle], r, others)
    size = SPACE[axis][1] - SPACE[axis][0]
    expected = np.repeat(np.expand_dims(areas, axis), len(SPACE[axis]) - 1, axis) * size
    np.testing.assert_allclose(found[0], expected, atol=1e-9)


@settings(max_examples=40)
@given(data=st.data(), dimensions=st.sampled_from([2, 3]), tail=st.booleans())
def test_nothing_is_lost_in_a_grid_around_all(device, data, dimensions, tail):
    numbers = st.lists(
        st.one_of(st.integers(-2, 2).map(float), st.floats(-2, 2)), min_size=6, max_size=6
    )
    segment = np.array(data.draw(numbers))[: 2 * dimensions]
    r = data.draw(st.one_of(st.sampled_from([0.5, 1.0]), st.floats(1e-3, 2.0)))
    edges = [np.linspace(-4.0, 4.0, data.draw(st.integers(1, 9)) + 1) for _ in range(dimensions)]
    found, whole = cover(device, segment, r, edges, tail)
    cell = math.prod(axis[1] - axis[0] for axis in edges)
    assert found[0].sum() == pytest.approx(whole[0], rel=1e-9, abs=1e-7 * cell)
    assert found.min() >= 0.0
    assert found.max() <= cell * (1 + 1e-12)


@pytest.mark.parametrize("ratio", [1e-6, 1e-3, 1.0, 30.0, 1e4, 1e6])
def test_any_ratio_of_radius_and_pixel(device, ratio):
    """A small grid across the outline of a shape however large, or around one however small."""
    r = ratio * 0.1
    edge = (r + 0.3) if ratio > 1 else 0.05  # of the shape's outline, in the middle of the grid
    edges = [np.linspace(edge - 0.5, edge + 0.5, 11) - 0.3, np.linspace(-0.5, 0.5, 11)]
    found, whole = cover(device, [0.0, 0.013, 0.02, 0.013], r, edges)
    if ratio > 1:
        np.testing.assert_allclose(
            found[0], expected_areas([0.0, 0.013, 0.02, 0.013], r, edges), atol=1e-9 * 0.01
        )
    else:
        assert found[0].sum() == pytest.approx(whole[0], rel=1e-9)


def test_small_ball_in_one_voxel_is_whole(device):
    edges = [np.linspace(-1.0, 1.0, 4)] * 3
    found, whole = cover(device, [0.01, 0.02, 0.03] * 2, 1e-5, edges)
    assert found[0, 1, 1, 1] == pytest.approx(whole[0], rel=1e-9)
    assert np.count_nonzero(found) == 1


def test_crescents_of_a_straight_track_cover_it_once(device):
    points = np.column_stack([np.linspace(0, 4, 9), np.linspace(1, 2, 9)])
    segments = np.hstack([points[:-1], points[1:]])
    edges = [np.linspace(-2, 6, 21), np.linspace(-1, 4, 16)]
    parts, _ = cover(device, segments, 0.7, edges, tails=np.arange(8) < 7)
    whole, _ = cover(device, [*points[0], *points[-1]], 0.7, edges)
    np.testing.assert_allclose(parts, whole, atol=1e-12)


@settings(max_examples=30)
@given(
    segment=st.lists(
        st.one_of(st.floats(-2, 2), st.sampled_from([-1.0, 0.0, 1.0])), min_size=4, max_size=4
    ),
    r=st.sampled_from([0.05, 0.5, 1.5]),
)
def test_a_crescent_is_a_capsule_without_the_disc_at_its_end(device, segment, r):
    """On fine grids, where most pixels are all in or all out."""
    edges = [np.linspace(-3.0, 3.0, 41), np.linspace(-3.0, 3.0, 31)]
    whole, crescent, disc = (
        cover(device, ends, r, edges, tail)[0]
        for ends, tail in ((segment, False), (segment, True), (segment[2:] * 2, False))
    )
    np.testing.assert_allclose(crescent, whole - disc, atol=1e-12)


def test_a_step_of_no_length_has_no_crescent(device):
    for dimensions in (2, 3):
        edges = [np.linspace(-2.0, 2.0, 6)] * dimensions
        found, whole = cover(device, [0.1] * 2 * dimensions, 0.8, edges, tails=True)
        assert not found.any()
        assert whole[0] == 0.0


@pytest.mark.parametrize("step", [1e-300, 1e-17, 1e-9])
def test_hardly_any_crescent_does_no_harm(device, step):
    for dimensions in (2, 3):
        edges = [np.linspace(-2.0, 2.0, 6)] * dimensions
        segment = np.zeros(2 * dimensions)
        segment[dimensions] = step
        found, whole = cover(device, segment, 0.8, edges, tails=True)
        assert found.min() >= 0.0
        assert found.sum() == pytest.approx(whole[0], rel=1e-3, abs=1e-14)


def test_weights_give_several_sums(device):
    rng = np.random.default_rng(4)
    segments, weights = rng.uniform(-1, 4, (5, 4)), rng.normal(size=(5, 3))
    found, _ = cover(device, segments, 0.5, PLANE, weights=weights)
    alone = [cover(device, segment, 0.5, PLANE)[0][0] for segment in segments]
    np.testing.assert_allclose(found, np.tensordot(weights.T, alone, 1), atol=1e-12)


def test_no_shapes_and_shapes_outside_add_nothing(device):
    found, _ = cover(device, np.empty((0, 4)), 1.0, PLANE)
    assert not found.any()
    found, _ = cover(device, [[9.0, 9.0, 20.0, 9.0], [-9.0, 1.0, -2.0, 1.0]], 1.0, PLANE)
    assert not found.any()


@settings(max_examples=40)
@given(
    segment=st.lists(st.one_of(EXTREME, st.floats(-2, 2)), min_size=6, max_size=6),
    r=st.sampled_from([1e-300, 1e-12, 1.0, 1e12, 1e200]),
    dimensions=st.sampled_from([2, 3]),
)
def test_shapes_of_absurd_size_do_no_harm(device, segment, r, dimensions):
    segment = np.nan_to_num(np.array(segment), nan=0.0, posinf=1e300, neginf=-1e300)
    edges = [np.linspace(-1.0, 1.0, 3)] * dimensions
    for tail in (False, True):
        with np.errstate(over="ignore", invalid="ignore"):
            found, _ = cover(device, segment[: 2 * dimensions], r, edges, tail)
        assert np.isfinite(found).all()
        assert found.min() >= 0.0
        assert found.max() <= 1.0 + 1e-9


def many(dimensions):
    rng = np.random.default_rng(dimensions)
    segments = rng.uniform(-2.0, 2.0, (40, 2 * dimensions))
    edges = [np.linspace(-2.0, 2.0, count + 1) for count in (13, 7, 5)[:dimensions]]
    return segments, edges, rng.normal(size=(40, 2)), np.arange(40) % 2 == 0


@pytest.mark.parametrize("dimensions", [2, 3])
def test_threads_and_their_order_change_nothing(fake_gpu, dimensions):
    segments, edges, weights, tails = many(dimensions)
    found = []
    for threads in (1, 2, 5):
        with use_threads(threads):
            found.append(cover(CPU, segments, 0.5, edges, tails, weights)[0])
    assert found[0].any()
    assert all(cells.tobytes() == found[0].tobytes() for cells in found)
    on_gpu = [_on_gpu(fake_gpu, dimensions)]
    with build.threads_from_last():
        on_gpu.append(_on_gpu(fake_gpu, dimensions))
    assert on_gpu[0].tobytes() == on_gpu[1].tobytes()
    np.testing.assert_allclose(on_gpu[0], found[0], atol=1e-12)


def test_a_grid_larger_than_the_memory_budget_is_filled_in_slabs(fake_gpu):
    whole = _on_gpu(fake_gpu, 3)
    set_memory_budget(4096)
    try:
        np.testing.assert_array_equal(_on_gpu(fake_gpu, 3), whole)
    finally:
        set_memory_budget(None)


def _on_gpu(cupy, dimensions):
    segments, edges, weights, tails = many(dimensions)
    shapes = Shapes(*map(cupy.asarray, (segments, np.full(40, 0.5), tails)))
    cells = cupy.zeros((2, *(len(axis) - 1 for axis in edges)))
    spread(cells, shapes, cupy.asarray(weights), edges)
    return cupy.asnumpy(cells)
