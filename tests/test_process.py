"""The process for submitted code ends with all that it began, and floods nobody."""

import time
from pathlib import Path
from typing import Any

import pytest

from harness import frames
from harness.collect import sandbox
from harness.collect.sandbox import Process


def process(code: str, folder: Path, backlog: int = 4, **more: Any) -> Process:
    """A process that runs this code, without the seconds that torch takes."""
    return Process(["timeit", "-n1", "-r1", code], folder, backlog, **more)


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


@pytest.mark.skipif(not sandbox.FORKS, reason="nothing escapes where nothing forks")
def test_what_escapes_and_holds_a_pipe_open_holds_nobody_up(tmp_path: Path) -> None:
    running = process(ESCAPE, tmp_path, probe=True)
    assert running.next(time.monotonic() + 30) == (frames.Kind.READY, b"")
    with pytest.raises(TimeoutError):
        running.next(time.monotonic() + 0.1)
    running.end()
    assert not (tmp_path / "waited").exists()
    (tmp_path / "ended").touch()


def test_a_flood_ends_at_a_number_of_bytes(tmp_path: Path) -> None:
    running = process(FLOOD, tmp_path, most=10_000)
    taken = 0
    with pytest.raises(frames.FrameError, match="more than 10,000 bytes"):  # noqa: PT012
        while frame := running.next(time.monotonic() + 30):
            taken += len(frame[1])
    running.end()
    assert taken == 10_000


def test_what_has_come_is_taken_even_late(tmp_path: Path) -> None:
    """To measure a frame may take longer than its process had left."""
    running = process(FLOOD, tmp_path, most=3_000)
    while not running.waiting:
        time.sleep(0.01)
    late = time.monotonic() - 60
    assert running.next(late) is not None
    running.end()
