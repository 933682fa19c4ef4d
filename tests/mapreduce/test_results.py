"""What a map-reduce gives back: places, texts, lists of anything."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import gpupept
from gpupept.images import ImageArray
from gpupept.mapreduce import (
    Exposure,
    Field,
    GaussianFilterMapper,
    ImageMapReduceConfig,
    ImageMapReduceTask,
    ImageReducerConfig,
    StatisticsMapper,
    Struct,
    map_reduce,
)
from gpupept.volumes import VolumeStore

LIMITS = ([0.0, 4.0], [-1.0, 3.0], [0.0, 2.0])
VALUES = np.random.default_rng(1).random((12, 9, 7))


@pytest.fixture
def voxels(device: Any) -> gpupept.Voxels:
    return gpupept.Voxels(VALUES, *LIMITS, run=3, total=5).to(device.name)


def test_the_task_keeps_the_place(voxels: gpupept.Voxels, tmp_path: Path) -> None:
    task = ImageMapReduceTask(mapper=GaussianFilterMapper(sigma=1.0))
    found = task.run(voxels).exposure
    assert isinstance(found.container, gpupept.Voxels)
    assert found.container.array is found.image.array
    assert found.limits.tolist() == [list(pair) for pair in LIMITS]
    assert found.container.attrs == {"run": 3, "total": 5}
    image = ImageArray(VALUES[0])
    assert isinstance(task.run(image).exposure.container, ImageArray)
    assert task.run(VALUES).exposure.container is None
    store = VolumeStore.create(tmp_path / "v.zarr", VALUES.shape, *LIMITS, attrs=voxels.attrs)
    found = task.run(store).exposure.container
    assert found.zlim.tolist() == LIMITS[2]
    assert found.attrs == {"run": 3}  # not the total of other values


def test_an_output_that_was_given_stays_itself(voxels: gpupept.Voxels) -> None:
    out = voxels.copy()
    task = ImageMapReduceTask(mapper=GaussianFilterMapper(sigma=1.0))
    assert task.run(voxels, out=out).exposure.container is out
    assert map_reduce(voxels, GaussianFilterMapper(sigma=1.0), out=out) is out


def test_texts_are_short(voxels: gpupept.Voxels) -> None:
    exposure = Exposure(voxels, variance=voxels.array)
    assert repr(exposure) == (
        f"Exposure(Voxels 12 x 9 x 7, float64, {voxels.device}, xlim=[0, 4], ylim=[-1, 3], "
        "zlim=[0, 2], variance)"
    )
    assert repr(Struct(exposure=exposure)) == f"Struct(exposure={exposure!r})"
    assert repr(Struct(a=VALUES)) == "Struct(a=<ndarray 12 x 9 x 7, float64>)"
    assert len(repr(Struct(a=list(range(10000))))) < 300


def test_a_function_may_give_anything_to_a_list() -> None:
    image = np.arange(64.0).reshape(8, 8)
    found = map_reduce(image, np.max, cell=4, reduce="none")
    assert found == [27.0, 31.0, 59.0, 63.0]
    found = map_reduce(image, np.max, cell=4, border=1, reduce="none")
    assert found == [36.0, 39.0, 60.0, 63.0]
    parts = map_reduce(image, np.negative, cell=4, border=1, reduce="none")
    assert np.array_equal(np.block([parts[:2], parts[2:]]), -image)
    with pytest.raises(ValueError, match='reduce="none"'):
        map_reduce(image, np.max, cell=4)
    with pytest.raises(TypeError, match=r'reduce="none".*reduceOperation = "none"'):
        map_reduce(image, StatisticsMapper(), cell=4)


def test_steps_that_are_not_used_are_told_once(caplog: pytest.LogCaptureFixture) -> None:
    config = ImageMapReduceConfig(gridStepX=20, gridStepZ=4)
    task = ImageMapReduceTask(config, mapper=GaussianFilterMapper(sigma=1.0))
    with caplog.at_level(logging.WARNING):
        task.run(VALUES)
    told = [record.getMessage() for record in caplog.records if "gridStep" in record.getMessage()]
    assert len(told) == 1
    assert "gridStepX = 20, gridStepZ = 4" in told[0]


def test_progress_is_shown_of_stores(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    store = VolumeStore.create(tmp_path / "v.zarr", VALUES.shape, *LIMITS)
    for array, options, shown in (
        (VALUES, {}, False),
        (store, {}, True),
        (store, {"progress": False}, False),
        (store.voxels(), {"out": tmp_path / "out.zarr"}, True),
    ):
        map_reduce(array, np.sqrt, **options)
        assert ("cells: 100%" in capsys.readouterr().err) is shown


def test_help_lists_fields_with_defaults_and_choices() -> None:
    text = ImageMapReduceConfig.__doc__ or ""
    assert "cellSizeX : float, default 10.0\n    Size of a cell along x" in text
    assert "adjustGridOption : {'spacing', 'size', 'none'}, default 'spacing'" in text
    assert "    - 'spacing': spread cells" in text
    assert "reducer : task, default ImageReducer" in text
    text = ImageReducerConfig.__doc__ or ""
    assert "reduceOperation : {'none', 'copy'," in text
    assert "badMaskPlanes : list of str, default ['INVALID_MAPREDUCE', 'BAD', 'NO_DATA']" in text

    class Own(ImageReducerConfig):
        """One with a list of its own.

        Attributes
        ----------
        more : int
        """

        more = Field(int, 1, "More")

    assert "badMaskPlanes" not in (Own.__doc__ or "")
