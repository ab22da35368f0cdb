"""What was trained once is not trained again, and a killed grade goes on where it stopped."""

import errno
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
from typing import Any, NamedTuple

import pytest
from step_samples import NET, make_store, step
from typer.testing import CliRunner

from harness import store as stores
from harness import submission as submissions
from harness.cli import app
from harness.collect.collect import Progress, collect
from harness.collect.define import Task
from harness.collect.workshop import Workshop
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


class Written(NamedTuple):
    """What the store wrote: a power cut leaves the first of it, whole."""

    path: Path
    content: bytes
    private: bool


def recorded(
    monkeypatch: pytest.MonkeyPatch, folder: Path, workshop: Workshop, last: int | None = None
) -> list[Written]:
    """Observe, and keep what is written of runs; with `last`, killed before that write."""
    written: list[Written] = []
    original, runs = stores.write, workshop.store.root / "runs"

    def write(path: Path, content: bytes, private: bool = False) -> None:
        if runs in path.parents:
            if len(written) == last:
                raise Killed
            written.append(Written(path, content, private))
        original(path, content, private)

    with monkeypatch.context() as patch:
        patch.setattr(stores, "write", write)
        if last is None:
            observe(folder, workshop)
        else:
            with pytest.raises(Killed):
                observe(folder, workshop)
    return written


def files(runs: Path) -> set[Path]:
    return {path for path in runs.rglob("*") if path.is_file()}


def cut(written: list[Written], workshop: Workshop) -> None:
    """Leave of the runs what a power cut after these writes would.

    An observation that is killed takes the bench with it, and the next one waits for torch.
    """
    shutil.rmtree(workshop.store.root / "runs")
    for each in written:
        stores.write(*each)


def test_interrupted_at_any_write_it_ends_with_the_same_evidence(
    submission: Callable[..., Path], workshop: Workshop, monkeypatch: pytest.MonkeyPatch
) -> None:
    recipe = RECIPE.replace('"epochs": 4', '"epochs": 2').replace("60", "30")
    folder = submission(step_1=step(recipe=recipe))
    runs = workshop.store.root / "runs"
    written = recorded(monkeypatch, folder, workshop)
    unbroken = observe(folder, workshop).model_dump_measured()
    # Two epochs of evidence and state: four writes, and so four moments to break off before.
    assert len(written) == 4
    for last in range(4):
        cut(written[:last], workshop)
        left = files(runs)
        if last == 1:  # one that is killed indeed, which leaves the same files
            shutil.rmtree(runs)
            recorded(monkeypatch, folder, workshop, last)
            assert files(runs) == left != set()
        trained: list[Progress] = []
        assert observe(folder, workshop, trained.append).model_dump_measured() == unbroken
        # Only an epoch whose state was not written is trained again, unless it was the last.
        assert len(trained) == (0 if last == 3 else 2 - last // 2)


def test_a_damaged_state_is_trained_again(
    submission: Callable[..., Path], workshop: Workshop, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = submission(step_1=step())
    cut(recorded(monkeypatch, folder, workshop)[:2], workshop)
    (state,) = workshop.store.root.glob("runs/*/*/state.safetensors")
    state.write_bytes(state.read_bytes()[:100])
    trained: list[Progress] = []
    evidence = observe(folder, workshop, trained.append)
    assert len(trained) == 2
    assert evidence.steps[0].runs[0].complete


def test_a_damaged_definition_is_made_anew(
    submission: Callable[..., Path], workshop: Workshop, definitions: Path
) -> None:
    folder = submission(**{f"step_{n}": step(f"Damaged {n}.") for n in range(4)})
    first = observe(folder, workshop)
    for observed, file in zip(
        first.steps,
        ["definition.json", "tensors.safetensors", "network.json", "sha256"],
        strict=True,
    ):
        (path,) = definitions.glob(f"{observed.handed_in}-*/{file}")
        path.write_bytes(path.read_bytes()[:-9])
    trained: list[Progress] = []
    assert observe(folder, workshop, trained.append) == first
    assert not trained
    for observed in first.steps:
        assert workshop.store.definition(observed.handed_in) is not None
        assert workshop.store.network(observed.handed_in) == observed.network


def grade(folder: Path, root: Path) -> tuple[int, str]:
    options = ["--rubric", "digits-quickstart", "--device", "cpu"]
    options += ["--store", str(root), "--out", str(root.parent / "out")]
    result = CliRunner().invoke(app, ["grade", str(folder), *options])
    return result.exit_code, result.output


@pytest.mark.parametrize("what", ["harness.store.Store.write_run", "os.fsync"])
def test_a_full_disk_is_the_machines_fault_and_costs_nothing(
    what: str,
    submission: Callable[..., Path],
    tmp_path: Path,
    definitions: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Full after the first epoch: the store's disk alone, and the reports' as well."""
    folder, root = submission(step_1=step(recipe=RECIPE)), tmp_path / "store"
    make_store(root, definitions)
    original: Any = os.fsync if what == "os.fsync" else Store.write_run

    def full(*arguments: Any, **more: Any) -> None:
        if list(root.glob("runs/*/*/state.safetensors")):
            raise OSError(errno.ENOSPC, "No space left on device")
        original(*arguments, **more)

    with monkeypatch.context() as patch:
        patch.setattr(what, full)
        code, said = grade(folder, root)
    assert code == 4
    assert "machine's fault" in said
    assert "No space left on device" in said
    kept = _epochs(root)
    assert len(kept) == 1
    assert not list(tmp_path.rglob(".*-*"))  # nothing half-written is left
    code, said = grade(folder, root)
    assert code == 1, said  # graded, and below the pass mark
    assert _epochs(root)[:1] == kept
    assert len(_epochs(root)) == 4


def test_an_interrupted_grade_says_so_and_goes_on(
    submission: Callable[..., Path], workshop: Workshop, tmp_path: Path
) -> None:
    recipe = RECIPE.replace('"epochs": 4', '"epochs": 40').replace("60", "600")
    folder = submission(step_1=step(recipe=recipe))
    ended = _end_after(2, folder, workshop.store.root, signal.SIGINT)
    assert ended.code == 130
    assert "interrupted; what was measured is kept" in ended.said
    assert "Traceback" not in ended.said
    kept = len(_epochs(workshop.store.root))
    assert 2 <= kept < 40
    trained: list[Progress] = []
    assert observe(folder, workshop, trained.append).steps[0].runs[0].complete
    assert len(trained) <= 40 - kept + 1


def test_another_machine_starts_the_run_afresh(
    submission: Callable[..., Path], workshop: Workshop, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = submission(step_1=step())
    cut(recorded(monkeypatch, folder, workshop)[:2], workshop)  # else one epoch were to do
    (path,) = workshop.store.root.glob("runs/*/*/run.json")
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


@pytest.mark.parametrize("kills", [pytest.param(1), pytest.param(30, marks=pytest.mark.nightly)])
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
        lines = _end_after(draw.randint(1, 8), folder, root, signal.SIGKILL).told
        assert lines
        survived = len(_epochs(root))
        assert survived >= lines
        trained: list[Progress] = []
        evidence = observe(folder, replace(workshop, store=store), trained.append)
        assert evidence.model_dump_measured() == expected
        assert len(trained) <= 12 - survived + 1


class Ended(NamedTuple):
    told: int
    """Epochs that were told before it was ended."""
    code: int
    said: str
    """On standard error, after that."""


def _end_after(epochs: int, folder: Path, root: Path, by: signal.Signals) -> Ended:
    """Start a grade and end it by a signal once so many epochs were told."""
    # A test that runs in the background has inherited that interrupts are ignored.
    heed = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler)"
    command = [sys.executable, "-c", f"{heed}; from harness.cli import app; app()"]
    command += ["grade", str(folder), "--rubric", "digits-quickstart", "--device", "cpu"]
    command += ["--store", str(root), "--out", str(root / "out")]
    process = subprocess.Popen(
        command, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True, env=dict(os.environ)
    )
    assert process.stderr is not None
    told = 0
    while told < epochs and process.stderr.readline():
        told += 1
    process.send_signal(by)
    _, said = process.communicate()
    return Ended(told, process.returncode, said)


def _epochs(root: Path) -> list[Any]:
    (path,) = root.glob("runs/*/*/run.json")
    epochs: list[Any] = json.loads(path.read_text())["epochs"]
    return epochs
