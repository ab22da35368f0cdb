"""Keeps a sandbox without a process space of its own: what it leaves behind ends with the keeper.

    python -I -S keeper.py PROGRAM [ARGUMENT...]

Processes whose parent has ended become the keeper's children, however they were started, and so
it finds all of them. It ends them when the program ends, when it is asked to (SIGTERM), and when
the harness itself is gone. It stays outside of the walls, imports as little as it can to start fast
(nothing of the harness, and not pathlib), and must not read anything that the program writes.
"""

import ctypes
import os
import signal
import sys

_PR_SET_PDEATHSIG, _PR_SET_CHILD_SUBREAPER = 1, 36
"""From linux/prctl.h."""


def main(program: list[str]) -> int:
    """Run a program, and end all that it started.

    Returns:
        Its exit code; 128 and the signal's number, if one ended it.
    """
    libc = ctypes.CDLL(None)
    libc.prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    parent = os.getppid()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    libc.prctl(_PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)
    if os.getppid() != parent:  # it ended before we could ask to be told
        return 1
    code = 1
    try:
        first = os.posix_spawn(program[0], program, os.environ)
        # The pipes are the program's: whoever reads them is to see when it closes them.
        os.closerange(0, 2)
        os.closerange(3, 256)
        code = _wait(first)
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        while _end(os.getpid()):
            pass
    return code


def _wait(first: int) -> int:
    while True:
        ended, status = os.wait()
        if ended == first:
            code = os.waitstatus_to_exitcode(status)
            return code if code >= 0 else 128 - code


def _end(keeper: int) -> bool:
    """Kill all descendants once; whether there were any."""
    parents = {}
    for name in filter(str.isdecimal, os.listdir("/proc")):  # noqa: PTH208
        try:
            with open(f"/proc/{name}/stat", "rb") as file:  # noqa: PTH123
                parents[int(name)] = int(file.read().rpartition(b")")[2].split()[1])
        except OSError:
            continue
    found, level = set(), {keeper}
    while level := {child for child, parent in parents.items() if parent in level}:
        found |= level
    for process in found:
        try:
            os.kill(process, signal.SIGKILL)
        except ProcessLookupError:
            continue
    try:
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
    except ChildProcessError:
        return False
    return True


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
