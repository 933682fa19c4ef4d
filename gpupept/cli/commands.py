"""``gpupept demo``, ``info`` and ``warmup``."""

from __future__ import annotations

import sys
import warnings
from argparse import Namespace

from gpupept.backend import probe, resolve_device, versions_report
from gpupept.cli.running import (
    check_outputs,
    page_writer,
    run_options,
    say,
    write_outputs,
    written_text,
)


def demo(options: Namespace) -> None:
    """Track simulated tracers and compare with the truth.

    Parameters
    ----------
    options : argparse.Namespace
        As `gpupept.cli.arguments.make_parser` parses them.

    Raises
    ------
    ValueError, OSError, BackendError
        If the options or the device cannot be used.
    """
    from gpupept.demo import run_demo
    from gpupept.report import facts_text

    running = run_options(options)
    pages = [options.html] if hasattr(options, "html") else []
    check_outputs(pages)
    length = {name: getattr(options, name) for name in ("lors", "seconds") if name in options}
    say("simulating, and compiling the kernels if this is the first run", options.quiet)
    result = run_demo(**length, seed=options.seed, **running)
    if result.errors.found < result.errors.tracer_count:
        warnings.warn("not all tracers were found", stacklevel=2)
    write_outputs({path: page_writer(result.page) for path in pages})
    sys.stdout.write(facts_text(result.facts()) + written_text(pages))


def info(options: Namespace) -> None:
    """Write what was found on this machine to standard output.

    Parameters
    ----------
    options : argparse.Namespace
        Not used.
    """
    sys.stdout.write(versions_report())


def warmup(options: Namespace) -> None:
    """Compile all kernels, and write what was done and how long it took to standard output.

    Parameters
    ----------
    options : argparse.Namespace
        Attribute ``device``.

    Raises
    ------
    ValueError, BackendError
        If the device cannot be used, or a kernel does not compile.
    """
    from gpupept.warmup import WarmUpStep, warm_up

    def report(step: WarmUpStep) -> None:
        sys.stdout.write(f"  {step.name:<22} {step.seconds:8.2f} s\n")
        sys.stdout.flush()

    devices = ["cpu", "cuda"] if probe().usable else ["cpu"]
    if options.device is not None:
        devices = [resolve_device(options.device)]
    for device in devices:
        sys.stdout.write(f"{device}\n")
        steps = warm_up(device, report)
        total = sum(step.seconds for step in steps)
        sys.stdout.write(f"  {'total':<22} {total:8.2f} s\n")
    if not probe().usable and options.device is None:
        sys.stdout.write(f"no CUDA kernels compiled: {probe().reason}\n")
