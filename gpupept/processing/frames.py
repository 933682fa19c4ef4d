"""Reducers whose results are series of figures: the frames of a video."""

from __future__ import annotations

import os
from abc import abstractmethod
from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar

from gpupept.base import Reducer
from gpupept.base.image_figures import require_kaleido
from gpupept.processing.passes import logger
from gpupept.utilities.files import atomic_write


class FrameReducer(Reducer):
    """Base of reducers that draw one figure for each of many planes.

    Parameters
    ----------
    directory : path or None
        Where pictures are written; None writes nothing.
    height, width : int
        Size of the pictures, in pixels.
    prefix : str
        First part of the names of the files; a number of four digits and ``.png`` follow.
    """

    _first_frame: ClassVar[int] = 0

    def __init__(self, directory: Any, height: Any, width: Any, prefix: Any) -> None:
        if directory is not None:
            _check_path(directory)
        if not isinstance(prefix, str) or Path(prefix).name != prefix:
            raise ValueError(f"prefix must be the first part of a file name, found {prefix!r}")
        for name, size in (("height", height), ("width", width)):
            if not isinstance(size, int) or size < 1:
                raise ValueError(f"{name} must be a positive number of pixels, found {size!r}")
        self.directory = directory
        self.height, self.width, self.prefix = height, width, prefix

    @abstractmethod
    def figures(self) -> Iterator[Any]:
        """Draw the results of the last fit.

        Yields
        ------
        plotly.graph_objects.Figure
            A figure for each frame; each is made when it is asked for.

        Raises
        ------
        ValueError
            If nothing was fitted yet.
        """

    def export(self, directory: Any = None) -> list[Path]:
        """Write the results of the last fit as pictures.

        Parameters
        ----------
        directory : path, optional
            Made if it does not exist; by default that of the constructor.

        Returns
        -------
        list of Path
            The files, each written whole or not at all.

        Raises
        ------
        ImportError
            If Kaleido is not installed; the results are there all the same.
        ValueError
            If there is no directory, or nothing was fitted yet.
        """
        folder = _check_path(self.directory if directory is None else directory)
        require_kaleido(
            "writing pictures", "; the results are attributes, and directory=None writes nothing"
        )
        folder.mkdir(parents=True, exist_ok=True)
        files = []
        for number, figure in enumerate(self.figures(), start=self._first_frame):
            files.append(folder / f"{self.prefix}{number:04d}.png")
            with atomic_write(files[-1]) as temporary:
                figure.write_image(
                    str(temporary), format="png", height=self.height, width=self.width
                )
        logger.info("%d pictures written to %s", len(files), folder)
        return files

    def _export_if_asked(self) -> None:
        if self.directory is not None:
            self.export()

    def _fitted(self, results: Any) -> Any:
        """Results of the last fit, if there was one."""
        if results is None:
            raise ValueError(f"{type(self).__name__} has no results yet: call fit first")
        return results


def _check_path(directory: Any) -> Path:
    if not isinstance(directory, str | os.PathLike):
        raise ValueError(f"directory must be a path, found {directory!r}")
    return Path(directory)
