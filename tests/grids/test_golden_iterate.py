"""Averages refined cell by cell: the golden vectors, with NumPy and with CuPy arrays."""

from __future__ import annotations

import numpy as np
import pytest
from oracle import grid_functions as functions

from gpupept.grids import (
    Array2D,
    Grid2DIterate,
    Grid3DIterate,
    Mask2D,
    Mask3D,
)


def _none(value):
    return None if np.isnan(value) else float(value)


def _check(result, expected):
    scale = np.abs(expected).max(initial=0.0)
    assert result.shape == expected.shape
    np.testing.assert_allclose(result, expected, rtol=0, atol=1e-11 * scale)


@pytest.mark.parametrize("archive", ["array", "grid", "absolute"])
def test_planes(golden, device, archive):
    z = golden(f"grids_iterate_{archive}")
    for i in range(len(z["case_names"])):
        case = f"c{i:02d}_"
        name = str(z[case + "mask_name"])
        mask = Mask2D(
            device.asarray(z[f"mask_{name}"]),
            z[f"mask_{name}_pixel_scales"],
            origin=z[f"mask_{name}_origin"],
        )
        absolute = z[case + "absolute_accuracy"] if archive == "absolute" else np.nan
        grid = Grid2DIterate.from_mask(
            mask,
            _none(z[case + "fractional_accuracy"]),
            z[case + "sub_steps"].tolist(),
            relative_accuracy=_none(absolute),
        )
        function = functions.PLANE[str(z[case + "func"])]
        result, info = grid.iterated_result_from(function, return_info=True)
        _check(result.get(), z[case + "result_slim"])
        sizes = Array2D(info.sub_size, mask).native.get()
        clear = np.ones(sizes.shape, bool)
        if archive != "absolute":
            clear = z[case + "margin_native"] > 1e-9
        np.testing.assert_array_equal(sizes[clear], z[case + "sub_size_native"][clear])


def test_space(golden, device):
    z = golden("grids_iterate3d")
    for i in range(len([key for key in z.files if key.endswith("_func")])):
        case = f"c{i:02d}_"
        masked = device.asarray(z["mask_" + str(z[case + "mask_name"])])
        mask = Mask3D(masked, z["xlim"], z["ylim"], z["zlim"])
        accuracy, steps = float(z[case + "fractional_accuracy"]), z[case + "sub_steps"].tolist()
        grid = Grid3DIterate.from_mask(mask, accuracy, steps)
        function = functions.SPACE[str(z[case + "func"])]
        result, info = grid.iterated_result_from(function, return_info=True)
        _check(result.get(), z[case + "result_slim"])
        clear = z[case + "margin_slim"] > 1e-9
        sizes = device.to_host(info.sub_size)
        np.testing.assert_array_equal(sizes[clear], z[case + "sub_size_slim"][clear])


def _edge_grid(z, case, device, like=None, **options):
    like = case if like is None else like
    mask = Mask2D(
        device.asarray(z[f"{like}_mask"]), z[f"{like}_pixel_scales"], origin=z[f"{like}_origin"]
    )
    accuracy, steps = float(z[f"{case}_fractional_accuracy"]), z[f"{case}_sub_steps"].tolist()
    return Grid2DIterate.from_mask(mask, accuracy, steps, **options)


@pytest.mark.parametrize(("case", "name"), [("e0", "edge_ring"), ("e0b", "edge_spots")])
def test_a_finer_mean_of_zero_goes_on(golden, device, case, name):
    z = golden("grids_iterate_edge")
    grid = _edge_grid(z, case, device, "e0")
    result, info = grid.iterated_result_from(getattr(functions, name), return_info=True)
    _check(result.get(), z[f"{case}_recommended"])
    sizes = device.to_host(info.sub_size)
    np.testing.assert_array_equal(sizes, z[f"{case}_recommended_sub_size"])


def test_sub_grids_lie_around_the_points_as_they_are(golden, device):
    z = golden("grids_iterate_edge")
    grid = _edge_grid(z, "e1", device)
    moved = grid.grid_via_deflection_grid_from(device.asarray(z["e1_deflection"]))
    np.testing.assert_allclose(moved.get(), z["e1_grid"], atol=1e-12)
    result, info = moved.iterated_result_from(functions.gauss, return_info=True)
    _check(result.get(), z["e1_recommended"])
    np.testing.assert_array_equal(device.to_host(info.sub_size), z["e1_recommended_sub_size"])


def test_early_exit_for_zeros(golden, device):
    z = golden("grids_iterate_edge")
    result, info = _edge_grid(z, "e2", device).iterated_result_from(
        functions.speck, return_info=True
    )
    np.testing.assert_array_equal(result.get(), z["e2_original"])
    assert info.n_evaluations == result.size
    result, info = _edge_grid(z, "e2", device, zero_exit=False).iterated_result_from(
        functions.speck, return_info=True
    )
    _check(result.get(), z["e2_no_early_exit"])
    np.testing.assert_array_equal(device.to_host(info.sub_size), z["e2_no_early_exit_sub_size"])


def test_signs(golden, device):
    z = golden("grids_iterate_edge")
    result = _edge_grid(z, "e3", device).iterated_result_from(functions.signed)
    _check(result.get(), z["e3_original"])
    grid = _edge_grid(z, "e3", device, rule="symmetric")
    result, info = grid.iterated_result_from(functions.signed, return_info=True)
    _check(result.get(), z["e3_symmetric"])
    clear = z["e3_margin"] > 1e-9
    sizes = device.to_host(info.sub_size)
    np.testing.assert_array_equal(sizes[clear], z["e3_symmetric_sub_size"][clear])
