"""Laboratories, one behind each wall. `tox -e attacks` runs what is here, and nothing else does."""

import os
from pathlib import Path

import pytest
from batches import Laboratory

from harness import data
from harness.collect import session
from harness.collect.sandbox import walls
from harness.collect.sandbox.child import Limits
from harness.collect.sandbox.launch import Wall
from harness.collect.workshop import Workshop
from harness.rubric import Rubric
from harness.store import Store

HERE = Path(__file__).parent

LIMITS = Limits(cpu_seconds=10, wall_seconds=60, memory=2 * 2**30, disk=2**26)
NOTEBOOK = session.Limits(
    cell_seconds=30, seconds=120, memory=3 * 2**30, disk=2**27, output=200_000
)
"""Short, for what never ends, and small, for what never has enough."""

CHECKS = [
    {"kind": "parameters", "below": 4_000, "points": 20, "scope": "final step"},
    {"kind": "epochs", "at_most": 15, "points": 10, "scope": "every step"},
    {"kind": "accuracy", "at_least": "50 %", "last_epochs": 1, "points": 60, "scope": "final step"},
    {"kind": "integrity", "points": 10, "scope": "every step"},
]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What lies here is an attack."""
    for item in items:
        if item.path.is_relative_to(HERE):
            item.add_marker("attack")


@pytest.fixture(scope="session", params=walls.WALLS, ids=lambda wall: wall.name.split()[0])
def wall(request: pytest.FixtureRequest) -> Wall:
    """Each wall in turn; on a CI machine none may be missing."""
    found: Wall = request.param
    problem = next(problem for tried, problem in walls.tried() if tried is found)
    if problem and not os.environ.get("CI"):
        pytest.skip(f"{found.name} does not work here: {problem}")
    assert not problem
    return found


@pytest.fixture(scope="session")
def laboratory(wall: Wall, tmp_path_factory: pytest.TempPathFactory) -> Laboratory:
    """Where attacks are graded; evidence is shared by all that one process tests."""
    return made(wall, tmp_path_factory.mktemp("laboratory"))


@pytest.fixture(scope="session")
def best(tmp_path_factory: pytest.TempPathFactory) -> Laboratory:
    """For attacks that have nothing to do with walls: behind the best one alone."""
    return made(walls.best(), tmp_path_factory.mktemp("best"))


def made(wall: Wall, folder: Path) -> Laboratory:
    rubric = Rubric.model_validate({"title": "Attacked", "dataset": "digits", "checks": CHECKS})
    store = Store(folder / "store")
    workshop = Workshop(store, data.folder(), "cpu", LIMITS, NOTEBOOK, wall)
    (folder / "class").mkdir()
    return Laboratory(wall, workshop, folder / "class", rubric)
