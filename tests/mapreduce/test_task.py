"""Names, parts, records and logs of tasks."""

from __future__ import annotations

import logging

import numpy as np
import pytest

from gpupept.mapreduce import (
    Config,
    FunctionMapper,
    ImageMapper,
    ImageMapperConfig,
    ImageMapReduceConfig,
    ImageMapReduceTask,
    ImageReducerConfig,
    Struct,
    Task,
)


class Pass(ImageMapper):
    def run(self, subExposure, expandedSubExposure, fullBBox, **kwargs):
        return Struct(subExposure=subExposure)


@pytest.fixture
def task():
    config = ImageMapReduceConfig()
    config.mapper.retarget(Pass)
    return ImageMapReduceTask(config, name="top")


def test_names(task):
    assert (task.getName(), task.getFullName()) == ("top", "top")
    assert (task.mapper.getName(), task.mapper.getFullName()) == ("mapper", "top.mapper")
    assert set(task.getTaskDict()) == {"top", "top.mapper", "top.reducer"}
    assert task.getTaskDict()["top.reducer"]() is task.reducer
    assert set(task.mapper.getTaskDict()) == {"top.mapper"}
    assert ImageMapReduceTask(task.config).getName() == "ip_diffim_imageMapReduce"


def test_given_parts_belong_to_the_task():
    mapper = FunctionMapper(np.sqrt)
    task = ImageMapReduceTask(mapper=mapper, name="top")
    assert task.mapper is mapper
    assert mapper.getFullName() == "top.mapper"
    assert set(task.getTaskDict()) == {"top", "top.mapper", "top.reducer"}


def test_parts_of_parts():
    class Outer(Task):
        class ConfigClass(Config):
            inner = ImageMapReduceTask.makeField("Cells")

        _DefaultName = "outer"

    outer = Outer()
    outer.config.inner.mapper.retarget(Pass)
    outer.makeSubtask("inner")
    assert outer.inner.mapper.getFullName() == "outer.inner.mapper"
    assert set(outer.getFullMetadata()) == {
        "outer",
        "outer:inner",
        "outer:inner:mapper",
        "outer:inner:reducer",
    }


def test_records(task):
    with task.timer("work"), task.mapper.timer("cell"):
        pass
    with pytest.raises(ZeroDivisionError), task.timer("work"):
        _ = 1 / 0
    assert len(task.metadata["workSeconds"]) == 2
    assert task.getFullMetadata()["top:mapper"]["cellSeconds"][0] >= 0.0
    task.emptyMetadata()
    assert not any(task.getFullMetadata().values())
    task.run(np.zeros((20, 20)))
    assert len(task.metadata["runSeconds"]) == 1


def test_log(caplog):
    log = logging.getLogger("of mine")
    config = ImageMapReduceConfig()
    config.mapper.retarget(Pass)
    task = ImageMapReduceTask(config, log=log)
    assert task.mapper.log.name == "of mine.mapper"
    with caplog.at_level(logging.INFO):
        task.run(np.zeros((25, 20)))
    messages = [record.getMessage() for record in caplog.records]
    assert "overlap of cells: most 4, mean 1.800, least 1" in messages
    assert "elements of no cell: 0 (0.00 %)" in messages


def test_steps_that_are_not_used_are_told(task, caplog):
    task.config.gridStepX = 7
    with caplog.at_level(logging.WARNING):
        task.generateGrid(np.zeros((40, 40)))
    assert "not used with adjustGridOption 'spacing': gridStepX = 7" in caplog.text
    caplog.clear()
    task.config.adjustGridOption = "none"
    task.generateGrid(np.zeros((40, 40)))
    assert not caplog.records


def test_abstract():
    with pytest.raises(TypeError, match="abstract"):
        ImageMapper()
    with pytest.raises(TypeError, match="abstract"):
        ImageMapReduceTask()


def test_wrong_configurations():
    with pytest.raises(TypeError, match="must be a ImageMapReduceConfig, found ImageReducerConfig"):
        ImageMapReduceTask(ImageReducerConfig())
    task = Task(ImageMapperConfig())
    with pytest.raises(AttributeError, match="mapper"):
        task.makeSubtask("mapper")
    with pytest.raises(TypeError, match="not a ConfigurableField"):
        Task(ImageMapReduceConfig()).makeSubtask("cellSizeX")


def test_values_set_later_count(task):
    task.config.cellSizeX = task.config.gridStepX = 40
    task.config.reducer.reduceOperation = "sum"
    task.run(np.zeros((40, 20)))
    assert task.boxes0[0].getDimensions() == (40, 10)
    assert task.reducer.config.reduceOperation == "sum"
