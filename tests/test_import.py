"""Importing the package: silent, light, and possible with or without CuPy."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

import gpupept

CHECKOUT = Path(__file__).resolve().parent.parent
HEAVY = (
    "cupy",
    "cuml",
    "hdbscan",
    "joblib",
    "llvmlite",
    "matplotlib",
    "numba",
    "pandas",
    "plotly",
    "pyarrow",
    "scipy",
    "tqdm",
    "zarr",
)
LIGHT_IMPORTS = (
    "import gpupept",
    "import gpupept.base, gpupept.tracking, gpupept.scanners, gpupept.plots, gpupept.utilities",
    "import gpupept.clustering, gpupept.simulation, gpupept.visualisation, gpupept.executors",
    "import gpupept.volumes, gpupept.mapreduce",
    "from gpupept.volumes import voxelize",
    "from gpupept import LineData, Pipeline, PointData, TimeWindow, load, read_csv, save",
    "from gpupept.tracking import *",
    "import gpupept.report, gpupept.demo, gpupept.warmup, gpupept.cli",
)


def run(script: str, *paths: Path) -> subprocess.CompletedProcess[str]:
    path = os.pathsep.join(map(str, (*paths, CHECKOUT)))
    return subprocess.run(
        [sys.executable, "-W", "error", "-c", script],
        env=os.environ | {"PYTHONPATH": path},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize("imports", LIGHT_IMPORTS)
def test_import_is_silent_and_loads_nothing_heavy(imports: str) -> None:
    result = run(f"{imports}\nimport sys\nprint(*[m for m in {HEAVY!r} if m in sys.modules])")
    assert (result.returncode, result.stderr) == (0, "")
    assert result.stdout.strip() == ""


def test_import_does_not_even_load_numpy() -> None:
    assert run("import sys, gpupept\nassert 'numpy' not in sys.modules").returncode == 0


def test_import_makes_no_thread_and_no_file(tmp_path: Path) -> None:
    script = (
        "import os, threading, sys\nsys.dont_write_bytecode = True\n"
        f"os.chdir({str(tmp_path)!r})\nimport gpupept.tracking\n"
        "print(threading.active_count(), os.listdir())"
    )
    assert run(script).stdout.split(maxsplit=1) == ["1", "[]\n"]


BROKEN_CUPY = {
    "not installed": "raise ModuleNotFoundError(\"No module named 'cupy'\", name='cupy')",
    "libraries missing": "raise ImportError('libcuda.so.1: cannot open shared object file')",
    "crashes": "raise RuntimeError('the driver is too old')",
}


@pytest.mark.parametrize("state", BROKEN_CUPY)
def test_work_without_a_usable_cupy(state: str, tmp_path: Path) -> None:
    (tmp_path / "cupy.py").write_text(BROKEN_CUPY[state])
    script = (
        "import gpupept, logging\nfrom gpupept.tracking import Segregate\n"
        "logging.getLogger('gpupept').setLevel('ERROR')\n"  # it may tell that it compiles
        "points = gpupept.PointData([[0, 1, 2, 3]])\n"
        "print(points.device, gpupept.backend.probe().usable)\n"
        "Segregate(2, 10).fit(points)\n"
        "try:\n    points.to('cuda')\n"
        "except gpupept.backend.GPUUnavailableError as error:\n    print('install' in str(error))"
    )
    result = run(script, tmp_path)
    assert (result.returncode, result.stderr) == (0, "")
    assert result.stdout.split() == ["cpu", "False", "True"]


def test_public_names_are_there() -> None:
    for name in gpupept.__all__:
        assert getattr(gpupept, name) is not None
    assert set(gpupept.__all__) <= set(dir(gpupept))
    assert gpupept.__version__.count(".") == 2


def test_unknown_name() -> None:
    with pytest.raises(AttributeError, match="has no attribute 'Tracker'"):
        _ = gpupept.Tracker


def test_existing_scripts_find_their_names() -> None:
    import gpupept as pept

    names = "LineData PointData TimeWindow AdaptiveWindow Pipeline read_csv load save"
    for name in names.split():
        assert callable(getattr(pept, name))
    assert callable(pept.scanners.parallel_screens)
    assert callable(pept.scanners.adac_forte)
    filters = "Cutpoints HDBSCAN SplitLabels SplitAll GroupBy Centroids Stack Segregate"
    for name in filters.split():
        assert callable(getattr(pept.tracking, name))
    assert callable(pept.plots.PlotlyGrapher)
    assert callable(pept.plots.PlotlyGrapher2D)
