"""Which submissions a command is about: those at the paths that the user gave, class by class.

Must not know what is done with them.
"""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from harness.changed import GitError, changed
from harness.class_folder import Member, members
from harness.commands.options import fail, say
from harness.grade import CLASS_FILES
from harness.roster import Learner, Roster, RosterError, load


class HandedIn(NamedTuple):
    """A submission, and who is behind it."""

    name: str
    path: Path
    learner: Learner | None


def learners(path: Path | None) -> Roster:
    """The roster that the user named; a mistake ends the command."""
    try:
        return load(path) if path else {}
    except RosterError as error:
        fail(str(error), 2)


@contextmanager
def handed_in(
    paths: list[Path], roster: Roster, changed_since: str = "", as_class: bool = False
) -> Iterator[list[HandedIn]]:
    """The submissions at the paths, for as long as the block lasts.

    Two of one name, or a path of which git cannot tell what changed, end the command.

    Args:
        paths: submissions, and folders of them.
        roster: who is behind each.
        changed_since: only what differs from this branch or commit; all if empty.
        as_class: whether each path is a class, whatever it looks like.
    """
    with tempfile.TemporaryDirectory(prefix="harness-") as scratch:
        found = [one for path in paths for one in members(path, roster, Path(scratch), as_class)]
        if changed_since:
            found = _changed(found, changed_since)
        elif len(found) > len(paths) and (absent := set(roster) - {one.name for one in found}):
            say(f"on the roster, and not handed in: {', '.join(sorted(absent))}")
        if not found:
            say(f"no submission differs from {changed_since}" if changed_since else "no submission")
        _distinct(found)
        yield [HandedIn(*one, roster.get(one.name)) for one in found]


def _distinct(found: list[Member]) -> None:
    """End the command if two submissions would share a report, or one take the class's place."""
    names = Counter(one.name for one in found)
    if twice := [name for name, number in names.items() if number > 1]:
        fail(f"several submissions are called {twice[0]}: their reports need an --out each", 2)
    if taken := [name for name in names if name.casefold() in CLASS_FILES]:
        fail(f"no submission can be called {taken[0]}, as a file of the whole class is", 2)


def _changed(found: list[Member], since: str) -> list[Member]:
    """Those that a branch changed; a link is none of them, as it may lead anywhere."""
    own = [one for one in found if not one.path.is_symlink()]
    try:
        touched = changed([one.path for one in own], since)
    except GitError as error:
        fail(f"--changed-since {since}: {error}", 2)
    return [one for one in own if one.path in touched]
