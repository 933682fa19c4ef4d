"""A Plotly figure of rows x columns of subplots: what both graphers share."""

from __future__ import annotations

import copy
import math
import operator
import os
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Self

from gpupept.base.thinning import blocks_note, thinning_note
from gpupept.plots.ranges import Limits, check_limits
from gpupept.plots.thinning import annotate
from gpupept.utilities.files import atomic_write


def subplot_name(base: str, number: int) -> str:
    """Name the axis or scene of the n-th subplot as Plotly does: "scene", "scene2", ..."""
    return base if number == 1 else f"{base}{number}"


# Browsers put margins around the page, which would push the lower end of the figure out of the window.
_FIT = "document.body.style.margin = '0 8px';"
_BAR = 0.13  # room for a colour bar with its numbers, as a fraction of the figure


class SubplotFigure(ABC):
    """Rows x columns of like subplots with common limits, and adding, showing and saving traces."""

    _axes: ClassVar[tuple[str, ...]]

    def __init__(
        self, rows: int, cols: int, limits: Mapping[str, Any], subplot_titles: Sequence[str] | None
    ) -> None:
        self._rows = _check_count("rows", rows)
        self._cols = _check_count("cols", cols)
        self._titles = _padded_titles(subplot_titles, self._rows * self._cols)
        self._limits = {axis: check_limits(f"{axis}lim", limits[axis]) for axis in self._axes}
        self._equalised: dict[str, Limits] = {}
        self._follow_data = True
        self._label_colours: dict[tuple[str, int], str] = {}
        self._fig: Any = self.create_figure()

    @abstractmethod
    def create_figure(self) -> Any:
        """Return a new, empty figure of this layout."""

    @abstractmethod
    def _layout_axis(self, fig: Any, number: int, axis: str) -> Any:
        """Layout of one axis of a subplot."""

    @abstractmethod
    def _domain(self, number: int) -> tuple[Any, Any]:
        """Horizontal and vertical extent of a subplot, as fractions of the figure."""

    @abstractmethod
    def _set_width(self, number: int, left: float, right: float) -> None:
        """Change the horizontal extent of a subplot."""

    @abstractmethod
    def _held(self, number: int) -> list[Any]:
        """Traces of a subplot."""

    @abstractmethod
    def _note_place(self, number: int) -> dict[str, Any]:
        """Where a note stands in a subplot, as arguments of a Plotly annotation."""

    @abstractmethod
    def _data_ranges(self) -> dict[str, Limits]:
        """Limits of equal length that hold all data, empty if there are none."""

    @property
    def fig(self) -> Any:
        """The Plotly figure (`plotly.graph_objects.Figure`)."""
        return self._fig

    @property
    def xlim(self) -> Limits | None:
        """Limits of the x axes of all subplots in mm; None is automatic."""
        return self._limit("x")

    @xlim.setter
    def xlim(self, limits: Any) -> None:
        self._set_limit("x", limits)

    @property
    def ylim(self) -> Limits | None:
        """Limits of the y axes of all subplots in mm; None is automatic."""
        return self._limit("y")

    @ylim.setter
    def ylim(self, limits: Any) -> None:
        self._set_limit("y", limits)

    def xlabel(self, label: str, row: int = 1, col: int = 1) -> Self:
        """Set the title of the x axis of one subplot.

        Parameters
        ----------
        label : str
            Axis title; may contain Plotly's HTML-like markup.
        row, col : int, default 1
            Place of the subplot, counted from 1.
        """
        return self._set_label("x", label, row, col)

    def ylabel(self, label: str, row: int = 1, col: int = 1) -> Self:
        """Set the title of the y axis of one subplot; see `xlabel`."""
        return self._set_label("y", label, row, col)

    def add_trace(self, trace: Any, row: int = 1, col: int = 1) -> Self:
        """Add a Plotly trace to a subplot.

        Parameters
        ----------
        trace : Plotly trace
            For example what `points_trace` returns; a list of traces is accepted too.
        row, col : int, default 1
            Place of the subplot, counted from 1.

        Raises
        ------
        ValueError
            If there is no such subplot.
        """
        number = self._number(row, col)
        for each in _flattened(trace):
            self._fig.add_trace(each, row=row, col=col)
            if len(self._numbers()) > 1:
                self._place_colour_bar(self._fig.data[-1], number)
        return self

    def add_traces(self, traces: Sequence[Any], row: int = 1, col: int = 1) -> Self:
        """Add a list of Plotly traces to a subplot; see `add_trace`."""
        return self.add_trace(list(traces), row, col)

    def equalise_axes(self) -> Self:
        """Give all axes of all subplots ranges of the same length that hold all data.

        Each range is centred on the data along its axis. Does nothing while there are no data.
        """
        return self._equalise(self._data_ranges(), follow_data=False)

    def show(self, equal_axes: bool = True) -> None:
        """Show the figure with Plotly's default renderer, for example in the web browser.

        Parameters
        ----------
        equal_axes : bool, default True
            Give all axes ranges of the same length (see `equalise_axes`), unless limits were set.

        Examples
        --------
        The renderer can be chosen for the whole session:

        >>> import plotly
        >>> plotly.io.renderers.default = "browser"
        """
        self._prepare(equal_axes)
        self._fig.show()

    def to_html(
        self, filepath: Any, equal_axes: bool = True, include_plotlyjs: bool | str = True
    ) -> None:
        """Save the figure as a web page that needs no other file.

        The page is complete or not there at all: it is written under another name and renamed.

        Parameters
        ----------
        filepath : str, path-like or writable text file
            Where to write.
        equal_axes : bool, default True
            Give all axes ranges of the same length (see `equalise_axes`), unless limits were set.
        include_plotlyjs : bool or "cdn", default True
            True puts the Plotly.js library (about 5 MB) into the page, so that it opens without a
            network; "cdn" links to it.

        Raises
        ------
        FileNotFoundError
            If the directory does not exist.
        PermissionError
            If the directory cannot be written to.
        """
        self._prepare(equal_axes)
        options = {"include_plotlyjs": include_plotlyjs, "post_script": _FIT}
        if hasattr(filepath, "write"):
            filepath.write(self._fig.to_html(**options))
        elif isinstance(filepath, str | os.PathLike):
            with atomic_write(filepath) as temporary:
                self._fig.write_html(str(temporary), **options)
        else:
            kind = type(filepath).__name__
            raise TypeError(f"filepath: expected a path or a writable text file, found {kind}")

    def __repr__(self) -> str:
        lines = [f"{axis}lim = {self._limit(axis)}" for axis in self._axes]
        lines.append(f"traces = {len(self._fig.data)}")
        head = f"{type(self).__name__} (rows: {self._rows}, cols: {self._cols})"
        return "\n".join([head, "-" * len(head), *lines])

    def _repr_mimebundle_(self, *args: Any, **kwargs: Any) -> Any:
        """Show the figure where a notebook cell ends with a grapher; changes nothing."""
        shown = copy.deepcopy(self)
        shown._prepare(equal_axes=True)
        return shown._fig._repr_mimebundle_(*args, **kwargs)

    def _number(self, row: int, col: int) -> int:
        """Return the number of a subplot, row by row from 1."""
        for name, value, count in (("row", row, self._rows), ("col", col, self._cols)):
            if not 1 <= value <= count:
                raise ValueError(f"{name}: expected 1 to {count}, found {value!r}")
        return (row - 1) * self._cols + col

    def _numbers(self) -> list[int]:
        """Return the numbers of all subplots."""
        return list(range(1, self._rows * self._cols + 1))

    def _limit(self, axis: str) -> Limits | None:
        limits = self._limits[axis] or self._equalised.get(axis)
        return None if limits is None else list(limits)

    def _set_limit(self, axis: str, limits: Any) -> None:
        self._limits[axis] = check_limits(f"{axis}lim", limits)
        self._equalised.pop(axis, None)
        self._apply_limits()

    def _set_label(self, axis: str, label: str, row: int, col: int) -> Self:
        self._layout_axis(self._fig, self._number(row, col), axis).title.text = label
        return self

    def _apply_limits(self) -> None:
        for number in self._numbers():
            for axis in self._axes:
                limits, shown = self._limit(axis), self._layout_axis(self._fig, number, axis)
                shown.range = limits
                if limits is not None:
                    shown.autorange = None  # which would override them

    def _equalise(self, ranges: dict[str, Limits], follow_data: bool) -> Self:
        if ranges:
            self._limits = dict.fromkeys(self._axes)
            self._equalised = ranges
            self._follow_data = follow_data
            self._apply_limits()
        return self

    def _prepare(self, equal_axes: bool) -> None:
        """Fit the limits to the data before the figure is seen, unless the caller chose them."""
        chosen = any(self._limits.values()) or (self._equalised and not self._follow_data)
        if chosen:
            return
        if self._equalised:
            self._equalised = {}
            self._apply_limits()
        ranges = self._data_ranges() if equal_axes else self._separate_ranges()
        self._equalise(ranges, follow_data=True)

    def _separate_ranges(self) -> dict[str, Limits]:
        """Limits for a figure whose axes need not be equal; empty leaves them to Plotly."""
        return {}

    def _add_groups(self, traces: Any, row: int, col: int) -> None:
        """Add what `point_traces` returns, with one colour per label in all subplots.

        Plotly would count the groups of all subplots, and show one trajectory in several colours. A
        label that the subplot has already, as the y of a trajectory beside its x, has another one.
        """
        fig = self._fig
        cycle = fig.layout.colorway or fig.layout.template.layout.colorway
        if isinstance(traces, list) and cycle:
            shown = [_label(trace) for trace in self._held(self._number(row, col))]
            for trace in traces:
                key = (_label(trace), shown.count(_label(trace)))
                shown.append(key[0])
                following = cycle[len(self._label_colours) % len(cycle)]
                colour = self._label_colours.setdefault(key, following)
                if trace.marker.color is None:
                    trace.marker.color = colour
        self.add_trace(traces, row, col)

    def _note_thinning(
        self, drawn: int, count: int, limit: int | None, name: str, row: int, col: int
    ) -> None:
        if limit is not None and count > limit:
            self._note(thinning_note(drawn, count, limit, name), row, col)

    def _note_blocks(
        self, factors: tuple[int, ...], shape: Any, limit: int | None, row: int, col: int
    ) -> None:
        if max(factors) > 1:
            self._note(blocks_note(factors, shape, limit), row, col)

    def _note(self, note: str, row: int, col: int) -> None:
        """Write in a subplot that it does not show everything."""
        place = self._note_place(self._number(row, col))
        annotate(self._fig, f"thinned-{row}-{col}", note, place)

    def _colour_bar_place(self, number: int) -> dict[str, Any]:
        """Place of a colour bar to the right of its own subplot."""
        (_, right), (bottom, top) = self._domain(number)
        return {"x": right, "xanchor": "left", "y": (bottom + top) / 2, "len": top - bottom}

    def _place_colour_bar(
        self, trace: Any, number: int, former: dict[str, Any] | None = None
    ) -> None:
        """Put a trace's colour bar beside its subplot, if it is where Plotly or we put it before.

        Plotly puts all colour bars on one spot of the figure.
        """
        for bar in _colour_bars(trace):
            if bar.y is None or (former and all(bar[key] == former[key] for key in former)):
                self._make_room(number)
                bar.update(self._colour_bar_place(number))

    def _make_room(self, number: int) -> None:
        """Narrow a column of subplots, so that a colour bar fits between it and the next column.

        Beyond the last column Plotly makes the room itself.
        """
        left, right = self._domain(number)[0]
        bars = [bar for trace in self._fig.data for bar in _colour_bars(trace)]
        if right > 0.999 or any((bar.x, bar.xanchor) == (right, "left") for bar in bars):
            return
        narrowed = right - min(_BAR, 0.4 * (right - left))
        for other in self._numbers():
            start, end = self._domain(other)[0]
            if end == right:
                self._set_width(other, start, narrowed)
        notes = [note for note in self._fig.layout.annotations if note.xref == "paper"]
        for note in notes:
            if note.xanchor == "center" and math.isclose(note.x, (left + right) / 2):
                note.x = (left + narrowed) / 2  # the titles of these subplots


def _colour_bars(trace: Any) -> list[Any]:
    """Colour bars that Plotly shows for a trace: of heat maps always, of marks with a title."""
    bars: list[Any] = []
    holders: list[Any] = [trace, getattr(trace, "marker", None), getattr(trace, "line", None)]
    if getattr(trace, "type", None) == "mesh3d" and trace.intensity is None:
        return []  # has one colour
    for holder in holders:
        bar = getattr(holder, "colorbar", None)
        if bar is None or holder.showscale is False:
            continue
        if holder is trace or bar.title.text is not None:
            bars.append(bar)
    return bars


def _check_count(name: str, count: Any) -> int:
    try:
        number = operator.index(count)
    except TypeError:
        number = 0
    if number < 1:
        raise ValueError(f"{name}: expected a whole number of at least 1, found {count!r}")
    return number


def _padded_titles(titles: Sequence[str] | None, count: int) -> list[str]:
    """Return one non-empty title per subplot, so that each subplot has an annotation to change."""
    given = [titles] if isinstance(titles, str) else list(titles or ())
    if len(given) > count:
        raise ValueError(f"subplot_titles: {len(given)} titles for {count} subplots: {given}")
    return [title or "  " for title in given] + ["  "] * (count - len(given))


def _label(trace: Any) -> str:
    """Value that a trace is named after: the last word, as columns have different names."""
    return (trace.name or "").rpartition(" ")[2]


def marks(traces: Any) -> int:
    """Count the points of a trace, or of a list of them."""
    return sum(len(trace.x) for trace in _flattened(traces))


def _flattened(traces: Any) -> list[Any]:
    if isinstance(traces, list | tuple):
        return [each for group in traces for each in _flattened(group)]
    return [traces]
