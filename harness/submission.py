"""A submission as it lies on disk: its name and its steps in order. Must not run any of it.

A folder may hold a `submission.toml`, which says what the files cannot: who wrote it, what it is
called, the order of its steps where their names do not give it, and which class of a step is
meant.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from harness import archive, folder, layout, notebook, problems
from harness.folder import MAX_SOURCE, Files, printable
from harness.layout import LeftOut

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
    """Every step's file, in the order in which they were taken; left out, the order of their
    numbers, or that in which a README names them."""
    classes: dict[str, Annotated[str, AfterValidator(_class_name)]] = {}
    """A step's file to the class that is its network; left out, `Net` or the only one."""


@dataclass(frozen=True)
class Source:
    """A step's file, read once: what is graded does not change while it is graded."""

    name: str
    """Its path in the submission; for one class of several in a file, `models.py:Model_2`."""
    content: bytes
    network: str = ""
    """The class to grade; empty for `Net` or the only one."""

    @property
    def is_notebook(self) -> bool:
        """Whether it trains itself, instead of saying how it is to be trained."""
        return folder.is_notebook(self.name)


@dataclass(frozen=True)
class Submission:
    """What one learner handed in."""

    name: str
    steps: list[Source]
    place: str = ""
    """Its folder's path in the repository that it is from, as far as that is known."""
    author: str = ""
    title: str = ""
    left_out: list[LeftOut] = field(default_factory=list)
    """Files that might be taken for steps, and why they are none."""
    files: Files = field(default_factory=dict)
    """For notebooks: all that they may find beside them, by its path in the submission."""
    readmes: Files = field(default_factory=dict)
    """Texts that may tell of the steps, by their paths."""


def name_of(path: Path) -> str:
    """The name under which what lies at a path is reported."""
    path = path.resolve()
    if not path.is_file():
        return reported(path.name)
    return reported(path.name.removesuffix(archive.suffix_of(path.name) or path.suffix))


def reported(name: str) -> str:
    """A submission's name, as a folder of its reports can have it on every system."""
    return printable(name).replace("\\", "\N{REPLACEMENT CHARACTER}")


def find(path: Path) -> Submission:
    """The submission at a path: a folder of steps, an archive of one, or a single step.

    Steps are taken in natural order, in that of a README, or in that of `submission.toml`.

    Raises:
        SubmissionError: if there is no step, or it cannot be read as one; says what would be.
        OSError: if the machine cannot read it.
    """
    try:
        files, readmes = _read(path)
    except (folder.TooMuch, archive.ArchiveError) as error:
        told = f"{path.name}: {error}" if isinstance(error, archive.ArchiveError) else str(error)
        raise SubmissionError(told) from None
    said = _manifest_of(files)
    named = frozenset(name for name in (*said.order, *said.classes) if name in files)
    own = printable(path.name) if path.is_file() else ""
    steps, left_out = layout.choose({own: files[own]} if own in files else files, named)
    if not steps:
        raise SubmissionError(
            f"{printable(path.name)} holds no step: a step is a notebook, or a .py file that "
            "defines Net"
        )
    _check_notebooks({step.file: files[step.file] for step in steps})
    chosen = {step.name: step for step in steps}
    _check(said, list(chosen))
    sources = [
        Source(
            printable(name),
            files[chosen[name].file],
            said.classes.get(name, "") or chosen[name].network,
        )
        for name in said.order or chosen
    ]
    whole = files if any(source.is_notebook for source in sources) else {}
    return Submission(
        name=name_of(path),
        steps=sources,
        place=_place(path.resolve()),
        author=said.author,
        title=said.title,
        left_out=left_out,
        files=whole,
        readmes=readmes,
    )


def _place(path: Path) -> str:
    """The path of a submission's folder in its clone; its name where there is no clone."""
    if path.is_file() and archive.suffix_of(path.name):
        return name_of(path)
    here = path if path.is_dir() else path.parent
    clone = next((one for one in (here, *here.parents) if (one / ".git").exists()), here.parent)
    place = here.relative_to(clone).as_posix()
    return "" if place == "." else printable(place)


def _read(path: Path) -> tuple[Files, Files]:
    """The files of a submission, and the READMEs that may tell of its steps."""
    if path.is_dir() and (packed := folder.only_archive(path)):
        return _read(packed)
    if path.is_dir():
        files = folder.read(path)
    elif archive.suffix_of(path.name) and folder.is_plain(path):
        files = folder.unpacked(path)
    elif not (layout.may_be_step(path.name) and folder.is_plain(path)):
        return {}, {}
    elif folder.is_notebook(path.name):
        own = folder.beside(path)
        return own, folder.readmes(path.parent) or folder.readmes(path.resolve().parent.parent)
    else:
        content = folder.beginning(path, MAX_SOURCE)
        if len(content) > MAX_SOURCE:
            raise folder.TooMuch(f"{printable(path.name)} is over {MAX_SOURCE:,} bytes long")
        return {path.name: content}, folder.readmes(path.parent)
    return files, {name: text for name, text in files.items() if folder.is_readme(name)}


def _check_notebooks(steps: Files) -> None:
    """Refuse steps none of which can be read; of several, one that cannot be is told as a step."""
    wrong: list[str] = []
    for name, content in steps.items():
        if not folder.is_notebook(name):
            return
        try:
            notebook.read(content)
        except notebook.NotebookError as error:
            wrong.append(f"{printable(name)}: {error}")
        else:
            return
    if wrong:
        raise SubmissionError("; ".join(wrong[:MAX_TOLD]))


def _manifest_of(files: Files) -> Manifest:
    return _manifest(files[MANIFEST]) if MANIFEST in files else Manifest()


def _manifest(content: bytes) -> Manifest:
    """What `submission.toml` says."""
    if len(content) > MAX_MANIFEST:
        raise SubmissionError(f"{MANIFEST} is over {MAX_MANIFEST:,} bytes long")
    try:
        # Editors on Windows put a byte-order mark first.
        return Manifest.model_validate(_toml(content.decode("utf-8-sig")))
    except UnicodeDecodeError:
        raise SubmissionError(f"{MANIFEST} is not UTF-8 text") from None
    except ValidationError as error:
        lines = problems.told(error, lambda where: Manifest.model_fields)[:MAX_TOLD]
        raise SubmissionError("; ".join(f"{MANIFEST}: {line[:500]}" for line in lines)) from None


def _check(said: Manifest, steps: list[str]) -> None:
    """Refuse a `submission.toml` that names what is no step, or not every step."""
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


def _toml(text: str) -> dict[str, Any]:
    try:
        parsed = tomllib.loads(text)
        repr(parsed)  # what is too deep or too long a number for an error message to show
    except (ValueError, RecursionError) as error:
        raise SubmissionError(f"{MANIFEST} is not TOML that can be read: {error}") from None
    return parsed
