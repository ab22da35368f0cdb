"""The process in which a submission's code runs, and the walls around it.

Must not know what the frames mean: it starts, feeds, limits and ends a process, and hands on what
that wrote. Today's walls are those of the operating system's own limits: a new session, an empty
environment, a private folder, CPU time, memory, file size and wall clock. Where there are none
but the wall clock, `LIMITED` says so.
"""

from __future__ import annotations

import contextlib
import importlib.util
import json
import os
import queue
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from types import TracebackType
from typing import IO, Self

from harness import frames

KEPT = ("LANG", "LC_ALL", "LD_LIBRARY_PATH", "PATH", "SYSTEMROOT")
"""Environment variables that a child gets; all others stay with the parent."""

LIMITED = sys.platform == "linux" and importlib.util.find_spec("resource") is not None
"""Whether a child's time, memory and files are limited. Other systems lack such limits, or have
them and do not hold to them."""

FORKS = sys.platform == "linux" and hasattr(os, "fork")
"""Whether a child serves step after step, each in a fork. Windows cannot, and on macOS the
system's own libraries may not be used after a fork."""

ALLOCATOR = {
    "GLIBC_TUNABLES": "glibc.malloc.hugetlb=1",
    "MALLOC_MMAP_THRESHOLD_": str(2**30),
    "MALLOC_TRIM_THRESHOLD_": str(2**33),
}
"""Has glibc keep the memory of large tensors instead of returning it at every step, and in large
pages: a step of seed 001's fourth network takes 22 instead of 26 ms, and computes the same."""

MAX_BYTES = 2**29
"""Of frames through one pipe: what waits to be taken lies in the trusted side's memory."""

START_SECONDS = 300
"""For torch to be imported in a new child: some seconds, or minutes on a machine that is busy."""


@dataclass(frozen=True)
class Limits:
    """What the code of one step may use."""

    cpu_seconds: int = 60
    """Processor time: an endless loop ends here, however busy the machine is."""
    wall_seconds: float = 300
    """For code that waits instead."""
    memory: int = 4 * 2**30
    """Bytes of data."""
    frames: int = 16
    """Frames that are taken from one step; an honest one sends three."""


Frame = tuple[frames.Kind, bytes]


class ChildFailed(Exception):
    """The child ended, or was ended, before it handed anything over."""


class ChildNotStarted(RuntimeError):
    """The child failed before any submitted code ran in it: the machine's fault."""


def lay_out(files: Mapping[PurePosixPath, bytes], folder: Path) -> None:
    """Write what was handed in where its own process will find it."""
    for place, content in files.items():
        path = folder / place
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)


class Process:
    """A process for submitted code, which hands over frames; ended, it leaves nothing behind.

    Args:
        module: the one of `harness.inside` that it runs, with its arguments.
        folder: its own, which it may fill.
        backlog: frames that are read ahead; a process that writes more waits.
        most: bytes of frames that it may write.
        probe: whether it gets a second pipe, whose number in the process is `probe`.
    """

    probe: int | None

    def __init__(
        self,
        module: list[str],
        folder: Path,
        backlog: int,
        most: int = MAX_BYTES,
        probe: bool = False,
    ) -> None:
        environment = {key: os.environ[key] for key in KEPT if key in os.environ}
        environment |= ALLOCATOR | {
            "CUDA_VISIBLE_DEVICES": "",
            "HOME": str(folder),
            "LOGNAME": "submission",  # without a name, Python looks for one in Unix's own files
            "OMP_NUM_THREADS": "1",
            "PYTHONDONTWRITEBYTECODE": "1",
            "PYTHONHASHSEED": "0",
            "PYTHONPATH": str(Path(__file__).parents[2]),
            "PYTHONUTF8": "1",
            "TMPDIR": str(folder),
        }
        reading, self.probe = os.pipe() if probe else (None, None)
        passed = () if self.probe is None else (self.probe,)
        self._stderr = tempfile.TemporaryFile()  # noqa: SIM115 - closed with the process
        self._popen = subprocess.Popen(
            [sys.executable, "-P", "-s", "-m", *module],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._stderr,
            cwd=folder,
            env=environment,
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
        self._over = threading.Event()
        for stream in streams:
            threading.Thread(target=self._pump, args=(stream,), daemon=True).start()

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
                return frame
            self._open -= 1
        return None

    def last_words(self) -> str:
        """What it last wrote to its standard error, as the end of a sentence."""
        self._stderr.seek(max(0, self._stderr.seek(0, os.SEEK_END) - 2000))
        lines = self._stderr.read().decode(errors="replace").strip().splitlines()
        return f"; its last line: {lines[-1]}" if lines else ""

    def end(self) -> None:
        """Kill the process and all that it started, also in sessions of their own."""
        _kill_children(self._popen.pid)
        if hasattr(os, "killpg"):
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._popen.pid, signal.SIGKILL)
        else:
            self._popen.kill()
        self._popen.wait()
        self._over.set()
        # The other pipes are closed by the threads that read them: what escaped the session and
        # holds one open would otherwise hold us up as well.
        for stream in (self._popen.stdin, self._stderr):
            if stream is not None:
                with contextlib.suppress(OSError):  # a pipe whose reader is gone
                    stream.close()

    def _pump(self, stream: IO[bytes]) -> None:
        """Read frames until the stream ends; the queue's bound stops a flood."""
        total = 0
        with stream:
            try:
                for frame in frames.read(stream):  # type: ignore[arg-type]
                    total += len(frame[1])
                    if total > self._most:
                        raise frames.FrameError(f"more than {self._most:,} bytes of frames")
                    if not self._hand_on(frame):
                        return
            except frames.FrameError as error:
                self._hand_on(error)
            self._hand_on(None)

    def _hand_on(self, frame: Frame | frames.FrameError | None) -> bool:
        """Whether the frame was put before whoever asks for the next; not if nobody will."""
        while not self._over.is_set():
            with contextlib.suppress(queue.Full):
                self._queue.put(frame, timeout=1)
                return True
        return False


class Child:
    """A process for the files of one submission; a context manager that leaves nothing behind."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._process: Process | None = None
        self._ready = False
        """Whether the process waits for a file."""

    def __enter__(self) -> Self:
        self._folder = tempfile.TemporaryDirectory(prefix="harness-", ignore_cleanup_errors=True)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._end()
        self._folder.cleanup()

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
        path = Path(self._folder.name) / name
        path.parent.mkdir(exist_ok=True)  # an earlier step may have deleted it
        path.write_bytes(source)
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
        """Start the process, if it does not run yet; its imports take seconds."""
        if self._process is not None:
            return
        serve = ["harness.inside.serve", str(self._limits.cpu_seconds), str(self._limits.memory)]
        serve.append("forks" if FORKS else "once")
        self._process = Process(serve, Path(self._folder.name), self._limits.frames)

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
        self._process = None
        self._ready = False


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


def _status(payload: bytes) -> int:
    """An exit status, from a pipe that submitted code can write to."""
    try:
        return int(payload)
    except ValueError:
        raise ChildFailed("what it handed over cannot be read: an exit status") from None
