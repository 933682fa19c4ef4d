"""Reorient: principal axes."""

from __future__ import annotations

import numpy as np
import pytest

from gpupept import LineData, PointData, TimeWindow
from gpupept.tracking import Reorient


def cloud(count=200, seed=0):
    """Points longest along a slanted line, flat across another; row by row at rising times."""
    rng = np.random.default_rng(seed)
    turn, _ = np.linalg.qr(rng.normal(size=(3, 3)))
    positions = (rng.normal(size=(count, 3)) * [30, 10, 2]) @ turn + [5, -100, 40]
    return np.column_stack([np.arange(count, dtype=float), positions, rng.normal(size=count)])


@pytest.mark.parametrize("order", ["xyz", "zyx", "yzx"])
def test_golden(golden, order):
    g = {key: golden("tracking_transformers")[f"reorient/{order}/{key}"]
         for key in ("points", "basis", "origin", "eigenvalues")}  # fmt: skip
    found = Reorient(order).fit(golden("tracking_transformers")["reorient/points"])
    signs = np.sign((found.attrs["basis"] * g["basis"]).sum(axis=0))
    tolerance = {"rtol": 1e-9, "atol": 1e-9}
    np.testing.assert_allclose(found.attrs["basis"] * signs, g["basis"], **tolerance)
    np.testing.assert_allclose(found.attrs["origin"], g["origin"], **tolerance)
    np.testing.assert_allclose(found.attrs["eigenvalues"], g["eigenvalues"], **tolerance)
    centred = (found.points[:, 1:4] - g["origin"]) * signs
    np.testing.assert_allclose(centred, g["points"][:, 1:4] - g["origin"], **tolerance)
    np.testing.assert_array_equal(found.points[:, 0], g["points"][:, 0])


@pytest.mark.parametrize("order", ["xyz", "xzy", "yxz", "yzx", "zxy", "zyx"])
def test_extents_and_signs(device, order):
    rows = cloud()
    found = Reorient(order).fit(PointData(device.asarray(rows)))
    turned = device.to_host(found.points)
    extents = dict(zip("xyz", turned[:, 1:4].var(axis=0, ddof=1), strict=True))
    assert sorted(extents, key=extents.__getitem__, reverse=True) == list(order)
    np.testing.assert_allclose(found.attrs["eigenvalues"], [extents[axis] for axis in "xyz"])
    basis = found.attrs["basis"]
    np.testing.assert_allclose(basis.T @ basis, np.eye(3), atol=1e-12)
    assert np.linalg.det(basis) == pytest.approx(1.0)
    for axis in order[:2]:
        column = basis[:, "xyz".index(axis)]
        assert column[np.abs(column).argmax()] > 0
    np.testing.assert_allclose(
        turned[:, 1:4],
        found.attrs["origin"] + (rows[:, 1:4] - found.attrs["origin"]) @ basis,
        rtol=1e-12,
    )
    np.testing.assert_array_equal(turned[:, [0, 4]], rows[:, [0, 4]])


def test_columns_by_number():
    for numbers in ([3, 2, 1], (3, 2, 1), np.array([3, 2, 1])):
        np.testing.assert_array_equal(
            Reorient(numbers).fit(cloud()).points, Reorient("zyx").fit(cloud()).points
        )


def test_a_given_basis(device):
    first = Reorient().fit(cloud())
    again = Reorient(basis=first.attrs["basis"], origin=first.attrs["origin"])
    found = again.fit(PointData(device.asarray(cloud())))
    np.testing.assert_allclose(device.to_host(found.points), first.points)
    assert found.attrs["eigenvalues"] is None


def test_attributes_are_those_of_the_last_time():
    once = Reorient("zyx").fit(PointData(cloud(), run=3))
    twice = Reorient("xyz").fit(once)
    assert twice.attrs["run"] == 3
    np.testing.assert_allclose(twice.attrs["origin"], once.attrs["origin"])
    assert twice.attrs["eigenvalues"][0] > twice.attrs["eigenvalues"][2]
    assert once.attrs["eigenvalues"][2] > once.attrs["eigenvalues"][0]


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_rows_that_are_not_finite_do_not_count(device, value):
    rows = np.concatenate([cloud(), [[200, value, 0, 0, 0], [201, 1e6, 1e6, value, 0]]])
    found = Reorient().fit(PointData(device.asarray(rows)))
    np.testing.assert_allclose(device.to_host(found.points)[:200], Reorient().fit(cloud()).points)
    assert len(found.points) == 202


@pytest.mark.parametrize(
    "rows", [np.empty((0, 4)), np.ones((1, 4)), np.ones((5, 4)), np.full((3, 4), np.nan)]
)
def test_points_that_do_not_differ_are_not_turned(device, rows):
    found = Reorient("zyx").fit(PointData(device.asarray(rows)))
    np.testing.assert_array_equal(device.to_host(found.points), rows)
    np.testing.assert_array_equal(found.attrs["basis"], np.eye(3))
    assert np.isfinite(found.attrs["origin"]).all()


def test_samples_are_kept():
    points = PointData(cloud(), TimeWindow(20.0), TimeWindow(5.0))
    found = Reorient().fit(points)
    assert (found.sample_size, found.overlap) == (points.sample_size, points.overlap)
    np.testing.assert_array_equal(found.samples_indices, points.samples_indices)
    np.testing.assert_array_equal(points.points, cloud())
    assert len(Reorient().fit([PointData(cloud(5)), PointData(cloud(7))])) == 2


@pytest.mark.parametrize(
    "dimensions", ["xxy", "xy", "xyzx", "abc", "", [1, 2], [1, 1, 2], [0, 1, 2], None, 3]
)
def test_dimensions_refused(dimensions):
    with pytest.raises(ValueError, match="dimensions"):
        Reorient(dimensions)


@pytest.mark.parametrize(
    "arguments",
    [
        {"basis": np.eye(3)},
        {"origin": np.zeros(3)},
        {"basis": np.eye(2), "origin": np.zeros(3)},
        {"basis": np.eye(3), "origin": np.zeros(2)},
        {"basis": np.eye(3) * np.nan, "origin": np.zeros(3)},
    ],
)
def test_basis_refused(arguments):
    with pytest.raises(ValueError, match=r"basis|origin"):
        Reorient(**arguments)


def test_lines_refused():
    with pytest.raises((TypeError, ValueError)):
        Reorient().fit(LineData(np.zeros((3, 7))))
