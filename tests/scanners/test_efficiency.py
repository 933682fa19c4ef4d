"""Geometric efficiencies: known values, photons traced one by one, and other ways to add them up."""

from __future__ import annotations

import io
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from oracle import efficiency as oracle

import gpupept
from gpupept import PointData
from gpupept.kernels.threads import use_threads
from gpupept.scanners import (
    ADACGeometricEfficiency,
    RingGeometricEfficiency,
    TwoPlanesGeometricEfficiency,
)

PHOTONS = 200_000
UNLIKELY = (
    1e-4  # p-value below which a count of photons is not explained by chance; seeds are fixed
)


def p_value(hits, expected):
    """Two-sided, of a count of hits among PHOTONS, by the normal distribution."""
    deviation = math.sqrt(PHOTONS * expected * (1.0 - expected))
    return math.erfc(abs(hits - PHOTONS * expected) / deviation / math.sqrt(2.0))


def integrals(place, xlim, ylim, zlim):
    """Guida's two integrals, added up by the midpoint rule where they are smooth."""
    (a1, b1, c1), (a2, b2, c2) = zip(
        *((v - low, high - v) for v, (low, high) in zip(place, (xlim, ylim, zlim), strict=True)),
        strict=True,
    )
    tau1, tau2 = max(c2 / a2, c1 / a1), max(c2 / a1, c1 / a2)
    nodes, weights = np.polynomial.legendre.leggauss(80)
    low, high = math.atan(tau1), math.pi - math.atan(tau2)
    angles = (low + high) / 2 + (high - low) / 2 * nodes
    slopes = (max(c2 / b2, c1 / b1), max(c2 / b1, c1 / b2))
    values = sum(1.0 / np.sqrt(m * m / np.sin(angles) ** 2 + 1.0) for m in slopes)
    return float((values * weights).sum() * (high - low) / 2 / (2 * math.pi))


@pytest.mark.parametrize("separation", [500, [-10, 510]])
def test_known_values(device, golden, separation):
    data, which = golden("core_geomeff"), 1 if separation == 500 else 2
    rows = np.stack([data["x1"], data["y1"], data["z1"]], axis=1)
    found = ADACGeometricEfficiency(separation)(device.asarray(rows))
    np.testing.assert_allclose(device.to_host(found), data[f"eg{which}"], rtol=1e-12)


def test_known_values_on_grids_and_edges(device, golden):
    data, geom = golden("core_geomeff"), ADACGeometricEfficiency(500)
    plane = geom(device.asarray(data["grid_x"]), device.asarray(data["grid_y"]), 250)
    np.testing.assert_allclose(device.to_host(plane), data["grid_eg"], rtol=1e-12)
    edges = geom(device.asarray(data["edge_points"]))
    np.testing.assert_allclose(device.to_host(edges), data["edge_eg"], rtol=1e-12, atol=1e-16)
    other = ADACGeometricEfficiency(float(data["sep3"]), data["xlim3"], data["ylim3"])
    places = (device.asarray(data[name]) for name in ("x3", "y3", "z3"))
    np.testing.assert_allclose(device.to_host(other(*places)), data["eg3"], rtol=1e-12)


def test_values_of_the_active_area_of_the_forte():
    geom = ADACGeometricEfficiency(500)
    assert geom.eg(301.78, 301.78, 250) == pytest.approx(0.28443581671821405, rel=1e-13)
    assert geom.eg(250, 250, 250) == pytest.approx(0.19744652508435928, rel=1e-13)
    found = ADACGeometricEfficiency([-10, 510])([250, 260], 250, 250)
    np.testing.assert_allclose(found, [0.18669302, 0.19730517], atol=5e-9)


@settings(max_examples=100)
@given(shares=st.tuples(*[st.floats(0.05, 0.95)] * 3), separation=st.floats(50.0, 2000.0))
def test_planes_against_integrals(shares, separation):
    geom = ADACGeometricEfficiency(separation)
    limits = (geom.xlim, geom.ylim, geom.zlim)
    place = [low + share * (high - low) for share, (low, high) in zip(shares, limits, strict=True)]
    assert geom.eg(*place) == pytest.approx(integrals(place, *limits), rel=1e-9)


@pytest.mark.parametrize("place", [(0, 0, 0), (30, -40, 80), (-95, 10, -99), (160, 20, 60)])
def test_planes_against_photons(device, place):
    lower, upper = ([-100, 100], [-120, 60]), ([-50, 250], [-80, 140])
    geom = TwoPlanesGeometricEfficiency([-100, 120], *lower, *upper)
    directions = oracle.isotropic(PHOTONS, np.random.default_rng(1))
    both = np.zeros(PHOTONS, dtype=bool)
    for sign in (-1.0, 1.0):
        up = oracle.meets_rectangle(place, sign * directions, 120, *upper)
        both |= up & oracle.meets_rectangle(place, -sign * directions, -100, *lower)
    expected = float(device.to_host(geom(device.asarray(np.array([place], float))))[0])
    assert 0.0 < expected < 1.0
    assert p_value(both.sum(), expected) > UNLIKELY


@pytest.mark.parametrize(
    "place", [(0, 0, 0), (0, 0, 130), (120, 0, 0), (30, 250, 60), (-299, 9, -40)]
)
def test_ring_against_photons(device, place):
    geom = RingGeometricEfficiency(300, zlim=[-100, 180])
    directions = oracle.isotropic(PHOTONS, np.random.default_rng(2))
    point = np.array(place, dtype=float)
    both = oracle.meets_cylinder(point, directions, 300, [-100, 180])
    both &= oracle.meets_cylinder(point, -directions, 300, [-100, 180])
    expected = float(device.to_host(geom(device.asarray(point[None])))[0])
    assert p_value(both.sum(), expected) > UNLIKELY


@settings(max_examples=150)
@given(
    r=st.one_of(st.floats(0.0, 0.999999), st.sampled_from([0.0, 1e-12, 1e-6, 0.5, 1 - 1e-8])),
    share=st.one_of(st.floats(1e-6, 1 - 1e-6), st.sampled_from([0.5, 0.5 + 1e-9, 1e-9])),
    length=st.floats(0.01, 30.0),
    turn=st.floats(0.0, 6.0),
)
def test_ring_against_quadrature(device, r, share, length, turn):
    radius, center = 2.0, (0.5, -0.25)
    zlim = [-1.0, length * radius - 1.0]
    geom = RingGeometricEfficiency(radius, zlim=zlim, center=center)
    r, z = r * radius, zlim[0] + share * (zlim[1] - zlim[0])
    place = [center[0] + r * math.cos(turn), center[1] + r * math.sin(turn), z]
    r = min(math.hypot(place[0] - center[0], place[1] - center[1]), radius * (1 - 1e-12))
    expected = oracle.ring(r, z - zlim[0], zlim[1] - z, radius)
    found = device.to_host(geom(device.asarray(np.array([place]))))[0]
    # At 1e-8 from the wall a rounding of the place itself changes the distance from it by 1e-8.
    assert found == pytest.approx(expected, rel=1e-10 if r < radius * (1 - 1e-5) else 1e-8)


def test_ring_on_its_axis(device):
    geom = RingGeometricEfficiency(300, axial_length=400)
    z = np.linspace(-200, 200, 81)
    nearer = 200 - abs(z)
    expected = nearer / np.hypot(nearer, 300)
    found = device.to_host(geom(0, 0, device.asarray(z)))
    np.testing.assert_allclose(found, expected, rtol=1e-14)
    near = device.to_host(geom(device.asarray(np.array([1e-9, 1e-13])), 0, 0))
    np.testing.assert_allclose(near, 200 / np.hypot(200, 300), rtol=1e-10)


def test_wall_and_ends_of_a_ring(device):
    geom = RingGeometricEfficiency(10, zlim=[0, 20])
    places = [
        [10, 0, 10],
        [10 - 1e-12, 0, 10],
        [10 + 1e-12, 0, 10],
        [1, 1, 0],
        [1, 1, 20],
        [0, 0, -1],
    ]
    found = device.to_host(geom(device.asarray(np.array(places, float))))
    assert found[0] == pytest.approx(found[1], rel=1e-5)
    assert found[0] > 0.3
    assert found[2:].tolist() == [0.0] * 4


def test_faces_and_walls_of_planes(device):
    geom = TwoPlanesGeometricEfficiency([0, 10], *[[-5, 5]] * 4)
    faces = device.to_host(geom(device.asarray([[0.0, 0, 10], [0, 0, 0], [1, 1, 10 - 1e-13]])))
    assert faces[0] == faces[1] == pytest.approx(geom.eg(0, 0, 1e-12), rel=1e-9)
    rows = [[5, 0, 5], [-5, 0, 5], [0, 5, 10], [5, 5, 10], [5, 0, 0], [6, 0, 5], [0, 0, 10.001]]
    rows += [[0, -6, 0], [1e300, 0, 5], [0, np.inf, 5], [0, 0, -np.inf]]
    found = device.to_host(geom(device.asarray(np.array(rows, float))))
    assert found.tolist() == [0.0] * len(rows)


@pytest.mark.parametrize(
    "geom", [ADACGeometricEfficiency(500), RingGeometricEfficiency(400, zlim=[0, 500])]
)
class TestPlaces:
    def test_nan_stays_nan_and_nothing_stays_nothing(self, device, geom):
        rows = np.full((4, 3), 120.0)
        rows[[0, 1, 2], [0, 1, 2]] = np.nan
        found = device.to_host(geom(device.asarray(rows)))
        assert np.isnan(found).tolist() == [True, True, True, False]
        assert geom(device.asarray(np.empty((0, 3)))).shape == (0,)
        assert geom(device.asarray(np.empty(0)), 1.0, 2.0).shape == (0,)

    def test_all_forms_of_places_agree(self, device, geom):
        x, y, z = np.linspace(100, 500, 5), np.linspace(0, 600, 4), np.array([-3.0, 10.0, 250.0])
        spread = geom(
            device.asarray(x[:, None, None]), device.asarray(y[:, None]), device.asarray(z)
        )
        assert spread.shape == (5, 4, 3)
        table = np.stack(np.meshgrid(x, y, z, indexing="ij"), axis=-1).reshape(-1, 3)
        rows = geom(device.asarray(table))
        stamped = PointData(np.column_stack([np.zeros(len(table)), table, table]))
        points = geom(stamped.to(device.name))
        expected = device.to_host(spread).ravel()
        assert (device.to_host(rows) == expected).all()
        assert (device.to_host(points) == expected).all()
        assert [geom.eg(*place) for place in table[:7]] == pytest.approx(expected[:7], rel=1e-13)
        assert 0.0 < expected.max() < 1.0

    def test_grids(self, device, geom, monkeypatch):
        monkeypatch.setattr("gpupept.scanners.efficiency._POINTS_AT_ONCE", 40)
        voxels = gpupept.Voxels.zeros((6, 5, 4), [0, 600], [50, 550], [0, 500]).to(device.name)
        found = geom(voxels)
        assert isinstance(found, gpupept.Voxels)
        assert found.zlim.tolist() == [0, 500]
        centres = voxels.to_physical(np.argwhere(np.ones(voxels.shape)))
        expected = device.to_host(geom(device.asarray(np.asarray(centres))))
        np.testing.assert_allclose(device.to_host(found.array).ravel(), expected, rtol=1e-13)
        pixels = gpupept.Pixels.zeros((6, 5), [0, 600], [50, 550]).to(device.name)
        plane = device.to_host(geom(pixels, z=62.5).array)
        np.testing.assert_allclose(plane, device.to_host(found.array)[:, :, 0], rtol=1e-13)

    def test_chunks_and_threads_do_not_matter(self, geom):
        rows = np.random.default_rng(0).uniform(100, 500, (30_000, 3))
        with use_threads(1):
            alone = geom(rows)
        with use_threads(4):
            assert (geom(rows) == alone).all()
        assert (np.concatenate([geom(rows[:777]), geom(rows[777:])]) == alone).all()

    def test_scalars_and_integers(self, geom):
        found = geom(250, 250, 250)
        assert found.shape == ()
        assert found.dtype == np.float64
        assert isinstance(geom.eg(250, 250, 250), float)
        assert (geom(np.array([250]), np.float32(250), [250]) == found).all()

    def test_numbers_on_a_gpu_stay_there(self, gpu_device, geom):
        found = geom(gpu_device.asarray(np.array(250.0)), 250, np.float64(250))
        assert type(found) is type(gpu_device.asarray(np.zeros(1)))
        assert float(gpu_device.to_host(found)) == pytest.approx(geom.eg(250, 250, 250), rel=1e-13)

    def test_saving(self, geom):
        file = io.BytesIO()
        geom.save(file)
        file.seek(0)
        again = gpupept.load(file)
        assert type(again) is type(geom)
        assert repr(again) == repr(geom)
        assert again.eg(200, 200, 200) == geom.eg(200, 200, 200)

    def test_places_that_are_none(self, geom):
        with pytest.raises(TypeError, match="y and z must both be given"):
            geom(1.0, 2.0)
        with pytest.raises(ValueError, match="3 columns x, y, z"):
            geom(np.zeros((4, 2)))
        with pytest.raises(TypeError, match="y must hold real numbers"):
            geom(1.0, "two", 3.0)
        with pytest.raises(TypeError, match="LineData"):
            geom(gpupept.LineData(np.zeros((2, 7))))
        with pytest.raises(ValueError, match="one place, found 2"):
            geom.eg([1, 2], 3, 4)
        pixels = gpupept.Pixels.zeros((2, 2), [0, 1], [0, 1])
        with pytest.raises(TypeError, match="pixels with z"):
            geom(pixels)
        with pytest.raises(ValueError, match="z must be one finite number"):
            geom(pixels, z=np.nan)


@settings(max_examples=100)
@given(
    lower=st.tuples(*[st.floats(-150.0, 700.0)] * 3),
    size=st.tuples(*[st.floats(1.0, 300.0)] * 3),
    which=st.integers(0, 2),
)
def test_boxes_in_view(lower, size, which):
    unlike = TwoPlanesGeometricEfficiency([0, 400], [0, 100], [100, 500], [200, 600], [50, 200])
    ring = RingGeometricEfficiency(250, zlim=[50, 400], center=(280, 300))
    geom = (ADACGeometricEfficiency(500), unlike, ring)[which]
    upper = [low + length for low, length in zip(lower, size, strict=True)]
    some, whole, _ = geom.field_of_view(*([np.array([v]) for v in ends] for ends in (lower, upper)))
    shares = (np.arange(9) + 0.5) / 9
    axes = [low + shares * length for low, length in zip(lower, size, strict=True)]
    seen = geom(axes[0][:, None, None], axes[1][:, None], axes[2]) > 0.0
    if not some[0]:
        assert not seen.any()
    if whole[0]:
        assert some[0]
        assert seen.all()


def test_boxes_that_are_in_view():
    geom = RingGeometricEfficiency(10, zlim=[0, 20])
    low, high = [np.array([-1.0, 8.0, 11.0]), -1.0, 5.0], [np.array([1.0, 12.0, 12.0]), 1.0, 6.0]
    low, high = ([np.asarray(v) for v in ends] for ends in (low, high))
    some, whole, _ = geom.field_of_view(low, high)
    assert some.tolist() == [True, True, False]
    assert whole.tolist() == [True, False, False]


@pytest.mark.parametrize("value", [0, -1, math.nan, math.inf, "far", [1, 1], [1, 2, 3]])
def test_separations_that_are_none(value):
    with pytest.raises(ValueError, match="separation"):
        ADACGeometricEfficiency(value)


def test_scanners_that_are_none():
    with pytest.raises(ValueError, match="xlim"):
        ADACGeometricEfficiency(500, xlim=[3, 2])
    with pytest.raises(ValueError, match="times their distance"):
        ADACGeometricEfficiency(1e-120)
    with pytest.raises(ValueError, match="exactly one of"):
        RingGeometricEfficiency(100)
    with pytest.raises(ValueError, match="exactly one of"):
        RingGeometricEfficiency(100, 50, [0, 1])
    with pytest.raises(ValueError, match="radius"):
        RingGeometricEfficiency(-1, 50)
    with pytest.raises(ValueError, match="center"):
        RingGeometricEfficiency(1, 50, center=[1, 2, 3])


def test_text_form():
    assert repr(ADACGeometricEfficiency(500, [0, 1.5], [0, 2])) == (
        "ADACGeometricEfficiency(xlim=[0.  1.5], ylim=[0. 2.], zlim=[  0. 500.])"
    )
