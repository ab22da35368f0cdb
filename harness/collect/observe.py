"""Measures what a notebook trains: each epoch's weights, on the real test images.

The observer takes the probe's frames as they come, and makes evidence of them. Must not know
rubrics, nor the order of steps in a submission.
"""

from __future__ import annotations

import json
import math
import random
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import PurePosixPath

import safetensors.torch
import torch
from torch import Tensor

from harness import evidence, frames
from harness.collect import account, answers, evaluator, view, weights
from harness.collect.bench import Bench, OnBench, TooMuch
from harness.collect.define import Unobservable, admitted
from harness.collect.graph import MAX_SIDE, Candidate
from harness.collect.received import Malformed, Received, Told
from harness.collect.run import MIXED
from harness.collect.sandbox.child import ChildFailed
from harness.collect.sandbox.walls import Sandbox
from harness.evidence import Epoch, Fault, Machine, Mistake, Network, Observed, Run
from harness.frames import Kind
from harness.recipe import MAX_EPOCHS
from harness.store import digest


@dataclass(frozen=True)
class _Seen:
    """The test images as a notebook looks at them."""

    transform: str
    look: Callable[[Tensor], Tensor]
    images: Tensor


@dataclass
class Training:
    """One training of a notebook, as far as it is measured."""

    told: Told
    candidate: Candidate | None = None
    network: Network | None = None
    fault: Fault | None = None
    """Why it could not be measured, or not to its end."""
    epochs: list[Epoch] = field(default_factory=list)
    """Those that were measured."""
    before: int = 0
    """Correct answers of its initial weights."""
    state: dict[str, Tensor] = field(default_factory=dict)
    """The tensors that were measured last."""
    seen: _Seen | None = None
    """What they were measured on."""
    shifted: int | None = None
    """Correct answers to shifted images, of a network that was asked."""
    scores: Tensor | None = None
    """For the test images, after the epoch that was measured last."""
    since: float = field(default_factory=time.monotonic)


class Observer:
    """Takes frames as they come; what it knows stands in `trainings` and `received`.

    Args:
        bench: the images, and the device to measure on.
        key: names the observation; its trainings are numbered behind it.
        told: called with a run so far after every epoch.
    """

    def __init__(self, bench: Bench, key: str, told: Callable[[Run], None]) -> None:
        self._bench, self._key, self._told = bench, key, told
        self._machine: Machine = bench.machine
        self._seen: _Seen | None = None
        self.received = Received()
        self.trainings: list[Training] = []

    def take(self, kind: Kind, payload: bytes) -> None:
        """Take one frame.

        Raises:
            Malformed: if it is not what it should be, or stands in a wrong place.
        """
        self.received.take(kind, payload)
        for told in self.received.trainings[len(self.trainings) :]:
            self.trainings.append(Training(told))
        if kind is Kind.TENSORS:
            self._admit(self.trainings[-1])
        if kind is Kind.PACKED and self.trainings[-1].candidate:
            self.trainings[-1].told.packed = b""  # it is needed of what is no graph only
        if kind is Kind.FAULT:
            self._excuse(self.trainings[-1])
        if kind is Kind.WEIGHTS:
            for training in self.trainings:
                self._measure(training, final=False)

    def finish(self) -> None:
        """Measure what waits for the test's transforms to be known."""
        for training in self.trainings:
            self._measure(training, final=True)

    def ask(
        self, notebook: PurePosixPath, checkout: Mapping[PurePosixPath, bytes], sandbox: Sandbox
    ) -> None:
        """Have the networks that are no graph answer in a sandbox of their own.

        Those that a rule of admission refused are not asked.

        Args:
            notebook: its place in the checkout.
            checkout: the files beside it.
            sandbox: what they answer in.
        """
        for training in self.trainings:
            fault = training.fault
            refused = fault and (fault.stage, fault.owner) == ("admission", "submission")
            if training.candidate or not fault or refused:
                continue
            if training.told.packed and training.told.weights:
                try:
                    self._ask(training, notebook, checkout, sandbox)
                except (ChildFailed, view.NotTaken) as failure:
                    told = f"{fault.message}; and asked for its answers, {failure}"
                    training.fault = fault.model_copy(update={"message": told})

    def run(self, training: Training, ended: Fault | None) -> Run:
        """A training as evidence.

        Args:
            training: one of `trainings`.
            ended: why it ended before its last epoch, if it did.
        """
        told = training.told
        declared = told.begun.declared_epochs
        whole = sum(not epoch.last for epoch in told.epochs)
        recipe = account.recipe(min(max(declared or 0, whole, 1), MAX_EPOCHS), told.epochs)
        size = len(self._bench.images.train)
        fault, shifted = ended or training.fault, None
        if fault is None:
            fault, shifted = self._at_last(training)
        return Run(
            seed=0,
            key=self.name(training),
            declared_epochs=max(declared or 0, len(told.epochs) + told.beyond),
            before_training=training.before,
            epochs=[_with_tests(epoch, told) for epoch in training.epochs],
            shifted=shifted,
            mistakes=[] if fault or training.scores is None else self._mistakes(training.scores),
            observed=Observed(
                network=training.network,
                recipe=recipe,
                unreplayable=_unmade(training)
                or account.unreplayable(recipe, told.epochs, told.begun.image, size),
                handed_in=self.name(training),
                cell=told.begun.cell,
                declared=(declared or 0) >= whole,
                answered=training.candidate is None and bool(training.epochs),
                weights=digest(safetensors.torch.save(training.state)) if training.state else "",
                findings=account.findings(
                    told.epochs, training.before, len(self._bench.images.test)
                ),
                remarks=list(account.remarks(told.epochs, told.tests, told.swapped)),
            ),
            machine=self._machine,
            fault=fault,
        )

    def _mistakes(self, scores: Tensor) -> list[Mistake]:
        images = self._bench.images
        return evaluator.mistakes(scores, images.test_labels, images.test)

    def name(self, training: Training) -> str:
        """The name of a training in the store."""
        return f"{self._key}-{training.told.begun.run}"

    def _admit(self, training: Training) -> None:
        told = training.told
        try:
            candidate, network = admitted(told.definition, told.tensors)
        except Unobservable as cause:
            training.fault = cause.fault
            return
        if candidate.definition.image != told.begun.image:
            raise Malformed("a network for images of another shape than those that it trains on")
        training.candidate, training.network = candidate, network

    def _excuse(self, training: Training) -> None:
        fault = training.told.fault
        assert fault is not None
        training.fault = Fault(
            owner="submission",
            stage=fault.stage[:20],
            message=fault.message[:2000],
            traceback=fault.traceback[-4000:],
        )

    # Measuring -----------------------------------------------------------------------------

    def _measure(self, training: Training, final: bool) -> None:
        """Measure the epochs that wait, once it is known how the notebook looks at test images."""
        told = training.told
        waiting = list(zip(told.epochs, told.weights, strict=False))[len(training.epochs) :]
        if training.candidate is None or training.fault or not waiting:
            return
        if waiting[-1][0].recipe.test_transform is None and not final:
            return
        try:
            seen = self._seen_through(waiting[-1][0].recipe, told.begun.image)
            with self._bench.network((told.definition, told.tensors)) as network:
                if training.seen is None:
                    first = self._scores(network, training.candidate.tensors, seen)
                    training.before = self._right(first)
                for epoch, sent in waiting:
                    state = weights.state(training.candidate, sent)
                    training.scores = self._scores(network, state, seen)
                    before = training.state or training.candidate.tensors
                    moved = not weights.alike(training.candidate, state, before)
                    training.state, training.seen = state, seen
                    seconds, training.since = time.monotonic() - training.since, time.monotonic()
                    told.weights[len(training.epochs)] = b""
                    training.epochs.append(
                        _epoch(epoch, self._right(training.scores), moved, seconds)
                    )
                    self._told(self._so_far(training))
        except (weights.Foreign, TooMuch) as error:
            training.fault = _unanswered(str(error))
        except view.NotTaken as error:
            training.fault = Fault(owner="harness", stage="evaluation", message=str(error))

    def _seen_through(self, recipe: frames.ObservedRecipe, image: Sequence[int]) -> _Seen:
        """The test images as the notebook looks at them, or without a test at training images.

        Raises:
            view.NotTaken: if they cannot be looked at so, or do not become images of this shape.
        """
        trained = [each for each in recipe.train_transform or [] if not view.draws(each)]
        transform = recipe.test_transform or trained
        if not transform:
            raise view.NotTaken("it is not known how it makes its images of pixels")
        written = json.dumps(transform, sort_keys=True)
        if self._seen is None or self._seen.transform != written:
            look = view.view(transform).look
            shape = list(look(self._bench.images.test[:1]).shape[1:])
            if max(shape) > MAX_SIDE:
                raise view.NotTaken(f"its test images have more than {MAX_SIDE} pixels a side")
            torch.manual_seed(0)  # a test set that is augmented at random is so once
            random.seed(0)
            try:
                images = look(self._bench.images.test)
            except Exception as error:  # whatever a transform says of images it cannot take
                raise view.NotTaken(f"its test images cannot be looked at so: {error}") from None
            self._seen = _Seen(written, look, images)
        if list(self._seen.images.shape[1:]) != list(image):
            raise view.NotTaken(
                f"its test images are {_sides(self._seen.images.shape[1:])}, and it is trained on "
                f"images of {_sides(image)}"
            )
        return self._seen

    def _scores(self, network: OnBench, state: dict[str, Tensor], seen: _Seen) -> Tensor:
        return network.scores(safetensors.torch.save(state), seen.images)

    def _right(self, scores: Tensor) -> int:
        return evaluator.right(scores, self._bench.images.test_labels)

    def _so_far(self, training: Training) -> Run:
        declared = training.told.begun.declared_epochs
        return Run(
            seed=0,
            key=self.name(training),
            declared_epochs=max(declared or 0, len(training.epochs)),
            before_training=training.before,
            epochs=training.epochs,
            machine=self._machine,
        )

    def _moved(self, seen: _Seen) -> Iterator[Tensor]:
        """The test images, shifted by a pixel in each direction, as the notebook looks at them."""
        shifted = evaluator.shifts(self._bench.images.test, 0)
        return (seen.look(images) for images in shifted)

    def _at_last(self, training: Training) -> tuple[Fault | None, int | None]:
        """What is asked of a network after its last epoch, if it is a graph.

        Returns:
            The fault of answers that depend on their batch, or take too much memory; without one
            the lowest count of correct answers when the test images are shifted by one pixel.
        """
        if training.candidate is None or training.seen is None:
            return None, training.shifted
        told, seen = training.told, training.seen
        state, labels = safetensors.torch.save(training.state), self._bench.images.test_labels
        try:
            with self._bench.network((told.definition, told.tensors)) as network:
                if not evaluator.independent(*network.twice(state, seen.images)):
                    return _unanswered(MIXED), None
                shifted = (network.scores(state, images) for images in self._moved(seen))
                return None, min(evaluator.right(scores, labels) for scores in shifted)
        except TooMuch as error:
            return _unanswered(str(error)), None

    # Asking --------------------------------------------------------------------------------

    def _ask(
        self,
        training: Training,
        notebook: PurePosixPath,
        checkout: Mapping[PurePosixPath, bytes],
        sandbox: Sandbox,
    ) -> None:
        told = training.told
        epochs = list(zip(told.epochs, told.weights, strict=False))
        last = epochs[-1]
        seen = self._seen_through(last[0].recipe, told.begun.image)
        tasks = [(b"", seen.images), *((sent, seen.images) for _, sent in epochs)]
        tasks += [(last[1], images) for images in self._moved(seen)]
        parameters = weights.parameters(last[1], told.begun.parameters)
        scores = answers.answers(told.packed, tasks, notebook, checkout, sandbox)
        labels = self._bench.images.test_labels
        training.before, *counts = (evaluator.right(each, labels) for each in scores)
        training.shifted = min(counts[len(epochs) :])
        training.scores = scores[len(epochs)]
        states = [b"", *told.weights]
        training.epochs = [
            _epoch(epoch, correct, moved=sent != before, seconds=0)
            for (epoch, sent), before, correct in zip(epochs, states, counts, strict=False)
        ]
        assert training.fault is not None
        training.network = Network(
            name=told.begun.network,
            digest=digest(told.packed),
            parameters=parameters,
            layers=[],
            multiply_adds=0,
            training_multiply_adds=0,
            remarks=[
                f"no graph: {training.fault.message}",
                "without a graph, its parameters are those that the notebook's process told",
            ],
        )
        training.fault = None


def _unmade(training: Training) -> str:
    """Why there is nothing to replay; empty if there is."""
    return "" if training.candidate is not None else "its network is no graph"


def _unanswered(message: str) -> Fault:
    """The fault of a network whose answers cannot be had, or count for nothing."""
    return Fault(owner="submission", stage="evaluation", message=message)


def _sides(shape: Sequence[int]) -> str:
    return " x ".join(map(str, shape))


def _with_tests(epoch: Epoch, told: Told) -> Epoch:
    seen = [each for test in told.tests if test.epoch == epoch.number for each in test.seen]
    told_of = [evidence.Seen.model_validate(vars(each)) for each in seen[:10]]
    return epoch.model_copy(update={"seen": told_of})


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
