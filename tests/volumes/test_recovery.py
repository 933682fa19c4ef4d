"""Volumes cut short: killed, interrupted, on a full disk; nothing is lost, and nothing half-written."""

from __future__ import annotations

import errno
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import zarr
from volume_cases import LIMITS, budget, some_lines

import gpupept
from gpupept.volumes import VolumeStore, locking, making, partial
from gpupept.volumes.journal import Journal

SHAPE, CHUNKS, LINES = (14, 6, 9), (2, 6, 9), 40


def voxelize(path: Path, lines: np.ndarray | None = None, **options: Any) -> VolumeStore:
    """Voxelize with slabs of two layers."""
    given = {
        "lines": some_lines(LINES) if lines is None else lines,
        "number_of_voxels": SHAPE,
        "memory": budget(SHAPE, CHUNKS, 2, LINES, options.get("dtype", "uint32")),
        "chunks": CHUNKS,
        "progress": False,
    }
    return gpupept.voxelize(path=path, **(given | LIMITS | options))


@pytest.fixture(scope="module")
def expected() -> np.ndarray:
    voxels = gpupept.Voxels.from_lines(
        some_lines(LINES), SHAPE, **LIMITS, dtype="uint32", verbose=False
    )
    return voxels.array


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "v.zarr"


class Stop(Exception):
    """Ends the work."""


def stopping(monkeypatch: pytest.MonkeyPatch, after: int, error: BaseException) -> list[int]:
    """Make the traversal raise after some slabs; returns the list of slabs followed."""
    real, followed = making.traverse, []

    def traverse(cells: Any, lines: Any, edges: Any, first: int, *rest: Any) -> int:
        if len(followed) == after:
            raise error
        followed.append(first)
        return real(cells, lines, edges, first, *rest)

    monkeypatch.setattr(making, "traverse", traverse)
    return followed


def begin(path: Path, after: int = 3, **options: Any) -> None:
    """Leave a volume unfinished."""
    with pytest.MonkeyPatch.context() as patch:
        stopping(patch, after, Stop())
        with pytest.raises(Stop):
            voxelize(path, **options)


def recorded(path: Path) -> list[int]:
    journal = Journal.read(partial.partial_path(path) / "journal.jsonl")
    assert journal is not None
    return [slab.first for slab in journal.slabs]


@pytest.mark.parametrize("after", range(8))
def test_what_was_stopped_goes_on(
    path: Path, monkeypatch: pytest.MonkeyPatch, expected: np.ndarray, after: int
) -> None:
    if after < 7:
        begin(path, after)
        assert not path.exists()
        assert recorded(path) == list(range(0, 2 * after, 2))
    followed = stopping(monkeypatch, -1, Stop())
    store = voxelize(path)
    assert followed == (list(range(2 * after, 14, 2)) if after < 7 else list(range(0, 14, 2)))
    assert np.array_equal(store[...], expected)
    assert store.attrs["total"] == expected.sum()
    assert os.listdir(path.parent) == ["v.zarr"]


def test_an_interrupt_keeps_what_was_done(
    path: Path, monkeypatch: pytest.MonkeyPatch, expected: np.ndarray
) -> None:
    with monkeypatch.context() as patch:
        stopping(patch, 4, KeyboardInterrupt())
        with pytest.raises(KeyboardInterrupt):
            voxelize(path)
    assert recorded(path) == [0, 2, 4, 6]
    assert np.array_equal(voxelize(path)[...], expected)


def test_it_goes_on_with_other_slabs_and_workers(path: Path, expected: np.ndarray) -> None:
    begin(path)
    store = voxelize(path, memory="1GB", max_workers=1, chunks=None)
    assert store.chunks == CHUNKS
    assert np.array_equal(store[...], expected)


def test_counts_go_on_on_another_device(fake_gpu: Any, path: Path, expected: np.ndarray) -> None:
    begin(path)
    assert np.array_equal(voxelize(path, device="cuda", memory="1GB")[...], expected)


def test_sums_do_not_go_on_on_another_device(fake_gpu: Any, path: Path) -> None:
    options = {"lengths": True, "dtype": "float64", "memory": "1GB"}
    begin(path, 0, **options)
    with pytest.raises(ValueError, match="kind of device"):
        voxelize(path, device="cuda", **options)


CHANGES = [
    ({"xlim": [0.0, 10.5]}, "xlim"),
    ({"zlim": [0.0, np.nextafter(5.0, 6)]}, "zlim"),
    ({"number_of_voxels": (14, 6, 8)}, "shape"),
    ({"dtype": "float64"}, "dtype"),
    ({"lengths": True, "dtype": "float64"}, "lengths"),
    ({"weights": np.ones(LINES), "dtype": "float64"}, "weights"),
    ({"lines": some_lines(LINES, seed=1)}, "lines"),
    ({"lines": some_lines(LINES)[:-1]}, "lines"),
    ({"chunks": (1, 6, 9)}, "chunks"),
]


@pytest.mark.parametrize(("change", "name"), CHANGES)
def test_another_volume_is_not_mixed_with_an_unfinished_one(
    path: Path, expected: np.ndarray, change: dict[str, Any], name: str
) -> None:
    begin(path)
    with pytest.raises(ValueError, match=f"unfinished volume.*{name}.*--restart"):
        voxelize(path, **({"memory": "1GB"} | change))
    assert recorded(path) == [0, 2, 4]
    assert np.array_equal(voxelize(path)[...], expected)


def test_an_unfinished_one_is_discarded_when_told(path: Path) -> None:
    begin(path)
    lines = some_lines(LINES, seed=1)
    voxels = gpupept.Voxels.from_lines(lines, SHAPE, **LIMITS, verbose=False)
    assert np.array_equal(voxelize(path, lines, resume=False)[...], voxels.array)


def test_the_time_of_lines_does_not_matter(path: Path, expected: np.ndarray) -> None:
    begin(path)
    lines = np.column_stack([some_lines(LINES), np.arange(LINES)])
    lines[:, 0] += 1
    assert np.array_equal(voxelize(path, lines, memory="1GB")[...], expected)


# ---- Damage


def files_of(path: Path) -> tuple[Path, Path]:
    folder = partial.partial_path(path)
    return folder / "volume.zarr", folder / "journal.jsonl"


@pytest.mark.parametrize("damage", ["cut", "removed", "changed"])
def test_a_damaged_chunk_is_made_again(
    path: Path, expected: np.ndarray, caplog: pytest.LogCaptureFixture, damage: str
) -> None:
    begin(path)
    chunk = files_of(path)[0] / "c/1/0/0"
    content = chunk.read_bytes()
    if damage == "removed":
        chunk.unlink()
    else:
        chunk.write_bytes(content[:-1] + (b"" if damage == "cut" else bytes([content[-1] ^ 1])))
    assert np.array_equal(voxelize(path)[...], expected)
    assert "1 of 3 recorded slabs" in caplog.text


@pytest.mark.parametrize("cut", [1, 20, 400])
def test_a_journal_that_was_cut_counts_as_far_as_it_goes(
    path: Path, expected: np.ndarray, cut: int
) -> None:
    begin(path)
    journal = files_of(path)[1]
    journal.write_bytes(journal.read_bytes()[:-cut])
    assert np.array_equal(voxelize(path)[...], expected)


@pytest.mark.parametrize("content", [b"", b"\xff\xfe", b"[]\n", b'{"shape"'])
def test_without_a_journal_it_begins_anew(path: Path, expected: np.ndarray, content: bytes) -> None:
    begin(path)
    files_of(path)[1].write_bytes(content)
    assert np.array_equal(voxelize(path)[...], expected)


def test_foreign_lines_in_a_journal_do_not_count(path: Path, expected: np.ndarray) -> None:
    begin(path, 2)
    with files_of(path)[1].open("a") as file:
        file.write(json.dumps({"first": 4, "last": 6}) + "\n")
    assert np.array_equal(voxelize(path)[...], expected)


@pytest.mark.parametrize(
    "damage",
    [
        {"last": 10**12},
        {"first": -2},
        {"first": "x"},
        {"first": None},
        {"nonzero": True},
        {"maximum": "x"},
        {"totals": [1, "x"]},
        {"totals": None},
    ],
)
def test_a_damaged_line_in_a_journal_does_not_count(
    path: Path, expected: np.ndarray, damage: dict[str, Any]
) -> None:
    begin(path)
    journal = files_of(path)[1]
    lines = journal.read_text().splitlines()
    lines[-1] = json.dumps(json.loads(lines[-1]) | damage)
    journal.write_text("\n".join(lines) + "\n")
    assert recorded(path) == [0, 2]
    assert np.array_equal(voxelize(path)[...], expected)


def test_layers_that_a_journal_has_twice_count_once(path: Path, expected: np.ndarray) -> None:
    begin(path)
    journal = files_of(path)[1]
    journal.write_text(journal.read_text() + journal.read_text().splitlines()[-1] + "\n")
    assert voxelize(path).attrs["total"] == expected.sum()


def test_without_its_store_it_begins_anew(path: Path, expected: np.ndarray) -> None:
    begin(path)
    shutil.rmtree(files_of(path)[0])
    assert np.array_equal(voxelize(path)[...], expected)


@pytest.mark.parametrize(("fact", "value"), [("shape", [8, *SHAPE[1:]]), ("data_type", "float32")])
def test_with_a_store_of_other_values_it_begins_anew(
    path: Path, expected: np.ndarray, fact: str, value: Any
) -> None:
    begin(path)
    metadata = files_of(path)[0] / "zarr.json"
    metadata.write_text(json.dumps(json.loads(metadata.read_text()) | {fact: value}))
    assert np.array_equal(voxelize(path)[...], expected)


def test_leftovers_of_a_kill_are_removed(path: Path, expected: np.ndarray) -> None:
    begin(path)
    (files_of(path)[0] / "c/2/0/0.deadbeef.partial").write_bytes(b"half")
    store = voxelize(path)
    assert np.array_equal(store[...], expected)
    assert not list(path.rglob("*.partial"))


# ---- Names


def test_a_volume_is_only_overwritten_when_told(path: Path, expected: np.ndarray) -> None:
    first = voxelize(path, lines=some_lines(5)).checksum()
    with pytest.raises(FileExistsError, match="--overwrite"):
        voxelize(path)
    assert VolumeStore.open(path).checksum() == first
    begin(path, overwrite=True)
    assert VolumeStore.open(path).checksum() == first  # until the new one is complete
    assert np.array_equal(voxelize(path, overwrite=True)[...], expected)
    assert os.listdir(path.parent) == ["v.zarr"]


def test_nothing_but_a_volume_is_overwritten(path: Path) -> None:
    path.mkdir()
    (path / "thesis.txt").write_text("mine")
    with pytest.raises(FileExistsError, match="is not a volume"):
        voxelize(path, overwrite=True)
    shutil.rmtree(path)
    zarr.create_array(str(path), shape=(3, 3, 3), dtype="f4")
    with pytest.raises(FileExistsError, match="is not a volume"):
        voxelize(path, overwrite=True)
    shutil.rmtree(path)
    path.write_text("a file")
    with pytest.raises(FileExistsError, match="is not a volume"):
        voxelize(path, overwrite=True)
    path.unlink()
    path.symlink_to(path.parent / "nowhere")
    with pytest.raises(FileExistsError, match="is not a volume"):
        voxelize(path, overwrite=True)
    assert os.listdir(path.parent) == ["v.zarr"]


def test_a_link_to_a_volume_stays_and_the_volume_is_overwritten(
    path: Path, tmp_path: Path, expected: np.ndarray
) -> None:
    voxelize(path, lines=some_lines(5))
    link = tmp_path / "elsewhere" / "link.zarr"
    link.parent.mkdir()
    link.symlink_to(path)
    with pytest.raises(FileExistsError, match="--overwrite"):
        voxelize(link)
    assert np.array_equal(voxelize(link, overwrite=True)[...], expected)
    assert link.is_symlink()
    assert np.array_equal(VolumeStore.open(path)[...], expected)
    assert os.listdir(link.parent) == ["link.zarr"]
    assert sorted(os.listdir(path.parent)) == ["elsewhere", "v.zarr"]


def test_a_foreign_directory_in_the_place_of_the_unfinished_one_is_left_alone(path: Path) -> None:
    folder = partial.partial_path(path)
    folder.mkdir()
    (folder / "thesis.txt").write_text("mine")
    for resume in (True, False):
        with pytest.raises(FileExistsError, match="not an unfinished volume"):
            voxelize(path, resume=resume)
    assert (folder / "thesis.txt").read_text() == "mine"


@pytest.mark.parametrize("kept", ["volume.zarr", ""])
def test_a_kill_between_the_renames_loses_neither_volume(
    path: Path, monkeypatch: pytest.MonkeyPatch, expected: np.ndarray, kept: str
) -> None:
    """The old volume is out of the way; the new one has (not) got its name yet."""
    old = voxelize(path, lines=some_lines(5)).checksum()
    renames, real = [], os.rename

    def rename(source: Any, target: Any) -> None:
        if len(renames) == (1 if kept else 2):
            raise Stop
        renames.append(target)
        real(source, target)

    def rmtree(folder: Any) -> None:
        raise Stop

    with monkeypatch.context() as patch:
        patch.setattr(partial.os, "rename", rename)
        patch.setattr(partial.shutil, "rmtree", rmtree)
        with pytest.raises(Stop):
            voxelize(path, overwrite=True)
    folder = partial.partial_path(path)
    assert VolumeStore.open(folder / "replaced.zarr").checksum() == old
    assert path.exists() == (not kept)
    if kept:
        with pytest.raises(FileExistsError, match="--overwrite"):
            voxelize(path)
        assert VolumeStore.open(path).checksum() == old
    assert np.array_equal(voxelize(path, overwrite=True)[...], expected)
    assert os.listdir(path.parent) == ["v.zarr"]


def test_a_missing_or_unusable_directory_is_told(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="output directory does not exist"):
        voxelize(tmp_path / "absent" / "v.zarr")
    (tmp_path / "file").write_text("")
    with pytest.raises(NotADirectoryError, match="output directory is a file"):
        voxelize(tmp_path / "file" / "v.zarr")


@pytest.mark.skipif(
    not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write anywhere"
)
def test_a_directory_that_may_not_be_written(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(PermissionError, match="cannot be written to"):
        voxelize(tmp_path / "v.zarr")
    tmp_path.chmod(0o700)


def test_a_read_only_file_system(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def mkdir(*_: Any, **__: Any) -> None:
        raise OSError(errno.EROFS, "Read-only file system")

    monkeypatch.setattr(locking.Path, "mkdir", mkdir)
    with pytest.raises(PermissionError, match="cannot be written to"):
        voxelize(path)


# ---- Other processes


def test_two_do_not_make_the_same_volume(path: Path, expected: np.ndarray) -> None:
    with locking.locked(partial.partial_path(path)):
        with pytest.raises(BlockingIOError, match=f"another process \\({os.getpid()}\\)"):
            voxelize(path)
        with pytest.raises(BlockingIOError):
            voxelize(path, resume=False)
    assert np.array_equal(voxelize(path)[...], expected)


def _resume(path: Path) -> None:
    """Make, or go on with, a volume of 120 slabs."""
    shape, chunks = (240, 96, 96), (2, 96, 96)
    memory = budget(shape, chunks, 2, 300)
    voxelize(path, some_lines(300), number_of_voxels=shape, chunks=chunks, memory=memory)


CHILD = """
import sys
from pathlib import Path
sys.path.insert(0, sys.argv[2])
import test_recovery
test_recovery._resume(Path(sys.argv[1]))
"""


def _child(path: Path) -> subprocess.Popen[bytes]:
    here = str(Path(__file__).parent)
    return subprocess.Popen([sys.executable, "-c", CHILD, str(path), here], stderr=subprocess.PIPE)


def _lines_of(journal: Path) -> int:
    return journal.read_bytes().count(b"\n") if journal.exists() else 0


@pytest.mark.skipif(not hasattr(signal, "SIGSTOP"), reason="there is no such signal")
def test_killed_at_any_moment_it_goes_on_to_the_same_values(path: Path) -> None:
    voxels = gpupept.Voxels.from_lines(
        some_lines(300), (240, 96, 96), **LIMITS, dtype="uint32", verbose=False
    )
    journal, done, kills = files_of(path)[1], 0, 0
    for share in (random.uniform(0.0, 0.4), random.uniform(0.4, 0.9)):
        child = _child(path)
        while child.poll() is None and _lines_of(journal) < max(1, 120 * share):
            time.sleep(0.001)
        time.sleep(random.uniform(0, 0.02))
        child.send_signal(signal.SIGSTOP)
        time.sleep(0.01)
        if child.poll() is None and not path.exists():
            with pytest.raises(BlockingIOError, match=str(child.pid)):
                _resume(path)
            kills += 1
        child.kill()
        child.communicate()
        assert path.exists() or _lines_of(journal) >= done
        done = _lines_of(journal)
    assert kills >= 1
    if not path.exists():
        _resume(path)
    assert np.array_equal(VolumeStore.open(path)[...], voxels.array)
    assert os.listdir(path.parent) == ["v.zarr"]


# ---- Full disks


def test_a_full_disk_is_told_and_what_was_done_is_kept(
    path: Path, monkeypatch: pytest.MonkeyPatch, expected: np.ndarray
) -> None:
    real = VolumeStore.write

    def write(self: VolumeStore, first: int, values: np.ndarray) -> None:
        if first >= 6:
            raise OSError(errno.ENOSPC, "No space left on device")
        real(self, first, values)

    with monkeypatch.context() as patch:
        patch.setattr(VolumeStore, "write", write)
        with pytest.raises(OSError, match="the disk is full") as caught:
            voxelize(path)
    assert caught.value.errno == errno.ENOSPC
    assert caught.value.filename == str(partial.partial_path(path))
    assert "at most" in str(caught.value)
    assert recorded(path) == [0, 2, 4]
    assert not path.exists()
    assert np.array_equal(voxelize(path)[...], expected)


def test_a_disk_that_will_be_full_is_told_once(
    path: Path, monkeypatch: pytest.MonkeyPatch, expected: np.ndarray
) -> None:
    usage = shutil.disk_usage(path.parent)
    monkeypatch.setattr(making.shutil, "disk_usage", lambda _: usage._replace(free=10))
    with pytest.warns(UserWarning, match="MB more will be needed") as warned:
        store = voxelize(path)
    assert len(warned) == 1
    assert np.array_equal(store[...], expected)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 100 pages."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=400k", "tmpfs", str(folder)]
    try:
        mounted = subprocess.run(mount, capture_output=True, check=False).returncode == 0
    except OSError:
        mounted = False
    if not mounted:
        pytest.skip("file systems cannot be mounted here")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


def test_a_disk_that_is_really_full(small_disk: Path, expected: np.ndarray) -> None:
    ballast = small_disk / "ballast"
    ballast.write_bytes(bytes(93 * 4096))
    path = small_disk / "v.zarr"
    with pytest.raises(OSError, match="the disk is full") as caught:
        voxelize(path)
    assert caught.value.errno == errno.ENOSPC
    assert not path.exists()
    assert len(recorded(path)) >= 1
    ballast.unlink()
    assert np.array_equal(voxelize(path)[...], expected)
