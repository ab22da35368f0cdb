"""Watches what all processes of a room take together, which no limit of one process bounds.

Must not know walls or frames.
"""

from __future__ import annotations

import contextlib
import os
import stat
import threading
from collections.abc import Callable
from pathlib import Path

from harness.collect.sandbox.room import Room

SECONDS = 0.5
"""Between two looks."""

ENTRIES = 100_000
"""Files and folders that may be made."""


class Watch:
    """Looks at a room's processes and folder again and again, and ends them at a bound.

    Args:
        process: the first of the processes, whose descendants are the others.
        room: with the bounds.
        limits_disk: whether the wall bounds already what is written.
        end: ends the processes.
    """

    exceeded: str = ""
    """The bound that was exceeded, as a clause."""

    def __init__(
        self, process: int, room: Room, limits_disk: bool, end: Callable[[], None]
    ) -> None:
        self._process, self._room, self._limits_disk = process, room, limits_disk
        self._end = end
        self._over = threading.Event()
        threading.Thread(target=self._look, daemon=True).start()

    def end(self) -> None:
        """Look no more."""
        self._over.set()

    def _look(self) -> None:
        while not self._over.wait(SECONDS):
            told = self._memory() or (self._files() if self._limits_disk else self._disk())
            if told:
                self.exceeded = told
                self._end()
                return

    def _memory(self) -> str:
        if memory(self._process, self._room.memory) <= self._room.memory:
            return ""
        return f"its processes used more than {self._room.memory / 2**30:g} GiB of memory"

    def _files(self) -> str:
        """Of a wall that bounds bytes: an empty file takes the kernel's memory all the same."""
        return self._too_many(made(self._process, self._room.work))

    def _disk(self) -> str:
        size, entries = written(self._room.work, self._room.disk)
        size += unlinked(self._process)
        if size > self._room.disk:
            return f"it wrote more than {self._room.disk / 2**30:g} GiB of files"
        return self._too_many(entries)

    def _too_many(self, entries: int) -> str:
        return f"it made more than {ENTRIES:,} files" if entries > ENTRIES else ""


def memory(process: int, enough: int) -> int:
    """Bytes that a process and its descendants hold: what they share once, if it matters.

    Args:
        process: its number.
        enough: what is counted first is what each holds, shared pages again and again; only
            where this comes to more, the kernel is asked for more, which takes it longer.
    """
    processes = _family(process)
    held = _sum(processes, lambda one: one.memory_info().rss)
    if held <= enough:
        return held
    return _sum(processes, lambda one: one.memory_full_info().pss)


def _family(process: int) -> list:  # type: ignore[type-arg]
    """A process and its descendants; empty if it is gone."""
    try:
        import psutil
    except ImportError:
        return []
    with contextlib.suppress(psutil.Error):
        first = psutil.Process(process)
        return [first, *first.children(recursive=True)]
    return []


def _sum(processes: list, value: Callable) -> int:  # type: ignore[type-arg]
    if not processes:
        return 0
    import psutil

    total = 0
    for process in processes:
        with contextlib.suppress(psutil.Error):
            total += value(process)
    return total


def _size(status: os.stat_result) -> int:
    """Bytes on the disk, of which a file with holes takes few; on Windows those of the file."""
    blocks: int | None = getattr(status, "st_blocks", None)
    return status.st_size if blocks is None else 512 * blocks


def written(folder: Path, enough: int) -> tuple[int, int]:
    """Bytes and number of the files in a folder, counted until either is too many."""
    size = entries = 0
    waiting = [str(folder)]
    while waiting and size <= enough and entries <= ENTRIES:
        with contextlib.suppress(OSError), os.scandir(waiting.pop()) as found:
            for entry in found:
                entries += 1
                with contextlib.suppress(OSError):
                    size += _size(entry.stat(follow_symlinks=False))
                    if entry.is_dir(follow_symlinks=False):
                        waiting.append(entry.path)
                if size > enough or entries > ENTRIES:
                    break
    return size, entries


def unlinked(process: int) -> int:
    """Bytes of files that have no name any more, and that a process or a descendant holds open."""
    sizes = {}
    for one in _family(process):
        with contextlib.suppress(OSError), os.scandir(f"/proc/{one.pid}/fd") as opened:
            for entry in opened:
                with contextlib.suppress(OSError):
                    found = entry.stat()
                    if stat.S_ISREG(found.st_mode) and found.st_nlink == 0:
                        sizes[found.st_dev, found.st_ino] = found.st_blocks * 512
    return sum(sizes.values())


def made(process: int, work: Path) -> int:
    """Number of the files that a process's descendants made, in folders that only they see."""
    for one in _family(process)[1:]:
        with contextlib.suppress(OSError):
            inside = Path(f"/proc/{one.pid}/root")
            own = inside / work.relative_to("/")
            if own.stat().st_dev != work.stat().st_dev:
                counted = map(os.statvfs, (own, inside / "dev" / "shm"))
                return sum(each.f_files - each.f_ffree for each in counted)
    return 0
