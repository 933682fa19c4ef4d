"""Sizes in memory, budgets, and cutting samples into chunks that fit."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gpupept.backend import memory, memory_budget, parse_size, plan_chunks, set_memory_budget


@pytest.fixture(autouse=True)
def _no_setting(monkeypatch):
    monkeypatch.delenv("GPUPEPT_MEMORY", raising=False)
    monkeypatch.setattr(memory, "_default", None)


@pytest.mark.parametrize(
    ("size", "expected"),
    [
        (1, 1),
        (np.int64(7), 7),
        ("1000", 1000),
        ("1000 B", 1000),
        ("2GB", 2_000_000_000),
        ("2 gb", 2_000_000_000),
        ("2G", 2_000_000_000),
        ("512MiB", 512 * 2**20),
        (" 1.5 KiB ", 1536),
        (".5kb", 500),
        ("3TiB", 3 * 2**40),
        ("1PB", 10**15),
        ("9007199254740993", 2**53 + 1),
        ("9" * 400, 10**400 - 1),
    ],
)
def test_parse_size(size, expected):
    assert parse_size(size) == expected


@pytest.mark.parametrize(
    "size", ["", "GB", "-1GB", "2 XB", "1e9", "2GBB", "0", "0.1B", 0, -5, "1,5GB"]
)
def test_sizes_that_are_wrong(size):
    with pytest.raises(ValueError, match=r"size in memory"):
        parse_size(size)


@pytest.mark.parametrize("size", [1.5, None, True, b"1GB", [1]])
def test_sizes_of_the_wrong_type(size):
    with pytest.raises(TypeError, match="size in memory"):
        parse_size(size)


def test_where_the_budget_comes_from(monkeypatch):
    default = memory_budget()
    assert 2**20 < default < 2**50
    monkeypatch.setenv("GPUPEPT_MEMORY", "3MB")
    assert memory_budget() == 3_000_000
    set_memory_budget("2MB")
    assert memory_budget() == 2_000_000
    assert memory_budget("cpu", "1MB") == 1_000_000
    set_memory_budget(None)
    assert memory_budget() == 3_000_000
    monkeypatch.setenv("GPUPEPT_MEMORY", "much")
    with pytest.raises(ValueError, match=r"environment variable GPUPEPT_MEMORY.*'much'"):
        memory_budget()
    with pytest.raises(ValueError, match="'none'"):
        set_memory_budget("none")


def test_a_quarter_of_what_the_gpu_has_free(fake_gpu):
    assert memory_budget("cuda:0") == 2 * 2**30


def test_the_limit_of_the_container_counts(monkeypatch, tmp_path):
    for name, number in [("max", 6 * 2**30), ("current", 5 * 2**30)]:
        (tmp_path / f"memory.{name}").write_text(f"{number}\n")
    (tmp_path / "memory.stat").write_text(f"anon 5\ninactive_file {3 * 2**30}\nslab 7\n")
    monkeypatch.setattr(memory, "_CONTROL_GROUP", tmp_path)
    monkeypatch.setattr(memory, "_linux_available", lambda: 8 * 2**30)
    assert memory_budget() == 2**30, "files in the cache do not count as used"
    (tmp_path / "memory.max").write_text("max\n")
    assert memory_budget() == 2 * 2**30
    monkeypatch.setattr(memory, "_linux_available", lambda: None)
    assert memory_budget() > 2**20


def test_full_memory_leaves_a_budget_to_work_with(monkeypatch):
    monkeypatch.setattr(memory, "_linux_available", lambda: 0)
    assert memory_budget() == 64 * 2**20


costs = st.lists(st.one_of(st.integers(0, 20), st.integers(0, 2**63 - 1)), max_size=40)


@given(costs, st.one_of(st.integers(1, 60), st.integers(1, 2**63 - 1)))
def test_chunks_cover_and_fit(costs, budget):
    chunks = plan_chunks(np.array(costs, dtype=np.int64), budget)
    borders = [0, *(last for _, last in chunks)]
    assert [first for first, _ in chunks] == borders[:-1]
    assert borders[-1] == len(costs)
    for first, last in chunks:
        assert last > first
        assert last == first + 1 or sum(costs[first:last]) <= budget


@given(st.lists(st.integers(0, 20), max_size=40), st.integers(1, 60))
def test_chunks_are_as_large_as_they_can_be(costs, budget):
    for first, last in plan_chunks(costs, budget):
        assert last == len(costs) or sum(costs[first : last + 1]) > budget


def test_no_samples():
    assert plan_chunks([], 10) == []


@pytest.mark.parametrize(
    ("costs", "budget", "message"),
    [
        ([1, -1], 5, "minimum -1"),
        ([[1]], 5, r"shape \(1, 1\)"),
        ([1], 0, "budget must be at least one byte, found 0"),
    ],
)
def test_plans_that_are_wrong(costs, budget, message):
    with pytest.raises(ValueError, match=message):
        plan_chunks(costs, budget)
