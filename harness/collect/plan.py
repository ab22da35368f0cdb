"""Plans a grade: which runs the store lacks, and by a few timed batches how long they would take.

Must not know the rubric's checks, nor write evidence.
"""

from __future__ import annotations

from typing import NamedTuple

from harness.collect import notebooks
from harness.collect.collect import defined, run_key, unfollowed
from harness.collect.define import Task
from harness.collect.workshop import Workshop, bench_of
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
    definitions = iter(defined(submission, task, workshop))
    plans = []
    for source in submission.steps:
        if source.is_notebook:
            known = notebooks.known(source, submission, task, workshop)
            wall = workshop.sandbox.wall.name
            known = known or [notebooks.bare(source, wall)]
            found = [step.counting(task.counts) for step in known]
            plans += [Plan(step, [], 0) for step in found]
            continue
        step = next(definitions)
        lacking = [] if step.fault else _lacking(step, task, workshop)
        plans.append(_timed(step, lacking, task, workshop) if lacking else Plan(step, [], 0))
    return plans


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


def _timed(step: Step, lacking: list[Lacking], task: Task, workshop: Workshop) -> Plan:
    from harness.collect.resolve import RecipeError

    try:
        return Plan(step, lacking, _seconds_an_epoch(step, task, workshop))
    except RecipeError as error:
        fault = unfollowed(error, task)
        return Plan(step.model_copy(update={"fault": fault}), [], 0)


def _seconds_an_epoch(step: Step, task: Task, workshop: Workshop) -> float:
    """Wall time of one epoch's training and evaluation."""
    assert step.recipe is not None
    handed_over = workshop.store.definition(step.handed_in)
    assert handed_over is not None
    with bench_of(task.dataset, workshop).network(handed_over) as network:
        return min(network.seconds_an_epoch(step.recipe))
