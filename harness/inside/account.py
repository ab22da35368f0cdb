"""Keeps the account of one model: its runs, their epochs, and the weights at each epoch's end.

Part of the process that belongs to the submission: of the harness it must know nothing but
`frames` and its neighbours. `probe` tells it what happens to the model.
"""

from __future__ import annotations

import sys
import time
import weakref
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader

from harness import frames
from harness.frames import Kind
from harness.inside import loops, recipes
from harness.inside.handover import hand_over, safetensors_of, snapshot
from harness.inside.reporter import Forward, Held, Reporter, Run, TrainingStopped
from harness.inside.runs import Epochs
from harness.inside.telling import tell
from harness.inside.watching import LoaderPass, LossCall
from harness.inside.weights import Weights, same


class Account:
    """What is known of one model that classifies images."""

    def __init__(self, module: nn.Module, image: tuple[int, ...], reporter: Reporter) -> None:
        self._module = weakref.ref(module)
        self._kept: nn.Module | None = None
        self.kind = type(module)
        self.weights = Weights(module)
        self.image = image
        self.reporter = reporter
        self.run: Run | None = None
        self.epochs = Epochs(reporter.size)
        self.pending = 0
        """Samples back-propagated since the last step."""
        self._backwards = 0
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
        self._scales: dict[str, Any] = {"train": None, "test": None}
        """Where images come through the learner's own code."""
        self._loaders: dict[str, DataLoader[Any]] = {}

    @property
    def module(self) -> nn.Module:
        """The model, which is kept from its first run on."""
        module = self._module()
        assert module is not None
        return module

    def owns(self, optimizer: torch.optim.Optimizer) -> bool:
        """Whether an optimiser steps one of this model's parameters."""
        mine = {id(parameter) for parameter in self.weights.parameters}
        return any(id(p) in mine for group in optimizer.param_groups for p in group["params"])

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

    def went_forward(self, forward: Forward, evaluating: bool) -> None:
        """An answer has come out; whether it is trained on is seen later."""
        if evaluating:
            other = self.run is not None and not same(self.weights.now(), self.weights.known)
            self.saw(forward, other)
            self._send_held()
        else:
            self._open = forward

    def _note_transform(self, role: str, forward: Forward) -> None:
        """Remember what the images of a batch went through."""
        through = forward.through
        if through is not None and self._loaders.get(role) is not through.loader:
            self._loaders[role] = through.loader
            self._transforms[role] = recipes.of_transform(through.loader)
        if not forward.as_yielded:
            self._transforms[role] = None
        if self._transforms[role] is None and (images := forward.images()) is not None:
            self._scales[role] = recipes.scale(images)

    def _tested(self) -> list[dict[str, Any]] | None:
        """What test images go through, or what training images do where both are unknown."""
        known = self._transforms["test"] or self._scales["test"]
        return known or (None if self._transforms["train"] else self._scales["train"])

    def back_propagated(self, forward: Forward) -> None:
        """The gradient of an answer has come."""
        if forward.evaluated:
            forward.evaluated = False
            self._count(forward, False, -1)
        forward.trained = True
        self._note_transform("train", forward)
        self._send_seen()
        self.epochs.trained(forward.samples, forward.through, forward.correct)
        self.pending += forward.samples
        self._backwards += 1
        self._last = forward

    def lost(self, root: Any, weighted: bool, call: LossCall | None) -> None:
        """What was back-propagated, after its gradients were added up."""
        self._gradients = [
            (g := p.grad, g._version if g is not None else 0) for p in self.weights.parameters
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
            for p, (gradient, version) in zip(
                self.weights.parameters, self._gradients, strict=False
            )
        )

    def about_to_step(self, optimizer: torch.optim.Optimizer) -> None:
        """An optimiser is about to change the weights.

        Raises:
            TrainingStopped: when enough was seen of a run that declared the number of its epochs.
        """
        self._look_at_weights()
        self._whole, self._gradients = self._as_propagated(), []
        if self.run is None and any(p.grad is not None for p in self.weights.parameters):
            self._begin()
        run, stop = self.run, self.reporter.stop_after
        # A training that is stopped ends its cell, and with it all that follows there.
        if not run or stop is None or not run.declared.alone or self.epochs.ended < stop:
            return
        seconds = self.reporter.stop_seconds
        if time.monotonic() - run.since >= seconds:
            self.epochs.drop()
            seen = f"{self.epochs.ended} of {run.declared.epochs} epochs were observed"
            if seconds:
                tell("training", f"Stopped after {seconds:g} s, as in any check; {seen}.")
            raise TrainingStopped(seen)

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
        self.weights.known = self.weights.now()
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
            self._held.values = self._values()
            return
        self.epochs.now.step(step)
        if self.epochs.crossed():
            self._end_epoch()

    def _take_loss(self) -> None:
        run = self.run
        assert run is not None
        loss, self._lost = self._lost, None
        if (
            self._backwards != 1
            or not self._whole
            or loss is None
            or (run.loss is not None and run.loss != loss)
        ):
            run.losses_differ = True
        run.loss = None if run.losses_differ else loss

    def exhausted(self, through: LoaderPass) -> None:
        """A loader has no more batches."""
        self._settle_open()
        if self.epochs.exhausted(through):
            self._look_at_weights()
            if self.run:
                self._end_epoch()

    def saw(self, forward: Forward, other: bool) -> None:
        """Images were evaluated."""
        forward.evaluated = True
        if forward.source != "train":
            self._note_transform("test", forward)
        self._count(forward, other, 1)

    def settle(self) -> None:
        """Send the epochs that have ended: the next cell may end the process."""
        if self.run:
            self._send_held()
            self._send_seen()

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
        now = self.weights.now()
        if same(now, self.weights.known):
            return
        module = self.module
        if self.run is None and self._backwards:
            self._begin()
            self.epochs.now.by_hand += 1
            self.pending = self._backwards = 0
        elif self.run is None:
            self._initial = snapshot(module)
        elif same(now, self.run.start) or not self.weights.kin(now):
            self._end_run(swapped=False)
            self.run, self._initial = None, snapshot(module)
            self.epochs = Epochs(self.reporter.size)
            self.pending = self._backwards = 0
        else:
            self.epochs.now.by_hand += 1
            if self.run.optimizer is None:
                self.pending = self._backwards = 0
        self.weights.known = now

    def _begin(self) -> None:
        module, reporter = self.module, self.reporter
        self._kept = module
        reporter.runs += 1
        declared = loops.declared(sys._getframe())
        observed = frames.ObservedRun(
            run=reporter.runs,
            network=type(module).__name__,
            defined=reporter.defined.get(type(module)),
            cell=reporter.cell,
            image=list(self.image),
            declared_epochs=declared.epochs,
            parameters=sum(parameter.numel() for parameter in module.parameters()),
        )
        reporter.send(Kind.RUN, observed)
        told, names = hand_over(module, self._initial, self.image)
        self.run = Run(
            number=reporter.runs,
            names=names,
            start=self.weights.known,
            declared=declared,
            since=time.monotonic(),
            schedule_steps={id(s): s.steps for s in reporter.schedulers.made},
        )
        for kind, payload in told:
            reporter.send(kind, payload)

    def _values(self) -> dict[str, Tensor]:
        return self.weights.named(self.module)

    def _end_epoch(self) -> None:
        if self.run:
            self._send_held()
            self._held = Held(self.epochs.close(), self._values())

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
        values = held.values if run.names is not None else self._state_dict(held.values)
        weights = safetensors_of(values, run.names)
        if len(weights) <= frames.MAX_FRAME:  # else its fault was told when it began
            self.reporter.send(Kind.EPOCH, epoch)
            self.reporter.send(Kind.WEIGHTS, weights)

    def _state_dict(self, values: dict[str, Tensor]) -> dict[str, Tensor]:
        module = self.module
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
            now = self.weights.now()
            if not same(now, self.weights.known):
                self.epochs.now.by_hand += 1
                self.weights.known = now
        if not self.epochs.now.nothing:
            whole = self.epochs.left(None, True)
            held = Held(self.epochs.close(), self._values())
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
                interval = "batch" if by_step else "epoch"
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
            test_transform=self._tested(),
        )
