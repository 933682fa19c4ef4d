"""``gpupept export``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from gpupept.cli import main
from gpupept.volumes import VolumeStore, export_volume, import_volume

pytest.importorskip("zarr", minversion="3")


@pytest.fixture
def store(tmp_path: Path) -> VolumeStore:
    made = VolumeStore.create(
        tmp_path / "v.zarr", (6, 5, 4), [0, 3], [0, 5], [0, 4], dtype="uint32", chunks=(4, 4, 4)
    )
    made.write(0, np.arange(120, dtype="u4").reshape(6, 5, 4))
    return made


@pytest.mark.parametrize("name", ["v.vti", "v.mhd", "v.npz", "v.ome.zarr", "w.zarr", "v.nii.gz"])
def test_a_store_becomes_a_file_and_that_another(tmp_path: Path, store: Any, name: str) -> None:
    if ".nii" in name:
        pytest.importorskip("nibabel")
    out, again = tmp_path / name, tmp_path / "again.mha"
    assert main(["export", str(store.path), str(out), "--quiet", "--memory", "1MB"]) == 0
    np.testing.assert_array_equal(import_volume(out).array, store[:])
    assert main(["export", str(out), str(again), "--quiet"]) == 0
    np.testing.assert_array_equal(import_volume(again).array, store[:])


def test_what_is_told(tmp_path: Path, store: Any, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "v.mha"
    assert main(["export", str(store.path), str(out)]) == 0
    shown = capsys.readouterr()
    assert shown.out == f"6 x 5 x 4 voxels of 0.5 x 1 x 1 mm, uint32\nwritten to {out}\n"
    assert f"writing {out}" in shown.err
    assert main(["export", str(store.path), str(out), "--quiet"]) == 1
    assert "overwrite" in capsys.readouterr().err
    assert main(["export", str(store.path), str(out), "--quiet", "--overwrite"]) == 0


def test_what_cannot_be_done(
    tmp_path: Path, store: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    for words, message in (
        (["missing.zarr", "v.vti"], "there is no volume"),
        ([str(store.path), str(tmp_path / "v.png")], "must end with one of"),
        ([str(store.path), str(tmp_path / "v.vti"), "--levels", "2"], "has no options"),
        ([str(store.path), str(tmp_path / "v.vti"), "--memory", "much"], "size in memory"),
        ([str(store.path), str(tmp_path / "v.vti"), "--memory", "10"], "too little"),
    ):
        assert main(["export", *words, "--quiet"]) == 1
        found = capsys.readouterr().err
        assert message in found
        assert found.count("\n") == 1
    assert [path.name for path in tmp_path.iterdir()] == ["v.zarr"]
    out = tmp_path / "levels.ome.zarr"
    assert main(["export", str(store.path), str(out), "--quiet", "--levels", "3"]) == 0
    assert sorted(path.name for path in out.iterdir() if path.is_dir()) == ["0", "1", "2"]


def test_a_file_becomes_a_store(tmp_path: Path, store: VolumeStore) -> None:
    export_volume(store, tmp_path / "v.mha")
    assert main(["export", str(tmp_path / "v.mha"), str(tmp_path / "w.zarr"), "--quiet"]) == 0
    made = VolumeStore.open(tmp_path / "w.zarr")
    assert made.checksum() == store.checksum()
    assert main(["export", str(tmp_path / "v.mha"), str(made.path), "--quiet"]) == 1
    words = ["export", str(store.path), str(made.path), "--quiet", "--overwrite"]
    assert main([*words, "--levels", "2"]) == 1
    assert main(words) == 0


def test_messages_name_options_of_the_command(
    tmp_path: Path, store: VolumeStore, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "v.mha"
    out.write_text("")
    assert main(["export", str(store.path), str(out), "--quiet"]) == 1
    message = (
        f"gpupept: error: {out} exists already; pass overwrite=True (--overwrite) to replace it\n"
    )
    assert capsys.readouterr().err == message
    assert main(["export", str(store.path), str(tmp_path / "v.xyz"), "--quiet"]) == 1
    assert "give the format" not in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "text"), [(["info"], "GPUs"), (["voxelize"], "a quarter of what is free")]
)
def test_help(words: list[str], text: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main([*words, "--help"])
    assert text in " ".join(capsys.readouterr().out.split())
