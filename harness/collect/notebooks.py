"""Collects what a notebook is and reaches: runs it once, observed, and cuts it into steps.

Must not know the rubric's checks, nor how anything is measured.
"""

from __future__ import annotations

import hashlib
import json
import re
import traceback
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from importlib.util import find_spec
from itertools import groupby
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

from harness import data, evidence, frames, notebook, notes, reading
from harness.collect import session
from harness.collect.define import Task
from harness.collect.sandbox.child import ChildFailed, ChildNotStarted
from harness.collect.workshop import Workshop, bench_of
from harness.evidence import Fault, Run, Step
from harness.folder import is_notebook, is_readme
from harness.store import digest
from harness.submission import Source, Submission

if TYPE_CHECKING:
    from harness.collect.observe import Observer, Training
    from harness.data import Images

PROBE = 5
"""Raised by hand when the probe or the shims change what a notebook comes to; notebooks are then
run anew."""

CHECKED = session.Limits(cell_seconds=300, seconds=600)
"""What a notebook may use in a check: usually it takes a few seconds, on a busy machine minutes."""

CHECK_SECONDS = 15.0
"""Seconds after which a check stops a training: small networks need less for all of their epochs,
and of a network of millions of parameters the rest would show nothing new."""

STOP_AFTER = 2
"""Epochs that are observed before a training is stopped: the second shows what the schedule
does."""


def observe(
    source: Source,
    submission: Submission,
    task: Task,
    workshop: Workshop,
    told: Callable[[Run], None],
) -> list[Step]:
    """The steps of a notebook: usually one, several where it trains several classes.

    Args:
        source: the notebook.
        submission: what it was handed in with.
        task: what to observe; without seeds the notebook runs on a small sample, and nothing of
            what it reaches is kept.
        workshop: where.
        told: called after every epoch.
    """
    stop_after = STOP_AFTER if task.replay and task.seeds else None
    steps = _stored(source, submission, task, workshop, told, stop_after)
    if stop_after and any(run.observed and run.observed.unreplayable for run in _runs(steps)):
        return _stored(source, submission, task, workshop, told, None)
    return steps


def known(
    source: Source, submission: Submission, task: Task, workshop: Workshop
) -> list[Step] | None:
    """The steps of a notebook that was run before; None if it would have to be run."""
    stop_after = STOP_AFTER if task.replay and task.seeds else None
    sandbox = workshop.sandbox.wall.name
    return workshop.store.observation(_key(source, submission, task, stop_after, sandbox))


def bare(source: Source, sandbox: str, fault: Fault | None = None) -> Step:
    """A notebook's step before anything is known of it but its file, and the wall around it."""
    return Step(
        name=source.name,
        notes=notes.Notes(),
        source=digest(source.content),
        handed_in="",
        integrity="observed" if sandbox else "advisory",
        sandbox=sandbox,
        fault=fault,
    )


def _runs(steps: list[Step]) -> list[Run]:
    return [run for step in steps for run in step.observed]


def _stored(
    source: Source,
    submission: Submission,
    task: Task,
    workshop: Workshop,
    told: Callable[[Run], None],
    stop_after: int | None,
) -> list[Step]:
    """The steps as the store has them, or from a run of the notebook."""
    key = _key(source, submission, task, stop_after, workshop.sandbox.wall.name)
    steps = workshop.store.observation(key)
    if steps is None:
        attempt = _Attempt(source, submission, task, workshop, key, stop_after)
        steps, executed = attempt.steps(told)
        if not any(step.fault and step.fault.owner != "submission" for step in steps):
            workshop.store.write_observation(key, steps, executed)
    return [_read(step, source, submission) for step in steps]


def _key(
    source: Source, submission: Submission, task: Task, stop_after: int | None, sandbox: str
) -> str:
    """Names an observation: a digest of all that decides what is seen."""
    decisive = [
        evidence.ENGINE,
        evidence.RULES,
        frames.FORMAT,
        PROBE,
        source.name,
        submission.place,
        _code(source.name, source.content),
        [(name, _code(name, submission.files[name])) for name in sorted(submission.files)],
        data.DATASETS[task.dataset].identity,
        bool(task.seeds),
        stop_after,
        sandbox,
    ]
    return hashlib.sha256(json.dumps(decisive).encode()).hexdigest()


def _code(name: str, content: bytes) -> str:
    """A digest of what can run: words and stored outputs may change without a new run."""
    if is_readme(name):
        return ""
    if is_notebook(name):
        with suppress(notebook.NotebookError):
            cells = notebook.read(content)
            code = [cell.source if cell.kind == "code" else "" for cell in cells]
            content = json.dumps(code).encode()
    return digest(content)


def _read(step: Step, source: Source, submission: Submission) -> Step:
    """A step with what is written about it, which is read anew each time."""
    part = range(*step.part) if step.part else None
    return step.model_copy(update=vars(reading.read(submission, source, part, step.trained)))


@dataclass(frozen=True)
class _Attempt:
    """One run of a notebook, from what it is served to the steps that it comes to."""

    source: Source
    submission: Submission
    task: Task
    workshop: Workshop
    key: str
    stop_after: int | None

    def steps(self, told: Callable[[Run], None]) -> tuple[list[Step], bytes]:
        """The steps, and the executed notebook."""
        if not session.POSSIBLE:
            message = "notebooks run on Linux and macOS; on Windows use WSL"
            return [
                self._step(fault=Fault(owner="machine", stage="notebook", message=message))
            ], b""
        from harness.collect.device import NoDeviceError

        try:
            observer, ended = self._observed(told)
            return self._cut(observer, ended), observer.received.executed
        except (ChildNotStarted, data.DataError, NoDeviceError, OSError, MemoryError) as error:
            fault = Fault(owner="machine", stage="notebook", message=str(error))
        except Exception as error:  # a gap of ours must not cost the other notebooks their grades
            fault = Fault(
                owner="harness",
                stage="notebook",
                message=f"{type(error).__name__}: {error}",
                traceback="".join(traceback.format_exception(error))[-4000:],
            )
        return [self._step(fault=fault)], b""

    def _observed(self, told: Callable[[Run], None]) -> tuple[Observer, Fault | None]:
        """All that the probe sent, and why the notebook ended early, if it did."""
        from harness.collect import observe, served
        from harness.collect.received import Malformed

        name = self.task.dataset
        checking = not self.task.seeds
        if checking and data.missing(name, self.workshop.data):
            name = "digits"  # a check measures nothing, and needs no download
        bench = bench_of(name, self.workshop)
        if checking:
            bench = replace(bench, images=served.sample(bench.images))
        observer = observe.Observer(bench, self.key, told if not checking else lambda run: None)
        limits = CHECKED if checking else self.workshop.notebook
        place = PurePosixPath(self.source.name)
        checkout = {PurePosixPath(n): content for n, content in self.submission.files.items()}
        ended = ""
        try:
            served_files = self._served(bench.images)
            sandbox = self.workshop.sandbox
            order = self._order()
            for frame in session.run(place, checkout, served_files, order, limits, sandbox):
                observer.take(*frame)
        except ChildFailed as failure:
            ended = str(failure)
        except Malformed as error:
            ended = f"what its process sent cannot be read: {error}"
        try:
            observer.finish()
            observer.ask(place, checkout, self.workshop.sandbox)
        except Malformed as error:
            ended = ended or f"what its process sent cannot be read: {error}"
        fault = Fault(owner="submission", stage="notebook", message=ended) if ended else None
        return observer, fault

    def _order(self) -> frames.Order:
        origin = data.ORIGINS.get(self.task.dataset)
        dataset = data.DATASETS[self.task.dataset]
        sizes = [dataset.train_size, dataset.test_size]
        return frames.Order(
            dataset=origin.torchvision if origin else "MNIST",
            sizes=sizes,
            stop_after=self.stop_after if self.task.seeds else STOP_AFTER,
            stop_seconds=0 if self.task.seeds else CHECK_SECONDS,
            folder=self.submission.place,
        )

    def _served(self, images: Images) -> dict[str, bytes]:
        """The files of the data set that the notebook gets."""
        from harness.collect import served

        decoy, labels = served.decoy(self.task.dataset, images, self.workshop.data)
        return served.files(
            (images.train.cpu(), images.train_labels.cpu()), (decoy.cpu(), labels.cpu())
        )

    # Steps ---------------------------------------------------------------------------------

    def _cut(self, observer: Observer, ended: Fault | None) -> list[Step]:
        """A step for each class that was trained; one, with its fault, where none was."""
        groups = [list(group) for _, group in groupby(observer.trainings, key=_class_of)]
        # A search for a learning rate, whose weights are thrown away, makes no step.
        whole = [[t for t in group if t.told.epochs] for group in groups]
        whole = [group for group in whole if group] or groups[-1:]
        shared: dict[str, Any] = {
            "shims": observer.received.shims,
            "executed": self.key,
        }
        failed = [cell for cell in observer.received.cells if self._counts(cell)]
        faults = [self._fault_of(cell) for cell in failed]
        if lacking := [fault for fault in faults if fault.owner == "machine"]:
            return [self._step(fault=lacking[0], **shared)]
        if not whole:
            shared["failed_cells"] = [_failed(cell) for cell in failed]
            return [self._step(fault=self._nothing(observer, ended), **shared)]
        parts: list[tuple[int, int] | None] = [None]
        if len(whole) > 1:
            cells = notebook.read(self.source.content)
            ends = [(group[0].told.begun, group[-1].told.begun) for group in whole]
            runs = [(first.defined, first.cell, last.cell) for first, last in ends]
            parts = [(part.start, part.stop) for part in notebook.parts(cells, runs)]
        steps = []
        for number, (group, part) in enumerate(zip(whole, parts, strict=True), 1):
            about = shared | {"part": part, "trained": group[-1].told.begun.cell}
            own = [cell for cell in failed if part is None or cell.cell in range(*part)]
            about["failed_cells"] = [_failed(cell) for cell in own]
            if len(whole) > 1:
                about["name"] = f"{self.source.name} ({number})"
            last = number == len(whole)
            steps.append(self._trained(group, observer, ended if last else None, about))
        return steps

    def _trained(
        self,
        group: list[Training],
        observer: Observer,
        ended: Fault | None,
        about: dict[str, Any],
    ) -> Step:
        """The step of a class and all its trainings."""
        runs = []
        for training in group:
            if training.candidate is not None and training.network is not None:
                told = training.told
                self.workshop.store.write_definition(
                    observer.name(training), told.definition, told.tensors, training.network
                )
            broken = self._broken(training, observer) or (ended if training is group[-1] else None)
            run = observer.run(training, broken)
            if self.stop_after and run.observed and not run.fault and not run.complete:
                stopped = run.observed.model_copy(update={"stopped": True})
                run = run.model_copy(update={"observed": stopped})
            runs.append(run)
        step = self._step(observed=runs, **about)
        if step.sandbox and any(run.observed and run.observed.answered for run in runs):
            step = step.model_copy(update={"integrity": "answered"})
        if not self.task.seeds:
            # A check shows what the notebook is; what a small sample reaches says nothing.
            step = step.counting("last").model_copy(update={"observed": [], "runs": []})
            fault = group[-1].fault or runs[-1].fault
        else:
            fault = group[-1].fault
        return step.model_copy(update={"fault": fault})

    def _broken(self, training: Training, observer: Observer) -> Fault | None:
        """The error that broke a training off."""
        if self._may_stop and len(training.epochs) >= STOP_AFTER:
            return None
        declared = training.told.begun.declared_epochs
        if declared is None or len(training.told.epochs) >= declared:
            return None
        cell = next(
            (c for c in observer.received.cells if c.cell == training.told.begun.cell and c.error),
            None,
        )
        return self._fault_of(cell) if cell else None

    def _nothing(self, observer: Observer, ended: Fault | None) -> Fault:
        """Why no training was seen."""
        if ended:
            return ended
        failed = next((cell for cell in observer.received.cells if cell.error), None)
        if failed:
            return self._fault_of(failed)
        message = (
            "it trains no network that takes images and answers with ten scores; "
            "does it call its own training?"
        )
        return Fault(owner="submission", stage="notebook", message=message)

    def _counts(self, cell: frames.Cell) -> bool:
        """Whether a cell failed, and not because enough was seen of its training."""
        return bool(cell.error) and not (self._may_stop and "TrainingStopped" in cell.error)

    @property
    def _may_stop(self) -> bool:
        """Whether a training was ended early, as it is to be replayed or was only to be checked."""
        return self.stop_after is not None or not self.task.seeds

    def _fault_of(self, cell: frames.Cell) -> Fault:
        lacking = re.match(r"ModuleNotFoundError: No module named '(\w+)", cell.error)
        if lacking and lacking[1] in self.task.packages and find_spec(lacking[1]) is None:
            message = (
                f"the rubric promises the package {lacking[1]}, which is not installed here; "
                f"`pip install {lacking[1]}`, and grade again"
            )
            return Fault(owner="machine", stage="notebook", message=message)
        return Fault(
            owner="submission",
            stage="notebook",
            message=_failed(cell),
            line=cell.line,
            traceback=cell.traceback[-4000:],
        )

    def _step(self, fault: Fault | None = None, **shared: Any) -> Step:
        bare_step = bare(self.source, self.workshop.sandbox.wall.name, fault)
        return bare_step.model_copy(update={"handed_in": self.key} | shared)


def _class_of(training: Training) -> tuple[int | None, str, int]:
    """What tells the class of a training from others; several modules may each hold a Net."""
    begun = training.told.begun
    network = training.network if begun.defined is None else None
    return begun.defined, begun.network, network.parameters.judged if network else 0


def _failed(cell: frames.Cell) -> str:
    return f"cell {cell.cell + 1}: {cell.error[:500]}"
