"""Errors of the backend: no GPU, arrays on different devices, CUDA source that fails to build."""

from __future__ import annotations


class BackendError(RuntimeError):
    """Base class of the errors about devices, arrays on devices and CUDA kernels."""


class GPUUnavailableError(BackendError):
    """A GPU was asked for and cannot be used; the message says why and what to install."""


class MixedDevicesError(BackendError, TypeError):
    """Arrays that live on different devices were given to one call."""


class KernelCompileError(BackendError):
    """A CUDA source did not compile.

    Attributes
    ----------
    source : str
        Path of the `.cu` file.
    architecture : str
        GPU architecture it was compiled for, such as ``"sm_90"``.
    options : tuple of str
        Options given to the compiler.
    log : str
        What the compiler said.
    """

    def __init__(self, source: str, architecture: str, options: tuple[str, ...], log: str) -> None:
        self.source = source
        self.architecture = architecture
        self.options = options
        self.log = log
        super().__init__(
            f"{source} does not compile for {architecture} with options {' '.join(options)}:\n{log}"
        )

    def __reduce__(self) -> tuple[type[KernelCompileError], tuple[str, str, tuple[str, ...], str]]:
        """Rebuild from the four arguments, so that the error crosses process borders."""
        return (type(self), (self.source, self.architecture, self.options, self.log))
