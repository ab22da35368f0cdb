"""`harness export`: earlier reports in the formats of learning-management systems and CI."""

from __future__ import annotations

import enum
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from harness.commands.options import Reports, fail, say

if TYPE_CHECKING:
    from harness.scorecard import Scorecard

EPILOG = """
Examples:

  harness export csv reports/ --out gradebook.csv

  harness export canvas reports/ --assignment "MNIST (1234)" --out canvas.csv

  harness export nbgrader reports/ --assignment mnist > grades.csv

  harness export gradescope reports/ada --out results/results.json

  harness export gradescope reports/ --out gradescope/

  harness export junit reports/ --out junit.xml

Canvas finds learners by their ID, SIS ID or login, and nbgrader by their id, which are the
roster's. Who has none is named and left out, and so is who was not graded.

Exit codes: 0 all are exported; 2 usage error, or some are not; 4 a file cannot be written.
"""


class Format(enum.StrEnum):
    """What to write."""

    csv = "csv"
    canvas = "canvas"
    nbgrader = "nbgrader"
    gradescope = "gradescope"
    junit = "junit"


def export(
    wanted: Annotated[
        Format,
        typer.Argument(metavar="FORMAT", help="csv, canvas, nbgrader, gradescope or junit."),
    ],
    reports: Reports,
    assignment: Annotated[
        str,
        typer.Option(help="As Canvas titles its column, such as 'MNIST (1234)'; nbgrader's name."),
    ] = "",
    out: Annotated[
        Path | None,
        typer.Option(
            help="File to write; for Gradescope and several submissions, a folder. "
            "Default: standard output."
        ),
    ] = None,
) -> None:
    """Write what earlier grades came to for other programs: gradebooks, Gradescope, CI.

    Nothing is graded: what is told stands in the reports.
    """
    from harness.commands import reports as earlier

    read = [earlier.read(path) for path in earlier.found(reports)]
    cards = [card for card in read if card]
    earlier.distinct(cards)
    if bool(assignment) != (wanted in (Format.canvas, Format.nbgrader)):
        needs = "needs an --assignment" if not assignment else "takes no --assignment"
        fail(f"{wanted} {needs}", 2)
    rubrics = list(dict.fromkeys(card.rubric for card in cards))
    if len(rubrics) > 1 and wanted not in (Format.gradescope, Format.junit):
        fail(f"reports are by several rubrics: {', '.join(rubrics)}: export each by itself", 2)
    away = _left_out(cards, wanted)
    for name, why in away.items():
        say(f"{name}: left out: {why}")
    cards = [card for card in cards if card.evidence.submission not in away]
    if not cards:
        fail("there is nothing to export", 2)
    if wanted in (Format.canvas, Format.nbgrader, Format.gradescope):
        open_ = [card.evidence.submission for card in cards if card.awaiting]
        if open_:
            say(f"points still await a person, and scores are those so far: {', '.join(open_)}")
    try:
        if wanted is Format.gradescope:
            _write_each(cards, out)
        else:
            _write(_rendered(cards, wanted, assignment), out)
    except ValueError as error:
        fail(str(error), 2)
    except OSError as error:
        fail(f"{out}: cannot be written: {error.strerror or error}", 4)
    raise typer.Exit(2 if away or None in read else 0)


def _left_out(cards: Sequence[Scorecard], wanted: Format) -> dict[str, str]:
    """Submissions that a format cannot tell of, and why."""
    from harness.report import canvas, nbgrader

    if wanted is Format.canvas:
        return canvas.left_out(cards)
    if wanted is Format.nbgrader:
        return nbgrader.left_out(cards)
    if wanted is Format.gradescope:
        open_ = [card for card in cards if card.verdict == "not graded"]
        return {card.evidence.submission: "it was not graded; grade it again" for card in open_}
    return {}


def _rendered(cards: Sequence[Scorecard], wanted: Format, assignment: str) -> str:
    from harness.report import canvas, gradebook_csv, junit, nbgrader

    if wanted is Format.canvas:
        return canvas.render(cards, assignment)
    if wanted is Format.nbgrader:
        return nbgrader.render(cards, assignment)
    if wanted is Format.junit:
        return junit.render(cards)
    return gradebook_csv.render(cards)


def _write_each(cards: Sequence[Scorecard], out: Path | None) -> None:
    """Gradescope's file of one submission; of several, one in a folder for each."""
    from harness.report import gradescope

    if len(cards) == 1 and not (out and out.is_dir()):
        _write(gradescope.render(cards[0]), out)
        return
    if out is None:
        fail("Gradescope has a file for each submission: name an --out folder", 2)
    for card in cards:
        _write(gradescope.render(card), out / card.evidence.submission / "results.json")


def _write(text: str, out: Path | None) -> None:
    from harness.store import write

    if out:
        write(out, text.encode())
    else:
        # As bytes: what a console cannot show would not arrive in a file, either.
        typer.echo(text.encode(), nl=False)
