"""Videos of pictures that lie in files."""

from __future__ import annotations

import glob
import os
import re
from collections.abc import Iterable, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

from gpupept.utilities.files import atomic_write

if TYPE_CHECKING:
    from collections.abc import Iterator

_CODECS = {".avi": None, ".mp4": "mp4v", ".mkv": "mp4v", ".mov": "mp4v"}  # None: not compressed


def make_video(
    frames: str | os.PathLike[str] | Sequence[str | os.PathLike[str]],
    output: str | os.PathLike[str] = "video.avi",
    fps: float = 10,
    verbose: bool = True,
) -> None:
    """Make a video of pictures, such as those that plots were written to one by one.

    The video is complete or not there at all: it is written under another name and renamed.

    Parameters
    ----------
    frames : str, path-like or sequence of them
        A pattern such as ``"frames/*.png"``, whose files are taken in the order of the numbers in
        their names (9 before 10), or the files in the order to show them. The first one sets the
        size of the video.
    output : str or path-like, default "video.avi"
        File to write: ``.avi`` is not compressed; ``.mp4``, ``.mkv`` and ``.mov`` are MPEG-4.
    fps : float, default 10
        Frames per second.
    verbose : bool, default True
        Show progress.

    Raises
    ------
    ImportError
        If OpenCV is not installed; ``pip install gpupept[video]``.
    FileNotFoundError
        If there is no such frame, no file fits the pattern, or there is no directory for `output`.
    ValueError
        If there are no frames, one is no picture or differs in size from the first, `fps` is not
        positive, or `output` is of another format.

    Examples
    --------
    .. code-block:: python

        from gpupept.plots import make_video

        make_video("frames/frame*.png", "video.mp4", fps=25)
    """
    if not fps > 0:
        raise ValueError(f"fps: expected a positive number, found {fps!r}")
    suffix = Path(output).suffix.lower()
    if suffix not in _CODECS:
        raise ValueError(f"output must end in one of {', '.join(_CODECS)}, found {output}")
    files = _frame_files(frames)
    cv2 = _opencv()
    first = _read(cv2, files[0], None)
    codec = _CODECS[suffix]
    code = cv2.VideoWriter_fourcc(*codec) if codec else 0
    with atomic_write(output) as temporary, _writer(cv2, temporary, code, fps, first) as writer:
        for file in _progress(files, verbose):
            writer.write(_read(cv2, file, first.shape))


def natural_order(path: str) -> list[Any]:
    """Key that sorts names by the numbers in them: frame9 before frame10.

    Examples
    --------
    >>> from gpupept.plots.video import natural_order
    >>> sorted(["frame10.png", "frame9.png"], key=natural_order)
    ['frame9.png', 'frame10.png']
    """
    parts = re.split(r"([0-9]+)", path)  # text at even places, numbers at odd ones
    return [int(part) if place % 2 else part for place, part in enumerate(parts)]


def _frame_files(frames: Any) -> list[str]:
    if isinstance(frames, str | os.PathLike):
        found = sorted(glob.glob(os.fspath(frames)), key=natural_order)
        if not found:
            raise FileNotFoundError(f"frames: no file fits the pattern {os.fspath(frames)!r}")
        return found
    files = [os.fspath(file) for file in frames]
    if not files:
        raise ValueError("frames: expected at least one file, found none")
    return files


def _read(cv2: ModuleType, file: str, shape: tuple[int, ...] | None) -> Any:
    if not os.path.isfile(file):
        raise FileNotFoundError(f"frames: there is no file {file}")
    picture = cv2.imread(file)
    if picture is None:
        raise ValueError(f"frames: {file} is not a picture that OpenCV can read")
    if shape is not None and picture.shape != shape:
        sizes = " x ".join(map(str, picture.shape[1::-1])), " x ".join(map(str, shape[1::-1]))
        raise ValueError(f"frames: {file} has {sizes[0]} pixels, the first one has {sizes[1]}")
    return picture


@contextmanager
def _writer(cv2: ModuleType, path: Path, code: int, fps: float, first: Any) -> Iterator[Any]:
    height, width = first.shape[:2]
    writer = cv2.VideoWriter(str(path), code, float(fps), (width, height))
    try:
        if not writer.isOpened():
            raise OSError(f"output: OpenCV cannot write {path.suffix} here")
        yield writer
    finally:
        writer.release()


def _progress(files: list[str], verbose: bool) -> Iterable[str]:
    from tqdm.auto import tqdm

    shown: Iterable[str] = tqdm(files, desc="make_video", unit="frame", disable=not verbose)
    return shown


def _opencv() -> ModuleType:
    try:
        import cv2
    except ImportError as error:
        raise ImportError("make_video needs OpenCV: pip install gpupept[video]") from error
    module: ModuleType = cv2
    return module
