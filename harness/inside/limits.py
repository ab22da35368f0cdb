"""What a process with submitted code in it may use, as the operating system's own limits.

Set by the process on itself before the code comes in; must not know what the code is.
"""

from __future__ import annotations

import contextlib
import math
import os
import time

from harness import frames


def limit(seconds: int, memory: int, processes: int | None = None) -> None:
    """Set this process's hard limits, those of what it starts included; files have 64 MiB.

    Args:
        seconds: of CPU time.
        memory: bytes of data.
        processes: that it may start besides all that its user runs now, threads counted as the
            system does; without effect for root.
    """
    try:
        import resource
    except ImportError:  # Windows has no such limits; the parent's wall clock remains
        return
    if processes is not None and hasattr(resource, "RLIMIT_NPROC"):
        _set(resource.RLIMIT_NPROC, _running() + processes)
    for what, most in (
        (resource.RLIMIT_CPU, seconds + math.ceil(time.process_time())),
        (resource.RLIMIT_DATA, memory),
        (resource.RLIMIT_FSIZE, frames.MAX_FRAME),
        (resource.RLIMIT_CORE, 0),
    ):
        _set(what, most)


def _set(what: int, most: int) -> None:
    import resource

    hard = resource.getrlimit(what)[1]
    if hard != resource.RLIM_INFINITY:
        most = min(most, hard)
    with contextlib.suppress(ValueError, OSError):  # macOS knows some that it cannot set
        resource.setrlimit(what, (most, most))


def _running() -> int:
    """Threads of all processes of this user."""
    import psutil

    user, threads = os.getuid(), 0
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            if process.uids().real == user:
                threads += process.num_threads()
    return threads
