"""The report for people who read text: `report.md`, a table for each step."""

from __future__ import annotations

import re

from harness.evidence import Dataset, Step
from harness.report import words
from harness.scorecard import Mark, Scorecard

_ACTIVE = re.compile(r"([\\`*_\[\]<>#|~&$])")

_BEGINNING = re.compile(r"^(?=[-+](?:\s|$)|[-=]+\s*$)|^(\d{1,9})(?=[.)](?:\s|$))")
"""Of a list, or of a line under a heading."""

_LINKED = re.compile(r"(?<=:)(?=//)|(?<=www)(?=\.)|(?<=@)|(?<=#)(?=\d)", re.IGNORECASE)
"""Within what GitHub makes links of without any markup: addresses, people, issues. A backslash
does not keep it from that, and a word joiner does."""


def render(scorecard: Scorecard) -> str:
    """The scorecard as GitHub-flavoured Markdown."""
    evidence = scorecard.evidence
    lines = [
        f"# {text(words.headline(scorecard))}",
        "",
        f"**{text(words.verdict(scorecard))}**",
        "",
    ]
    if evidence.fault:
        lines += [text(f"{evidence.fault.owner}'s fault: {evidence.fault.message}"), ""]
    for step in evidence.steps:
        lines += [f"## {text(words.heading(step, scorecard))}", ""]
        lines += [f"*{text(step.notes.title)}*", ""] if step.notes.title else []
        lines += [f"- **{text(line)}**" for line in words.fault_of(step)]
        lines += [f"- {text(line)}" for line in words.facts(step, evidence)]
        lines += ["", *table(words.marks_of(step, scorecard)), ""]
        lines += _layers(step)
        lines += _epochs(step, evidence.dataset)
    if whole := [mark for mark in scorecard.marks if not mark.step]:
        lines += ["## The whole submission", "", *table(whole), ""]
    if review := words.review(scorecard):
        lines += ["## For a person", "", *(f"- {text(sentence)}" for sentence in review), ""]
    if left_out := words.left_out(evidence):
        lines += [*(f"- {text(sentence)}" for sentence in left_out), ""]
    lines += [text(level) for level in words.levels(evidence)]
    return "\n".join(lines).rstrip() + "\n"


def text(written: str) -> str:
    """A learner's or our own words as inline text: nothing in them is markup."""
    plain = _ACTIVE.sub(r"\\\1", words.printable(written))
    return _LINKED.sub("&#8288;", _BEGINNING.sub(r"\1\\", plain))


def table(marks: list[Mark]) -> list[str]:
    """The lines of a table of checks."""
    if not marks:
        return []
    rows = [
        f"| {words.SIGNS[mark.status]} {text(mark.check)} | {text(mark.asked)} "
        f"| {text(mark.measured)} | {words.worth(mark)} | {text(mark.why)} |"
        for mark in marks
    ]
    head = ["| check | asked | measured | points | why |", "|---|---|---|---|---|"]
    return head + rows


def _layers(step: Step) -> list[str]:
    """The layer table."""
    rows = [f"| {' | '.join(map(text, row))} |" for row in words.layers(step)]
    if not rows:
        return []
    head = [f"| {' | '.join(words.LAYERS)} |", "|---" * len(words.LAYERS) + "|"]
    return ["<details><summary>Every layer</summary>", "", *head, *rows, "", "</details>", ""]


def _epochs(step: Step, dataset: Dataset) -> list[str]:
    """Every epoch of every run: the evidence behind the points."""
    columns, rows = words.epochs(step, dataset)
    if not rows:
        return []
    lines = [f"| {' | '.join(map(text, row))} |" for row in (columns, *rows)]
    lines.insert(1, "|---:" * len(columns) + "|")
    return ["<details><summary>Every epoch</summary>", "", *lines, "", "</details>", ""]
