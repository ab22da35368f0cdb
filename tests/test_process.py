"""The process for submitted code ends with all that it began, and floods nobody."""

import time
from collections.abc import Iterator
from typing import Any

import pytest

from harness import frames
from harness.collect.sandbox import walls
from harness.collect.sandbox.child import FORKS
from harness.collect.sandbox.process import Process
from harness.collect.sandbox.room import Room, room


@pytest.fixture
def here() -> Iterator[Room]:
    with room(2**30) as made:
        yield made


def process(code: str, here: Room, backlog: int = 4, **more: Any) -> Process:
    """A process that runs this code, without the seconds that torch takes and without a wall."""
    return Process(["timeit", "-n1", "-r1", code], here, walls.Open(), backlog, **more)


ESCAPE = """
import os, time
if os.fork() == 0:
    os.setsid()
    for _ in range(600):
        if os.path.exists("ended"):
            os._exit(0)
        time.sleep(0.1)
    open("waited", "w").close()
    os._exit(0)
os.write(1, b"\\x04" + bytes(8))
os._exit(0)
"""

FLOOD = """
import os
while True: os.write(1, b"\\x0a" + (1000).to_bytes(8, "big") + bytes(1000))
"""


@pytest.mark.skipif(not FORKS, reason="nothing escapes where nothing forks")
def test_what_escapes_and_holds_a_pipe_open_holds_nobody_up(here: Room) -> None:
    running = process(ESCAPE, here, probe=True)
    assert running.next(time.monotonic() + 30) == (frames.Kind.READY, b"")
    with pytest.raises(TimeoutError):
        running.next(time.monotonic() + 0.1)
    running.end()
    assert not (here.work / "waited").exists()
    (here.work / "ended").touch()


def test_a_flood_ends_at_a_number_of_bytes(here: Room) -> None:
    running = process(FLOOD, here, most=10_000)
    taken = 0
    with pytest.raises(frames.FrameError, match="more than 10,000 bytes"):  # noqa: PT012
        while frame := running.next(time.monotonic() + 30):
            taken += len(frame[1])
    running.end()
    assert taken == 10_000


def test_what_has_come_is_taken_even_late(here: Room) -> None:
    """To measure a frame may take longer than its process had left."""
    running = process(FLOOD, here, most=3_000)
    while not running.waiting:
        time.sleep(0.01)
    late = time.monotonic() - 60
    assert running.next(late) is not None
    running.end()
