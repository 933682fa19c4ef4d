"""How tracers mix along a line, as a series of pictures in two colours."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, ClassVar

import numpy as np

from gpupept.base import PointData, Voxels
from gpupept.executors import Executor
from gpupept.plots import PlotlyGrapher2D
from gpupept.processing.frames import FrameReducer
from gpupept.processing.lacey import Coloured, LaceyColors, report_outside
from gpupept.processing.passes import check_divisions, fitting, planes_between, report_missed


class LaceyColorsLinear(FrameReducer):
    """Pictures of `gpupept.processing.LaceyColors` between a first plane and many further ones.

    Parameters
    ----------
    directory : path or None
        Where the pictures are written, which needs the extra ``export``; None writes nothing.
    p1, p2 : (3,) array_like
        Points of the first and of the last plane, mm; all planes are across the line between them.
    xlim, ylim : (2,) array_like, optional
        Limits of the pictures, mm; by default those of the first picture.
    num_divisions : int, default 50
        Number of planes, at least 2.
    max_distance : float, default 10
        A pass is used in a picture if it comes nearer than this to both planes, mm.
    resolution : (2,) sequence of int, default (8, 8)
        Cells of a picture.
    height, width : int, default 1000
        Size of the pictures in the files, in pixels.
    prefix : str, default "frame"
        The files are called ``<prefix>0001.png`` and so on.

    Attributes
    ----------
    images : list of (X, Y, 3) Voxels
        Pictures of the last fit, one less than there are planes; None before it, as the following.
    lengths : (num_divisions - 1,) float64
        Distance of each plane from the first, mm.
    passes : (num_divisions - 1,) int64
        Passes in each picture.
    basis1_, basis2_, xlim_, ylim_ : float64
        Bases and limits of all pictures, taken from the first.

    Raises
    ------
    ValueError
        If an argument is not as described; from `fit` if too few passes come near the first two planes to
        take bases and limits from.
    TypeError
        From `fit`, if the trajectories are not points.
    ImportError
        From `fit`, if there is a directory and Kaleido is not installed; the attributes are set.

    Notes
    -----
    Reducer signature: ``PointData -> LaceyColorsLinear -> list of Voxels``, each sample one pass.
    `figures` draws the pictures, `export` writes them, and `gpupept.plots.make_video` makes a video.

    Examples
    --------
    >>> import numpy as np
    >>> import gpupept
    >>> from gpupept.processing import LaceyColorsLinear
    >>> start = np.random.default_rng(0).uniform(-1, 1, (50, 2))
    >>> t = np.linspace(0, 1, 60)
    >>> rows = [np.column_stack([t, 100 * t, y + 0 * t, z + 0 * t]) for y, z in start]
    >>> passes = gpupept.PointData(np.vstack(rows), sample_size=60)
    >>> lacey = LaceyColorsLinear(None, [0, 0, 0], [100, 0, 0], num_divisions=5)
    >>> len(lacey.fit(passes, verbose=False)), lacey.lengths.tolist()
    (4, [25.0, 50.0, 75.0, 100.0])
    """

    _first_frame: ClassVar[int] = 1

    def __init__(
        self,
        directory: Any,
        p1: Any,
        p2: Any,
        xlim: Any = None,
        ylim: Any = None,
        num_divisions: int = 50,
        max_distance: float = 10,
        resolution: Sequence[int] = (8, 8),
        height: int = 1000,
        width: int = 1000,
        prefix: str = "frame",
    ) -> None:
        super().__init__(directory, height, width, prefix)
        first = LaceyColors(p1, p2, None, None, None, None, xlim, ylim, max_distance, resolution)
        self.p1, self.p2 = first.p1, first.p2
        self.xlim, self.ylim = first.xlim, first.ylim
        self.num_divisions = check_divisions(num_divisions, 2)
        self.max_distance, self.resolution = first.max_distance, first.resolution
        self.images: list[Voxels] | None = None
        self.lengths: np.ndarray | None = None
        self.passes: np.ndarray | None = None
        self.basis1_: np.ndarray | None = None
        self.basis2_: np.ndarray | None = None
        self.xlim_: np.ndarray | None = None
        self.ylim_: np.ndarray | None = None

    def fit(
        self,
        trajectories: Any,
        executor: Executor = "joblib",
        max_workers: int | None = None,
        verbose: bool = True,
    ) -> list[Voxels]:
        """Make the pictures, and write them if there is a directory.

        Parameters
        ----------
        trajectories : PointData, list of PointData, or (N, 4 or more) array
            Each sample one pass; columns ``t, x, y, z, ...`` (ms, mm).
        executor : str, class or instance, default "joblib"
            Checked, and of no influence: all passes are treated at once.
        max_workers : int, optional
            Threads, on the CPU; every core by default. They do not influence the result.
        verbose : bool, default True
            Log how long it took.

        Returns
        -------
        list of (X, Y, 3) Voxels
            The attribute `images`, on the device of the trajectories.

        Raises
        ------
        TypeError, ValueError, ImportError
            See the class.
        """
        with fitting(type(self).__name__, trajectories, executor, max_workers, verbose) as points:
            found = self._coloured(points)
        self.images = [each.image for each in found]
        self.passes = np.array([each.passes for each in found])
        ends = planes_between(self.p1, self.p2, self.num_divisions).points[1:]
        self.lengths = np.linalg.norm(ends - self.p1, axis=1)
        self.basis1_, self.basis2_ = found[0].basis1, found[0].basis2
        self.xlim_, self.ylim_ = found[0].xlim, found[0].ylim
        fewest, passes = int(self.passes.min()), len(points.row_ranges)
        report_missed(passes, fewest, self.max_distance, "both planes of the emptiest picture")
        report_outside(found)
        self._export_if_asked()
        return self.images

    def _coloured(self, points: PointData) -> list[Coloured]:
        planes = planes_between(self.p1, self.p2, self.num_divisions)
        found: list[Coloured] = []
        frame: dict[str, Any] = {"xlim": self.xlim, "ylim": self.ylim}
        frame |= {"max_distance": self.max_distance, "resolution": self.resolution}
        for end in planes.points[1:]:
            found.append(LaceyColors(self.p1, end, *planes.axes[:2], **frame).coloured(points))
            for name in ("basis1", "basis2", "xlim", "ylim"):
                frame[name] = getattr(found[0], name)
        return found

    def figures(self) -> Iterator[Any]:
        """Draw the pictures of the last fit.

        Yields
        ------
        plotly.graph_objects.Figure
            One for each of `images`, with the length travelled as its title.

        Raises
        ------
        ValueError
            If nothing was fitted yet.
        """
        images, lengths = self._fitted(self.images), self._fitted(self.lengths)
        for image, length in zip(images, lengths, strict=True):
            fig = PlotlyGrapher2D().add_image(image).fig
            title = {"text": f"Travelled {length:.4f} mm"}
            yield fig.update_layout(title=title, margin={"t": 80})
