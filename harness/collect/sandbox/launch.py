"""The command line and the environment of a process in a room, behind a wall.

Must not know what the process is for, nor how its output is read.
"""

from __future__ import annotations

import base64
import json
import os
import shutil
import sys
from pathlib import Path
from typing import Any, Protocol

from harness.collect.sandbox.room import Room

KEPT = ("LANG", "LC_ALL", "LD_LIBRARY_PATH", "PATH", "SYSTEMROOT")
"""Environment variables that a process gets; all others stay with the parent."""

ALLOCATOR = {
    "GLIBC_TUNABLES": "glibc.malloc.hugetlb=1",
    "MALLOC_MMAP_THRESHOLD_": str(2**30),
    "MALLOC_TRIM_THRESHOLD_": str(2**33),
}
"""Has glibc keep the memory of large tensors instead of returning it at every step, and in large
pages: a step of seed 001's fourth network takes 22 instead of 26 ms, and computes the same."""

PROCESSES = 256
"""Threads and processes at one time: a fork bomb ends here."""

FILES = 1_024
"""Open files of one process."""


class Wall(Protocol):
    """A way to keep a process to its room."""

    name: str
    """As reports tell it; empty if it is none."""
    lacks: str
    """What it cannot give, for people."""
    limits_disk: bool
    """Whether the wall itself bounds what may be written."""
    own_space: bool
    """Whether the processes inside are counted apart from the user's others."""

    def command(self, program: list[str], room: Room) -> list[str]:
        """The command line that runs a program in the room, behind this wall."""

    def rules(self, room: Room) -> dict[str, Any] | None:
        """What the first program inside has to keep itself from: Landlock's rules, if any."""

    def mend(self, problem: str) -> str:
        """The command that would make it work where it does not, or advice where none can.

        Args:
            problem: what came of trying it.
        """

    def filters(self, graphs: bool) -> tuple[bytes, bytes]:
        """Seccomp's filters: for every process inside, and for those with what is foreign.

        Args:
            graphs: whether that is a graph and no submitted code.
        """


def command(module: list[str], room: Room, wall: Wall) -> list[str]:
    """The command line that runs a module of `harness.inside` with its arguments."""
    everywhere, submitted = (base64.b64encode(one).decode() for one in wall.filters(room.graphs))
    counted = wall.own_space or room.user is not None
    order = {
        "rules": wall.rules(room),
        "filter": everywhere,
        "submitted": submitted,
        "processes": PROCESSES + (0 if counted else _running()),
        "files": FILES,
        "given": str(room.given),
        "work": str(room.work),
    }
    python = [sys.executable, "-P", "-s", "-m", "harness.inside.confine"]
    return wall.command([*python, json.dumps(order), *module], room)


def environment(room: Room) -> dict[str, str]:
    """All variables of a process in a room."""
    kept = {key: os.environ[key] for key in KEPT if key in os.environ}
    return (
        kept
        | ALLOCATOR
        | {
            "CUDA_VISIBLE_DEVICES": os.environ.get("CUDA_VISIBLE_DEVICES", "0") if room.gpu else "",
            "HOME": str(room.work),
            "LOGNAME": "submission",  # without a name, Python looks for one in Unix's own files
            "OMP_NUM_THREADS": "1",
            "PYTHONDONTWRITEBYTECODE": "1",
            "PYTHONHASHSEED": "0",
            "PYTHONPATH": str(room.modules),
            "PYTHONUTF8": "1",
            "TMPDIR": str(room.work),
        }
    )


def as_user(user: int, *kept: str) -> list[str]:
    """The start of a command line that gives up root's rights for ever, but for those kept."""
    rights = ",".join(["-all", *(f"+{right}" for right in kept)])
    return [
        shutil.which("setpriv") or "setpriv",
        *(f"--reuid={user}", f"--regid={user}", "--clear-groups", "--no-new-privs"),
        *(f"--inh-caps={rights}", f"--ambient-caps={rights}", f"--bounding-set={rights}"),
    ]


def _running() -> int:
    """Threads that run on this machine; the user's own, which the system counts, are not more."""
    try:
        return int(Path("/proc/loadavg").read_text().split()[3].split("/")[1])
    except OSError:  # a system other than Linux: it counts processes, which are fewer
        return PROCESSES
