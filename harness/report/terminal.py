"""The report for a terminal: a table for each step or log. Must not know files or exit codes."""

from __future__ import annotations

from rich.console import Console, ConsoleOptions, RenderResult
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from harness.audit import Audit, Line
from harness.report import words
from harness.scorecard import Mark, Scorecard

_STYLES = {
    "passed": "green",
    "partly": "yellow",
    "failed": "red",
    "awaiting": "blue",
    "not graded": "magenta",
}


class Report:
    """A scorecard as Rich shows it; one of a check, before training, with every layer."""

    def __init__(self, scorecard: Scorecard, checked: bool = False) -> None:
        self._scorecard, self._checked = scorecard, checked

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        scorecard = self._scorecard
        evidence = scorecard.evidence
        yield _text(words.headline(scorecard), style="bold")
        if evidence.fault:
            yield _text(f"{evidence.fault.owner}'s fault: {evidence.fault.message}", style="red")
        for step in evidence.steps:
            yield Text()
            yield _text(words.heading(step, scorecard), style="bold")
            if step.notes.title:
                yield _indented(step.notes.title, style="italic")
            for line in words.fault_of(step):
                yield _indented(line, style="red")
            for line in words.facts(step, evidence):
                yield _indented(line, style="dim")
            yield _table(words.marks_of(step, scorecard))
            if self._checked and (rows := words.layers(step)):
                yield _layer_table(rows)
        yield Text()
        if whole := [mark for mark in scorecard.marks if not mark.step]:
            yield _text("The whole submission", style="bold")
            yield _table(whole)
            yield Text()
        if review := words.review(scorecard):
            yield _text("For a person", style="bold")
            for sentence in review:
                yield _indented(sentence, style="blue")
            yield Text()
        for sentence in words.left_out(evidence):
            yield _text(sentence, style="dim")
        for level in words.levels(evidence):
            yield _text(level, style="dim")
        yield _text(
            f"{evidence.submission}: "
            f"{words.so_far(scorecard) if self._checked else words.verdict(scorecard)}",
            style=f"bold {_STYLES[scorecard.verdict]}",
        )


class AuditReport:
    """An audit of printed logs as Rich shows it."""

    def __init__(self, audit: Audit) -> None:
        self._audit = audit

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        audit = self._audit
        yield _text(words.claimed(audit), style="bold")
        for log in audit.logs:
            yield Text()
            yield _text(words.place(log), style="bold")
            yield _audit_table(log.lines)
            for remark in log.remarks:
                yield _indented(remark, style="blue")
        yield Text()
        for sentence in words.looked(audit):
            yield _text(sentence, style="red")
        for sentence in words.believed(audit):
            yield _text(sentence, style="dim")


def _text(written: str, style: str = "") -> Text:
    """Anyone's words: never Rich's markup, never a terminal's control sequence."""
    return Text(words.printable(written), style=style)


def _indented(written: str, style: str) -> Padding:
    return Padding(_text(written, style=style), (0, 0, 0, 2), expand=False)


def _table(marks: list[Mark]) -> Table:
    table = _plain_table("check", "asked", "measured", "points", "why")
    table.columns[3].justify = "right"
    for mark in marks:
        table.add_row(
            _text(f"{words.SIGNS[mark.status]} {mark.check}", style=_STYLES[mark.status]),
            _text(mark.asked),
            _text(mark.measured),
            words.worth(mark),
            _text(mark.why),
        )
    return table


def _audit_table(lines: list[Line]) -> Table:
    table = _plain_table("check", "asked", "claimed", "why")
    for line in lines:
        status = words.OUTCOMES[line.outcome]
        sign = f"{words.SIGNS[status]} {line.check}{' (bonus)' * line.bonus}"
        table.add_row(
            _text(sign, style=_STYLES[status]),
            _text(line.asked),
            _text(line.claimed),
            _text(f"cannot be told: {line.why}" if status == "not graded" else line.why),
        )
    return table


def _plain_table(*headings: str) -> Table:
    """A table without lines, in which a narrow window breaks words and cuts nothing."""
    table = Table(box=None, header_style="dim", pad_edge=False)
    for heading in headings:
        table.add_column(heading, overflow="fold")
    return table


def _layer_table(rows: list[tuple[str, ...]]) -> Padding:
    table = _plain_table(*words.LAYERS)
    for row in rows:
        table.add_row(*map(_text, row))
    return Padding(table, (1, 0, 0, 2))
