"""Web pages: written whole or not at all, and opened in a browser."""

from __future__ import annotations

import io
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from gpupept.plots import PlotlyGrapher, PlotlyGrapher2D

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
CHROMIUM_FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--enable-unsafe-swiftshader",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--hide-scrollbars",
    "--enable-logging=stderr",
    "--v=0",
    "--window-size=900,700",
    "--virtual-time-budget=20000",
]
needs_chromium = pytest.mark.skipif(
    CHROMIUM is None, reason="no chromium on PATH to open the page with"
)


@pytest.fixture(params=[PlotlyGrapher, PlotlyGrapher2D])
def grapher(request: pytest.FixtureRequest) -> Any:
    return request.param().add_points(np.random.default_rng(0).uniform(size=(20, 4)))


def test_page_holds_the_library_unless_linked(grapher: Any, tmp_path: Path) -> None:
    assert grapher.to_html(tmp_path / "whole.html") is None
    grapher.to_html(str(tmp_path / "linked.html"), include_plotlyjs="cdn")
    whole = (tmp_path / "whole.html").read_text(encoding="utf-8")
    linked = (tmp_path / "linked.html").read_text(encoding="utf-8")
    assert whole.rstrip().endswith("</html>")
    assert len(whole) > 1_000_000 > len(linked)
    assert "cdn.plot.ly" in linked
    assert sorted(path.name for path in tmp_path.iterdir()) == ["linked.html", "whole.html"]


def test_page_in_an_open_file(grapher: Any) -> None:
    file = io.StringIO()
    grapher.to_html(file, include_plotlyjs="cdn")
    assert file.getvalue().rstrip().endswith("</html>")
    assert "scatter" in file.getvalue()


def test_axes_of_the_page_are_equal_unless_told_otherwise(tmp_path: Path) -> None:
    points = np.array([[0, 0, 0, 0], [0, 1, 2, 4.0]])
    grapher = PlotlyGrapher().add_points(points)
    grapher.to_html(tmp_path / "page.html", equal_axes=False, include_plotlyjs="cdn")
    assert grapher.xlim is None
    grapher.to_html(tmp_path / "page.html", include_plotlyjs="cdn")
    assert (grapher.xlim, grapher.zlim) == ([-1.5, 2.5], [0, 4])


def test_missing_directory(grapher: Any, tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="absent"):
        grapher.to_html(tmp_path / "absent" / "page.html")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="root may write anywhere")
def test_read_only_directory(grapher: Any, tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(PermissionError):
        grapher.to_html(tmp_path / "page.html")


def test_other_targets_are_refused(grapher: Any) -> None:
    with pytest.raises(TypeError, match="filepath"):
        grapher.to_html(5)


def test_a_failure_leaves_the_earlier_page(
    grapher: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = tmp_path / "page.html"
    page.write_text("earlier")

    def fail(fig: Any, path: str, **options: Any) -> None:
        Path(path).write_text("half")
        raise OSError("disk full")

    monkeypatch.setattr(type(grapher.fig), "write_html", fail)
    with pytest.raises(OSError, match="disk full"):
        grapher.to_html(page)
    assert page.read_text() == "earlier"
    assert list(tmp_path.iterdir()) == [page]


def rotating_tracers(count: int = 200) -> np.ndarray:
    """Positions of two tracers: columns t, x, y, z, label."""
    t = np.arange(float(count))
    label = t % 2
    angle = t / 15 + np.pi * label
    height = 100 + 0.1 * t
    return np.column_stack([t, 50 * np.cos(angle), height, 50 * np.sin(angle), label])


REPORT_ERRORS = """<head><script>
console.error = (...parts) => console.log("page error: " + parts.join(" "));
window.addEventListener("error", (event) => console.log("page error: " + event.message));
</script>"""


def open_page(page: Path, profile: Path) -> tuple[np.ndarray, list[str]]:
    """Picture of a page in headless Chromium, and the errors on its console."""
    picture = page.with_suffix(".png")
    copy = page.with_name("reporting.html")
    text = page.read_text(encoding="utf-8")
    assert text.count("<head>") >= 1
    copy.write_text(text.replace("<head>", REPORT_ERRORS, 1), encoding="utf-8")
    files = [f"--user-data-dir={profile}", f"--screenshot={picture}", copy.as_uri()]
    command = [str(CHROMIUM), *CHROMIUM_FLAGS, *files]
    result = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert picture.exists(), result.stderr[-2000:]
    image = pytest.importorskip("matplotlib.image")
    errors = [line for line in result.stderr.splitlines() if "page error: " in line]
    return np.asarray(image.imread(picture))[..., :3], errors


def coloured_pixels(picture: np.ndarray, hue: str) -> int:
    """Count the pixels near one of Plotly's default colours."""
    target = np.array([int(hue[i : i + 2], 16) for i in (1, 3, 5)]) / 255
    return int(np.count_nonzero(np.abs(picture - target).max(axis=2) < 0.25))


@needs_chromium
@pytest.mark.slow
@pytest.mark.parametrize("kind", ["points", "lines", "timeseries"])
def test_page_in_a_browser(kind: str, tmp_path: Path) -> None:
    rows = rotating_tracers()
    if kind == "points":
        grapher: Any = PlotlyGrapher().add_points(rows, size=6)
    elif kind == "lines":
        ends = np.column_stack([rows[:, :4], -rows[:, 1], rows[:, 2], rows[:, 3]])
        grapher = PlotlyGrapher().add_lines(ends, color="#636efa", width=4)
    else:
        grapher = PlotlyGrapher2D().add_timeseries(rows)
    page = tmp_path / "page.html"
    grapher.to_html(page)
    picture, errors = open_page(page, tmp_path / "profile")
    assert errors == []
    assert coloured_pixels(picture, "#636efa") > 500
    if kind != "lines":
        assert coloured_pixels(picture, "#EF553B") > 500


@needs_chromium
@pytest.mark.slow
def test_the_browser_test_sees_errors(tmp_path: Path) -> None:
    page = tmp_path / "broken.html"
    page.write_text("<html><head></head><body><script>undefinedName.plot()</script></body></html>")
    picture, errors = open_page(page, tmp_path / "profile")
    assert "undefinedName" in "".join(errors)
    assert coloured_pixels(picture, "#636efa") == 0
