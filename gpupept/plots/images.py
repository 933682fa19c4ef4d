"""Colour images as Plotly traces."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from gpupept.backend import to_host
from gpupept.base import Voxels


def colour_cells(image: Any) -> NDArray[Any]:
    """Colours of an image on the host, (height, width, 3 or 4), rows in the order of y."""
    cells = to_host(image.array).swapaxes(0, 1) if isinstance(image, Voxels) else to_host(image)
    if cells.ndim != 3 or cells.shape[2] not in (3, 4) or cells.size == 0:
        raise ValueError(
            f"image: expected (height, width, 3 or 4) colour values, found shape {cells.shape}"
        )
    return cells


def image_place(image: Any) -> dict[str, float]:
    """Where an image lies: the centre of its first cell and the size of its cells."""
    if not isinstance(image, Voxels):
        return {"x0": 0.0, "dx": 1.0, "y0": 0.0, "dy": 1.0}
    size = image.voxel_size
    x0, y0, _ = image.lower + size / 2
    return {"x0": float(x0), "dx": float(size[0]), "y0": float(y0), "dy": float(size[1])}


def image_trace(cells: NDArray[Any], factors: tuple[int, ...], options: dict[str, Any]) -> Any:
    """Return the Plotly trace of an image, of fewer and larger cells with the same outline.

    Parameters
    ----------
    cells : (H, W, C) array
        Colours.
    factors : pair of int
        Take one of about so many rows and columns.
    options : dict
        Attributes of the trace, among them its place.
    """
    import plotly.graph_objects as go

    place = dict(options)
    for position, (axis, factor) in enumerate(zip("yx", factors, strict=True)):
        count = cells.shape[position]
        kept = -(-count // factor)
        chosen = ((np.arange(kept) + 0.5) * count / kept).astype(np.int64)
        cells = np.take(cells, chosen, axis=position)
        step = options[f"d{axis}"] * count / kept
        place[f"{axis}0"] = options[f"{axis}0"] + (step - options[f"d{axis}"]) / 2
        place[f"d{axis}"] = step
    model = "rgb" if cells.shape[2] == 3 else "rgba"
    return go.Image(**{"z": cells, "colormodel": model, **place})
