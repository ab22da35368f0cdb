"""Reads what a notebook printed when it was handed in: accuracies of its epochs, parameter tables.

A print-out is a claim as the notes are. So only what says plainly what it is counts: to miss a
line costs nobody anything, to read it for another accuses a learner. Must not know what a run of
the notebook brings.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from pydantic import BaseModel, ConfigDict

from harness.claims import Claim, Quantity
from harness.notebook import Cell


class Logged(BaseModel):
    """One training as the notebook printed it."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)

    cell: int
    """The cell, from 0, under which it stands."""
    percent: list[float]
    """Test accuracy after each epoch that was printed."""
    out_of: int | None = None
    """Images that the test set was said to have."""
    whole: bool = False
    """Whether each of them stands beside the number of its epoch."""
    half: float = 0.0
    """Points of percent by which the best may lie above or below what is printed, half a unit of
    its last digit; 0 where images were counted."""


@dataclass(frozen=True)
class _Tested:
    """A line that states an accuracy."""

    percent: float
    half: float
    out_of: int | None
    test: bool
    """Whether it says so, and not `val`."""


@dataclass
class _Run:
    cell: int
    lines: list[_Tested] = field(default_factory=list)
    numbers: list[int] = field(default_factory=list)


_FINEST = 0.005
"""Half an image of 10,000, in points of percent; what is printed with more digits is no finer."""

_EPOCH = re.compile(r"\bepochs?\b[\W_]{0,4}(\d{1,4})\b(?!\.\d)", re.IGNORECASE)
_COUNT = re.compile(r"([0-9][0-9,]{0,8}) ?/ ?([1-9][0-9,]{0,8})(?= ?\(? ?[0-9.]{1,9} ?%)")
_TEST = r"(?:test|val|eval)[a-z]{0,10}"
_PERCENT = re.compile(
    rf"(?<![a-z]){_TEST}(?:[ _-](?:set|data|dataset))?[ _-]{{0,2}}acc[a-z]{{0,6}}"
    r"(?: ?\(%\))?\W{0,4}?([0-9]{1,3}(?:\.[0-9]{1,20})?(?![\d.]) ?%?)(?! ?/)",
    re.IGNORECASE,
)
_SET_PERCENT = re.compile(
    rf"(?<![a-z]){_TEST} set: (?:(?!train).){{0,60}}\bacc[a-z]{{0,6}}: ?"
    r"([0-9]{1,3}\.[0-9]{1,20}(?![\d.]) ?%?)(?! ?/)",
    re.IGNORECASE,
)
_SUMMARY = re.compile(
    r"\b(?:best|max\w*|highest|final|overall|so far|average acc\w*|mean acc\w*|improved)\b",
    re.IGNORECASE,
)
_PARAMETERS = re.compile(
    r"^\W*(?:total|trainable|number of|num|no\.? of|model)[a-z ]{0,30}\bparam[a-z]*[ :=-]{1,6}"
    r"([0-9]{1,3}(?:,[0-9]{3})+|[0-9]{3,9})\b(?![.\d]| ?[kKmM]\b)",
    re.IGNORECASE,
)


def runs(cells: Sequence[Cell], part: Iterable[int]) -> list[Logged]:
    """The trainings that some cells printed, in order.

    An epoch counter that starts again starts a new run, and so does a cell that begins to count.
    """
    found: list[_Run] = []
    for number in part:
        found += _runs_of(number, cells[number].output, found[-1] if found else None)
    return [logged for run in found if (logged := _logged(run))]


def _runs_of(cell: int, output: str, before: _Run | None) -> list[_Run]:
    """The runs that begin in a cell; what continues the one before is added to that."""
    run = before
    new: list[_Run] = []
    pending: list[_Tested] = []
    counted = False
    for line in output.splitlines():
        if epoch := _EPOCH.search(line):
            number = int(epoch[1])
            again = run is not None and run.numbers and number <= run.numbers[-1]
            if run is None or (again and (not counted or number < run.numbers[-1])):
                run = _Run(cell)
                new.append(run)
            if not run.numbers or number != run.numbers[-1]:
                run.numbers.append(number)
            # What stood above the cell's first number is that epoch's own.
            run.lines += pending
            pending, counted = [], True
        if seen := _tested(line):
            (run.lines if counted and run else pending).append(seen)
    if len(pending) > 1:
        new.append(_Run(cell, pending))
    return new


def _tested(line: str) -> _Tested | None:
    """The test accuracy that a line states."""
    if _SUMMARY.search(line):
        return None
    for found in _COUNT.finditer(line):
        correct, total = (int(count.replace(",", "")) for count in found.groups())
        named = re.findall(r"(?i)(?<![a-z])(train|test|val|eval)", line[: found.start()]) or [
            "test" if total == 10_000 else "train"
        ]
        if named[-1].lower() != "train" and 100 <= correct <= total:
            return _Tested(100 * correct / total, 0, total, named[-1].lower() == "test")
    if stated := _PERCENT.search(line) or _SET_PERCENT.search(line):
        digits = stated[1].rstrip(" %")
        value, half = float(digits), 0.5 * 10.0 ** -len(digits.partition(".")[2])
        if "." in digits and value <= 1 and "%" not in stated[1]:
            value, half = 100 * value, 100 * half
        if 1 < value <= 100:
            return _Tested(value, max(half, _FINEST), None, stated[0].lower().startswith("test"))
    return None


def _logged(run: _Run) -> Logged | None:
    """A run's accuracies on one set of images: of two the one called test, or the smaller."""
    lines = [line for line in run.lines if line.test] or run.lines
    out_of = min((line.out_of for line in lines if line.out_of), default=None)
    lines = [line for line in lines if line.out_of == out_of]
    if not lines:
        return None
    best = max(lines, key=lambda line: line.percent)
    first = run.numbers[0] if run.numbers else 0
    whole = first in (0, 1) and run.numbers == list(range(first, first + len(lines)))
    return Logged(
        cell=run.cell,
        percent=[line.percent for line in lines],
        out_of=out_of,
        whole=whole,
        half=best.half,
    )


def read(cells: Sequence[Cell], part: range, trained: int | None = None) -> list[Claim]:
    """What the stored outputs of a step claim: parameters, epochs, best and last test accuracy.

    Of several runs the last counts, or the last of the cell that is named; of parameter tables
    those before it, where they agree: a notebook may print others' networks too.

    Args:
        cells: all of the notebook.
        part: those that belong to the step.
        trained: the cell that trains, where that is known.
    """
    logged = runs(cells, part)
    mine = [run for run in logged if run.cell == trained] or logged
    until = mine[-1].cell if mine else trained
    found = _tables(cells, [n for n in part if until is None or n <= until])
    if mine:
        after = (cells[number].output for number in part if number >= mine[-1].cell)
        found += _of_run(mine[-1], [line for output in after for line in output.splitlines()])
    return found


def _tables(cells: Sequence[Cell], part: Iterable[int]) -> list[Claim]:
    lines = [
        (int(found[1].replace(",", "")), line.strip())
        for number in part
        for line in cells[number].output.splitlines()
        if (found := _PARAMETERS.match(line))
    ]
    totals = [one for one in lines if "trainable" not in one[1].lower()] or [
        one for one in lines if not re.match(r"(?i)\W*(?:total )?non", one[1])
    ]
    if len({value for value, _ in totals}) != 1:
        return []
    value, written = totals[-1]
    return [_claim("parameters", written, value, value + 1)]


def _claim(
    quantity: Quantity, written: str, lowest: float, below: float, out_of: int | None = None
) -> Claim:
    return Claim(
        quantity=quantity,
        where="output",
        written=written.strip()[:100],
        lowest=lowest,
        below=below,
        out_of=out_of,
    )


def _of_run(run: Logged, lines: Sequence[str]) -> list[Claim]:
    """The best and the last accuracy of a run, and for how many epochs it trained.

    Args:
        run: what was printed.
        lines: where, from its first cell on: it may go on in another.
    """
    found = []
    for value in dict.fromkeys((max(run.percent), run.percent[-1])):
        half, line = next(
            (seen.half, line)
            for line in lines
            if (seen := _tested(line)) and (seen.percent, seen.out_of) == (value, run.out_of)
        )
        half = 50 / run.out_of if run.out_of else half
        bounds = round(value - half, 6), round(value + half, 6)
        found.append(_claim("test accuracy", line, *bounds, run.out_of))
    if run.whole:
        number = len(run.percent)
        found.append(_claim("epochs", f"{number} epochs in the log", number, number + 1))
    return found
