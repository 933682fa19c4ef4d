"""Fixtures shared by all tests: reference data and the devices a test runs on."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

CHECKOUT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="session")
def shared() -> Path:
    """Folder with golden vectors and real measurements; the test is skipped where it is absent."""
    places = [os.environ.get("GPUPEPT_SHARED"), CHECKOUT.parent / "shared"]
    for place in places:
        if place and (Path(place) / "golden").is_dir():
            return Path(place)
    pytest.skip("reference data not found: set GPUPEPT_SHARED to the folder that holds golden/ and data/")


@pytest.fixture(scope="session")
def golden(shared: Path) -> Callable[[str], dict[str, np.ndarray]]:
    """Load one golden archive by name (without the suffix)."""
    return lambda name: np.load(shared / "golden" / f"{name}.npz")
