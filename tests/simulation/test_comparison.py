"""Errors against the truth, and circles through positions."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from gpupept import PointData
from gpupept.simulation import (
    CircularPath,
    SampledPath,
    fit_rotation,
    location_errors,
    trajectory_errors,
)

FIRST = CircularPath(radius=85, rpm=42, centre=(190, 255, 356))
SECOND = CircularPath(radius=86, rpm=42, centre=(190, 255, 356), phase=np.pi)


def labelled(rows: Any) -> PointData:
    return PointData(np.asarray(rows, dtype=float), columns=["t", "x", "y", "z", "label"])


def tracked(shift: Any = (0.0, 0.0, 0.0), count: int = 50) -> np.ndarray:
    """Rows t, x, y, z, label of both tracers by turns, all shifted."""
    t = np.arange(2.0 * count)
    label = np.arange(2 * count) % 2
    truth = np.where(label[:, None] == 0, FIRST(t), SECOND(t))
    return np.column_stack([t, truth + np.asarray(shift), label])


def test_errors_are_the_shift() -> None:
    errors = location_errors(labelled(tracked(shift=(3, 0, 4))), [FIRST, SECOND])
    assert np.allclose(errors.differences, [3, 0, 4])
    assert errors.mean == pytest.approx(5)
    assert errors.percentile(95) == pytest.approx(5)
    assert errors.spread == pytest.approx(0, abs=1e-9)
    assert (errors.found, errors.tracer_count) == (2, 2)
    assert errors.tracers.tolist() == [0, 1] * 50


def test_labels_need_not_be_in_the_order_of_the_tracers() -> None:
    rows = tracked()
    rows[:, 4] = 1 - rows[:, 4]
    assert location_errors(labelled(rows), [FIRST, SECOND]).mean == pytest.approx(0, abs=1e-9)


def test_a_jump_to_the_other_tracer_is_an_error_of_the_trajectory() -> None:
    rows = tracked()
    swapped = np.arange(20, 30)
    rows[swapped, 4] = 1 - rows[swapped, 4]
    errors = location_errors(labelled(rows), [FIRST, SECOND])
    assert (errors.distances[swapped] > 150).all()
    assert np.delete(errors.distances, swapped).max() < 1e-9
    without = location_errors(rows[:, :4], [FIRST, SECOND])
    assert without.mean == pytest.approx(0, abs=1e-9)


def test_noise_is_compared_with_the_nearest_tracer() -> None:
    rows = tracked()
    rows[:10, 4] = -1
    errors = location_errors(labelled(rows), [FIRST, SECOND])
    assert errors.tracers.tolist() == [0, 1] * 50


def test_truth_from_a_table_is_interpolated() -> None:
    truth = [[0, 0, 0, 0], [10, 10, 20, 30]]
    errors = location_errors([[5, 5, 10, 15], [2.5, 2.5, 5, 7.5], [99, 10, 20, 31]], [truth])
    assert errors.distances.tolist() == pytest.approx([0, 0, 1])
    assert errors.mean == pytest.approx(1 / 3)


def test_spread_adds_the_variances_of_absolute_errors() -> None:
    truth = [[0, 0, 0, 0]]
    points = [[0, 1, 0, 0], [1, -3, 2, 0], [2, 2, -2, 0]]
    expected = np.sqrt(np.var([1, 3, 2]) + np.var([0, 2, 2]))
    assert location_errors(points, [truth]).spread == pytest.approx(expected)


def test_no_positions() -> None:
    errors = location_errors(labelled(np.empty((0, 5))), [FIRST])
    assert (errors.found, errors.tracer_count) == (0, 1)
    assert np.isnan([errors.mean, errors.spread, errors.percentile(50)]).all()


def test_positions_on_any_device(device: Any) -> None:
    rows = device.asarray(tracked(shift=(0, 2, 0)))
    points = PointData(rows, columns=["t", "x", "y", "z", "label"])
    assert location_errors(points, [FIRST, SECOND]).mean == pytest.approx(2)
    assert fit_rotation(PointData(rows[::2])).radius == pytest.approx(85, abs=0.5)


def test_no_truth() -> None:
    with pytest.raises(ValueError, match="at least one path"):
        location_errors(tracked(), [])


@pytest.mark.parametrize("rpm", [42.0, -42.0, 300.0])
def test_circle_is_found(rpm: float) -> None:
    path = CircularPath(radius=12.5, rpm=rpm, centre=(7, -8, 9), phase=1.0)
    t = np.arange(0.0, 900.0, 7.0)
    found = fit_rotation(np.column_stack([t, path(t)]))
    assert found.radius == pytest.approx(12.5)
    assert found.rpm == pytest.approx(abs(rpm))
    assert np.allclose(found.centre, [7, -8, 9])
    assert np.allclose(found.normal, [0, 0, np.sign(rpm)])
    assert max(found.in_plane, found.out_of_plane) < 1e-9


def test_circle_does_not_depend_on_the_order_of_rows_or_on_where_it_is() -> None:
    rng = np.random.default_rng(1)
    t = np.sort(rng.uniform(0, 1_000, 200))
    turn = np.linalg.qr(rng.normal(size=(3, 3)))[0]
    turned = FIRST(t) @ turn.T + [1e4, -1e4, 10]
    rows = np.column_stack([t, turned])
    found = fit_rotation(rows[rng.permutation(200)])
    assert found.radius == pytest.approx(85)
    assert found.rpm == pytest.approx(42)
    assert abs(found.normal @ turn[:, 2]) == pytest.approx(1)


def test_residuals_of_a_noisy_circle() -> None:
    rng = np.random.default_rng(2)
    t = np.arange(0.0, 3_000.0, 1.0)
    rows = np.column_stack([t, FIRST(t)])
    rows[:, 3] += rng.normal(0, 0.5, len(t))  # out of the plane
    rows[:, 1:3] += rng.normal(0, 0.2, (len(t), 2))
    found = fit_rotation(rows)
    assert found.out_of_plane == pytest.approx(0.5, rel=0.1)
    assert found.in_plane == pytest.approx(0.2, rel=0.1)
    assert found.radius == pytest.approx(85, abs=0.05)


def test_rows_that_are_not_finite_are_left_out() -> None:
    t = np.arange(0.0, 1_000.0, 50.0)
    rows = np.column_stack([t, FIRST(t)])
    rows[3, 1] = np.nan
    rows[7, 0] = np.inf
    assert fit_rotation(rows).radius == pytest.approx(85)


def test_degenerate_positions() -> None:
    with pytest.raises(ValueError, match="at least three"):
        fit_rotation(np.zeros((2, 4)))
    still = fit_rotation(np.column_stack([np.arange(5.0), np.ones((5, 3))]))
    assert still.radius == pytest.approx(0, abs=1e-12)
    at_once = fit_rotation(np.column_stack([np.zeros(20), FIRST(np.arange(20.0) * 50)]))
    assert at_once.rpm == 0
    assert at_once.radius == pytest.approx(85)


def test_sampled_path_rests_before_and_after() -> None:
    path = SampledPath(np.array([[10.0, 1, 2, 3, 99], [20.0, 2, 4, 6, 99]]))
    assert path([0, 15, 100]).tolist() == [[1, 2, 3], [1.5, 3, 4.5], [2, 4, 6]]


def test_bias_and_root_mean_squares() -> None:
    truth = [[0, 0, 0, 0]]
    errors = location_errors([[0, 1, 0, 2], [1, -3, 0, 2], [2, 2, -3, 2]], [truth])
    assert errors.bias.tolist() == [0, -1, 2]
    assert np.allclose(errors.axis_rms, np.sqrt([14 / 3, 3, 4]))
    assert errors.rms == pytest.approx(np.sqrt(14 / 3 + 3 + 4))


def test_labels_of_any_size_and_none() -> None:
    rows = tracked()
    rows[:, 4] = 1e12 * (1 + rows[:, 4])
    rows[:4, 4] = np.nan
    assert location_errors(labelled(rows), [FIRST, SECOND]).mean == pytest.approx(0, abs=1e-9)


class TestTruthAsPointData:
    def test_labels_are_tracers(self, device: Any) -> None:
        rows = tracked()
        truth = np.concatenate([rows, [[0, 1, 1, 1, -1], [0, 1, 1, 1, np.nan]]])
        names = ["t", "x", "y", "z", "label"]
        shifted = PointData(device.asarray(tracked(shift=(0, 0, 2))), columns=names)
        known = PointData(device.asarray(truth), columns=names)
        errors = trajectory_errors(shifted, known)
        assert (errors.tracer_count, errors.found) == (2, 2)
        assert errors.bias == pytest.approx([0, 0, 2])
        assert location_errors(shifted, known).mean == pytest.approx(2)

    def test_samples_are_tracers(self) -> None:
        rows = tracked()
        both = np.concatenate([rows[::2, :4], rows[1::2, :4]])
        known = PointData(both, sample_size=50)
        assert trajectory_errors(labelled(rows), known).mean == pytest.approx(0, abs=1e-9)
        assert trajectory_errors(labelled(rows), list(known)).tracer_count == 2


class TestTrajectories:
    def test_perfect(self, device: Any) -> None:
        rows = tracked(shift=(3, 0, 4))
        points = PointData(device.asarray(rows), columns=["t", "x", "y", "z", "label"])
        errors = trajectory_errors(points, [FIRST, SECOND])
        assert errors.mean == errors.rms == pytest.approx(5)
        assert errors.bias == pytest.approx([3, 0, 4])
        assert errors.purity == 1
        assert (errors.found, errors.missed, errors.false_trajectories) == (2, 0, 0)
        assert (errors.linked_steps, errors.switches) == (98, 0)
        assert errors.fragments.tolist() == [1, 1]
        assert errors.medians == pytest.approx([5, 5])
        assert (errors.noise, errors.skipped) == (0, 0)

    def test_switched_labels(self) -> None:
        rows = tracked()
        swapped = np.arange(20, 30)
        rows[swapped, 4] = 1 - rows[swapped, 4]
        errors = trajectory_errors(labelled(rows), [FIRST, SECOND])
        assert errors.purity == pytest.approx(0.9)
        assert (errors.linked_steps, errors.switches) == (94, 4)
        assert errors.distances[swapped].min() > 150
        assert errors.percentile(89) < 1e-9
        assert errors.medians == pytest.approx([0, 0], abs=1e-9)

    def test_order_of_rows_changes_nothing(self) -> None:
        rows = tracked()
        rows[20:30, 4] = 1 - rows[20:30, 4]
        order = np.random.default_rng(3).permutation(len(rows))
        errors = trajectory_errors(labelled(rows), [FIRST, SECOND])
        mixed = trajectory_errors(labelled(rows[order]), [FIRST, SECOND])
        assert (mixed.linked_steps, mixed.switches) == (errors.linked_steps, errors.switches)
        np.testing.assert_array_equal(mixed.differences, errors.differences[order])

    def test_fragments_of_one_tracer(self) -> None:
        rows = tracked()
        rows[:, 4] += 10 + 5 * (np.arange(100) >= 60)
        errors = trajectory_errors(labelled(rows[::2]), [FIRST, SECOND])
        assert errors.fragments.tolist() == [2, 0]
        assert (errors.found, errors.missed) == (1, 1)
        assert (errors.linked_steps, errors.switches) == (48, 0)
        assert errors.trajectories.tolist() == [0] * 30 + [1] * 20

    def test_trajectories_out_of_reach_are_false(self) -> None:
        rows = tracked()
        far = np.add(rows[1::2], [0, 0, 0, 7, 0])
        both = labelled(np.concatenate([rows[::2], far]))
        errors = trajectory_errors(both, [FIRST, SECOND], reach=5)
        assert (errors.found, errors.missed, errors.false_trajectories) == (1, 1, 1)
        assert trajectory_errors(both, [FIRST, SECOND], reach=8).found == 2

    def test_what_is_left_out_is_counted(self) -> None:
        rows = tracked()
        rows[:3, 4] = [-1, np.nan, -1]
        rows[3, 2] = np.nan
        rows[4, 0] = np.inf
        errors = trajectory_errors(labelled(rows), [FIRST, SECOND])
        assert (errors.noise, errors.skipped, len(errors.differences)) == (3, 2, 95)
        assert errors.mean == pytest.approx(0, abs=1e-9)

    @pytest.mark.parametrize("rows", [0, 1])
    def test_few_positions(self, rows: int) -> None:
        errors = trajectory_errors(labelled(tracked()[:rows]), [FIRST, SECOND])
        assert (errors.found, errors.missed) == (rows, 2 - rows)
        assert (errors.linked_steps, errors.switches, errors.false_trajectories) == (0, 0, 0)
        assert np.isnan([errors.purity, errors.rms, *errors.bias, *errors.axis_rms]).all() == (
            rows == 0
        )

    def test_medians(self) -> None:
        rng = np.random.default_rng(4)
        label = rng.integers(0, 5, 200)
        x = rng.normal(size=200)
        rows = np.column_stack([np.arange(200.0), x, 0 * x, 0 * x, label])
        errors = trajectory_errors(labelled(rows), [[[0, 0, 0, 0]]])
        expected = [np.median(abs(x[label == k])) for k in range(5)]
        assert np.allclose(errors.medians, expected)

    def test_errors(self) -> None:
        with pytest.raises(ValueError, match="label"):
            trajectory_errors(tracked()[:, :4], [FIRST])
        with pytest.raises(ValueError, match="at least one path"):
            trajectory_errors(labelled(tracked()), [])
        for reach in (-1.0, float("nan")):
            with pytest.raises(ValueError, match="reach"):
                trajectory_errors(labelled(tracked()), [FIRST], reach=reach)
