"""Files are whole or not there."""

from __future__ import annotations

import builtins
import errno
import os
import pathlib
import stat

import pytest

from gpupept.utilities.files import atomic_write


def names(folder):
    return sorted(path.name for path in folder.iterdir())


@pytest.mark.parametrize(
    "name", ["out.csv", "out", "a.tar.gz", ".hidden", "x" * 200 + ".npz", "é .txt"]
)
def test_writes(tmp_path, name):
    target = tmp_path / name
    with atomic_write(target) as temporary:
        assert temporary.parent == tmp_path
        assert temporary.name.endswith("".join(target.suffixes[-2:]))
        assert not target.exists()
        temporary.write_text("new")
    assert target.read_text() == "new"
    assert names(tmp_path) == [name]


def test_replaces_and_keeps_permissions(tmp_path):
    target = tmp_path / "out.csv"
    target.write_text("old")
    target.chmod(0o640)
    with atomic_write(str(target)) as temporary:
        temporary.write_text("new")
        assert target.read_text() == "old"
    assert target.read_text() == "new"
    assert stat.S_IMODE(target.stat().st_mode) == 0o640


def test_new_files_have_the_usual_permissions(tmp_path):
    with atomic_write(tmp_path / "a") as temporary:
        temporary.write_text("")
    (tmp_path / "b").write_text("")
    assert (tmp_path / "a").stat().st_mode == (tmp_path / "b").stat().st_mode


def write_half(target, error):
    with atomic_write(target) as temporary:
        temporary.write_text("half")
        raise error


@pytest.mark.parametrize("existing", [None, "old"])
@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_an_error_leaves_everything_as_it_was(tmp_path, existing, error):
    target = tmp_path / "out.csv"
    if existing:
        target.write_text(existing)
    with pytest.raises(error):
        write_half(target, error)
    assert names(tmp_path) == (["out.csv"] if existing else [])
    if existing:
        assert target.read_text() == existing


def test_missing_directory(tmp_path):
    with (
        pytest.raises(FileNotFoundError, match=r"output directory does not exist.*absent"),
        atomic_write(tmp_path / "absent" / "out.csv"),
    ):
        pytest.fail("not reached")


def test_directory_that_is_a_file(tmp_path):
    (tmp_path / "file").write_text("")
    with (
        pytest.raises(NotADirectoryError, match=r"output directory is a file.*file"),
        atomic_write(tmp_path / "file" / "out.csv"),
    ):
        pytest.fail("not reached")


def test_target_that_is_a_directory(tmp_path):
    with pytest.raises(IsADirectoryError, match="is a directory"), atomic_write(tmp_path):
        pytest.fail("not reached")


@pytest.mark.parametrize("number", [errno.EACCES, errno.EROFS, errno.EPERM])
def test_directory_that_cannot_be_written_to(tmp_path, monkeypatch, number):
    def refuse(*args, **kwargs):
        raise OSError(number, os.strerror(number), "somewhere")

    monkeypatch.setattr(pathlib.Path, "open", refuse)
    monkeypatch.setattr(builtins, "open", refuse)
    with (
        pytest.raises(PermissionError, match="output directory cannot be written to") as error,
        atomic_write(tmp_path / "out.csv"),
    ):
        pytest.fail("not reached")
    assert error.value.filename == str(tmp_path)


@pytest.mark.parametrize("name", ["a" * 250 + ".npz", "a." + "b" * 240 + ".npz"])
def test_names_as_long_as_names_may_be(tmp_path, name):
    with atomic_write(tmp_path / name) as temporary:
        temporary.write_text("new")
        assert temporary.suffix == (tmp_path / name).suffix
    assert names(tmp_path) == [name]


def test_a_link_stays_a_link(tmp_path):
    (tmp_path / "data").mkdir()
    link = tmp_path / "link.csv"
    link.symlink_to(tmp_path / "data" / "real.csv")
    with atomic_write(link) as temporary:
        temporary.write_text("new")
    assert link.is_symlink()
    assert (tmp_path / "data" / "real.csv").read_text() == "new"


def test_devices_are_written_to_directly():
    with atomic_write(os.devnull) as temporary:
        assert temporary == pathlib.Path(os.devnull)
        temporary.write_text("gone")
    assert not pathlib.Path(os.devnull).is_file()
