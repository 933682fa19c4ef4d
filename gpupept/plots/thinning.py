"""The words that say, in the figure and in the log, that not everything is drawn."""

from __future__ import annotations

import logging
from typing import Any

logger = logging.getLogger(__name__)


def thinning_note(stride: int, count: int, what: str) -> str:
    """Say that only one of every `stride` of `count` things is drawn."""
    return f"showing 1 of every {stride} {what} ({count:,} in all)"


def blocks_note(factors: tuple[int, ...], shape: tuple[int, ...], what: str) -> str:
    """Say that the means of blocks of so many things are drawn."""
    size = " x ".join(str(factor) for factor in factors)
    whole = " x ".join(f"{count:,}" for count in shape)
    return f"showing means of {size} {what} ({whole} in all)"


def annotate(fig: Any, name: str, note: str, place: dict[str, Any]) -> None:
    """Write a note in the figure, below earlier notes of the same name, and in the log."""
    logger.info("%s; pass a larger limit, or None, to draw more", note)
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
        bgcolor="rgba(255, 255, 255, 0.8)",
        **place,
    )
