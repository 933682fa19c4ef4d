"""Sensitivity maps against means over the finest sub-grid everywhere, and images divided by them."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gpupept import Pixels, Voxels
from gpupept.backend import MixedDevicesError
from gpupept.grids.functions import dual_plate_efficiency, ring_efficiency
from gpupept.scanners import (
    ADACGeometricEfficiency,
    RingGeometricEfficiency,
    TwoPlanesGeometricEfficiency,
    geometric_efficiency,
    normalise,
    sensitivity_map,
)

FORTE = ADACGeometricEfficiency(500)
UNLIKE = TwoPlanesGeometricEfficiency([0, 400], [0, 300], [100, 500], [100, 500], [50, 300])
RING = RingGeometricEfficiency(250, zlim=[50, 400], center=(280, 300))


class Counting(TwoPlanesGeometricEfficiency):
    """Counts the points at which it is evaluated."""

    points = 0

    def _at(self, points):
        self.points += len(points)
        return super()._at(points)


def uniform(geom, limits, shape, size, z=None):
    """Means over equal sub-grids, worked out on the CPU."""
    axes = []
    for (low, high), count in zip(limits, shape, strict=True):
        edges = np.linspace(low, high, count + 1)
        shares = (np.arange(size) + 0.5) / size
        axes.append((edges[:-1, None] + np.diff(edges)[:, None] * shares).ravel())
    if z is not None:
        axes.append(np.array([z]))
    values = geom(*np.ix_(*axes))
    values = values.reshape([part for count in shape for part in (count, size)])
    return values.mean(axis=tuple(range(1, values.ndim, 2)))


def worst_ratio(found, expected):
    """Smallest ratio of the smaller to the larger; two zeros agree."""
    small, large = np.minimum(found, expected), np.maximum(found, expected)
    return np.where(large == 0.0, 1.0, small / np.where(large == 0.0, 1.0, large)).min()


@pytest.mark.parametrize("z", [250.0, 101.0])
@pytest.mark.parametrize("limits", [([111.78, 491.78], [46.78, 556.78]), ([90, 520], [20, 600])])
def test_a_plane_costs_little_and_is_accurate(limits, z):
    pixels = Pixels.zeros((200, 200), *limits)
    found, info = sensitivity_map(FORTE, pixels, 0.9999, z=z, return_info=True)
    assert worst_ratio(found.array, uniform(FORTE, limits, (200, 200), 16, z)) > 0.9999
    assert info.n_evaluations < 200 * 200 * 16 * 16 / 10
    assert (info.border_cells > 0) == (limits[0][0] < 111)


@pytest.mark.parametrize("geom", [FORTE, UNLIKE, RING])
def test_voxels_are_accurate(device, geom):
    limits, shape = [[0, 560], [10, 600], [-20, 460]], (9, 11, 8)
    voxels = Voxels.zeros(shape, *limits).to(device.name)
    found = sensitivity_map(geom, voxels, 0.999, [2, 4, 8])
    assert isinstance(found, Voxels)
    assert found.device == voxels.device
    expected, got = uniform(geom, limits, shape, 8), device.to_host(found.array)
    assert worst_ratio(got, expected) > 0.999


@pytest.mark.parametrize("geom", [FORTE, UNLIKE, RING])
def test_levels_that_agree_by_chance_are_told_by_their_neighbours(geom):
    limits, shape = [[100, 500], [40, 560], [0, 500]], (20, 26, 25)
    found, info = sensitivity_map(
        geom, Voxels.zeros(shape, *limits), 0.9999, [2, 4, 8], return_info=True
    )
    assert worst_ratio(found.array, uniform(geom, limits, shape, 8)) > 0.9999
    assert info.n_evaluations < 0.85 * found.array.size * 8**3
    finest = (info.sub_size.array == 8).sum()
    assert info.border_cells + info.unconverged_cells == finest > info.border_cells


def test_a_peak_on_the_axis_of_a_ring_is_found(device):
    ring, limits = RingGeometricEfficiency(300, axial_length=300), [[-100, 110], [-90, 80]]
    pixels = Pixels.zeros((21, 17), *limits).to(device.name)
    found = sensitivity_map(ring, pixels, 0.9999, z=0.0)
    expected = uniform(ring, limits, (21, 17), 16, 0.0)
    assert worst_ratio(device.to_host(found.array), expected) > 0.9999


def test_every_evaluation_counts_and_cells_out_of_view_cost_none(device):
    limits = [[0, 100], [0, 100], [0, 100], [0, 100], [0, 100]]
    geom = Counting(*limits)
    beyond = Voxels.zeros((4, 4, 4), [200, 300], [0, 100], [0, 100]).to(device.name)
    found, info = sensitivity_map(geom, beyond, return_info=True)
    assert not device.to_host(found.array).any()
    assert (geom.points, info.n_evaluations, info.border_cells) == (0, 0, 0)
    across = Voxels.zeros((2, 2, 2), [50, 150], [0, 100], [0, 100]).to(device.name)
    found, info = sensitivity_map(geom, across, 0.9, [2, 4], return_info=True)
    assert geom.points == info.n_evaluations >= 4 * (1 + 8)
    assert info.border_cells == 0
    assert not device.to_host(found.array)[1].any()
    cut = Voxels.zeros((1, 2, 2), [60, 140], [0, 100], [0, 100]).to(device.name)
    geom.points = 0
    found, info = sensitivity_map(geom, cut, 0.9, [2, 4], return_info=True)
    assert info.border_cells == 4
    assert geom.points == info.n_evaluations == 4 * (1 + 64)
    expected = uniform(geom, [[60, 140], [0, 100], [0, 100]], (1, 2, 2), 4)
    np.testing.assert_allclose(device.to_host(found.array), expected, rtol=1e-12)


def test_sub_sizes_are_told_cell_by_cell(device):
    geom = TwoPlanesGeometricEfficiency([0, 100], [0, 100], [0, 80], [0, 100], [0, 80])
    limits = [[-35, 125], [10, 91], [20, 80]]
    voxels = Voxels.zeros((16, 9, 6), *limits).to(device.name)
    found, info = sensitivity_map(geom, voxels, 0.999, [2, 4, 8], return_info=True)
    _check_sub_sizes(device, geom, found, info, limits)
    pixels = Pixels.zeros((16, 9), *limits[:2]).to(device.name)
    found, info = sensitivity_map(geom, pixels, 0.999, [2, 4, 8], z=12.0, return_info=True)
    _check_sub_sizes(device, geom, found, info, limits[:2], 12.0)


def _check_sub_sizes(device, geom, found, info, limits, z=None):
    """Each value must be the mean over the sub-grid that is told."""
    sizes, values = device.to_host(info.sub_size.array), device.to_host(found.array)
    assert info.sub_size.device == found.device
    assert {0, 4, 8} <= set(np.unique(sizes)) <= {0, 2, 4, 8}
    for size in (2, 4, 8):
        there, expected = sizes == size, uniform(geom, limits, sizes.shape, size, z)
        np.testing.assert_allclose(values[there], expected[there], rtol=1e-12)
    assert not values[sizes == 0].any()
    assert not sizes[[0, 1, 2, -2, -1]].any()
    assert not sizes[:, -1].any()
    assert (sizes[3, :-1] == 8).all()  # x from -5 to 5 is cut by the border


def test_maps_of_unknown_scanners_are_those_of_known_ones(device):
    limits, shape = [[-60, 60], [-25, 25], [-40, 40]], (6, 5, 4)
    voxels = Voxels.zeros(shape, *limits).to(device.name)
    for unknown, known in (
        (
            dual_plate_efficiency(40, 30, 25),
            ADACGeometricEfficiency([-40, 40], [-30, 30], [-25, 25]),
        ),
        (ring_efficiency(39, 40), RingGeometricEfficiency(39, axial_length=80)),
    ):
        found = geometric_efficiency(voxels, unknown)
        expected = uniform(known, limits, shape, 16)
        assert (expected[0] == 0).any()
        for each in (found, geometric_efficiency(voxels, known, 0.9999)):
            np.testing.assert_allclose(device.to_host(each.array), expected, rtol=1e-3, atol=2e-3)
        np.testing.assert_array_equal(found.xlim, voxels.xlim)


def test_voxels_are_needed_for_geometric_efficiency():
    with pytest.raises(TypeError, match="voxels_like must be Voxels, found Pixels"):
        geometric_efficiency(Pixels.zeros((2, 2), [0, 1], [0, 1]), FORTE)


def test_values_of_cells_do_not_matter(device):
    voxels = Voxels.zeros((3, 3, 3), [100, 400], [100, 400], [0, 500]).to(device.name)
    plain = device.to_host(sensitivity_map(FORTE, voxels, 0.99).array)
    odd = voxels.copy(voxels.array + np.nan)
    assert (device.to_host(sensitivity_map(FORTE, odd, 0.99).array) == plain).all()


def test_any_callable_is_a_scanner(device):
    seen = []

    def efficiency(points):
        seen.append(points.shape[1])
        return points[:, 2] * 0.01 + points[:, 1]

    voxels = Voxels.zeros((2, 3, 4), [0, 1], [0, 3], [0, 100]).to(device.name)
    found = device.to_host(sensitivity_map(efficiency, voxels).array)
    y, z = np.array([0.5, 1.5, 2.5]), np.array([12.5, 37.5, 62.5, 87.5])
    np.testing.assert_allclose(found, np.broadcast_to(y[:, None] + z * 0.01, (2, 3, 4)), rtol=1e-12)
    pixels = Pixels.zeros((2, 3), [0, 1], [0, 3]).to(device.name)
    found = device.to_host(sensitivity_map(efficiency, pixels, z=50).array)
    np.testing.assert_allclose(found, [y + 0.5, y + 0.5], rtol=1e-12)
    assert set(seen) == {3}


def test_cells_that_are_none():
    voxels, pixels = Voxels.zeros((2, 2, 2), *[[0, 1]] * 3), Pixels.zeros((2, 2), [0, 1], [0, 1])
    with pytest.raises(TypeError, match="cells must be Voxels or Pixels"):
        sensitivity_map(FORTE, np.zeros((3, 3)))
    with pytest.raises(TypeError, match="scanner_efficiency must be callable"):
        sensitivity_map(0.5, voxels)
    with pytest.raises(ValueError, match="z must not be given"):
        sensitivity_map(FORTE, voxels, z=1.0)
    with pytest.raises(ValueError, match="z must be given"):
        sensitivity_map(FORTE, pixels)
    with pytest.raises(ValueError, match="fractional_accuracy"):
        sensitivity_map(FORTE, voxels, 1.5)
    with pytest.raises(ValueError, match="sub_steps"):
        sensitivity_map(FORTE, voxels, sub_steps=[4, 2])


def test_a_normalised_image_is_flat(device):
    voxels = Voxels.zeros((4, 4, 4), [50, 550], [50, 550], [0, 500]).to(device.name)
    sensitivity = sensitivity_map(FORTE, voxels, 0.99)
    flat = normalise(sensitivity * 7.0, sensitivity)
    assert isinstance(flat, Voxels)
    seen = device.to_host(sensitivity.array) > 0
    assert seen.sum() > 0
    np.testing.assert_allclose(device.to_host(flat.array)[seen], 7.0, rtol=1e-14)
    assert not device.to_host(flat.array)[~seen].any()


def test_cells_of_no_sensitivity_are_filled(device):
    image = device.asarray([[4.0, 4.0, 4.0], [np.nan, 4.0, 0.0]])
    seen = device.asarray([[1.0, 0.0, 0.1], [0.0, np.nan, 0.5]])
    for threshold, third in ((0.0, 40.0), (0.1, -1.0), (0.09, 40.0)):
        found = device.to_host(normalise(image, seen, threshold, fill=-1.0))
        np.testing.assert_allclose(found, [[4.0, -1.0, third], [np.nan, np.nan, 0.0]], rtol=1e-15)
    assert normalise(device.asarray(np.empty(0)), device.asarray(np.empty(0))).shape == (0,)
    nothing = device.to_host(normalise(image[0], device.asarray(np.zeros(3)), fill=5.0))
    assert nothing.tolist() == [5.0, 5.0, 5.0]


@settings(max_examples=50)
@given(
    seen=st.lists(st.floats(0.0, 1.0), min_size=1, max_size=8),
    threshold=st.floats(0.0, 0.99),
    fill=st.floats(-5.0, 5.0),
)
def test_each_cell_is_divided_or_filled(seen, threshold, fill):
    counts = np.arange(1.0, len(seen) + 1)
    found = normalise(counts, np.array(seen), threshold, fill)
    for count, share, value in zip(counts, seen, found, strict=True):
        if share > threshold * max(seen) and share > 0:
            with np.errstate(over="ignore"):
                assert value == count / np.float64(share)
        else:
            assert value == fill


def test_images_that_do_not_fit(fake_gpu):
    voxels = Voxels.zeros((2, 2, 2), *[[0, 1]] * 3)
    with pytest.raises(ValueError, match="same cells"):
        normalise(voxels, np.ones((2, 2)))
    with pytest.raises(ValueError, match="same limits"):
        normalise(voxels, Voxels.zeros((2, 2, 2), [0, 1], [0, 1], [0, 1.1]))
    with pytest.raises(ValueError, match="not negative"):
        normalise(voxels, voxels - 1.0)
    with pytest.raises(ValueError, match="finite"):
        normalise(voxels, voxels + np.inf)
    with pytest.raises(ValueError, match="threshold"):
        normalise(voxels, voxels, 1.0)
    with pytest.raises(TypeError, match="real numbers"):
        normalise(np.array([1j]), np.array([1.0]))
    with pytest.raises(MixedDevicesError):
        normalise(voxels, voxels.to("cuda"))
