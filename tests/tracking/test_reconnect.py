"""Reconnect: pieces of trajectories joined."""

from __future__ import annotations

import math
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from oracle import reconnect as oracle

from gpupept import LineData, PointData
from gpupept.kernels.matching import choose_pairs
from gpupept.tracking import GroupBy, Reconnect, Segregate, reconnect

COLUMNS = ["t", "x", "y", "z", "size", "label"]
CPU = SimpleNamespace(asarray=np.asarray, to_host=np.asarray)


def piece(start, stop, label, speed=1.0, size=5.0, rows=11, shift=0.0):
    """A tracer on the x axis from one time to another."""
    t = np.linspace(start, stop, rows)
    zeros = np.zeros(rows)
    return np.column_stack([t, speed * t + shift, zeros, zeros, zeros + size, zeros + label])


def points(*pieces):
    return PointData(np.concatenate(pieces), columns=COLUMNS)


def labels_of(pieces, device=CPU, **options):
    """New label of each piece, in the order of the result."""
    data = PointData(device.asarray(np.concatenate(pieces)), columns=COLUMNS)
    found = Reconnect(**{"tmax": 20, "dmax": 50} | options).fit(data)
    assert all(len(set(device.to_host(sample["label"]).tolist())) == 1 for sample in found)
    return [float(device.to_host(sample["label"])[0]) for sample in found]


@st.composite
def tables(draw):
    """Few pieces on a coarse grid, so that costs tie; rows in any order, some of them noise."""
    number = st.integers(-3, 3).map(float)
    label = st.sampled_from([-1.0, 0.0, 1.0, 2.0, 3.0, 4.0, 7.5, math.nan])
    odd = st.sampled_from([math.nan, math.inf, -math.inf, 1e300])
    time = st.integers(0, 20).map(float)
    row = st.tuples(time, number, number, number, number, label)
    strange = st.tuples(st.one_of(time, odd), *[st.one_of(number, odd)] * 4, label)
    rows = draw(st.lists(st.one_of(row, row, row, row, strange), max_size=20))
    return np.array(rows, dtype=np.float64).reshape(-1, 6)


class TestGolden:
    def test_all(self, device, golden):
        g = golden("tracking_transformers")
        names = [name for name in g.files if name.startswith("reconnect/t")]
        assert len(names) == 4
        rows = device.asarray(g["reconnect/points"])
        for name in names:
            tmax, dmax = (float(part[1:]) for part in name.split("/")[1].split("_"))
            found = Reconnect(tmax, dmax).fit(PointData(rows, columns=COLUMNS))
            np.testing.assert_array_equal(device.to_host(found.points), g[name], name)
            assert len(found) == 5


class TestPieces:
    @settings(max_examples=200)
    @given(
        rows=tables(),
        tmax=st.sampled_from([0.0, 1.0, 2.0, 5.0, math.inf]),
        dmax=st.sampled_from([0.0, 1.0, 4.0, math.inf]),
        limit=st.sampled_from([None, 0.0, 2.0, math.inf]),
        num=st.sampled_from([1, 2, 4, 100]),
    )
    def test_against_the_oracle(self, device, rows, tmax, dmax, limit, num):
        signatures = {} if limit is None else {"size": limit}
        by_number = [] if limit is None else [(4, limit)]
        data = PointData(device.asarray(rows), columns=COLUMNS)
        with np.errstate(all="ignore"):
            expected = oracle.reconnect(rows, tmax, dmax, 5, num, by_number)
            found = Reconnect(tmax, dmax, num_points=num, **signatures).fit(data)
        assert len(found) == len(expected)
        for sample, other in zip(found, expected, strict=True):
            np.testing.assert_array_equal(device.to_host(sample.points), other)
        np.testing.assert_array_equal(device.to_host(data.points), rows)

    def test_chains(self, device):
        pieces = [piece(20 * i, 20 * i + 10, i) for i in range(6)]
        assert labels_of(pieces, device) == [0] * 6
        assert labels_of(pieces[::-1], device) == [0] * 6
        assert labels_of(pieces, device, tmax=10) == [0, 1, 2, 3, 4, 5]

    def test_limits_are_strict(self):
        pieces = [piece(0, 10, 0), piece(18, 28, 1)]
        assert labels_of(pieces, tmax=8) == [0, 1]
        assert labels_of(pieces, tmax=np.nextafter(8, 9)) == [0, 0]
        assert labels_of(pieces, dmax=8, num_points=1) == [0, 1]
        assert labels_of(pieces, dmax=np.nextafter(8, 9), num_points=1) == [0, 0]
        touching = [piece(0, 10, 0), piece(10, 20, 1)]
        assert labels_of(touching) == [0, 1]

    @settings(max_examples=200)
    @given(end=st.floats(0, 10), tmax=st.floats(0.001, 10), ulps=st.integers(-2, 2))
    def test_the_last_moment_that_is_soon_enough(self, end, tmax, ulps):
        """Sums of times are rounded; the difference of the two times decides."""
        start = end + tmax
        for _ in range(abs(ulps)):
            start = float(np.nextafter(start, 100.0 * ulps))
        pieces = [piece(0, end, 0), piece(start, 25, 1)]
        assert labels_of(pieces, tmax=tmax) == ([0, 0] if start - end < tmax else [0, 1])

    def test_positions_are_means_of_so_many_points(self):
        pieces = [piece(0, 10, 0), piece(12, 22, 1)]  # one point per ms and mm
        for num, distance in ((1, 2), (3, 4), (11, 12), (100, 12)):
            assert labels_of(pieces, num_points=num, dmax=distance) == [0, 1]
            assert labels_of(pieces, num_points=num, dmax=distance + 1e-9) == [0, 0]

    def test_labels_are_ranks_of_the_first_pieces(self):
        pieces = [piece(0, 9, 30), piece(0.5, 9.5, 7, shift=500), piece(12, 20, 2)]
        assert labels_of(pieces) == [1, 0, 1]

    def test_noise_is_left_alone(self, device):
        """It is no piece that others could be joined to, and does not change."""
        noise = piece(10.5, 11.5, -1)
        nameless = piece(11.5, 12.5, math.nan, rows=3)
        data = points(noise, piece(13, 20, 4), nameless, piece(0, 10, 1), noise + 100.0)
        data.points[-11:, 5] = -1
        found = Reconnect(20, 50).fit(PointData(device.asarray(data.points), columns=COLUMNS))
        assert len(found) == 3
        labels = [device.to_host(sample["label"]) for sample in found]
        assert [set(part.tolist()) for part in labels[:2]] == [{0.0}, {0.0}]
        rest = device.to_host(found[2].points)
        expected = np.concatenate([noise, nameless, data.points[-11:]])
        expected = expected[np.argsort(expected[:, 0], kind="stable")]
        np.testing.assert_array_equal(rest, expected)

    def test_one_successor_and_one_predecessor(self):
        """The better pair is joined first; the other piece takes what is left."""
        first = [piece(0, 10, 0, 0.0), piece(0, 10.5, 1, 0.0, shift=3.0)]
        one = piece(12, 20, 2, 0.0, shift=2.5)
        assert labels_of([*first, one]) == [0, 1, 1]
        other = piece(13, 20, 3, 0.0, shift=20.0)
        assert labels_of([*first, one, other]) == [0, 1, 1, 0]

    def test_of_equal_costs_the_earlier_piece_is_joined(self):
        first = [piece(0, 10, 0, 0.0, shift=-2.0), piece(1, 10, 1, 0.0, shift=2.0)]
        assert labels_of([*first, piece(12, 20, 2, 0.0)]) == [0, 1, 0]
        assert labels_of([*first[::-1], piece(12, 20, 2, 0.0)]) == [0, 1, 0]


class TestSignatures:
    def test_tell_tracers_apart(self, device):
        """Two tracers that swap places while they are not seen."""
        pieces = [
            piece(0, 10, 0, 0.0, size=5),
            piece(1, 11, 1, 0.0, size=9, shift=4),
            piece(15, 20, 2, 0.0, size=9),
            piece(16, 21, 3, 0.0, size=5, shift=4),
        ]
        assert labels_of(pieces, device) == [0, 1, 0, 1]
        assert labels_of(pieces, device, size=2) == [0, 1, 1, 0]
        assert labels_of(pieces, device, size=4) == [0, 1, 1, 0]
        assert labels_of(pieces, device, size=5) == [0, 1, 1, 0]
        assert labels_of(pieces, device, size=5, dmax=4.5) == [0, 1, 0, 1]

    def test_costs_are_relative_to_their_limits(self):
        """A near piece of another size, a far one of the same: the limits say which is better."""
        pieces = [
            piece(0, 10, 0, 0.0),
            piece(15, 20, 1, 0.0, size=8, shift=1),
            piece(16, 21, 2, 0.0, size=5, shift=10),
        ]
        assert labels_of(pieces, dmax=50, size=4) == [0, 1, 0]
        assert labels_of(pieces, dmax=11, size=40) == [0, 0, 1]

    def test_any_column(self):
        pieces = [piece(0, 10, 0), piece(15, 20, 1)]
        assert labels_of(pieces, x=6, num_points=1) == [0, 0]
        assert labels_of(pieces, x=5, num_points=1) == [0, 1]
        with pytest.raises(ValueError, match="mass"):
            labels_of(pieces, mass=5)


class TestSamples:
    def test_of_every_kind(self):
        parts = [piece(0, 10, 0), piece(15, 20, 1), piece(30, 40, 2, shift=900)]
        whole = points(*parts)
        expected = Reconnect(20, 50).fit(whole)
        assert [len(sample.points) for sample in expected] == [11, 11, 11]
        alone = [points(part) for part in parts]
        for samples in [alone, iter(alone), [alone[:1], alone[1:]], PointData(whole, 7)]:
            found = Reconnect(20, 50).fit(samples)
            assert found.points.tobytes() == expected.points.tobytes()
        by_number = Reconnect(20, 50, column=-1).fit(whole.points)
        assert by_number.points.tobytes() == expected.points.tobytes()

    @pytest.mark.parametrize("rows", [0, 1])
    def test_few_rows(self, device, rows):
        for label in (-1.0, 3.0):
            data = PointData(device.asarray(np.full((rows, 6), label)), columns=COLUMNS)
            found = Reconnect(20, 50).fit(data)
            assert (len(found), found.points.shape) == (1, (rows, 6))
            expected = -1.0 if label < 0 else 0.0
            assert device.to_host(found["label"]).tolist() == [expected] * rows

    def test_attributes_and_columns_are_kept(self):
        data = PointData(piece(0, 10, 3), columns=COLUMNS, run=4, _hidden=2)
        before = data.points.copy()
        found = Reconnect(20, 50).fit(data)
        assert list(found.columns) == COLUMNS
        assert found.attrs == {"run": 4, "_hidden": 2}
        np.testing.assert_array_equal(data.points, before)

    def test_after_segregate(self, device):
        """Tracers out of view for a while have one label each again."""
        rng = np.random.default_rng(1)
        t = np.arange(3000.0)
        rows = np.column_stack([t, 0.05 * t, 100.0 * (t % 3), rng.normal(0, 0.1, 3000)])
        gone = ((t % 1000) > 900) | ((t % 3 == 1) & (t > 1500) & (t < 1600))
        rows = device.asarray(rows[~gone])
        pieces = Segregate(20, 4.0, max_time_interval=20.0).fit(rows)
        assert device.to_host(pieces["label"]).max() + 1 == 10
        joined = GroupBy("label").fit(Reconnect(tmax=200, dmax=20).fit(pieces))
        assert len(joined) == 3
        for sample in joined:
            assert len(set(device.to_host(sample["y"]).tolist())) == 1

    def test_many_pieces(self, monkeypatch):
        """Pairs are looked at in portions, which changes nothing."""
        rng = np.random.default_rng(2)
        count = 400
        starts = rng.uniform(0, 1000, count)
        steps = np.tile([0.0, 1.0, 2.0], count)
        rows = np.repeat(np.column_stack([starts, rng.uniform(0, 100, (count, 3))]), 3, axis=0)
        rows[:, 0] += steps
        table = np.column_stack([rows, steps, np.repeat(np.arange(count), 3)])
        whole = Reconnect(100, 30).fit(PointData(table, columns=COLUMNS))
        assert 0 < whole["label"].max() < 200
        monkeypatch.setattr(reconnect, "_PAIRS_AT_ONCE", 50)
        again = Reconnect(100, 30).fit(PointData(table, columns=COLUMNS))
        assert whole.points.tobytes() == again.points.tobytes()
        expected = oracle.reconnect(table, 100, 30, 5, 10, [])
        np.testing.assert_array_equal(whole.points, np.concatenate(expected))


class TestArguments:
    @pytest.mark.parametrize("name", ["tmax", "dmax", "size"])
    @pytest.mark.parametrize("value", [-1.0, float("nan")])
    def test_limits(self, name, value):
        with pytest.raises(ValueError, match=name):
            Reconnect(**{"tmax": 1, "dmax": 1, name: value})

    @pytest.mark.parametrize("value", [0, -1, float("nan")])
    def test_number_of_points(self, value):
        with pytest.raises(ValueError, match="num_points"):
            Reconnect(1, 1, num_points=value)

    def test_no_such_column(self):
        with pytest.raises(ValueError, match="label"):
            Reconnect(1, 1).fit(np.zeros((3, 5)))

    @pytest.mark.parametrize("samples", [LineData(np.zeros((2, 7))), np.zeros((2, 3)), 3, [None]])
    def test_samples_refused(self, samples):
        with pytest.raises((TypeError, ValueError)):
            Reconnect(1, 1).fit(samples)

    def test_saved_and_loaded(self, tmp_path):
        Reconnect(3, 4, "name", 5, size=6).save(tmp_path / "reconnect.pickle")
        again = Reconnect.load(tmp_path / "reconnect.pickle")
        assert vars(again) == vars(Reconnect(3, 4, "name", 5, size=6))


@settings(max_examples=100)
@given(pairs=st.lists(st.tuples(st.integers(0, 5), st.integers(0, 5)), max_size=20))
def test_pairs_are_chosen_in_order(pairs):
    first, second = np.array(pairs, dtype=np.int64).reshape(-1, 2).T
    expected = np.full(6, -1)
    for a, b in pairs:
        if expected[b] < 0 and a not in expected:
            expected[b] = a
    np.testing.assert_array_equal(choose_pairs(first, second, 6), expected)
