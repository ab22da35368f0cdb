"""Judges evidence by a rubric: a pure function of the two. Must not know files or torch."""

from __future__ import annotations

from fractions import Fraction

from harness.evidence import Evidence, Fault, Step
from harness.percentage import Percentage
from harness.rubric import Check, Rubric
from harness.scorecard import Mark, Scorecard, Status


def judge(rubric: Rubric, evidence: Evidence) -> Scorecard:
    """Every check of the rubric on the steps of its scope, and what they come to."""
    judged = [
        _mark(check, step, evidence)
        for step in evidence.steps
        for check in rubric.checks
        if check.scope == "every step" or step is evidence.steps[-1]
    ]
    if not evidence.steps:
        judged = [(_unreached(check, evidence), Fraction(0)) for check in rubric.checks]
    marks = [mark for mark, _ in judged]
    points = sum(exact for _, exact in judged)
    out_of = sum(Fraction(check.points) for check in rubric.checks)
    reasons = _against(marks, points, out_of, rubric.pass_mark)
    verdict: Status = "failed" if reasons else "passed"
    if any(mark.status == "not graded" for mark in marks):
        verdict = "not graded"
    return Scorecard(
        rubric=rubric.title,
        pass_mark=rubric.pass_mark,
        seeds=rubric.seeds,
        marks=marks,
        points=round(float(points), 6),
        out_of=round(float(out_of), 6),
        verdict=verdict,
        reasons=reasons,
        faults=_faults(evidence),
        evidence=evidence,
    )


def _faults(evidence: Evidence) -> list[Fault]:
    """All that could not be observed, in order."""
    found = [evidence.fault]
    for step in evidence.steps:
        found += [step.fault, *(run.fault for run in step.runs)]
    return [fault for fault in found if fault]


def _mark(check: Check, step: Step, evidence: Evidence) -> tuple[Mark, Fraction]:
    """The mark of a check on a step, and its points exactly."""
    sharers = len(evidence.steps) if check.scope == "every step" else 1
    out_of = Fraction(check.points) / sharers
    foreign = [
        fault
        for fault in (step.fault, *(run.fault for run in step.runs))
        if fault and fault.owner != "submission"
    ]
    earned, measured, why = 0.0, "", ""
    status: Status = "not graded"
    if all(getattr(step, part) for part in check.needs) and not (foreign and "runs" in check.needs):
        earned, measured, why = check.judge(step, evidence.dataset)
        status = "passed" if earned == 1 else "partly" if earned else "failed"
    elif foreign:
        why = f"the {foreign[0].owner}'s fault: {foreign[0].message}"
    else:
        status = "failed"
        why = f"could not be measured: {step.fault.message if step.fault else 'nothing was run'}"
    points = out_of * Fraction(earned)
    mark = Mark(
        check=check.kind,
        step=step.name,
        asked=check.asked(evidence.dataset),
        measured=measured,
        status=status,
        points=round(float(points), 6),
        out_of=round(float(out_of), 6),
        required=check.required,
        why=why,
    )
    return mark, points


def _unreached(check: Check, evidence: Evidence) -> Mark:
    """The mark of a check for which the submission has no step."""
    fault = evidence.fault
    ours = fault is not None and fault.owner != "submission"
    return Mark(
        check=check.kind,
        step="",
        asked=check.asked(evidence.dataset),
        measured="",
        status="not graded" if ours else "failed",
        points=0,
        out_of=check.points,
        required=check.required,
        why=fault.message if fault else "the submission has no step",
    )


def _against(
    marks: list[Mark], points: Fraction | int, out_of: Fraction | int, pass_mark: Percentage
) -> list[str]:
    """What stands against a pass."""
    reasons = [
        f"{mark.step or 'the submission'}: {mark.check} is required, and was not met"
        for mark in marks
        if mark.required and mark.status == "failed"
    ]
    if points < pass_mark.share * out_of:
        reasons.append(f"{float(points):g} of {float(out_of):g} points are below {pass_mark}")
    return reasons
