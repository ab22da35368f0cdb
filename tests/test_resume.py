"""What was trained once is not trained again, and a killed grade goes on where it stopped."""

import json
import os
import random
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from conftest import NET, make_store, step

from harness import store as stores
from harness import submission as submissions
from harness.collect.collect import Progress, Workshop, collect
from harness.collect.define import Task
from harness.evidence import Evidence
from harness.recipe import Recipe
from harness.store import Store

RECIPE = """recipe = {
    "epochs": 4,
    "batch_size": 100,
    "optimizer": {"name": "AdamW", "lr": 0.01},
    "scheduler": {"name": "OneCycleLR", "max_lr": 0.02, "total_steps": 60, "interval": "batch"},
    "augment": [{"name": "RandomRotation", "degrees": 10}],
}
"""

TASK = Task("digits", Recipe.model_validate({"epochs": 1, "batch_size": 64, "optimizer": "SGD"}), 1)


class Killed(BaseException):
    """Stands for a power cut."""


def observe(
    folder: Path, workshop: Workshop, told: Callable[[Progress], None] = lambda told: None
) -> Evidence:
    return collect(submissions.find(folder), TASK, workshop, told)


def test_a_second_grade_trains_nothing(submission: Callable[..., Path], workshop: Workshop) -> None:
    folder = submission(step_1=step())
    epochs: list[Progress] = []
    first = observe(folder, workshop, epochs.append)
    assert len(epochs) == 2
    assert observe(folder, workshop, epochs.append) == first
    assert len(epochs) == 2


def test_notes_may_change_without_a_new_training(
    submission: Callable[..., Path], workshop: Workshop
) -> None:
    first = observe(submission(step_1=step("Before.")), workshop)
    epochs: list[Progress] = []
    second = observe(submission(step_1=step("After.\n\nMore lines.")), workshop, epochs.append)
    assert not epochs
    assert second.steps[0].runs == first.steps[0].runs
    assert second.steps[0].notes.title == "After."


def test_a_definition_is_not_shared_past_another_learners_first_step(
    submission: Callable[..., Path], workshop: Workshop
) -> None:
    """Steps of one submission share a child: an earlier one could speak for a later one."""
    ada = observe(submission("ada", step_1=step(), step_2=step("Two.")), workshop)
    bob = observe(submission("bob", step_1="1 / 0", step_2=step("Two.")), workshop)
    assert ada.steps[1].source == bob.steps[1].source
    assert ada.steps[1].handed_in != bob.steps[1].handed_in
    assert ada.steps[1].runs == bob.steps[1].runs  # the same network and recipe, trained once


def test_another_recipe_is_trained(submission: Callable[..., Path], workshop: Workshop) -> None:
    observe(submission(step_1=step()), workshop)
    epochs: list[Progress] = []
    observe(submission(step_1=step(recipe='recipe = {"epochs": 3}')), workshop, epochs.append)
    assert len(epochs) == 3


def test_interrupted_at_any_write_it_ends_with_the_same_evidence(
    submission: Callable[..., Path], workshop: Workshop, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = submission(step_1=step(recipe=RECIPE))
    unbroken = observe(folder, workshop).model_dump_measured()
    written: list[Path] = []
    original = stores.write

    def write(path: Path, content: bytes, private: bool = False) -> None:
        if len(written) == last:
            raise Killed
        written.append(path)
        original(path, content, private)

    runs = workshop.store._root / "runs"
    # Four epochs of evidence and state: eight writes, and so eight moments to break off before.
    for last in range(8):
        shutil.rmtree(runs)
        written.clear()
        monkeypatch.setattr(stores, "write", write)
        with pytest.raises(Killed):
            observe(folder, workshop)
        monkeypatch.setattr(stores, "write", original)
        trained: list[Progress] = []
        assert observe(folder, workshop, trained.append).model_dump_measured() == unbroken
        # Only an epoch whose state was not written is trained again, unless it was the last.
        assert len(trained) == (0 if last == 7 else 4 - last // 2)


def test_a_damaged_state_is_trained_again(
    submission: Callable[..., Path], workshop: Workshop
) -> None:
    folder = submission(step_1=step())

    def kill(told: Progress) -> None:
        raise Killed

    with pytest.raises(Killed):
        observe(folder, workshop, kill)
    (state,) = workshop.store._root.glob("runs/*/*/state.safetensors")
    state.write_bytes(state.read_bytes()[:100])
    trained: list[Progress] = []
    evidence = observe(folder, workshop, trained.append)
    assert len(trained) == 2
    assert evidence.steps[0].runs[0].complete


def test_another_machine_starts_the_run_afresh(
    submission: Callable[..., Path], workshop: Workshop
) -> None:
    folder = submission(step_1=step())

    def kill(told: Progress) -> None:
        raise Killed

    with pytest.raises(Killed):
        observe(folder, workshop, kill)
    (path,) = workshop.store._root.glob("runs/*/*/run.json")
    run = json.loads(path.read_text())
    run["machine"]["device"] = "cpu: another"
    path.write_text(json.dumps(run))
    trained: list[Progress] = []
    observe(folder, workshop, trained.append)
    assert len(trained) == 2


def test_secrets_differ_and_stay(tmp_path: Path) -> None:
    one, other = Store(tmp_path / "one"), Store(tmp_path / "other")
    assert one.secret() == Store(tmp_path / "one").secret()
    assert one.secret() != other.secret()
    assert (tmp_path / "one" / "secret").stat().st_mode & 0o077 == 0


@pytest.mark.parametrize("kills", [pytest.param(2), pytest.param(30, marks=pytest.mark.nightly)])
def test_killed_with_sigkill_it_ends_with_the_same_evidence(
    kills: int,
    submission: Callable[..., Path],
    workshop: Workshop,
    tmp_path: Path,
    definitions: Path,
) -> None:
    recipe = RECIPE.replace('"epochs": 4', '"epochs": 12').replace("60", "180")
    folder = submission(step_1=step(network=NET, recipe=recipe))
    expected = observe(folder, workshop).model_dump_measured()
    secret = workshop.store.secret()
    draw = random.Random(0)
    for _ in range(kills):
        root = tmp_path / "killed"
        shutil.rmtree(root, ignore_errors=True)
        store = make_store(root, definitions)
        (root / "secret").write_bytes(secret)
        lines = _kill_after(draw.randint(1, 8), folder, root)
        assert lines
        survived = len(_epochs(root))
        assert survived >= lines
        trained: list[Progress] = []
        evidence = observe(folder, replace(workshop, store=store), trained.append)
        assert evidence.model_dump_measured() == expected
        assert len(trained) <= 12 - survived + 1


def _kill_after(epochs: int, folder: Path, root: Path) -> int:
    """Start a grade and kill it once so many epochs were told: how many were."""
    command = [sys.executable, "-m", "harness", "grade", str(folder), "--device", "cpu"]
    command += ["--rubric", "digits-quickstart", "--store", str(root), "--out", str(root / "out")]
    process = subprocess.Popen(
        command, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, env=dict(os.environ)
    )
    assert process.stderr is not None
    told = 0
    while told < epochs and process.stderr.readline():
        told += 1
    process.send_signal(signal.SIGKILL)
    process.communicate()
    return told


def _epochs(root: Path) -> list[Any]:
    (path,) = root.glob("runs/*/*/run.json")
    epochs: list[Any] = json.loads(path.read_text())["epochs"]
    return epochs
