"""The wall of Landlock with seccomp: what a process may open, ask of the kernel, and reach.

It needs no namespaces, so that it works where the system forbids them. Must not know what runs
behind it.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from functools import cache, lru_cache
from pathlib import Path
from typing import Any

from harness.collect.sandbox import syscalls
from harness.collect.sandbox.launch import as_user
from harness.collect.sandbox.room import PACKAGE, SETTINGS, SYSTEM, Room, libraries

DEVICES = ("/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom")

TOLD = (
    *("/proc/cpuinfo", "/proc/meminfo", "/proc/filesystems", "/proc/sys/vm/overcommit_memory"),
    *("/proc/sys/kernel/osrelease", "/proc/sys/kernel/cap_last_cap", "/proc/stat"),
)
"""What libraries ask the kernel; of processes only the first one inside shows itself."""

SIGNALS = 6
"""The version of Landlock from which a process can signal none outside."""


class Landlock:
    """What Landlock with seccomp gives: no file but those that are named, and no network."""

    name = "Landlock with seccomp"
    lacks = (
        "it has no process numbers of its own, the memory of all processes together and what "
        "they write are limited by a look every half second, and multiprocessing has no locks"
    )
    limits_disk = False
    own_space = False

    def command(self, program: list[str], room: Room) -> list[str]:
        """The command line that runs a program in the room; a keeper ends what it leaves behind."""
        keeper = [sys.executable, "-I", "-S", str(PACKAGE / "inside" / "keeper.py")]
        if room.user is None:
            return [*keeper, *program]
        # Another user cannot come to a Python in a home that is closed to it. What may be read
        # is decided by Landlock then, of which this right is no way out.
        kept = () if all(map(_open_to_all, libraries())) else ("dac_read_search",)
        return [*keeper, *as_user(room.user, *kept), *program]

    def rules(self, room: Room) -> dict[str, Any] | None:
        """What the first program inside keeps itself from: all but these paths."""
        trees = [Path(name) for name in (*SYSTEM, *SETTINGS)]
        trees += [*libraries(), room.given, *([PACKAGE] if room.graphs else [])]
        write = [str(room.work), *DEVICES]
        if room.gpu:
            trees += [Path("/sys"), Path("/proc")]
            write += map(str, Path("/dev").glob("nvidia*"))
        read: list[str] = list(TOLD)
        listed: list[str] = []
        for tree in trees:
            if tree.exists():
                for path, whole in _parts(tree.resolve(), room.hidden):
                    (read if whole else listed).append(path)
        return {"read": read, "listed": listed, "write": write}

    def mend(self, problem: str) -> str:
        """A library, or a kernel."""
        if "libseccomp" in problem:
            return syscalls.LIBSECCOMP
        return "start a Linux of 5.13 or newer with landlock among the modules of lsm="

    def filters(self, graphs: bool) -> tuple[bytes, bytes]:
        """For network and other processes, which Landlock knows in part."""
        if graphs:
            return syscalls.around_all(), syscalls.around_graphs()
        signals = _version() >= SIGNALS
        return syscalls.around_all(), syscalls.around_submitted(signals, rights=False)


def _version() -> int:
    """The kernel's version of Landlock."""
    from py_landlock import get_abi_version

    return int(get_abi_version())


@lru_cache(maxsize=64)
def _parts(tree: Path, hidden: tuple[Path, ...]) -> list[tuple[str, bool]]:
    return [(str(path), whole) for path, whole in _around(tree, hidden)]


def _around(tree: Path, hidden: tuple[Path, ...]) -> Iterator[tuple[Path, bool]]:
    """The parts of a tree that hold nothing hidden; and, to be listed alone, those that do."""
    if tree in hidden:
        return
    if not any(tree in path.parents for path in hidden):
        yield tree, True
        return
    yield tree, False
    for path in tree.iterdir():
        if not path.is_symlink():
            yield from _around(path, hidden)
        elif not _touches(path.resolve(), hidden):  # a rule would be about what it leads to
            yield path, True


def _touches(path: Path, hidden: tuple[Path, ...]) -> bool:
    """Whether a path is, holds or lies in something hidden."""
    return any(path == one or path in one.parents or one in path.parents for one in hidden)


@cache
def _open_to_all(path: Path) -> bool:
    """Whether any user can come to a path."""
    return all(parent.stat().st_mode & 0o001 for parent in path.resolve().parents)
