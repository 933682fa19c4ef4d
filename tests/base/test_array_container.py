"""Containers act like the arrays inside: methods, functions and operators, on either device."""

from __future__ import annotations

import copy
import io
import operator
import pickle

import numpy as np
import pytest

from gpupept import Pixels, Voxels
from gpupept.backend import MixedDevicesError
from gpupept.base.array_container import ArrayContainer
from gpupept.images import ImageArray

LIMITS = ([0, 4], [0, 6], [1, 3])


def values():
    return np.random.default_rng(0).integers(1, 50, (4, 4, 4)) / 4.0


def voxels(array=None):
    return Voxels(values() if array is None else array, *LIMITS, run=7)


OTHER = values() * 2 + 1
MASK = values() > 5

# What is done to the voxels and to the plain array. Element-wise: the result is Voxels again.
ELEMENTWISE = {
    "+ scalar": lambda a: a + 1,
    "scalar -": lambda a: 3 - a,
    "* array": lambda a: a * OTHER,
    "array /": lambda a: OTHER / a,
    "// and %": lambda a: a // 3 + a % 3,
    "**": lambda a: a**2,
    "unary": lambda a: -abs(+a),
    "broadcast": lambda a: a + OTHER[0, 0],
    "numpy scalar": lambda a: np.float64(2) * a,
    "<": lambda a: a < 5,
    "==": lambda a: a == OTHER,
    "!=": lambda a: a != 2,
    ">=": lambda a: a >= OTHER,
    "& | ^ ~": lambda a: ((a > 2) & (a < 9)) | ~(a > 5) ^ (a > 1),
    "own sum": lambda a: a + a,
    "np.add": lambda a: np.add(a, OTHER),
    "np.sqrt": np.sqrt,
    "np.exp": lambda a: np.exp(-a),
    "np.log1p": np.log1p,
    "np.sin": np.sin,
    "np.maximum": lambda a: np.maximum(a, 6.0),
    "np.minimum": lambda a: np.minimum(OTHER, a),
    "np.hypot": lambda a: np.hypot(a, OTHER),
    "np.floor": np.floor,
    "np.isfinite": np.isfinite,
    "np.isnan": np.isnan,
    "np.sign": lambda a: np.sign(a - 4),
    "np.power": lambda a: np.power(a, 0.5),
    "np.logical_and": lambda a: np.logical_and(a > 2, a < 7),
    "where=": lambda a: np.add(a, 1, where=MASK, out=np.zeros_like(a)),
    "dtype=": lambda a: np.add(a, 1, dtype=np.float32),
    "np.clip": lambda a: np.clip(a, 2, 8),
    "np.round": lambda a: np.round(a, 1),
    "np.around": lambda a: np.around(a),
    "np.where": lambda a: np.where(a > 4, a, 0),
    "np.where mask": lambda a: np.where(MASK, a, OTHER),
    "np.select": lambda a: np.select([a < 3, a < 6], [a, 2 * a], 0),
    "np.piecewise": lambda a: np.piecewise(a, [MASK, ~MASK], [1.0, lambda x: -x]),
    "np.nan_to_num": np.nan_to_num,
    "np.real": np.real,
    "np.imag": np.imag,
    "np.isclose": lambda a: np.isclose(a, OTHER),
    "np.isin": lambda a: np.isin(a, [1.0, 2.5]),
    "np.copy": np.copy,
    "np.zeros_like": np.zeros_like,
    "np.ones_like": lambda a: np.ones_like(a, dtype=int),
    "np.full_like": lambda a: np.full_like(a, 3),
    "np.isposinf": np.isposinf,
    "astype": lambda a: a.astype(np.float32),
    "clip": lambda a: a.clip(2, 8),
    "round": lambda a: a.round(1),
    "conj": lambda a: a.conj(),
    "conjugate": lambda a: a.conjugate(),
    "copy": lambda a: a.copy(),
    "real": lambda a: a.real,
    "imag": lambda a: a.imag,
    "copy.deepcopy": copy.deepcopy,
    "pickle": lambda a: pickle.loads(pickle.dumps(a)),
}
# Everything else gives what the array gives.
PLAIN = {
    "sum": lambda a: a.sum(),
    "sum axis": lambda a: a.sum(axis=1),
    "sum keepdims": lambda a: a.sum(axis=(0, 2), keepdims=True),
    "mean": lambda a: a.mean(),
    "std": lambda a: a.std(ddof=1),
    "var": lambda a: a.var(axis=0),
    "min": lambda a: a.min(),
    "max": lambda a: a.max(axis=2),
    "ptp": lambda a: np.ptp(a, axis=0),
    "prod": lambda a: a.prod(axis=0),
    "all": lambda a: (a > 0).all(),
    "any": lambda a: (a > 12).any(axis=0),
    "argmax": lambda a: a.argmax(),
    "argmin": lambda a: a.argmin(axis=1),
    "argsort": lambda a: a.argsort(axis=None, kind="stable"),
    "argpartition": lambda a: a.argpartition(3, axis=None)[3],
    "cumsum": lambda a: a.cumsum(axis=0),
    "cumprod": lambda a: a.cumprod(axis=1),
    "diagonal": lambda a: a.diagonal(),
    "trace": lambda a: a.trace(),
    "dot": lambda a: a.dot(OTHER[0]),
    "flatten": lambda a: a.flatten(),
    "ravel": lambda a: a.ravel(),
    "reshape": lambda a: a.reshape(8, -1),
    "transpose": lambda a: a.transpose(),
    "T": lambda a: a.T,
    "swapaxes": lambda a: a.swapaxes(0, 2),
    "squeeze": lambda a: a[:, :1].squeeze(),
    "take": lambda a: a.take([1, 3], axis=2),
    "repeat": lambda a: a.repeat(2, axis=0),
    "compress": lambda a: a.compress([True, False, True], axis=1),
    "choose": lambda a: a.astype(int).choose(list(range(20))),
    "nonzero": lambda a: a.nonzero(),
    "searchsorted": lambda a: np.sort(a, axis=None).searchsorted([2.0, 7.0]),
    "item": lambda a: a.item(5),
    "tolist": lambda a: a.tolist(),
    "tobytes": lambda a: a.tobytes(),
    "view": lambda a: a.view(np.int64),
    "byteswap": lambda a: a.byteswap(),
    "getfield": lambda a: a.getfield(np.float32, 4),
    "itemsize": lambda a: a.itemsize,
    "nbytes": lambda a: a.nbytes,
    "size": lambda a: a.size,
    "strides": lambda a: a.strides,
    "shape, ndim, dtype": lambda a: (a.shape, a.ndim, str(a.dtype)),
    "flags": lambda a: a.flags.c_contiguous,
    "flat": lambda a: list(a.flat)[::5],
    "base": lambda a: a[1].base is not None,
    "len": len,
    "iteration": lambda a: [layer.sum() for layer in a],
    "in": lambda a: (a[0, 0, 0] in a, -1 in a),
    "index": lambda a: a[1, 2, 3],
    "slice": lambda a: a[::2, 1:, -1],
    "whole slice": lambda a: a[:],
    "mask": lambda a: a[a > 5],
    "fancy": lambda a: a[[0, 2], :, [1, 1]],
    "newaxis": lambda a: a[None].shape,
    "np.sum": lambda a: np.sum(a, axis=0),
    "np.mean": np.mean,
    "np.median": lambda a: np.median(a, axis=1),
    "np.std": np.std,
    "np.percentile": lambda a: np.percentile(a, [10, 50]),
    "np.quantile": lambda a: np.quantile(a, 0.3),
    "np.average": lambda a: np.average(a, axis=0, weights=OTHER),
    "np.average by": lambda a: np.average(OTHER, weights=a),
    "np.histogram": lambda a: np.histogram(a, bins=5),
    "np.bincount": lambda a: np.bincount(a.astype(int).ravel()),
    "np.unique": lambda a: np.unique(a, return_counts=True),
    "np.argwhere": lambda a: np.argwhere(a > 8),
    "np.count_nonzero": lambda a: np.count_nonzero(a > 8, axis=0),
    "np.sort": lambda a: np.sort(a, axis=0),
    "np.transpose": np.transpose,
    "np.flip": lambda a: np.flip(a, axis=0),
    "np.roll": lambda a: np.roll(a, 1),
    "np.rot90": np.rot90,
    "np.gradient": lambda a: np.gradient(a, axis=0),
    "np.diff": lambda a: np.diff(a, axis=1),
    "np.cumsum": lambda a: np.cumsum(a),
    "np.concatenate": lambda a: np.concatenate([a, OTHER]),
    "np.stack": lambda a: np.stack([a, a]),
    "np.split": lambda a: np.split(a, 2),
    "np.tile": lambda a: np.tile(a, 2),
    "np.pad": lambda a: np.pad(a, 1),
    "np.expand_dims": lambda a: np.expand_dims(a, 0),
    "np.moveaxis": lambda a: np.moveaxis(a, 0, 1),
    "np.einsum": lambda a: np.einsum("ijk,ijk->i", a, OTHER),
    "np.tensordot": lambda a: np.tensordot(a, OTHER, axes=3),
    "np.matmul": lambda a: a @ OTHER,
    "np.linalg.norm": np.linalg.norm,
    "np.interp": lambda a: np.interp(a.ravel(), [0, 12], [0, 1]),
    "np.digitize": lambda a: np.digitize(a, [3, 6]),
    "np.fft": lambda a: np.fft.fftn(a),
    "np.apply_along_axis": lambda a: np.apply_along_axis(np.sum, 0, a),
    "np.array_equal": lambda a: np.array_equal(a, values()),
    "np.allclose": lambda a: np.allclose(a, OTHER),
    "np.shape": np.shape,
    "np.resize": lambda a: np.resize(a, (2, 3)),
    "np.nonzero": np.nonzero,
    "np.asarray": np.asarray,
    "np.array": lambda a: np.array(a, dtype=np.float32),
    "reduce": lambda a: np.add.reduce(a, axis=1),
    "accumulate": lambda a: np.maximum.accumulate(a, axis=0),
    "outer": lambda a: np.multiply.outer(a, [1.0, 2.0]),
    "other shape": lambda a: a + np.ones((2, 1, 1, 1)),
    "divmod": lambda a: [np.asarray(part) for part in divmod(a, 3)],
    "modf": lambda a: [np.asarray(part) for part in np.modf(a)],
    "str of dtype": lambda a: f"{a.dtype}",
    "np.savez": lambda a: np.save(io.BytesIO(), a),
}
# Done to a copy, which is looked at afterwards.
IN_PLACE = {
    "+=": lambda a: operator.iadd(a, 1),
    "-=": lambda a: operator.isub(a, OTHER),
    "*=": lambda a: operator.imul(a, 0.5),
    "/=": lambda a: operator.itruediv(a, a),
    "**=": lambda a: operator.ipow(a, 2),
    "//=": lambda a: operator.ifloordiv(a, 2),
    "setitem": lambda a: a.__setitem__((0, slice(1, 3)), 99.0),
    "setitem mask": lambda a: a.__setitem__(a > 5, 0.0),
    "setitem array": lambda a: a.__setitem__(slice(None), OTHER),
    "slice +=": lambda a: a.__setitem__(1, operator.iadd(a[1], 5)),
    "out=": lambda a: np.multiply(a, 2, out=a),
    "np.clip out": lambda a: np.clip(a, 2, 4, out=a),
    "fill": lambda a: a.fill(3),
    "sort": lambda a: a.sort(axis=0),
    "partition": lambda a: a.partition(0, axis=2),
    "put": lambda a: a.put([0, 5], [-1, -2]),
    "np.put": lambda a: np.put(a, [1], [8]),
    "np.place": lambda a: np.place(a, MASK, [1, 2]),
    "np.copyto": lambda a: np.copyto(a, OTHER, where=MASK),
    "np.putmask": lambda a: np.putmask(a, MASK, 4.0),
    "np.add.at": lambda a: np.add.at(a, ([0, 0], [1, 1], [2, 2]), 1),
    "np.fill_diagonal": lambda a: np.fill_diagonal(a, -3),
    "flat": lambda a: setattr(a, "flat", 6),
    "real": lambda a: setattr(a, "real", OTHER),
    "np.random.shuffle": lambda a: np.random.default_rng(1).shuffle(np.asarray(a)),
}


def check_same(found, expected):
    if isinstance(expected, (list, tuple)):
        assert type(found) is type(expected)
        assert len(found) == len(expected)
        for one, other in zip(found, expected, strict=True):
            check_same(one, other)
        return
    if isinstance(found, ArrayContainer):
        found = found.array
    assert type(found) is type(expected)
    np.testing.assert_array_equal(found, expected)
    if isinstance(expected, np.ndarray):
        assert found.dtype == expected.dtype


def test_the_tables_are_long_enough():
    assert len(ELEMENTWISE) + len(PLAIN) + len(IN_PLACE) >= 80


@pytest.mark.parametrize("name", ELEMENTWISE)
def test_elementwise(name):
    found = ELEMENTWISE[name](voxels())
    assert type(found) is Voxels
    check_same(found, ELEMENTWISE[name](values()))
    np.testing.assert_array_equal(found.zlim, LIMITS[2])
    assert found.attrs == {"run": 7}


@pytest.mark.parametrize("name", PLAIN)
def test_plain(name):
    found = PLAIN[name](voxels())
    assert not isinstance(found, ArrayContainer)
    check_same(found, PLAIN[name](values()))


@pytest.mark.parametrize("name", IN_PLACE)
def test_in_place(name):
    array = values()
    grid, expected = voxels(array), values()
    result = IN_PLACE[name](grid)
    IN_PLACE[name](expected)
    assert grid.array is array
    assert result is None or result is grid
    np.testing.assert_array_equal(array, expected)


# Done on the CPU and on a GPU: what both libraries have.
ON_BOTH = {
    "arithmetic": lambda a: (a + 1) / 2 - a * a,
    "comparison": lambda a: (a > 3) & (a <= 7),
    "np.sqrt": np.sqrt,
    "np.maximum": lambda a: np.maximum(a, 5),
    "np.where": lambda a: np.where(a > 4, a, 0 * a),
    "np.clip": lambda a: np.clip(a, 2, 8),
    "np.zeros_like": np.zeros_like,
    "astype": lambda a: a.astype(np.float32),
    "round": lambda a: a.round(1),
    "sum": lambda a: a.sum(),
    "sum axis": lambda a: a.sum(axis=1),
    "mean": lambda a: a.mean(axis=0),
    "np.mean": lambda a: np.mean(a),
    "max": lambda a: a.max(),
    "argmax": lambda a: a.argmax(axis=1),
    "cumsum": lambda a: a.cumsum(axis=0),
    "T": lambda a: a.T,
    "ravel": lambda a: a.ravel(),
    "np.concatenate": lambda a: np.concatenate([a, a]),
    "np.flip": lambda a: np.flip(a, axis=0),
    "slice": lambda a: a[1:, ::2],
    "mask": lambda a: a[a > 5],
    "iteration": lambda a: sum(layer.sum() for layer in a),
}


@pytest.mark.parametrize("name", ON_BOTH)
def test_devices_alike(device, name):
    plain, grid = device.asarray(values()), voxels(device.asarray(values()))
    expected, found = ON_BOTH[name](plain), ON_BOTH[name](grid)
    if isinstance(found, Voxels):
        assert grid._same_geometry(found)
        found = found.array
    assert type(found) is type(expected)
    np.testing.assert_array_equal(device.to_host(found), device.to_host(expected))


def test_in_place_on_devices(device):
    array = device.asarray(values())
    grid = voxels(array)
    grid += 1
    grid *= grid
    grid[grid > 50] = 0
    grid[0] = 3
    expected = (values() + 1) ** 2
    expected[expected > 50] = 0
    expected[0] = 3
    assert grid.array is array
    np.testing.assert_array_equal(device.to_host(array), expected)


class TestDevices:
    def test_moving(self, device):
        grid = voxels(device.asarray(values()))
        there = grid.to(device.name)
        assert there is grid
        here = grid.to_cpu()
        assert (here.device, here.attrs) == ("cpu", {"run": 7})
        assert (here is grid) == (device.name == "cpu")
        np.testing.assert_array_equal(here.array, values())
        np.testing.assert_array_equal(grid.get(), values())
        assert isinstance(grid.get(), np.ndarray)

    def test_to_a_gpu_and_back(self, gpu_device):
        grid = voxels()
        there = grid.to_gpu()
        assert there.device == "cuda:0"
        assert there.to_gpu() is there
        assert there._same_geometry(grid)
        np.testing.assert_array_equal(there.to("cpu").array, values())

    def test_nothing_leaves_a_gpu_unasked(self, gpu_device):
        grid = voxels().to_gpu()
        for convert in (np.asarray, np.array, lambda g: np.asarray([g, g])):
            with pytest.raises(TypeError, match=r"get\(\)|implicit|Implicit"):
                convert(grid)
        interface = grid.__cuda_array_interface__
        assert interface["shape"] == (4, 4, 4)
        assert not hasattr(voxels(), "__cuda_array_interface__")

    @pytest.mark.parametrize(
        "mix",
        [
            lambda here, there: here + there,
            lambda here, there: there + here,
            lambda here, there: there * here.array,
            lambda here, there: here.array * there,
            lambda here, there: np.clip(there, 0, here),
            lambda here, there: np.concatenate([here, there]),
            lambda here, there: there.clip(0, here.array),
            lambda here, there: there[here > 3],
            lambda here, there: there.__setitem__(0, here.array[0]),
            lambda here, there: there.__iadd__(here),
        ],
    )
    def test_devices_do_not_mix(self, gpu_device, mix):
        with pytest.raises(MixedDevicesError, match="one device"):
            mix(voxels(), voxels().to_gpu())

    def test_functions_of_cupy(self, gpu_device):
        grid = voxels().to_gpu()
        found = grid.__cupy_override_elementwise_kernel__(operator.add, grid.array, grid)
        assert grid._same_geometry(found)
        np.testing.assert_array_equal(found.get(), 2 * values())

    def test_dlpack(self):
        grid = voxels()
        shared = np.from_dlpack(grid)
        np.testing.assert_array_equal(shared, values())
        assert np.shares_memory(shared, grid.array)
        assert grid.__dlpack_device__() == (1, 0)


class TestGeometry:
    def test_of_different_grids_results_are_plain(self):
        moved = Voxels(values(), [0, 5], *LIMITS[1:])
        for found in (voxels() + moved, np.where(voxels() > 3, moved, 0), voxels().clip(moved, 9)):
            assert isinstance(found, np.ndarray)
        kept = voxels()
        kept += moved
        np.testing.assert_array_equal(kept.xlim, LIMITS[0])

    def test_of_different_classes_results_are_plain(self):
        class Mine(Voxels):
            pass

        assert type(Mine(values(), *LIMITS) * 2) is Mine
        assert isinstance(voxels() + Mine(values(), *LIMITS), np.ndarray)
        flat = Pixels(values()[0], *LIMITS[:2])
        assert isinstance(voxels() + flat, np.ndarray)
        np.testing.assert_array_equal(voxels() + flat, values() + values()[0])

    def test_results_do_not_share_attributes(self):
        grid = voxels()
        (grid + 1).attrs["run"] = 8
        assert grid.attrs == {"run": 7}

    def test_out_given_as_an_array_is_returned(self):
        out = np.empty((4, 4, 4))
        assert np.add(voxels(), 1, out=out) is out
        assert np.clip(voxels(), 1, 3, out=out) is out
        assert voxels().round(out=out) is out

    def test_what_would_break_the_shape_is_refused(self):
        grid = voxels()
        for name in ("shape", "dtype", "strides", "T"):
            with pytest.raises(AttributeError, match="plain array"):
                setattr(grid, name, (64,))
        with pytest.raises(ValueError, match=r"numpy\.resize"):
            grid.resize((2, 2))

    def test_other_attributes(self):
        image = ImageArray([1.0, 2.0])
        image.note = "mine"
        assert (image + 1).note == "mine"
        with pytest.raises(AttributeError, match="no attribute 'nothing'"):
            _ = voxels().nothing

    def test_names_are_listed(self):
        assert {"sum", "T", "voxels", "get", "xlim"} <= set(dir(voxels()))

    def test_truth_and_numbers(self):
        with pytest.raises(ValueError, match="ambiguous"):
            bool(voxels())
        one = Pixels([[2.5]], [0, 1], [0, 1])
        assert (bool(one), int(one[0, 0]), float(one[0, 0])) == (True, 2, 2.5)
        with pytest.raises(TypeError, match="unhashable"):
            hash(one)

    def test_before_there_is_an_array(self):
        empty = object.__new__(Voxels)
        with pytest.raises(AttributeError):
            empty.sum()
