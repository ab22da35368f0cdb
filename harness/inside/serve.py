"""Serves the exporter: the child's main program.

It reads orders from its standard input, a JSON object a line, and writes frames to its standard
output; whatever the learner's code prints goes to standard error. Where the system can fork, each
file runs in a fork of its own, because importing torch and its exporter takes seconds and
exporting a small network does not; elsewhere this process serves one file and ends. Must not know
what is made of the frames.
"""

from __future__ import annotations

import gc
import json
import os
import sys
from pathlib import Path
from typing import BinaryIO

from harness import frames
from harness.inside import exporter
from harness.inside.confine import with_submitted_code
from harness.inside.limits import limit


def serve(stream: BinaryIO, seconds: int, memory: int, forks: bool) -> None:
    """Hand over each file that is ordered: its path, and the class that is wanted of it."""
    # What is imported stays, so to look for garbage in it would only cost time: a second in ten.
    gc.disable()
    exporter.warm_up()
    gc.freeze()
    gc.enable()
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
        _end(stream, os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))


def _end(stream: BinaryIO, status: int) -> None:
    frames.write(stream, frames.Kind.END, json.dumps(status).encode())


if __name__ == "__main__":
    # What the learner's code prints must not end up among the frames.
    pipe = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    serve(pipe, int(sys.argv[1]), int(sys.argv[2]), forks=sys.argv[3] == "forks")
