"""Observes the trainings of one notebook: takes the probe's frames, measures each epoch's weights.

Everything that comes over the pipe is checked before it is used. Must not know rubrics, nor the
order of steps in a submission.
"""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import PurePosixPath
from typing import TypeVar

import safetensors
import safetensors.torch
import torch
from pydantic import TypeAdapter, ValidationError
from torch import Tensor

from harness import evidence, frames
from harness.collect import account, answers, evaluator, view
from harness.collect.define import Unobservable, admitted
from harness.collect.device import machine
from harness.collect.graph import Candidate, GraphNetwork
from harness.collect.run import MIXED, Bench
from harness.collect.sandbox import ChildFailed
from harness.evidence import Epoch, Fault, Machine, Network, Observed, Parameters, Run
from harness.frames import Kind
from harness.recipe import MAX_EPOCHS
from harness.store import digest

MAX_RUNS = 64
"""Trainings of one notebook; a sweep has some 14."""

Read = TypeVar("Read")


class Malformed(ValueError):
    """What the notebook's process sent is none of ours; says what."""


@dataclass
class Training:
    """One training of a notebook, as far as it is known."""

    begun: frames.ObservedRun
    definition: bytes = b""
    tensors: bytes = b""
    packed: bytes = b""
    candidate: Candidate | None = None
    network: Network | None = None
    fault: Fault | None = None
    """Why its network could not be taken over as a graph."""
    told: list[frames.ObservedEpoch] = field(default_factory=list)
    weights: list[bytes] = field(default_factory=list)
    """Of each epoch that was told."""
    tests: list[frames.SeenTest] = field(default_factory=list)
    epochs: list[Epoch] = field(default_factory=list)
    """Those that were measured."""
    before: int | None = None
    """Correct answers of its initial weights."""
    state: dict[str, Tensor] = field(default_factory=dict)
    """The tensors that were measured last."""
    shifted: int | None = None
    """Correct answers to shifted images, after the last epoch."""
    since: float = field(default_factory=time.monotonic)


class Observer:
    """Takes frames as they come; what it knows stands in `trainings` and the lists beside.

    Args:
        bench: the images, and the device to measure on.
        normal: the data set's normalisation as torchvision's transforms, for a notebook that
            tests nothing.
        key: names the observation; its trainings are numbered behind it.
        told: called with a run so far after every epoch.
    """

    def __init__(
        self, bench: Bench, normal: view.Ingredients, key: str, told: Callable[[Run], None]
    ) -> None:
        self._bench, self._normal, self._key, self._told = bench, normal, key, told
        self._machine: Machine = machine(bench.device)
        self._views: dict[str, tuple[view.View, Tensor]] = {}
        self.trainings: list[Training] = []
        self.shims: list[str] = []
        self.cells: list[frames.Cell] = []
        self.executed = b""

    def take(self, kind: Kind, payload: bytes) -> None:
        """Take one frame.

        Raises:
            Malformed: if it is not what it should be, or stands in a wrong place.
        """
        match kind:
            case Kind.RUN:
                self._begin(_read(frames.ObservedRun, payload))
            case Kind.DEFINITION:
                self._last().definition = payload
            case Kind.TENSORS:
                self._last().tensors = payload
                self._admit(self._last())
            case Kind.FAULT:
                told = _read(frames.Fault, payload)
                self._last().fault = Fault(
                    owner="submission",
                    stage=told.stage[:20],
                    message=told.message[:2000],
                    traceback=told.traceback[-4000:],
                )
            case Kind.PACKED:
                self._last().packed = payload
            case Kind.EPOCH:
                epoch = _read(frames.ObservedEpoch, payload)
                training = self._numbered(epoch.run)
                if len(training.told) == MAX_EPOCHS:
                    raise Malformed(f"a training of more than {MAX_EPOCHS} epochs")
                training.told.append(epoch)
            case Kind.WEIGHTS:
                self._weigh(payload)
            case Kind.SEEN:
                test = _read(frames.SeenTest, payload)
                training = self._numbered(test.run)
                if len(training.tests) > 10 * MAX_EPOCHS:
                    raise Malformed("too many tests")
                training.tests.append(test)
            case Kind.SHIM:
                shim = _read(frames.Shim, payload)
                told_once = f"{shim.name}: {shim.told}"[:300]
                if told_once not in self.shims and len(self.shims) < 100:
                    self.shims.append(told_once)
            case Kind.CELL:
                self.cells.append(_read(frames.Cell, payload))
            case Kind.EXECUTED:
                self.executed = payload
            case _:
                raise Malformed(f"a frame of kind {kind.name} in the middle")

    def finish(self) -> None:
        """Measure what waits for the test's transforms to be known, and what stands at the end."""
        for training in self.trainings:
            self._measure(training, final=True)

    def ask(self, notebook: PurePosixPath, checkout: Mapping[PurePosixPath, bytes]) -> None:
        """Have the networks that are no graph answer in a sandbox of their own.

        Those that a rule of admission refused are not asked.

        Args:
            notebook: its place in the checkout.
            checkout: the files beside it.
        """
        for training in self.trainings:
            refused = training.fault and training.fault.stage == "admission"
            ours = training.fault and training.fault.owner == "harness"
            if training.candidate or not training.packed or (refused and not ours):
                continue
            if training.weights:
                try:
                    self._ask(training, notebook, checkout)
                except (ChildFailed, view.NotTaken) as failure:
                    assert training.fault is not None
                    told = f"{training.fault.message}; and asked for its answers, {failure}"
                    training.fault = training.fault.model_copy(update={"message": told})

    def _ask(
        self,
        training: Training,
        notebook: PurePosixPath,
        checkout: Mapping[PurePosixPath, bytes],
    ) -> None:
        test = self._seen_through(self._transform(training))
        look = self._views[_written(self._transform(training))][0].look
        moved = [look(images) for images in evaluator.shifts(self._bench.images.test, 0)]
        tasks = [(b"", test), *((weights, test) for weights in training.weights)]
        tasks += [(training.weights[-1], images) for images in moved]
        scores = answers.answers(training.packed, tasks, notebook, checkout)
        labels = self._bench.images.test_labels.cpu()
        training.before, *counts = (int((each.argmax(1) == labels).sum()) for each in scores)
        training.shifted = min(counts[len(training.told) :])
        pairs = zip(training.told, counts, strict=False)
        training.epochs = [_epoch(told, correct, True, 0.0) for told, correct in pairs]
        training.network = Network(
            name=training.begun.network,
            digest=digest(training.packed),
            parameters=parameters_of(training.weights[-1]),
            layers=[],
            multiply_adds=0,
            training_multiply_adds=0,
            remarks=[f"no graph: {training.fault.message}" if training.fault else ""],
        )
        training.fault = None

    def run(self, training: Training, ended: Fault | None) -> Run:
        """A training as evidence.

        Args:
            training: one of `trainings`.
            ended: why it ended before its last epoch, if it did.
        """
        declared = training.begun.declared_epochs
        epochs = [self._with_tests(training, epoch) for epoch in training.epochs]
        known = len(epochs) if declared is None else declared
        recipe = account.recipe(min(max(known, 1), MAX_EPOCHS), training.told)
        size = len(self._bench.images.train)
        return Run(
            seed=0,
            key=self.name(training),
            declared_epochs=known if ended else max(known, len(epochs)),
            before_training=training.before or 0,
            epochs=epochs,
            shifted=self._shifted(training) if epochs and not ended else None,
            observed=Observed(
                network=training.network,
                recipe=recipe,
                unreplayable=self._graphless(training)
                or account.unreplayable(recipe, training.told, training.begun.image, size),
                handed_in=self.name(training),
                cell=training.begun.cell,
                declared=declared is not None,
                answered=training.candidate is None and bool(epochs),
                findings=account.findings(training.told),
                remarks=list(account.remarks(training.told, training.tests)),
            ),
            machine=self._machine,
            fault=ended or self._mixed(training),
        )

    def name(self, training: Training) -> str:
        """The name of a training in the store."""
        return f"{self._key}-{training.begun.run}"

    # Frames --------------------------------------------------------------------------------

    def _begin(self, begun: frames.ObservedRun) -> None:
        if begun.run != len(self.trainings) + 1:
            raise Malformed(f"run {begun.run} after run {len(self.trainings)}")
        if begun.run > MAX_RUNS:
            raise Malformed(f"more than {MAX_RUNS} trainings")
        if begun.declared_epochs is not None and begun.declared_epochs < 1:
            begun = replace(begun, declared_epochs=None)
        self.trainings.append(Training(begun))

    def _last(self) -> Training:
        if not self.trainings:
            raise Malformed("a network before any training")
        return self.trainings[-1]

    def _numbered(self, number: int) -> Training:
        if not 1 <= number <= len(self.trainings):
            raise Malformed(f"an epoch of run {number}")
        return self.trainings[number - 1]

    def _admit(self, training: Training) -> None:
        try:
            found = admitted(training.definition, training.tensors)
        except Unobservable as cause:
            training.fault = cause.fault
            return
        training.candidate, training.network = found

    def _weigh(self, payload: bytes) -> None:
        training = next((t for t in self.trainings if len(t.weights) < len(t.told)), None)
        if training is None:
            raise Malformed("weights without an epoch")
        training.weights.append(payload)
        self._measure(training, final=False)

    # Measuring -----------------------------------------------------------------------------

    def _measure(self, training: Training, final: bool) -> None:
        """Measure the epochs that wait, once it is known how the notebook looks at test images."""
        if training.candidate is None or not training.told:
            return
        if training.told[-1].recipe.test_transform is None and not final:
            return
        transform = self._transform(training)
        try:
            test = self._seen_through(transform)
        except view.NotTaken as error:
            training.fault = Fault(owner="harness", stage="evaluation", message=str(error))
            return
        if training.before is None:
            network = GraphNetwork(training.candidate, self._fresh(training.candidate.tensors))
            training.before = self._correct(network, test)
        for told, weights in zip(
            training.told[len(training.epochs) :],
            training.weights[len(training.epochs) :],
            strict=False,
        ):
            state = _state(training.candidate, weights)
            moved = not training.state or not _alike(state, training.state)
            training.state = state
            correct = self._correct(GraphNetwork(training.candidate, self._fresh(state)), test)
            training.epochs.append(_epoch(told, correct, moved, time.monotonic() - training.since))
            training.since = time.monotonic()
            self._told(self._so_far(training))

    def _seen_through(self, transform: view.Ingredients) -> Tensor:
        """The test images as the notebook looks at them."""
        written = _written(transform)
        if written not in self._views:
            made = view.view(transform)
            torch.manual_seed(0)  # a test set that is augmented at random is so once
            self._views[written] = made, made.look(self._bench.images.test)
        return self._views[written][1]

    def _correct(self, network: GraphNetwork, test: Tensor) -> int:
        try:
            return evaluator.correct(network, test, self._bench.images.test_labels)
        except RuntimeError as error:  # images of another shape than those that were trained on
            raise Malformed(f"its network cannot take the test images: {error}") from None

    def _so_far(self, training: Training) -> Run:
        declared = training.begun.declared_epochs
        return Run(
            seed=0,
            key=self.name(training),
            declared_epochs=max(declared or 0, len(training.epochs)),
            before_training=training.before or 0,
            epochs=training.epochs,
            machine=self._machine,
        )

    def _with_tests(self, training: Training, epoch: Epoch) -> Epoch:
        seen = [each for t in training.tests if t.epoch == epoch.number for each in t.seen]
        told = [evidence.Seen.model_validate(vars(each)) for each in seen[:10]]
        return epoch.model_copy(update={"seen": told})

    def _transform(self, training: Training) -> view.Ingredients:
        """How the notebook looks at images that it tests on."""
        recipe = training.told[-1].recipe
        return recipe.test_transform or recipe.train_transform or self._normal

    def _shifted(self, training: Training) -> int | None:
        """The lowest count of correct answers when the test images are shifted by one pixel."""
        if training.candidate is None:
            return training.shifted
        look = self._views[_written(self._transform(training))][0].look
        network = GraphNetwork(training.candidate, self._fresh(training.state))
        moved = evaluator.shifts(self._bench.images.test, 0)
        return min(self._correct(network, look(images)) for images in moved)

    def _mixed(self, training: Training) -> Fault | None:
        if training.candidate is None or not training.epochs:
            return None
        test = self._seen_through(self._transform(training))
        candidate = replace(training.candidate, evaluation=training.candidate.unshaken)
        if evaluator.independent(GraphNetwork(candidate, self._fresh(training.state)), test):
            return None
        return Fault(owner="submission", stage="evaluation", message=MIXED)

    def _fresh(self, state: dict[str, Tensor]) -> dict[str, Tensor]:
        """Copies on the device, because a network may change its buffers."""
        return {n: tensor.to(self._bench.device, copy=True) for n, tensor in state.items()}

    def _graphless(self, training: Training) -> str:
        return "" if training.candidate is not None else "its network is no graph"


def _written(transform: view.Ingredients) -> str:
    return json.dumps(transform, sort_keys=True)


def _read(form: type[Read], payload: bytes) -> Read:
    try:
        return TypeAdapter(form).validate_json(payload)
    except ValidationError as error:
        first = error.errors()[0]
        raise Malformed(f"a {form.__name__}: {first['loc']}: {first['msg']}") from None


def _state(candidate: Candidate, weights: bytes) -> dict[str, Tensor]:
    """The network's tensors with the weights of an epoch."""
    try:
        sent = safetensors.torch.load(weights)
    except safetensors.SafetensorError as error:
        raise Malformed(f"weights: {error}") from None
    state = dict(candidate.tensors)
    for info in candidate.definition.tensors:
        if info.kind == "constant":
            continue
        old, new = state[info.name], sent.get(info.name)
        if new is None or new.shape != old.shape or new.dtype != old.dtype:
            raise Malformed(f"the weights {info.name} are not those of its network")
        state[info.name] = new
    return state


def _alike(state: dict[str, Tensor], other: dict[str, Tensor]) -> bool:
    return all(torch.equal(tensor, other[name]) for name, tensor in state.items())


def _epoch(told: frames.ObservedEpoch, correct: int, moved: bool, seconds: float) -> Epoch:
    return Epoch(
        number=told.number,
        test_correct=correct,
        train_correct=told.correct,
        samples=told.samples,
        loss=told.loss if told.loss is not None and math.isfinite(told.loss) else None,
        learning_rate=told.steps[0].lr if told.steps else 0.0,
        moved=moved,
        seconds=round(seconds, 3),
    )


def parameters_of(weights: bytes) -> Parameters:
    """How many numbers a network holds that is no graph: all floats that were sent, each once."""
    state = safetensors.torch.load(weights)
    held = sum(tensor.numel() for tensor in state.values() if tensor.is_floating_point())
    return Parameters(judged=held, used=held, trainable=held)
