"""A process for submitted code: started behind a wall, fed, read, watched, and ended.

Must not know what the frames mean, nor what the process is for.
"""

from __future__ import annotations

import contextlib
import os
import queue
import signal
import subprocess
import tempfile
import threading
import time
from typing import IO

from harness import frames
from harness.collect.sandbox import launch
from harness.collect.sandbox.launch import Wall
from harness.collect.sandbox.room import Room
from harness.collect.sandbox.watch import Watch

MAX_BYTES = 2**29
"""Of frames through one pipe."""

MAX_WAITING = 2**29
"""Bytes of frames that wait to be taken, which lie in the trusted side's memory."""

START_SECONDS = 300
"""For torch to be imported in a new child: some seconds, or minutes on a machine that is busy."""

END_SECONDS = 10.0
"""For a wall to end what is behind it, before its own processes are ended one by one."""

Frame = tuple[frames.Kind, bytes]


class Process:
    """A process for submitted code, which hands over frames; ended, it leaves nothing behind.

    Args:
        module: the one of `harness.inside` that it runs, with its arguments.
        room: its own.
        wall: what keeps it there.
        backlog: frames that are read ahead; a process that writes more waits.
        most: bytes of frames that it may write.
        probe: whether it gets a second pipe, whose number in the process is `probe`.
    """

    probe: int | None

    def __init__(
        self,
        module: list[str],
        room: Room,
        wall: Wall,
        backlog: int,
        most: int = MAX_BYTES,
        probe: bool = False,
    ) -> None:
        reading, self.probe = os.pipe() if probe else (None, None)
        passed = () if self.probe is None else (self.probe,)
        self._stderr = tempfile.TemporaryFile()  # noqa: SIM115 - closed with the process
        self._walled = bool(wall.name)
        self._popen = subprocess.Popen(
            launch.command(module, room, wall),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._stderr,
            cwd=room.work,
            env=launch.environment(room),
            start_new_session=True,
            pass_fds=passed,
        )
        for number in passed:
            os.close(number)
        assert self._popen.stdout is not None
        streams: list[IO[bytes]] = [self._popen.stdout]
        if reading is not None:
            streams.append(os.fdopen(reading, "rb"))
        self._queue: queue.Queue[Frame | frames.FrameError | None] = queue.Queue(backlog)
        self._open, self._most = len(streams), most
        self._waiting, self._room_for_more = 0, threading.Condition()
        self._over = threading.Event()
        for stream in streams:
            threading.Thread(target=self._pump, args=(stream,), daemon=True).start()
        self._watch = Watch(self._popen.pid, room, wall.limits_disk, self._kill)

    @property
    def running(self) -> bool:
        """Whether it has not ended."""
        return self._popen.poll() is None

    @property
    def waiting(self) -> bool:
        """Whether frames are there that nobody asked for yet."""
        return not self._queue.empty()

    def order(self, line: str) -> None:
        """Write a line to its standard input.

        Raises:
            OSError: if it does not read any more.
        """
        assert self._popen.stdin is not None
        self._popen.stdin.write(f"{line}\n".encode())
        self._popen.stdin.flush()

    def next(self, deadline: float) -> Frame | None:
        """The next frame, at once if one is there; None when its pipes are closed.

        Raises:
            TimeoutError: if none came before the deadline, in the time of `time.monotonic`.
            frames.FrameError: if what came is none.
        """
        while self._open:
            try:
                frame = self._queue.get(timeout=max(0.0, deadline - time.monotonic()))
            except queue.Empty:
                raise TimeoutError from None
            if isinstance(frame, frames.FrameError):
                raise frame
            if frame is not None:
                with self._room_for_more:
                    self._waiting -= len(frame[1])
                    self._room_for_more.notify_all()
                return frame
            self._open -= 1
        return None

    @property
    def exceeded(self) -> str:
        """The bound at which it was ended, as a clause; empty if it was not."""
        return self._watch.exceeded

    def last_words(self) -> str:
        """Why it ended, as the end of a sentence: a bound, or what it last wrote as an error."""
        if self.exceeded:
            return f": {self.exceeded}"
        self._stderr.seek(max(0, self._stderr.seek(0, os.SEEK_END) - 2000))
        lines = self._stderr.read().decode(errors="replace").strip().splitlines()
        return f"; its last line: {lines[-1]}" if lines else ""

    def end(self) -> None:
        """Kill the process and all that it started, also in sessions of their own."""
        self._over.set()
        self._watch.end()
        self._kill()
        # The other pipes are closed by the threads that read them: what escaped the session and
        # holds one open would otherwise hold us up as well.
        for stream in (self._popen.stdin, self._stderr):
            if stream is not None:
                with contextlib.suppress(OSError):  # a pipe whose reader is gone
                    stream.close()

    def _kill(self) -> None:
        """Have the wall end what is behind it; where there is none, or it does not, end it all."""
        if self._walled:
            self._popen.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._popen.wait(END_SECONDS)
        _kill_children(self._popen.pid)
        if hasattr(os, "killpg"):
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._popen.pid, signal.SIGKILL)
        else:
            self._popen.kill()
        self._popen.wait()

    def _pump(self, stream: IO[bytes]) -> None:
        """Read frames until the stream ends; the queue's bound stops a flood."""
        total = 0
        with stream:
            try:
                for frame in frames.read(stream):  # type: ignore[arg-type]
                    total += len(frame[1])
                    if total > self._most:
                        raise frames.FrameError(f"more than {self._most:,} bytes of frames")
                    if not (self._wait_for_room(len(frame[1])) and self._hand_on(frame)):
                        return
            except frames.FrameError as error:
                self._hand_on(error)
            self._hand_on(None)

    def _wait_for_room(self, size: int) -> bool:
        """Wait until so many bytes may wait to be taken; whether somebody still takes any."""
        with self._room_for_more:
            while self._waiting and self._waiting + size > MAX_WAITING:
                if self._over.is_set():
                    return False
                self._room_for_more.wait(1)
            self._waiting += size
        return True

    def _hand_on(self, frame: Frame | frames.FrameError | None) -> bool:
        """Whether the frame was put before whoever asks for the next; not if nobody will."""
        while not self._over.is_set():
            with contextlib.suppress(queue.Full):
                self._queue.put(frame, timeout=1)
                return True
        return False


def _kill_children(pid: int) -> None:
    """Kill what a process started, however deep: a Jupyter kernel has a session of its own."""
    try:
        import psutil
    except ImportError:  # without the system's modules that it needs; the session is all then
        return
    with contextlib.suppress(psutil.Error):
        for child in psutil.Process(pid).children(recursive=True):
            with contextlib.suppress(psutil.Error):
                child.kill()
