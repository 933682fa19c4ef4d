"""Every kind of figure in a browser: no errors, and each subplot shows its colours.

All kinds are on two pages, one of WebGL scenes and one of plane subplots, as starting Plotly takes long.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
from headless_browser import Browser, near, needs_chromium, running

import gpupept as pept
from gpupept.plots import PlotlyGrapher, PlotlyGrapher2D, histogram

pytestmark = [needs_chromium, pytest.mark.slow]
BLUE, RED = "#636efa", "#EF553B"  # the first default colours
MAGMA = "#F1605D"  # three fifths up the scale
ENTIRE = "document.documentElement.scrollHeight <= window.innerHeight"
BOXES = """[...document.querySelectorAll('.annotation-text')].map(
    text => [text.textContent, text.getBoundingClientRect().toJSON()])"""
SIZE = """(() => {
    const layout = document.querySelector('.js-plotly-plot')._fullLayout;
    return [layout._size, layout.width, layout.height];
})()"""


class Page(NamedTuple):
    """A page as the browser showed it."""

    fig: Any
    picture: np.ndarray
    errors: list[Any]
    entire: bool
    size: Any
    boxes: list[Any]

    def part(self, x: tuple[float, float], y: tuple[float, float]) -> np.ndarray:
        """Picture of a subplot, whose place is given as fractions of the figure."""
        size, _, _ = self.size
        left, right = (int(8 + size["l"] + end * size["w"]) for end in x)
        low, high = (int(size["t"] + (1 - end) * size["h"]) for end in y)
        return self.picture[high:low, left:right]


def shown(browser: Browser, grapher: Any, page: Path) -> Page:
    if hasattr(grapher, "to_html"):
        grapher.to_html(page)
    browser.open(page)
    facts = [browser.evaluate(script) for script in (ENTIRE, SIZE, BOXES)]
    return Page(grapher.fig, browser.picture(), browser.errors(), *facts)


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    with running(tmp_path_factory.mktemp("profile")) as browser:
        yield browser


def tracers(count: int = 200) -> np.ndarray:
    """Positions of two tracers: columns t, x, y, z, label."""
    t = np.arange(float(count))
    angle = t / 15 + np.pi * (t % 2)
    return np.column_stack([t, 50 * np.cos(angle), 100 + t / 10, 50 * np.sin(angle), t % 2])


def lines() -> np.ndarray:
    rows = tracers()
    return np.column_stack([rows[:, :4], -rows[:, 1], rows[:, 2], rows[:, 3]])


def bump(axes: int, count: int = 24) -> np.ndarray:
    x = np.linspace(-2, 2, count)
    squares = np.meshgrid(*[x**2] * axes, indexing="ij")
    return np.exp(-np.sum(squares, axis=0))


def pixels() -> Any:
    return pept.Pixels(50 * bump(2), [0, 60], [0, 60])


def voxels(count: int = 24) -> Any:
    return pept.Voxels(bump(3, count), [0, 60], [0, 60], [0, 60])


def image() -> Any:
    colours = np.tile(np.array([0x63, 0x6E, 0xFA]), (20, 30, 1))
    return pept.Voxels(colours, [0, 300], [0, 200], [0, 1])


SCENES: dict[str, list[str]] = {
    "points": [BLUE, RED],
    "lines": [BLUE],
    "surface": [MAGMA],
    "voxels": [MAGMA],
    "cubes": [],
    "thinned voxels": [MAGMA],
}
PLANES: dict[str, list[str]] = {
    "points": [BLUE, RED],
    "many points": [RED],
    "lines": [BLUE],
    "heat map": [MAGMA],
    "slice": [MAGMA],
    "image": [BLUE],
    "x against t": [BLUE, RED],
    "y against t": [RED],
    "z against t": [BLUE, RED],
}


@pytest.fixture(scope="module")
def scenes(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Page:
    grapher = PlotlyGrapher(2, 3, subplot_titles=list(SCENES))
    grapher.add_points(tracers() * [1, 0.5, 0.3, 0.5, 1], 1, 1, size=6, opacity=1)
    grapher.add_lines(lines(), 1, 2, color=BLUE, width=4)
    grapher.add_pixels(pixels(), 1, 3)
    some = {"condition": lambda values: values > 0.3, "opacity": 1, "size": 6}
    some["marker"] = {"cmin": 0, "cmax": 0.6}  # so that the outermost have the middle colour
    grapher.add_voxels(voxels(), 2, 1, **some)
    cubes = voxels(6).cubes_traces(lambda values: values > 0.3, color=BLUE, opacity=1)
    grapher.add_traces(cubes, 2, 2)
    grapher.add_voxels(voxels(), 2, 3, **some, max_voxels=500)
    return shown(browser, grapher, tmp_path_factory.mktemp("scenes") / "page.html")


@pytest.fixture(scope="module")
def planes(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Page:
    grapher = PlotlyGrapher2D(3, 3, subplot_titles=list(PLANES))
    values = 50 * bump(2)
    values[3, 3], values[4, 4] = np.nan, np.inf  # have no colour, and do no harm
    rows = tracers() * [1, 0.5, 0.3, 0.5, 1]
    rows[:3, 1] = np.nan, np.inf, -np.inf
    many = np.repeat(rows, 150, axis=0)  # so many that they are drawn by WebGL
    grapher.add_points(rows, 1, 1).add_points(many, 1, 2, color=RED)
    grapher.add_lines(np.delete(lines(), [3, 6], axis=1), 1, 3, color=BLUE, opacity=1)
    grapher.add_pixels(pept.Pixels(values, [0, 60], [0, 60]), 2, 1, max_pixels=150)
    grapher.add_trace(voxels().heatmap_trace(iz=12), 2, 2).add_image(image(), 2, 3)
    grapher.add_timeseries(tracers(), [(3, 1), (3, 2), (3, 3)])
    return shown(browser, grapher, tmp_path_factory.mktemp("planes") / "page.html")


def coloured(picture: np.ndarray) -> int:
    """Count the pixels that are no shade of grey."""
    return int(np.count_nonzero(np.ptp(picture, axis=2) > 0.3))


@pytest.mark.parametrize("kind", list(SCENES))
def test_a_scene_is_drawn(kind: str, scenes: Page) -> None:
    number = list(SCENES).index(kind) + 1
    domain = scenes.fig.layout["scene" if number == 1 else f"scene{number}"].domain
    part = scenes.part(domain.x, domain.y)
    assert coloured(part) > 100
    for colour in SCENES[kind]:
        assert near(part, colour) > 20, colour


@pytest.mark.parametrize("kind", list(PLANES))
def test_a_plane_subplot_is_drawn(kind: str, planes: Page) -> None:
    number = list(PLANES).index(kind) + 1
    ends = [planes.fig.layout["xy"[i] + f"axis{number if number > 1 else ''}"] for i in (0, 1)]
    part = planes.part(ends[0].domain, ends[1].domain)
    assert coloured(part) > 100
    for colour in PLANES[kind]:
        assert near(part, colour) > 20, colour


@pytest.mark.parametrize("name", ["scenes", "planes"])
def test_pages_are_without_errors_and_fit_the_window(
    name: str, request: pytest.FixtureRequest
) -> None:
    page: Page = request.getfixturevalue(name)
    assert page.errors == []
    assert page.entire
    assert [text for text, _ in page.boxes[: len(page.fig.layout.annotations)]]


def test_notes_are_readable(scenes: Page, planes: Page) -> None:
    note = next(text for text, _ in scenes.boxes if "voxels drawn" in text)
    notes = {
        note: ("thinned voxels", scenes),
        "means of 2 x 2 pixels drawn, of 24 x 24 in all (max_pixels=150)": ("heat map", planes),
    }
    for note, (title, page) in notes.items():
        boxes = dict(page.boxes)
        assert boxes[title]["bottom"] <= boxes[note]["top"] + 2
        assert boxes[note]["left"] >= 0
        assert boxes[note]["width"] > 100


def test_whole_scenes_are_seen_however_narrow(browser: Browser, tmp_path: Path) -> None:
    grapher = PlotlyGrapher(cols=3)
    rows = tracers() * [1, 1, 0.5, 1, 1]
    grapher.add_points(rows, colorbar_col=0, colorbar_title="t (ms)")
    grapher.add_traces(voxels(6).cubes_traces(color=BLUE, opacity=1), col=2)
    grapher.add_voxels(voxels(), col=3, color=BLUE, max_voxels=500, opacity=1)
    page = shown(browser, grapher, tmp_path / "page.html")
    for name in ("scene", "scene2", "scene3"):
        domain = grapher.fig.layout[name].domain
        part = page.part(domain.x, domain.y)[:, 3:-3]
        assert coloured(part) > 100, name
        assert coloured(part[:, :2]) == coloured(part[:, -2:]) == 0, name  # nothing is cut off


def test_a_histogram_is_drawn(browser: Browser, tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    histogram(np.random.default_rng(0).normal(size=300), xaxis_title="v").write_html(page)
    picture = browser.open(page).picture()
    assert browser.errors() == []
    assert near(picture, BLUE) > 10_000


def test_an_empty_figure_has_no_colours(browser: Browser, tmp_path: Path) -> None:
    page = shown(browser, PlotlyGrapher(cols=2), tmp_path / "page.html")
    assert page.errors == []
    assert coloured(page.picture) < 100


def test_errors_of_a_page_are_seen(browser: Browser, tmp_path: Path) -> None:
    scripts = {"thrown": "undefinedName.plot()", "logged": "console.error('undefinedName')"}
    for name, script in scripts.items():
        page = tmp_path / f"{name}.html"
        page.write_text(f"<html><body><script>{script}</script></body></html>")
        assert "undefinedName" in str(browser.open(page).errors()), name
