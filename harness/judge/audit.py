"""Holds printed logs against a rubric: what a log claims, for itself, and nothing of a run.

Must not know files or torch.
"""

from __future__ import annotations

from harness.audit import Audit, AuditedLog, Line, Outcome
from harness.evidence import Dataset
from harness.outputs import Log
from harness.printed import Printed, Printouts
from harness.rubric import Finding, Rubric


def audit(submission: str, rubric: Rubric, reading: Printouts, dataset: Dataset) -> Audit:
    """Every rule on every log, whatever its scope: a log is judged for itself.

    Args:
        submission: its name.
        rubric: what is asked.
        reading: what the submission printed.
        dataset: sizes of the images that the rubric asks for.
    """
    logs = [_audited(printed, rubric, dataset) for printed in reading.logs]
    told = {line.check for log in logs for line in log.lines}
    return Audit(
        submission=submission,
        rubric=rubric.title,
        logs=logs,
        silent=[check.name for check in rubric.checks if logs and check.name not in told],
        files=reading.files,
        unread=reading.unread,
    )


def _audited(printed: Printed, rubric: Rubric, dataset: Dataset) -> AuditedLog:
    lines: list[Line] = []
    remarks = _contradictions(printed.log)
    for check in rubric.checks:
        if found := check.audit(printed.log, dataset):
            line = Line(
                check=check.name,
                asked=check.asked(dataset),
                claimed=found.measured,
                outcome=_outcome(found),
                bonus=check.bonus,
                why=found.why,
            )
            lines.append(line)
            remarks += found.review
    return AuditedLog(place=printed.place, title=printed.title, lines=lines, remarks=remarks)


def _outcome(found: Finding) -> Outcome:
    if found.earned is None:
        return "cannot be told"
    return "meets" if found.earned == 1 else "misses"


def _contradictions(log: Log) -> list[str]:
    """A count beside which a percentage stands that is not its own: the first, for them all."""
    found = [stated for stated in log.stated if stated.differs]
    return [
        f"“{stated.written.strip()}”: the count is {stated.percent:.2f} %, not {stated.differs}"
        + f"; and so in {len(found) - 1} more lines" * (len(found) > 1)
        for stated in found[:1]
    ]
