"""How long a notebook takes under the harness, against `jupyter nbconvert --execute` on it."""

import statistics
import time
from pathlib import Path

import pytest
from pytest_benchmark.fixture import BenchmarkFixture
from unsealed import NOTEBOOK, unsealed

from harness import data
from harness.collect.define import Task
from harness.collect.notebooks import observe
from harness.collect.workshop import Workshop
from harness.rubric import find, load
from harness.store import Store
from harness.submission import find as find_submission

ROUNDS, EPOCHS = 3, 15


@pytest.mark.skipif(bool(data.missing("mnist", data.folder())), reason="MNIST is not there")
def test_a_notebook_under_the_harness(benchmark: BenchmarkFixture, tmp_path: Path) -> None:
    """The whole notebook on MNIST, no augmentation, one thread each: at most 0.85 of the time.

    With the start of the processes and of the kernel on both sides, and with the measuring of every
    epoch on the harness's. Takes three quarters of an hour.
    """
    notebook = tmp_path / "own.ipynb"
    notebook.write_text(NOTEBOOK.read_text())
    images = data.load("mnist", data.folder())
    rubric = load(find("under-10k"))

    def plain(number: int) -> float:
        started = time.perf_counter()
        assert len(unsealed(notebook, images, tmp_path / f"plain-{number}")) == EPOCHS
        return time.perf_counter() - started

    def observed(number: int) -> float:
        workshop = Workshop(Store(tmp_path / f"store-{number}"), data.folder(), "cpu")
        submission = find_submission(notebook)
        task = Task(rubric.dataset, rubric.recipe, seeds=1)
        started = time.perf_counter()
        (step,) = observe(submission.steps[0], submission, task, workshop, lambda run: None)
        seconds = time.perf_counter() - started
        assert len(step.observed[0].epochs) == EPOCHS
        return seconds

    rounds = [(observed(number), plain(number)) for number in range(ROUNDS)]
    ratios = [ours / theirs for ours, theirs in rounds]
    benchmark.extra_info.update({"seconds": rounds, "ratio": statistics.median(ratios)})
    benchmark.pedantic(lambda: None, rounds=1)
    print([f"{ours:.0f} s / {theirs:.0f} s" for ours, theirs in rounds], f"{ratios}")
    assert statistics.median(ratios) <= 0.85
