"""Averages refined cell by cell: every rule against plain Python, and what functions may do."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from oracle import grid_functions as functions
from oracle import grids as oracle

from gpupept.grids import (
    Array2D,
    Grid2D,
    Grid2DIterate,
    Grid3DIterate,
    Mask2D,
    Mask3D,
    OverSamplingIterate,
    OverSamplingUniform,
)
from gpupept.grids.acceptance import accepted
from gpupept.kernels.subgrids.compiled import agree

NUMBERS = st.one_of(
    st.sampled_from([0.0, -0.0, 1.0, -1.0, 0.99, np.nan, np.inf, -np.inf, 5e-324, 1e308]),
    st.floats(-10, 10),
)
RULES = st.sampled_from([(r, z) for r in ("ratio", "symmetric") for z in ("refine", "accept")])
ACCURACIES = st.sampled_from([(0.9, None), (1.0, None), (None, 0.5), (0.5, 0.1), (1e-9, None)])


@given(
    pairs=st.lists(st.tuples(NUMBERS, NUMBERS), min_size=1, max_size=8),
    rules=RULES,
    accuracies=ACCURACIES,
)
def test_acceptance_is_that_of_the_oracle(device, pairs, rules, accuracies):
    lower, upper = np.array(pairs).T.copy()
    expected = [oracle.agree(a, b, *accuracies, *rules) for a, b in pairs]
    found = accepted(device.asarray(lower), device.asarray(upper), *accuracies, *rules)
    assert device.to_host(found).tolist() == expected
    limits = [np.nan if value is None else value for value in accuracies]
    for (a, b), answer in zip(pairs, expected, strict=True):
        assert agree(a, b, *limits, rules[0] == "symmetric", rules[1] == "accept") == answer


@given(pairs=hnp.arrays(float, (6, 2, 2), elements=NUMBERS), rules=RULES, accuracies=ACCURACIES)
def test_acceptance_of_vectors(device, pairs, rules, accuracies):
    expected = [oracle.agree(a, b, *accuracies, *rules) for a, b in pairs]
    parts = [device.asarray(np.ascontiguousarray(pairs[:, k])) for k in range(2)]
    assert device.to_host(accepted(*parts, *accuracies, *rules)).tolist() == expected


@given(
    mask=hnp.arrays(bool, hnp.array_shapes(min_dims=2, max_dims=2, max_side=5)),
    name=st.sampled_from(["gauss", "disc", "signed", "zero", "iso", "ycomp_zero", "gradgauss"]),
    steps=st.sampled_from([[2, 4, 8], [3, 5], [4], [1], [2, 3]]),
    rules=RULES,
    accuracies=ACCURACIES,
    exit_zero=st.booleans(),
    geometry=st.tuples(st.floats(0.1, 3), st.floats(0.1, 3), st.floats(-2, 2)),
)
def test_averages_are_those_of_the_oracle(
    device, mask, name, steps, rules, accuracies, exit_zero, geometry
):
    tall, wide, middle = geometry
    plane = Mask2D(device.asarray(mask), (tall, wide), origin=(middle, -middle))
    grid = Grid2DIterate.from_mask(
        plane,
        accuracies[0],
        steps,
        absolute_accuracy=accuracies[1],
        rule=rules[0],
        zero_rule=rules[1],
        zero_exit=exit_zero,
        max_points=100,
    )
    function, centres = functions.PLANE[name], grid.get()
    if not len(centres):
        result, info = grid.iterated_result_from(_never, return_info=True)
        assert result.shape == (0,)
        assert info.n_evaluations == 0
        return
    expected = oracle.iterate(
        function, centres, (-tall, wide), steps, *accuracies, *rules, exit_zero
    )
    result, info = grid.iterated_result_from(function, return_info=True)
    sizes = device.to_host(info.sub_size)
    clear = sizes == expected[1]  # a mean within rounding of a limit may go either way
    assert clear.all() or _near_a_tie(function, centres, (-tall, wide), accuracies, ~clear)
    scale = np.abs(expected[0]).max()
    np.testing.assert_allclose(result.get()[clear], expected[0][clear], rtol=0, atol=1e-12 * scale)
    np.testing.assert_array_equal(device.to_host(info.converged)[clear], expected[2][clear])
    if clear.all():
        assert info.n_evaluations == expected[3]


def _never(points):
    raise AssertionError("the function is not called without cells")


def _near_a_tie(function, centres, steps, accuracies, unclear):
    """Whether ratios or differences of unclear cells lie within rounding of what is asked for."""
    for centre in centres[unclear]:
        means = [
            function(oracle.sub_points(centre, steps, size)).mean(axis=0)
            for size in (1, 2, 3, 4, 5, 8)
        ]
        for k, low in enumerate(means):
            for high in means[k + 1 :]:
                for a, b in zip(np.atleast_1d(low), np.atleast_1d(high), strict=True):
                    limits = [1e-12 * max(abs(a), abs(b), 1e-300)]
                    if abs(a - b) <= limits[0] or min(abs(a), abs(b)) <= 1e-12:
                        return True
                    for limit in accuracies:
                        if limit is not None and (
                            abs(min(a / b, b / a) - limit) < 1e-9 or abs(abs(a - b) - limit) < 1e-9
                        ):
                            return True
    return False


def uniform(**options):
    return Grid2DIterate.uniform((9, 9), pixel_scales=0.5, **options)


def test_constant_functions_are_settled_at_once(device):
    grid = uniform().to(device.name)
    result, info = grid.iterated_result_from(functions.PLANE["const"], return_info=True)
    assert (result.get() == 2.5).all()
    assert (device.to_host(info.sub_size) == 2).all()
    assert bool(info.converged.all())
    assert info.n_evaluations == 81 * (1 + 4)
    assert info.max_error_estimate == 0.0


def test_any_accuracy_and_full_accuracy():
    rough = uniform(fractional_accuracy=1e-12).iterated_result_from(
        functions.gauss, return_info=True
    )[1]
    assert (rough.sub_size == 2).all()
    convex = uniform(fractional_accuracy=1.0).iterated_result_from(
        lambda p: np.exp(p[:, 0] + 0.7 * p[:, 1]), return_info=True
    )[1]
    assert (convex.sub_size == 16).all()
    assert not convex.converged.any()
    assert convex.max_error_estimate > 0.0
    assert convex.n_evaluations == 81 * (1 + 4 + 16 + 64 + 256)


def test_number_of_evaluations_is_that_of_the_calls(device):
    seen = []

    def watched(points):
        seen.append(points.shape[0])
        return functions.gauss(points)

    grid = uniform(fractional_accuracy=0.999, max_points=500).to(device.name)
    _, info = grid.iterated_result_from(watched, return_info=True)
    sizes = device.to_host(info.sub_size)
    expected = len(sizes) + sum(int((sizes >= s).sum()) * s**2 for s in grid.sub_steps)
    assert info.n_evaluations == sum(seen) == expected
    assert max(seen) <= 500


def test_the_function_sees_points_of_active_pixels_only():
    grid = Grid2DIterate.from_mask(Mask2D.circular((9, 9), 2.0, 0.5), 0.99)

    def inside(points):
        pixels = grid.mask.grid_pixel_centres_from(points)
        assert not grid.mask.array[pixels[:, 0], pixels[:, 1]].any()
        return functions.disc(points)

    _, info = grid.iterated_result_from(inside, return_info=True)
    assert (info.sub_size > 2).any()


@given(chunk=st.integers(1, 5000))
def test_results_do_not_depend_on_chunks(chunk):
    for function in (functions.sersic, functions.iso):
        expected = uniform().iterated_result_from(function)
        found = uniform(max_points=chunk).iterated_result_from(function)
        np.testing.assert_array_equal(found.array, expected.array)


@given(shift=st.tuples(st.floats(-9, 9), st.floats(-9, 9)))
def test_moving_grid_and_function_together_changes_nothing(shift):
    def moved(points):
        return functions.gauss(points - np.array(shift))

    expected = uniform(fractional_accuracy=0.99).iterated_result_from(functions.gauss)
    found = uniform(fractional_accuracy=0.99, origin=shift).iterated_result_from(moved)
    np.testing.assert_allclose(found.array, expected.array, rtol=1e-12)


def test_scaling_grid_and_function_together_changes_nothing():
    half = Grid2DIterate.uniform((9, 9), 0.25).iterated_result_from(
        lambda points: functions.gauss(2 * points)
    )
    np.testing.assert_allclose(
        half.array, uniform().iterated_result_from(functions.gauss).array, rtol=1e-12
    )


class Model:
    def __init__(self, width):
        self.width = width

    def density(self, points, power, *, scale):
        return scale * np.exp(-((points**2).sum(axis=1) ** power) / self.width)


def test_arguments_reach_every_level(device):
    model = Model(2.0)
    grid = uniform().to(device.name)
    expected = grid.iterated_result_from(lambda p: model.density(p, 0.5, scale=3.0))
    for found in (
        grid.iterated_result_from(Model.density, model, 0.5, scale=3.0),
        grid.iterated_result_from(model.density, None, 0.5, scale=3.0),
    ):
        np.testing.assert_array_equal(found.get(), expected.get())


def test_lists_are_refined_until_all_elements_agree(device):
    grid = uniform(fractional_accuracy=0.999).to(device.name)
    parts = [functions.gauss, functions.disc, functions.iso]
    found, info = grid.iterated_result_from(lambda p: [f(p) for f in parts], return_info=True)
    assert [type(part) for part in found] == [Array2D, Array2D, Grid2D]
    alone = [grid.iterated_result_from(f, return_info=True)[1].sub_size for f in parts]
    largest = np.max([device.to_host(sizes) for sizes in alone], axis=0)
    assert (device.to_host(info.sub_size) >= largest).all()
    nearly = found[0].get(), grid.iterated_result_from(functions.gauss).get()
    np.testing.assert_allclose(*nearly, rtol=2e-3)
    single = grid.iterated_result_from(lambda p: [functions.gauss(p)])
    np.testing.assert_array_equal(single[0].get(), nearly[1])


def test_values_that_are_not_finite(device):
    def pole(points):
        return 1.0 / abs(points[:, 1])

    grid = Grid2DIterate.uniform((1, 3), 1.0, sub_steps=[3, 5], rule="symmetric")
    grid = grid.to(device.name)
    with np.errstate(divide="ignore"):
        result, info = grid.iterated_result_from(pole, return_info=True)
        assert result.get()[1] == np.inf
        assert device.to_host(info.sub_size)[1] == 5
        strict = Grid2DIterate(grid.array, grid.mask, sub_steps=[3], nan_policy="raise")
        with pytest.raises(ValueError, match="1 of 3 values that are not finite"):
            strict.iterated_result_from(pole)


def test_functions_may_return_what_they_were_given(device):
    grid = uniform(sub_steps=[2]).to(device.name)
    before = grid.get().copy()
    result = grid.iterated_result_from(lambda points: points)
    np.testing.assert_allclose(result.get(), before, atol=1e-12)
    result.array[...] = 7.0
    np.testing.assert_array_equal(grid.get(), before)
    zeros = grid.array[:, 0] * 0.0
    result = grid.iterated_result_from(lambda points: zeros)
    result.array[...] = 7.0
    assert not zeros.any()


def test_integers_and_single_precision():
    found = uniform().iterated_result_from(lambda p: (p[:, 0] > 0).astype(np.int32))
    assert found.dtype == np.float64
    exact = uniform(fractional_accuracy=0.99).iterated_result_from(functions.gauss)
    single = uniform(fractional_accuracy=0.99).iterated_result_from(
        lambda p: functions.gauss(p.astype(np.float32))
    )
    assert single.dtype == np.float64
    np.testing.assert_allclose(single.array, exact.array, atol=1e-4 * exact.array.max())


@pytest.mark.parametrize(
    ("function", "error", "message"),
    [
        (lambda p: p[:-1, 0], ValueError, r"shape \(81,\) or \(81, 2\).*found shape \(80,\)"),
        (lambda p: 1.0, ValueError, r"found shape \(\)"),
        (lambda p: [], ValueError, "empty list"),
        (lambda p: np.stack([p[:, 0]] * 3, axis=1), ValueError, r"found shape \(81, 3\)"),
        (lambda p: p[:, 0] + 1j, TypeError, "real numbers"),
        (lambda p: np.full(len(p), "x"), TypeError, "real numbers"),
    ],
)
def test_what_functions_must_not_return(function, error, message):
    with pytest.raises(error, match=message):
        uniform().iterated_result_from(function)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"fractional_accuracy": 0.0}, "fractional_accuracy must be above 0"),
        ({"fractional_accuracy": 1.1}, "fractional_accuracy must be above 0"),
        ({"fractional_accuracy": np.nan}, "fractional_accuracy must be above 0"),
        ({"fractional_accuracy": None}, "must not both be None"),
        ({"relative_accuracy": -1.0}, "absolute_accuracy must be a finite number"),
        ({"relative_accuracy": 1.0, "absolute_accuracy": 1.0}, "are the same"),
        ({"sub_steps": []}, "sub_steps must be one or more"),
        ({"sub_steps": [2, 2]}, "sub_steps must be one or more"),
        ({"sub_steps": [4, 2]}, "sub_steps must be one or more"),
        ({"sub_steps": [1, 2]}, "sub_steps must be one or more"),
        ({"sub_steps": [0]}, "sub_steps must be whole numbers"),
        ({"sub_steps": [2.5]}, "sub_steps must be whole numbers"),
        ({"sub_steps": [2, 40000]}, "sub_steps must be whole numbers"),
        ({"sub_steps": "many"}, "sub_steps must be whole numbers"),
        ({"rule": "best"}, "rule must be one of ratio, symmetric"),
        ({"zero_rule": "skip"}, "zero_rule must be one of"),
        ({"nan_policy": "omit"}, "nan_policy must be one of"),
        ({"max_points": 0}, "max_points must be at least 1"),
    ],
)
def test_what_settings_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        OverSamplingIterate(**options)


def test_derived_grids_keep_the_settings():
    grid = Grid2DIterate.from_mask(
        Mask2D.circular((7, 7), 1.0, 1.0), 0.9, [2, 3], relative_accuracy=0.5, rule="symmetric"
    )
    for derived in (
        grid.slim,
        grid.native,
        grid.native.slim,
        grid.grid_via_deflection_grid_from(grid.array * 0.1),
        grid.blurring_grid_via_kernel_shape_from((3, 3)),
        grid.padded_grid_from((3, 5)),
        grid.grid_with_coordinates_within_distance_removed((0.0, 0.0), 0.5),
        grid.relocated_grid_from(grid),
        grid.to("cpu"),
    ):
        assert isinstance(derived, Grid2DIterate)
        assert derived.over_sampling is grid.over_sampling
        assert derived.relative_accuracy == derived.absolute_accuracy == 0.5
        derived.iterated_result_from(functions.gauss)


def test_the_steps_of_the_iteration_by_hand(device):
    """The documented parts, put together as their names say, give the same as all at once."""
    mask = Mask2D.circular((11, 11), 2.0, 0.5).to(device.name)
    for function, zero in ((functions.gauss, 0.0), (functions.iso, np.zeros(2))):
        grid = Grid2DIterate.from_mask(mask, 0.995, [2, 4, 8])
        lower = grid.array_at_sub_size_from(lambda o, p, f=function: f(p), grid, mask, 1)
        result = np.zeros(lower.shape) + zero
        result, before = device.asarray(result), device.asarray(np.zeros(mask.shape, bool))
        kept = mask
        for size in grid.sub_steps[:-1]:
            higher = grid.grid_at_sub_size_from(function, None, kept, size)
            via = grid.fractional_mask_via_grids_from(lower, higher)
            after = grid.fractional_mask_via_arrays_jit_from(
                0.995, before | True, higher.array, lower.array, kept.array
            )
            np.testing.assert_array_equal(device.to_host(after), via.get())
            result = grid.iterated_array_jit_from(result, after, kept.array, higher.array)
            kept, lower = mask._like(after), higher
        last = grid.array_at_sub_size_from(function, None, kept, 8)
        result = grid.iterated_grid_jit_from(result, before | True, kept.array, last.array)
        expected = grid.iterated_result_from(function)
        np.testing.assert_allclose(
            device.to_host(result), expected.native.get(), atol=1e-14, rtol=0
        )
        first = grid.array_at_sub_size_from(function, None, mask, 1)
        again = (grid.iterated_array_from if first.ndim == 2 else grid.iterated_grid_from)(
            function, None, first
        )
        np.testing.assert_array_equal(again.get(), expected.get())
    nothing = grid.array_at_sub_size_from(functions.gauss, None, mask | True, 2)
    assert not nothing.get().any()
    values = grid.iterated_result_from(functions.gauss)
    assert grid.return_iterated_array_result(values.native).mask.is_same_as(grid.mask)


def test_given_sub_sizes(device):
    sizes = np.array([1, 4, 2, 4])
    mask = Mask2D(device.asarray(np.zeros((2, 2), bool)), 1.0)
    grid = Grid2D.from_mask(mask, over_sampling=OverSamplingUniform(sizes))
    result, info = grid.result_from(functions.gauss, return_info=True)
    for k, (centre, size) in enumerate(zip(grid.get(), sizes, strict=True)):
        expected = functions.gauss(oracle.sub_points(centre, (-1.0, 1.0), size)).mean()
        assert result.get()[k] == pytest.approx(expected, rel=1e-13)
    assert device.to_host(info.sub_size).tolist() == sizes.tolist()
    assert info.n_evaluations == (sizes**2).sum()
    same = Grid2D.from_mask(mask, over_sampling=OverSamplingUniform(4))
    assert same.result_from(functions.gauss).get()[1] == result.get()[1]
    with pytest.raises(ValueError, match="sub_size has 3 numbers for 4"):
        Grid2D.from_mask(mask, OverSamplingUniform([1, 2, 3])).result_from(functions.gauss)
    for wrong in ([0, 1], [1.5], 0, [[1]]):
        with pytest.raises(ValueError, match="sub_size must be"):
            OverSamplingUniform(wrong)


def test_space_is_that_of_the_oracle(device):
    mask = Mask3D(device.asarray(np.arange(12).reshape(2, 2, 3) % 5 == 0), [-2, 9], [0, 5], [-4, 3])
    grid = Grid3DIterate.from_mask(mask, 0.99, [2, 3, 5])
    found, info = grid.iterated_result_from(functions.gauss3, return_info=True)
    expected = oracle.iterate(
        functions.gauss3,
        grid.get(),
        mask.pixel_scales,
        [2, 3, 5],
        0.99,
        None,
        "ratio",
        "refine",
        True,
    )
    np.testing.assert_allclose(found.get(), expected[0], rtol=1e-12)
    np.testing.assert_array_equal(device.to_host(info.sub_size), expected[1])
    assert info.n_evaluations == expected[3]
    voxels = grid.to_voxels(found, fill=-1.0)
    assert (voxels.get()[mask.get()] == -1.0).all()
    np.testing.assert_array_equal(voxels.zlim, [-4, 3])
    moments = grid.iterated_result_from(lambda p: p)
    np.testing.assert_allclose(moments.get(), grid.get(), atol=1e-12)
