"""Watches what all processes of a room take together, which no limit of one process bounds.

Must not know walls or frames.
"""

from __future__ import annotations

import contextlib
import os
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
            told = self._memory() or ("" if self._limits_disk else self._disk())
            if told:
                self.exceeded = told
                self._end()
                return

    def _memory(self) -> str:
        if memory(self._process, self._room.memory) <= self._room.memory:
            return ""
        return f"its processes used more than {self._room.memory / 2**30:g} GiB of memory"

    def _disk(self) -> str:
        size, entries = written(self._room.work, self._room.disk)
        if size > self._room.disk:
            return f"it wrote more than {self._room.disk / 2**30:g} GiB of files"
        return f"it made more than {ENTRIES:,} files" if entries > ENTRIES else ""


def memory(process: int, enough: int) -> int:
    """Bytes that a process and its descendants hold: what they share once, if it matters.

    Args:
        process: its number.
        enough: what is counted first is what each holds, shared pages again and again; only
            where this comes to more, the kernel is asked for more, which takes it longer.
    """
    try:
        import psutil
    except ImportError:
        return 0
    with contextlib.suppress(psutil.Error):
        first = psutil.Process(process)
        processes = [first, *first.children(recursive=True)]
        held = _sum(processes, lambda one: one.memory_info().rss)
        if held <= enough:
            return held
        return _sum(processes, lambda one: one.memory_full_info().pss)
    return 0


def _sum(processes: list, value: Callable) -> int:  # type: ignore[type-arg]
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
