"""Starting pept's Python, or the reason why it cannot be."""

from __future__ import annotations

from dataclasses import dataclass

from benchmarks.harness import PEER_VARIABLE, Missing
from benchmarks.protocol import Peer, PeerError


@dataclass(frozen=True)
class Started:
    """A worker that runs, with the versions it has; or no worker, and why."""

    peer: Peer | None
    versions: str
    missing: Missing


def start_peer(python: str | None) -> Started:
    """Start the worker in pept's Python.

    Parameters
    ----------
    python : str or None
        The interpreter.

    Returns
    -------
    Started
        The worker, or why there is none.
    """
    if not python:
        return _absent(f"no Python with pept was given (--peer-python or {PEER_VARIABLE})")
    try:
        peer = Peer([python, "-m", "benchmarks.peer_worker"])
    except PeerError as error:
        return _absent(str(error))
    try:
        found = peer.ask("versions")
    except PeerError as error:
        peer.close()
        return _absent(str(error))
    return Started(peer, ", ".join(f"{name} {text}" for name, text in found.items()), Missing(""))


def _absent(reason: str) -> Started:
    return Started(None, f"not run: {reason}", Missing(reason))
