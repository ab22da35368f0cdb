"""What tests share: a store of their own, steps on disk, and a grade without a terminal."""

import gc
import os
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from browser import chromium  # noqa: F401, since a fixture is found where it is imported
from hypothesis import settings
from step_samples import LIMITS, make_store

from harness import data
from harness.collect.workshop import Workshop
from harness.inside import account
from harness.rubric import Rubric

settings.register_profile("default", deadline=None, derandomize=True, max_examples=50)
settings.register_profile("nightly", deadline=None, max_examples=5_000)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "default"))

# Tests run side by side on two cores; and results must not depend on the number of threads.
torch.set_num_threads(1)

# What is imported stays, and a worker has most of torch: to search it for garbage takes a while.
gc.set_threshold(20_000, 20, 100)


@pytest.fixture
def submission(tmp_path: Path) -> Callable[..., Path]:
    """Makes a folder of steps: names (less `.py`) to sources."""

    def make(name: str = "ada", **steps: str) -> Path:
        folder = tmp_path / name
        folder.mkdir(exist_ok=True)
        for step_name, source in steps.items():
            (folder / f"{step_name}.py").write_text(source)
        return folder

    return make


@pytest.fixture(scope="session")
def definitions(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What children handed over: tests share it, because a child takes seconds to start."""
    return tmp_path_factory.mktemp("definitions")


@pytest.fixture
def workshop(tmp_path: Path, definitions: Path) -> Workshop:
    """A store of the test's own, on the CPU, with short limits for endless loops."""
    return Workshop(make_store(tmp_path / "store", definitions), data.folder(), "cpu", LIMITS)


@pytest.fixture
def rubric() -> Rubric:
    """A small rubric on the digits."""
    checks = [
        {"kind": "parameters", "below": 4_000, "points": 20, "scope": "final step"},
        {"kind": "epochs", "at_most": 15, "points": 10, "scope": "every step"},
        {
            "kind": "accuracy",
            "at_least": "10 %",
            "last_epochs": 2,
            "points": 70,
            "scope": "final step",
        },
    ]
    return Rubric.model_validate({"title": "Small", "dataset": "digits", "checks": checks})


@pytest.fixture
def unexported(monkeypatch: pytest.MonkeyPatch) -> None:
    """Exporting a network takes a second, and is tested by itself."""
    monkeypatch.setattr(account, "hand_over", lambda *_: ([], None))


def pytest_collection_finish() -> None:
    """Leave what is imported by now out of the search for garbage."""
    gc.freeze()


def pytest_unconfigure() -> None:
    """At the end libraries look for what was left, and would tell of all that was imported."""
    gc.unfreeze()


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Asked for the tests of a GPU where there is none, fail instead of passing over them."""
    asked = config.getoption("-m") == "gpu"
    if asked and not torch.cuda.is_available():
        raise pytest.UsageError("the tests marked gpu need a CUDA device; this machine has none")
