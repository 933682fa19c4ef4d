"""Cutpoints of one array of lines."""

from __future__ import annotations

import numpy as np
import pytest
from oracle import tracking as oracle

from gpupept.utilities import find_cutpoints

EVERYWHERE = [-1e9, 1e9] * 3
SETS = ["random", "random_all", "source", "source_cut", "real"]


def by_lines(points):
    return points[np.lexsort((points[:, 5], points[:, 4]))]


@pytest.mark.parametrize("name", SETS)
def test_golden(golden, name):
    g = golden("core_cutpoints")
    lines, distance, cutoffs = (g[f"{name}_{k}"] for k in ("lines", "max_distance", "cutoffs"))
    found = find_cutpoints(lines, distance, cutoffs, append_indices=True)
    assert (np.diff(found[:, 0]) >= 0).all()
    rows = by_lines(found)
    np.testing.assert_array_equal(rows[:, 4:], g[f"{name}_out"][:, 4:])
    np.testing.assert_allclose(rows, g[f"{name}_out"], rtol=1e-9, atol=1e-9)
    np.testing.assert_array_equal(find_cutpoints(lines, distance, cutoffs), found[:, :4])


def test_golden_edges(golden, device):
    g = golden("core_cutpoints")
    names, offsets = g["edge_names"].tolist(), g["edge_off"]
    for i, name in enumerate(names):
        found = find_cutpoints(
            device.asarray(g["edge_lines"][i]),
            g["edge_max_distance"][i],
            g["edge_cutoffs"][i],
            append_indices=True,
        )
        expected = g["edge_out"][offsets[i] : offsets[i + 1]]
        assert found.shape == expected.shape, name
        tolerance = 1e-3 if name.startswith("nearpar") else 1e-9
        np.testing.assert_allclose(
            device.to_host(found), expected, rtol=1e-9, atol=tolerance, err_msg=name
        )


def test_equal_times_are_in_the_order_of_the_lines():
    lines = np.random.default_rng(0).normal(0, 10, (12, 7))
    lines[:, 0] = 5.0
    found = find_cutpoints(lines, 1e3, EVERYWHERE, append_indices=True)
    assert found[:, 4:].tolist() == [[i, j] for i in range(12) for j in range(i + 1, 12)]


def test_any_table_of_numbers():
    lines = np.random.default_rng(1).integers(-20, 20, (15, 9))
    expected = oracle.cutpoints(lines.astype(float), 2.5, [-30, 30] * 3)
    assert len(expected) > 5
    for table in [lines, lines.tolist(), lines.astype(np.float32), np.asfortranarray(lines)]:
        found = find_cutpoints(table, 2.5, [-30, 30] * 3, True)
        assert found.dtype == np.float64
        np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-9)
    wide = np.repeat(lines.astype(float), 2, axis=1)[:, ::2]
    np.testing.assert_allclose(find_cutpoints(wide, 2.5, [-30, 30] * 3, True), expected, 1e-9, 1e-9)


@pytest.mark.parametrize("rows", [0, 1])
def test_too_few_lines(rows):
    lines = np.ones((rows, 7))
    assert find_cutpoints(lines, 1, EVERYWHERE).shape == (0, 4)
    assert find_cutpoints(lines, 1, EVERYWHERE, append_indices=True).shape == (0, 6)


def test_the_distance_is_not_enough_when_equal():
    lines = np.array([[0, -1, 0, 0, 1, 0, 0], [0, 0, -1, 1, 0, 1, 1]], dtype=float)
    assert len(find_cutpoints(lines, 1.0, EVERYWHERE)) == 0
    assert len(find_cutpoints(lines, np.nextafter(1.0, 2.0), EVERYWHERE)) == 1
    assert len(find_cutpoints(lines, 0, EVERYWHERE)) == 0


@pytest.mark.parametrize(
    ("arguments", "culprit"),
    [
        ((np.zeros((3, 6)), 1, EVERYWHERE), "sample_lines"),
        ((np.zeros(7), 1, EVERYWHERE), "sample_lines"),
        (([], 1, EVERYWHERE), "sample_lines"),
        ((np.zeros((3, 7), complex), 1, EVERYWHERE), "sample_lines"),
        ((np.full((3, 7), "a"), 1, EVERYWHERE), "sample_lines"),
        ((np.zeros((3, 7)), -1, EVERYWHERE), "max_distance"),
        ((np.zeros((3, 7)), float("nan"), EVERYWHERE), "max_distance"),
        ((np.zeros((3, 7)), 1, [0, 1, 0, 1]), "cutoffs"),
        ((np.zeros((3, 7)), 1, 5.0), "cutoffs"),
    ],
)
def test_arguments_refused(arguments, culprit):
    with pytest.raises(ValueError, match=culprit):
        find_cutpoints(*arguments)
