"""Passes for the tests of mixing."""

from __future__ import annotations

import numpy as np
from hypothesis import strategies as st
from kernels.ragged import tables

from gpupept import PointData

COLUMNS = ["t", "x", "y", "z", "vx", "vy", "vz"]


def container(device, passes, columns=COLUMNS):
    """Samples on a device of a list of tables."""
    rows = np.vstack([*passes, np.empty((0, len(columns)))])
    sizes = [len(table) for table in passes]
    return PointData(device.asarray(rows), sample_size=sizes, columns=columns)


def helix(passes=40, rows=41, length=100.0, turn=np.pi, growth=0.0):
    """Passes on helices about the x axis that turn and widen evenly on the way to x = length.

    Half start at y < 0; each passes x = 0 and x = length exactly. Velocities belong to the positions.
    """
    rng = np.random.default_rng(5)
    angles = np.pi * (rng.uniform(0.1, 0.9, passes) + np.arange(passes) % 2) + np.pi / 2
    radii = rng.uniform(1.0, 9.0, passes)
    t = np.linspace(0.0, 1.0, rows)
    tables_ = []
    for angle, radius in zip(angles, radii, strict=True):
        phase, r = angle + turn * t, radius * (1.0 + growth * t)
        y, z = r * np.cos(phase), r * np.sin(phase)
        vy = growth * radius * np.cos(phase) - turn * z
        vz = growth * radius * np.sin(phase) + turn * y
        tables_.append(np.column_stack([t, length * t, y, z, np.full(rows, length), vy, vz]))
    return tables_


@st.composite
def any_passes(draw):
    """List of tables of seven columns, some empty, with odd numbers."""
    return [draw(tables(7, 6)) for _ in range(draw(st.integers(0, 4)))]
