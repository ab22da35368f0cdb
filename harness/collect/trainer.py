"""Trains one network by one recipe, with the semantics of the ordinary PyTorch loop.

Images lie in one tensor on the device; there is no DataLoader. Must not know test images,
evidence, or where the network comes from: it trains any module from images to scores.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import Any

import safetensors
import safetensors.torch
import torch
from torch import Tensor, nn
from torch.optim.lr_scheduler import ReduceLROnPlateau

from harness import data
from harness.collect import resolve
from harness.collect.augment import augment
from harness.recipe import Recipe


@dataclass(frozen=True)
class Trained:
    """What one epoch of training came to."""

    samples: int
    correct: int
    """Right answers among the samples, as the network stood at each step."""
    loss: float
    """Mean over the samples."""
    learning_rate: float
    """At the first step."""
    moved: bool
    """Whether the parameters are others than before."""


@dataclass(frozen=True)
class _Batch:
    """The buffers that a step reads."""

    images: Tensor
    labels: Tensor


class Training:
    """One run: a network, its optimiser and schedule, epoch after epoch.

    Args:
        network: from float32 [N, 1, 28, 28] to scores [N, 10]; trained in place.
        recipe: how; its `normalize` must be given.
        images: uint8 [N, 1, 28, 28], on the network's device.
        labels: int64 [N], likewise.
        seed: decides the order of the images, the augmentation and dropout.

    Raises:
        resolve.RecipeError: if torch cannot follow the recipe.
    """

    def __init__(
        self, network: nn.Module, recipe: Recipe, images: Tensor, labels: Tensor, seed: int
    ) -> None:
        assert recipe.normalize is not None
        self._network, self._recipe, self._normalize = network, recipe, recipe.normalize
        self._images, self._labels, self._seed = images, labels, seed
        resolve.rehearse(recipe)
        self._loss = resolve.loss(recipe)
        self._transforms = resolve.transforms(recipe)
        self._optimizer = resolve.optimizer(recipe, network.parameters())
        self._scheduler = resolve.scheduler(recipe, self._optimizer)
        self._plain = None if self._transforms else data.scaled(images, self._normalize)
        self._batches: dict[int, _Batch] = {}
        # Apple's GPUs have no float64.
        exact = torch.float32 if images.device.type == "mps" else torch.float64
        self._total = torch.zeros((), dtype=exact, device=images.device)
        self._correct = torch.zeros((), dtype=torch.int64, device=images.device)

    def epoch(self, number: int) -> Trained:
        """Train one pass over the images; epochs count from 1 and must come in order.

        Raises:
            resolve.RecipeError: if the schedule is shorter than the training.
        """
        # Each epoch has random numbers of its own, so that a resumed run equals an unbroken one.
        torch.manual_seed(_derived(self._seed, number))
        device = self._images.device
        images = self._plain
        if images is None:
            images = data.scaled(augment(self._images, self._transforms), self._normalize)
        order = torch.randperm(len(images), device=device)
        rate = float(self._optimizer.param_groups[0]["lr"])
        self._total.zero_()
        self._correct.zero_()
        before = [parameter.detach().clone() for parameter in self._network.parameters()]
        self._network.train()
        for start in range(0, len(order), self._recipe.batch_size):
            chosen = order[start : start + self._recipe.batch_size]
            batch = self._batch(len(chosen))
            torch.index_select(images, 0, chosen, out=batch.images)
            torch.index_select(self._labels, 0, chosen, out=batch.labels)
            loss = self._step(batch)
            if self._recipe.scheduler and self._recipe.scheduler.interval == "batch":
                self._advance(loss)
        mean = float(self._total) / len(images)
        if self._recipe.scheduler and self._recipe.scheduler.interval == "epoch":
            self._advance(mean)
        after = self._network.parameters()
        moved = not all(map(torch.equal, before, after))
        return Trained(len(images), int(self._correct), mean, rate, moved)

    def _step(self, batch: _Batch) -> Tensor:
        """One optimiser step; reads and writes nothing but tensors that stay where they are.

        That is what a CUDA graph can capture.
        """
        self._optimizer.zero_grad()
        answers = self._network(batch.images)
        loss = self._loss(answers, batch.labels)
        loss.backward()  # type: ignore[no-untyped-call]
        self._optimizer.step()
        self._total += loss.detach() * len(batch.labels)
        self._correct += (answers.detach().argmax(1) == batch.labels).sum()
        return loss.detach()

    def _batch(self, size: int) -> _Batch:
        """The buffers for batches of this size: two sizes occur, the usual and the last."""
        if size not in self._batches:
            self._batches[size] = _Batch(
                self._images.new_empty((size, *self._images.shape[1:]), dtype=torch.float32),
                self._labels.new_empty(size),
            )
        return self._batches[size]

    def _advance(self, loss: Tensor | float) -> None:
        if self._scheduler is None:
            return
        try:
            plateau = isinstance(self._scheduler, ReduceLROnPlateau)
            # Reading a loss waits for the device, so only who needs it reads it.
            resolve.advance(self._scheduler, float(loss) if plateau else 0.0)
        except Exception as error:  # OneCycleLR counts its steps, and others divide
            raise resolve.RecipeError(f"scheduler: {error}") from None

    def save(self, epoch: int) -> bytes:
        """All that training goes on from after an epoch, as safetensors."""
        optimizer = self._optimizer.state_dict()
        tensors = {f"network.{k}": v for k, v in self._network.state_dict().items()}
        for number, state in optimizer["state"].items():
            for key, value in state.items():
                if isinstance(value, Tensor):
                    tensors[f"optimizer.{number}.{key}"] = value
        rest = {
            "epoch": epoch,
            "groups": optimizer["param_groups"],
            "numbers": {
                number: {k: v for k, v in state.items() if not isinstance(v, Tensor)}
                for number, state in optimizer["state"].items()
            },
            "scheduler": _plain_state(self._scheduler),
        }
        tensors["rest"] = torch.frombuffer(bytearray(json.dumps(rest).encode()), dtype=torch.uint8)
        return safetensors.torch.save({name: t.contiguous() for name, t in tensors.items()})

    def restore(self, saved: bytes) -> None:
        """Go on from what `save` wrote.

        Raises:
            ValueError: if it was written by another training or is damaged.
        """
        tensors, rest = _parse(saved)
        network = {name: t for name, t in tensors.items() if name.startswith("network.")}
        state = {int(number): dict(values) for number, values in rest["numbers"].items()}
        for name in tensors.keys() - network.keys():
            _, number, key = name.split(".", 2)
            state[int(number)][key] = tensors[name]
        self._network.load_state_dict({n.partition(".")[2]: t for n, t in network.items()})
        self._optimizer.load_state_dict({"state": state, "param_groups": rest["groups"]})
        if self._scheduler is not None:
            self._scheduler.load_state_dict(rest["scheduler"])


def saved_epoch(saved: bytes) -> int:
    """The number of the epoch after which a state was saved.

    Raises:
        ValueError: if it is damaged.
    """
    return int(_parse(saved)[1]["epoch"])


def _parse(saved: bytes) -> tuple[dict[str, Tensor], dict[str, Any]]:
    try:
        tensors = safetensors.torch.load(saved)
        return tensors, json.loads(bytes(tensors.pop("rest").tolist()))
    except (safetensors.SafetensorError, KeyError) as error:
        raise ValueError(f"not a saved state of training: {error}") from None


def _plain_state(scheduler: Any) -> dict[str, Any] | None:
    """A scheduler's state, less what its constructor makes again from the recipe."""
    if scheduler is None:
        return None
    return {
        key: value
        for key, value in scheduler.state_dict().items()
        if isinstance(value, int | float | str | list | None)
    }


def _derived(seed: int, epoch: int) -> int:
    """A seed for one epoch of a run, 63 bits."""
    digest = hashlib.sha256(f"{seed} epoch {epoch}".encode()).digest()
    return int.from_bytes(digest[:8], "big") >> 1
