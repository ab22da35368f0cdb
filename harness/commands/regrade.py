"""`harness regrade`: judge stored evidence by another rubric, without training."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from harness.commands.options import (
    EXIT_CODES,
    ExitZero,
    Json,
    OverridesFile,
    RosterFile,
    RubricName,
    fail,
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
    reports: Annotated[
        list[Path],
        typer.Argument(metavar="REPORT...", help="Files report.json, or folders that hold some."),
    ],
    rubric: RubricName,
    out: Annotated[Path, typer.Option(help="Folder for the new reports.")] = Path("regraded"),
    roster: RosterFile = None,
    overrides: OverridesFile = None,
    json: Json = False,
    exit_zero: ExitZero = False,
) -> None:
    """Judge the evidence of earlier grades by another rubric.

    Nothing is trained: what was measured stands in the reports.
    """
    from harness.commands import scorecards as shared
    from harness.commands.submissions import learners
    from harness.grade import write_reports
    from harness.judge.judge import judge

    asked = shared.asked(rubric)
    awarded = shared.awarded(overrides, asked)
    known = learners(roster)
    read = [_read(path, asked.dataset) for path in _found(reports)]
    earlier = [found for found in read if found]
    names = Counter(found.evidence.submission for found in earlier)
    if twice := [name for name, number in names.items() if number > 1]:
        fail(f"{names[twice[0]]} reports are of {twice[0]}: name only one of them", 2)
    scorecards = []
    with shared.ending(overrides):
        for found in earlier:
            name = found.evidence.submission
            if not overrides and any(mark.overridden for mark in found.marks):
                say(f"{name}: holds points of a person, which --overrides would take over again")
            learner = known.get(name, found.learner)
            scorecard = judge(asked, found.evidence, awarded, learner)
            write_reports(scorecard, out)
            scorecards.append(scorecard)
            shared.show(scorecard, json)
    shared.leave(scorecards, missing=None in read, exit_zero=exit_zero)


def _found(reports: list[Path]) -> Iterator[Path]:
    for path in reports:
        if path.is_file():
            yield path
        elif found := sorted(path.rglob("report.json")):
            yield from found
        else:
            fail(f"{path}: no report.json there; `harness grade` writes them", 2)


def _read(path: Path, dataset: str) -> Scorecard | None:
    """A report, or nothing and a message: one that is damaged must not stop a class."""
    from pydantic import ValidationError

    from harness.scorecard import Scorecard

    try:
        scorecard = Scorecard.model_validate_json(path.read_bytes())
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        say(f"{path}: no report of this version of the harness ({where}: {first['msg']})")
        return None
    except OSError as error:
        say(f"{path}: cannot be read ({error.strerror})")
        return None
    if scorecard.evidence.dataset.name != dataset:
        measured = scorecard.evidence.dataset.name
        say(f"{path}: was measured on {measured}, and the rubric asks for {dataset}")
        return None
    return scorecard
