"""Lines through grids, on every device, against golden vectors and exact arithmetic."""

from __future__ import annotations

import math
from itertools import pairwise
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from line_families import GRIDS, Families, table
from oracle import traverse as oracle
from ragged import CPU, EXTREME

from gpupept.backend import set_memory_budget
from gpupept.kernels.threads import use_threads
from gpupept.kernels.traverse import device as device_module
from gpupept.kernels.traverse import host as host_module
from gpupept.kernels.traverse import traverse

HOST = SimpleNamespace(**vars(CPU), name="cpu")


def shape_of(edges):
    return tuple(len(axis) - 1 for axis in edges)


def add(device, lines, edges, dtype=np.float64, start=None, **options):
    """What the lines add to a grid (of zeros unless `start` is given), and how many were skipped."""
    cells = np.zeros(shape_of(edges), dtype=dtype) if start is None else start.copy()
    cells = device.asarray(cells)
    if options.get("weights") is not None:
        options["weights"] = device.asarray(options["weights"])
    skipped = traverse(cells, device.asarray(np.ascontiguousarray(lines)), edges, **options)
    return device.to_host(cells), skipped


# ---- Golden vectors


@pytest.mark.parametrize("kind", ["inside", "cross", "endin", "away"])
@pytest.mark.parametrize("grid", ["A", "B", "C"])
def test_golden_3d(device, golden, grid, kind):
    found = golden("core_traverse3d")
    edges = [found[f"{grid}_g{axis}"] for axis in "xyz"]
    lines = found[f"{grid}_{kind}_lines"]
    total, skipped = add(device, lines, edges)
    np.testing.assert_array_equal(total, found[f"{grid}_{kind}_right_total"])
    assert skipped == 0
    counts = [add(HOST, line[None], edges, np.uint32)[0].sum() for line in lines]
    np.testing.assert_array_equal(counts, found[f"{grid}_{kind}_right_count"])


@pytest.mark.parametrize("kind", ["inside", "cross"])
@pytest.mark.parametrize("grid", ["Z", "O"])
def test_golden_2d(device, golden, grid, kind):
    found = golden("core_traverse2d")
    edges = [found[f"{grid}_g{axis}"] for axis in "xy"]
    lines = found[f"{grid}_{kind}_lines"]
    total, _ = add(device, lines, edges, np.uint32)
    np.testing.assert_array_equal(total, found[f"{grid}_{kind}_right_total"])
    counts = [add(HOST, line[None], edges)[0].sum() for line in lines]
    np.testing.assert_array_equal(counts, found[f"{grid}_{kind}_right_count"])


def test_golden_special_lines(device, golden):
    found = golden("core_traverse3d")
    edges = [found["special_grid"]] * 3
    for name, line, right in zip(
        found["special_names"], found["special_lines"], found["special_right"], strict=True
    ):
        np.testing.assert_array_equal(add(device, line[None], edges)[0], right, err_msg=str(name))


def test_golden_real_lines(device, golden):
    """Three of the 2000 lines pass edges in decimal numbers exactly: pept decides by rounding."""
    found = golden("core_traverse3d")
    edges = [
        np.linspace(*found[f"real_{axis}lim"], count + 1)
        for axis, count in zip("xyz", found["real_n"], strict=True)
    ]
    lines = found["real_lines"]
    total, _ = add(device, lines, edges)
    np.testing.assert_array_equal(total, oracle.total(lines[:, 1:4], lines[:, 4:7], edges))
    assert np.abs(total - found["real_pept_total"]).sum() <= 6


# ---- Exact arithmetic


def check_family(device, grid, name, seed, count):
    """Each line goes through the right cells: their weights are told apart in the sums."""
    edges = GRIDS[grid]
    families = Families(edges, seed, count)
    starts, ends = getattr(families, name)()
    weights = families.rng.integers(1, 2**30, count).astype(float)
    lines = table(starts, ends)
    counts, skipped = add(device, lines, edges, np.uint32)
    np.testing.assert_array_equal(counts, oracle.total(starts, ends, edges))
    assert skipped == 0
    expected = oracle.total(starts, ends, edges, weights)
    np.testing.assert_array_equal(add(device, lines, edges, weights=weights)[0], expected)


@pytest.mark.parametrize("name", Families.NAMES)
@pytest.mark.parametrize("grid", GRIDS)
def test_hard_lines(device, grid, name):
    check_family(device, grid, name, seed=1, count=40)


@pytest.mark.parametrize("grid", GRIDS)
def test_hundred_thousand_hard_lines(grid):
    for name in Families.NAMES:
        check_family(HOST, grid, name, seed=2, count=1600)


def test_the_fast_oracle_is_exact():
    for grid, edges in GRIDS.items():
        for name in Families.NAMES:
            starts, ends = getattr(Families(edges, 3, 6), name)()
            numbers, cells = oracle.cells_of_lines(starts, ends, edges)
            for i in range(6):
                exact = oracle.exact_cells(starts[i], ends[i], edges)
                expected = [np.ravel_multi_index(cell, shape_of(edges)) for cell in exact]
                assert sorted(cells[numbers == i]) == sorted(expected), (grid, name)


def test_one_grid_of_cells_of_very_different_sizes(device):
    edges = [np.linspace(0.0, 1e-6, 40), np.linspace(-1e6, 1e6, 3), np.linspace(5.0, 6.0, 30)]
    starts, ends = Families(edges, 4, 60).around()
    counts, _ = add(device, table(starts, ends), edges)
    np.testing.assert_array_equal(counts, oracle.total(starts, ends, edges))


# Beyond 300 orders of magnitude within a line comparisons are no longer exact.
LARGE = st.sampled_from([np.nan, np.inf, -np.inf, 1e150, -1e150, 1e-150, -0.0])
COORDINATE = st.one_of(st.integers(-2, 8).map(float), st.floats(-2.0, 8.0, width=32), LARGE)


@settings(max_examples=60)
@given(
    ends=st.lists(st.tuples(*[COORDINATE] * 6), max_size=5), grid=st.sampled_from(["unit", "far"])
)
def test_any_line(device, ends, grid):
    lines = table(*np.array(ends, dtype=float).reshape(-1, 2, 3).transpose(1, 0, 2))
    edges = GRIDS[grid]
    cells, skipped = add(device, lines, edges, np.uint32)
    with np.errstate(over="ignore", invalid="ignore"):
        finite = np.isfinite(lines[:, 4:7] - lines[:, 1:4]).all(axis=1)
    expected = oracle.total(lines[finite, 1:4], lines[finite, 4:7], edges)
    np.testing.assert_array_equal(cells, expected)
    assert skipped == (~finite).sum()
    lengths, _ = add(device, lines, edges, lengths=True)
    assert np.isfinite(lengths).all()
    assert (lengths >= 0.0).all()


@settings(max_examples=40)
@given(
    ends=st.lists(st.tuples(*[st.one_of(st.integers(-2, 8).map(float), EXTREME)] * 6), max_size=5)
)
def test_lines_of_absurd_size_do_no_harm(device, ends):
    lines = table(*np.array(ends, dtype=float).reshape(-1, 2, 3).transpose(1, 0, 2))
    cells, skipped = add(device, lines, GRIDS["unit"], np.uint32)
    assert cells.max() <= len(lines) - skipped
    lengths, _ = add(device, lines, GRIDS["unit"], lengths=True)
    assert np.isfinite(lengths).all()


# ---- Lengths and weights


@pytest.mark.parametrize("name", Families.NAMES[:-1])
@pytest.mark.parametrize("grid", ["unit", "decimal", "plane"])
def test_lengths(device, grid, name):
    """Every length is right, and those of a line add up to its length in the grid."""
    edges = GRIDS[grid]
    starts, ends = getattr(Families(edges, 5, 12), name)()
    reach = math.hypot(*(axis[-1] - axis[0] for axis in edges))
    for start, end in zip(starts, ends, strict=True):
        found, _ = add(device, table(start[None], end[None]), edges, lengths=True)
        right = oracle.exact_lengths(start, end, edges)
        expected = np.zeros(found.shape)
        for cell, length in right.items():
            expected[cell] = length
        np.testing.assert_allclose(found, expected, rtol=0, atol=1e-13 * reach)
        whole = math.fsum(right.values())
        assert abs(found.sum() - whole) <= 1e-12 * whole + 1e-18 * reach


def test_short_pieces_of_long_lines_are_measured_precisely(device):
    edges = [np.linspace(0, 1, 11)] * 3
    for cut in (1e-3, 1e-6, 1e-9):
        start, end = [0.7 - cut - 700.0, 701.3, 0.31], [0.7 - cut + 700.0, -698.7, 0.39]
        found, _ = add(device, table(np.array([start]), np.array([end])), edges, lengths=True)
        whole = math.fsum(oracle.exact_lengths(start, end, edges).values())
        assert whole > 0
        assert found.sum() == pytest.approx(whole, rel=1e-12)


def random_lines(count, seed=6):
    return table(*Families(GRIDS["decimal"], seed, count).around())


def test_weights_and_lengths_multiply(device):
    lines, edges = random_lines(60), GRIDS["decimal"]
    weights = np.random.default_rng(0).normal(size=60)
    found, _ = add(device, lines, edges, weights=weights, lengths=True)
    expected = sum(
        weight * add(HOST, line[None], edges, lengths=True)[0]
        for weight, line in zip(weights, lines, strict=True)
    )
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-12)
    single, _ = add(device, lines, edges, np.float32, weights=weights, lengths=True)
    np.testing.assert_array_equal(single, found.astype(np.float32))


def test_unusable_lines_and_weights_are_counted(device):
    lines, edges = random_lines(8), GRIDS["decimal"]
    lines[1, 2], lines[4, 6] = np.nan, np.inf
    usable = np.delete(lines, [1, 4], axis=0)
    counts, skipped = add(device, lines, edges)
    np.testing.assert_array_equal(counts, add(device, usable, edges)[0])
    assert skipped == 2
    weights = np.arange(8.0)
    weights[[2, 5]] = -np.inf, np.nan
    sums, skipped = add(device, lines, edges, weights=weights)
    kept = [0, 3, 6, 7]
    np.testing.assert_allclose(sums, add(device, lines[kept], edges, weights=weights[kept])[0])
    assert skipped == 4


def test_weights_of_zero_or_none_that_is_finite(device):
    lines, edges = random_lines(4), GRIDS["decimal"]
    assert not add(device, lines, edges, weights=np.zeros(4))[0].any()
    sums, skipped = add(device, lines, edges, weights=np.full(4, np.nan), lengths=True)
    assert not sums.any()
    assert skipped == 4


def test_grids_too_large_to_follow_lines_through():
    edges = [np.arange(3.0), np.arange(2.0**21 + 2)]
    with pytest.raises(ValueError, match="2 x 2097153"):
        traverse(np.zeros((2, 1)), np.zeros((1, 5)), edges)


# ---- What is added to


@pytest.mark.parametrize("dtype", [np.uint32, np.float32, np.float64])
def test_counts_are_added_to_what_is_there(device, dtype):
    lines, edges = random_lines(50), GRIDS["decimal"]
    start = (np.random.default_rng(0).random(shape_of(edges)) * 9).astype(dtype)
    found, _ = add(device, lines, edges, start=start)
    counts = oracle.total(lines[:, 1:4], lines[:, 4:7], edges)
    assert found.dtype == dtype
    np.testing.assert_array_equal(found, (start.astype(float) + counts).astype(dtype))


def test_no_lines(device):
    cells, skipped = add(device, np.empty((0, 7)), GRIDS["unit"], lengths=True)
    assert not cells.any()
    assert skipped == 0


def test_further_columns_are_ignored(device):
    lines, edges = random_lines(9), GRIDS["decimal"]
    wide = np.hstack([lines, np.full((9, 3), np.nan)])
    np.testing.assert_array_equal(add(device, wide, edges)[0], add(device, lines, edges)[0])


KINDS = {
    "counts": {},
    "weights": {"weights": True},
    "lengths": {"lengths": True},
    "both": {"weights": True, "lengths": True},
}


# Sums of weights and lengths are not integers.
KINDS_AND_DTYPES = [("counts", np.uint32)] + [
    (kind, dtype) for kind in KINDS for dtype in (np.float32, np.float64)
]


def options_of(kind, count):
    options = dict(KINDS[kind])
    if options.get("weights"):
        options["weights"] = np.random.default_rng(1).random(count)
    return options


@pytest.mark.parametrize(("kind", "dtype"), KINDS_AND_DTYPES)
def test_layers_add_up_to_the_grid(device, kind, dtype):
    """Bit for bit, whichever way the grid is cut."""
    lines, edges = random_lines(80), GRIDS["decimal"]
    options = options_of(kind, 80)
    whole, _ = add(device, lines, edges, dtype, **options)
    for cuts in ([0, 1, 10], [0, 4, 5, 6, 10], range(11)):
        parts = []
        for first, last in pairwise(cuts):
            start = np.zeros((last - first, *whole.shape[1:]), dtype=dtype)
            part, _ = add(device, lines, edges, start=start, first_layer=first, **options)
            parts.append(part)
        np.testing.assert_array_equal(np.concatenate(parts), whole)


@pytest.mark.parametrize(("kind", "dtype"), KINDS_AND_DTYPES)
def test_threads_and_slabs_do_not_matter(monkeypatch, kind, dtype):
    lines, edges = random_lines(300), GRIDS["decimal"]
    lines[7, 3] = np.nan
    options = options_of(kind, 300)
    with use_threads(1):
        expected, skipped = add(HOST, lines, edges, dtype, **options)
    assert skipped == 1
    for own, slab, threads in [(2**25, 2**25, 3), (0, 2**25, 2), (0, 500, 5), (0, 1, 1)]:
        monkeypatch.setattr(host_module, "_OWN_BYTES", own)
        monkeypatch.setattr(host_module, "_SLAB_BYTES", slab)
        with use_threads(threads):
            found, skipped = add(HOST, lines, edges, dtype, **options)
        np.testing.assert_array_equal(found, expected)
        assert skipped == 1


@pytest.mark.parametrize("kind", KINDS)
def test_order_and_memory_do_not_matter_on_a_gpu(gpu_device, monkeypatch, kind):
    lines, edges = random_lines(300), GRIDS["decimal"]
    options = options_of(kind, 300)
    expected, _ = add(gpu_device, lines, edges, **options)
    order = np.random.default_rng(2).permutation(300)
    if "weights" in options:
        options["weights"] = options["weights"][order]
    monkeypatch.setattr(device_module, "_CHUNK", 37)
    set_memory_budget(1000)
    try:
        found, _ = add(gpu_device, lines[order], edges, **options)
    finally:
        set_memory_budget(None)
    np.testing.assert_array_equal(found, expected)


def test_devices_agree(gpu_device):
    lines, edges = random_lines(300), GRIDS["decimal"]
    for kind in KINDS:
        options = options_of(kind, 300)
        here, _ = add(HOST, lines, edges, **options)
        there, _ = add(gpu_device, lines, edges, **options)
        np.testing.assert_allclose(there, here, rtol=0, atol=1e-13 * here.max())
