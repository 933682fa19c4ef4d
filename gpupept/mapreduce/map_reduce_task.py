"""Mapping the cells of an exposure, and putting the results together."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Iterator, Sequence
from typing import Any, ClassVar

from gpupept.kernels.threads import use_threads
from gpupept.mapreduce.accumulation import window_bytes
from gpupept.mapreduce.box import Box
from gpupept.mapreduce.config import Config
from gpupept.mapreduce.execution import Execution, in_order, plan
from gpupept.mapreduce.exposure import Exposure
from gpupept.mapreduce.grid import make_grid
from gpupept.mapreduce.map_reduce_config import ImageMapReduceConfig
from gpupept.mapreduce.mapper import ImageMapper
from gpupept.mapreduce.outputs import is_path, make_store
from gpupept.mapreduce.psf import determinant_radius
from gpupept.mapreduce.reducer import NO_IMAGE, ImageReducer
from gpupept.mapreduce.struct import SkippedCell, Struct
from gpupept.mapreduce.task import Task
from gpupept.volumes.folders import atomic_folder, checked_store_name
from gpupept.volumes.store import VolumeStore

_EXECUTION = ("device", "n_workers", "n_streams", "max_device_bytes", "accumulate")
_RESULTS = ("inputSubExposure", "inputExpandedSubExposure")


class ImageMapReduceTask(Task):
    """Maps the cells of an exposure one by one and puts the results together.

    The exposure is divided into cells (`boxes0`), each of which is also given with a border around it
    (`boxes1`), so that filters have what lies around. Cells are reduced in the order of their list
    whatever the order in which they were mapped: results depend on neither device budget nor threads.

    Parameters
    ----------
    config : ImageMapReduceConfig, optional
        Configuration; kept, not copied.
    name, parentTask, log
        As of `Task`.
    mapper, reducer : Task, optional
        Parts to use in place of those that the configuration names.

    Attributes
    ----------
    mapper : ImageMapper
        What is done with each cell.
    reducer : ImageReducer
        How the cells are put together.
    boxes0, boxes1 : list of Box
        The cells, without and with border; set both to use others.

    Examples
    --------
    >>> import numpy as np
    >>> from gpupept.mapreduce import GaussianFilterMapper, ImageMapReduceConfig, ImageMapReduceTask
    >>> config = ImageMapReduceConfig(cellSizeX=16, cellSizeY=16, borderSizeX=8, borderSizeY=8)
    >>> task = ImageMapReduceTask(config, mapper=GaussianFilterMapper(sigma=1.5))
    >>> smooth = task.run(np.random.default_rng(0).random((64, 48))).exposure
    >>> smooth.image.array.shape, len(task.boxes0)
    ((64, 48), 20)
    """

    ConfigClass: ClassVar[type[Config]] = ImageMapReduceConfig
    _DefaultName: ClassVar[str] = "ip_diffim_imageMapReduce"

    def __init__(
        self,
        config: Config | None = None,
        *,
        name: str | None = None,
        parentTask: Task | None = None,
        log: logging.Logger | None = None,
        mapper: ImageMapper | None = None,
        reducer: ImageReducer | None = None,
    ) -> None:
        super().__init__(config, name=name, parentTask=parentTask, log=log)
        self._boxes: tuple[list[Box], list[Box]] | None = None
        self._gridOf: Any = None  # what the boxes were made for; None for boxes set from outside
        self.mapper: ImageMapper
        self.reducer: ImageReducer
        for part, given in (("mapper", mapper), ("reducer", reducer)):
            if given is None:
                self.makeSubtask(part)
            else:
                self._adopt(part, given)

    # ---- Cells

    @property
    def boxes0(self) -> list[Box] | None:
        """The cells; None before there are any."""
        return None if self._boxes is None else self._boxes[0]

    @boxes0.setter
    def boxes0(self, boxes: Sequence[Box]) -> None:
        self._set_boxes(0, boxes)

    @property
    def boxes1(self) -> list[Box] | None:
        """The cells with their borders; None before there are any."""
        return None if self._boxes is None else self._boxes[1]

    @boxes1.setter
    def boxes1(self, boxes: Sequence[Box]) -> None:
        self._set_boxes(1, boxes)

    def _set_boxes(self, place: int, boxes: Sequence[Box]) -> None:
        both = [[], []] if self._boxes is None else list(self._boxes)
        both[place] = list(boxes)
        self._boxes, self._gridOf = (both[0], both[1]), None

    def generateGrid(self, exposure: Any, forceEvenSized: bool = False, **kwargs: Any) -> None:
        """Divide an exposure into cells: set `boxes0` and `boxes1`.

        Parameters
        ----------
        exposure : Exposure or array
            The exposure.
        forceEvenSized : bool, default False
            Whether to make all boxes an even number of elements long along each axis.
        **kwargs
            Not used here.

        Raises
        ------
        ValueError
            If a cell or step is smaller than an element, or centres are not as many along each axis.
        RuntimeError
            If a cell cannot be made even, since it fills an axis of odd length.
        """
        whole = as_exposure(exposure)
        config = self.config
        if config.adjustGridOption == "spacing" and config.cellCentroidsX is None:
            self._warn_of_steps("XYZ"[: whole.ndim])
        self._boxes = make_grid(config, whole.getBBox(), whole.getPsf(), forceEvenSized)
        self._gridOf = self._grid_key(whole, forceEvenSized)

    _generateGrid = generateGrid

    def _warn_of_steps(self, axes: str) -> None:
        config = self.config
        steps = [
            f"gridStep{axis} = {getattr(config, 'gridStep' + axis):g}"
            for axis in axes
            if getattr(config, "gridStep" + axis) != getattr(config, "cellSize" + axis)
        ]
        if steps:
            message = "not used with adjustGridOption 'spacing': %s"
            self.log.warning(message, ", ".join(steps))

    def _grid_key(self, exposure: Exposure, forceEvenSized: bool) -> Any:
        psf, lengths = exposure.getPsf(), self.config.toDict()
        for part in ("mapper", "reducer"):
            lengths.pop(part)
        radius = determinant_radius(psf) if psf and self.config.scaleByFwhm else None
        return exposure.getBBox(), radius, forceEvenSized, repr(lengths)

    def _prepare(self, exposure: Exposure, forceEvenSized: bool = False, **kwargs: Any) -> None:
        """Have boxes for this exposure: those set from outside, or made for it."""
        made = self._boxes is None or self._gridOf is not None
        if made and self._gridOf != self._grid_key(exposure, forceEvenSized):
            self.generateGrid(exposure, forceEvenSized=forceEvenSized, **kwargs)
        boxes0, boxes1 = self._boxes or ([], [])
        if len(boxes0) != len(boxes1):
            raise ValueError(
                f"boxes0 and boxes1 must be as many, found {len(boxes0)} and {len(boxes1)}"
            )
        halo = self.mapper.halo
        if halo is not None:
            along = (halo,) * exposure.ndim if isinstance(halo, int) else tuple(halo)
            if len(along) != exposure.ndim:
                raise ValueError(
                    f"{type(self.mapper).__name__} is for {len(along)} axes, found an image with "
                    f"{exposure.ndim}"
                )
            self._check_halo(along[::-1] if exposure._reversed else along, exposure.getBBox())

    def _check_halo(self, halo: tuple[int, ...], full: Box) -> None:
        boxes0, boxes1 = self._boxes or ([], [])
        for cell, expanded in zip(boxes0, boxes1, strict=True):
            if not expanded.contains(cell.grow(halo).clip(full)):
                raise ValueError(
                    f"borderSize must be at least {halo}, the reach of {type(self.mapper).__name__}, "
                    f"found cell {cell} with border {expanded}"
                )

    # ---- Mapping

    def run(
        self,
        exposure: Any,
        *,
        device: str | None = None,
        n_workers: int | None = None,
        n_streams: int = 2,
        max_device_bytes: int | str | None = None,
        accumulate: str = "auto",
        out: Any = None,
        overwrite: bool = False,
        dtype: Any = None,
        progress: bool = False,
        **kwargs: Any,
    ) -> Struct:
        """Map all cells and put the results together.

        Parameters
        ----------
        exposure : Exposure, Pixels, Voxels, VolumeStore or array
            What to map, on either device. What is read by slices, such as a
            `gpupept.volumes.VolumeStore`, a memory map or a Zarr array, is read cell by cell.
        device : str, optional
            Where cells are mapped, "cpu", "cuda", "cuda:N" or "auto"; where the exposure is by
            default. Cells of an exposure on the host are copied to a GPU one by one.
        n_workers : int, optional
            Threads on the CPU; all cores for mappers that are `threadSafe`, else one.
        n_streams : int, default 2
            Cells that are copied and mapped at a time on a GPU, by mappers that are `threadSafe`.
        max_device_bytes : int or str, optional
            Memory that cells, and sums kept there, may take on the GPU.
        accumulate : {"auto", "device", "host"}, default "auto"
            Where sums are kept while cells are copied to a GPU: there if they fit, by default.
        out : array, VolumeStore or path, optional
            Where the image goes, as of `ImageReducer.run`. At a path a new
            `gpupept.volumes.VolumeStore` is made, completely or not at all; its name ends with
            ``.zarr``. Of an image larger than memory, no more is held than the layers that cells to
            come may still change.
        overwrite : bool, default False
            Whether a store at the path is replaced.
        dtype : dtype, optional
            Of the store at the path, float16, float32 or float64; by default that of the image, float64
            for one of integers.
        progress : bool, default False
            Whether to show a progress bar.
        **kwargs
            For the mapper, the reducer and `generateGrid` (`forceEvenSized`).

        Returns
        -------
        Struct
            With an item `exposure`, or `result` for the reduce operations "none" and "coaddPsf".

        Raises
        ------
        ValueError
            If a border is narrower than the `halo` of the mapper, `boxes0` and `boxes1` differ in
            number, a cell does not fit the memory of the device, an argument cannot be used, or
            `out` is a path and it is not known where the exposure lies.
        TypeError
            If the mapper returns no exposure and the reduce operation needs one, or `dtype` is no
            floating-point type.
        FileExistsError
            If there is something at the path and it is not to be replaced.

        Notes
        -----
        An error of the mapper is raised again with the number and the box of the cell, unless the
        configuration's `onError` is "skip".
        """
        whole = as_exposure(exposure)
        choices = (device, n_workers, n_streams, max_device_bytes, accumulate)
        with self.timer("run"):
            self._prepare(whole, **kwargs)
            if not is_path(out):
                if dtype is not None:
                    raise ValueError(f"dtype is for a store made at a path, found out={out!r:.60}")
                return self._run(whole, choices, out, progress, kwargs)
            operation = self.reducer.config.reduceOperation
            if operation in NO_IMAGE:
                raise ValueError(
                    f'out: reduce operation "{operation}" gives no image, found {out!r}'
                )
            with atomic_folder(checked_store_name(out), overwrite) as folder:
                made = make_store(folder, whole, self.boxes0 or [], dtype)
                found = self._run(whole, choices, made, progress, kwargs).exposure
            found = found.like(VolumeStore.open(out), found.variance, found.mask)
            return Struct(exposure=found)

    def _run(
        self,
        whole: Exposure,
        choices: tuple[Any, ...],
        out: Any,
        progress: bool,
        kwargs: dict[str, Any],
    ) -> Struct:
        boxes0, boxes1 = self._boxes or ([], [])
        reach = boxes0 if self.mapper.returnsCell else boxes1
        operation = self.reducer.config.reduceOperation
        sums = 0 if operation in NO_IMAGE else window_bytes(whole, reach, operation, out)
        how = plan(whole, self.mapper, boxes1, sums, *choices)
        results = self._results(whole, how, False, progress, kwargs)
        return self.reducer.run(results, whole, boxes=reach, out=out, device=how.sums, **kwargs)

    def _runMapper(self, exposure: Any, doClone: bool = False, **kwargs: Any) -> list[Any]:
        """Map all cells and return the results in a list.

        Parameters
        ----------
        exposure : Exposure or array
            What to map.
        doClone : bool, default False
            Whether the mapper gets copies, which it may change.
        **kwargs
            As of `run`.

        Raises
        ------
        ValueError
            As `run` does.
        """
        whole = as_exposure(exposure)
        choices = {name: kwargs.pop(name) for name in _EXECUTION if name in kwargs}
        self._prepare(whole, **kwargs)
        how = plan(whole, self.mapper, self.boxes1 or [], 0, **choices)
        return list(self._results(whole, how, doClone, kwargs.pop("progress", False), kwargs))

    def _results(
        self, whole: Exposure, how: Execution, clone: bool, progress: bool, kwargs: dict[str, Any]
    ) -> Iterator[Any]:
        count = len(self.boxes0 or [])
        alone = how.workers == 1

        def one(number: int) -> Any:
            # What mappers call has one thread where there is a thread for each of several cells.
            with contextlib.nullcontext() if alone else use_threads(1), how.stream():
                return self._map_cell(whole, number, how, clone, kwargs)

        results = in_order(one, count, how.workers)
        if not progress:
            return results
        from tqdm import tqdm

        return iter(tqdm(results, total=count, desc="cells"))

    def _map_cell(
        self, whole: Exposure, number: int, how: Execution, clone: bool, kwargs: dict[str, Any]
    ) -> Any:
        boxes0, boxes1 = self._boxes or ([], [])
        cell, border = boxes0[number], boxes1[number]
        try:
            expanded = whole.Factory(whole, border)
            expanded = expanded.to(how.device) if how.staged else expanded
            part = expanded.Factory(expanded, cell)
            if clone:
                part, expanded = part.clone(), expanded.clone()
            else:
                part, expanded = part.readOnly(), expanded.readOnly()
            result = self.mapper.run(part, expanded, whole.getBBox(), **kwargs)
        except Exception as error:
            if self.config.onError == "raise":
                raise _at_cell(error, number, cell) from error
            self.log.warning("cell %d, %s, left out: %s", number, cell, error)
            return SkippedCell(error=error, box=cell)
        if self.config.returnSubImages:
            if not isinstance(result, Struct):
                raise TypeError(
                    f"returnSubImages needs a Struct from the mapper, found {type(result).__name__}"
                )
            inputs = Struct(**dict(zip(_RESULTS, (part, expanded), strict=True)))
            result.mergeItems(inputs, *_RESULTS)
        return result

    # ---- To look at

    def plotBoxes(self, fullBBox: Box, skip: int = 3) -> Any:
        """Draw cells and their borders, seen along z.

        Parameters
        ----------
        fullBBox : Box
            The exposure.
        skip : int, default 3
            Every how manieth cell to draw.

        Returns
        -------
        plotly.graph_objects.Figure

        Raises
        ------
        ValueError
            If there are no boxes yet.
        """
        if self._boxes is None:
            raise ValueError("there are no boxes to draw: call generateGrid or run first")
        from gpupept.mapreduce.box_figure import boxes_figure

        return boxes_figure(fullBBox, *self._boxes, skip)


def as_exposure(value: Any) -> Exposure:
    """Return an exposure of an image, or the one that is given."""
    return value if isinstance(value, Exposure) else Exposure(value)


def _at_cell(error: Exception, number: int, cell: Box) -> Exception:
    """Error of the same class that tells where it happened."""
    message = f"in cell {number}, {cell}: {error}"
    try:
        return type(error)(message)
    except Exception:  # its class takes other arguments
        return RuntimeError(f"{type(error).__name__} {message}")
