"""Fixtures shared by all tests: reference data and the devices a test runs on."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import hypothesis
import numpy as np
import pytest

from gpupept.backend import probe, to_device, to_host
from gpupept.kernels.compile_notice import silence

CHECKOUT = Path(__file__).resolve().parent.parent
if str(CHECKOUT / "tests") not in sys.path:  # for `oracle` and `cuda_host`
    sys.path.insert(0, str(CHECKOUT / "tests"))

silence()  # what is logged does not depend on what was compiled before

# The `device` fixture holds no state that one example could leave to the next, and the first example
# of a kernel may have to compile it.
hypothesis.settings.register_profile(
    "gpupept",
    deadline=None,
    suppress_health_check=[hypothesis.HealthCheck.function_scoped_fixture],
)
hypothesis.settings.load_profile("gpupept")


@pytest.fixture(scope="session")
def shared() -> Path:
    """Folder with golden vectors and real measurements; the test is skipped where it is absent."""
    places = [os.environ.get("GPUPEPT_SHARED"), CHECKOUT.parent / "shared"]
    for place in places:
        if place and (Path(place) / "golden").is_dir():
            return Path(place)
    pytest.skip(
        "reference data not found: set GPUPEPT_SHARED to the folder that holds golden/ and data/"
    )


@pytest.fixture(scope="session")
def golden(shared: Path) -> Callable[[str], dict[str, np.ndarray]]:
    """Load one golden archive by name (without the suffix)."""
    return lambda name: np.load(shared / "golden" / f"{name}.npz")


@dataclass(frozen=True)
class TestDevice:
    """Where a parity test runs: `name` is "cpu" or "cuda", `kind` also tells the shim from a GPU."""

    __test__ = False

    kind: str

    @property
    def name(self) -> str:
        return "cpu" if self.kind == "cpu" else "cuda"

    def asarray(self, array: Any) -> Any:
        """Array on this device; what is not an array becomes one."""
        return to_device(
            np.asarray(array) if isinstance(array, (list, tuple)) else array, self.name
        )

    def to_host(self, array: Any) -> np.ndarray:
        """Array on the host."""
        return to_host(array)


_GPU = pytest.param("gpu", marks=pytest.mark.gpu)


@pytest.fixture(params=["cpu", "shim", _GPU])
def device(request: pytest.FixtureRequest) -> Iterator[TestDevice]:
    """Every device: the CPU, a GPU simulated on the host (tests/cuda_host), a GPU if there is one.

    On "shim" and "gpu" alike arrays are CuPy's, as far as the package can tell, and the CUDA kernels
    run; a test that uses this fixture holds all three to the same expectations.
    """
    with contextlib.ExitStack() as stack:
        yield _enter(request.param, stack)


@pytest.fixture(params=["shim", _GPU])
def gpu_device(request: pytest.FixtureRequest) -> Iterator[TestDevice]:
    """The devices of `device` on which CUDA kernels run."""
    with contextlib.ExitStack() as stack:
        yield _enter(request.param, stack)


def _enter(kind: str, stack: contextlib.ExitStack) -> TestDevice:
    if kind == "shim":
        stack.enter_context(_simulated_gpu())
    elif kind == "gpu" and not probe().usable:
        pytest.skip(probe().reason)
    return TestDevice(kind)


@pytest.fixture
def fake_gpu() -> Iterator[Any]:
    """CuPy's stand-in with one simulated GPU, for tests of the device path alone."""
    with _simulated_gpu() as module:
        yield module


def _simulated_gpu() -> contextlib.AbstractContextManager[Any]:
    """CuPy's stand-in; without a compiler a skip, or a failure where nothing may be left out."""
    from cuda_host import build, fake_cupy

    if build.compiler() is None:
        reason = "no C++ compiler found to run CUDA kernels on the host: install g++ (on Linux)"
        if os.environ.get("GPUPEPT_REQUIRE_CUDA_COMPILER"):
            pytest.fail(reason)
        pytest.skip(reason)
    return fake_cupy.installed()


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out the tests for a GPU where there is none, unless they are asked for by their mark."""
    on_gpu = [item for item in items if item.get_closest_marker("gpu")]
    if on_gpu and not config.getoption("markexpr") and not probe().usable:
        config.hook.pytest_deselected(items=on_gpu)
        items[:] = [item for item in items if item not in set(on_gpu)]
