"""The artificial cluster on the GPU: launches the kernels of `cuda_kernels/artificial.cu`."""

from __future__ import annotations

import numpy as np

from gpupept.backend import KernelSpec, array_namespace, device_of, to_device
from gpupept.kernels import Array

THREADS = 256  # as in the source

ADD = KernelSpec(
    "artificial",
    "add_artificial",
    (
        ("points", "float64*"),
        ("columns", "int64"),
        ("samples", "int64*"),
        ("offsets", "int64*"),
        ("normals", "float64*"),
        ("positions", "float64*"),
    ),
)
DISCARD = KernelSpec(
    "artificial",
    "discard_artificial",
    (
        ("labels", "int64*"),
        ("offsets", "int64*"),
        ("starts", "int64*"),
        ("strict", "int32"),
        ("members", "int32*"),
        ("artificial", "int32*"),
        ("kept", "int64*"),
    ),
)


def add_on_device(
    points: Array, samples: np.ndarray, offsets: np.ndarray, normals: Array, positions: Array
) -> None:
    """Fill `positions`; see `gpupept.kernels.artificial.add_artificial`."""
    count = len(samples)
    table = to_device(
        np.concatenate([np.ravel(samples), offsets]).astype(np.int64), device_of(points)
    )
    ADD.launch(
        (count, 3),
        THREADS,
        points,
        points.shape[1],
        table[: 2 * count],
        table[2 * count :],
        normals,
        positions,
    )


def discard_on_device(
    labels: Array, offsets: np.ndarray, sizes: np.ndarray, strict: bool, kept: Array
) -> None:
    """Fill `kept`; see `gpupept.kernels.artificial.discard_artificial`."""
    xp = array_namespace(labels)
    starts = np.concatenate([[0], np.cumsum(sizes)])
    table = to_device(np.concatenate([offsets, starts]).astype(np.int64), device_of(labels))
    members, artificial = xp.empty((2, len(labels)), dtype=np.int32)
    DISCARD.launch(
        len(sizes),
        THREADS,
        labels,
        table[: len(offsets)],
        table[len(offsets) :],
        int(strict),
        members,
        artificial,
        kept,
    )
