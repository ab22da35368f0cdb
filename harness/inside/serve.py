"""Serves the exporter: the child's main program.

It reads orders from its standard input, a JSON object a line, and writes frames to its standard
output; whatever the learner's code prints goes to standard error. Where the system can fork, each
file runs in a fork of its own, because importing torch and its exporter takes seconds and
exporting a small network does not; elsewhere this process serves one file and ends. Must not know
what is made of the frames.
"""

from __future__ import annotations

import contextlib
import ctypes
import gc
import json
import os
import signal
import sys
from pathlib import Path
from typing import BinaryIO

from harness import frames
from harness.inside import exporter
from harness.inside.confine import with_submitted_code
from harness.inside.limits import limit


def serve(stream: BinaryIO, seconds: int, memory: int, forks: bool) -> None:
    """Hand over each file that is ordered: its path, and the class that is wanted of it."""
    exporter.warm_up()
    gc.freeze()
    gc.enable()
    if forks:
        _adopt()
    frames.write(stream, frames.Kind.READY, b"")
    for line in sys.stdin:
        order = json.loads(line)
        child = os.fork() if forks else 0
        if child == 0:
            limit(seconds, memory)
            with_submitted_code()
            exporter.main(Path(order["path"]), order["network"], stream)
            if not forks:
                _end(stream, 0)
            # Threads, exit handlers and destructors of the submission get no further turn.
            os._exit(0)
        status = os.waitpid(child, 0)[1]
        _end_the_rest()
        _end(stream, os.waitstatus_to_exitcode(status))


def _adopt() -> None:
    """Become the parent of what a step leaves behind."""
    set_child_subreaper = 36
    ctypes.CDLL(None).prctl(set_child_subreaper, 1, 0, 0, 0)


def _end_the_rest() -> None:
    """End what a step left behind, which could speak for the next one."""
    children = Path(f"/proc/self/task/{os.getpid()}/children")
    with contextlib.suppress(OSError):  # a kernel that does not tell
        while left := children.read_text().split():
            for process in map(int, left):
                with contextlib.suppress(ProcessLookupError):
                    os.kill(process, signal.SIGKILL)
                with contextlib.suppress(ChildProcessError):
                    os.waitpid(process, 0)


def _end(stream: BinaryIO, status: int) -> None:
    frames.write(stream, frames.Kind.END, json.dumps(status).encode())


if __name__ == "__main__":
    # What the learner's code prints must not end up among the frames.
    pipe = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    serve(pipe, int(sys.argv[1]), int(sys.argv[2]), forks=sys.argv[3] == "forks")
