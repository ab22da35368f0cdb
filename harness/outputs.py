"""Reads what a notebook printed when it was handed in: accuracies of its epochs, parameter tables.

A print-out is a claim as the notes are. So only what says plainly what it is counts: to miss a
line costs nobody anything, to read it for another accuses a learner. Must not know what a run of
the notebook brings.
"""

from __future__ import annotations

import math
import re
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from pydantic import BaseModel, ConfigDict

from harness.claims import Claim, Quantity
from harness.notebook import Cell


class Logged(BaseModel):
    """One training as it was printed."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)

    cell: int
    """The cell of the notebook, from 0, under which it stands, or the block of a README."""
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
class Stated:
    """A line that states an accuracy."""

    written: str
    """The line itself."""
    percent: float
    half: float
    """Points of percent by which it may lie above or below; 0 where images were counted."""
    out_of: int | None
    """Images that were counted; None where only a percentage is printed."""
    test: bool
    """Whether it says so, and not `val`."""
    differs: str = ""
    """The percentage beside a count, where the two disagree."""
    epoch: int | None = None
    """Number of the epoch above it, from 1 also where the log counts from 0."""

    def correct(self, size: int) -> tuple[int, int]:
        """The fewest and the most right answers of a test set for which this would be printed.

        Both ends count: half a unit is rounded up or down as its binary form has it.

        Args:
            size: images in the test set; those that were counted, where that is known.
        """
        size = self.out_of or size
        ends = (self.percent - self.half) * size / 100, (self.percent + self.half) * size / 100
        return math.ceil(round(ends[0], 6)), math.floor(round(ends[1], 6))


@dataclass(frozen=True)
class Log:
    """One training as it was printed, line by line."""

    cell: int
    """The cell, from 0, under which it begins."""
    line: int
    """The line of that output, from 0."""
    stated: list[Stated]
    """Test accuracies on one set of images, in order; never empty."""
    whole: bool
    """Whether each of them stands beside the number of its epoch, and the first of them too."""
    counted: int | None = None
    """The last epoch that it numbers, from 1, be there an accuracy of it or not."""
    parameters: int | None = None
    """What the parameter tables above it state, since the log before; None where they disagree."""

    @property
    def out_of(self) -> int | None:
        """Images that the test set was said to have."""
        return self.stated[0].out_of

    @property
    def best(self) -> Stated:
        """The first of its highest accuracies."""
        return max(self.stated, key=lambda stated: stated.percent)


@dataclass
class _Run:
    cell: int
    line: int
    stated: list[Stated] = field(default_factory=list)
    numbers: list[int] = field(default_factory=list)

    def add(self, stated: Stated) -> None:
        """Take up an accuracy of the epoch that was counted last."""
        self.stated.append(replace(stated, epoch=self.counted))

    @property
    def counted(self) -> int | None:
        """The number of the epoch that was counted last, from 1."""
        return self.numbers[-1] + (self.numbers[0] == 0) if self.numbers else None


_FINEST = 0.005
"""Half an image of 10,000, in points of percent; what is printed with more digits is no finer."""

_EPOCH = re.compile(r"\bepochs?\b[\W_]{0,4}(\d{1,4})\b(?!\.\d)", re.IGNORECASE)
_COUNT = re.compile(r"([0-9][0-9,]{0,8}) ?/ ?([1-9][0-9,]{0,8})(?= ?\(? ?([0-9.]{1,9}) ?%)")
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


def runs(cells: Sequence[Cell], part: Sequence[int]) -> list[Logged]:
    """The trainings that some cells printed, in order, as evidence keeps them."""
    return [kept(log) for log in logs(cells, part)]


def kept(log: Log) -> Logged:
    """A log as evidence keeps it."""
    return Logged(
        cell=log.cell,
        percent=[stated.percent for stated in log.stated],
        out_of=log.out_of,
        whole=log.whole,
        half=log.best.half,
    )


def logs(cells: Sequence[Cell], part: Sequence[int]) -> list[Log]:
    """The trainings that some cells printed, in order.

    An epoch counter that starts again starts a new run, and so does a cell that begins to count.
    """
    found: list[_Run] = []
    for number in part:
        found += _runs_of(number, cells[number].output, found[-1] if found else None)
    totals = _totals(cells, part)
    places = [(total.cell, total.line) for total in totals]
    whole: list[Log] = []
    above = 0
    for log in filter(None, map(_log, found)):
        here = bisect_left(places, (log.cell, log.line))
        total = _agreed(totals[above:here])
        whole.append(replace(log, parameters=total.value if total else None))
        above = here
    return whole


def _runs_of(cell: int, output: str, before: _Run | None) -> list[_Run]:
    """The runs that begin in a cell; what continues the one before is added to that."""
    run = before
    new: list[_Run] = []
    pending: list[tuple[int, Stated]] = []
    counted = False
    for place, line in enumerate(output.split("\n")):
        if epoch := _EPOCH.search(line):
            number = int(epoch[1])
            again = run is not None and run.numbers and number <= run.numbers[-1]
            if run is None or (again and (not counted or number < run.numbers[-1])):
                run = _Run(cell, place)
                new.append(run)
            if not run.numbers or number != run.numbers[-1]:
                run.numbers.append(number)
            # What stood above the cell's first number is that epoch's own.
            for _, seen in pending:
                run.add(seen)
            pending, counted = [], True
        if stated := _stated(line):
            if counted and run:
                run.add(stated)
            else:
                pending.append((place, stated))
    if len(pending) > 1:
        new.append(_Run(cell, pending[0][0], [seen for _, seen in pending]))
    return new


def _stated(line: str) -> Stated | None:
    """The test accuracy that a line states."""
    if _SUMMARY.search(line):
        return None
    for found in _COUNT.finditer(line):
        correct, total = (int(count.replace(",", "")) for count in found.groups()[:2])
        named = re.findall(r"(?i)(?<![a-z])(train|test|val|eval)", line[: found.start()]) or [
            "test" if total == 10_000 else "train"
        ]
        if named[-1].lower() != "train" and 100 <= correct <= total:
            percent, test = 100 * correct / total, named[-1].lower() == "test"
            return Stated(line, percent, 0, total, test, _differing(percent, found[3]))
    if match := _PERCENT.search(line) or _SET_PERCENT.search(line):
        digits = match[1].rstrip(" %")
        value, half = float(digits), _half(digits)
        if "." in digits and value <= 1 and "%" not in match[1]:
            value, half = 100 * value, 100 * half
        if 1 < value <= 100:
            test = match[0].lower().startswith("test")
            return Stated(line, value, max(half, _FINEST), None, test)
    return None


def _half(digits: str) -> float:
    """Half a unit of the last digit that is printed."""
    return 0.5 * 10.0 ** -len(digits.partition(".")[2])


def _differing(percent: float, digits: str) -> str:
    """The percentage that is printed beside a count, if no rounding makes it that of the count."""
    if not re.fullmatch(r"\d{1,3}(?:\.\d+)?", digits) or float(digits) <= 1:
        return ""  # what is no number, or a share of 1
    # Up, down or to the nearest: any of these is less than a whole unit away.
    near = abs(percent - float(digits)) < 2 * _half(digits) + 1e-9
    return "" if near else f"{digits} %"


def _log(run: _Run) -> Log | None:
    """A run's accuracies on one set of images: of two the one called test, or the smaller."""
    stated = [each for each in run.stated if each.test] or run.stated
    out_of = min((each.out_of for each in stated if each.out_of), default=None)
    stated = [each for each in stated if each.out_of == out_of]
    if not stated:
        return None
    first = run.numbers[0] if run.numbers else 0
    whole = first in (0, 1) and run.numbers == list(range(first, first + len(stated)))
    return Log(run.cell, run.line, stated, whole, run.counted)


def read(cells: Sequence[Cell], part: range, trained: int | None = None) -> list[Claim]:
    """What the stored outputs of a step claim: parameters, epochs, best and last test accuracy.

    Of several runs the last counts, or the last of the cell that is named; of parameter tables
    those before it, where they agree: a notebook may print others' networks too.

    Args:
        cells: all of the notebook.
        part: those that belong to the step.
        trained: the cell that trains, where that is known.
    """
    logged = logs(cells, part)
    mine = [log for log in logged if log.cell == trained] or logged
    until = mine[-1].cell if mine else trained
    total = _agreed(_totals(cells, [n for n in part if until is None or n <= until]))
    found = []
    if total:
        found.append(_claim("parameters", total.written, total.value, total.value + 1))
    return found + (_of_log(mine[-1]) if mine else [])


@dataclass(frozen=True)
class _Total:
    """A line that states how many parameters a network has."""

    cell: int
    line: int
    written: str
    value: int


def _totals(cells: Sequence[Cell], part: Sequence[int]) -> list[_Total]:
    return [
        _Total(number, place, line.strip(), int(found[1].replace(",", "")))
        for number in part
        for place, line in enumerate(cells[number].output.split("\n"))
        if (found := _PARAMETERS.match(line))
    ]


def _agreed(lines: Sequence[_Total]) -> _Total | None:
    """What parameter tables state, if they all state one number."""
    totals = [one for one in lines if "trainable" not in one.written.lower()] or [
        one for one in lines if not re.match(r"(?i)\W*(?:total )?non", one.written)
    ]
    return totals[-1] if len({one.value for one in totals}) == 1 else None


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


def _of_log(log: Log) -> list[Claim]:
    """The best and the last accuracy of a training, and for how many epochs it went on."""
    found = []
    last = log.stated[-1]
    for stated in [log.best] if last.percent == log.best.percent else [log.best, last]:
        half = 50 / log.out_of if log.out_of else stated.half
        bounds = round(stated.percent - half, 6), round(stated.percent + half, 6)
        found.append(_claim("test accuracy", stated.written, *bounds, log.out_of))
    if log.whole:
        number = len(log.stated)
        found.append(_claim("epochs", f"{number} epochs in the log", number, number + 1))
    return found
