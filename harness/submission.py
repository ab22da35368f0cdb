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


def find(path: Path) -> Submission:
    """The submission at a path: a folder of steps in natural order, or a single step.

    Raises:
        SubmissionError: if there is no step.
        FileNotFoundError: if there is no such path.
    """
    path = path.resolve()
    if not path.exists():
        raise FileNotFoundError(f"{path}: no such file or folder")
    files = [path] if path.is_file() else sorted(path.glob("*.py"), key=natural)
    files = [file for file in files if not file.name.startswith(("_", "."))]
    if not files or files[0].suffix != ".py":
        raise SubmissionError(f"{path.name} holds no step: a step is a .py file that defines Net")
    for file in files:
        if file.stat().st_size > MAX_SOURCE:
            raise SubmissionError(f"{file.name} is over {MAX_SOURCE:,} bytes long")
    name = path.stem if path.is_file() else path.name
    return Submission(name, [Source(file.name, file.read_bytes()) for file in files])


def natural(path: Path) -> tuple[list[tuple[int, str]], str]:
    """A key that sorts `step_9.py` before `step_10.py`, whatever the case."""
    parts = re.split(r"([0-9]+)", path.name.casefold())
    return [(int(p), "") if p.isdecimal() else (-1, p) for p in parts], path.name
