"""Configurations and bags of results: names and values are checked."""

from __future__ import annotations

import copy
import pickle

import numpy as np
import pytest

from gpupept.mapreduce import (
    ChoiceField,
    Config,
    ConfigurableField,
    Field,
    FieldValidationError,
    ImageMapper,
    ImageMapperConfig,
    ImageMapReduceConfig,
    ImageReducerConfig,
    ListField,
    Struct,
    Task,
)


class AddConfig(ImageMapperConfig):
    addAmount = Field(float, 10.0, "What to add")
    times = Field(int, 1, "How often", optional=False, check=lambda n: n > 0)


class Add(ImageMapper):
    ConfigClass = AddConfig
    _DefaultName = "add"

    def run(self, subExposure, expandedSubExposure, fullBBox, **kwargs):
        return Struct(subExposure=subExposure)


class Part(Task):
    ConfigClass = AddConfig


class Whole(Config):
    part = ConfigurableField(Part, "A part")
    kind = ChoiceField(str, {"a": "", "b": ""}, "a", "Which")
    names = ListField(str, ("x",), "Some")


def test_defaults():
    config = ImageMapReduceConfig()
    assert (config.cellSizeX, config.gridStepY, config.borderSizeZ) == (10.0, 10.0, 5.0)
    assert (config.adjustGridOption, config.scaleByFwhm) == ("spacing", True)
    assert config.returnSubImages is False
    assert config.cellCentroidsX is config.cellCentroidsY is config.cellCentroidsZ is None
    assert config.reducer.reduceOperation == "average"
    assert config.reducer.badMaskPlanes == ["INVALID_MAPREDUCE", "BAD", "NO_DATA"]
    config.validate()


def test_values_are_converted():
    config = AddConfig(addAmount=3, times=np.int64(4))
    assert (config.addAmount, config.times) == (3.0, 4)
    assert type(config.addAmount) is float
    assert type(config.times) is int
    config.addAmount = np.float32(0.5)
    assert config.addAmount == 0.5
    config.addAmount = None
    assert config.addAmount is None


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("addAmount", "3"),
        ("addAmount", True),
        ("times", 2.0),
        ("times", 0),
        ("times", None),
    ],
)
def test_bad_values(name, value):
    config = AddConfig()
    before = config.copy()
    with pytest.raises(FieldValidationError, match=name):
        setattr(config, name, value)
    assert config == before


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("cellSizeX", 0),
        ("cellSizeZ", -1.0),
        ("gridStepY", float("nan")),
        ("borderSizeX", -1),
        ("adjustGridOption", "both"),
        ("onError", "ignore"),
        ("cellCentroidsX", [1.0, float("inf")]),
        ("cellCentroidsX", "12"),
        ("cellCentroidsX", 3.0),
        ("cellCentroidsX", ["a"]),
    ],
)
def test_bad_values_of_the_task(name, value):
    with pytest.raises(ValueError, match=name):
        ImageMapReduceConfig(**{name: value})
    with pytest.raises(FieldValidationError, match="reduceOperation"):
        ImageReducerConfig(reduceOperation="mean")


def test_unknown_names():
    with pytest.raises(AttributeError, match="cellsize"):
        ImageMapReduceConfig(cellsize=3)
    with pytest.raises(AttributeError, match="addAmount, times"):
        AddConfig().amount = 3
    with pytest.raises(AttributeError):
        _ = AddConfig().amount


def test_border_may_be_nothing():
    assert ImageMapReduceConfig(borderSizeX=0).borderSizeX == 0.0


def test_parts_are_configured_from_above():
    config = Whole()
    config.part.addAmount = 5
    assert config.part.value.addAmount == 5.0
    with pytest.raises(FieldValidationError):
        config.part.addAmount = "much"
    with pytest.raises(AttributeError):
        config.part.amount = 1
    other = Whole()
    assert other.part.addAmount == 10.0, "each has its own"
    config.part = AddConfig(addAmount=7)
    assert config.part.addAmount == 7.0
    other.part = config.part
    other.part.addAmount = 8
    assert config.part.addAmount == 7.0
    with pytest.raises(FieldValidationError, match="part"):
        config.part = 3


def test_another_target():
    config = ImageMapReduceConfig()
    config.mapper.retarget(Add)
    config.mapper.addAmount = 2
    assert config.mapper.target is Add
    task = config.mapper.apply(name="mapper")
    assert isinstance(task, Add)
    config.mapper.addAmount = 4
    assert task.config.addAmount == 4.0, "kept, not copied"
    config.mapper = Add
    assert config.mapper.addAmount == 10.0
    for wrong in (3, Struct, "Add"):
        with pytest.raises(FieldValidationError, match="task class"):
            config.mapper.retarget(wrong)


def test_inherited_fields_and_defaults():
    class More(AddConfig):
        further = Field(bool, False)

        def setDefaults(self):
            self.times = 3

    assert More().toDict() == {"addAmount": 10.0, "times": 3, "further": False}
    assert More(times=5).times == 5
    assert AddConfig().times == 1
    assert More() != AddConfig()


def test_lists_are_not_shared():
    first, second = Whole(), Whole()
    first.names.append("y")
    assert second.names == ["x"]
    given = ["a"]
    second.names = given
    given.append("b")
    assert second.names == ["a"]


def test_copied_and_pickled():
    config = ImageMapReduceConfig(cellSizeX=12)
    config.mapper.retarget(Add)
    config.mapper.addAmount = 3
    for again in (config.copy(), copy.deepcopy(config), pickle.loads(pickle.dumps(config))):
        assert again == config
        again.mapper.addAmount = 4
        assert config.mapper.addAmount == 3.0
        assert again != config
    assert "cellSizeX=12.0" in repr(config)
    assert config.toDict()["mapper"] == {"addAmount": 3.0, "times": 1}


def test_validated():
    config = Whole()
    config.validate()
    config.names.append(3)  # past the field
    with pytest.raises(FieldValidationError, match="names"):
        config.validate()


# ---- Struct


def test_struct():
    found = Struct(a=1, b=[2])
    assert found.getDict() == {"a": 1, "b": [2]}
    found.getDict()["a"] = 5
    assert found.a == 1
    found.mergeItems(Struct(c=3, d=4), "c")
    assert found == Struct(a=1, b=[2], c=3)
    with pytest.raises(RuntimeError, match="'a'"):
        found.mergeItems(Struct(a=2), "a")
    with pytest.raises(AttributeError, match="'z'"):
        found.mergeItems(Struct(), "z")
    assert repr(found) == "Struct(a=1; b=[2]; c=3)"
    assert pickle.loads(pickle.dumps(found)) == found
    assert copy.copy(found) == found
