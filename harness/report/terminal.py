"""The report for a terminal: a table for each step. Must not know files or exit codes."""

from __future__ import annotations

from rich.console import Console, ConsoleOptions, RenderResult
from rich.table import Table
from rich.text import Text

from harness.report import words
from harness.scorecard import Mark, Scorecard

_STYLES = {"passed": "green", "partly": "yellow", "failed": "red", "not graded": "magenta"}
_SIGNS = {"passed": "✓", "partly": "~", "failed": "✗", "not graded": "?"}


class Report:
    """A scorecard as Rich shows it."""

    def __init__(self, scorecard: Scorecard) -> None:
        self._scorecard = scorecard

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        scorecard = self._scorecard
        evidence = scorecard.evidence
        yield Text(f"{evidence.submission} · {scorecard.rubric}", style="bold")
        if evidence.fault:
            yield Text(f"{evidence.fault.owner}'s fault: {evidence.fault.message}", style="red")
        for step in evidence.steps:
            yield Text()
            yield Text(f"{step.name}: {step.notes.title}".removesuffix(": "), style="bold")
            for line in words.fault_of(step):
                yield Text(f"  {line}", style="red")
            for line in words.facts(step, evidence):
                yield Text(f"  {line}", style="dim")
            yield _table(words.marks_of(step, scorecard))
        if not evidence.steps:
            yield _table(scorecard.marks)
        yield Text()
        yield Text(
            f"{evidence.submission}: {words.verdict(scorecard)}",
            style=f"bold {_STYLES[scorecard.verdict]}",
        )


def _table(marks: list[Mark]) -> Table:
    table = Table("check", "asked", "measured", box=None, header_style="dim", pad_edge=False)
    table.add_column("points", justify="right", no_wrap=True)
    table.add_column("why")
    for mark in marks:
        table.add_row(
            Text(f"{_SIGNS[mark.status]} {mark.check}", style=_STYLES[mark.status]),
            Text(mark.asked),
            Text(mark.measured),
            f"{words.points(mark.points)} of {words.points(mark.out_of)}",
            Text(mark.why),
        )
    return table
