"""Reads the files of a submission, be it a folder or an archive, within bounds.

A path stands as it does inside of the submission, with `/` between its parts. Must not know which
files are steps.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from itertools import takewhile
from pathlib import Path, PurePosixPath

from harness import archive, plain

MAX_SOURCE = 1_000_000
"""Bytes of one Python file; a model definition takes a few thousand."""

MAX_NOTEBOOK = 32 * 2**20
"""Bytes of one notebook: the images in its outputs may take megabytes."""

MAX_OTHER = 16 * 2**20
"""Bytes of any other file; a larger one is left out."""

MAX_BYTES = archive.MAX_BYTES
"""Bytes in all: code first, and then the smallest."""

_TOOLS = {"__pycache__", "node_modules", "site-packages", "venv", "env", "lightning_logs", "wandb"}
"""Folders of tools, and no part of what was written."""

_IMAGES = re.compile(r"(?:train|t10k|test)-(?:images|labels)[-.]idx[13]-ubyte(?:\.gz)?")
"""MNIST's own files, which a notebook is given."""


class TooMuch(ValueError):
    """A file is too large, or cannot be one; says which and what it may be."""


_CODE = (".py", ".ipynb", ".toml")
"""Ends of the names of files that must be whole."""

Files = dict[str, bytes]


def read(path: Path) -> Files:
    """The files of a folder; one that holds a folder and nothing else is looked through.

    Without a notebook only those are read that can matter then: Python files and texts that lie
    in the folder itself.

    Raises:
        TooMuch: if a notebook or a Python file is longer than it may be.
        OSError: if the machine cannot read it.
    """
    inside = [p for p in path.iterdir() if not archive.hidden(PurePosixPath(p.name))]
    if len(inside) == 1 and inside[0].is_dir() and not inside[0].is_symlink():
        return read(inside[0])
    found = {name: file for name, file in _walk(path) if most(PurePosixPath(name))}
    if not any(map(is_notebook, found)):
        found = {name: file for name, file in found.items() if "/" not in name and _is_text(name)}
    sizes = {name: file.stat().st_size for name, file in found.items()}
    chosen = _within(sizes)
    return _checked({name: beginning(found[name], most(PurePosixPath(name))) for name in chosen})


def only_archive(path: Path) -> Path | None:
    """The archive that a folder holds, if it holds nothing else, as downloads often do."""
    inside = [p for p in path.iterdir() if not archive.hidden(PurePosixPath(p.name))]
    alone = len(inside) == 1 and archive.suffix_of(inside[0].name) and is_plain(inside[0])
    return inside[0] if alone else None


def beside(notebook: Path) -> Files:
    """A notebook, the Python files beside it, and those in folders beside it."""
    name = notebook.name
    if not is_plain(notebook):
        return {}
    found = {other: file for other, file in _walk(notebook.parent) if other.endswith(".py")}
    sizes = {other: file.stat().st_size for other, file in found.items()}
    modules = [other for other in _within(sizes) if sizes[other] <= MAX_SOURCE]
    files = {other: beginning(found[other], MAX_SOURCE) for other in modules}
    return _checked({printable(name): beginning(notebook, MAX_NOTEBOOK)}) | files


def readmes(folder: Path) -> Files:
    """The README of a folder."""
    return {
        printable(file.name): beginning(file, MAX_SOURCE)[:MAX_SOURCE]
        for file in sorted(folder.iterdir())
        if is_readme(file.name) and is_plain(file)
    }


def unpacked(path: Path) -> Files:
    """The files of an archive, in the same way.

    Raises:
        TooMuch: if it, or a file in it, is longer than it may be, or has a name that none can have.
        archive.ArchiveError: if it cannot be read, or should not be.
    """
    content = beginning(path, MAX_BYTES)
    if len(content) > MAX_BYTES:
        raise TooMuch(f"{path.name} is over {MAX_BYTES:,} bytes long")
    found = archive.files(path.name, content, most)
    # Not folder by folder: a name may hold thousands of them, and took minutes.
    levels = zip(*(file.parts[:-1] for file in found), strict=False)
    around = sum(1 for _ in takewhile(lambda names: len(set(names)) == 1, levels))
    files = {"/".join(file.parts[around:]): text for file, text in found.items()}
    if not any(map(is_notebook, files)):
        files = {name: text for name, text in files.items() if "/" not in name and _is_text(name)}
    for name in list(files):
        if not name.isprintable() or any(len(part.encode()) > 200 for part in name.split("/")):
            if name.endswith((".py", ".ipynb")):
                raise TooMuch(f"{path.name}: its file {name[:40]!r} cannot be a file's name")
            del files[name]
    return _checked(files)


def most(path: PurePosixPath) -> int:
    """Bytes of a file that are worth reading, 0 for none; it is too long with one more."""
    if archive.hidden(path) or not _TOOLS.isdisjoint(path.parts) or _IMAGES.fullmatch(path.name):
        return 0
    if is_notebook(path.name):
        return MAX_NOTEBOOK
    return MAX_SOURCE if path.suffix in (".py", ".toml", ".md") else MAX_OTHER


def is_notebook(name: str) -> bool:
    """Whether a file is a notebook, by its name."""
    return name.lower().endswith(".ipynb")


def is_readme(name: str) -> bool:
    """Whether a file is a text about the others, by its name."""
    return (
        re.fullmatch(r"readme(?:\.(?:md|markdown|txt|rst))?", name.rpartition("/")[2].lower())
        is not None
    )


def is_markdown(name: str) -> bool:
    """Whether a file is a text with code blocks in it, by its name."""
    return name.lower().endswith((".md", ".markdown"))


def is_plain(path: Path) -> bool:
    """Whether it can be read: a pipe could hang that, and a link lead out of the submission."""
    return path.is_file() and not path.is_symlink()


def beginning(file: Path, most: int) -> bytes:
    """A file, or of one that is longer one byte too many."""
    with file.open("rb") as stream:
        return stream.read(most + 1)


def printable(text: str) -> str:
    """Text without what a file name or an escape may hold and no report can: see `plain.name`."""
    return plain.name(text)


def _is_text(name: str) -> bool:
    return name.endswith((".py", ".toml")) or is_readme(name) or is_markdown(name)


def _walk(folder: Path) -> Iterator[tuple[str, Path]]:
    """Plain files below a folder by their paths in it, without those of tools."""
    number = 0
    for where, folders, names in os.walk(folder):
        here = Path(where)
        folders[:] = sorted(
            name
            for name in folders
            if not archive.hidden(PurePosixPath(name))
            and name not in _TOOLS
            and not (here / name / "pyvenv.cfg").exists()
        )
        for name in sorted(names):
            number += 1
            if number > archive.MAX_MEMBERS:
                return
            if is_plain(here / name):
                yield printable((here / name).relative_to(folder).as_posix()), here / name


def _within(sizes: dict[str, int]) -> list[str]:
    """The files that are taken: all code, and of the others what fits, the smallest first."""
    taken, total = [], 0
    for name in sorted(sizes, key=lambda name: (not name.endswith(_CODE), sizes[name], name)):
        size = min(sizes[name], most(PurePosixPath(name)) + 1)
        code = name.endswith(_CODE)
        if not code and (sizes[name] > most(PurePosixPath(name)) or total + size > MAX_BYTES):
            continue
        total += size
        if total > 2 * MAX_BYTES:
            raise TooMuch(f"it holds more than {2 * MAX_BYTES:,} bytes of code and notebooks")
        taken.append(name)
    return taken


def _checked(files: Files) -> Files:
    """The files without those that are cut; a step or its manifest must not be."""
    for name, content in files.items():
        limit = most(PurePosixPath(name))
        if len(content) > limit and name.endswith(_CODE):
            raise TooMuch(f"{printable(name)} is over {limit:,} bytes long")
    return {name: text for name, text in files.items() if len(text) <= most(PurePosixPath(name))}
