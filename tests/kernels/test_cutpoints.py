"""Cutpoints on every device against the published formula, golden vectors and each other."""

from __future__ import annotations

import math
from types import SimpleNamespace

import numpy as np
import pytest
from cuda_host import build
from hypothesis import given, settings
from hypothesis import strategies as st
from oracle import cutpoints as oracle
from ragged import CPU, ranges, tables

from gpupept.kernels.cutpoints import cutpoints, default_cutoffs
from gpupept.kernels.threads import use_threads

EVERYWHERE = [-np.inf, np.inf] * 3
CORE_SETS = ("random", "random_all", "source", "source_cut", "real")


def find(device, lines, samples, cutoffs, max_distance, append_indices=True):
    """Cutpoints on the host, in one array per sample."""
    samples = np.asarray(samples, dtype=np.int64).reshape(-1, 2)
    limits = np.ascontiguousarray(np.broadcast_to(np.asarray(cutoffs, float), (len(samples), 6)))
    lines = np.ascontiguousarray(lines)
    points, sizes = cutpoints(
        device.asarray(lines), samples, device.asarray(limits), max_distance, append_indices
    )
    found = device.to_host(points)
    assert isinstance(sizes, np.ndarray)
    assert (found.shape[0], sizes.dtype) == (sizes.sum(), np.int64)
    return np.split(found, np.cumsum(sizes)[:-1]) if len(sizes) else []


def limits_of(device, lines, samples):
    """Default cutoffs on the host."""
    return device.to_host(default_cutoffs(device.asarray(np.ascontiguousarray(lines)), samples))


def check(device, lines, samples, cutoffs, max_distance):
    """The cutpoints are those of the oracle, to the last bit."""
    limits = np.broadcast_to(np.asarray(cutoffs, float), (len(samples), 6))
    found = find(device, lines, samples, cutoffs, max_distance)
    total = 0
    for rows, (start, stop), limit in zip(found, samples, limits, strict=True):
        expected = oracle.cutpoints(lines[start:stop], max_distance, limit.tolist())
        np.testing.assert_array_equal(rows, np.array(expected).reshape(-1, 6))
        total += len(rows)
    return total


def random_lines(rng, rows, columns=7):
    """Lines between two screens, most of them through one of two spots."""
    lines = rng.uniform(-300, 300, (rows, columns))
    lines[:, 0] = np.sort(rng.integers(0, rows, rows)) / 4.0
    spot = rng.choice([-40.0, 60.0], (rows, 1)) + rng.normal(0, 2, (rows, 3))
    inwards = rng.random(rows) < 0.7
    lines[inwards, 4:7] = 2 * spot[inwards] - lines[inwards, 1:4]
    return lines


# ---- Golden vectors -----------------------------------------------------------------------------


def by_lines(points):
    return points[np.lexsort(points[:, [5, 4]].T)]


@pytest.mark.parametrize("name", CORE_SETS)
def test_golden_sets(device, golden, name):
    archive = golden("core_cutpoints")
    lines, expected = archive[f"{name}_lines"], archive[f"{name}_out"]
    cutoffs, distance = archive[f"{name}_cutoffs"], float(archive[f"{name}_max_distance"])
    (found,) = find(device, lines, [[0, len(lines)]], cutoffs, distance)
    assert (np.diff(found[:, 0]) >= 0).all()
    (plain,) = find(device, lines, [[0, len(lines)]], cutoffs, distance, append_indices=False)
    np.testing.assert_array_equal(plain, found[:, :4])
    found = by_lines(found)
    np.testing.assert_array_equal(found[:, 4:], expected[:, 4:])
    np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-9)


def test_golden_edge_cases(device, golden):
    """Two lines each: crossing, skew, parallel, the same, nearly parallel, a point; on cutoffs."""
    archive = golden("core_cutpoints")
    lines, offsets = archive["edge_lines"].reshape(-1, 7), archive["edge_off"]
    distances, names = archive["edge_max_distance"], archive["edge_names"]
    for distance in np.unique(distances):
        cases = np.nonzero(distances == distance)[0]
        samples = np.column_stack([2 * cases, 2 * cases + 2])
        found = find(device, lines, samples, archive["edge_cutoffs"][cases], float(distance))
        for case, points in zip(cases, found, strict=True):
            expected = archive["edge_out"][offsets[case] : offsets[case + 1]]
            tolerance = 1e-3 if names[case].startswith("nearpar") else 1e-9
            np.testing.assert_allclose(points, expected, atol=tolerance, err_msg=names[case])


def golden_tracking_cases(archive):
    """(lines, cutoffs used, distance, whether the cutoffs are the default, points with indices)."""
    for key in (f for f in archive.files if f.endswith("/points") and "/cut" in f):
        case, cut, _ = key.split("/")
        points, cutoffs = archive[key], archive[f"{case}/{cut}/cutoffs"]
        if points.shape[1] == 4:
            points = np.hstack([points, archive[f"{case}/{cut}/indices"]])
        distance = float(cut.removeprefix("cut").removesuffix("_custom"))
        yield archive[f"{case}/lines"], cutoffs, distance, not cut.endswith("_custom"), points


def test_golden_tracking_cutpoints(device, golden):
    cases = list(golden_tracking_cases(golden("tracking_cutpoints")))
    assert len(cases) == 7
    for lines, cutoffs, distance, is_default, expected in cases:
        samples = np.array([[0, len(lines)]])
        if is_default:
            np.testing.assert_array_equal(limits_of(device, lines, samples), [cutoffs])
        found = by_lines(find(device, lines, samples, cutoffs, distance)[0])
        np.testing.assert_array_equal(found[:, 4:], by_lines(expected)[:, 4:])
        np.testing.assert_allclose(found, by_lines(expected), rtol=0, atol=1e-8)


# ---- Against the formula ------------------------------------------------------------------------


@st.composite
def batches(draw):
    lines = draw(tables(columns=7, largest=14))
    return lines, draw(ranges(len(lines)))


@settings(max_examples=150)
@given(batch=batches(), distance=st.sampled_from([0.0, 1e-9, 0.5, 3.0, 1e3, 1e200, np.inf]))
def test_any_lines(device, batch, distance):
    """Parallel, equal, zero-length and non-finite lines, huge and tiny numbers, empty samples."""
    lines, samples = batch
    limits = limits_of(device, lines, samples)
    expected = [oracle.default_cutoffs(lines[a:b].tolist()) for a, b in samples]
    np.testing.assert_array_equal(limits, np.array(expected).reshape(-1, 6))
    check(device, lines, samples, limits, distance)
    check(device, lines, samples, EVERYWHERE, distance)


@pytest.mark.parametrize("rows", [2, 31, 33, 64, 65, 130])
def test_sizes_around_those_of_tiles(device, rows):
    rng = np.random.default_rng(rows)
    lines = random_lines(rng, rows, columns=9)
    total = check(device, lines, np.array([[0, rows]]), EVERYWHERE, 8.0)
    assert total > 0


def test_formula_without_rounding():
    """The formula is that of the common perpendicular, as solved in exact arithmetic."""
    lines = random_lines(np.random.default_rng(0), 24)
    found = oracle.cutpoints(lines, np.inf, EVERYWHERE)
    assert len(found) == 24 * 23 / 2
    for row in found:
        first, second = lines[row[4]], lines[row[5]]
        squared, middle = oracle.exact_meeting(first, second)
        np.testing.assert_allclose(row[1:4], [float(m) for m in middle], rtol=1e-9, atol=1e-9)
        gap = math.sqrt(squared)
        for distance, expected in ((gap * (1 + 1e-9), 1), (gap * (1 - 1e-9), 0)):
            assert len(oracle.cutpoints([first, second], distance, EVERYWHERE)) == expected


def near_limit(rng, rows, scale, distance):
    """Lines around one: nearest to it where it is told, at distances just below and above the limit,
    at any angle down to nearly parallel."""
    direction = rng.normal(size=3)
    direction /= np.linalg.norm(direction)
    lines = np.empty((rows, 7))
    lines[:, 0] = rng.random(rows)
    centre = rng.normal(size=3) * scale * 10.0 ** rng.choice([-3, 0, 3, 6, 12, 14])
    lines[0, 1:] = np.concatenate([centre, centre + direction * scale])
    for row in lines[1:]:
        across = np.cross(direction, rng.normal(size=3))
        across /= np.linalg.norm(across)
        angle = 10.0 ** rng.uniform(-8, 0.2)
        towards = direction * np.cos(angle) + across * np.sin(angle)
        gap = distance * (1.0 + rng.choice([-1, -1, 1]) * 10.0 ** rng.uniform(-8, -1))
        nearest = (
            centre + direction * scale * rng.uniform(-2, 2) + np.cross(direction, across) * gap
        )
        begin, end = np.sort(rng.normal(size=2)) * scale * 10.0 ** rng.uniform(-2, 2)
        row[1:] = np.concatenate([nearest + begin * towards, nearest + end * towards])
    return lines


def test_no_pair_is_lost_at_any_scale(device):
    """A loose test comes before the exact one; it must not lose what the exact one accepts."""
    rng = np.random.default_rng(7)
    accepted = 0
    for _ in range(150):
        scale, distance = 10.0 ** rng.uniform(-6, 6), 10.0 ** rng.uniform(-9, 3)
        lines = near_limit(rng, 12, scale, distance)
        accepted += check(device, lines, np.array([[0, 12]]), EVERYWHERE, distance)
    assert accepted > 1000


@pytest.mark.parametrize("scale", [1e-60, 1e-30, 1e30, 1e60])
def test_scales_whose_fourth_powers_leave_the_range_of_numbers(device, scale):
    rng = np.random.default_rng(8)
    accepted = 0
    for distance in (1e-9, 1e-3, 1.0, 30.0):
        lines = near_limit(rng, 14, 1.0, distance)
        lines[:, 1:] *= scale
        accepted += check(device, lines, np.array([[0, 14]]), EVERYWHERE, distance * scale)
    assert accepted > 30


@pytest.mark.parametrize("length", [1e-100, 1e-110, 1e-160, 1e-161, 1e-170, 1e100])
def test_lines_of_extreme_length(device, length):
    other = np.array([[1, 0.5, -1, 0.1, 0.5, 1, 0.1], [2, -0.3, -1, 0.0, 0.7, 1, 0.2]])
    along = length * np.array([1.0, 0.3, -0.2])
    lines = np.vstack([[0, 0, 0, 0, *along], other, [3, *-along, *along], [4, 0, 0, 0, 0, 0, 0]])
    for distance in (0.01, 0.11, 0.4, 1e3, length * 10):
        check(device, lines, np.array([[0, 5], [0, 3], [3, 5]]), EVERYWHERE, distance)


# ---- Order --------------------------------------------------------------------------------------


@pytest.mark.parametrize("times", ["equal", "falling", "few", "random", "infinite"])
def test_more_cutpoints_than_are_sorted_at_once(device, times):
    rng = np.random.default_rng(1)
    lines = random_lines(rng, 100)
    lines[:, 0] = {
        "equal": np.ones(100),
        "falling": -np.arange(100.0),
        "few": rng.integers(0, 3, 100),
        "random": rng.normal(size=100),
        "infinite": rng.choice([1e308, 1.0, -1e308], 100),
    }[times]
    samples = np.array([[0, 100], [3, 20], [5, 5], [20, 85], [0, 2]])
    assert check(device, lines, samples[1:], EVERYWHERE, 1e4) > 2000
    assert check(device, lines, samples, EVERYWHERE, 1e4) > 6000


# ---- Independence -------------------------------------------------------------------------------


def test_samples_do_not_influence_each_other(device):
    lines = random_lines(np.random.default_rng(2), 150)
    samples = np.array([[0, 70], [40, 110], [110, 111], [60, 150], [20, 20], [0, 70]])
    limits = limits_of(device, lines, samples)
    together = find(device, lines, samples, limits, 3.0)
    for s, rows in enumerate(together):
        (alone,) = find(device, lines, samples[s : s + 1], limits[s], 3.0)
        assert alone.tobytes() == rows.tobytes()
    assert together[0].tobytes() == together[-1].tobytes()
    assert sum(map(len, together)) > 1000


def test_number_of_threads_changes_nothing():
    lines = random_lines(np.random.default_rng(3), 400)
    starts = np.arange(0, 350, 9)
    samples = np.column_stack([starts, starts + 50])
    found = []
    for threads in (1, 2, 7):
        with use_threads(threads):
            found.append(np.concatenate(find(CPU, lines, samples, EVERYWHERE, 2.0)).tobytes())
    assert len(found[0]) > 0
    assert found == found[:1] * 3


def test_order_of_the_threads_of_a_gpu_changes_nothing(fake_gpu):
    device = SimpleNamespace(asarray=fake_gpu.asarray, to_host=fake_gpu.asnumpy)
    lines = random_lines(np.random.default_rng(4), 100)
    samples = np.array([[0, 100], [10, 60]])
    expected = np.concatenate(find(device, lines, samples, EVERYWHERE, 1e3))
    with build.threads_from_last():
        found = np.concatenate(find(device, lines, samples, EVERYWHERE, 1e3))
    assert found.tobytes() == expected.tobytes()


def test_lines_are_not_copied_to_the_host(fake_gpu, monkeypatch):
    """A fixed number of launches, and offsets alone come back."""
    from cuda_host.fake_array import ndarray

    lines = fake_gpu.asarray(random_lines(np.random.default_rng(5), 200))
    samples = np.column_stack([np.arange(0, 150, 3), np.arange(50, 200, 3)])
    copies = []
    get = ndarray.get
    monkeypatch.setattr(
        ndarray, "get", lambda a, *rest, **k: copies.append(a.size) or get(a, *rest, **k)
    )
    points, sizes = cutpoints(lines, samples, default_cutoffs(lines, samples), 1.0)
    assert fake_gpu.launches == ["default_cutoffs", "prepare_lines", "test_pairs", "write_points"]
    assert copies == [len(samples) + 1]
    assert points.shape == (sizes.sum(), 4)
