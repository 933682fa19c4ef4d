"""Boxes, reductions, filters and point-spread functions against golden vectors."""

from __future__ import annotations

import numpy as np
import pytest

from gpupept.mapreduce import (
    Box,
    CoaddPsf,
    ConvolveMapper,
    Exposure,
    GaussianPsf,
    ImageMapper,
    ImageMapReduceConfig,
    ImageMapReduceTask,
    Struct,
)
from gpupept.mapreduce.psf import FWHM_OF_SIGMA

AXES = "XYZ"


@pytest.fixture(scope="module")
def vectors(golden):
    return golden("mapreduce_lsst")


class Pass(ImageMapper):
    def run(self, subExposure, expandedSubExposure, fullBBox, **kwargs):
        return Struct(subExposure=subExposure)


def configured(option, cell, step, border, **values):
    config = ImageMapReduceConfig(adjustGridOption=option, **values)
    for axis, *sizes in zip(AXES, cell, step, border, strict=False):
        for name, size in zip(("cellSize", "gridStep", "borderSize"), sizes, strict=True):
            setattr(config, name + axis, size)
    return config


def rows(boxes):
    return np.array([[*box.getMin(), *box.getEnd()] for box in boxes])


def check_boxes(task, expected0, expected1):
    np.testing.assert_array_equal(rows(task.boxes0), expected0)
    np.testing.assert_array_equal(rows(task.boxes1), expected1)


@pytest.mark.parametrize("number", range(38))
def test_grids(vectors, number):
    def of(name):
        return vectors[f"grid{number:02d}_{name}"]

    fwhm, exposure = float(of("fwhm")), Exposure.from_yx(np.zeros((of("H"), of("W"))))
    if fwhm != 1.0:
        exposure.setPsf(GaussianPsf(fwhm / FWHM_OF_SIGMA))
    config = configured(str(of("opt")), of("cell"), of("step"), of("border"))
    task = ImageMapReduceTask(config, mapper=Pass())
    task._generateGrid(exposure, forceEvenSized=bool(of("even")))
    check_boxes(task, of("boxes0"), of("boxes1"))
    covered = np.zeros((of("W"), of("H")), dtype=int)
    for box in task.boxes0:
        covered[box.slices((0, 0))] += 1
    assert [covered.min(), covered.max()] == of("coverage_minmax").tolist()


def test_all_grids_are_there(vectors):
    assert len(vectors["grid_names"]) == 38


def test_centres_given(vectors):
    x, y = vectors["cent_xy"].T
    config = ImageMapReduceConfig(cellCentroidsX=x, cellCentroidsY=y)
    task = ImageMapReduceTask(config, mapper=Pass())
    task.generateGrid(np.zeros((128, 128)))
    check_boxes(task, vectors["cent_boxes0"], vectors["cent_boxes1"])


def test_origin(vectors):
    exposure = Exposure.from_yx(np.zeros((48, 64)), xy0=vectors["bbox_origin"])
    task = ImageMapReduceTask(mapper=Pass())
    task.generateGrid(exposure)
    check_boxes(task, vectors["bbox_origin_boxes0"], vectors["bbox_origin_boxes1"])


def test_boxes_of_volumes(vectors):
    for option in ("spacing", "size", "none"):
        config = configured(option, (8, 7, 9), (8, 6, 9), (2, 2, 2))
        task = ImageMapReduceTask(config, mapper=Pass())
        task.generateGrid(np.zeros((21, 18, 25)))
        check_boxes(task, *(vectors[f"vox_{option}_boxes{k}"] for k in (0, 1)))


# ---- Reductions

GRIDS = {
    "ov": ("none", (13, 9), (11, 7), (4, 3)),
    "sp": ("spacing", (10, 10), (10, 10), (5, 5)),
    "sz": ("size", (10, 10), (12, 8), (2, 2)),
    "gap": ("none", (6, 6), (12, 10), (2, 2)),
}


class Golden(ImageMapper):
    """The mappers of the golden vectors."""

    kind = "add"

    def run(self, subExposure, expandedSubExposure, fullBBox, **kwargs):
        xp = kwargs["xp"]
        result = subExposure.clone()
        image = result.image.array
        if self.kind == "mean":
            image[...] = xp.nanmean(image)
        elif self.kind == "idx":
            number = kwargs["places"].index(subExposure.getBBox())
            image[...], result.variance.array[...], result.mask.array[...] = number, 1 + number, 16
        else:
            image += 5.0
        if self.kind == "addnan":
            image[0, 0] = xp.nan
        return Struct(subExposure=result)


def exposure_of(device, vectors):
    arrays = [vectors[f"red_{name}"] for name in ("image", "variance", "mask")]
    arrays[1] = arrays[1].astype(np.float32)
    return Exposure.from_yx(*(device.asarray(array) for array in arrays))


@pytest.mark.parametrize("operation", ["copy", "sum", "average"])
@pytest.mark.parametrize("kind", ["add", "addnan", "mean", "idx"])
@pytest.mark.parametrize("grid", GRIDS)
def test_reductions(device, vectors, grid, kind, operation):
    from gpupept.backend import array_namespace

    config = configured(*GRIDS[grid])
    config.reducer.reduceOperation = operation
    mapper = Golden()
    mapper.kind = kind
    task = ImageMapReduceTask(config, mapper=mapper)
    exposure = exposure_of(device, vectors)
    task.generateGrid(exposure)
    check_boxes(task, vectors[f"red_{grid}_boxes0"], vectors[f"red_{grid}_boxes1"])
    xp = array_namespace(exposure.image.array)
    result = task.run(exposure, xp=xp, places=task.boxes0).exposure
    expected = f"red_{grid}_{kind}_{operation}"
    image, variance, mask = (device.to_host(a) for a in result._arrays())
    np.testing.assert_allclose(image, vectors[f"{expected}_image"], rtol=0, atol=1e-12)
    np.testing.assert_allclose(variance, vectors[f"{expected}_variance"], rtol=1e-6)
    np.testing.assert_array_equal(mask, vectors[f"{expected}_mask"])
    planes = task.config.reducer.badMaskPlanes
    assert result.mask.getPlaneBitMask(planes) == vectors["bad_mask_bits"]


@pytest.mark.parametrize("grid", GRIDS)
def test_none(device, vectors, grid):
    from gpupept.backend import array_namespace

    class Means(ImageMapper):
        def run(self, subExposure, expandedSubExposure, fullBBox, **kwargs):
            parts = (subExposure.image.array, expandedSubExposure.image.array)
            return Struct(means=[float(array_namespace(p).nanmean(p)) for p in parts])

    config = configured(*GRIDS[grid])
    config.reducer.reduceOperation = "none"
    results = ImageMapReduceTask(config, mapper=Means()).run(exposure_of(device, vectors)).result
    for place, name in enumerate(("means", "expanded_means")):
        found = [result.means[place] for result in results]
        np.testing.assert_allclose(found, vectors[f"red_{grid}_none_{name}"], rtol=1e-12)


@pytest.mark.parametrize("grid", GRIDS)
def test_coverage(vectors, grid):
    class Ones(ImageMapper):
        def run(self, subExposure, expandedSubExposure, fullBBox, **kwargs):
            return Struct(subExposure=subExposure.like(np.ones(subExposure.image.array.shape)))

    config = configured(*GRIDS[grid])
    config.reducer.reduceOperation = "sum"
    found = ImageMapReduceTask(config, mapper=Ones()).run(Exposure.from_yx(np.zeros((48, 61))))
    np.testing.assert_array_equal(found.exposure.image.array, vectors[f"red_{grid}_weights"])


# ---- Filters with borders


def test_filtered_by_cells(device, vectors):
    boxes0 = [Box(row[:2], row[2:]) for row in vectors["halo_boxes0"]]
    boxes1 = [Box(row[:2], row[2:]) for row in vectors["halo_boxes1"]]
    task = ImageMapReduceTask(mapper=ConvolveMapper(np.ones((5, 5)) / 25))
    task.boxes0, task.boxes1 = boxes0, boxes1
    exposure = Exposure.from_yx(device.asarray(vectors["halo_image"]))
    found = device.to_host(task.run(exposure).exposure.image.array)
    np.testing.assert_allclose(found, vectors["halo_filtered"], rtol=0, atol=1e-13)


@pytest.mark.parametrize("option", ["spacing", "size", "none"])
def test_volume_filtered_by_cells(device, vectors, option):
    config = configured(option, (8, 7, 9), (8, 6, 9), (2, 2, 2))
    task = ImageMapReduceTask(config, mapper=ConvolveMapper(np.ones((3, 3, 3)) / 27))
    found = task.run(device.asarray(vectors["vox_data"])).exposure.image.array
    np.testing.assert_allclose(device.to_host(found), vectors["vox_box3"], rtol=0, atol=1e-13)


def test_coverage_of_a_volume(vectors):
    config = configured("none", (8, 7, 9), (8, 6, 9), (2, 2, 2))
    config.reducer.reduceOperation = "sum"
    found = ImageMapReduceTask(config, mapper=Pass()).run(np.ones((21, 18, 25))).exposure
    np.testing.assert_array_equal(found.image.array, vectors["vox_none_weights"])


# ---- Point-spread functions


def test_mean_of_kernels(vectors):
    boxes = [Box(row[:2], row[2:]) for row in vectors["coadd_boxes"]]
    psf = CoaddPsf(zip(vectors["coadd_kernels"], boxes, vectors["coadd_weights"], strict=True))
    for point, expected in zip(vectors["coadd_points"], vectors["coadd_result"], strict=True):
        np.testing.assert_allclose(psf.computeKernelImage(point), expected, rtol=1e-12, atol=1e-15)
