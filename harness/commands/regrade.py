"""`harness regrade`: judge stored evidence by another rubric, without training."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from harness.commands.options import EXIT_CODES, ExitZero, Json, OverridesFile, RubricName, fail

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
    overrides: OverridesFile = None,
    json: Json = False,
    exit_zero: ExitZero = False,
) -> None:
    """Judge the evidence of earlier grades by another rubric; nothing is trained."""
    from harness.commands import scorecards as shared
    from harness.grade import write_reports
    from harness.judge.judge import judge

    asked = shared.asked(rubric)
    awarded = shared.awarded(overrides, asked)
    scorecards = []
    for path in _found(reports):
        evidence = _read(path).evidence
        if evidence.dataset.name != asked.dataset:
            where = f"{path}: was measured on {evidence.dataset.name}"
            fail(f"{where}, and the rubric asks for {asked.dataset}", 2)
        scorecard = judge(asked, evidence, awarded)
        write_reports(scorecard, out)
        scorecards.append(scorecard)
        shared.show(scorecard, json)
    shared.leave(scorecards, missing=False, exit_zero=exit_zero)


def _found(reports: list[Path]) -> Iterator[Path]:
    for path in reports:
        if path.is_file():
            yield path
        elif found := sorted(path.rglob("report.json")):
            yield from found
        else:
            fail(f"{path}: no report.json there; `harness grade` writes them", 2)


def _read(path: Path) -> Scorecard:
    from pydantic import ValidationError

    from harness.scorecard import Scorecard

    try:
        return Scorecard.model_validate_json(path.read_bytes())
    except (OSError, ValidationError) as error:
        first = str(error).partition("\n")[0]
        fail(f"{path}: is no report of this version of the harness ({first}); grade it again", 2)
