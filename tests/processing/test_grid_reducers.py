"""Averages, residence times and vectors on grids, on every device."""

from __future__ import annotations

import functools
import logging
from types import SimpleNamespace

import numpy as np
import pytest
from oracle import occupancy as oracle

import gpupept
from gpupept import PointData
from gpupept.processing import (
    DynamicProbability2D,
    DynamicProbability3D,
    ResidenceDistribution2D,
    ResidenceDistribution3D,
    VectorField2D,
    VectorField3D,
)
from gpupept.simulation import CircularPath
from gpupept.tracking import GroupBy, Segregate
from gpupept.tracking.recipes import peptml_pipeline

COLUMNS = ["t", "x", "y", "z", "v", "vx", "vy", "vz"]
PLANE = {"resolution": (40, 30), "xlim": [0, 10], "ylim": [-1, 11], "verbose": False}
SPACE = {
    "resolution": (16, 20, 20),
    "xlim": [0, 10],
    "ylim": [0, 10],
    "zlim": [-1, 9],
    "verbose": False,
}


@pytest.fixture(params=["one", "two"])
def case(request, golden, device):
    """Look up arrays of a golden case by name; "points" is a container on the device."""
    archive, name = golden("processing_grids"), request.param

    def find(key):
        if key != "points":
            return archive[f"{name}/{key}"]
        sizes = archive[f"{name}/sample_sizes"].tolist()
        rows = device.asarray(archive[f"{name}/points"])
        return PointData(rows, sample_size=sizes, columns=COLUMNS)

    return find


def compare(found, right, coverage, least, tolerance):
    clear = coverage > least * coverage.max()
    spread = np.ptp(right[clear])
    np.testing.assert_allclose(found[clear], right[clear], atol=tolerance * spread)


def test_golden_averages_in_the_plane(device, case):
    points = case("points")
    for shape, name in (("crescent", "exact_crescent"), ("capsule", "exact_pill")):
        grid = DynamicProbability2D(1.0, "v", "xy", shape=shape, **PLANE).fit(points)
        coverage = case(f"{name}_coverage2d_xy")
        found = device.to_host(grid.pixels)
        compare(found, case(f"{name}_prob2d_v_xy"), coverage, 0.02, 1e-3)
        assert (found[coverage == 0.0] == 0.0).all()
        if shape == "crescent":
            compare(found, case("prob2d_v_xy"), coverage, 0.02, 0.03)


def in_space(points, device, shape):
    """Steps of all trajectories of the golden case: ends, values v, durations, whether they end."""
    data, ranges = device.to_host(points.data), points.row_ranges
    pairs = np.vstack([np.column_stack([range(a, b - 1), range(a + 1, b)]) for a, b in ranges])
    start, stop = data[pairs[:, 0]], data[pairs[:, 1]]
    whole = np.isin(pairs[:, 1], ranges[:, 1] - 1) | (shape == "capsule")
    return start[:, 1:4], stop[:, 1:4], start[:, 4], stop[:, 0] - start[:, 0], whole


def volumes_in(cell, starts, stops, whole):
    """Volume of each step in a cell of the golden grid, by quadrature of slices."""
    limits = (SPACE["xlim"], SPACE["ylim"], SPACE["zlim"])
    counts = SPACE["resolution"]
    edges = [np.linspace(*limit, n + 1) for limit, n in zip(limits, counts, strict=True)]
    low, high = np.array([[axis[i], axis[i + 1]] for axis, i in zip(edges, cell, strict=True)]).T
    found = np.zeros(len(starts))
    for k, (a, b) in enumerate(zip(starts, stops, strict=True)):
        along = np.clip((0.5 * (low + high) - a) @ (b - a) / ((b - a) @ (b - a)), 0, 1)
        apart = np.linalg.norm(0.5 * (low + high) - a - along * (b - a))
        if apart < 0.5 + 0.5 * np.linalg.norm(high - low):
            found[k] = volume(*map(tuple, (a, b, low, high)))
            found[k] -= 0.0 if whole[k] else volume(*map(tuple, (b, b, low, high)))
    return found


@functools.cache
def volume(a, b, low, high):
    return oracle.volume(a, b, 0.5, low, high, panels=6)


def compare_in_space(found, archived, right, scale):
    """Agree with the archive to 5e-3, or, in a few cells where it is off, with quadrature to 1e-5.

    The integration behind the archive misses up to 1.3 % of a cell in some 3 % of them. Quadrature of
    slices and quasi-random points in these cells, both made without the code under test, agree with
    each other to 3e-4 and with what is found; the quadrature is repeated here.
    """
    differ = np.argwhere(np.abs(found - archived) > 5e-3 * scale)
    assert len(differ) <= 0.03 * np.count_nonzero(archived)
    for cell in map(tuple, differ):
        assert found[cell] == pytest.approx(right(cell), abs=1e-5 * float(scale))


def test_golden_averages_in_space(device, case):
    points = case("points")
    found = device.to_host(DynamicProbability3D(1.0, "v", **SPACE).fit(points).voxels)
    coverage, archived = case("exact_crescent_coverage3d"), case("exact_crescent_prob3d_v")
    clear = coverage > 0.05 * coverage.max()
    starts, stops, values, _, whole = in_space(points, device, "crescent")

    def right(cell):
        volumes = volumes_in(cell, starts, stops, whole)
        return (values @ volumes) / volumes.sum()

    spread = np.ptp(archived[clear])
    compare_in_space(np.where(clear, found, 0), np.where(clear, archived, 0), right, spread)
    compare(found, case("prob3d_v"), coverage, 0.05, 0.03)


def test_golden_coverage(device, case):
    from gpupept.processing.reducers import GridReducer

    class Coverage(GridReducer):
        def _weighted(self, trajectories):
            return trajectories.shapes, device.asarray(np.ones((len(trajectories.steps.starts), 1)))

        def _results(self, sums, trajectories):
            return list(sums)

        def fit(self, samples):
            return device.to_host(self._grids(samples, [])[0].array)

    class Coverage2D(Coverage):
        _axes = 2

    class Coverage3D(Coverage):
        _axes = 3

    for shape, name in (("crescent", "exact_crescent"), ("capsule", "exact_pill")):
        limits = (PLANE["xlim"], PLANE["ylim"])
        found = Coverage2D(1.0, "xy", PLANE["resolution"], limits, None, False, shape).fit(
            case("points")
        )
        pixel = 10 / 40 * 12 / 30
        np.testing.assert_allclose(found, case(f"{name}_coverage2d_xy"), atol=1e-3 * pixel)
    limits = (SPACE["xlim"], SPACE["ylim"], SPACE["zlim"])
    found = Coverage3D(1.0, "xyz", SPACE["resolution"], limits, None, False, "crescent").fit(
        case("points")
    )
    starts, stops, _, _, whole = in_space(case("points"), device, "crescent")

    def right(cell):
        return volumes_in(cell, starts, stops, whole).sum()

    compare_in_space(found, case("exact_crescent_coverage3d"), right, 10 / 16 * 0.5**2)


def test_golden_residence_times(device, case):
    points = case("points")
    for shape, name in (("crescent", "exact_crescent"), ("capsule", "exact_pill")):
        grid = ResidenceDistribution2D(1.0, shape=shape, **PLANE).fit(points)
        right = case(f"{name}_rtd2d_xy")
        found = device.to_host(grid.pixels)
        np.testing.assert_allclose(found, right, atol=1e-3 * right.max())
        assert found.sum() == pytest.approx(right.sum(), rel=1e-3)
    grid = ResidenceDistribution3D(1.0, shape="capsule", **SPACE).fit(points)
    right = case("exact_pill_rtd3d").astype(float)
    found = device.to_host(grid.voxels)
    starts, stops, _, lasted, whole = in_space(points, device, "capsule")
    volumes = np.pi * (0.25 * np.linalg.norm(stops - starts, axis=1) + 0.5**3 * 4 / 3)
    compare_in_space(
        found,
        right,
        lambda cell: (lasted / volumes) @ volumes_in(cell, starts, stops, whole),
        right.max(),
    )
    assert found.sum() == pytest.approx(right.sum(), rel=1e-3)


def test_golden_vectors_and_limits(device, case):
    points, coverage = case("points"), case("exact_crescent_coverage2d_xy")
    field = VectorField2D(1.0, ["vx", "vy"], "xy", **PLANE).fit(points)
    for pixels, name in ((field.xpixels, "vfield2d_x"), (field.ypixels, "vfield2d_y")):
        compare(device.to_host(pixels.pixels), case(name), coverage, 0.02, 0.03)
    grid = DynamicProbability2D(1.0, "v", "xz", (20, 20), verbose=False).fit(points)
    np.testing.assert_allclose(grid.xlim, case("auto_xlim_xz"), rtol=1e-12)
    np.testing.assert_allclose(grid.ylim, case("auto_ylim_xz"), rtol=1e-12)


# ---- Without golden vectors


def tracks(device, sizes=(12, 1, 9), seed=3):
    rng = np.random.default_rng(seed)
    rows = sum(sizes)
    positions = np.cumsum(rng.normal(size=(rows, 3)), axis=0)
    data = np.column_stack([np.cumsum(rng.random(rows)), positions, rng.uniform(1, 3, (rows, 4))])
    return PointData(device.asarray(data), sample_size=list(sizes), columns=COLUMNS)


def durations(points, device):
    """Time that all samples last together."""
    data = device.to_host(points.data)
    return sum(np.ptp(data[first:last, 0]) for first, last in points.row_ranges)


@pytest.mark.parametrize("shape", ["crescent", "capsule"])
@pytest.mark.parametrize(
    ("kind", "resolution"),
    [(ResidenceDistribution2D, (30, 20)), (ResidenceDistribution3D, (8, 9, 7))],
)
def test_residence_times_add_up_to_the_durations(device, kind, resolution, shape):
    points = tracks(device)
    points.data[4, 1:4] = points.data[5, 1:4]  # at rest
    points.data[7, 1:4] = points.data[6, 1:4] + 1e-7  # and almost
    grid = kind(0.8, resolution=resolution, shape=shape, verbose=False).fit(points)
    assert float(grid.sum()) == pytest.approx(durations(points, device), rel=1e-9)
    assert float(grid.min()) >= 0.0


def test_samples_are_separate_trajectories_however_they_are_given(device):
    points = tracks(device)
    reducer = ResidenceDistribution2D(
        0.8, resolution=(15, 10), xlim=[-9, 9], ylim=[-9, 9], verbose=False
    )
    together = device.to_host(reducer.fit(points).pixels)
    as_list = device.to_host(reducer.fit([points[i] for i in range(len(points))]).pixels)
    np.testing.assert_array_equal(together, as_list)
    alone = sum(device.to_host(reducer.fit(points[i]).pixels) for i in range(len(points)))
    np.testing.assert_allclose(together, alone, atol=1e-12)


def test_overlapping_samples_count_twice(device):
    points = tracks(device, (20,))
    half = PointData(points.data, sample_size=10, overlap=5, columns=COLUMNS)
    grid = ResidenceDistribution2D(0.8, resolution=(15, 10), verbose=False).fit(half)
    assert float(grid.sum()) == pytest.approx(durations(half, device), rel=1e-9)


def test_averages_stay_within_the_values_and_unvisited_cells_are_empty(device):
    points = tracks(device)
    grids = [
        DynamicProbability2D(0.3, "v", resolution=(60, 50), verbose=False, empty=empty).fit(points)
        for empty in (0.0, np.nan)
    ]
    zero, nan = (device.to_host(grid.pixels) for grid in grids)
    values = device.to_host(points["v"])
    np.testing.assert_array_equal(np.isnan(nan), zero == 0.0)
    assert np.isnan(nan).mean() > 0.5
    assert np.nanmin(nan) >= values.min()
    assert np.nanmax(nan) <= values.max()


def test_a_value_counts_where_its_step_starts(device):
    rows = [[0, 0, 0, 0, 5], [1, 10, 0, 0, 7], [2, 20, 0, 0, 9]]
    track = PointData(device.asarray(np.array(rows, float)), columns=COLUMNS[:5])
    grid = DynamicProbability2D(
        1.0, "v", resolution=(20, 2), xlim=[0, 20], ylim=[-1, 1], verbose=False
    ).fit(track)
    found = device.to_host(grid.pixels)[:, 0]
    np.testing.assert_allclose(found[:9], 5.0)
    np.testing.assert_allclose(found[11:], 7.0)


def test_what_is_not_finite_parts_a_trajectory(device, caplog):
    points = tracks(device, (12,))
    points.data[3, 4] = np.nan  # a value
    points.data[8, 1] = np.inf  # a position
    with caplog.at_level(logging.WARNING, "gpupept.processing"):
        grid = ResidenceDistribution2D(0.5, "v", resolution=(9, 9), verbose=False).fit(points)
    v = device.to_host(points["v"])
    assert float(grid.sum()) == pytest.approx(v[2] - v[0] + v[7] - v[4] + v[11] - v[9], rel=1e-9)
    assert "2 of 12 positions" in caplog.text


@pytest.mark.parametrize("rows", [0, 1])
def test_too_few_rows_give_an_empty_grid(device, rows):
    points = PointData(device.asarray(np.zeros((rows, 8))), columns=COLUMNS)
    limits = {"xlim": [0, 1], "ylim": [0, 1], "resolution": (3, 4), "verbose": False}
    for reducer in (
        DynamicProbability2D(1.0, "v", **limits),
        ResidenceDistribution2D(1.0, **limits),
    ):
        np.testing.assert_array_equal(device.to_host(reducer.fit(points).array), np.zeros((3, 4)))
    if not rows:
        with pytest.raises(ValueError, match="xlim must be given"):
            ResidenceDistribution2D(1.0, verbose=False).fit(points)


def test_a_tracer_at_rest_is_a_disc(device):
    rows = np.tile([0.0, 1.0, 2.0, 3.0], (5, 1))
    rows[:, 0] = np.arange(5.0)
    points = PointData(device.asarray(rows))
    for shape in ("crescent", "capsule"):
        grid = ResidenceDistribution2D(2.0, resolution=(4, 4), shape=shape, verbose=False).fit(
            points
        )
        found = device.to_host(grid.pixels)
        assert found.sum() == pytest.approx(4.0)
        np.testing.assert_allclose(found, found[::-1, ::-1], atol=1e-12)


def test_the_number_of_workers_changes_nothing():

    points = tracks(SimpleNamespace(asarray=np.asarray), (40, 24))
    found = [
        DynamicProbability3D(0.9, "v", resolution=(9, 9, 9), max_workers=workers, verbose=False)
        .fit(points)
        .voxels.tobytes()
        for workers in (1, 2, 3, None)
    ]
    assert len(set(found)) == 1


def test_vectors_are_the_averages_of_their_components(device):
    points = tracks(device)
    options = {"resolution": (7, 8, 9), "verbose": False}
    field = VectorField3D(1.0, ["vx", 6, "vz"], **options).fit(points)
    for name, voxels in (("vx", field.xvoxels), ("vy", field.yvoxels), ("vz", field.zvoxels)):
        alone = DynamicProbability3D(1.0, name, **options).fit(points)
        np.testing.assert_array_equal(device.to_host(voxels.array), device.to_host(alone.array))


@pytest.mark.parametrize("dimensions", ["zx", [3, 1]])
def test_dimensions_choose_the_axes(device, dimensions):
    points = tracks(device)
    limits = {"xlim": [-9, 9], "ylim": [-8, 8], "verbose": False, "resolution": (12, 10)}
    swapped = PointData(points.data[:, [0, 3, 1, 2]], sample_size=points.sample_size)
    found = ResidenceDistribution2D(1.0, dimensions=dimensions, **limits).fit(points)
    right = ResidenceDistribution2D(1.0, **limits).fit(swapped)
    np.testing.assert_array_equal(device.to_host(found.pixels), device.to_host(right.pixels))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"diameter": 0.0}, "diameter must be finite and greater"),
        ({"dimensions": "xyz"}, 'dimensions must be 2 letters of "xyz"'),
        ({"dimensions": "xt"}, "dimensions"),
        ({"dimensions": [1]}, "dimensions"),
        ({"resolution": (5,)}, "resolution must be 2 numbers"),
        ({"resolution": (5, 1)}, "resolution must be 2 numbers from 2"),
        ({"xlim": [0, 0]}, "xlim must be a lower"),
        ({"max_workers": 0}, "max_workers must be at least 1"),
        ({"shape": "disc"}, "shape must be one of crescent, capsule"),
        ({"empty": "none"}, "empty must be a number"),
    ],
)
def test_errors_name_the_argument(options, message):
    with pytest.raises(ValueError, match=message):
        DynamicProbability2D(**({"diameter": 1.0, "column": "v"} | options))


def test_errors_of_columns():
    points = gpupept.PointData(np.arange(12.0).reshape(3, 4))
    with pytest.raises(ValueError, match="column: 'speed' is not one of the columns"):
        DynamicProbability2D(1.0, "speed", verbose=False).fit(points)
    with pytest.raises(ValueError, match="dimensions: 9 is not one of the columns"):
        DynamicProbability2D(1.0, "t", [1, 9], verbose=False).fit(points)
    for columns in ("vx", ["vx"], ["vx", "vy", "vz"]):
        with pytest.raises(ValueError, match="columns must be 2 names or numbers"):
            VectorField2D(1.0, columns)


# ---- In pipelines


def distances(grid, centre, device):
    """Distance of the centre of each pixel from a point, and the time spent there."""
    middles = [0.5 * (edges[1:] + edges[:-1]) for edges in grid.pixel_grids]
    x, y = np.meshgrid(*middles, indexing="ij")
    return np.hypot(x - centre[0], y - centre[1]), device.to_host(grid.pixels)


def test_tracers_on_circles_in_a_pipeline(device):
    """They are where their circles are, for as long as they were followed."""
    times = np.arange(0.0, 1500.0, 2.0)  # just over a turn
    paths = [CircularPath(radius=radius, rpm=42, centre=(300, 250, 90)) for radius in (40, 80)]
    rows = np.vstack([np.column_stack([times, path(times)]) for path in paths])
    points = PointData(device.asarray(rows[np.argsort(rows[:, 0], kind="stable")]))
    residence = ResidenceDistribution2D(4.0, resolution=(120, 120), verbose=False)
    pipeline = gpupept.Pipeline([Segregate(5, 10.0), GroupBy("label"), residence])
    grid = pipeline.fit(points, verbose=False)
    apart, spent = distances(grid, (300, 250), device)
    assert spent.sum() == pytest.approx(2 * (times[-1] - times[0]), rel=1e-9)
    near = 2.0 + np.hypot(*grid.pixel_size) / 2
    for radius in (40, 80):
        on_ring = np.abs(apart - radius) <= near
        assert spent[on_ring].sum() == pytest.approx(times[-1] - times[0], rel=1e-9)


def test_measured_tracers_on_circles(shared):
    lines = gpupept.scanners.parallel_screens(
        str(shared / "data/sample_2p_42rpm.csv"), 712, skiprows=15, verbose=False
    )
    few = gpupept.LineData(lines.lines[:24000], sample_size=400, overlap=300)
    found = peptml_pipeline(2).fit(few, verbose=False)
    tracked = PointData(found.data[found["label"] >= 0], columns=found.columns)
    groups = GroupBy("label").fit(tracked)
    grid = ResidenceDistribution2D(4.0, resolution=(90, 90), verbose=False).fit(groups)
    lasted = sum(float(np.ptp(group["t"])) for group in groups)
    assert float(grid.sum()) == pytest.approx(lasted, rel=1e-9)
    # All tracers turn about one centre: of the circle x^2 + y^2 = 2 a x + 2 b y + c of each.
    group = groups[0]
    x, y = group["x"], group["y"]
    system = np.column_stack([2 * x, 2 * y, np.ones(len(x))])
    a, b, c = np.linalg.lstsq(system, x**2 + y**2, rcond=None)[0]
    alone = ResidenceDistribution2D(4.0, resolution=(90, 90), verbose=False).fit(group)
    apart, spent = distances(alone, (a, b), SimpleNamespace(to_host=np.asarray))
    on_ring = np.abs(apart - np.sqrt(c + a**2 + b**2)) <= 4.0
    assert spent[on_ring].sum() > 0.99 * spent.sum()
