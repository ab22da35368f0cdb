"""Reads what a submission printed: logs in notebooks' outputs and in code blocks of its texts.

Runs nothing, and needs no step: a text with a log in it is enough. Must not know what is asked.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from harness import archive, folder, layout, notebook, notes, outputs
from harness.notebook import Cell
from harness.outputs import Log


@dataclass(frozen=True)
class Printed:
    """A log, and where it stands."""

    place: str
    """`README.md, line 12` or `step_4.ipynb, cell 16`, counted from 1."""
    title: str
    """The nearest heading above it, or line that ends in a colon, that opens no notes; empty where
    there is none."""
    log: Log


@dataclass(frozen=True)
class Printouts:
    """What was found at a path."""

    logs: list[Printed] = field(default_factory=list)
    files: list[str] = field(default_factory=list)
    """Those that were looked through."""
    unread: list[str] = field(default_factory=list)
    """What could not be read, and why, a sentence each."""


def read(path: Path) -> Printouts:
    """The logs in a folder, an archive, a notebook or a text, in natural order of the files.

    Of a folder or an archive its notebooks, READMEs and Markdown files are read.

    Raises:
        OSError: if the machine cannot read it.
    """
    try:
        files = _files(path)
    except folder.TooMuch as error:
        return Printouts(unread=[str(error)])
    except archive.ArchiveError as error:
        return Printouts(unread=[f"{path.name}: {error}"])
    logs: list[Printed] = []
    unread: list[str] = []
    for name in sorted(files, key=layout.natural):
        if not folder.is_notebook(name):
            logs += of_text(name, _decoded(files[name]))
            continue
        try:
            logs += of_notebook(name, notebook.read(files[name]))
        except notebook.NotebookError as error:
            unread.append(f"{name}: {error}")
    return Printouts(logs, sorted(files, key=layout.natural), unread)


def _decoded(content: bytes) -> str:
    """A text as it was written; what PowerShell's `>` writes is UTF-16."""
    wide = content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    return content.decode("utf-16" if wide else "utf-8-sig", errors="replace")


def _files(path: Path) -> folder.Files:
    """What may hold logs at a path; a single file may be any text."""
    if path.is_dir():
        files = folder.read(path)
    elif archive.suffix_of(path.name):
        files = folder.unpacked(path)
    elif path.is_file():
        name = folder.printable(path.name)
        limit = folder.MAX_NOTEBOOK if folder.is_notebook(name) else folder.MAX_OTHER
        content = folder.beginning(path, limit)
        if len(content) > limit:
            raise folder.TooMuch(f"{name} is over {limit:,} bytes long")
        return {name: content}
    else:
        raise folder.TooMuch(f"{path.name} is no plain file")
    kinds = folder.is_notebook, folder.is_readme, folder.is_markdown
    return {name: text for name, text in files.items() if any(kind(name) for kind in kinds)}


def of_notebook(name: str, cells: Sequence[Cell]) -> list[Printed]:
    """The logs in a notebook's stored outputs."""
    titles = _titles(cells)
    return [
        Printed(f"{name}, cell {log.cell + 1}", titles[log.cell], log)
        for log in outputs.logs(cells, range(len(cells)))
    ]


def of_text(name: str, text: str) -> list[Printed]:
    """The logs in a text's code blocks; where none holds one, the whole may be a log as it came.

    Notes speak of epochs, too, the best of each step, say: a log tells of three in a row. As much
    is read as of a notebook's cell.
    """
    text = text[: notebook.MAX_OUTPUT].replace("\r\n", "\n")
    blocks = list(_blocks(text.split("\n")))
    for parts in blocks, [_Block(0, Cell("code", "", notebook.shown(text)))]:
        cells = [block.cell for block in parts]
        logs = [log for log in outputs.logs(cells, range(len(cells))) if _counts_on(log)]
        if logs:
            titles = _titles(cells)
            return [
                Printed(
                    f"{name}, line {parts[log.cell].line + log.line + 1}", titles[log.cell], log
                )
                for log in logs
            ]
    return []


def _counts_on(log: Log) -> bool:
    """Whether it tells of three epochs in a row."""
    numbers = [stated.epoch for stated in log.stated if stated.epoch is not None]
    return any(numbers[i : i + 3] == [n, n + 1, n + 2] for i, n in enumerate(numbers))


# Blocks of a text ---------------------------------------------------------------------------

_FENCE = re.compile(r"[\s>]*(`{3,}(?!.*`)|~{3,}|<pre\b(?!.*</pre))", re.IGNORECASE)
_INDENTED = re.compile(r"(?:\s|[-*+](?=\s)){4}")
"""A list's mark is let through: in a pasted log it is a slip, and the log goes on."""


@dataclass(frozen=True)
class _Block:
    """A code block as a code cell that printed it, or the text between as a markdown cell."""

    line: int
    """Of the text, from 0, at which it begins."""
    cell: Cell


def _blocks(lines: Sequence[str]) -> Iterator[_Block]:
    """The blocks of a text in order; blank lines belong to the block before them."""
    start, code, fence = 0, False, ""
    for number, line in enumerate(lines):
        before = code
        if fence:
            if _closes(line, fence):
                code, fence = False, ""
        elif opening := _FENCE.match(line):
            code, fence = True, opening[1].lower()
        elif line.strip():
            code = _INDENTED.match(line.expandtabs(4)) is not None
        if code != before:
            yield _block(start, lines[start:number], before)
            start = number
    yield _block(start, lines[start:], code)


def _closes(line: str, fence: str) -> bool:
    if fence == "<pre":
        return "</pre" in line.lower()
    return re.fullmatch(rf"[\s>]*{fence}{fence[0]}*\s*", line) is not None


def _block(start: int, lines: Sequence[str], code: bool) -> _Block:
    text = "\n".join(lines)
    return _Block(start, Cell("code", "", notebook.shown(text)) if code else Cell("markdown", text))


_HEADING = re.compile(r"\s{0,3}#{1,6}\s*\S.*|.{1,80}:[\s*_]*|.{0,80}<summary>.*", re.IGNORECASE)
_TAG = re.compile(r"<[^<>]{0,200}>")


def _titles(cells: Sequence[Cell]) -> list[str]:
    """For each cell the nearest heading in the texts above it; empty where there is none."""
    titles, nearest = [], ""
    for cell in cells:
        titles.append(nearest)
        if cell.kind == "markdown":
            nearest = _title(cell.source) or nearest
    return titles


def _title(text: str) -> str:
    """The last heading in a text."""
    for line in reversed(text[-notes.MAX_TEXT :].splitlines()):
        if _HEADING.fullmatch(line) and not notes.heading(line):
            return _TAG.sub("", line).strip("#*_:>- \t")[:80]
    return ""
