"""Vectors on grids and the figures of them."""

from __future__ import annotations

import io
import sys
import types

import numpy as np
import pytest

import gpupept
from gpupept import Pixels, Voxels
from gpupept.processing import VectorGrid2D, VectorGrid3D


def plane(device):
    u = np.array([[3.0, 0.0, np.nan], [0.0, -4.0, 0.0]])
    v = np.array([[4.0, 0.0, 1.0], [0.0, 0.0, 2.0]])
    return VectorGrid2D(*(Pixels(device.asarray(part), [0, 4], [0, 3]) for part in (u, v)))


def test_arrows_start_at_the_centres_of_pixels_with_a_vector(device):
    figure = plane(device).quiver(factor=0.5)
    trace = figure.data[0]
    x, y = (np.array(getattr(trace, axis), dtype=float) for axis in "xy")
    starts = np.stack([x[:9:3], y[:9:3]], axis=1)  # of shafts: start, end, gap
    ends = np.stack([x[1:9:3], y[1:9:3]], axis=1)
    np.testing.assert_allclose(starts, [[1.0, 0.5], [3.0, 1.5], [3.0, 2.5]])
    np.testing.assert_allclose(ends - starts, [[1.5, 2.0], [-2.0, 0.0], [0.0, 1.0]])


def test_a_field_without_vectors_has_an_empty_figure():
    zero = Pixels(np.zeros((2, 2)), [0, 1], [0, 1])
    x = np.array(VectorGrid2D(zero, zero).quiver().data[0].x, dtype=float)
    assert np.isnan(x).all()


class Cloud(dict):
    """Stands for `pyvista.PolyData`: remembers what it is given."""

    def __init__(self, points):
        super().__init__()
        self.points = points

    def glyph(self, **options):
        return self, options


def test_arrows_of_pyvista(device, monkeypatch):
    monkeypatch.setitem(sys.modules, "pyvista", types.SimpleNamespace(PolyData=Cloud))
    cloud, options = plane(device).vectors(factor=3)
    np.testing.assert_allclose(cloud.points, [[1, 0.5, 0], [3, 1.5, 0], [3, 2.5, 0]])
    np.testing.assert_allclose(cloud["vectors"], [[3, 4, 0], [-4, 0, 0], [0, 2, 0]])
    np.testing.assert_allclose(cloud["length"], [5, 4, 2])
    assert options == {"orient": "vectors", "scale": "length", "factor": 3}
    voxels = [Voxels(device.asarray(np.full((1, 1, 2), k)), *[[0, 2]] * 3) for k in (0.0, 0.0, 1.0)]
    cloud, _ = VectorGrid3D(*voxels).vectors()
    np.testing.assert_allclose(cloud.points, [[1, 1, 0.5], [1, 1, 1.5]])
    np.testing.assert_allclose(cloud["vectors"], [[0, 0, 1], [0, 0, 1]])


def test_without_pyvista_an_error_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "pyvista", None)
    zero = Pixels(np.ones((2, 2)), [0, 1], [0, 1])
    with pytest.raises(ImportError, match=r"gpupept\[vtk\]"):
        VectorGrid2D(zero, zero).vectors()


def test_text_and_saving():
    zero = Voxels(np.ones((2, 2, 2)), *[[0, 1]] * 3)
    field = VectorGrid3D(zero, 2 * zero, 3 * zero)
    assert repr(field) == "VectorGrid3D(xvoxels, yvoxels, zvoxels)"
    file = io.BytesIO()
    field.save(file)
    file.seek(0)
    again = gpupept.load(file)
    assert isinstance(again, VectorGrid3D)
    np.testing.assert_array_equal(again.zvoxels.array, field.zvoxels.array)


def test_components_must_be_on_one_grid():
    zero = Pixels(np.zeros((2, 2)), [0, 1], [0, 1])
    with pytest.raises(TypeError, match="ypixels must be Pixels, found ndarray"):
        VectorGrid2D(zero, np.zeros((2, 2)))
    for other in (
        Pixels(np.zeros((2, 3)), [0, 1], [0, 1]),
        Pixels(np.zeros((2, 2)), [0, 2], [0, 1]),
    ):
        with pytest.raises(ValueError, match="ypixels must be on the grid of xpixels"):
            VectorGrid2D(zero, other)
