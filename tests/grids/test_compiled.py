"""Compiled functions of points, and those that come with the package."""

from __future__ import annotations

import math
import pickle

import numba
import numpy as np
import pytest
from oracle import grid_functions as functions

import gpupept
from gpupept.backend import KernelCompileError
from gpupept.grids import (
    Grid2DIterate,
    Mask2D,
    PointFunction,
    cell_averages,
    compiled_function,
)
from gpupept.grids import functions as ready
from gpupept.kernels.threads import use_threads
from gpupept.scanners import ADACGeometricEfficiency, RingGeometricEfficiency


def gauss(y, x):
    return math.exp(-((y - 0.3) ** 2 + (x + 0.2) ** 2) / (2 * 0.7**2))


def wave(y, x, width, lift):
    return math.sin(3 * x / width) * math.cos(2 * y) + lift


def wave_of_points(points, width, lift):
    return np.sin(3 * points[:, 1] / width) * np.cos(2 * points[:, 0]) + lift


WAVE_SOURCE = "return sin(3 * x / p[0]) * cos(2 * y) + p[1];"
GAUSS = compiled_function(gauss)
WAVE = PointFunction(wave, (1.5, -0.25), array=wave_of_points)
SETTINGS = [
    {},
    {"fractional_accuracy": 0.9, "sub_steps": [3, 4]},
    {"rule": "symmetric", "absolute_accuracy": 0.01},
    {"fractional_accuracy": None, "absolute_accuracy": 1e-3},
    {"sub_steps": [4]},
    {"zero_rule": "accept", "zero_exit": False},
]


@pytest.mark.parametrize("options", SETTINGS)
def test_compiled_functions_give_what_arrays_give(options):
    grid = Grid2DIterate.from_mask(Mask2D.circular((15, 17), 3.0, 0.4), **options)
    for point, array in (
        (GAUSS, functions.gauss),
        (WAVE, lambda p: wave_of_points(p, 1.5, -0.25)),
    ):
        expected, told = grid.iterated_result_from(array, return_info=True)
        found, info = grid.iterated_result_from(point, return_info=True)
        np.testing.assert_allclose(found.array, expected.array, rtol=0, atol=1e-13)
        np.testing.assert_array_equal(info.sub_size, told.sub_size)
        np.testing.assert_array_equal(info.converged, told.converged)
        assert info.n_evaluations == told.n_evaluations
        assert info.max_error_estimate == pytest.approx(told.max_error_estimate, abs=1e-13)


def test_functions_compiled_by_the_user():
    grid = Grid2DIterate.uniform((9, 9), 0.5)
    expected = grid.iterated_result_from(lambda p: wave_of_points(p, 1.5, -0.25)).array
    compiled = numba.njit(wave)
    found = grid.iterated_result_from(compiled, None, 1.5, -0.25)
    np.testing.assert_allclose(found.array, expected, atol=1e-13)
    of_arrays = numba.njit(wave_of_points)
    found = grid.iterated_result_from(of_arrays, None, 1.5, -0.25)
    np.testing.assert_allclose(found.array, expected, atol=1e-13)


def test_results_do_not_depend_on_threads():
    grid = Grid2DIterate.uniform((40, 40), 0.1)
    found = []
    for threads in (1, 2, 3):
        with use_threads(threads):
            found.append(grid.iterated_result_from(WAVE).array)
    np.testing.assert_array_equal(found[0], found[1])
    np.testing.assert_array_equal(found[0], found[2])


def test_zeros_are_left_at_once():
    far = PointFunction(lambda y, x: 0.0 if abs(y) < 99.0 else 1.0)
    result, info = Grid2DIterate.uniform((3, 3), 1.0).iterated_result_from(far, return_info=True)
    assert not result.any()
    assert info.n_evaluations == 9
    assert info.converged.all()


def test_poles_of_compiled_functions():
    pole = compiled_function(lambda y, x: 1.0 / abs(x))
    grid = Grid2DIterate.uniform((1, 3), 1.0, sub_steps=[3, 5])
    result, info = grid.iterated_result_from(pole, return_info=True)
    assert result.array[1] == np.inf
    assert info.sub_size[1] == 5
    strict = Grid2DIterate.uniform((1, 3), 1.0, nan_policy="raise")
    with pytest.raises(ValueError, match="not finite"):
        strict.iterated_result_from(pole)


def test_points_at_a_time(device):
    points = np.random.default_rng(0).normal(size=(50, 2))
    expected = wave_of_points(points, 1.5, -0.25)
    found = device.to_host(WAVE(device.asarray(points)))
    np.testing.assert_allclose(found, expected, atol=1e-14)
    grid = Grid2DIterate.uniform((5, 5), 1.0).to(device.name)
    on_host = Grid2DIterate.uniform((5, 5), 1.0).iterated_result_from(WAVE)
    np.testing.assert_allclose(grid.iterated_result_from(WAVE).get(), on_host.array, atol=1e-13)


def test_what_compiled_functions_refuse(gpu_device):
    with pytest.raises(ValueError, match=r"points must have shape \(n, 2\), as gauss takes"):
        GAUSS(np.zeros((2, 3)))
    with pytest.raises(TypeError, match="2 or 3 coordinates and 1 parameters, found 2 arguments"):
        PointFunction(gauss, (1.0,))
    with pytest.raises(TypeError, match="or CUDA source too"):
        GAUSS(gpu_device.asarray(np.zeros((2, 2))))
    with pytest.raises(ValueError, match=r"points must have shape \(n, 3\)"):
        Grid2DIterate.uniform((2, 2), 1.0).iterated_result_from(ready.ball_indicator(1.0))


def test_functions_can_be_sent_to_other_processes():
    again = pickle.loads(pickle.dumps(WAVE))
    points = np.random.default_rng(0).normal(size=(5, 2))
    np.testing.assert_array_equal(again(points), WAVE(points))


@pytest.mark.parametrize("options", SETTINGS)
def test_functions_given_as_source(gpu_device, options):
    grid = Grid2DIterate.from_mask(Mask2D.circular((15, 17), 3.0, 0.4), **options)
    source = PointFunction(wave, (1.5, -0.25), source=WAVE_SOURCE)
    expected, told = grid.iterated_result_from(WAVE, return_info=True)
    found, info = grid.to(gpu_device.name).iterated_result_from(source, return_info=True)
    assert found.device.startswith("cuda")
    np.testing.assert_allclose(found.get(), expected.array, rtol=0, atol=1e-13)
    np.testing.assert_array_equal(gpu_device.to_host(info.sub_size), told.sub_size)
    np.testing.assert_array_equal(gpu_device.to_host(info.converged), told.converged)
    assert info.n_evaluations == told.n_evaluations
    assert info.max_error_estimate == pytest.approx(told.max_error_estimate, abs=1e-13)
    points = np.random.default_rng(0).normal(size=(50, 2))
    values = gpu_device.to_host(source(gpu_device.asarray(points)))
    np.testing.assert_allclose(values, WAVE(points), atol=1e-14)


@pytest.mark.parametrize("rule", ["ratio", "symmetric"])
@pytest.mark.parametrize("zero_rule", ["refine", "accept"])
def test_rules_of_functions_given_as_source(gpu_device, rule, zero_rule):
    def signed_disc(points):
        return np.sign(points[:, 0]) * ((points**2).sum(axis=1) < 2.0)

    def stripes(points):  # one sign at the centres of pixels, the other around them
        return np.where(np.cos(2 * np.pi * points[:, 1] / 0.51) < -0.5, 1.0, -1.0)

    sources = {
        signed_disc: "return x * x + y * y < 2.0 ? (y > 0.0) - (y < 0.0) : 0.0;",
        stripes: "return cos(2.0 * 3.14159265358979323846 * x / 0.51) < -0.5 ? 1.0 : -1.0;",
    }
    options = {"sub_steps": [2, 4, 5], "rule": rule, "zero_rule": zero_rule}
    grid = Grid2DIterate.uniform((8, 8), 0.51, **options)
    for function, source in sources.items():
        expected, told = grid.iterated_result_from(function, return_info=True)
        by_source = PointFunction(gauss, source=source)
        found, info = grid.to(gpu_device.name).iterated_result_from(by_source, return_info=True)
        np.testing.assert_allclose(found.get(), expected.array, atol=1e-13)
        np.testing.assert_array_equal(gpu_device.to_host(info.sub_size), told.sub_size)


def test_source_that_does_not_compile(gpu_device):
    wrong = PointFunction(wave, (1.0, 2.0), source="return nonsense;")
    grid = Grid2DIterate.uniform((3, 3), 1.0).to(gpu_device.name)
    with pytest.raises(KernelCompileError, match="nonsense"):
        grid.iterated_result_from(wrong)


def test_zeros_on_a_gpu(gpu_device):
    nothing = PointFunction(lambda y, x: 0.0, source="return 0.0 * y * x;")
    grid = Grid2DIterate.uniform((3, 3), 1.0).to(gpu_device.name)
    result, info = grid.iterated_result_from(nothing, return_info=True)
    assert not result.get().any()
    assert info.n_evaluations == 9


@pytest.mark.parametrize("name", ["plates in a plane", "ball", "response"])
def test_source_of_ready_functions(name, gpu_device):
    function = READY[name]
    rng = np.random.default_rng(1)
    scale = 8.0 if function.axes == 2 else 45.0
    points = rng.uniform(-scale, scale, (64, function.axes))
    alone = PointFunction(function.scalar, function.parameters, source=function.source)
    found = gpu_device.to_host(alone(gpu_device.asarray(points)))
    np.testing.assert_allclose(found, function(points), rtol=1e-12, atol=1e-15)


READY = {
    "plates in a plane": ready.dual_plate_efficiency_2d(6.0, 3.0),
    "ball": ready.ball_indicator(8.0, (3.0, 1.0, -2.0)),
    "response": ready.detector_response(5.0, 12.0, (1.0, 2.0, -2.0)),
}
EFFICIENCIES = {
    "plates": ready.dual_plate_efficiency(30.0, 20.0, 15.0),
    "ring": ready.ring_efficiency(40.0, 30.0),
}


@pytest.mark.parametrize("name", READY)
def test_both_forms_of_ready_functions_agree(name, device):
    function = READY[name]
    rng = np.random.default_rng(1)
    scale = 8.0 if function.axes == 2 else 45.0
    points = rng.uniform(-scale, scale, (500, function.axes))
    points[0] = 0.0
    points[1] = [6.0, 0.0] if function.axes == 2 else [0.0, 0.0, 30.0]
    points[2, 0] = np.nan
    array = function.array(device.asarray(points), *function.parameters)
    scalar = function(points)
    np.testing.assert_allclose(device.to_host(array)[3:], scalar[3:], rtol=1e-12, atol=1e-15)
    assert (scalar[3:] > 0).any()
    if name != "response":
        assert (scalar[3:] == 0).any()
    np.testing.assert_allclose(device.to_host(array)[:2], scalar[:2], rtol=1e-12)


def test_plates_are_those_of_the_golden_functions():
    rng = np.random.default_rng(2)
    points = rng.uniform([-5.9, -2.9], [5.9, 2.9], (200, 2))
    np.testing.assert_allclose(
        READY["plates in a plane"](points), functions.plates(points), rtol=1e-13
    )
    points = rng.uniform(-14, 14, (200, 3))
    found = EFFICIENCIES["plates"](points)
    np.testing.assert_allclose(found, functions.plates3(points), rtol=1e-12)


@pytest.mark.parametrize("name", EFFICIENCIES)
def test_efficiencies_are_those_of_the_scanners(name, device):
    scanner = {
        "plates": ADACGeometricEfficiency([-30, 30], [-20, 20], [-15, 15]),
        "ring": RingGeometricEfficiency(40, axial_length=60),
    }[name]
    points = np.random.default_rng(4).uniform(-45, 45, (500, 3))
    points[0] = np.nan
    found = device.to_host(EFFICIENCIES[name](device.asarray(points)))
    assert (found[1:] > 0).any()
    assert (found[1:] == 0).any()
    np.testing.assert_array_equal(found, device.to_host(scanner(device.asarray(points))))
    with pytest.raises(ValueError, match=r"points must have shape \(n, 3\), found \(500, 2\)"):
        EFFICIENCIES[name](points[:, :2])


def test_efficiencies_take_lists_and_any_layout():
    points = np.asfortranarray(np.random.default_rng(5).uniform(-12, 12, (50, 3)))
    for efficiency in EFFICIENCIES.values():
        again = pickle.loads(pickle.dumps(efficiency))
        np.testing.assert_array_equal(again(points.tolist()), efficiency(points))
        np.testing.assert_array_equal(efficiency([[1, 2, 3]]), efficiency([[1.0, 2.0, 3.0]]))


@pytest.mark.parametrize("name", ["plates", "ring"])
@pytest.mark.parametrize("place", [(0.0, 0.0, 0.0), (6.0, -4.0, 9.0), (13.0, 10.0, -20.0)])
def test_efficiencies_are_fractions_of_random_lines(name, place):
    rng = np.random.default_rng(3)
    ways = rng.normal(size=(400_000, 3))
    hits = _hits_plates(place, ways) if name == "plates" else _hits_ring(place, ways)
    error = 4 * math.sqrt(0.25 / len(ways))
    assert EFFICIENCIES[name](np.array([place]))[0] == pytest.approx(hits.mean(), abs=error)


def _hits_plates(place, ways):
    both = np.ones(len(ways), bool)
    for side in (30.0, -30.0):
        far = (side - place[2]) / ways[:, 2]
        for axis, half in ((0, 20.0), (1, 15.0)):
            both &= abs(place[axis] + far * ways[:, axis]) <= half
    return both


def _hits_ring(place, ways):
    a = (ways[:, :2] ** 2).sum(axis=1)
    b = place[0] * ways[:, 0] + place[1] * ways[:, 1]
    root = np.sqrt(b**2 - a * (place[0] ** 2 + place[1] ** 2 - 40.0**2))
    ends = [place[2] + way * ways[:, 2] for way in ((-b + root) / a, (-b - root) / a)]
    return (abs(ends[0]) <= 30.0) & (abs(ends[1]) <= 30.0)


def test_densities_and_balls_have_the_right_volume():
    voxels = gpupept.Voxels.zeros((30, 30, 30), [-60, 60], [-60, 60], [-60, 60])
    density = cell_averages(READY["response"], voxels)
    assert float(density.sum()) * 4.0**3 == pytest.approx(1.0, abs=1e-4)
    filled = cell_averages(READY["ball"], voxels, sub_steps=[8, 16])
    volume = 4 / 3 * math.pi * 8.0**3
    assert float(filled.sum()) * 4.0**3 == pytest.approx(volume, rel=0.01)
    assert 0.0 <= float(filled.min()) < 1e-9 < float(filled.max()) <= 1.0


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: ready.dual_plate_efficiency_2d(0.0, 1.0), "h must be a finite length"),
        (lambda: ready.dual_plate_efficiency(1.0, 1.0, -1.0), "wy must be a finite length"),
        (lambda: ready.ring_efficiency(np.inf, 1.0), "radius must be a finite length"),
        (lambda: ready.ball_indicator(1.0, (0.0, 1.0)), "three finite numbers"),
        (lambda: ready.detector_response(1.0, 0.0), "tof_sigma must be"),
        (lambda: ready.detector_response(1.0, 1.0, (0, 0, 0)), "direction must not be zero"),
    ],
)
def test_what_ready_functions_refuse(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_golden_functions_by_compiled_code(golden):
    z = golden("grids_iterate3d")
    checked = 0
    for i in range(len([key for key in z.files if key.endswith("_func")])):
        case = f"c{i:02d}_"
        name = {"ball": "ball", "plates3": "plates"}.get(str(z[case + "func"]))
        if name is None:
            continue
        checked += 1
        masked = z["mask_" + str(z[case + "mask_name"])]
        voxels = gpupept.Voxels(masked, z["xlim"], z["ylim"], z["zlim"])
        found, info = cell_averages(
            (READY | EFFICIENCIES)[name],
            voxels,
            float(z[case + "fractional_accuracy"]),
            z[case + "sub_steps"].tolist(),
            condition=lambda values: values == 0,
            return_info=True,
        )
        expected = z[case + "result_slim"]
        np.testing.assert_allclose(found.array[~masked], expected, atol=1e-11 * expected.max())
        clear = z[case + "margin_slim"] > 1e-9
        np.testing.assert_array_equal(info.sub_size[clear], z[case + "sub_size_slim"][clear])
    assert checked


def test_averages_over_pixels(device):
    pixels = gpupept.Pixels(device.asarray(np.array([[0.0, 1.0], [1.0, 1.0]])), [0, 1], [0, 2])
    found, info = cell_averages(
        lambda p: p[:, 0] + 10 * p[:, 1] + 1,
        pixels,
        condition=lambda values: values > 0,
        fill=np.nan,
        return_info=True,
    )
    expected = [[np.nan, 1.5 + 2.5 + 1], [0.5 + 7.5 + 1, 1.5 + 7.5 + 1]]
    np.testing.assert_allclose(found.get(), expected, rtol=1e-13)
    assert isinstance(found * 0 + pixels, gpupept.Pixels)
    assert len(info.sub_size) == 3
    with pytest.raises(TypeError, match="cells must be Pixels or Voxels, found list"):
        cell_averages(functions.gauss, [1, 2])
