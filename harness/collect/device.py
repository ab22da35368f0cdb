"""The device to train on: chosen, made ready for equal results, and named.

Must not know what is trained.
"""

from __future__ import annotations

import platform
from functools import cache
from pathlib import Path

import torch

import harness
from harness.evidence import Machine


class NoDeviceError(RuntimeError):
    """The device that was asked for is not there."""


def choose(device: str) -> torch.device:
    """The device to train on.

    Args:
        device: `cpu`, `cuda`, `mps`, or `auto` for the fastest that is there.

    Raises:
        NoDeviceError: if it is not there.
    """
    there = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}
    there["cpu"] = True
    if device == "auto":
        device = next(name for name, found in there.items() if found)
    if not there[device]:
        known = ", ".join(name for name, found in there.items() if found)
        raise NoDeviceError(f"torch finds no {device} device here; --device may be auto, {known}")
    chosen = torch.device(device)
    # One thread: results do not depend on the number of cores, and two threads of one training
    # have been seen to take 10 to 40 times as long on a busy machine.
    torch.set_num_threads(1)
    if chosen.type == "cuda":
        # Full float32 and fixed algorithms, so that a resumed run equals an unbroken one.
        torch.backends.cudnn.allow_tf32 = False
        torch.backends.cudnn.deterministic = True
    return chosen


@cache
def machine(device: torch.device) -> Machine:
    """Where and with what a run is trained."""
    name = f"{_processor()}, {torch.get_num_threads()} thread"
    if device.type == "cuda":
        name = torch.cuda.get_device_name(device)
    return Machine(
        device=f"{device.type}: {name}",
        system=f"{platform.system()} {platform.machine()}",
        python=platform.python_version(),
        torch=torch.__version__,
        harness=harness.__version__,
    )


def _processor() -> str:
    """The processor's name; Linux alone tells it nowhere but in a file."""
    try:
        with Path("/proc/cpuinfo").open(encoding="utf-8") as lines:
            return next(line.split(":", 1)[1].strip() for line in lines if "model name" in line)
    except (OSError, StopIteration):
        return platform.processor() or platform.machine()
