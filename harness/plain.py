"""Makes anyone's words plain: characters that steer nothing, wherever they are shown.

What a learner wrote, named a file or printed may hold a terminal's control sequences, characters
that are not seen or turn the writing round, or commands that a CI service reads in a log. Must not
know any format's own syntax.
"""

from __future__ import annotations

import re

MOST = 4_000
"""Characters of one text that are shown; the longest are sentences about many cells or claims."""

_SPACES = "\t-\r\x1c-\x1f\x85\u2028\u2029"
"""Those that break lines, and the tabulator."""

_UNSEEN = (
    # Control characters and the soft hyphen, marks of direction, fillers and spaces of no width,
    # invisible operators, halves of characters, notes of musical notation, tags.
    "\x00-\x08\x0e-\x1b\x7f-\x84\x86-\x9f\xad\u061c\u115f\u1160\u180e\u200b\u200e\u200f\u202a-\u202e"
    "\u2060-\u206f\u3164\ud800-\udfff\ufeff\uffa0\ufff9-\ufffb\U0001d173-\U0001d17a"
    "\U000e0000-\U000e0fff"
)

# Joiners belong to scripts and to emoji; between plain letters they only hide.
_JOINERS = r"|(?<![^\x00-\x7f])[\u200c\u200d]"

_STEERING = re.compile(f"[{_UNSEEN}]{_JOINERS}")
_IN_A_NAME = re.compile(f"[{_SPACES}{_UNSEEN}]{_JOINERS}")
_IN_JSON = re.compile(f"[{_UNSEEN}\x85\u2028\u2029]{_JOINERS}")

_COMMAND = re.compile(r"::(?=[A-Za-z])|##(?=\[)")
"""The beginning of `::error::` and of `##[error]`, which GitHub Actions obeys in what a job prints;
the end of the first may stand in another column."""


def printable(written: str) -> str:
    """Anyone's words on one line, without what would steer a terminal or a log's reader."""
    shown = " ".join(_STEERING.sub("\N{REPLACEMENT CHARACTER}", written[: 2 * MOST]).split())
    if len(shown) > MOST:
        shown = f"{shown[:MOST]}…"
    return _COMMAND.sub(lambda found: " ".join(found[0]), shown)


def name(given: str) -> str:
    """A file's name as it is shown, and can be written as UTF-8."""
    written = given.encode(errors="replace").decode()
    for steering in _IN_A_NAME, _COMMAND:
        written = steering.sub("\N{REPLACEMENT CHARACTER}", written)
    return written


def escaped(json: str) -> str:
    """JSON that is safe to look at and says the same: what is not seen stands in it as its code.

    Outside of strings JSON has none of these characters.
    """
    return _IN_JSON.sub(_code, json)


def _code(found: re.Match[str]) -> str:
    units = found[0].encode("utf-16-be")
    return "".join(f"\\u{units[n : n + 2].hex()}" for n in range(0, len(units), 2))
