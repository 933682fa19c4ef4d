"""Masks, grids and their geometry: the golden vectors, on every device."""

from __future__ import annotations

import numpy as np
import pytest

from gpupept.grids import Array2D, Grid2D, Grid2DIterate, Mask2D


@pytest.fixture
def vectors(golden):
    return golden("grids_geometry")


@pytest.mark.parametrize("name", "abcde")
def test_geometry(vectors, device, name):
    z = {
        key.removeprefix(f"geom_{name}_"): vectors[key]
        for key in vectors.files
        if key.startswith(f"geom_{name}_")
    }
    mask = Mask2D(
        device.asarray(z["mask"]), z["pixel_scales"], int(z["sub_size"]), z["origin"].tolist()
    )
    grid = Grid2D.from_mask(mask)
    for key, found in {
        "grid_slim": grid.slim,
        "grid_native": grid.native,
        "grid_binned": grid.binned,
        "unmasked_sub1": mask.unmasked_grid_sub_1,
        "dist2": grid.squared_distances_to_coordinate((0.3, -0.2)),
        "dist": grid.distances_to_coordinate((0.3, -0.2)),
    }.items():
        np.testing.assert_allclose(found.get(), z[key], rtol=0, atol=1e-12, err_msg=key)
    for key, found in {
        "native_for_slim": mask.native_index_for_slim_index,
        "subnative_for_subslim": mask.sub_mask_index_for_sub_mask_1d_index,
        "slim_for_subslim": mask.slim_index_for_sub_slim_index,
        "sub_mask": mask.sub_mask,
    }.items():
        np.testing.assert_array_equal(device.to_host(found), z[key], err_msg=key)
    assert mask.pixels_in_mask == z["pixels_in_mask"]
    assert mask.sub_pixels_in_mask == z["sub_pixels_in_mask"]
    assert mask.sub_fraction == z["sub_fraction"]
    np.testing.assert_allclose(mask.extent, z["mask_extent"], atol=1e-12)
    np.testing.assert_allclose(mask.mask_centre, z["mask_centre"], atol=1e-12)
    if name == "a":
        np.testing.assert_allclose(grid.extent, z["grid_extent"], atol=1e-12)
    _check_values(z, mask, device)
    _check_places(z, mask, device)


def _check_values(z, mask, device):
    values = Array2D(device.asarray(z["arr_slim"]), mask)
    np.testing.assert_array_equal(values.native.get(), z["arr_native"])
    np.testing.assert_array_equal(values.native.slim.get(), z["arr_slim"])
    np.testing.assert_allclose(values.binned.get(), z["arr_binned"], rtol=1e-14)
    np.testing.assert_allclose(values.binned.native.get(), z["arr_binned_native"], rtol=1e-14)
    again = Array2D(values.native.array, mask)
    np.testing.assert_array_equal(again.get(), z["arr_slim"])


def _check_places(z, mask, device):
    points = device.asarray(z["pts"])
    pixels = mask.grid_pixels_from(points)
    np.testing.assert_allclose(device.to_host(pixels), z["pts_pixels"], atol=1e-12)
    for key, found in {
        "pts_pixel_centres": mask.grid_pixel_centres_from(points),
        "pts_pixel_indexes": mask.grid_pixel_indexes_from(points),
    }.items():
        np.testing.assert_array_equal(device.to_host(found), z[key])
    back = mask.grid_scaled_from(device.asarray(z["pts_pixels"]))
    np.testing.assert_allclose(device.to_host(back), z["pts_back"], atol=1e-12)
    np.testing.assert_allclose(device.to_host(back), z["pts"], atol=1e-12)


MADE = {
    "m_circular": lambda: Mask2D.circular((9, 11), 3.2, 1.0, centre=(0.5, -1)),
    "m_circular_aniso": lambda: Mask2D.circular((10, 7), 2, (0.5, 1.0)),
    "m_circular_edge": lambda: Mask2D.circular((5, 5), 2, 1),
    "m_annular": lambda: Mask2D.circular_annular((11, 11), 2, 4, 1.0),
    "m_anti_annular": lambda: Mask2D.circular_anti_annular((13, 13), 1.5, 3, 5, 1.0),
    "m_elliptical": lambda: Mask2D.elliptical((12, 15), 5, 0.45, 30, 1.0, centre=(0.5, -0.5)),
    "m_elliptical_annular": lambda: Mask2D.elliptical_annular(
        (15, 15), 2, 0.8, 20, 6, 0.6, 60, 1.0
    ),
    "m_from_pixels": lambda: Mask2D.from_pixel_coordinates((7, 8), [(1, 2), (5, 5)], 1.0),
    "m_from_pixels_buf": lambda: Mask2D.from_pixel_coordinates(
        (7, 8), [(1, 2), (5, 5)], 1.0, buffer=1
    ),
    "m_circular_invert": lambda: Mask2D.circular((9, 11), 3.2, 1.0, centre=(0.5, -1), invert=True),
}


@pytest.mark.parametrize("name", MADE)
def test_shapes(vectors, name):
    np.testing.assert_array_equal(MADE[name]().array, vectors[name])


def border_mask(vectors, device):
    scales, origin = vectors["eb_pixel_scales"], vectors["eb_origin"]
    return Mask2D(device.asarray(vectors["eb_mask"]), scales, int(vectors["eb_sub_size"]), origin)


def test_edges_and_borders(vectors, device):
    mask = border_mask(vectors, device)
    for key, found in {
        "edge_slim": mask.edge_slim_indexes,
        "edge_native": mask.edge_mask.native_index_for_slim_index,
        "border_slim": mask.border_slim_indexes,
        "border_native": mask.border_mask.native_index_for_slim_index,
        "sub_border_slim": mask.sub_border_slim_indexes,
        "edge_buffed": mask.edge_buffed_mask.array,
        "blur_3x3": mask.blurring_mask_from((3, 3)).array,
        "blur_3x5": mask.blurring_mask_from((3, 5)).array,
        "blur_7x1": mask.blurring_mask_from((7, 1)).array,
        "resized_16x17": mask.resized_mask_from((16, 17), pad_value=1).array,
        "resized_9x8": mask.resized_mask_from((9, 8), pad_value=1).array,
    }.items():
        np.testing.assert_array_equal(device.to_host(found), vectors[f"eb_{key}"], err_msg=key)
    assert mask.zoom_region == vectors["eb_zoom_region"].tolist()
    assert list(mask.zoom_centre) == vectors["eb_zoom_centre"].tolist()
    assert list(mask.zoom_offset_scaled) == vectors["eb_zoom_offset_scaled"].tolist()


def test_grids_for_convolutions(vectors, device):
    mask = border_mask(vectors, device)
    blurring = Grid2D.blurring_grid_from(mask, (3, 5))
    np.testing.assert_allclose(blurring.get(), vectors["eb_blur_grid_3x5"], atol=1e-12)
    padded = Grid2D.from_mask(mask.mask_sub_1).padded_grid_from((3, 5))
    assert list(padded.shape_native) == vectors["eb_padded_shape_3x5"].tolist()
    expected = vectors["eb_padded_grid_3x5"] + vectors["eb_origin"]
    np.testing.assert_allclose(padded.get(), expected, atol=1e-12)


@pytest.mark.parametrize("number", range(3))
def test_radial_projection(vectors, device, number):
    mask = Mask2D(device.asarray(np.zeros((12, 13), bool)), (1.5, 1.0), 2, (0.2, -0.3))
    centre, angle = vectors[f"radial_{number}_centre"], float(vectors[f"radial_{number}_angle"])
    found = Grid2D.from_mask(mask).grid_2d_radial_projected_from(centre, angle)
    np.testing.assert_allclose(found.get(), vectors[f"radial_{number}_grid"], atol=1e-9)


def test_relocation(vectors, device):
    grid = Grid2D.from_mask(border_mask(vectors, device))
    np.testing.assert_allclose(grid.sub_border_grid.get(), vectors["reloc_border"], atol=1e-12)
    for relocate in (grid.relocated_grid_from, grid.relocated_pixelization_grid_from):
        moved = relocate(device.asarray(vectors["reloc_in"]))
        np.testing.assert_allclose(moved.get(), vectors["reloc_out"], atol=1e-12)


def test_padding_keeps_the_origin(golden):
    z = golden("grids_iterate_edge")
    grid = Grid2DIterate.uniform(
        z["e4_shape"].tolist(), z["e4_pixel_scales"], origin=z["e4_origin"], rule="symmetric"
    )
    padded = grid.padded_grid_from(z["e4_kernel"].tolist())
    np.testing.assert_allclose(padded.array, z["e4_recommended"], atol=1e-12)
    assert padded.over_sampling.rule == "symmetric"


def test_edges_of_the_array_are_edges_of_the_mask(golden):
    z = golden("grids_iterate_edge")
    mask = Mask2D(z["e5_mask"], 1)
    np.testing.assert_array_equal(mask.edge_slim_indexes, z["e5_recommended_edge_slim"])
