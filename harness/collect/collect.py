"""Collects evidence: what a submission is, holds and reaches.

Reuses what the store has, and imports torch only where something is missing. Must not know the
rubric's checks: it gets the data set, the recipe's defaults and the number of seeds.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING, NamedTuple

from harness import data, evidence
from harness.collect import notebooks
from harness.collect.define import Task, Unobservable, define, named, ours
from harness.collect.sandbox.child import Child, ChildNotStarted
from harness.collect.workshop import Workshop, bench_of
from harness.evidence import Evidence, Fault, LeftOut, Run, Step
from harness.store import Store, digest
from harness.submission import Submission

if TYPE_CHECKING:
    from harness.collect.bench import TooMuch
    from harness.collect.resolve import RecipeError


class Progress(NamedTuple):
    """How far the collecting of a submission is, after an epoch."""

    submission: str
    step: str
    number: int
    """Of the step, from 1."""
    steps: int
    seeds: int
    test_size: int
    run: Run


def collect(
    submission: Submission, task: Task, workshop: Workshop, told: Callable[[Progress], None]
) -> Evidence:
    """Observe every step of a submission: what it is, and run by run what it reaches.

    Args:
        submission: read from disk.
        task: what to observe.
        workshop: where.
        told: called after every epoch.
    """
    definitions = iter(defined(submission, task, workshop))
    size = data.DATASETS[task.dataset].test_size
    steps: list[Step] = []
    for number, source in enumerate(submission.steps, 1):

        def epoch(run: Run, name: str = source.name, number: int = number) -> None:
            whole = len(submission.steps)
            told(Progress(submission.name, name, number, whole, task.seeds, size, run))

        own = task.of(final=source is submission.steps[-1])
        if source.is_notebook:
            found = notebooks.observe(source, submission, own, workshop, epoch)
            steps += [_replay(step, own, workshop, epoch) for step in found]
        else:
            steps.append(_reach(next(definitions), own, workshop, epoch))
    return Evidence(
        submission=submission.name,
        author=submission.author,
        title=submission.title,
        left_out=[LeftOut(**vars(each)) for each in submission.left_out],
        dataset=data.DATASETS[task.dataset],
        steps=steps,
    )


def defined(submission: Submission, task: Task, workshop: Workshop) -> list[Step]:
    """What each model definition of a submission is, before anything is trained."""
    sources = list(named(submission, workshop.sandbox.wall.name))
    with Child(workshop.limits, workshop.sandbox) as child:
        if any(workshop.store.network(key) is None for _, key in sources):
            with suppress(ChildNotStarted):  # told when it is needed
                child.start()
            _import(workshop)
        return [define(*each, submission, task, workshop.store, child) for each in sources]


def _import(workshop: Workshop) -> None:
    """Load what takes seconds, while two processes do the same."""
    from harness.collect import bench
    from harness.collect.device import NoDeviceError

    with suppress(NoDeviceError, OSError):  # told when it is needed
        bench.start(workshop.device, workshop.wall)
    import torch._dynamo  # noqa: F401 - torch loads it with the first operator on a meta tensor

    from harness.collect import anatomy  # noqa: F401


def _reach(step: Step, task: Task, workshop: Workshop, told: Callable[[Run], None]) -> Step:
    """What a model definition reaches, or in a check whether it learns."""
    if step.fault:
        return step
    return _train(step, task, workshop, told) if task.seeds else _try(step, task, workshop)


def _replay(step: Step, task: Task, workshop: Workshop, told: Callable[[Run], None]) -> Step:
    """A notebook's step with the runs of the trusted side, where these are asked and possible."""
    counting = step.counting(task.counts)
    if step.fault or not step.observed or not (task.replay or task.seeds > 1):
        return counting.model_copy(update={"runs": []})
    run = counting.runs[0]
    assert run.observed is not None
    if run.fault or run.observed.unreplayable:
        return counting.model_copy(update={"runs": []})
    level = "replayed" if counting.sandbox else "advisory"
    return _train(counting.model_copy(update={"integrity": level}), task, workshop, told)


def _train(step: Step, task: Task, workshop: Workshop, told: Callable[[Run], None]) -> Step:
    """What a step reaches: the runs that the store lacks are trained."""
    runs: list[Run] = []
    try:
        for seed in range(1, task.seeds + 1):
            key = run_key(step, task, seed, workshop.store)
            stored = workshop.store.run(key)
            if stored is None or not (stored.complete or stored.fault):
                stored = _run(step, task, key, seed, workshop, told)
            runs.append(stored)
    except Unobservable as cause:
        return step.model_copy(update={"runs": runs, "fault": cause.fault})
    return step.model_copy(update={"runs": runs})


STUCK = 0.99
"""Of a burst's first loss: where it ends higher, a network does not learn."""


def _try(step: Step, task: Task, workshop: Workshop) -> Step:
    """Whether a step can be trained: its recipe can be followed, and its network learns."""
    from harness.collect.bench import TooMuch, tried
    from harness.collect.resolve import RecipeError

    assert step.recipe is not None
    handed_over = workshop.store.definition(step.handed_in)
    assert handed_over is not None
    try:
        with tried(workshop.device, workshop.wall, handed_over) as network:
            size = data.DATASETS[task.dataset].train_size
            came_to = network.burst(step.recipe, size)
    except TooMuch as error:
        return step.model_copy(update={"fault": too_much(error)})
    except RecipeError as error:
        fault = unfollowed(error, task)
        return step.model_copy(update={"fault": fault})
    except Exception as error:  # an admitted network that torch cannot train is a gap of ours
        return step.model_copy(update={"fault": ours(error, "training")})
    first, last = came_to.first_loss, came_to.last_loss
    if first is None or last is None:
        message = (
            f"the loss became no number in step {came_to.steps} on {came_to.images} images; "
            "look for a logarithm or division of zero"
        )
    elif last < STUCK * first:
        return step.model_copy(update={"burst": came_to})
    else:
        message = (
            f"it does not learn: in {came_to.steps} steps on {came_to.images} images the loss went "
            f"from {first:.2f} to {last:.2f}; does every layer pass its gradient on?"
        )
    fault = Fault(owner="submission", stage="training", message=message)
    return step.model_copy(update={"burst": came_to, "fault": fault})


def too_much(error: TooMuch) -> Fault:
    """The fault of a network that cannot be trained in the memory that it gets."""
    return Fault(
        owner="submission",
        stage="training",
        message=f"it takes too much memory to train: {str(error)[:300]}; make its layers smaller",
    )


def unfollowed(error: RecipeError, task: Task) -> Fault:
    """The fault of a recipe that torch cannot follow: the learner's, or the rubric's own."""
    from harness.collect.resolve import RecipeError, hold

    try:
        hold(task.defaults)
    except RecipeError as own:
        message = f"the rubric's recipe cannot be followed: {own}"
        return Fault(owner="machine", stage="recipe", message=message)
    return Fault(owner="submission", stage="recipe", message=f"recipe: {error}")


def run_key(step: Step, task: Task, seed: int, store: Store) -> str:
    """The name of a run in the store: a digest of all that decides its result."""
    assert step.network is not None
    assert step.recipe is not None
    decisive = {
        "engine": evidence.ENGINE,
        "network": step.network.digest,
        "recipe": step.recipe.model_dump(exclude_defaults=True),
        "dataset": data.DATASETS[task.dataset].identity,
        "seed": seed,
        "secret": digest(store.secret()),
    }
    if not step.sandbox:
        # The graph was trained without a wall as well: that is not taken for what a sandbox gives.
        decisive["sandbox"] = None
    return hashlib.sha256(json.dumps(decisive, sort_keys=True).encode()).hexdigest()


def _run(
    step: Step,
    task: Task,
    key: str,
    seed: int,
    workshop: Workshop,
    told: Callable[[Run], None],
) -> Run:
    from harness.collect.bench import TooMuch
    from harness.collect.device import NoDeviceError
    from harness.collect.resolve import RecipeError
    from harness.collect.run import run

    assert step.recipe is not None
    handed_over = workshop.store.definition(step.handed_in)
    assert handed_over is not None
    try:
        where = bench_of(task.dataset, workshop)
        return run(handed_over, step.recipe, key, seed, where, told)
    except TooMuch as error:
        fault = too_much(error)
    except RecipeError as error:
        fault = unfollowed(error, task)
    except (data.DataError, NoDeviceError) as error:
        fault = Fault(owner="machine", stage="preparing", message=str(error))
    except (OSError, MemoryError) as error:
        fault = Fault(owner="machine", stage="training", message=f"{type(error).__name__}: {error}")
    except Exception as error:  # an admitted network that torch cannot train is a gap of ours
        fault = ours(error, "training")
    raise Unobservable(fault)
