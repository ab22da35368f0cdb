"""Processes that would outlive a grade, end others, or start before the walls stand."""

from collections.abc import Iterator

import psutil
import pytest
from batches import Laboratory, only_step
from forms import HONEST
from notebook_samples import notebook
from step_samples import step

MARK = "a-daemon-of-the-submission"

DAEMON = f"""
import os, sys
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        for one in range(3):
            try:
                os.close(one)
            except OSError:
                pass
        os.execv(sys.executable, [
            sys.executable, "-c",
            "import signal, time\\n"
            "for one in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT): signal.signal(one, signal.SIG_IGN)\\n"
            "time.sleep(600)",
            "{MARK}",
        ])
    os._exit(0)
os.wait()
"""

KILLER = """
import os, signal
os.kill(os.getppid(), signal.SIGKILL)
"""

KILLS_ALL = """
import os, signal
try:
    os.kill(places, 0)
except OSError:
    os.kill(-1, signal.SIGKILL)
"""
"""Not where it could reach the process that is outside: then all of its kin would end."""


def daemons() -> list[psutil.Process]:
    return [one for one in psutil.process_iter(["cmdline"]) if MARK in (one.info["cmdline"] or [])]


@pytest.fixture(autouse=True)
def nothing_left() -> Iterator[None]:
    assert not daemons()
    yield
    for one in daemons():
        one.kill()


def test_no_daemon_outlives_a_definition(laboratory: Laboratory) -> None:
    scorecard = laboratory.attack({"step_1.py": DAEMON + step()})
    assert only_step(scorecard).fault is None
    assert scorecard.verdict == "passed"
    assert not daemons()


def test_no_daemon_outlives_a_notebook(laboratory: Laboratory) -> None:
    scorecard = laboratory.attack({"Step_1.ipynb": notebook(*HONEST, DAEMON, "print('done')")})
    assert only_step(scorecard).failed_cells == []
    assert scorecard.verdict == "failed"
    assert not daemons()


def test_who_ends_its_parent_ends_its_own_step(laboratory: Laboratory) -> None:
    files = {
        "step_1.py": KILLER + step(),
        "step_2.py": f"places = {psutil.Process().pid}\n{KILLS_ALL}{step()}",
        "step_3.py": step("Honest."),
    }
    first, second, third = laboratory.attack(files).evidence.steps
    for each in (first, second):
        assert each.fault is not None
        assert each.fault.owner == "submission"
        assert "ended without an answer" in each.fault.message
    assert third.fault is None


def test_a_notebook_that_ends_its_driver_ends_itself(laboratory: Laboratory) -> None:
    scorecard = laboratory.attack({"Step_1.ipynb": notebook(*HONEST, KILLER, "fit(Net(), 9)")})
    (run,) = only_step(scorecard).observed
    assert run.fault is not None
    assert run.fault.owner == "submission"
    assert "the notebook's process ended early" in run.fault.message
    assert scorecard.verdict == "failed"
