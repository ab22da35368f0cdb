"""Chooses the wall around submitted code: the best that works here, tried and not presumed.

Must not know what runs behind it.
"""

from __future__ import annotations

import socket
import subprocess
import sys
import tempfile
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

from harness.collect.sandbox import launch
from harness.collect.sandbox.bubblewrap import Bubblewrap
from harness.collect.sandbox.landlock import Landlock
from harness.collect.sandbox.launch import Wall
from harness.collect.sandbox.room import DISK, PACKAGE, Room, room

TRIAL_SECONDS = 60


class Open:
    """No wall: the operating system's own limits and nothing else."""

    name = ""
    lacks = "nothing keeps submitted code from your files and the network"
    limits_disk = False
    own_space = False

    def command(self, program: list[str], room: Room) -> list[str]:
        """The program itself."""
        return program

    def rules(self, room: Room) -> dict[str, Any] | None:
        """None."""
        return None

    def mend(self, problem: str) -> str:
        """Nothing can be amiss."""
        return ""

    def filters(self, graphs: bool) -> tuple[bytes, bytes]:
        """None."""
        return b"", b""


WALLS: tuple[Wall, ...] = (Bubblewrap(), Landlock())
"""The best first."""


@dataclass(frozen=True)
class Sandbox:
    """What submitted code runs in: a wall, and what is to be hidden behind it."""

    wall: Wall
    hidden: tuple[Path, ...] = ()
    """Folders and files that are not to be read, wherever they lie."""

    def room(self, memory: int, disk: int = DISK) -> AbstractContextManager[Room]:
        """A room for processes behind the wall.

        Args:
            memory: bytes, of all its processes together.
            disk: bytes that they may write.
        """
        return room(memory, disk, self.hidden)


class NoWall(RuntimeError):
    """No sandbox works on this machine; says why not, wall by wall."""


class Tried(NamedTuple):
    """What came of trying a wall."""

    wall: Wall
    problem: str
    """Why it does not work here; empty if it does."""


@cache
def tried() -> tuple[Tried, ...]:
    """Every wall, tried here once."""
    return tuple(Tried(wall, problem(wall)) for wall in WALLS)


@cache
def best() -> Wall:
    """The best wall that works here.

    Raises:
        NoWall: if none does.
    """
    problems = []
    for wall in WALLS:
        if not (wrong := problem(wall)):
            return wall
        problems.append(f"{wall.name}: {wrong}")
    raise NoWall(
        f"no sandbox works here ({'; '.join(problems)}). `harness doctor` says what would help. Or "
        "add --no-sandbox to run the code of people whom you trust, at level advisory"
    )


def problem(wall: Wall) -> str:
    """Why a wall does not work here; empty if it does. A program is run behind it to see."""
    if sys.platform != "linux":
        return "it needs Linux"
    try:
        with (
            room(2**30) as made,
            socket.create_server(("127.0.0.1", 0)) as listener,
            tempfile.NamedTemporaryFile() as secret,
        ):
            Path(secret.name).chmod(0o666)  # so that nothing but the wall is in the way
            port = str(listener.getsockname()[1])
            module = ["harness.inside.trial", secret.name, port, str(PACKAGE)]
            ended = subprocess.run(
                launch.command(module, made, wall),
                env=launch.environment(made),
                cwd=made.work,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                timeout=TRIAL_SECONDS,
                check=False,
            )
    except Exception as error:  # a program, a library or a right is missing
        return str(error) or type(error).__name__
    said = ended.stdout.strip()
    if said == "kept":
        return ""
    return said or (ended.stderr.strip().splitlines() or ["it ends without a word"])[-1]
