"""Judges evidence by a rubric, with what a person awards: a pure function of plain values.

Must not know files or torch.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from fractions import Fraction
from typing import NamedTuple

from harness.evidence import Evidence, Fault, Step
from harness.judge.late import late_by, share_lost
from harness.overrides import Override, OverrideError
from harness.percentage import Percentage
from harness.roster import Learner
from harness.rubric import Check, Finding, Rubric
from harness.scorecard import Lateness, Mark, Scorecard, Status


class _Judged(NamedTuple):
    """A mark, with its points exactly: shares of points must add up to the whole."""

    mark: Mark
    points: Fraction
    out_of: Fraction


def judge(
    rubric: Rubric,
    evidence: Evidence,
    overrides: Sequence[Override] = (),
    learner: Learner | None = None,
) -> Scorecard:
    """Every check of the rubric on what it judges, and what they come to.

    Args:
        rubric: what is asked.
        evidence: what was observed.
        overrides: what a person awards; those for other submissions are passed over.
        learner: who handed it in, and when.

    Raises:
        OverrideError: for an override of a mark that there is not, or of more than it is worth.
    """
    counting = [step.counting(rubric.counts) for step in evidence.steps]
    counted = evidence.model_copy(update={"steps": counting})
    judged = list(_judged(rubric, counted, overrides))
    marks = [mark for mark, _, _ in judged]
    earned = sum(points for _, points, _ in judged)
    late = _late(rubric, earned, learner)
    points = earned - (_exactly(late.points) if late else 0)
    bonus = sum(points for mark, points, _ in judged if mark.bonus)
    awaiting = sum(out_of for mark, _, out_of in judged if mark.status == "awaiting")
    earnable = (each for each in judged if not each.mark.bonus and each.mark.status != "awaiting")
    out_of = sum(each.out_of for each in earnable)
    reasons = _against(marks, points, out_of, rubric.pass_mark)
    not_graded = any(mark.status == "not graded" for mark in marks)
    return Scorecard(
        rubric=rubric.title,
        pass_mark=rubric.pass_mark,
        seeds=rubric.seeds,
        marks=marks,
        points=_shown(points),
        out_of=_shown(out_of),
        bonus=_shown(bonus),
        awaiting=_shown(awaiting),
        verdict="not graded" if not_graded else "failed" if reasons else "passed",
        reasons=reasons,
        faults=_faults(counted),
        learner=learner,
        due=rubric.late.due if rubric.late else None,
        counts=rubric.counts,
        late=late,
        evidence=evidence,
    )


def _judged(rubric: Rubric, evidence: Evidence, overrides: Sequence[Override]) -> Iterator[_Judged]:
    """By step in the learner's order and then in the rubric's; the whole submission at the end."""
    of_person = {(o.step, o.check): o for o in overrides if o.submission == evidence.submission}
    steps = evidence.steps
    whole = [check for check in rubric.checks if check.scope == "whole submission"]
    for step in steps:
        for check in rubric.checks:
            if check.scope == "every step" or (check.scope == "final step" and step is steps[-1]):
                shared = _exactly(check.points) / (len(steps) if check.scope == "every step" else 1)
                finding = _find(check, step, evidence, rubric)
                yield _marked(check, step.name, shared, finding, evidence, of_person)
    for check in whole if steps else rubric.checks:
        finding = _unreached(evidence)
        if steps:
            finding = _find(check, steps[-1], evidence, rubric)
        yield _marked(check, "", _exactly(check.points), finding, evidence, of_person)
    for override in of_person.values():
        names = ", ".join(step.name for step in steps)
        raise OverrideError(f"{_told(override)}: there is no such mark; the steps are {names}")


def _find(check: Check, step: Step, evidence: Evidence, rubric: Rubric) -> Finding | Fault:
    """What a check makes of a step, or the fault for which it could not be judged."""
    faults = [fault for fault in (step.fault, *(run.fault for run in step.runs)) if fault]
    foreign = next((fault for fault in faults if fault.owner != "submission"), None)
    if not faults and (lacking := _lacking(check, step, rubric)):
        return Fault(owner="machine", stage="judging", message=f"{lacking}; grade it again")
    seen = all(getattr(step, part) for part in check.needs)
    if seen and not (foreign and "runs" in check.needs + check.takes):
        return check.judge(step, evidence)
    if foreign:
        return foreign
    why = step.fault.message if step.fault else "nothing was run"
    return Finding(0, "", f"could not be measured: {why}")


def _lacking(check: Check, step: Step, rubric: Rubric) -> str:
    """What evidence of another rubric lacks for a check of this one; empty if nothing."""
    own = [run.observed for run in step.runs if run.observed]
    if "runs" in check.needs and any(observed.stopped for observed in own):
        return "its notebook was stopped early, and another of its trainings replayed"
    if "runs" in check.needs and not own and len(step.runs) < rubric.seeds:
        return f"the evidence holds {len(step.runs)} of {rubric.seeds} runs"
    if step.recipe and {"recipe", "runs"}.intersection(check.needs + check.takes):
        for key in step.defaulted:
            if getattr(step.recipe, key) != getattr(rubric.recipe, key):
                return f"another rubric filled in the recipe's {key}"
    return ""


def _unreached(evidence: Evidence) -> Finding | Fault:
    """What to make of a submission without a step."""
    if evidence.fault and evidence.fault.owner != "submission":
        return evidence.fault
    return Finding(0, "", evidence.fault.message if evidence.fault else "there is no step")


def _marked(
    check: Check,
    step: str,
    out_of: Fraction,
    finding: Finding | Fault,
    evidence: Evidence,
    of_person: dict[tuple[str, str], Override],
) -> _Judged:
    status: Status
    if isinstance(finding, Fault):
        why = f"the {finding.owner}'s fault: {finding.message}"
        finding, status = Finding(0, "", why), "not graded"
    elif finding.earned is None:
        status = "awaiting"
    else:
        status = "passed" if finding.earned == 1 else "partly" if finding.earned else "failed"
    points = out_of * _exactly(finding.earned or 0)
    why = finding.why
    if override := of_person.pop((step, check.name), None):
        points = _exactly(override.points)
        if points > out_of and not _alike(points, out_of):
            raise OverrideError(f"{_told(override)}: {_shown(points)} points of {_shown(out_of)}")
        points = out_of if _alike(points, out_of) else points
        status = "passed" if points == out_of else "partly" if points else "failed"
        why = f"by a person: {override.why}"
    mark = Mark(
        check=check.name,
        kind=check.kind,
        step=step,
        asked=check.asked(evidence.dataset),
        measured=finding.measured,
        status=status,
        points=_shown(points),
        out_of=_shown(out_of),
        required=check.required,
        bonus=check.bonus,
        why=why,
        review=[] if override else list(finding.review),
        bar=check.bar(evidence.dataset),
        compared=list(finding.compared),
        overridden=override is not None,
    )
    return _Judged(mark, points, out_of)


def _alike(points: Fraction, others: Fraction) -> bool:
    """Whether a person, who writes two decimals, means the same: 3.33 is a third of 10."""
    return abs(points - others) < Fraction(1, 100)


def _told(override: Override) -> str:
    step = f", step {override.step}" if override.step else ", without a step"
    return f"the override of {override.check} for {override.submission}{step}"


def _against(
    marks: list[Mark], points: Fraction | int, out_of: Fraction | int, pass_mark: Percentage
) -> list[str]:
    """What stands against a pass."""
    reasons = [
        f"{mark.step or 'the submission'}: {mark.check} is required, and was not met"
        for mark in marks
        if mark.required and mark.status in ("partly", "failed")
    ]
    if points < pass_mark.share * out_of:
        reasons.append(f"{float(points):g} of {float(out_of):g} points are below {pass_mark}")
    return reasons


def _late(rubric: Rubric, earned: Fraction | int, learner: Learner | None) -> Lateness | None:
    """What the submission loses because it came late."""
    if rubric.late is None or learner is None or learner.submitted_at is None:
        return None
    days = late_by(rubric.late, learner.submitted_at)
    if not days:
        return None
    share = share_lost(rubric.late, days)
    why = f"{days} day{'s' * (days > 1)} late: {float(100 * share):g} % of the earned points"
    return Lateness(days=days, points=_shown(share * earned), why=why)


def _faults(evidence: Evidence) -> list[Fault]:
    """All that could not be observed, in order."""
    found = [evidence.fault]
    for step in evidence.steps:
        found += [step.fault, *(run.fault for run in step.runs)]
    return [fault for fault in found if fault]


def _exactly(number: float) -> Fraction:
    """The number that was written or meant: 7/10 for 0.7, which binary falls short of, and 1/3."""
    return Fraction(number).limit_denominator(1_000_000)


def _shown(points: Fraction | int) -> float:
    return round(float(points), 6)
