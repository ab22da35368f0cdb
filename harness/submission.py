"""A submission as it lies on disk: its name and its steps in order. Must not run any of it.

A folder may hold a `submission.toml`, which says what the files cannot: who wrote it, what it is
called, the order of its steps where their names do not give it, and which class of a step is
meant.
"""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from harness import archive, problems

MAX_SOURCE = 1_000_000
"""Bytes of one file; a model definition takes a few thousand."""

MANIFEST = "submission.toml"

MAX_MANIFEST = 20_000
"""Bytes of it: TOML's dotted keys take memory that grows with their square."""

MAX_TOLD = 20
"""Mistakes in it that are told at once."""


class SubmissionError(ValueError):
    """There is nothing to grade here; says what would be."""


def _class_name(value: str) -> str:
    if not value.isidentifier():
        raise ValueError("write the name of a class, such as Net")
    return value


def _one_line(value: str) -> str:
    if not value.isprintable():
        raise ValueError("write one line of printable characters")
    return value


Line = Annotated[str, Field(max_length=200), AfterValidator(_one_line)]


class Manifest(BaseModel):
    """What `submission.toml` may say; every key may be left out."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)

    author: Line = ""
    """Who handed it in, as the reports shall name them."""
    title: Line = ""
    """What the reports shall call it."""
    order: list[str] = []
    """Every step's file, in the order in which they were taken; left out, natural order."""
    classes: dict[str, Annotated[str, AfterValidator(_class_name)]] = {}
    """A step's file to the class that is its network; left out, `Net` or the only one."""


@dataclass(frozen=True)
class Source:
    """A step's file, read once: what is graded does not change while it is graded."""

    name: str
    content: bytes
    network: str = ""
    """The class to grade; empty for `Net` or the only one."""


@dataclass(frozen=True)
class Submission:
    """What one learner handed in."""

    name: str
    steps: list[Source]
    author: str = ""
    title: str = ""


def name_of(path: Path) -> str:
    """The name under which what lies at a path is reported."""
    path = path.resolve()
    if not path.is_file():
        return printable(path.name)
    return printable(path.name.removesuffix(archive.suffix_of(path.name) or path.suffix))


def find(path: Path) -> Submission:
    """The submission at a path: a folder of steps, an archive of one, or a single step.

    Steps are taken in natural order, or in that of `submission.toml`.

    Raises:
        SubmissionError: if there is no step, or it cannot be read as one; says what would be.
        OSError: if the machine cannot read it.
    """
    if path.is_dir():
        files = _folder(path)
    elif archive.suffix_of(path.name) and _is_plain(path):
        files = _unpacked(path)
    else:
        files = (
            {path.name: _read(path, MAX_SOURCE)} if _is_step(path.name) and _is_plain(path) else {}
        )
    steps = {name: files[name] for name in sorted(files, key=natural) if _is_step(name)}
    if not steps:
        raise SubmissionError(f"{path.name} holds no step: a step is a .py file that defines Net")
    for name, content in files.items():
        if len(content) > MAX_SOURCE:
            raise SubmissionError(f"{printable(name)} is over {MAX_SOURCE:,} bytes long")
    said = _manifest(files[MANIFEST], list(steps)) if MANIFEST in files else Manifest()
    sources = [
        Source(printable(name), steps[name], said.classes.get(name, ""))
        for name in said.order or steps
    ]
    return Submission(name_of(path), sources, said.author, said.title)


def _is_step(name: str) -> bool:
    return name.endswith(".py") and name[0] not in "_."


def _folder(path: Path) -> dict[str, bytes]:
    """What matters of a folder; one that holds a folder and nothing else is looked through."""
    inside = [p for p in path.iterdir() if not archive.hidden(PurePosixPath(p.name))]
    if len(inside) == 1 and inside[0].is_dir() and not inside[0].is_symlink():
        return _folder(inside[0])
    return {p.name: _read(p, MAX_SOURCE) for p in inside if _matters(p.name) and _is_plain(p)}


def _unpacked(path: Path) -> dict[str, bytes]:
    """What matters of an archive, in the same way."""
    content = _read(path, archive.MAX_BYTES)
    if len(content) > archive.MAX_BYTES:
        raise SubmissionError(f"{path.name} is over {archive.MAX_BYTES:,} bytes long")
    try:
        found = archive.files(path.name, content, MAX_SOURCE + 1)
    except archive.ArchiveError as error:
        raise SubmissionError(f"{path.name}: {error}") from None
    while len({file.parts[0] for file in found}) == 1 and all(len(f.parts) > 1 for f in found):
        found = {PurePosixPath(*file.parts[1:]): text for file, text in found.items()}
    files = {f.name: text for f, text in found.items() if len(f.parts) == 1 and _matters(f.name)}
    for name in files:
        if not name.isprintable() or len(name.encode()) > 200:
            raise SubmissionError(f"{path.name}: its file {name[:40]!r} cannot be a file's name")
    return files


def _matters(name: str) -> bool:
    return _is_step(name) or name == MANIFEST


def _is_plain(path: Path) -> bool:
    """Whether it can be read: a pipe could hang that, and a link lead out of the submission."""
    return path.is_file() and not path.is_symlink()


def _read(file: Path, most: int) -> bytes:
    """A file, or of one that is longer one byte too many."""
    with file.open("rb") as stream:
        return stream.read(most + 1)


def _manifest(content: bytes, steps: list[str]) -> Manifest:
    """What `submission.toml` says about these steps."""
    if len(content) > MAX_MANIFEST:
        raise SubmissionError(f"{MANIFEST} is over {MAX_MANIFEST:,} bytes long")
    try:
        # Editors on Windows put a byte-order mark first.
        said = Manifest.model_validate(_toml(content.decode("utf-8-sig")))
    except UnicodeDecodeError:
        raise SubmissionError(f"{MANIFEST} is not UTF-8 text") from None
    except ValidationError as error:
        lines = problems.told(error, lambda where: Manifest.model_fields)[:MAX_TOLD]
        raise SubmissionError("; ".join(f"{MANIFEST}: {line[:500]}" for line in lines)) from None
    for key, named in ("order", said.order), ("classes", list(said.classes)):
        for number, name in enumerate(named):
            if name not in steps:
                right = problems.proposal(name, steps)
                raise SubmissionError(f"{MANIFEST}: {key}: {name!r} is not a step here{right}")
            if name in named[:number]:
                raise SubmissionError(f"{MANIFEST}: {key}: {name!r} stands there twice")
    if said.order and (lacking := [step for step in steps if step not in said.order]):
        raise SubmissionError(
            f"{MANIFEST}: order lacks {', '.join(map(repr, lacking))}; it must name every step, "
            "and the name of a file that is no step should begin with _"
        )
    return said


def _toml(text: str) -> dict[str, Any]:
    try:
        parsed = tomllib.loads(text)
        repr(parsed)  # what is too deep or too long a number for an error message to show
    except (ValueError, RecursionError) as error:
        raise SubmissionError(f"{MANIFEST} is not TOML that can be read: {error}") from None
    return parsed


def printable(text: str) -> str:
    """Text that can be written as UTF-8: what a file name or an escape may hold and that cannot."""
    return text.encode(errors="replace").decode()


def natural(name: str) -> tuple[list[tuple[int, str]], str]:
    """A key that sorts `step_9.py` before `step_10.py`, whatever the case."""
    parts = re.split(r"([0-9]+)", name.casefold())
    return [(int(p), "") if p.isdecimal() else (-1, p) for p in parts], name
