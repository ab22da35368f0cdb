"""Runs model definitions, one after another, in a process of a submission's own.

Must not know what the frames mean: it starts, feeds, limits and ends the process, and hands on
what that wrote.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Self

from harness import frames
from harness.collect.sandbox.process import START_SECONDS, Frame, Process
from harness.collect.sandbox.walls import Sandbox

FORKS = sys.platform == "linux" and hasattr(os, "fork")
"""Whether a child serves step after step, each in a fork. Windows cannot, and on macOS the
system's own libraries may not be used after a fork."""


STEPS = "handed-in"
"""A folder for steps' files, from which no Python imports: one called `json.py` or
`sitecustomize.py` would else run in the next process before that is behind its walls."""


@dataclass(frozen=True)
class Limits:
    """What the code of one step may use."""

    cpu_seconds: int = 60
    """Processor time: an endless loop ends here, however busy the machine is."""
    wall_seconds: float = 300
    """For code that waits instead."""
    memory: int = 4 * 2**30
    """Bytes of data, of each process and of all together."""
    disk: int = 2**28
    """Bytes that may be written."""
    frames: int = 16
    """Frames that are taken from one step; an honest one sends three."""


class ChildFailed(Exception):
    """The child ended, or was ended, before it handed anything over."""


class ChildNotStarted(RuntimeError):
    """The child failed before any submitted code ran in it: the machine's fault."""


class Child:
    """A process for the files of one submission; a context manager that leaves nothing behind."""

    def __init__(self, limits: Limits, sandbox: Sandbox) -> None:
        self._limits, self.sandbox = limits, sandbox
        self._stack = ExitStack()
        self._process: Process | None = None
        self._ready = False
        """Whether the process waits for a file."""

    def __enter__(self) -> Self:
        made = self.sandbox.room(self._limits.memory, self._limits.disk)
        self._room = self._stack.enter_context(made)
        return self

    def __exit__(self, *error: object) -> None:
        self._end()
        self._stack.close()

    def run(self, name: str, source: bytes, network: str = "") -> dict[frames.Kind, bytes]:
        """Run a file in the child.

        Args:
            name: the file's.
            source: its content.
            network: the class to hand over; empty for `Net` or the only one.

        Returns:
            The frames that come back.

        Raises:
            ChildFailed: if the code used up its time or memory, ended the process, or wrote
                something other than frames.
            ChildNotStarted: if the process failed before the code ran.
        """
        path = self._room.give(f"{STEPS}/{name}", source)
        # What an earlier step left behind is not this step's answer.
        if self._process and ((self._ready and self._process.waiting) or not self._process.running):
            self._end()
        self.start()
        self._await_ready()
        assert self._process is not None
        try:
            self._process.order(json.dumps({"path": str(path), "network": network}))
            received = self._receive()
        except (ChildFailed, OSError) as failure:  # Windows tells of a broken pipe otherwise
            self._end()
            raise ChildFailed(str(failure)) from None
        if not FORKS:
            self._end()
        return received

    def start(self) -> None:
        """Start the process, if it does not run yet; its imports take seconds.

        Raises:
            ChildNotStarted: if the system does not let us.
        """
        if self._process is not None:
            return
        serve = ["harness.inside.serve", str(self._limits.cpu_seconds), str(self._limits.memory)]
        serve.append("forks" if FORKS else "once")
        try:
            self._process = Process(serve, self._room, self.sandbox.wall, self._limits.frames)
        except OSError as error:
            raise ChildNotStarted(f"the process for submitted code: {error}") from None

    def _await_ready(self) -> None:
        if self._ready:
            return
        try:
            kind, _ = self._next(time.monotonic() + START_SECONDS)
        except ChildFailed as failure:
            self._end()
            raise ChildNotStarted(
                f"the process for submitted code did not start: {failure}"
            ) from None
        assert kind is frames.Kind.READY
        self._ready = True

    def _receive(self) -> dict[frames.Kind, bytes]:
        deadline = time.monotonic() + self._limits.wall_seconds
        received: dict[frames.Kind, bytes] = {}
        for _ in range(self._limits.frames):
            kind, payload = self._next(deadline)
            if kind is frames.Kind.END:
                if not received:
                    raise ChildFailed(self._why(_status(payload)))
                return received
            received[kind] = payload
        raise ChildFailed(f"it sent more than {self._limits.frames} frames")

    def _next(self, deadline: float) -> Frame:
        assert self._process is not None
        try:
            frame = self._process.next(deadline)
        except TimeoutError:
            raise ChildFailed(f"no answer within {self._limits.wall_seconds:g} s") from None
        except frames.FrameError as error:
            raise ChildFailed(f"what it handed over cannot be read: {error}") from None
        if frame is None:
            words = self._process.last_words()
            raise ChildFailed(f"the process ended without an answer{words}")
        return frame

    def _why(self, status: int) -> str:
        """The reason for which the submission's process ended, from its exit status."""
        assert self._process is not None
        if -status in [getattr(signal, name, None) for name in ("SIGXCPU", "SIGKILL")]:
            return (
                f"it was ended after {self._limits.cpu_seconds} s of processor time "
                "or for want of memory; is there an endless loop, or training, outside "
                'of `if __name__ == "__main__":`?'
            )
        if status < 0:
            return f"it was ended by signal {-status}{self._process.last_words()}"
        return f"it ended its own process with exit code {status}{self._process.last_words()}"

    def _end(self) -> None:
        if self._process is not None:
            self._process.end()
            self._room.renew()  # a full disk of this step is not the next one's
        self._process = None
        self._ready = False


def _status(payload: bytes) -> int:
    """An exit status, from a pipe that submitted code can write to."""
    try:
        return int(payload)
    except ValueError:
        raise ChildFailed("what it handed over cannot be read: an exit status") from None
