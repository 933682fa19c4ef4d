"""Reducers: how mapped cells become one result."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, ClassVar

import numpy as np

from gpupept.backend import array_namespace, device_of, device_scope, is_device_array
from gpupept.base.array_container import ArrayContainer
from gpupept.mapreduce.accumulation import WEIGHTED, Accumulation, Coverage, Output
from gpupept.mapreduce.box import Box
from gpupept.mapreduce.config import ChoiceField, Config, ListField
from gpupept.mapreduce.exposure import Exposure
from gpupept.mapreduce.mask import Mask
from gpupept.mapreduce.outputs import check_other, image_dtype, placed
from gpupept.mapreduce.psf import CoaddItem, CoaddPsf
from gpupept.mapreduce.struct import SkippedCell, Struct
from gpupept.mapreduce.task import Task
from gpupept.volumes.store import VolumeStore

OPERATIONS = {
    "none": "the results of the mapper as they are, in a list",
    "copy": "later cells over earlier ones",
    "sum": "the sum of all cells",
    "average": "the mean of all cells",
    "weighted": "the mean of all cells, weighted by a raised cosine to hide their seams",
    "max": "the largest of all cells",
    "min": "the smallest of all cells",
    "coaddPsf": "the mean of the point-spread functions of the cells",
}
NO_IMAGE = ("none", "coaddPsf")  # operations whose result is something else


class ImageReducerConfig(Config):
    """Configuration of an `ImageReducer`."""

    reduceOperation = ChoiceField(
        str, OPERATIONS, default="average", doc="How cells are put together"
    )
    badMaskPlanes = ListField(
        str,
        default=("INVALID_MAPREDUCE", "BAD", "NO_DATA"),
        doc="Mask planes that are set where there is no value",
    )
    variance = ChoiceField(
        str,
        {
            "correlated": "the mean of the variances: overlapping cells hold the same noise",
            "independent": "the variance of a mean of independent numbers",
        },
        default="correlated",
        doc="Variance of the average of overlapping cells",
    )


class ImageReducer(Task):
    """Puts mapped cells together.

    Values of a cell that are NaN, or whose variance is, count nowhere. Where no cell gives a value the
    result is NaN (0 for a sum), and the mask, if there is one, has the bits of `badMaskPlanes`. Masks
    of the exposure and of the cells are joined.
    """

    ConfigClass: ClassVar[type[Config]] = ImageReducerConfig
    _DefaultName: ClassVar[str] = "ip_diffim_ImageReducer"

    def run(
        self,
        mapperResults: Iterable[Struct],
        exposure: Exposure,
        *,
        boxes: Sequence[Box] | None = None,
        out: Any = None,
        device: str | None = None,
        **kwargs: Any,
    ) -> Struct:
        """Put mapped cells together.

        Parameters
        ----------
        mapperResults : iterable of Struct
            Results of the mapper, in order; each is taken as it is needed.
        exposure : Exposure
            What the cells are of.
        boxes : list of Box, optional
            Boxes within which each result lies; its own by default, for which all results must be in
            memory.
        out : array, optional
            Where the image goes: anything with the shape of the image and a floating-point dtype
            that slices can be assigned to, such as a `gpupept.volumes.VolumeStore`, a memory map or a
            Zarr array. Rows along the first axis of boxes are assigned once they are final.
        device : str, optional
            Where sums are kept; where the exposure is by default.
        **kwargs
            Not used here; what `ImageMapReduceTask.run` was given besides.

        Returns
        -------
        Struct
            With an item `result` for "none" (the list) and "coaddPsf" (a `CoaddPsf`), else `exposure`.

        Raises
        ------
        TypeError
            If a result has no item `subExposure` that is an `Exposure`.
        ValueError
            If a cell lies outside its box, or `out` has another shape or a dtype without NaN, or is
            the image itself.
        """
        operation = self.config.reduceOperation
        if operation == "none":
            return Struct(result=list(mapperResults))
        if operation == "coaddPsf":
            parts = (_sub_exposure(r, i, operation) for i, r in enumerate(mapperResults))
            return Struct(result=_coadd([_item(part) for part in parts if part is not None]))
        if boxes is None:
            mapperResults = list(mapperResults)
            boxes = [_own_box(r, i, operation) for i, r in enumerate(mapperResults)]
        return Struct(exposure=self._put_together(mapperResults, exposure, boxes, out, device))

    def _put_together(
        self,
        results: Iterable[Struct],
        exposure: Exposure,
        boxes: Sequence[Box],
        out: Any,
        device: str | None,
    ) -> Exposure:
        operation = self.config.reduceOperation
        mask = exposure.cloneMask()
        output = self._output(exposure, out, mask)
        independent = self.config.variance == "independent"
        place = exposure.device if device is None else device
        sums = Accumulation(exposure, boxes, operation, independent, output, place)
        psfs: list[CoaddItem] = []
        for number, (part, box) in enumerate(_parts(results, operation, boxes)):
            sums.add(number, part, flagged=box)
            if part is not None and operation in ("sum", *WEIGHTED):
                psfs.append(_item(part))
        sums.finish()
        if operation in WEIGHTED:
            self._log_coverage(output.coverage)
        image = placed(exposure, output.image) if out is None else out
        result = exposure.like(image, output.variance, mask)
        if any(item.psf is not None for item in psfs):
            result.setPsf(_coadd(psfs))
        return result

    def _output(self, exposure: Exposure, out: Any, mask: Mask | None) -> Output:
        image, variance, _ = exposure._arrays()
        bad = 0
        if mask is not None:
            for plane in self.config.badMaskPlanes:
                mask.addMaskPlane(plane)
            bad = mask.getPlaneBitMask(self.config.badMaskPlanes)
        out = out.array if isinstance(out, VolumeStore | ArrayContainer) else out
        check_other(out, exposure)
        if out is None:
            out = _empty(image)
        elif tuple(out.shape) != tuple(image.shape) or np.dtype(out.dtype).kind != "f":
            raise ValueError(
                f"out: expected shape {tuple(image.shape)} and a floating-point dtype, found shape "
                f"{tuple(out.shape)} and {out.dtype}"
            )
        spread = None if variance is None else _empty(variance)
        return Output(out, spread, None if mask is None else mask.array, bad)

    def _log_coverage(self, found: Coverage) -> None:
        mean = found.total / max(found.elements, 1)
        self.log.info(
            "overlap of cells: most %g, mean %.3f, least %g", found.most, mean, found.least
        )
        share = 100.0 * found.empty / max(found.elements, 1)
        self.log.info("elements of no cell: %d (%.2f %%)", found.empty, share)


def _empty(like: Any) -> Any:
    """Array of the same shape, floating-point type and device."""
    kind = image_dtype(like.dtype)
    xp = array_namespace(like) if is_device_array(like) else np
    with device_scope(device_of(like)):
        return xp.empty(like.shape, dtype=kind)


def _sub_exposure(result: Any, number: int, operation: str) -> Exposure | None:
    """Cell of a result; None if it was left out."""
    if isinstance(result, SkippedCell):
        return None
    part = result.getDict().get("subExposure") if isinstance(result, Struct) else None
    if not isinstance(part, Exposure):
        raise TypeError(
            f'reduce operation "{operation}" needs a Struct with an Exposure named subExposure from '
            f"the mapper, found {type(result if part is None else part).__name__} for cell {number}; "
            'to have the results as they are use "none": map_reduce(..., reduce="none"), or '
            'config.reducer.reduceOperation = "none"'
        )
    return part


def _own_box(result: Any, number: int, operation: str) -> Box:
    part = _sub_exposure(result, number, operation)
    return result.box if part is None else part.getBBox()  # type: ignore[no-any-return]


def _parts(
    results: Iterable[Struct], operation: str, boxes: Sequence[Box]
) -> Iterator[tuple[Exposure | None, Box | None]]:
    """Cells, and boxes of those left out."""
    count = 0
    for count, result in enumerate(results, start=1):
        if count > len(boxes):
            break
        part = _sub_exposure(result, count - 1, operation)
        yield part, result.box if part is None else None
    if count != len(boxes):
        raise ValueError(f"found {count} results of the mapper for {len(boxes)} boxes")


def _item(part: Exposure) -> CoaddItem:
    return CoaddItem(part.getPsf(), part.getBBox(), 1.0, part.getWcs())


def _coadd(parts: list[CoaddItem]) -> CoaddPsf:
    without = sum(part.psf is None for part in parts)
    if without or not parts:
        raise ValueError(
            "the mean point-spread function needs one of every cell, found cells without: "
            f"{without} of {len(parts)}"
        )
    return CoaddPsf(parts)
