"""What a wall costs a submission when it starts, over a process without one."""

import statistics
import time

import pytest

from harness.collect.sandbox import walls
from harness.collect.sandbox.launch import Wall
from harness.collect.sandbox.process import Process
from harness.collect.sandbox.room import room
from harness.frames import Kind

ROUNDS = 21

READY = "import os; os.write(1, bytes([4]) + bytes(8)); os._exit(0)"

MOST = 0.05
"""Seconds that a wall may add."""


def seconds(wall: Wall) -> float:
    """From the making of a room to the first word of a process in it."""
    started = time.perf_counter()
    with room(2**30) as made:
        process = Process(["timeit", "-n1", "-r1", READY], made, wall, backlog=1)
        assert process.next(time.monotonic() + 60) == (Kind.READY, b"")
        took = time.perf_counter() - started
        process.end()
    return took


@pytest.mark.parametrize("wall", walls.WALLS, ids=lambda wall: wall.name)
def test_a_wall_costs_less_than_a_twentieth_of_a_second(wall: Wall) -> None:
    plain, walled = [], []
    for _ in range(ROUNDS):
        plain.append(seconds(walls.Open()))
        walled.append(seconds(wall))
    added = statistics.median(walled) - statistics.median(plain)
    print(
        f"\n{wall.name}: {1000 * statistics.median(walled):.0f} ms, "
        f"plain {1000 * statistics.median(plain):.0f} ms"
    )
    assert added < MOST
