"""Watches a notebook train, and tells it in frames: which model, from what weights, how, how long.

Part of the process that belongs to the submission: of the harness it must know nothing but
`frames` and its neighbours, and nothing it says is trusted. It changes no number that the notebook
computes, and no error of its own reaches the learner's code: the account then goes on as far as it
can, and a SHIM frame named `probe` says what went wrong.
"""

from __future__ import annotations

import contextlib
import functools
import os
import weakref
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO, ParamSpec

import torch
from torch import Tensor, nn
from torch.optim.optimizer import (
    register_optimizer_step_post_hook,
    register_optimizer_step_pre_hook,
)

from harness import frames
from harness.frames import Kind
from harness.inside.account import Account
from harness.inside.reporter import Forward, Reporter
from harness.inside.watching import LoaderPass, Loaders, LossCall, Losses, Patches, Schedulers
from harness.inside.weights import flatten, same

CLASSES = 10
"""Scores for each image, by which a model is known for a classifier of digits."""

P = ParamSpec("P")

_probe: Probe | None = None


def install(order: dict[str, Any], stream: BinaryIO | None = None) -> None:
    """Begin to watch, before any of the learner's code runs.

    Args:
        order: what the driver was told: `probe`, the pipe that frames go to; `data`; `sizes`, how
            many images the real set has for training and for testing; `stop_after`,
            `stop_seconds`.
        stream: where frames go instead.
    """
    global _probe
    finish()
    _probe = Probe(order, stream or os.fdopen(order["probe"], "wb"))


def cell_began(index: int, source: str) -> None:
    """A cell of the notebook, counted from 0, is about to run."""
    if _probe:
        _probe.cell_began(index)


def finish() -> None:
    """Send what is left, and watch no more."""
    global _probe
    if _probe:
        _probe.finish()
    _probe = None


def guarded(method: Callable[P, Any]) -> Callable[P, None]:
    """A method that never raises, and does nothing while the probe itself computes."""

    @functools.wraps(method)
    def watched(*args: P.args, **keywords: P.kwargs) -> None:
        probe = args[0]
        assert isinstance(probe, Probe)
        if probe.busy or torch.compiler.is_compiling() or torch._C._is_tracing():
            return
        probe.busy = True
        try:
            with torch.no_grad():
                method(*args, **keywords)
        except Exception as error:
            probe.told(error)
        finally:
            probe.busy = False

    return watched


class Probe:
    """What PyTorch is watched by, and whom it concerns."""

    def __init__(self, order: dict[str, Any], stream: BinaryIO) -> None:
        self.busy = False
        self._accounts: weakref.WeakKeyDictionary[nn.Module, Account] = weakref.WeakKeyDictionary()
        self._ignored: weakref.WeakSet[nn.Module] = weakref.WeakSet()
        self._owners: weakref.WeakKeyDictionary[Any, list[Account]] = weakref.WeakKeyDictionary()
        self._inside = False
        """Whether a model's forward pass is under way; that of its layers is of no interest."""
        self._through: LoaderPass | None = None
        self._stepping: list[Any] = []
        self._hit: list[Account] = []
        self._told: set[str] = set()
        self._patches = Patches()
        size = _served(order)
        self._loaders = Loaders(self._patches, size, self._exhausted)
        self._losses = Losses(self._patches, self._lost)
        self._reporter = Reporter(
            stream=stream,
            size=size,
            stop_after=order.get("stop_after"),
            stop_seconds=order.get("stop_seconds", 0),
            schedulers=Schedulers(self._patches),
            defined=weakref.WeakKeyDictionary(),
        )
        self._patches.put(nn.Module, "__init_subclass__", classmethod(self._noting()))
        self._patches.wrap(nn.Module, "__call__", self._watched)
        self._hooks = [
            register_optimizer_step_pre_hook(self._before_step),
            register_optimizer_step_post_hook(self._after_step),
        ]

    def cell_began(self, index: int) -> None:
        """Forget what an error in the cell before has left half done, and send what is done."""
        self._reporter.cell = index
        self._inside = False
        self._stepping.clear()
        for account in list(self._accounts.values()):
            self._settle(account)

    def finish(self) -> None:
        """Send what is left, and take all hooks off."""
        for account in sorted(self._accounts.values(), key=lambda a: a.run.number if a.run else 0):
            self._close(account)
        for hook in self._hooks:
            hook.remove()
        self._patches.undo()

    @guarded
    def _settle(self, account: Account) -> None:
        account.settle()

    @guarded
    def _close(self, account: Account) -> None:
        account.finish()

    def told(self, error: Exception) -> None:
        """Say once what went wrong in the probe."""
        message = f"{type(error).__name__}: {error}"[:500]
        if message not in self._told:
            self._told.add(message)
            with contextlib.suppress(Exception):
                self._reporter.send(Kind.SHIM, frames.Shim("probe", message))

    def _noting(self) -> Callable[..., None]:
        """In place of `nn.Module.__init_subclass__`: notes the cell in which a class is made."""
        reporter = self._reporter

        def noted(kind: type[nn.Module], /, **keywords: Any) -> None:
            super(nn.Module, kind).__init_subclass__(**keywords)
            if kind.__module__ == "__main__" and reporter.cell is not None:
                reporter.defined[kind] = reporter.cell

        return noted

    # A model's forward pass.

    def _watched(self, call: Callable[..., Any]) -> Callable[..., Any]:
        """What calls a module, seen from outside.

        PyTorch's global hooks would slow down every layer of a model, and do not see what is given
        by keyword.
        """

        def calling(module: nn.Module, *args: Any, **keywords: Any) -> Any:
            if self._inside or self.busy:
                return call(module, *args, **keywords)
            given = (one for one in (*args, *keywords.values()) if isinstance(one, Tensor))
            images = next(given, None)
            if images is None or images.dim() != 4:
                return call(module, *args, **keywords)
            self._inside = True
            try:
                self._goes_forward(_unwrapped(module), images, torch.is_grad_enabled())
                answer = call(module, *args, **keywords)
                self._went_forward(_unwrapped(module), images, answer)
            finally:
                self._inside = False
            return answer

        return calling

    @guarded
    def _goes_forward(self, module: nn.Module, images: Tensor, training: bool) -> None:
        self._through = self._loaders.of(images)
        if module in self._ignored:
            return
        account = self._accounts.get(module)
        if account is None and (training or not self._elder(module)):
            account = self._open(module, images)
        if account:
            account.goes_forward(self._through, not training)

    def _open(self, module: nn.Module, images: Tensor) -> Account | None:
        if any(nn.parameter.is_lazy(parameter) for parameter in module.parameters()):
            return None
        account = self._accounts[module] = Account(module, tuple(images.shape[1:]), self._reporter)
        self._owners.clear()
        return account

    def _elder(self, module: nn.Module) -> Account | None:
        """A trained model of the same class: this one may hold its average or a checkpoint."""
        for account in reversed(list(self._accounts.values())):
            if account.run and account.kind is type(module):
                return account
        return None

    @guarded
    def _went_forward(self, module: nn.Module, images: Tensor, output: Any) -> None:
        answer = next(iter(output), None) if isinstance(output, tuple | list) else output
        if module in self._ignored or output is None:
            return
        if not isinstance(answer, Tensor) or answer.numel() != CLASSES * len(images):
            self._ignored.add(module)
            self._accounts.pop(module, None)
            return
        account = self._accounts.get(module)
        forward = self._forward(images, answer)
        training = answer.requires_grad
        if account is None and training:
            account = self._open(module, images)
        if account:
            account.went_forward(forward, not training)
            if answer.grad_fn is not None:
                answer.grad_fn.register_prehook(functools.partial(self._back, account, forward))
        elif (elder := self._elder(module)) is not None:
            elder.saw(forward, not same(flatten(list(module.parameters())), elder.weights.known))

    def _forward(self, images: Tensor, answer: Tensor) -> Forward:
        through = self._through
        labels = through.labels if through else None
        correct = None
        if labels is not None and len(labels) == len(images):
            correct = int((answer.detach().flatten(1).argmax(1) == labels).sum())
        return Forward(
            samples=len(images),
            through=through,
            correct=correct,
            source=through.source if through else "unknown",
            as_yielded=through.gave(images) if through else False,
            answer=weakref.ref(answer),
            labels=None if labels is None else weakref.ref(labels),
            images=weakref.ref(images),
        )

    # Training.

    @guarded
    def _back(self, account: Account, forward: Forward, gradients: Any) -> None:
        account.back_propagated(forward)
        self._hit.append(account)

    @guarded
    def _lost(self, root: Any, weighted: bool, call: LossCall | None) -> None:
        hit, self._hit = self._hit, []
        for account in hit:
            account.lost(root, weighted, call)

    @guarded
    def _exhausted(self, through: LoaderPass) -> None:
        for account in list(self._accounts.values()):
            account.exhausted(through)

    def _before_step(self, optimizer: Any, args: Any, keywords: Any) -> None:
        if optimizer in self._stepping:  # the step before ended in an error
            self._stepping.clear()
        self._stepping.append(optimizer)
        if len(self._stepping) == 1:
            self._about_to_step(optimizer)

    @guarded
    def _about_to_step(self, optimizer: Any) -> None:
        for account in self._concerned(optimizer):
            account.about_to_step(optimizer)

    def _after_step(self, optimizer: Any, args: Any, keywords: Any) -> None:
        if optimizer in self._stepping:
            outermost = self._stepping[0]
            own = len(self._stepping) > 1
            self._stepping.pop()
            if not self._stepping:
                self._stepped(outermost, own)

    @guarded
    def _stepped(self, optimizer: Any, own: bool) -> None:
        for account in self._concerned(optimizer):
            account.stepped(optimizer, own)

    def _concerned(self, optimizer: Any) -> list[Account]:
        """The accounts whose model an optimiser steps."""
        known = self._owners.get(optimizer)
        if not known:
            known = [a for a in list(self._accounts.values()) if a.owns(optimizer)]
            self._owners[optimizer] = known
        return [account for account in known if account.pending] or known


def _unwrapped(module: nn.Module) -> nn.Module:
    """The learner's model inside torch's own wrappers."""
    while True:
        if isinstance(module, nn.DataParallel | torch.optim.swa_utils.AveragedModel):
            module = module.module
        elif isinstance(inner := getattr(module, "_orig_mod", None), nn.Module):
            module = inner
        else:
            return module


def _served(order: dict[str, Any]) -> int:
    """Images in the training set that is served, from the header of its file."""
    served = Path(order.get("data") or "", order.get("dataset") or "MNIST")
    raw = served / "raw" / "train-images-idx3-ubyte"
    with contextlib.suppress(OSError), raw.open("rb") as file:
        return int.from_bytes(file.read(8)[4:], "big")
    return int(order["sizes"][0])
