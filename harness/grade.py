"""Joins the three stages for one submission, and is all that does.

Must not know commands, nor what any of the stages does.
"""

from __future__ import annotations

import sys
import traceback
from collections.abc import Callable, Collection, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path, PurePosixPath

from harness import data, printed, submission
from harness.audit import Audit
from harness.collect.collect import Progress, collect
from harness.collect.define import Task
from harness.collect.plan import Plan, plan
from harness.collect.timing import Timing
from harness.collect.workshop import Workshop
from harness.evidence import Evidence, Fault
from harness.gradebook import gradebook
from harness.judge.audit import audit as hold_against
from harness.judge.judge import judge
from harness.overrides import Override
from harness.report import document, gradebook_csv, markdown
from harness.roster import Learner
from harness.rubric import Rubric
from harness.scorecard import Scorecard
from harness.store import Store, write

CLASS_FILES = INDEX, GRADEBOOK = "index.html", "gradebook.csv"
"""Beside the folders of a class's submissions."""


def grade(
    path: Path,
    rubric: Rubric,
    workshop: Workshop,
    told: Callable[[Progress], None],
    overrides: Sequence[Override] = (),
    replay: bool = False,
    name: str = "",
    learner: Learner | None = None,
    final_step: bool = False,
) -> Scorecard:
    """Collect a submission's evidence and judge it.

    Whatever goes wrong becomes a fault with an owner, so that the next submission is graded.

    Args:
        path: a folder or archive of steps, or a single step.
        rubric: what is asked.
        workshop: where it is measured.
        told: called after every epoch.
        overrides: what a person awards.
        replay: whether notebooks are stopped once their schedule is known, and trained here.
        name: under which it is reported; that of the path if left out.
        learner: who handed it in, and when.
        final_step: whether only the final step is trained, once; of the others all is judged that
            needs no training.

    Raises:
        FileNotFoundError: if there is no such path: the caller's mistake, nobody's fault.
    """
    seeds = 1 if final_step else rubric.seeds
    task = replace(_task(rubric, seeds, replay), final_step=final_step)
    evidence = _observe(path, task, workshop, told, name)
    if final_step:
        rubric, overrides = _of_final_step(rubric, overrides, evidence)
    return judge(rubric, evidence, overrides, learner)


def check(path: Path, rubric: Rubric, workshop: Workshop, name: str = "") -> Scorecard:
    """Observe a submission without training it, and judge what can be judged so.

    Each network takes a few optimiser steps on a small sample, to show that it learns at all.

    Raises:
        FileNotFoundError: if there is no such path.
    """
    evidence = _observe(path, _task(rubric, seeds=0), workshop, lambda told: None, name)
    return judge(without_training(rubric), evidence)


def audit(path: Path, rubric: Rubric) -> Audit:
    """What a rubric makes of the figures that a submission printed; nothing is run or measured.

    Raises:
        FileNotFoundError: if there is no such path.
        OSError: if the machine cannot read it.
    """
    if not path.exists():
        raise FileNotFoundError(path)
    dataset = data.DATASETS[rubric.dataset]
    return hold_against(submission.name_of(path), rubric, printed.read(path), dataset)


def dry_run(path: Path, rubric: Rubric, workshop: Workshop) -> list[Plan]:
    """What a grade of a submission would train, and how long it would take here.

    Raises:
        FileNotFoundError: if there is no such path.
        submission.SubmissionError: if there is no step in it.
        RuntimeError: if images or device are missing.
    """
    if not path.exists():
        raise FileNotFoundError(path)
    return plan(submission.find(path), _task(rubric, rubric.seeds), workshop)


def timing(path: Path, rubric: Rubric, workshop: Workshop) -> Timing:
    """The networks of a submission, to be timed; nothing is graded.

    Raises:
        FileNotFoundError: if there is no such path.
        submission.SubmissionError: if there is no step in it.
    """
    if not path.exists():
        raise FileNotFoundError(path)
    return Timing(submission.find(path), _task(rubric, rubric.seeds), workshop)


def without_training(rubric: Rubric) -> Rubric:
    """The rubric less the checks that judge trained networks."""
    checks = [check for check in rubric.checks if "runs" not in check.needs]
    return rubric.model_copy(update={"checks": checks})


def _of_final_step(
    rubric: Rubric, overrides: Sequence[Override], evidence: Evidence
) -> tuple[Rubric, Sequence[Override]]:
    """The rubric with one run of the final step: what judges the training of others judges that.

    What a person awards for the training of another step has no mark then.
    """
    narrowed = {
        check.name: check.model_copy(update={"scope": "final step"})
        for check in rubric.checks
        if check.scope == "every step" and "runs" in check.needs
    }
    checks = [narrowed.get(check.name, check) for check in rubric.checks]
    trained = {step.name for step in evidence.steps[-1:]}
    left = [one for one in overrides if one.check not in narrowed or one.step in trained]
    return rubric.model_copy(update={"checks": checks, "seeds": 1}), left


def write_reports(scorecard: Scorecard, out: Path, store: Store | None = None) -> None:
    """Write `report.json`, `report.md` and `report.html` into a folder of the submission's own.

    Args:
        scorecard: what to report.
        out: where the submission's folder is made.
        store: of which executed notebooks are copied, for people to look at.
    """
    from harness.report import page  # draws charts, and nothing else here needs what draws them

    folder = out / scorecard.evidence.submission
    for step in scorecard.evidence.steps if store else []:
        if store and step.executed and (executed := store.executed(step.executed)):
            # Folders may hold notebooks of one name; several steps may be of one notebook.
            place = PurePosixPath(step.name)
            beside = folder / "executed" / place.parent
            # What was handed in may lie here, and a link in it lead to the files of others.
            if beside.resolve() == folder.resolve() / "executed" / place.parent:
                with suppress(OSError):  # a path too long for this folder: it is only to look at
                    write(beside / f"{place.stem}.ipynb", executed)
    write(folder / "report.json", document.render(scorecard).encode())
    write(folder / "report.md", markdown.render(scorecard).encode())
    write(folder / "report.html", page.render(scorecard).encode())


def write_class(scorecards: Sequence[Scorecard], out: Path, starters: Collection[str] = ()) -> None:
    """Write `index.html` and `gradebook.csv`, beside the folders of a class's submissions.

    Args:
        scorecards: of the class, by one rubric.
        out: where `write_reports` made their folders.
        starters: names of submissions that are starter code.
    """
    from harness.report import index  # it draws, and one submission's grade need not wait for that

    book = gradebook(scorecards, starters)
    write(out / INDEX, index.render(book).encode())
    cards = [row.scorecard for row in book.rows]
    write(out / GRADEBOOK, gradebook_csv.render(cards).encode())


def exit_code(scorecards: list[Scorecard], missing: bool) -> int:
    """The exit code of a whole grade.

    Args:
        scorecards: all submissions'.
        missing: whether a path was given that does not exist.
    """
    if any(card.verdict == "not graded" for card in scorecards):
        return 4
    if missing:
        return 2
    if any(_nothing_observed(card.evidence) for card in scorecards):
        return 3
    return int(any(card.verdict == "failed" for card in scorecards))


def _task(rubric: Rubric, seeds: int, replay: bool = False) -> Task:
    return Task(rubric.dataset, rubric.recipe, seeds, replay, rubric.counts, tuple(rubric.packages))


def _observe(
    path: Path, task: Task, workshop: Workshop, told: Callable[[Progress], None], name: str
) -> Evidence:
    if not path.exists():
        raise FileNotFoundError(path)
    try:
        found = submission.find(path)
        return collect(replace(found, name=name or found.name), task, workshop, told)
    except submission.SubmissionError as error:
        fault = Fault(owner="submission", stage="reading", message=str(error))
    except OSError as error:
        fault = Fault(owner="machine", stage="reading", message=str(error))
    except Exception as error:  # a gap of ours must not cost the rest of the class its grades
        lines = "".join(traceback.format_exception(*sys.exc_info()))
        message = f"{type(error).__name__}: {error}"
        fault = Fault(owner="harness", stage="collecting", message=message, traceback=lines[-4000:])
    dataset = data.DATASETS[task.dataset]
    name = name or submission.name_of(path)
    return Evidence(submission=name, dataset=dataset, steps=[], fault=fault)


def _nothing_observed(evidence: Evidence) -> bool:
    return all(step.fault for step in evidence.steps)
