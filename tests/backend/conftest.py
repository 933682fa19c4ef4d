"""Machines on which CuPy is missing, broken, or without a driver, as tests see them."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from types import ModuleType, SimpleNamespace

import pytest

from gpupept.backend import devices, forget_probes
from gpupept.backend.namespace import replace_cupy


class NoDriverError(RuntimeError):
    """Stands for `cupy_backends.cuda.api.runtime.CUDARuntimeError`."""


def cupy_without_driver() -> ModuleType:
    """CuPy 14.2 as it behaves where it is installed and there is no driver."""

    def fail(*args: object) -> None:
        raise NoDriverError(
            "cudaErrorInsufficientDriver: CUDA driver version is insufficient for CUDA runtime "
            "version"
        )

    module = ModuleType("cupy")
    module.__version__ = "14.2.0"
    module.ndarray = type("ndarray", (), {})
    module.zeros = fail
    module.asarray = fail
    runtime = SimpleNamespace(
        driverGetVersion=lambda: 0,
        runtimeGetVersion=lambda: 13020,
        getDeviceCount=fail,
        getDevice=fail,
        memGetInfo=fail,
    )
    module.cuda = SimpleNamespace(runtime=runtime, Device=fail)
    return module


@pytest.fixture
def machine(
    monkeypatch: pytest.MonkeyPatch, tmp_path
) -> Iterator[Callable[[str], ModuleType | None]]:
    """Make this a machine with CuPy in a given state: "no cupy", "broken cupy" or "no driver"."""

    def become(state: str) -> ModuleType | None:
        module = cupy_without_driver() if state == "no driver" else None
        if state == "broken cupy":
            (tmp_path / "cupy.py").write_text(
                "raise ImportError('libcublas.so.13: cannot open shared object file')\n"
            )
            monkeypatch.syspath_prepend(tmp_path)
            monkeypatch.delitem(sys.modules, "cupy", raising=False)
        else:  # None in sys.modules makes the import fail
            monkeypatch.setitem(sys.modules, "cupy", module)
        replace_cupy(None)
        forget_probes()
        return module

    before = replace_cupy(None)
    monkeypatch.delenv("GPUPEPT_BACKEND", raising=False)
    monkeypatch.setattr(devices, "_default", None)
    yield become
    replace_cupy(before)
    forget_probes()
