"""The summary of a CI job, in GitHub-flavoured Markdown: what a pull request's author reads first.

Who did not pass stands first, so that a summary which is cut keeps what matters.
"""

from __future__ import annotations

from collections.abc import Sequence

from harness.evidence import Epoch, Run, Step
from harness.gradebook import Row, row
from harness.report import words
from harness.report.markdown import table, text
from harness.scorecard import Scorecard

MOST = 2**20
"""Bytes of a summary that GitHub takes."""

CURVE = 12
"""Epochs of a curve, counted back from the last."""

_BLOCKS = "▁▂▃▄▅▆▇█"

_HEAD = "| submission | points | parameters | last epochs |\n|---|---:|---:|---|\n"


def render(scorecards: Sequence[Scorecard], checked: bool = False, room: int = MOST) -> str:
    """A summary of all submissions.

    Args:
        scorecards: in any order.
        checked: whether they were checked, and not graded.
        room: bytes that it may have; submissions that do not fit are left out and counted.
    """
    cards = sorted(scorecards, key=lambda card: card.verdict == "passed")
    passed = sum(card.verdict == "passed" for card in cards)
    outcome = f"{len(cards)} checked" if checked else f"{passed} of {len(cards)} passed"
    if not cards:
        outcome = "nothing to check" if checked else "nothing to grade"
    head = f"## {text(outcome)}\n" + "\n" * bool(cards)
    rows = [_line(row(card)) for card in cards]
    parts = [_submission(card, checked) for card in cards]
    # As many lines of the table as leave half of the room to what explains them.
    lines = _fitting(rows, room // 2 - len(_HEAD.encode()) - 500)
    whole = (
        head
        + (_HEAD if lines else "")
        + "".join(lines)
        + _lacking(len(rows) - len(lines), "the table")
    )
    told = _fitting(parts, room - len(whole.encode()) - 500)
    whole += "\n" * bool(cards) + "".join(told) + _lacking(len(parts) - len(told), "this summary")
    return whole if len(whole.encode()) <= room else ""


def _fitting(parts: Sequence[str], room: int) -> list[str]:
    """The first of these texts, as many as have room together."""
    kept = []
    for part in parts:
        room -= len(part.encode())
        if room < 0:
            break
        kept.append(part)
    return kept


def _lacking(number: int, where: str) -> str:
    if not number:
        return ""
    which = "submission has" if number == 1 else "submissions have"
    return f"\n{number:,} more {which} no room in {where}; the reports have them.\n"


def _line(found: Row) -> str:
    card = found.scorecard
    name = f"{words.SIGNS[card.verdict]} {text(found.name)}"
    worth = f"{words.points(card.points)} of {words.points(card.out_of)}"
    worth = "not graded" if card.verdict == "not graded" else worth
    size = "" if found.parameters is None else f"{found.parameters:,}"
    last = f"{', '.join(f'{n:,}' for n in found.last)} of {found.of:,}" if found.last else ""
    return f"| {name} | {worth} | {size} | {last} |\n"


def _submission(card: Scorecard, checked: bool) -> str:
    """A submission: its steps in a table with a curve each, and every check below a fold."""
    evidence = card.evidence
    verdict = words.so_far(card) if checked else words.verdict(card)
    sign = words.SIGNS[card.verdict]
    lines = [f"### {sign} {text(evidence.submission)}", "", f"**{text(verdict)}**", ""]
    if evidence.fault:
        lines += [f"- **{text(words.fault(evidence.fault))}**", ""]
    if evidence.steps:
        lines += ["| step | points | parameters | test accuracy |", "|---|---:|---:|---|"]
        lines += [_step(n, step, card) for n, step in enumerate(evidence.steps, 1)]
        lines += [""]
    for number, step in enumerate(evidence.steps, 1):
        lines += [f"- step {number}: **{text(fault)}**" for fault in words.fault_of(step)]
    lines += [""]
    lines += ["<details><summary>Every check</summary>", ""]
    for number, step in enumerate(evidence.steps, 1):
        lines += [f"#### step {number}: {text(step.name)}", "", *_checks(step, card), ""]
    if whole := [mark for mark in card.marks if not mark.step]:
        lines += ["#### the whole submission", "", *table(whole), ""]
    if review := words.review(card):
        lines += ["#### for a person", "", *(f"- {text(sentence)}" for sentence in review), ""]
    lines += [*(text(level) for level in words.levels(evidence)), "", "</details>", "", ""]
    return "\n".join(lines)


def _step(number: int, step: Step, card: Scorecard) -> str:
    heading = words.heading(step, card).rpartition(" · ")[2].removesuffix(" points")
    size = f"{step.network.parameters.judged:,}" if step.network else ""
    runs = [run for run in (step.runs or step.observed[-1:]) if run.epochs]
    shown = _curve(runs[0], step, card) if runs else ""
    return f"| {number} · {text(step.name)} | {heading} | {size} | {shown} |"


def _checks(step: Step, card: Scorecard) -> list[str]:
    runs = [run for run in (step.runs or step.observed[-1:]) if run.epochs]
    told = [f"- seed {words.seed(run)}: {_curve(run, step, card)}" for run in runs[1:]]
    return [*table(words.marks_of(step, card)), *([""] if told else []), *told]


def _curve(run: Run, step: Step, card: Scorecard) -> str:
    """A run's last epochs as blocks, from the lowest to the highest, and the counts at its end."""
    shown = run.epochs[-CURVE:]
    counts = [epoch.test_correct for epoch in shown]
    lowest, highest = min(counts), max(counts)
    scale = (len(_BLOCKS) - 1) / max(highest - lowest, 1)
    blocks = "".join(_BLOCKS[round((count - lowest) * scale)] for count in counts)
    bars = (mark.bar for mark in words.marks_of(step, card) if mark.bar)
    bar = next((bar for bar in bars if bar.quantity == "test accuracy"), None)
    last = run.epochs[-(bar.last_epochs if bar and bar.last_epochs else 3) :]
    told = ", ".join(_reached(epoch, bar.value if bar else None) for epoch in last)
    return f"{blocks} {lowest:,} to {highest:,}; {told} of {card.evidence.dataset.test_size:,}"


def _reached(epoch: Epoch, value: int | None) -> str:
    sign = "" if value is None else " ✓" if epoch.test_correct >= value else " ✗"
    return f"{epoch.test_correct:,}{sign}"
