"""Talking to a worker in another Python."""

from __future__ import annotations

import ast
import io
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from benchmarks import peer_worker, protocol, stages
from benchmarks.peer import start_peer
from benchmarks.protocol import Peer, PeerError, serve

FAKE = """
import sys
from benchmarks.peer_worker import Worker

class Fake(Worker):
    def versions(self):
        print("libraries print what they like")
        return {"fake": "1"}
    def run(self, executor, stage):
        if stage == "die":
            print("out of luck", file=sys.stderr)
            sys.stderr.flush()
            import os; os._exit(7)
        return {"seconds": {stage: 0.25}, "counts": {executor: 3}}

Fake(None).serve()
"""


@pytest.fixture(scope="module")
def fake() -> Iterator[Peer]:
    peer = Peer([sys.executable, "-c", FAKE])
    yield peer
    peer.close()


def test_tasks_are_done_in_the_worker(fake: Peer) -> None:
    assert fake.ask("versions") == {"fake": "1"}
    reply = fake.ask("run", executor="joblib", stage="cutpoints")
    assert reply == {"seconds": {"cutpoints": 0.25}, "counts": {"joblib": 3}}


def test_a_failed_task_is_told_and_the_worker_goes_on(fake: Peer) -> None:
    with pytest.raises(PeerError, match="ValueError: there is no task 'dance'"):
        fake.ask("dance")
    with pytest.raises(PeerError, match=r"TypeError: .*missing.*'stage'"):
        fake.ask("run", executor="joblib")
    assert fake.ask("versions") == {"fake": "1"}


def test_the_last_words_of_a_worker_that_dies() -> None:
    peer = Peer([sys.executable, "-c", FAKE])
    with pytest.raises(PeerError, match="ended with code 7: out of luck"):
        peer.ask("run", executor="joblib", stage="die")
    with pytest.raises(PeerError, match="ended with code 7"):
        peer.ask("versions")
    peer.close()


def test_serve_answers_line_by_line() -> None:
    def double(number: int) -> dict[str, Any]:
        return {"twice": 2 * number}

    requests = [{"task": "double", "arguments": {"number": n}} for n in (1, 5)]
    requests.append({"task": "double", "arguments": {"number": None}})
    replies = io.StringIO()
    serve({"double": double}, io.StringIO("".join(json.dumps(r) + "\n" for r in requests)), replies)
    first, second, third = map(json.loads, replies.getvalue().splitlines())
    assert first == {"result": {"twice": 2}}
    assert second == {"result": {"twice": 10}}
    assert third["error"].startswith("TypeError: ")


def test_no_python_is_a_reason() -> None:
    started = start_peer(None)
    assert started.peer is None
    assert "--peer-python or GPUPEPT_PEER_PYTHON" in started.missing.reason
    assert started.versions == f"not run: {started.missing.reason}"


def test_a_python_that_is_not_there_is_a_reason(tmp_path: Path) -> None:
    started = start_peer(str(tmp_path / "python"))
    assert started.peer is None
    assert "cannot be started: No such file" in started.missing.reason
    assert str(tmp_path) not in started.versions


@pytest.mark.skipif(sys.platform == "win32", reason="the stand-in is a shell script")
def test_a_python_without_pept_is_a_reason(tmp_path: Path) -> None:
    script = tmp_path / "python"
    script.write_text("#!/bin/sh\necho \"No module named 'pept'\" >&2\nexit 1\n")
    script.chmod(0o755)
    started = start_peer(str(script))
    assert started.peer is None
    assert "No module named 'pept'" in started.missing.reason


@pytest.mark.parametrize("module", [protocol, stages, peer_worker])
def test_the_peers_side_needs_the_standard_library_alone(module: Any) -> None:
    tree = ast.parse(Path(module.__file__).read_text())
    names: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            names.add((node.module or "").partition(".")[0])
    assert names <= set(sys.stdlib_module_names) | {"benchmarks"}
