"""Times the networks of a submission on this machine: an epoch of each, and its answers.

Must not know why anybody asks, nor write evidence.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from typing import TYPE_CHECKING

from harness.collect import notebooks
from harness.collect.collect import defined
from harness.collect.define import Task
from harness.collect.workshop import Workshop, bench_of
from harness.evidence import Machine, Step
from harness.submission import Submission

if TYPE_CHECKING:
    from harness.collect.bench import OnBench


class Timing:
    """The networks of a submission, to be timed one after another.

    Whatever it is asked raises what `OnBench` raises, and `data.DataError` or
    `device.NoDeviceError` if images or device are missing.
    """

    def __init__(self, submission: Submission, task: Task, workshop: Workshop) -> None:
        self._submission, self._task, self._workshop = submission, task, workshop

    @cached_property
    def steps(self) -> list[Step]:
        """Its steps, as far as they are known without running a notebook."""
        definitions = iter(defined(self._submission, self._task, self._workshop))
        steps: list[Step] = []
        for source in self._submission.steps:
            if not source.is_notebook:
                steps.append(next(definitions))
                continue
            known = notebooks.known(source, self._submission, self._task, self._workshop)
            known = known or [notebooks.bare(source, self._workshop.sandbox.wall.name)]
            steps += [step.counting(self._task.counts) for step in known]
        return steps

    @property
    def machine(self) -> Machine:
        """Where it is timed."""
        return bench_of(self._task.dataset, self._workshop).machine

    def epochs(self, step: Step, rounds: int) -> list[float]:
        """Seconds of one epoch's training and evaluation, each time from a small part of both."""
        assert step.recipe is not None
        with self._on_bench(step) as network:
            return network.seconds_an_epoch(step.recipe, rounds)

    def answers(self, step: Step, images: int, rounds: int) -> list[float]:
        """Seconds of the answers to so many images, which lie on the device already."""
        assert step.recipe is not None
        with self._on_bench(step) as network:
            return network.seconds_to_answer(step.recipe, images, rounds)

    @contextmanager
    def _on_bench(self, step: Step) -> Iterator[OnBench]:
        handed_over = self._workshop.store.definition(step.handed_in)
        assert handed_over is not None
        with bench_of(self._task.dataset, self._workshop).network(handed_over) as network:
            yield network
