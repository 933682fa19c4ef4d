"""Runs pept in its own Python at the requests of a benchmark: ``python -m benchmarks.peer_worker``."""

from __future__ import annotations

import importlib
import importlib.metadata
import os
import platform
import sys
import time
from typing import Any

from benchmarks.counting import count_lines
from benchmarks.gridding import Gridder
from benchmarks.locators import Locator
from benchmarks.protocol import serve
from benchmarks.stages import Recipe, Settings, Target

PACKAGES = ("pept", "numpy", "scipy", "hdbscan", "joblib", "pandas")
# Samples that are run before anything is timed, so that worker processes exist and modules are loaded.
WARM_UP_ROWS = 4000


class Worker:
    """The tasks of the worker; replies are plain dictionaries."""

    def __init__(self, library: Any) -> None:
        self.package = library
        self._recipes: dict[str, Recipe] = {}
        self._locators: dict[str, Locator] = {}

    def versions(self) -> dict[str, Any]:
        """Versions of Python and of the packages that matter."""
        found = {"Python": platform.python_version()}
        for name in PACKAGES:
            try:
                found[name] = importlib.metadata.version(name)
            except importlib.metadata.PackageNotFoundError:
                found[name] = "not installed"
        return found

    def prepare(
        self, path: str, settings: dict[str, Any], executor: str, workers: int
    ) -> dict[str, Any]:
        """Make a recipe ready to run, with a first run on a part of the file; its seconds."""
        target = Target(executor=executor, workers=workers)
        start = time.perf_counter()
        rows = min(settings.get("rows") or WARM_UP_ROWS, WARM_UP_ROWS)
        first = Recipe(self.package, path, Settings(**{**settings, "rows": rows}), target)
        first.run("whole recipe")
        self._recipes[executor] = Recipe(self.package, path, Settings(**settings), target)
        return {"seconds": time.perf_counter() - start}

    def run(self, executor: str, stage: str) -> dict[str, Any]:
        """Run a stage of a recipe that is ready."""
        outcome = self._recipes[executor].run(stage)
        return {"seconds": outcome.seconds, "counts": outcome.counts}

    def locate(self, path: str, case: str, executor: str, workers: int) -> dict[str, Any]:
        """Run a case of `benchmarks.locators` on LoRs saved in a file; seconds and rows."""
        if executor not in self._locators:
            target = Target(executor=executor, workers=workers)
            self._locators[executor] = Locator(self.package, path, target)
        outcome = self._locators[executor].run(case)
        return {"seconds": outcome.seconds[case], "rows": outcome.counts[case]}

    def grid(self, path: str, case: str) -> dict[str, Any]:
        """Run a case of `benchmarks.gridding` on positions in a file; seconds, and cells visited."""
        seconds, visited = Gridder(self.package, path, Target(workers=1)).run(case)
        return {"seconds": seconds, "visited": visited}

    def read(self, reader: str, path: str, options: dict[str, Any]) -> dict[str, Any]:
        """Read a file with a scanner's function; seconds and LoRs."""
        function = getattr(self.package.scanners, reader)
        start = time.perf_counter()
        lines = function(path, verbose=False, **options)
        seconds = time.perf_counter() - start
        return {"seconds": seconds, "LoRs": len(lines.lines)}

    def count(self, path: str, number: int) -> dict[str, Any]:
        """Count the lines of a file through each of `number`^3 voxels; seconds and the sum."""
        seconds, total = count_lines(self.package.utilities.traverse3d, path, number)
        return {"seconds": seconds, "sum": total}

    def serve(self) -> None:
        """Answer requests on the standard streams until they end."""
        # Replies get the standard output to themselves; what libraries print goes to the errors.
        replies = os.fdopen(os.dup(1), "w", encoding="utf-8")
        os.dup2(2, 1)
        names = ("versions", "prepare", "run", "read", "count", "locate", "grid")
        tasks = {name: getattr(self, name) for name in names}
        serve(tasks, sys.stdin, replies)


def main() -> None:
    """Import pept and serve."""
    library = importlib.import_module("pept")
    for part in ("scanners", "tracking", "utilities"):
        importlib.import_module(f"pept.{part}")
    Worker(library).serve()


if __name__ == "__main__":
    main()
