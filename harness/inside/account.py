"""Keeps the account of one model: its runs, their epochs, and the weights at each epoch's end.

Part of the process that belongs to the submission: of the harness it must know nothing but
`frames` and its neighbours. `probe` tells it what happens to the model.
"""

from __future__ import annotations

import json
import sys
import weakref
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, BinaryIO

import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader

from harness import frames
from harness.frames import Kind
from harness.inside import recipes
from harness.inside.handover import hand_over, snapshot, tensors_of, weights
from harness.inside.loops import declared_epochs
from harness.inside.runs import Epochs, Trained
from harness.inside.watching import LoaderPass, LossCall, Schedulers

KIN = 0.5
"""The cosine between weights above which the one came about from the other by training."""


class TrainingStopped(BaseException):
    """Raised in a step of the learner's optimiser, when as many epochs were seen as are wanted.

    It is no Exception, so that a loop which goes on after errors ends too.
    """


@dataclass
class Reporter:
    """Where frames go, and what all accounts share."""

    stream: BinaryIO
    size: int
    """Images in the training set that is served."""
    stop_after: int | None
    schedulers: Schedulers
    defined: weakref.WeakKeyDictionary[type, int]
    """The cell in which each class was made."""
    cell: int | None = None
    runs: int = 0

    def send(self, kind: Kind, payload: Any) -> None:
        """Write a frame: bytes as they are, anything else as JSON."""
        data = payload if isinstance(payload, bytes) else json.dumps(asdict(payload)).encode()
        if len(data) > frames.MAX_FRAME:
            raise ValueError(f"a {kind.name} frame of {len(data):,} bytes is too large to send")
        frames.write(self.stream, kind, data)


@dataclass
class Forward:
    """A forward pass on a batch of images."""

    samples: int
    through: LoaderPass | None
    correct: int | None
    source: str
    answer: weakref.ref[Tensor]
    labels: weakref.ref[Tensor] | None
    trained: bool = False
    evaluated: bool = False


@dataclass
class Run:
    """A training of a model from its first weights on."""

    number: int
    names: list[str] | None
    start: Tensor
    declared: int | None
    schedule_steps: dict[int, int]
    """How often each scheduler had been stepped before."""
    steps: int = 0
    optimizer: torch.optim.Optimizer | None = None
    """The one that stepped last; None for an update by hand, or an own one around another."""
    optimizers: weakref.WeakSet[Any] = field(default_factory=weakref.WeakSet)
    count: int = 0
    """Of all optimisers that stepped; some may be gone."""
    loss: dict[str, Any] | None = None
    losses_differ: bool = False
    sent: Tensor | None = None
    """All weights as they were last sent."""


@dataclass
class Held:
    """An epoch that has ended; a step that comes before the next batch still belongs to it."""

    trained: Trained
    values: dict[str, Tensor]
    flat: Tensor


def flatten(parameters: Sequence[Tensor]) -> Tensor:
    """All values in one row."""
    if not parameters:
        return torch.empty(0)
    return torch.cat([parameter.detach().reshape(-1) for parameter in parameters])


def same(one: Tensor, other: Tensor) -> bool:
    """Whether two rows are equal, and NaN to itself."""
    if one.shape != other.shape:
        return False
    return torch.equal(one, other) or torch.equal(one.view(torch.uint8), other.view(torch.uint8))


class Account:
    """What is known of one model that classifies images."""

    def __init__(self, module: nn.Module, image: tuple[int, ...], reporter: Reporter) -> None:
        self._module = weakref.ref(module)
        self._kept: nn.Module | None = None
        self.kind = type(module)
        self.parameters = list(module.parameters())
        self.image = image
        self.reporter = reporter
        self.run: Run | None = None
        self.epochs = Epochs(reporter.size)
        self.pending = 0
        """Samples back-propagated since the last step."""
        self._backwards = 0
        self._places: list[int] = []
        self._views: list[Tensor] = []
        self.flat = self._weights()
        self._initial = snapshot(module)
        self._held: Held | None = None
        self._open: Forward | None = None
        self._last: Forward | None = None
        self._lost: dict[str, Any] | None = None
        self._whole = False
        self._seen: dict[tuple[str, bool], list[int]] = {}
        self._seen_after = 0
        self._gradients: list[tuple[Tensor | None, int]] = []
        self._transforms: dict[str, Any] = {"train": None, "test": None}
        self._loaders: dict[str, DataLoader[Any]] = {}

    def owns(self, optimizer: torch.optim.Optimizer) -> bool:
        """Whether an optimiser steps one of this model's parameters."""
        mine = {id(parameter) for parameter in self.parameters}
        return any(id(p) in mine for group in optimizer.param_groups for p in group["params"])

    def _weights(self) -> Tensor:
        """All parameters in one row; their views are kept, for that is most of the work."""
        places = [parameter.data_ptr() for parameter in self.parameters]
        if places != self._places:
            whole = all(parameter.is_contiguous() for parameter in self.parameters)
            self._places = places if whole else []
            self._views = [parameter.detach().reshape(-1) for parameter in self.parameters]
        return torch.cat(self._views) if self._views else torch.empty(0)

    # What happens to the model, in order.

    def goes_forward(self, through: LoaderPass | None, evaluating: bool) -> None:
        """A batch of images is about to go in."""
        self._settle_open()
        # Within a pass over a loader, a look before each step is enough.
        if not evaluating and (
            self._backwards or through is None or self.epochs.through is not through
        ):
            self._look_at_weights()
        if self.epochs.left(through, evaluating):
            self._end_epoch()
        if not evaluating:
            self._send_held()

    def went_forward(self, forward: Forward, images: Tensor, evaluating: bool) -> None:
        """An answer has come out; whether it is trained on is seen later."""
        role = "test" if evaluating else "train"
        through = forward.through
        if through is not None and (role != "test" or self._better_test(through)):
            if self._loaders.get(role) is not through.loader:
                self._loaders[role] = through.loader
                self._transforms[role] = recipes.of_transform(through.loader)
            if self._transforms[role] is not None and not through.gave(images):
                self._transforms[role] = None
        if evaluating:
            module = self._module()
            other = self.run is not None and module is not None
            self._send_held()
            self.saw(forward, other and not same(self._weights(), self.flat))
        else:
            self._open = forward

    def _better_test(self, through: LoaderPass) -> bool:
        known = self._loaders.get("test")
        if through.source == "train":
            return False
        return known is None or through.source == "test" or recipes.source(known.dataset) != "test"

    def back_propagated(self, forward: Forward) -> None:
        """The gradient of an answer has come."""
        if forward.evaluated:
            forward.evaluated = False
            self._count(forward, False, -1)
        forward.trained = True
        self._send_seen()
        self.epochs.trained(forward.samples, forward.through, forward.correct)
        self.pending += forward.samples
        self._backwards += 1
        self._last = forward

    def lost(self, root: Any, weighted: bool, call: LossCall | None) -> None:
        """What was back-propagated, after its gradients were added up."""
        self._gradients = [
            (g := p.grad, g._version if g is not None else 0) for p in self.parameters
        ]
        loss = None
        if isinstance(root, Tensor) and root.numel() == 1 and not weighted:
            self.epochs.now.loss += float(root.detach())
            self.epochs.now.losses += 1
            if call is not None and call.result() is root and self._on_answer(call):
                loss = recipes.of_loss(call.function, call.name, call.rest, call.keywords)
        self._lost = loss

    def _on_answer(self, call: LossCall) -> bool:
        last, answer = self._last, call.answer
        ours = last.answer() if last else None
        labels = last.labels() if last and last.labels else None
        if ours is None or answer.shape != ours.shape or answer.data_ptr() != ours.data_ptr():
            return False
        return labels is None or call.target.data_ptr() == labels.data_ptr()

    def _as_propagated(self) -> bool:
        """Whether the gradients are what came of the loss, and were not clipped, say."""
        return all(
            p.grad is gradient and (gradient is None or gradient._version == version)
            for p, (gradient, version) in zip(self.parameters, self._gradients, strict=False)
        )

    def about_to_step(self, optimizer: torch.optim.Optimizer) -> None:
        """An optimiser is about to change the weights.

        Raises:
            TrainingStopped: when enough epochs were seen of a run that declared their number.
        """
        self._look_at_weights()
        self._whole, self._gradients = self._as_propagated(), []
        if self.run is None and any(p.grad is not None for p in self.parameters):
            self._begin()
        run, stop = self.run, self.reporter.stop_after
        if run and stop is not None and run.declared and self.epochs.ended >= stop:
            raise TrainingStopped(f"{stop} epochs were observed; the rest is replayed")

    def stepped(self, optimizer: torch.optim.Optimizer, own: bool) -> None:
        """An optimiser has changed the weights.

        Args:
            optimizer: the outermost one that stepped.
            own: whether it is of the learner's own making, around another.
        """
        if self.run is None:
            if not self._backwards:
                return
            self._begin()  # the first forward pass was in a closure
        run = self.run
        assert run is not None
        self.flat = self._weights()
        if optimizer not in run.optimizers:
            run.optimizers.add(optimizer)
            run.count += 1
        run.optimizer = None if own else optimizer
        run.steps += 1
        self._take_loss()
        step = recipes.hyperparameters(optimizer)
        step.samples, self.pending, self._backwards = self.pending, 0, 0
        if self._held:
            self._held.trained.step(step)
            self._held.values, self._held.flat = self._values(), self.flat
            return
        self.epochs.now.step(step)
        if self.epochs.crossed():
            self._end_epoch()

    def _take_loss(self) -> None:
        run = self.run
        assert run is not None
        loss, self._lost = self._lost, None
        whole = self._backwards == 1 and self._whole
        if not whole or loss is None or (run.loss is not None and run.loss != loss):
            run.losses_differ = True
        run.loss = None if run.losses_differ else loss

    def exhausted(self, through: LoaderPass) -> None:
        """A loader has no more batches."""
        self._settle_open()
        if self.epochs.exhausted(through):
            if self._backwards:
                self._look_at_weights()
            if self.run:
                self._end_epoch()

    def saw(self, forward: Forward, other: bool) -> None:
        """Images were evaluated."""
        forward.evaluated = True
        self._count(forward, other, 1)

    def finish(self) -> None:
        """Send what has not been sent: the last weights are always one epoch."""
        self._settle_open()
        if self.run is None and self._backwards:
            self._look_at_weights()
        self._end_run(swapped=True)

    # What follows from it.

    def _settle_open(self) -> None:
        """An answer that nobody trained on before the next was an evaluation."""
        forward, self._open = self._open, None
        if forward and not forward.trained and forward.through is not None:
            self.saw(forward, False)

    def _count(self, forward: Forward, other: bool, sign: int) -> None:
        if forward.correct is None:
            return
        if not self._seen:
            self._seen_after = self.epochs.ended
        counts = self._seen.setdefault((forward.source, other), [0, 0])
        counts[0] += sign * forward.correct
        counts[1] += sign * forward.samples

    def _send_seen(self) -> None:
        if self.run and self._seen:
            seen = [
                frames.Seen(source, correct, of, other)
                for (source, other), (correct, of) in self._seen.items()
                if of
            ]
            if seen:
                told = frames.SeenTest(self.run.number, self._seen_after, seen)
                self.reporter.send(Kind.SEEN, told)
            self._seen = {}

    def _look_at_weights(self) -> None:
        """Notice weights that changed while no optimiser stepped."""
        now = self._weights()
        if same(now, self.flat):
            return
        module = self._module()
        assert module is not None
        if self.run is None and self._backwards:
            self._begin()
            self.epochs.now.by_hand += 1
            self.pending = self._backwards = 0
        elif self.run is None:
            self._initial = snapshot(module)
        elif same(now, self.run.start) or not self._kin(now):
            self._end_run(swapped=False)
            self.run, self._initial = None, snapshot(module)
            self.epochs = Epochs(self.reporter.size)
            self.pending = self._backwards = 0
        else:
            self.epochs.now.by_hand += 1
            if self.run.optimizer is None:
                self.pending = self._backwards = 0
        self.flat = now

    def _rows(self, flat: Tensor) -> Sequence[Tensor]:
        return torch.split(flat, [parameter.numel() for parameter in self.parameters])

    def _kin(self, now: Tensor) -> bool:
        """Whether weights are a changed form of those before, not drawn or loaded anew."""
        if now.shape != self.flat.shape:
            return False
        rows = [
            (one, other)
            for one, other, parameter in zip(
                self._rows(now), self._rows(self.flat), self.parameters, strict=True
            )
            if parameter.dim() > 1
        ]
        if not rows:
            return True
        one, other = (torch.cat(list(row)).double() for row in zip(*rows, strict=True))
        return bool(torch.dot(one, other) >= KIN * one.norm() * other.norm())

    def _begin(self) -> None:
        module, reporter = self._module(), self.reporter
        assert module is not None
        self._kept = module
        reporter.runs += 1
        declared = declared_epochs(sys._getframe())
        observed = frames.ObservedRun(
            run=reporter.runs,
            network=type(module).__name__,
            defined=reporter.defined.get(type(module)),
            cell=reporter.cell,
            image=list(self.image),
            declared_epochs=declared,
            parameters=sum(parameter.numel() for parameter in module.parameters()),
        )
        reporter.send(Kind.RUN, observed)
        told, names = hand_over(module, self._initial, self.image)
        for kind, payload in told:
            reporter.send(kind, payload)
        self.run = Run(
            number=reporter.runs,
            names=names,
            start=self.flat,
            declared=declared,
            schedule_steps={id(s): s.steps for s in reporter.schedulers.made},
        )

    def _values(self) -> dict[str, Tensor]:
        """The trained weights, even where others stand in their place, and the buffers."""
        module = self._module()
        assert module is not None
        rows = self._rows(self.flat)
        trained = {id(p): row for p, row in zip(self.parameters, rows, strict=True)}
        return {
            name: (
                trained[id(tensor)].view(tensor.shape) if id(tensor) in trained else tensor.detach()
            ).clone()
            for name, tensor in tensors_of(module).items()
        }

    def _end_epoch(self) -> None:
        if self.run:
            self._send_held()
            self._held = Held(self.epochs.close(), self._values(), self.flat)

    def _send_held(self) -> None:
        held, self._held = self._held, None
        if held:
            self._send_epoch(held, self.epochs.ended, False)

    def _send_epoch(self, held: Held, number: int, last: bool) -> None:
        run, trained = self.run, held.trained
        assert run is not None
        epoch = frames.ObservedEpoch(
            run=run.number,
            number=number,
            samples=trained.samples,
            of=trained.of,
            steps=trained.steps,
            by_hand=trained.by_hand,
            correct=trained.correct,
            loss=trained.mean_loss,
            recipe=self._recipe(number),
            last=last,
        )
        self.reporter.send(Kind.EPOCH, epoch)
        values = held.values if run.names is not None else self._state_dict(held.values)
        self.reporter.send(Kind.WEIGHTS, weights(values, run.names))
        run.sent = held.flat

    def _state_dict(self, values: dict[str, Tensor]) -> dict[str, Tensor]:
        module = self._module()
        assert module is not None
        return {name: values[name] for name in module.state_dict() if name in values}

    def _end_run(self, swapped: bool) -> None:
        """Send what was trained after the last whole epoch.

        Args:
            swapped: whether weights that now stand in the trained ones' place are the last ones.
        """
        run = self.run
        if run is None:
            return
        self._send_held()
        if swapped:
            now = self._weights()
            if not same(now, self.flat):
                self.epochs.now.by_hand += 1
                self.flat = now
        if not self.epochs.now.nothing:
            whole = self.epochs.left(None, True)
            held = Held(self.epochs.close(), self._values(), self.flat)
            self._send_epoch(held, self.epochs.ended, not whole)
        self._send_seen()

    def _recipe(self, epochs: int) -> frames.ObservedRecipe:
        run, reporter = self.run, self.reporter
        assert run is not None
        optimizer = run.optimizer
        made = reporter.schedulers.of(optimizer) if optimizer else []
        counts = {id(s): s.steps - run.schedule_steps.get(id(s), 0) for s in made}
        stepped = [schedule for schedule in made if counts[id(schedule)]]
        scheduler = None
        if len(stepped) == 1 and (made_by := stepped[0].scheduler()) is not None:
            count = counts[id(stepped[0])]
            by_step = abs(count - run.steps) <= 1 and run.steps > epochs + 1
            if by_step or abs(count - epochs) <= 1:
                interval = "step" if by_step else "epoch"
                scheduler = recipes.of_scheduler(made_by, stepped[0].given, interval)
        names = [schedule.name for schedule in made]
        return frames.ObservedRecipe(
            optimizer=recipes.of_optimizer(optimizer, names) if optimizer else None,
            optimizers=run.count,
            scheduler=scheduler,
            schedulers=names,
            stepped=bool(stepped),
            loss=run.loss,
            train_transform=self._transforms["train"],
            test_transform=self._transforms["test"],
        )
