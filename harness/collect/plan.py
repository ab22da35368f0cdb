"""Plans a grade: which runs the store lacks, and by a few timed batches how long they would take.

Must not know the rubric's checks, nor write evidence.
"""

from __future__ import annotations

from typing import NamedTuple

from harness.collect.collect import run_key, too_much, unfollowed
from harness.collect.define import Task
from harness.collect.timing import Timing
from harness.collect.workshop import Workshop
from harness.evidence import Step
from harness.submission import Submission


class Lacking(NamedTuple):
    """A run that is to be trained, or trained further."""

    seed: int
    epochs: int
    """Those that the store does not have."""


class Plan(NamedTuple):
    """What a step still takes."""

    step: Step
    lacking: list[Lacking]
    seconds_an_epoch: float
    """On this machine, as it is now; 0 where nothing is lacking."""

    @property
    def unrun(self) -> bool:
        """Whether it is a notebook whose own training is yet to come, for as long as that takes."""
        return self.step.network is None and self.step.fault is None

    @property
    def seconds(self) -> float:
        """For all runs of the step."""
        return self.seconds_an_epoch * sum(epochs for _, epochs in self.lacking)


def plan(submission: Submission, task: Task, workshop: Workshop) -> list[Plan]:
    """What a grade of a submission would train, step by step.

    Raises:
        data.DataError: if the images are missing.
        device.NoDeviceError: if the device is.
    """
    timing = Timing(submission, task, workshop)
    return [_planned(step, timing, task, workshop) for step in timing.steps]


def _planned(step: Step, timing: Timing, task: Task, workshop: Workshop) -> Plan:
    from harness.collect.bench import TooMuch
    from harness.collect.resolve import RecipeError

    if step.fault or step.recipe is None or step.observed:
        return Plan(step, [], 0)
    lacking = _lacking(step, task, workshop)
    try:
        return Plan(step, lacking, min(timing.epochs(step, rounds=1)) if lacking else 0)
    except TooMuch as error:
        fault = too_much(error)
    except RecipeError as error:
        fault = unfollowed(error, task)
    return Plan(step.model_copy(update={"fault": fault}), [], 0)


def _lacking(step: Step, task: Task, workshop: Workshop) -> list[Lacking]:
    assert step.recipe is not None
    found = []
    for seed in range(1, task.seeds + 1):
        stored = workshop.store.run(run_key(step, task, seed, workshop.store))
        if stored is None:
            found.append(Lacking(seed, step.recipe.epochs))
        elif not (stored.complete or stored.fault):
            found.append(Lacking(seed, step.recipe.epochs - len(stored.epochs)))
    return found
