"""Videos: the order of frames, what OpenCV is told, and files that read back."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gpupept.plots import make_video
from gpupept.plots.video import natural_order


class PretendedWriter:
    """Writes one line of text per frame."""

    opens = True

    def __init__(self, path: str, code: int, fps: float, size: tuple[int, int]) -> None:
        self._path = Path(path)
        self._lines = [f"{code} {fps} {size}"]

    def isOpened(self) -> bool:
        return self.opens

    def write(self, picture: np.ndarray) -> None:
        self._lines.append(f"{picture[0, 0]}")

    def release(self) -> None:
        self._path.write_text("\n".join(self._lines), encoding="utf-8")


class PretendedOpenCV:
    """Reads files of text "HEIGHT WIDTH VALUE" as pictures."""

    VideoWriter = PretendedWriter

    @staticmethod
    def imread(path: str) -> np.ndarray | None:
        words = Path(path).read_text(encoding="utf-8").split()
        return np.full((int(words[0]), int(words[1]), 3), int(words[2])) if words else None

    @staticmethod
    def VideoWriter_fourcc(*letters: str) -> str:
        return "".join(letters)


@pytest.fixture
def opencv(monkeypatch: pytest.MonkeyPatch) -> type[PretendedOpenCV]:
    monkeypatch.setitem(sys.modules, "cv2", PretendedOpenCV)  # type: ignore[arg-type]
    return PretendedOpenCV


@pytest.fixture
def frames(tmp_path: Path) -> Path:
    """Frames 1, 2, 9, 10 and 11 of 4 x 6 pixels, of the value of their number."""
    folder = tmp_path / "frames"
    folder.mkdir()
    for number in (1, 2, 9, 10, 11):
        (folder / f"frame{number}.png").write_text(f"4 6 {number}", encoding="utf-8")
    return folder


def values(video: Path) -> list[str]:
    return video.read_text(encoding="utf-8").splitlines()[1:]


def test_a_pattern_is_taken_in_the_order_of_the_numbers(
    opencv: Any, frames: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    video = tmp_path / "video.avi"
    assert make_video(str(frames / "*.png"), video, fps=25, verbose=False) is None
    assert video.read_text(encoding="utf-8").splitlines()[0] == "0 25.0 (6, 4)"
    assert values(video) == [f"[{n} {n} {n}]" for n in (1, 2, 9, 10, 11)]
    assert capsys.readouterr() == ("", "")
    make_video(frames / "frame1*.png", video)
    assert values(video) == [f"[{n} {n} {n}]" for n in (1, 10, 11)]
    assert "make_video" in capsys.readouterr().err


def test_a_list_keeps_its_order(opencv: Any, frames: Path, tmp_path: Path) -> None:
    files = [frames / f"frame{n}.png" for n in (11, 2, 2)]
    make_video(files, tmp_path / "video.mp4", verbose=False)
    assert values(tmp_path / "video.mp4") == [f"[{n} {n} {n}]" for n in (11, 2, 2)]
    assert (tmp_path / "video.mp4").read_text(encoding="utf-8").startswith("mp4v 10.0")


def test_the_default_output(
    opencv: Any, frames: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    make_video(str(frames / "*.png"), verbose=False)
    assert len(values(tmp_path / "video.avi")) == 5


def another_size(frames: Path) -> None:
    (frames / "frame9.png").write_text("4 7 9", encoding="utf-8")


def no_picture(frames: Path) -> None:
    (frames / "frame9.png").write_text("", encoding="utf-8")


def no_file(frames: Path) -> None:
    (frames / "frame9.png").unlink()


@pytest.mark.parametrize(
    ("harm", "error", "message"),
    [
        (another_size, ValueError, r"frame9.png has 7 x 4 pixels, the first one has 6 x 4"),
        (no_picture, ValueError, r"frame9.png is not a picture"),
        (no_file, FileNotFoundError, r"there is no file .*frame9.png"),
    ],
)
def test_bad_frames_leave_the_earlier_video(
    harm: Callable[[Path], None],
    error: type[Exception],
    message: str,
    opencv: Any,
    frames: Path,
    tmp_path: Path,
) -> None:
    video = tmp_path / "video.avi"
    video.write_text("earlier", encoding="utf-8")
    harm(frames)
    with pytest.raises(error, match=message):
        make_video([frames / f"frame{n}.png" for n in (1, 9)], video, verbose=False)
    assert video.read_text(encoding="utf-8") == "earlier"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["frames", "video.avi"]


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"frames": []}, ValueError, "frames: expected at least one"),
        ({"frames": "nothing/*.png"}, FileNotFoundError, r"no file fits the pattern 'nothing"),
        ({"fps": 0}, ValueError, "fps"),
        ({"fps": float("nan")}, ValueError, "fps"),
        ({"output": "video.gif"}, ValueError, r"output must end in one of \.avi.*video\.gif"),
        ({"output": "absent/video.avi"}, FileNotFoundError, "absent"),
    ],
)
def test_bad_arguments_are_named(
    arguments: dict[str, Any],
    error: type[Exception],
    message: str,
    opencv: Any,
    frames: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    given = {"frames": str(frames / "*.png"), "verbose": False} | arguments
    with pytest.raises(error, match=message):
        make_video(**given)


def test_a_writer_that_does_not_open(
    opencv: Any, frames: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(PretendedWriter, "opens", False)
    with pytest.raises(OSError, match=r"OpenCV cannot write \.avi"):
        make_video(str(frames / "*.png"), tmp_path / "video.avi", verbose=False)
    assert not (tmp_path / "video.avi").exists()


def test_without_opencv(frames: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "cv2", None)
    with pytest.raises(ImportError, match=r"gpupept\[video\]"):
        make_video(str(frames / "*.png"))


@given(st.lists(st.text(st.sampled_from("a1290.-²"), max_size=8), max_size=6))
def test_any_names_can_be_put_in_order(names: list[str]) -> None:
    assert sorted(sorted(names, key=natural_order)) == sorted(names)


def test_numbers_of_any_length_are_in_order() -> None:
    names = [f"frame{number}.png" for number in (0, 5, 9, 10, 99, 100, 10**20)]
    assert sorted(sorted(names), key=natural_order) == names


@pytest.mark.parametrize("suffix", [".avi", ".mp4"])
def test_a_real_video_reads_back(suffix: str, tmp_path: Path) -> None:
    cv2 = pytest.importorskip("cv2", reason="needs OpenCV, the extra video")
    for number in range(12):
        picture = np.full((32, 48, 3), 20 * number, dtype=np.uint8)
        cv2.imwrite(str(tmp_path / f"frame{number}.png"), picture)
    video = tmp_path / f"video{suffix}"
    make_video(str(tmp_path / "*.png"), video, verbose=False)
    reader = cv2.VideoCapture(str(video))
    levels = []
    while True:
        there, picture = reader.read()
        if not there:
            break
        assert picture.shape == (32, 48, 3)
        levels.append(picture.mean())
    reader.release()
    np.testing.assert_allclose(levels, np.arange(12) * 20, atol=6)
