"""Web pages: written whole or not at all."""

from __future__ import annotations

import io
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from gpupept.plots import PlotlyGrapher, PlotlyGrapher2D


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
