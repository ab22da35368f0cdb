"""Collects evidence: what a submission is, holds and reaches.

Reuses what the store has, and imports torch only where something is missing. Must not know the
rubric's checks: it gets the data set, the recipe's defaults and the number of seeds.
"""

from __future__ import annotations

import hashlib
import json
import traceback
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from pydantic import TypeAdapter, ValidationError

from harness import claims, data, evidence, frames, notes, problems, recipe
from harness.collect.sandbox import Child, ChildFailed, ChildNotStarted, Limits
from harness.evidence import Evidence, Fault, Network, Run, Step
from harness.recipe import Normalize, Recipe
from harness.store import Store, digest
from harness.submission import Source, Submission

if TYPE_CHECKING:
    from harness.collect.run import Bench


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


@dataclass(frozen=True)
class Task:
    """What is to be observed about every step."""

    dataset: str
    """One of `data.DATASETS`."""
    defaults: Recipe
    """What a learner's recipe leaves out."""
    seeds: int
    """Runs of each step."""


@dataclass(frozen=True)
class Workshop:
    """Where it is observed: all that may differ between machines and not between results."""

    store: Store
    data: Path
    """The folder of the data sets."""
    device: str = "auto"
    limits: Limits = field(default_factory=Limits)

    @cached_property
    def benches(self) -> dict[str, Bench]:
        """Data sets on the device, loaded once each."""
        return {}


class Unobservable(Exception):
    """Something could not be observed; carries why and whose fault it is."""

    def __init__(self, fault: Fault) -> None:
        super().__init__(fault.message)
        self.fault = fault


def collect(
    submission: Submission, task: Task, workshop: Workshop, told: Callable[[Progress], None]
) -> Evidence:
    """Observe every step of a submission: first what it is, then, run by run, what it reaches.

    Args:
        submission: read from disk.
        task: what to observe.
        workshop: where.
        told: called after every epoch.
    """
    with Child(workshop.limits) as child:
        steps = [_define(*named, task, workshop, child) for named in _named(submission)]
    size = data.DATASETS[task.dataset].test_size
    for number, step in enumerate(steps, 1):
        if step.fault:
            continue

        def epoch(run: Run, step: Step = step, number: int = number) -> None:
            told(Progress(submission.name, step.name, number, len(steps), task.seeds, size, run))

        steps[number - 1] = _train(step, task, workshop, epoch)
    return Evidence(submission=submission.name, dataset=data.DATASETS[task.dataset], steps=steps)


def _named(submission: Submission) -> Iterator[tuple[Source, str]]:
    """Each step with its `handed_in`."""
    before = b""
    for source in submission.steps:
        before = hashlib.sha256(before + hashlib.sha256(source.content).digest()).digest()
        yield source, before.hex()


def _define(source: Source, handed_in: str, task: Task, workshop: Workshop, child: Child) -> Step:
    """What a step is: its notes, its network, its recipe."""
    said = notes.read(source.content)
    step = Step(
        name=source.name,
        notes=said,
        claims=claims.read(said),
        source=digest(source.content),
        handed_in=handed_in,
    )
    try:
        network = workshop.store.network(handed_in)
        if network is None or workshop.store.definition(handed_in) is None:
            network = _admit(source, handed_in, workshop.store, child)
        step = step.model_copy(update={"network": network})
        handed_over = workshop.store.definition(handed_in)
        assert handed_over is not None
        complete, defaulted = _complete(json.loads(handed_over[0])["recipe"], task)
    except Unobservable as cause:
        return step.model_copy(update={"fault": cause.fault})
    return step.model_copy(update={"recipe": complete, "defaulted": defaulted})


def _admit(source: Source, key: str, store: Store, child: Child) -> Network:
    """Run a step's file in the sandbox, and admit the graph that comes back."""
    try:
        received = child.run(source.name, source.content)
    except ChildFailed as failure:
        raise Unobservable(
            Fault(owner="submission", stage="import", message=str(failure))
        ) from None
    except ChildNotStarted as failure:
        raise Unobservable(Fault(owner="machine", stage="import", message=str(failure))) from None
    if frames.Kind.FAULT in received:
        raise Unobservable(_told(received[frames.Kind.FAULT]))
    definition = received.get(frames.Kind.DEFINITION, b"")
    tensors = received.get(frames.Kind.TENSORS, b"")

    from harness.collect.anatomy import anatomy
    from harness.collect.count import count
    from harness.collect.graph import admit
    from harness.collect.remarks import remarks
    from harness.collect.rules import Refused

    try:
        candidate = admit(definition, tensors)
        network = Network(
            name=candidate.definition.network,
            digest=candidate.digest,
            parameters=count(candidate),
            remarks=remarks(candidate),
            **anatomy(candidate)._asdict(),
        )
    except Refused as refusal:
        fault = Fault(
            owner=refusal.owner, stage="admission", message=str(refusal), line=refusal.line
        )
        raise Unobservable(fault) from None
    except Exception as error:  # a form of graph that no rule of ours foresaw
        raise Unobservable(_ours(error, "admission")) from None
    store.write_definition(key, definition, tensors, network)
    return network


def _told(payload: bytes) -> Fault:
    """A fault as the child tells it; from a process that is not trusted."""
    try:
        fault = TypeAdapter(frames.Fault).validate_json(payload)
    except ValidationError:
        return Fault(owner="submission", stage="import", message="its process sent no fault")
    return Fault(
        owner="submission",
        stage=fault.stage[:20],
        message=fault.message[:2000],
        line=fault.line,
        traceback=fault.traceback[-4000:],
    )


def _complete(handed_in: Any, task: Task) -> tuple[Recipe, list[str]]:
    """The recipe with the rubric's defaults and the data set's normalisation filled in."""
    if not isinstance(handed_in, dict | None):
        message = f"recipe is {handed_in!r}; it must be a dictionary such as {{'epochs': 15}}"
        raise Unobservable(Fault(owner="submission", stage="recipe", message=message))
    try:
        complete, defaulted = recipe.complete(handed_in or {}, task.defaults)
    except ValidationError as error:
        sentences = problems.told(error, _recipe_keys)
        message = "recipe: " + "; recipe: ".join(sentences)
        raise Unobservable(Fault(owner="submission", stage="recipe", message=message)) from None
    size = data.DATASETS[task.dataset].train_size
    if complete.batch_size > size:
        message = f"recipe: batch_size = {complete.batch_size}; there are {size:,} training images"
        raise Unobservable(Fault(owner="submission", stage="recipe", message=message))
    if complete.normalize is None:
        complete = complete.model_copy(update={"normalize": data.NORMALIZE[task.dataset]})
    return complete, defaulted


def _recipe_keys(where: problems.Place) -> list[str]:
    return list((Normalize if where == ("normalize",) else Recipe).model_fields)


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
    return hashlib.sha256(json.dumps(decisive, sort_keys=True).encode()).hexdigest()


def _run(
    step: Step,
    task: Task,
    key: str,
    seed: int,
    workshop: Workshop,
    told: Callable[[Run], None],
) -> Run:
    from harness.collect.graph import admit
    from harness.collect.resolve import RecipeError
    from harness.collect.run import NoDeviceError, bench, run

    assert step.recipe is not None
    handed_over = workshop.store.definition(step.handed_in)
    assert handed_over is not None
    try:
        if task.dataset not in workshop.benches:
            images = data.load(task.dataset, workshop.data)
            workshop.benches[task.dataset] = bench(workshop.device, images, workshop.store)
        where = workshop.benches[task.dataset]
        return run(admit(*handed_over), step.recipe, key, seed, where, told)
    except RecipeError as error:
        fault = Fault(owner="submission", stage="recipe", message=f"recipe: {error}")
    except (data.DataError, NoDeviceError) as error:
        fault = Fault(owner="machine", stage="preparing", message=str(error))
    except (OSError, MemoryError) as error:
        fault = Fault(owner="machine", stage="training", message=f"{type(error).__name__}: {error}")
    except Exception as error:  # an admitted network that torch cannot train is a gap of ours
        fault = _ours(error, "training")
    raise Unobservable(fault)


def _ours(error: Exception, stage: str) -> Fault:
    """A gap of the harness: nobody's points."""
    lines = "".join(traceback.format_exception(error))[-4000:]
    message = f"{type(error).__name__}: {error}"[:500]
    return Fault(owner="harness", stage=stage, message=message, traceback=lines)
