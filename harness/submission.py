"""A submission as it lies on disk: its name and its steps in order. Must not run any of it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

MAX_SOURCE = 1_000_000
"""Bytes of one file; a model definition takes a few thousand."""


class SubmissionError(ValueError):
    """There is nothing to grade here; says what would be."""


@dataclass(frozen=True)
class Source:
    """A step's file, read once: what is graded does not change while it is graded."""

    name: str
    content: bytes


@dataclass(frozen=True)
class Submission:
    """What one learner handed in."""

    name: str
    steps: list[Source]


def name_of(path: Path) -> str:
    """The name under which what lies at a path is reported."""
    path = path.resolve()
    return printable(path.stem if path.is_file() else path.name)


def find(path: Path) -> Submission:
    """The submission at a path: a folder of steps in natural order, or a single step.

    Raises:
        SubmissionError: if there is no step.
        OSError: if it cannot be read.
    """
    files = [path] if path.is_file() else sorted(path.glob("*.py"), key=natural)
    # A pipe or a link could hang the reading, or lead out of the submission.
    files = [f for f in files if f.is_file() and not f.is_symlink() and f.name[0] not in "_."]
    if not files or files[0].suffix != ".py":
        raise SubmissionError(f"{path.name} holds no step: a step is a .py file that defines Net")
    return Submission(name_of(path), [_read(file) for file in files])


def _read(file: Path) -> Source:
    with file.open("rb") as stream:
        content = stream.read(MAX_SOURCE + 1)
    if len(content) > MAX_SOURCE:
        raise SubmissionError(f"{file.name} is over {MAX_SOURCE:,} bytes long")
    return Source(printable(file.name), content)


def printable(text: str) -> str:
    """Text that can be written as UTF-8: what a file name or an escape may hold and that cannot."""
    return text.encode(errors="replace").decode()


def natural(path: Path) -> tuple[list[tuple[int, str]], str]:
    """A key that sorts `step_9.py` before `step_10.py`, whatever the case."""
    parts = re.split(r"([0-9]+)", path.name.casefold())
    return [(int(p), "") if p.isdecimal() else (-1, p) for p in parts], path.name
