"""Cells of CSV files, of which a spreadsheet computes none. Must not know what a file tells.

A text that a spreadsheet would compute begins with an apostrophe, and so does one that begins with
an apostrophe itself: whoever takes one apostrophe off the front of a cell has the text again.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable

from harness.plain import printable

_COMPUTED = ("=", "+", "-", "@", "＝", "＋", "－", "＠")  # noqa: RUF001 some spreadsheets take both
_APOSTROPHE = "'"


def text(written: str) -> str:
    """Anyone's words, on one line, as a cell that stays words."""
    plain = printable(written)
    return _APOSTROPHE + plain if plain.startswith((*_COMPUTED, _APOSTROPHE)) else plain


def exact(written: str) -> bool:
    """Whether a cell can hold a text just as it is: what identifies someone must not differ."""
    return bool(written) and text(written) == written


def number(value: float | None) -> str:
    """A number to compute with, to four decimals; empty where there is none."""
    if value is None:
        return ""
    return f"{value:.4f}".rstrip("0").rstrip(".") if isinstance(value, float) else str(value)


def table(rows: Iterable[Iterable[str]]) -> str:
    """Rows as CSV: commas, double quotes where they are needed, a line feed after each."""
    written = io.StringIO()
    csv.writer(written, lineterminator="\n").writerows(rows)
    return written.getvalue()
