"""Say, in the figure and in the log, that not everything is drawn."""

from __future__ import annotations

import logging
from typing import Any

logger = logging.getLogger(__name__)


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
