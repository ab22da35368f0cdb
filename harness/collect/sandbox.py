"""The process in which a submission's code runs, and the walls around it.

One `Child` serves one submission. Must not know what the frames mean: it starts, feeds, limits
and ends a process, and hands on what that wrote. Today's walls are those of the operating
system's own limits: a new session, an empty environment, a private folder, CPU time, memory,
file size and wall clock. Where there are none but the wall clock, `LIMITED` says so.
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
from dataclasses import dataclass
from pathlib import Path
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


class ChildFailed(Exception):
    """The child ended, or was ended, before it handed anything over."""


class ChildNotStarted(RuntimeError):
    """The child failed before any submitted code ran in it: the machine's fault."""


class Child:
    """A process for the code of one submission; a context manager that leaves nothing behind."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._process: subprocess.Popen[bytes] | None = None
        self._ready = False
        """Whether the process waits for a file."""

    def __enter__(self) -> Self:
        self._folder = tempfile.TemporaryDirectory(prefix="harness-")
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
        if self._ready and not self._queue.empty():
            self._end()  # an earlier step left an answer behind, which is not this step's
        if self._process is not None and self._process.poll() is not None:
            self._end()
        self.start()
        self._await_ready()
        assert self._process is not None
        assert self._process.stdin is not None
        try:
            order = json.dumps({"path": str(path), "network": network})
            self._process.stdin.write(f"{order}\n".encode())
            self._process.stdin.flush()
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
        folder = self._folder.name
        environment = {key: os.environ[key] for key in KEPT if key in os.environ}
        environment |= {
            "CUDA_VISIBLE_DEVICES": "",
            "HOME": folder,
            "LOGNAME": "submission",  # without a name, Python looks for one in Unix's own files
            "OMP_NUM_THREADS": "1",
            "PYTHONDONTWRITEBYTECODE": "1",
            "PYTHONHASHSEED": "0",
            "PYTHONPATH": str(Path(__file__).parents[2]),
            "PYTHONUTF8": "1",
            "TMPDIR": folder,
        }
        serve = [sys.executable, "-P", "-s", "-m", "harness.inside.serve"]
        serve += [str(self._limits.cpu_seconds), str(self._limits.memory)]
        self._stderr = tempfile.TemporaryFile()  # noqa: SIM115 - closed with the process
        self._process = subprocess.Popen(
            [*serve, "forks" if FORKS else "once"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._stderr,
            cwd=folder,
            env=environment,
            start_new_session=True,
        )
        self._queue: queue.Queue[tuple[frames.Kind, bytes] | frames.FrameError | None]
        self._queue = queue.Queue(maxsize=self._limits.frames)
        assert self._process.stdout is not None
        threading.Thread(
            target=_pump, args=(self._process.stdout, self._queue), daemon=True
        ).start()

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

    def _next(self, deadline: float) -> tuple[frames.Kind, bytes]:
        try:
            frame = self._queue.get(timeout=max(0.0, deadline - time.monotonic()))
        except queue.Empty:
            raise ChildFailed(f"no answer within {self._limits.wall_seconds:g} s") from None
        if isinstance(frame, frames.FrameError):
            raise ChildFailed(f"what it handed over cannot be read: {frame}")
        if frame is None:
            raise ChildFailed(f"the process ended without an answer{self._last_words()}")
        return frame

    def _why(self, status: int) -> str:
        """The reason for which the submission's process ended, from its exit status."""
        if -status in [getattr(signal, name, None) for name in ("SIGXCPU", "SIGKILL")]:
            return (
                f"it was ended after {self._limits.cpu_seconds} s of processor time "
                "or for want of memory; is there an endless loop, or training, outside "
                'of `if __name__ == "__main__":`?'
            )
        if status < 0:
            return f"it was ended by signal {-status}{self._last_words()}"
        return f"it ended its own process with exit code {status}{self._last_words()}"

    def _last_words(self) -> str:
        self._stderr.seek(max(0, self._stderr.seek(0, os.SEEK_END) - 2000))
        lines = self._stderr.read().decode(errors="replace").strip().splitlines()
        return f"; its last line: {lines[-1]}" if lines else ""

    def _end(self) -> None:
        """Kill the process and all that it started in its session."""
        if self._process is None:
            return
        if hasattr(os, "killpg"):
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
        else:
            self._process.kill()
        self._process.wait()
        for stream in (self._process.stdin, self._process.stdout, self._stderr):
            if stream is not None:
                with contextlib.suppress(OSError):  # a pipe whose reader is gone
                    stream.close()
        self._process = None
        self._ready = False


def _status(payload: bytes) -> int:
    """An exit status, from a pipe that submitted code can write to."""
    try:
        return int(payload)
    except ValueError:
        raise ChildFailed("what it handed over cannot be read: an exit status") from None


def _pump(
    stream: IO[bytes], into: queue.Queue[tuple[frames.Kind, bytes] | frames.FrameError | None]
) -> None:
    """Read frames until the stream ends; the queue's bound stops a flood."""
    try:
        for frame in frames.read(stream):  # type: ignore[arg-type]
            into.put(frame)
    except frames.FrameError as error:
        into.put(error)
    except ValueError:  # the stream was closed under us, because the child is being ended
        pass
    into.put(None)
