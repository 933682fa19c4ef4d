"""The command ``gpupept``: track, voxelize, demo, info, warmup."""

from __future__ import annotations

from gpupept.cli.main import main

__all__ = ["main"]
