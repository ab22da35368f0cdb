"""`harness regrade`: judge stored evidence by another rubric, without training."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from harness.commands.options import (
    EXIT_CODES,
    ExitZero,
    Json,
    OverridesFile,
    Reports,
    RosterFile,
    RubricName,
    Starters,
    say,
)

if TYPE_CHECKING:
    from harness.scorecard import Scorecard

EPILOG = f"""
Examples:

  harness regrade reports/ --rubric under-8k

  harness regrade reports/ --rubric four-steps --overrides overrides.toml --out final/
{EXIT_CODES}"""


def regrade(
    reports: Reports,
    rubric: RubricName,
    out: Annotated[Path, typer.Option(help="Folder for the new reports.")] = Path("regraded"),
    roster: RosterFile = None,
    starter: Starters = None,
    overrides: OverridesFile = None,
    json: Json = False,
    exit_zero: ExitZero = False,
) -> None:
    """Judge the evidence of earlier grades by another rubric.

    Nothing is trained: what was measured stands in the reports.
    """
    from harness.commands import reports as earlier
    from harness.commands import scorecards as shared
    from harness.commands.submissions import learners
    from harness.grade import write_class, write_reports
    from harness.judge.judge import judge

    asked = shared.asked(rubric)
    awarded = shared.awarded(overrides, asked)
    known = learners(roster)
    read = [
        _measured_on(asked.dataset, path, earlier.read(path)) for path in earlier.found(reports)
    ]
    found = [scorecard for scorecard in read if scorecard]
    earlier.distinct(found)
    scorecards = []
    with shared.ending(overrides):
        for graded in found:
            name = graded.evidence.submission
            if not overrides and any(mark.overridden for mark in graded.marks):
                say(f"{name}: holds points of a person, which --overrides would take over again")
            learner = known.get(name, graded.learner)
            scorecard = judge(asked, graded.evidence, awarded, learner)
            write_reports(scorecard, out)
            scorecards.append(scorecard)
            shared.show(scorecard, json)
        if len(scorecards) > 1:
            write_class(scorecards, out, starter or ())
            shared.point_to("The class", out / "index.html", json)
    shared.leave(scorecards, missing=None in read, exit_zero=exit_zero)


def _measured_on(dataset: str, path: Path, scorecard: Scorecard | None) -> Scorecard | None:
    """A report, or nothing and a message if it was measured on other images."""
    if scorecard and scorecard.evidence.dataset.name != dataset:
        measured = scorecard.evidence.dataset.name
        say(f"{path}: was measured on {measured}, and the rubric asks for {dataset}")
        return None
    return scorecard
