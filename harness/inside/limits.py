"""What a process with submitted code in it may use, as the operating system's own limits.

Set by the process on itself before the code comes in; must not know what the code is.
"""

from __future__ import annotations

import contextlib
import math
import time

from harness import frames


def limit(seconds: int, memory: int) -> None:
    """Set this process's hard limits, those of what it starts included.

    Args:
        seconds: of CPU time.
        memory: bytes of data.
    """
    try:
        import resource
    except ImportError:  # Windows has no such limits; the parent's wall clock remains
        return
    lower(resource.RLIMIT_CPU, seconds + math.ceil(time.process_time()))
    lower(resource.RLIMIT_FSIZE, frames.MAX_FRAME)
    limit_memory(memory)


def limit_memory(size: int) -> None:
    """Limit the bytes of this process's data, where the system can."""
    with contextlib.suppress(ImportError):
        import resource

        lower(resource.RLIMIT_DATA, size)


def lower(what: int, most: int) -> None:
    """Lower one of the limits of `resource`, hard and soft."""
    import resource

    hard = resource.getrlimit(what)[1]
    if hard != resource.RLIM_INFINITY:
        most = min(most, hard)
    with contextlib.suppress(ValueError, OSError):  # macOS knows some that it cannot set
        resource.setrlimit(what, (most, most))
