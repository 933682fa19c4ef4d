"""The line of log about compiling: of this package's functions, once, and only if it happens."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

_RUN = """
import sys
import numba
import numpy as np
from gpupept.kernels.compile_notice import silence
from gpupept.kernels.segments import segment_centroids
from gpupept.kernels.threads import run_ranges

if "silent" in sys.argv:
    silence()

@numba.njit
def mine(x):
    return x + 1

run_ranges(lambda first, last: mine(1), np.ones(2))
sys.stderr.write("own\\n")
for _ in range(2):
    segment_centroids(np.ones((4, 5)), np.array([[0, 2], [2, 4]]))
"""


def _run(cache: Path, *words: str) -> str:
    return subprocess.run(
        [sys.executable, "-c", _RUN, *words],
        env=os.environ | {"NUMBA_CACHE_DIR": str(cache)},
        capture_output=True,
        text=True,
        check=True,
    ).stderr


def test_compiling_is_told_once(tmp_path: Path) -> None:
    told = _run(tmp_path).splitlines()
    assert told[0] == "own"
    assert len(told) == 2
    assert "gpupept warmup" in told[1]
    assert _run(tmp_path) == "own\n"
    assert _run(tmp_path / "other", "silent") == "own\n"
