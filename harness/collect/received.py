"""Takes the probe's frames: what the process of a notebook tells, checked, training by training.

Nothing here is true yet, but all of it is well-formed and bounded, and stands in the order in
which a probe sends it. Must not know how weights are measured, nor rubrics.
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass, field, replace
from typing import Any

from pydantic_core import from_json

from harness import frames
from harness.collect import untrusted
from harness.collect.untrusted import MAX_JSON, Read
from harness.frames import Kind
from harness.recipe import MAX_EPOCHS

MAX_RUNS = 64
"""Trainings of one notebook; a sweep has some 14."""

MAX_STEPS = 1_000_000
"""Entries for optimiser steps in one notebook; 15 such epochs have 900,000."""

MAX_RECIPE = 20_000
"""Characters of a recipe as JSON; the longest are lists of milestones."""

MAX_NUMBER = 10**12
"""No honest count is larger, and a sum of these is still exact as a float."""

MAX_KEPT = 2**31
"""Bytes of networks, and of weights that wait to be measured."""

MAX_CELLS = 2_000

SOURCES = ("test", "train", "unknown")


class Malformed(ValueError):
    """What the notebook's process sent is none of ours; says what."""


@dataclass
class Told:
    """What was told of one training."""

    begun: frames.ObservedRun
    definition: bytes = b""
    tensors: bytes = b""
    fault: frames.Fault | None = None
    """Why there is no definition."""
    packed: bytes = b""
    epochs: list[frames.ObservedEpoch] = field(default_factory=list)
    weights: list[bytes] = field(default_factory=list)
    """Of each epoch, empty once it is measured; the last one's may not have come."""
    beyond: int = 0
    """Epochs that were not kept, because there were too many."""
    tests: list[frames.SeenTest] = field(default_factory=list)
    swapped: bool = False
    """Whether other weights stood in the trained ones' place at the end, such as a checkpoint."""

    @property
    def kept(self) -> int:
        """Bytes that lie in memory."""
        held = (self.definition, self.tensors, self.packed, *self.weights)
        return sum(map(len, held))


class Received:
    """What a notebook's process has told so far."""

    def __init__(self) -> None:
        self.trainings: list[Told] = []
        self.shims: list[str] = []
        self.cells: list[frames.Cell] = []
        self.executed = b""
        self._awaited: tuple[Told, frames.ObservedEpoch] | None = None
        """The epoch whose weights come next."""
        self._steps = 0

    def take(self, kind: Kind, payload: bytes) -> None:
        """Take one frame.

        Raises:
            Malformed: if it is not what it should be, or stands in a wrong place.
        """
        match kind:
            case Kind.RUN:
                self._begin(_read(frames.ObservedRun, payload))
            case Kind.DEFINITION:
                if len(payload) > MAX_JSON:
                    raise Malformed(f"a definition of {len(payload):,} bytes")
                self._handing_over(kind).definition = payload
            case Kind.TENSORS:
                if not self._last(kind).definition or self._last(kind).tensors:
                    raise Malformed("tensors without a definition")
                self._last(kind).tensors = payload
            case Kind.FAULT:
                self._handing_over(kind).fault = _read(frames.Fault, payload)
            case Kind.PACKED:
                told = self._last(kind)
                if not (told.fault or told.tensors) or told.packed or told.epochs:
                    raise Malformed("a packed model that belongs to no network")
                told.packed = payload
            case Kind.EPOCH:
                self._end_epoch(_read(frames.ObservedEpoch, payload))
            case Kind.WEIGHTS:
                self._weigh(payload)
            case Kind.SEEN:
                self._see(_read(frames.SeenTest, payload))
            case Kind.SHIM:
                shim = _read(frames.Shim, payload)
                line = f"{shim.name}: {shim.told}"[:300]
                if line not in self.shims and len(self.shims) < 100:
                    self.shims.append(line)
            case Kind.CELL:
                cell = _read(frames.Cell, payload)
                if len(self.cells) == MAX_CELLS:
                    raise Malformed(f"more than {MAX_CELLS:,} cells")
                short = {"error": cell.error[:500], "traceback": cell.traceback[-4000:]}
                self.cells.append(replace(cell, **short))  # type: ignore[arg-type]
            case Kind.EXECUTED:
                self.executed = payload
            case _:
                raise Malformed(f"a frame of kind {kind.name} in the middle")
        if sum(told.kept for told in self.trainings) > MAX_KEPT:
            raise Malformed(f"more than {MAX_KEPT:,} bytes of networks and weights")

    def _begin(self, begun: frames.ObservedRun) -> None:
        if begun.run != len(self.trainings) + 1:
            raise Malformed(f"run {begun.run} after run {len(self.trainings)}")
        if begun.run > MAX_RUNS:
            raise Malformed(f"more than {MAX_RUNS} trainings")
        if len(begun.image) > 8:
            raise Malformed(f"images of {len(begun.image)} dimensions")
        if begun.declared_epochs is not None and begun.declared_epochs < 1:
            begun = replace(begun, declared_epochs=None)
        self.trainings.append(Told(replace(begun, network=begun.network[:100])))

    def _last(self, kind: Kind) -> Told:
        if not self.trainings:
            raise Malformed(f"{kind.name} before any training")
        return self.trainings[-1]

    def _handing_over(self, kind: Kind) -> Told:
        """The training that has just begun: a network is handed over once, before any epoch.

        Otherwise one network could be measured, and another be counted.
        """
        told = self._last(kind)
        if told.definition or told.fault or told.epochs:
            raise Malformed(f"a second network of run {told.begun.run}")
        return told

    def _numbered(self, number: int) -> Told:
        if not 1 <= number <= len(self.trainings):
            raise Malformed(f"run {number} of {len(self.trainings)}")
        return self.trainings[number - 1]

    def _end_epoch(self, epoch: frames.ObservedEpoch) -> None:
        told = self._numbered(epoch.run)
        if self._awaited:
            raise Malformed(f"epoch {self._awaited[1].number} without weights")
        if epoch.number != len(told.epochs) + told.beyond + 1:
            raise Malformed(f"epoch {epoch.number} after epoch {len(told.epochs) + told.beyond}")
        self._steps += len(epoch.steps)
        if self._steps > MAX_STEPS:
            raise Malformed(f"more than {MAX_STEPS:,} kinds of steps")
        if len(json.dumps(vars(epoch.recipe))) > MAX_RECIPE:
            raise Malformed(f"a recipe of more than {MAX_RECIPE:,} characters")
        if told.epochs and told.epochs[-1].last:
            raise Malformed(f"epoch {epoch.number} after the last")
        stepped = all(steps.count > 0 and steps.samples >= 0 for steps in epoch.steps)
        if epoch.samples < (0 if epoch.last else 1) or epoch.by_hand < 0 or not stepped:
            raise Malformed(f"epoch {epoch.number} of {epoch.samples:,} samples")
        if epoch.correct is not None and not 0 <= epoch.correct <= epoch.samples:
            epoch = replace(epoch, correct=None)
        self._awaited = told, epoch
        if epoch.samples and epoch.number > MAX_EPOCHS:  # a small batch, learnt by heart to try
            told.beyond += 1
        elif epoch.samples:
            told.epochs.append(epoch)

    def _weigh(self, payload: bytes) -> None:
        if self._awaited is None:
            raise Malformed("weights without an epoch")
        (told, epoch), self._awaited = self._awaited, None
        if epoch.number > MAX_EPOCHS:
            return
        if epoch.samples:
            told.weights.append(payload)
        else:  # nothing was trained on the way to these
            told.swapped = True

    def _see(self, test: frames.SeenTest) -> None:
        told = self._numbered(test.run)
        if len(told.tests) > 10 * MAX_EPOCHS:
            return  # it tests every few steps
        if any(seen.source not in SOURCES for seen in test.seen):
            raise Malformed(f"tested images are one of {', '.join(SOURCES)}")
        possible = [seen for seen in test.seen if 0 <= seen.correct <= seen.of and seen.of]
        told.tests.append(replace(test, seen=possible[:10]))


def _read(form: type[Read], payload: bytes) -> Read:
    if len(payload) > MAX_JSON:
        raise Malformed(f"a {form.__name__} of {len(payload):,} bytes")
    try:
        return untrusted.checked(form, _standard(from_json(payload)))
    except ValueError as error:
        raise Malformed(f"a {form.__name__}: {error}") from None


def _standard(parsed: Any) -> Any:
    """The same as standard JSON can hold it: None for NaN and infinity, as a diverged loss is."""
    if isinstance(parsed, dict):
        return {key: _standard(value) for key, value in parsed.items()}
    if isinstance(parsed, list):
        return [_standard(value) for value in parsed]
    if isinstance(parsed, float) and not math.isfinite(parsed):
        return None
    if isinstance(parsed, int) and abs(parsed) > MAX_NUMBER:
        raise ValueError(f"a number over {MAX_NUMBER:,}")
    return parsed
