"""Defines the steps of a submission: what each is, before anything is trained.

A step's file runs in the sandbox once, and what comes back is admitted, counted and kept. Must not
know the rubric's checks, nor how training runs. Torch is imported only where a network is new.
"""

from __future__ import annotations

import hashlib
import json
import re
import traceback
from collections.abc import Iterator
from dataclasses import dataclass, replace
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError
from pydantic_core import from_json

from harness import data, frames, problems, reading, recipe
from harness.collect import untrusted
from harness.collect.received import MAX_RECIPE
from harness.collect.sandbox.child import Child, ChildFailed, ChildNotStarted
from harness.evidence import Counting, Fault, Network, Step
from harness.recipe import Normalize, Recipe
from harness.store import Store, digest
from harness.submission import Source, Submission

if TYPE_CHECKING:
    from harness.collect.graph import Candidate


MAX_TOLD = 2_000
"""Characters of a sentence about what was handed over, which may quote it."""


@dataclass(frozen=True)
class Task:
    """What is to be observed about every step."""

    dataset: str
    """One of `data.DATASETS`."""
    defaults: Recipe
    """What a learner's recipe leaves out."""
    seeds: int
    """Runs of each step; without any, each step takes a short burst of training instead."""
    replay: bool = False
    """Whether a notebook is observed only until its schedule is known, and then trained here."""
    counts: Counting = "last"
    """Which of a notebook's trainings is replayed: the one that will be judged."""
    packages: tuple[str, ...] = ()
    """Modules that the course promises: where one is missing, the fault is the machine's."""
    final_step: bool = False
    """Whether only the final step is trained; the others take a short burst instead."""

    def of(self, final: bool) -> Task:
        """What is to be observed about a step, by whether it is the final one."""
        return replace(self, seeds=0) if self.final_step and not final else self


class Unobservable(Exception):
    """Something could not be observed; carries why and whose fault it is."""

    def __init__(self, fault: Fault) -> None:
        super().__init__(fault.message)
        self.fault = fault


def named(submission: Submission, sandbox: str) -> Iterator[tuple[Source, str]]:
    """Each model definition with its `handed_in`.

    Args:
        submission: what was handed in.
        sandbox: the name of the wall around its code. What came from behind one is not taken for
            what comes from behind another, least of all from where there was none.
    """
    before = sandbox.encode()
    for source in submission.steps:
        if source.is_notebook:
            continue
        this = hashlib.sha256(source.content).digest() + source.network.encode()
        before = hashlib.sha256(before + this).digest()
        yield source, before.hex()


def define(
    source: Source,
    handed_in: str,
    submission: Submission,
    task: Task,
    store: Store,
    child: Child,
) -> Step:
    """What a step is: its notes, its network, its recipe."""
    step = Step(
        name=source.name,
        **vars(reading.read(submission, source)),
        source=digest(source.content),
        handed_in=handed_in,
        integrity="replayed" if child.sandbox.wall.name else "advisory",
        sandbox=child.sandbox.wall.name,
    )
    try:
        network = store.network(handed_in)
        if network is None or store.definition(handed_in) is None:
            network = _admit(source, handed_in, task, store, child)
        step = step.model_copy(update={"network": network})
        handed_over = store.definition(handed_in)
        assert handed_over is not None
        complete, defaulted = _complete(json.loads(handed_over[0])["recipe"], task)
    except Unobservable as cause:
        return step.model_copy(update={"fault": cause.fault})
    return step.model_copy(update={"recipe": complete, "defaulted": defaulted})


def _admit(source: Source, key: str, task: Task, store: Store, child: Child) -> Network:
    """Run a step's file in the sandbox, and admit the graph that comes back."""
    try:
        received = child.run(source.name, source.content, source.network)
    except ChildFailed as failure:
        raise Unobservable(
            Fault(owner="submission", stage="import", message=str(failure))
        ) from None
    except ChildNotStarted as failure:
        raise Unobservable(Fault(owner="machine", stage="import", message=str(failure))) from None
    if frames.Kind.FAULT in received:
        raise Unobservable(_told(received[frames.Kind.FAULT], task))
    definition = received.get(frames.Kind.DEFINITION, b"")
    tensors = received.get(frames.Kind.TENSORS, b"")

    from harness.collect.graph import IMAGE

    candidate, network = admitted(definition, tensors)
    if candidate.definition.image != IMAGE:
        message = "what the submission's process handed over is malformed: images of another shape"
        raise Unobservable(Fault(owner="submission", stage="admission", message=message))
    store.write_definition(key, definition, tensors, network)
    return network


def admitted(definition: bytes, tensors: bytes) -> tuple[Candidate, Network]:
    """A network that was handed over, and what its graphs tell.

    Raises:
        Unobservable: if it is not admitted.
    """
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
            graph=candidate.shape,
            parameters=count(candidate),
            remarks=remarks(candidate),
            **anatomy(candidate)._asdict(),
        )
    except Refused as refusal:
        message = str(refusal)[:MAX_TOLD]
        fault = Fault(owner=refusal.owner, stage="admission", message=message, line=refusal.line)
        raise Unobservable(fault) from None
    except Exception as error:  # a form of graph that no rule of ours foresaw
        raise Unobservable(ours(error, "admission")) from None
    return candidate, network


def _told(payload: bytes, task: Task) -> Fault:
    """A fault as the child tells it; from a process that is not trusted."""
    try:
        if len(payload) > untrusted.MAX_JSON:
            raise ValueError(f"a fault of {len(payload):,} bytes")
        fault = untrusted.checked(frames.Fault, from_json(payload))
    except ValueError:
        return Fault(owner="submission", stage="import", message="its process sent no fault")
    lacking = re.match(r"ModuleNotFoundError: No module named '(\w+)", fault.message)
    # Not by the child's word alone: a submission may claim it, to be graded another time.
    if lacking and lacking[1] in task.packages and find_spec(lacking[1]) is None:
        message = (
            f"the rubric promises the package {lacking[1]}, which is not installed here; "
            f"`pip install {lacking[1]}`, and grade again"
        )
        return Fault(owner="machine", stage=fault.stage[:20], message=message, line=fault.line)
    return Fault(
        owner="submission",
        stage=fault.stage[:20],
        message=fault.message[:MAX_TOLD],
        line=fault.line,
        traceback=fault.traceback[-4000:],
    )


def _complete(handed_in: Any, task: Task) -> tuple[Recipe, list[str]]:
    """The recipe with the rubric's defaults and the data set's normalisation filled in."""
    if len(json.dumps(handed_in)) > MAX_RECIPE:
        message = f"the recipe has more than {MAX_RECIPE:,} characters"
        raise Unobservable(Fault(owner="submission", stage="recipe", message=message))
    if not isinstance(handed_in, dict | None):
        shown = repr(handed_in)[:MAX_TOLD]
        message = f"recipe is {shown}; it must be a dictionary such as {{'epochs': 15}}"
        raise Unobservable(Fault(owner="submission", stage="recipe", message=message))
    try:
        complete, defaulted = recipe.complete(handed_in or {}, task.defaults)
    except ValidationError as error:
        sentences = problems.told(error, _recipe_keys)
        message = ("recipe: " + "; recipe: ".join(sentences))[:MAX_TOLD]
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


def ours(error: Exception, stage: str) -> Fault:
    """A gap of the harness: nobody's points."""
    lines = "".join(traceback.format_exception(error))[-4000:]
    message = f"{type(error).__name__}: {error}"[:500]
    return Fault(owner="harness", stage=stage, message=message, traceback=lines)
