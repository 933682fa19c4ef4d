"""Draw at most so many rows: which ones, and the words that say so in the figure and in the log."""

from __future__ import annotations

import logging
from typing import Any

logger = logging.getLogger(__name__)


def thinning_stride(count: int, limit: int | None, name: str = "max_points") -> int:
    """Return the k for which drawing one of every k rows stays within the limit.

    Parameters
    ----------
    count : int
        Number of rows.
    limit : int or None
        Largest number of rows to draw; None draws all.
    name : str
        What the limit is called in error messages.

    Raises
    ------
    ValueError
        If the limit is smaller than 1.

    Examples
    --------
    >>> from gpupept.plots.thinning import thinning_stride
    >>> thinning_stride(1_000, 300), thinning_stride(1_000, None)
    (4, 1)
    """
    if limit is None:
        return 1
    if limit < 1:
        raise ValueError(f"{name}: expected a positive number or None, found {limit!r}")
    return max(1, -(-count // int(limit)))


def thinning_note(stride: int, count: int, what: str) -> str:
    """Say that only one of every `stride` rows is drawn; the same words go to the log."""
    note = f"showing 1 of every {stride} {what} ({count:,} in all)"
    logger.info("%s; pass a larger limit, or None, to draw more", note)
    return note


def annotate(fig: Any, name: str, note: str, place: dict[str, Any]) -> None:
    """Write a note in the figure, below earlier notes of the same name."""
    for earlier in fig.layout.annotations:
        if earlier.name == name:
            if note not in earlier.text.split("<br>"):
                earlier.text += f"<br>{note}"
            return
    fig.add_annotation(
        name=name,
        text=note,
        showarrow=False,
        align="left",
        xanchor="left",
        font={"size": 12, "color": "dimgrey"},
        bgcolor="rgba(255, 255, 255, 0.7)",
        **place,
    )
