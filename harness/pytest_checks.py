"""The tests of a submission under pytest: one for each check, and what each of them says.

A check that is missed fails; where the machine or the harness is at fault its set-up does; what a
person awards, a bonus that was missed, and what was not reached are skipped. What a step could not
do at all fails in the first of its tests that hang on it. Must not know how anything is measured.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest

from harness import submission
from harness.evidence import Fault, Step
from harness.plain import name as plain
from harness.plain import printable
from harness.report import words
from harness.report.spots import spot
from harness.scorecard import Mark, Scorecard

if TYPE_CHECKING:
    from harness.pytest_grading import Grading


class Numbered(NamedTuple):
    """A step as it lies on disk."""

    number: int
    """From 1."""
    name: str
    """As `submission.Source` has it."""

    def owns(self, step: str) -> bool:
        """Whether a step of the evidence is this one: a notebook may turn out to hold several."""
        return step == self.name or step.startswith(f"{self.name} (")


def steps(path: Path) -> list[Numbered]:
    """The steps that lie at a path; none where grading will say why there are none."""
    try:
        found = submission.find(path)
    except (submission.SubmissionError, OSError):
        return []
    return [Numbered(number, source.name) for number, source in enumerate(found.steps, 1)]


def of_steps(
    parent: pytest.Collector,
    grading: Grading,
    path: Path,
    own: Iterable[Numbered],
    last: Numbered,
) -> list[pytest.Item]:
    """The tests of some steps.

    Args:
        parent: where they stand.
        grading: the run.
        path: the submission.
        own: the steps.
        last: the submission's final step.
    """
    from harness import pytest_benchmarks

    found: list[pytest.Item] = []
    for step in own:
        for check in grading.rubric.checks:
            if check.scope == "every step" or (check.scope == "final step" and step == last):
                about: dict[str, Any] = {"grading": grading, "submission": path, "step": step}
                name = f"step {step.number}: {check.name}"
                found.append(Check.from_parent(parent, name=name, check=check.name, **about))
        if grading.timed:
            found += pytest_benchmarks.of_step(parent, grading, path, step)
    return found


def of_whole(
    parent: pytest.Collector, grading: Grading, path: Path, steps: list[Numbered]
) -> list[pytest.Item]:
    """The tests of a whole submission: all that the rubric has if there is no step."""
    checks = [check.name for check in grading.rubric.checks]
    if steps:
        whole = (check for check in grading.rubric.checks if check.scope == "whole submission")
        checks = [check.name for check in whole]
    about: dict[str, Any] = {"grading": grading, "submission": path, "step": None}
    return [
        Check.from_parent(parent, name=f"submission: {name}", check=name, **about)
        for name in checks
    ]


class Check(pytest.Item):
    """One check on one step, or on the whole submission."""

    def __init__(
        self,
        *,
        grading: Grading,
        submission: Path,
        step: Numbered | None,
        check: str,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self._grading, self.submission, self._step, self._check = grading, submission, step, check
        self._missed: list[Mark] = []
        if step:
            self.extra_keyword_matches.add(f"step_{step.number}")  # -k takes no spaces

    def setup(self) -> None:
        """Grade the submission, unless another of its tests did, and see what there is to judge."""
        try:
            card = self._grading.scorecard(self.submission)
        except OSError as error:
            pytest.fail(printable(f"the machine's fault: {error}"), pytrace=False)
        marks = self._marks(card)
        self._tell(card, marks)
        if not marks:
            told = card.faults[0].message if card.faults else "other steps than were collected"
            pytest.fail(printable(f"not graded: {told}; grade it again"), pytrace=False)
        if failed := [mark for mark in marks if mark.status == "not graded"]:
            pytest.fail(self._told(failed, card), pytrace=False)
        self._missed = [m for m in marks if m.status in ("partly", "failed") and not m.bonus]
        if self._unreached(card):
            others = (item for item in self.session.items if isinstance(item, Check))
            first = next(item for item in others if self._is_beside(item) and item._unreached(card))
            if first is not self:
                why = f"{marks[0].why} ({first.name} fails for it)"
                pytest.skip(printable(f"not reached: {why}"))
        if not self._missed:
            for mark in marks:
                if mark.status == "awaiting":
                    worth = words.points(mark.out_of)
                    pytest.skip(printable(f"awaits a person: {mark.asked} ({worth} points)"))
                if mark.bonus and mark.status != "passed":
                    pytest.skip(printable(f"a bonus, missed: {mark.why}"))

    def runtest(self) -> None:
        """Fail if the check was missed."""
        if self._missed:
            told = self._told(self._missed, self._grading.scorecard(self.submission))
            pytest.fail(told, pytrace=False)

    def reportinfo(self) -> tuple[Path, int, str]:
        """Where it stands, for reports; of a line pytest knows none before it is graded."""
        shown = f"{plain(self.submission.name)}, {self.name}"
        return Path(plain(str(self.path))), 0, shown

    def _marks(self, card: Scorecard) -> list[Mark]:
        """Its mark; several where a notebook turned out to hold several steps."""
        marks = [mark for mark in card.marks if mark.check == self._check]
        if self._step is None:
            return [mark for mark in marks if not mark.step]
        return [mark for mark in marks if self._step.owns(mark.step)]

    def _is_beside(self, other: Check) -> bool:
        return (other.submission, other._step) == (self.submission, self._step)

    def _unreached(self, card: Scorecard) -> bool:
        """Whether the submission's own fault left nothing for it to judge."""
        return any(words.unreached(mark, card.evidence) for mark in self._marks(card))

    def _tell(self, card: Scorecard, marks: list[Mark]) -> None:
        """Tell JUnit's readers what the marks say."""
        told: dict[str, object] = {
            "submission": card.evidence.submission,
            "points": sum(mark.points for mark in marks),
            "out_of": sum(mark.out_of for mark in marks),
            "seeds": card.seeds,
        }
        if marks:
            told["asked"] = marks[0].asked
            told["measured"] = "; ".join(mark.measured for mark in marks)
        if own := [step for mark in marks if (step := _step_of(mark, card))]:
            told["step"] = ", ".join(step.name for step in own)
            levels = dict.fromkeys(step.counting(card.counts).integrity for step in own)
            told["integrity"] = ", ".join(levels)
        for key, value in told.items():
            shown = printable(value) if isinstance(value, str) else value
            self.user_properties.append((key, shown))

    def _told(self, marks: list[Mark], card: Scorecard) -> str:
        """What marks say, a paragraph each."""
        return "\n\n".join("\n".join(self._lines(mark, card)) for mark in marks)

    def _lines(self, mark: Mark, card: Scorecard) -> list[str]:
        step = _step_of(mark, card)
        faults = words.faults_of(step) if step else [card.evidence.fault]
        unreached = faults[0] if words.unreached(mark, card.evidence) else None
        lines = [mark.why or "missed", f"asked: {mark.asked}"]
        if mark.measured:
            lines.append(f"measured: {mark.measured}")
        lines.append(f"points: {words.worth(mark)}")
        if step:
            lines.append(f"at: {self._place(step, unreached, mark)}")
        lines += [f"for a person: {sentence}" for sentence in mark.review]
        shown = list(map(printable, lines))  # a line each, whatever a learner wrote
        if unreached:
            shown += [f"  {printable(line)}" for line in unreached.traceback.splitlines()[-10:]]
        return shown

    def _place(self, step: Step, unreached: Fault | None, mark: Mark) -> str:
        """The learner's file and line, as editors open it."""
        broken = unreached and unreached.line
        file, line = (step.name, broken) if broken else spot(mark, step)
        path = self.path / file if self.path.is_dir() else self.path
        shown = os.path.relpath(path, self.config.invocation_params.dir)
        shown += "" if path.name == file else f", {file}"
        return f"{shown}:{line}" if line else shown


def _step_of(mark: Mark, card: Scorecard) -> Step | None:
    return next((step for step in card.evidence.steps if step.name == mark.step), None)
