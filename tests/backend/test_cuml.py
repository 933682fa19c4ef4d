"""The wrapper of cuML's HDBSCAN, with a stand-in for cuML, and with cuML where it is."""

from __future__ import annotations

import sys
from types import ModuleType, SimpleNamespace

import numpy as np
import pytest

from gpupept.backend import GPUUnavailableError, cuml, cuml_hdbscan
from gpupept.backend.cuml import cuml_available


class PlainResource:
    """Stands for `rmm.mr.CudaMemoryResource`."""


class PooledResource:
    """Stands for `rmm.mr.CudaAsyncMemoryResource`."""


@pytest.fixture
def fake_cuml(fake_gpu, monkeypatch):
    """Stand-ins for rmm and cuML that note what they are given."""
    seen = SimpleNamespace(resource=PlainResource(), models=[], imported_with=None)

    class HDBSCAN:
        def __init__(self, **parameters):
            self.parameters = parameters
            seen.models.append(self)
            seen.imported_with = type(seen.resource)

        def fit(self, points):
            self.points = points
            self.labels_ = fake_gpu.zeros(len(points), dtype=np.int32)
            self.probabilities_ = fake_gpu.ones(len(points), dtype=np.float32)

    rmm, package, cluster = (ModuleType(n) for n in ("rmm", "cuml", "cuml.cluster"))
    rmm.mr = SimpleNamespace(
        CudaMemoryResource=PlainResource,
        CudaAsyncMemoryResource=PooledResource,
        get_current_device_resource=lambda: seen.resource,
        set_current_device_resource=lambda resource: setattr(seen, "resource", resource),
    )
    cluster.HDBSCAN = HDBSCAN
    for module in (rmm, package, cluster):
        monkeypatch.setitem(sys.modules, module.__name__, module)
    cuml._hdbscan_class.cache_clear()
    yield seen
    cuml._hdbscan_class.cache_clear()


def test_what_cuml_is_given(fake_gpu, fake_cuml):
    points = np.random.default_rng(0).normal([1e7, -1e7, 0], size=(50, 3))
    labels, probabilities = cuml_hdbscan(fake_gpu.asarray(points), 5, np.int64(4), True)
    (model,) = fake_cuml.models
    assert model.parameters == {
        "min_cluster_size": 5,
        "min_samples": 4,
        "allow_single_cluster": True,
        "cluster_selection_method": "eom",
        "output_type": "cupy",
    }
    assert model.points.dtype == np.float32
    relative = points - points.mean(axis=0)
    np.testing.assert_allclose(model.points.get(), relative, atol=1e-6)
    assert (labels.dtype, probabilities.dtype) == (np.int64, np.float64)
    assert labels.shape == probabilities.shape == (50,)
    assert isinstance(fake_cuml.resource, PooledResource)
    assert fake_cuml.imported_with is PooledResource, "the pool is set before cuML is used"


def test_memory_resource_of_the_user_stays(fake_gpu, fake_cuml):
    fake_cuml.resource = theirs = object()
    cuml_hdbscan(fake_gpu.zeros((5, 3)), 2, 1, False)
    assert fake_cuml.resource is theirs


@pytest.mark.parametrize(
    ("points", "min_cluster_size", "min_samples", "message"),
    [
        (np.zeros((1, 3)), 2, 1, r"at least two rows.*\(1, 3\)"),
        (np.zeros((0, 3)), 2, 1, "at least two rows"),
        (np.zeros(5), 2, 1, "at least two rows"),
        (np.zeros((5, 0)), 2, 1, "a column"),
        (np.zeros((5, 3)), 1, 1, "min_cluster_size must be at least 2, found 1"),
        (np.zeros((5, 3)), 2, 0, "min_samples must be 1 to 5"),
        (np.zeros((5, 3)), 2, 6, "min_samples must be 1 to 5 .*found 6"),
        (np.zeros((2000, 3)), 2, 1024, "min_samples must be 1 to 1023"),
        (np.full((5, 3), np.nan), 2, 1, "finite"),
    ],
)
def test_bounds(fake_gpu, fake_cuml, points, min_cluster_size, min_samples, message):
    with pytest.raises(ValueError, match=message):
        cuml_hdbscan(fake_gpu.asarray(points), min_cluster_size, min_samples, False)
    assert fake_cuml.models == []


def test_points_on_the_host(fake_gpu, fake_cuml):
    with pytest.raises(TypeError, match=r"must be a CuPy array.*ndarray"):
        cuml_hdbscan(np.zeros((5, 3)), 2, 1, False)


@pytest.mark.parametrize("broken", [False, True])
def test_without_cuml(fake_gpu, fake_cuml, monkeypatch, broken):
    if broken:
        rmm = ModuleType("rmm")  # whose parts are not there
        monkeypatch.setitem(sys.modules, "rmm", rmm)
    else:
        monkeypatch.setitem(sys.modules, "rmm", None)
    with pytest.raises(GPUUnavailableError) as error:
        cuml_hdbscan(fake_gpu.zeros((5, 3)), 2, 1, False)
    found = "cannot be imported" if broken else "is not installed"
    for part in (found, "rapids-cuda12", "rapids-cuda13"):
        assert part in str(error.value)


def test_availability(fake_gpu, fake_cuml, monkeypatch):
    assert cuml_available()
    monkeypatch.setitem(sys.modules, "rmm", None)
    cuml._hdbscan_class.cache_clear()
    assert not cuml_available(0)


@pytest.mark.parametrize("state", ["no cupy", "no driver"])
def test_not_available_without_a_gpu(machine, state):
    machine(state)
    assert not cuml_available()


@pytest.mark.gpu
def test_two_blobs():
    pytest.importorskip("cuml")
    cupy = pytest.importorskip("cupy")
    rng = np.random.default_rng(2)
    points = np.concatenate([rng.normal(size=(300, 3)), rng.normal(size=(300, 3)) + 50]) + 1e6
    labels, probabilities = cuml_hdbscan(cupy.asarray(points), 20, 10, False)
    labels = labels.get()
    assert set(labels) <= {-1, 0, 1}
    assert {len(set(half[half >= 0])) for half in (labels[:300], labels[300:])} == {1}
    assert (labels >= 0).mean() > 0.8
    assert float(probabilities.max()) <= 1
