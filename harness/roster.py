"""The roster: who is behind each submission, read from a CSV file.

Reports and exports name learners by it, and late penalties rest on it. Must not know how
submissions are found, nor any learning-management system's own format.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError, ValidationInfo, field_validator

from harness import problems


class Learner(BaseModel):
    """One line of the roster; every column but `folder` may be left out."""

    model_config = ConfigDict(
        extra="forbid", frozen=True, use_attribute_docstrings=True, str_strip_whitespace=True
    )

    folder: str
    """The submission's name in the reports: that of its folder, or of its file without the
    ending."""
    name: str = ""
    """As the reports shall name the learner."""
    first_name: str = ""
    last_name: str = ""
    id: str = ""
    """The learning-management system's: Canvas's `ID`, nbgrader's `student_id`."""
    sis_id: str = ""
    """Canvas's `SIS User ID`."""
    login: str = ""
    """Canvas's `SIS Login ID`."""
    section: str = ""
    email: str = ""
    submitted_at: datetime | None = None
    """When it was handed in, such as `2026-11-30T23:10:00+01:00`; without a zone, in that of the
    rubric's `late.due`."""

    @field_validator("submitted_at", mode="before")
    @classmethod
    def _written(cls, value: object, info: ValidationInfo) -> object:
        if value == "":
            return None
        if isinstance(value, str):
            try:
                return datetime.fromisoformat(value.strip())
            except ValueError:
                raise ValueError("write a time such as 2026-11-30T23:10:00+01:00") from None
        return value

    @property
    def shown(self) -> str:
        """The name by which reports call the learner; empty where the roster has none."""
        return self.name or f"{self.first_name} {self.last_name}".strip()


Roster = Mapping[str, Learner]
"""Learners by the names of their submissions."""


class RosterError(ValueError):
    """A roster that cannot be used; says the file, the line, the column and the remedy."""


def load(path: Path) -> Roster:
    """Read a roster: a CSV file with a line of column names, separated by commas or semicolons.

    Raises:
        RosterError: naming the file, the line, the column, the value and what would be right.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise RosterError(f"{path}: cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise RosterError(f"{path}: is not UTF-8 text") from None
    head = text.partition("\n")[0]
    separator = ";" if head.count(";") > head.count(",") else ","
    rows = csv.DictReader(io.StringIO(text, newline=""), delimiter=separator, restval="")
    _check_columns(path, rows.fieldnames)
    learners: dict[str, Learner] = {}
    try:
        for row in rows:
            if None in row:
                raise RosterError(
                    f"{path}, line {rows.line_num}: more values than columns; put a value with "
                    f"a {separator!r} in it into double quotes"
                )
            learner = _learner(path, rows.line_num, row)
            if learner.folder in learners:
                where = f"{path}, line {rows.line_num}"
                raise RosterError(f"{where}: folder = {learner.folder!r} stands there twice")
            learners[learner.folder] = learner
    except csv.Error as error:
        raise RosterError(f"{path}, line {rows.line_num}: is not CSV: {error}") from None
    return learners


def _check_columns(path: Path, columns: object) -> None:
    known = list(Learner.model_fields)
    names = [str(name) for name in columns] if isinstance(columns, list) else []
    for name in names:
        if name not in known:
            right = problems.proposal(name, known)
            raise RosterError(f"{path}: the column {name!r} is not known{right}")
        if names.count(name) > 1:
            raise RosterError(f"{path}: the column {name!r} stands there twice")
    if "folder" not in names:
        raise RosterError(f"{path}: the column 'folder' is missing; it names each submission")


def _learner(path: Path, line: int, row: dict[str, str]) -> Learner:
    try:
        learner = Learner.model_validate(row)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        message = first["msg"].removeprefix("Value error, ")
        where = f"{path}, line {line}: {first['loc'][0]} = {first['input']!r}"
        raise RosterError(f"{where}: {message}") from None
    if not learner.folder:
        raise RosterError(f"{path}, line {line}: folder is empty; it names the submission")
    return learner
