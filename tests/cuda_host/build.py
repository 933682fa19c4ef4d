"""Builds the text of a CUDA source with the host compiler, and runs its kernels.

The text is the one that the loader gives to CuPy, so that what runs here is what runs on a GPU. Built
libraries are kept between runs under a name made from everything that goes into them.
"""

from __future__ import annotations

import contextlib
import ctypes
import functools
import hashlib
import mmap
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

HERE = Path(__file__).resolve().parent
HEADERS = ("cuda_host.hpp", "fibres.hpp")
FLAGS = (
    *("-std=c++20", "-O2", "-g1", "-fPIC", "-shared", "-ffp-contract=off", "-fno-strict-aliasing"),
    "-Werror=frame-larger-than=65536",  # half of a fibre's stack
)
_KERNEL = re.compile(r"__attribute__\(\(noinline, used\)\)(?:\s|^#[^\n]*$)*void\s+(\w+)\s*\(", re.M)
_DYNAMIC = re.compile(
    r"extern\s+__shared__\s+(?:__align__\s*\([^()]*\)\s*|alignas\s*\([^()]*\)\s*)?"
    r"([\w:\s]+?)\s*\b(\w+)\s*\[\s*\]\s*;"
)

_order = {"from_last": False}
_kept: list[object] = []  # memory that the libraries use for as long as the process lives


class HostCompileError(Exception):
    """The host compiler refused a CUDA source; the message is the compiler's."""


class LaunchError(RuntimeError):
    """A kernel could not run to its end: a deadlock, a failed assertion, an overrun."""


@contextlib.contextmanager
def threads_from_last() -> Iterator[None]:
    """Run the blocks of a grid, and the threads of a block, from last to first.

    A kernel whose result changes depends on an order that CUDA does not define.
    """
    before, _order["from_last"] = _order["from_last"], True
    try:
        yield
    finally:
        _order["from_last"] = before


@functools.cache
def compiler() -> str | None:
    """Path of the host C++ compiler, None when there is none (or this is not Linux)."""
    if sys.platform != "linux":  # static shared variables are found by their ELF section
        return None
    names = (os.environ.get("CXX", ""), "g++", "clang++")
    return next((found for name in names if name and (found := shutil.which(name))), None)


@functools.cache
def _fingerprint() -> bytes:
    """Everything but the source and its options that decides what comes out."""
    version = subprocess.run(
        [compiler() or "", "--version"], capture_output=True, check=True
    ).stdout
    texts = [(HERE / name).read_bytes() for name in (*HEADERS, "build.py")]
    return b"\0".join([version, " ".join(FLAGS).encode(), *texts])


@functools.cache
def _cache() -> Path:
    """Directory of built libraries, the user's own; a temporary one where that cannot be written."""
    base = os.environ.get("XDG_CACHE_HOME") or os.path.join(os.path.expanduser("~"), ".cache")
    place = Path(base) / "gpupept-cuda-host"
    try:
        place.mkdir(parents=True, exist_ok=True)
        tempfile.TemporaryFile(dir=place).close()
    except OSError:
        return Path(tempfile.mkdtemp(prefix="gpupept-cuda-host-"))
    return place


class HostModule:
    """One CUDA source built for the host.

    Parameters
    ----------
    source : str
        CUDA C++ text, headers in place.
    options : sequence of str
        Options for the CUDA compiler; those that define macros are used.
    flags : sequence of str
        More options for the host compiler.
    """

    def __init__(self, source: str, options: Sequence[str] = (), flags: Sequence[str] = ()) -> None:
        if compiler() is None:
            raise HostCompileError("no C++ compiler found: install g++ or set CXX")
        defines = [option for option in options if option.startswith("-D")]
        text = '#include "cuda_host.hpp"\n' + _DYNAMIC.sub(_dynamic_shared, source)
        self._library = ctypes.PyDLL(str(_build(text, (*defines, *flags))))
        self._library.cuda_host_static_shared.restype = ctypes.c_size_t
        self._library.cuda_host_stack_memory.restype = ctypes.c_size_t

    @property
    def static_shared_bytes(self) -> int:
        """Bytes of all static shared variables of the source."""
        return int(self._library.cuda_host_static_shared())

    def signature(self, name: str) -> list[str]:
        """Kinds of a kernel's parameters, such as ``["f8*", "i8"]``."""
        function = self._symbol("signature", name)
        function.restype = ctypes.c_char_p
        return function().decode().split()

    def run(
        self,
        name: str,
        grid: tuple[int, int, int],
        block: tuple[int, int, int],
        arguments: Sequence[int],
        shared_bytes: int = 0,
    ) -> None:
        """Run a kernel over a grid; `arguments` are the addresses of its arguments."""
        function = self._symbol("launch", name)
        function.restype = ctypes.c_char_p
        error = function(
            (ctypes.c_uint * 3)(*grid),
            (ctypes.c_uint * 3)(*block),
            ctypes.c_size_t(shared_bytes),
            int(_order["from_last"]),
            ctypes.c_void_p(_stacks(self._library.cuda_host_stack_memory())),
            (ctypes.c_void_p * max(1, len(arguments)))(*arguments),
        )
        if error is not None:
            raise LaunchError(f"kernel {name}: {error.decode()}")

    def _symbol(self, kind: str, name: str) -> ctypes._NamedFuncPointer:
        try:
            return self._library[f"cuda_host_{kind}_{name}"]
        except AttributeError:
            raise LaunchError(f"named symbol not found: {name}") from None


@functools.cache
def _stacks(size: int) -> int:
    """Address of memory for the stacks of the threads of a block, for all modules."""
    kind = mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | getattr(mmap, "MAP_NORESERVE", 0)
    memory = mmap.mmap(-1, size, flags=kind)
    first = ctypes.c_char.from_buffer(memory)
    _kept.append((memory, first))
    return ctypes.addressof(first)


def _dynamic_shared(declaration: re.Match[str]) -> str:
    """Turn `extern __shared__ T name[];` into a pointer to the memory that stands for it."""
    kind, name = " ".join(declaration[1].split()), declaration[2]
    lines = "\n" * declaration[0].count("\n")
    return f"{kind} *const {name} = reinterpret_cast<{kind} *>(cuda_host::dynamic_shared);{lines}"


def _build(text: str, options: tuple[str, ...]) -> Path:
    """Path of the library built from a text, building it if it is not there."""
    digest = hashlib.sha256(b"\0".join([_fingerprint(), text.encode(), " ".join(options).encode()]))
    library = _cache() / f"{digest.hexdigest()[:40]}.so"
    if library.exists():
        return library
    command = [compiler() or "", *FLAGS, *options, f"-I{HERE}", "-x", "c++", "-"]
    kernels = dict.fromkeys(_KERNEL.findall(_run([*command, "-E"], text)))
    exports = "".join(f"CUDA_HOST_EXPORT({name})\n" for name in kernels)
    temporary = library.with_suffix(f".{os.getpid()}.tmp")
    try:
        _run([*command, "-o", str(temporary)], f"{text}\n{exports}")
        os.replace(temporary, library)
    finally:
        temporary.unlink(missing_ok=True)
    return library


def _run(command: list[str], text: str) -> str:
    done = subprocess.run(command, input=text, capture_output=True, text=True, check=False)
    if done.returncode:
        raise HostCompileError(done.stderr or f"{command[0]} failed with {done.returncode}")
    return done.stdout
