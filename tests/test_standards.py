"""The rules of the code base that tools can check: style, types, direction of imports, the wheel."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).resolve().parent.parent
PACKAGE = CHECKOUT / "gpupept"
# From the lowest to the highest; a module imports from its own layer and from those below.
LAYERS = (
    {"_version"},
    {"backend"},
    {"kernels"},
    {"utilities.files", "utilities.csv", "utilities.text", "utilities"},
    {"executors"},
    {"base"},
    {"volumes"},
    {"clustering", "grids", "images", "mapreduce"},
    {"tracking", "scanners", "simulation"},
    {"plots"},
    {"processing"},
)
ONLY_IN = {"cupy": "backend", "cuml": "backend", "rmm": "backend", "numba": "kernels"}


def _modules() -> list[Path]:
    return sorted(PACKAGE.rglob("*.py"))


def _imports(path: Path) -> Iterator[str]:
    """Absolute names imported anywhere in a module, except for type checking only."""
    for node in ast.walk(_without_typing_blocks(ast.parse(path.read_text()))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def _without_typing_blocks(tree: ast.Module) -> ast.Module:
    for node in ast.walk(tree):
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            node.body = [ast.Pass()]
    return tree


def _layer(name: str) -> int | None:
    for height, layer in reversed(list(enumerate(LAYERS))):
        if any(name == part or name.startswith(f"{part}.") for part in layer):
            return height
    return None


@pytest.mark.parametrize("path", _modules(), ids=lambda path: str(path.relative_to(PACKAGE)))
def test_imports_point_down(path: Path) -> None:
    name = ".".join(path.relative_to(PACKAGE).with_suffix("").parts).removesuffix(".__init__")
    height = _layer(name)
    for imported in _imports(path):
        root, _, rest = imported.partition(".")
        allowed = ONLY_IN.get(root)
        assert allowed is None or name.split(".")[0] == allowed, f"{name} imports {root}"
        below = _layer(rest) if root == "gpupept" else None
        if height is not None and below is not None:
            assert below <= height, f"{name} imports {imported}, which lies above it"


def test_direction_of_imports_is_really_checked() -> None:
    assert _layer("base.line_data") > _layer("kernels.hdbscan") > _layer("backend")
    assert _layer("cli") is None
    assert "gpupept.backend" in set(_imports(PACKAGE / "clustering.py"))


def _run(*command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", *command], cwd=CHECKOUT, capture_output=True, text=True, check=False
    )


@pytest.mark.parametrize("command", [("ruff", "check", "."), ("ruff", "format", "--check", ".")])
def test_ruff_finds_nothing(command: tuple[str, ...]) -> None:
    result = _run(*command)
    assert result.returncode == 0, result.stdout + result.stderr


def test_mypy_finds_nothing() -> None:
    result = _run("mypy")
    assert result.returncode == 0, result.stdout + result.stderr


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    result = _run("hatchling", "build", "-t", "wheel", "-d", str(folder))
    assert result.returncode == 0, result.stdout + result.stderr
    return next(folder.glob("*.whl"))


def test_wheel_holds_every_kernel_source(wheel: Path) -> None:
    sources = {
        f"gpupept/cuda_kernels/{path.relative_to(CHECKOUT / 'cuda_kernels').as_posix()}"
        for path in (CHECKOUT / "cuda_kernels").rglob("*.cu*")
    }
    names = set(zipfile.ZipFile(wheel).namelist())
    assert any(name.endswith(".cu") for name in sources)
    assert sources <= names
    assert {"gpupept/py.typed", "gpupept/__init__.py"} <= names
    assert not [name for name in names if name.startswith(("tests/", "benchmarks/"))]


def test_installed_wheel_finds_its_kernels(wheel: Path, tmp_path: Path) -> None:
    zipfile.ZipFile(wheel).extractall(tmp_path)
    script = "from gpupept.backend import find_kernel_file; print(find_kernel_file('segments.cu'))"
    environment = {k: v for k, v in os.environ.items() if k != "GPUPEPT_KERNEL_DIR"}
    result = subprocess.run(
        [sys.executable, "-c", script],
        cwd=tmp_path,
        env=environment | {"PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    assert Path(result.stdout.strip()) == tmp_path / "gpupept/cuda_kernels/segments.cu"
