"""Requests to a worker in another Python: one line of JSON to its input, one back from its output.

This module runs in the peer's Python too, so it imports nothing but the standard library.
"""

from __future__ import annotations

import contextlib
import json
import subprocess
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import IO, Any

CHECKOUT = Path(__file__).resolve().parent.parent


class PeerError(RuntimeError):
    """The worker could not be started, died, or says that a task failed."""


def serve(
    tasks: Mapping[str, Callable[..., dict[str, Any]]], requests: IO[str], replies: IO[str]
) -> None:
    """Answer requests until there are no more.

    Parameters
    ----------
    tasks : mapping of str to callable
        What the worker does: called with the arguments of the request, gives the reply.
    requests, replies : text streams
        Where requests come from and replies go to.
    """
    for line in requests:
        request = json.loads(line)
        try:
            name = request["task"]
            if name not in tasks:
                raise ValueError(f"there is no task {name!r}")
            reply: dict[str, Any] = {"result": tasks[name](**request["arguments"])}
        except Exception as error:  # whatever goes wrong is the answer
            reply = {"error": f"{type(error).__name__}: {error}"}
        replies.write(json.dumps(reply) + "\n")
        replies.flush()


class Peer:
    """A worker process and what can be asked of it.

    Parameters
    ----------
    command : sequence of str
        Starts the worker, which calls `serve` on its standard streams.

    Raises
    ------
    PeerError
        If it cannot be started.
    """

    def __init__(self, command: Sequence[str]) -> None:
        # Stays open as long as the process; what went wrong is read from it.
        self._messages = tempfile.TemporaryFile("w+", errors="replace")  # noqa: SIM115
        try:
            self._process = subprocess.Popen(
                list(command),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=self._messages,
                text=True,
                cwd=CHECKOUT,
            )
        except OSError as error:
            self._messages.close()
            raise PeerError(f"the peer's Python cannot be started: {error.strerror}") from error

    def ask(self, task: str, **arguments: Any) -> dict[str, Any]:
        """Have the worker do a task.

        Parameters
        ----------
        task : str
            Its name.
        **arguments : object
            What it is called with; JSON must know them.

        Returns
        -------
        dict
            Its reply.

        Raises
        ------
        PeerError
            If the task fails or the worker ends.
        """
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        try:
            self._process.stdin.write(json.dumps({"task": task, "arguments": arguments}) + "\n")
            self._process.stdin.flush()
        except OSError:
            raise PeerError(self._last_words()) from None
        line = self._process.stdout.readline()
        if not line:
            raise PeerError(self._last_words())
        reply = json.loads(line)
        if "error" in reply:
            raise PeerError(reply["error"])
        result: dict[str, Any] = reply["result"]
        return result

    def _last_words(self) -> str:
        code = self._process.wait()
        self._messages.seek(0)
        lines = [line.strip() for line in self._messages if line.strip()]
        return f"the peer's worker ended with code {code}" + (f": {lines[-1]}" if lines else "")

    def close(self) -> None:
        """End the worker."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        with contextlib.suppress(OSError):
            self._process.stdin.close()
        self._process.wait()
        self._process.stdout.close()
        self._messages.close()


@contextlib.contextmanager
def closing_peer(peer: Peer | None) -> Iterator[Peer | None]:
    """Close the peer, if there is one, at the end of the block."""
    try:
        yield peer
    finally:
        if peer is not None:
            peer.close()
