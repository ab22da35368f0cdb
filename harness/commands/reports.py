"""What commands that read earlier reports share: finding them, and passing over a damaged one.

Must not know what becomes of a report.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

from pydantic import ValidationError

from harness.commands.options import fail, say
from harness.scorecard import Scorecard


def found(reports: Sequence[Path]) -> Iterator[Path]:
    """The reports that a user named; a folder without any ends the command."""
    for path in reports:
        if path.is_file():
            yield path
        elif within := sorted(path.rglob("report.json")):
            yield from within
        else:
            fail(f"{path}: no report.json there; `harness grade` writes them", 2)


def read(path: Path) -> Scorecard | None:
    """A report, or nothing and a message: one that is damaged must not stop a class."""
    try:
        return Scorecard.model_validate_json(path.read_bytes())
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        say(f"{path}: no report of this version of the harness ({where}: {first['msg']})")
    except OSError as error:
        say(f"{path}: cannot be read ({error.strerror})")
    return None


def distinct(scorecards: Sequence[Scorecard]) -> None:
    """End the command if two reports are of one submission."""
    names = Counter(card.evidence.submission for card in scorecards)
    if twice := [name for name, number in names.items() if number > 1]:
        fail(f"{names[twice[0]]} reports are of {twice[0]}: name only one of them", 2)
