"""The CUDA compilers that are here, and what they report about the kernels they compile."""

from __future__ import annotations

import ctypes
import ctypes.util
import functools
import importlib.util
import re
import shutil
import subprocess
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

ARCHITECTURES = ("sm_75", "sm_80", "sm_90", "sm_100", "sm_120")
_REPORT = re.compile(
    r"Compiling entry function '(?P<name>\w+)' for '(?P<architecture>sm_\d+)'"
    r"|(?P<stack>\d+) bytes stack frame, (?P<stores>\d+) bytes spill stores, "
    r"(?P<loads>\d+) bytes spill loads"
    r"|Used (?P<registers>\d+) registers(?P<rest>.*)"
)
_SHARED = re.compile(r"(\d+) bytes smem")


class CompileError(Exception):
    """The compiler refused the source; the message is the compiler's."""


@dataclass
class Resources:
    """What one thread (registers, bytes of stack and spills) or block (shared memory) takes."""

    registers: int = 0
    shared_bytes: int = 0
    stack_bytes: int = 0
    spill_bytes: int = 0


Report = dict[tuple[str, str], Resources]  # by kernel and architecture
Compiler = Callable[[str, Sequence[str], Sequence[str], Path], Report]


def available() -> dict[str, Compiler]:
    """The compilers found, by name."""
    compilers: dict[str, Compiler] = {}
    if shutil.which("nvcc"):
        compilers["nvcc"] = compile_with_nvcc
    if nvrtc_library() is not None:
        compilers["nvrtc"] = compile_with_nvrtc
    return compilers


def read_report(text: str) -> Report:
    """Read what `ptxas -v` prints."""
    report: Report = {}
    current = Resources()
    for found in _REPORT.finditer(text):
        if found["name"]:
            current = report.setdefault((found["name"], found["architecture"]), Resources())
        elif found["registers"]:
            shared = _SHARED.search(found["rest"])
            current.registers = int(found["registers"])
            current.shared_bytes = int(shared[1]) if shared else 0
        else:  # of the kernel, and of each function that was not inlined into it
            current.stack_bytes += int(found["stack"])
            current.spill_bytes += int(found["stores"]) + int(found["loads"])
    return report


def compile_with_nvcc(
    source: str, options: Sequence[str], architectures: Sequence[str], folder: Path
) -> Report:
    """Compile to cubin for all architectures with one call of nvcc."""
    path = folder / "kernel.cu"
    path.write_text(source)
    targets = [f"-gencode=arch=compute_{a[3:]},code={a}" for a in architectures]
    command = ["nvcc", "-fatbin", "--threads=0", *options, *targets, "-Xptxas", "-v", str(path)]
    done = subprocess.run(
        [*command, "-o", str(folder / "kernel.fatbin")], capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise CompileError(done.stderr + done.stdout)
    return read_report(done.stderr)


def compile_with_nvrtc(
    source: str, options: Sequence[str], architectures: Sequence[str], folder: Path
) -> Report:
    """Compile to cubin with the compiler that CuPy uses, one architecture after another."""
    report: Report = {}
    for architecture in architectures:
        log = _nvrtc(source, [*options, f"-arch={architecture}", "--ptxas-options=-v"])
        report |= read_report(log)
    return report


@functools.cache
def nvrtc_library() -> ctypes.CDLL | None:
    """NVIDIA's run-time compiler, from its Python package (extra `kernels-test`) or the system."""
    package = importlib.util.find_spec("nvidia")
    places = [Path(p) for p in (package.submodule_search_locations or ())] if package else []
    patterns = ("**/libnvrtc.so*", "**/nvrtc64_*.dll")
    found = [str(f) for p in places for pattern in patterns for f in sorted(p.glob(pattern))]
    for name in [*found, ctypes.util.find_library("nvrtc")]:
        if name is None or "builtins" in name:
            continue
        try:
            return ctypes.CDLL(name)
        except OSError:
            continue
    return None


def _nvrtc(source: str, options: Sequence[str]) -> str:
    """Compile to cubin; the compiler's log, which ends with the report of ptxas."""
    library = nvrtc_library()
    assert library is not None
    program = ctypes.c_void_p()
    library.nvrtcCreateProgram(ctypes.byref(program), source.encode(), b"kernel.cu", 0, None, None)
    try:
        given = (ctypes.c_char_p * len(options))(*(o.encode() for o in options))
        failed = library.nvrtcCompileProgram(program, len(options), given)
        size = ctypes.c_size_t()
        library.nvrtcGetProgramLogSize(program, ctypes.byref(size))
        log = ctypes.create_string_buffer(size.value)
        library.nvrtcGetProgramLog(program, log)
        library.nvrtcGetCUBINSize(program, ctypes.byref(size))
    finally:
        library.nvrtcDestroyProgram(ctypes.byref(program))
    if failed or not size.value:
        raise CompileError(log.value.decode())
    return log.value.decode()
