"""Where submissions are observed: all that may differ between machines and not between results.

Must not know submissions or tasks.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from harness import data
from harness.collect import session
from harness.collect.sandbox import walls
from harness.collect.sandbox.child import Limits
from harness.collect.sandbox.launch import Wall
from harness.store import Store

if TYPE_CHECKING:
    from harness.collect.bench import Bench


@dataclass(frozen=True)
class Workshop:
    """The store, the images, a device, and what submitted code may use."""

    store: Store
    data: Path
    """The folder of the data sets."""
    device: str = "auto"
    limits: Limits = field(default_factory=Limits)
    """Of a model definition's code."""
    notebook: session.Limits = field(default_factory=session.Limits)
    """Of a notebook that trains."""
    wall: Wall = field(default_factory=walls.best)
    """Around submitted code: the best that works here, unless somebody chooses otherwise."""

    @property
    def sandbox(self) -> walls.Sandbox:
        """What submitted code runs in: it sees neither the images nor the store."""
        return walls.Sandbox(self.wall, (self.data, self.store.root))

    @cached_property
    def benches(self) -> dict[str, Bench]:
        """Data sets on the device, loaded once each."""
        return {}


def bench_of(dataset: str, workshop: Workshop) -> Bench:
    """The bench with a data set's images, which are loaded once."""
    from harness.collect.bench import bench

    if dataset not in workshop.benches:
        images = data.load(dataset, workshop.data)
        workshop.benches[dataset] = bench(workshop.device, images, workshop.store, workshop.wall)
    return workshop.benches[dataset]
