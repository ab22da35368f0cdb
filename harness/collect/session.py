"""Runs a notebook in a process of its own and hands on what its probe sends, frame by frame.

Must not know what the frames mean, nor open the notebook: the process does, behind the same walls
as any submitted code. Frames of the driver and of the probe come as one stream, because the
learner's code can write into either pipe: an END that it forges ends its own notebook early.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import PurePosixPath

from harness import frames
from harness.collect.sandbox.child import ChildFailed, ChildNotStarted
from harness.collect.sandbox.process import START_SECONDS, Frame, Process
from harness.collect.sandbox.room import DISK
from harness.collect.sandbox.walls import Sandbox
from harness.frames import Kind

POSSIBLE = os.name == "posix"
"""Whether a second pipe can be handed on to the notebook's kernel; Windows cannot."""

BACKLOG = 16
"""Frames that are read ahead, so that a notebook does not wait while an epoch is measured."""

MAX_BYTES = 2**34
"""Bytes of frames: a network of 6 million parameters sends 25 MB an epoch, and a sweep has 300."""

GRACE = 30.0
"""Seconds beyond the notebook's own time, in which its driver should have ended it."""

DRAIN = 10.0
"""Seconds for the last frames of the probe, once the driver has ended."""


@dataclass(frozen=True)
class Limits:
    """What a notebook may use."""

    cell_seconds: int = 4 * 3600
    """Wall time of one cell."""
    seconds: int = 6 * 3600
    """Wall time of the whole; a sweep of ten schedules takes hours on a slow machine."""
    memory: int = 16 * 2**30
    """Bytes of data, of each process and of all together. Real notebooks keep every loss with its
    graph, which leaves the heap in fragments: a third of a megabyte a step, and a training of 15
    epochs has 14,000."""
    disk: int = DISK
    """Bytes that may be written."""
    output: int = 5_000_000
    """Bytes of outputs that are kept in the executed copy."""


def run(
    notebook: PurePosixPath,
    checkout: Mapping[PurePosixPath, bytes],
    served: Mapping[str, bytes],
    order: frames.Order,
    limits: Limits,
    sandbox: Sandbox,
) -> Iterator[Frame]:
    """Run a notebook, and hand on its frames as they come.

    Args:
        notebook: its place in the checkout.
        checkout: the files that the learner's code finds beside it.
        served: the data set's raw files by name, as torchvision reads them.
        order: what the driver is to know; places and limits are filled in here.
        limits: what it may use.
        sandbox: what it runs in.

    Raises:
        ChildNotStarted: if there was no first frame: the machine's fault.
        ChildFailed: if it used up its time, or what it sent is no sequence of frames.
    """
    with sandbox.room(limits.memory, limits.disk) as room:
        room.lay_out(checkout)
        for name, content in served.items():
            room.give(f"data/{order.dataset}/raw/{name}", content)
        module = ["harness.inside.notebook"]
        process = Process(module, room, sandbox.wall, BACKLOG, MAX_BYTES, probe=True)
        filled = asdict(order) | {
            "notebook": f"checkout/{notebook}",
            "probe": process.probe,
            "data": str(room.given / "data"),
            "cell_seconds": limits.cell_seconds,
            "seconds": limits.seconds,
            "memory": limits.memory,
            "output": limits.output,
        }
        try:
            with suppress(OSError):  # it ended already, which the frames will tell
                process.order(json.dumps(filled))
            yield from _frames(process, limits)
        finally:
            process.end()


def _frames(process: Process, limits: Limits) -> Iterator[Frame]:
    deadline = time.monotonic() + limits.seconds + GRACE + START_SECONDS
    begun = ended = False
    drain = DRAIN
    while True:
        asked = time.monotonic()
        try:
            frame = process.next(asked + drain if ended else deadline)
        except TimeoutError:
            if ended:
                return  # something that the notebook started holds the pipe open
            raise ChildFailed(f"it did not end within {limits.seconds:,} s") from None
        except frames.FrameError as error:
            if ended:
                return
            raise ChildFailed(f"what it sent cannot be read: {error}") from None
        if frame is None and not begun:
            raise ChildNotStarted(f"the process for notebooks did not start{process.last_words()}")
        if frame is None:
            if not ended:
                raise ChildFailed(f"the notebook's process ended early{process.last_words()}")
            return
        begun = True
        if ended:  # only waiting counts, not what is done with a frame
            drain = max(0.0, drain - (time.monotonic() - asked))
        if frame[0] is Kind.END:
            ended = True
        elif frame[0] is not Kind.READY:
            yield frame
