"""Reads a notebook as it was handed in: its cells, and what they printed then. Runs nothing.

Stored outputs are words like any others in it: they can be typed by hand. Must not know what
they claim, nor what a run of the notebook brings.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from harness import notes

MAX_OUTPUT = 2_000_000
"""Characters of a cell's stored output that are read; 20 epochs with progress bars take 200,000."""

MAX_LINE = 2_000
"""Characters of one printed line that are kept."""

_ESCAPE = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?|[@-Z\\-_])")


class NotebookError(ValueError):
    """The file cannot be read as a notebook; says why, without its name."""


@dataclass(frozen=True)
class Cell:
    """A cell of a notebook."""

    kind: Literal["code", "markdown", "raw"]
    source: str
    output: str = ""
    """What it printed when it was last run, as a terminal would show it: streams, plain texts of
    results, errors. Pictures are left out."""


def read(content: bytes) -> list[Cell]:
    """The cells of a notebook of format 4, in order; one that makes no sense is an empty raw one.

    Raises:
        NotebookError: if it is no such notebook, or has no cells.
    """
    if not content.strip():
        raise NotebookError("the file is empty")
    try:
        whole = json.loads(content.decode("utf-8-sig"))
    except (ValueError, RecursionError) as error:
        told = str(error)[:200] or type(error).__name__
        raise NotebookError(f"it is no notebook, or one that was cut off: {told}") from None
    if not isinstance(whole, dict) or not isinstance(whole.get("nbformat"), int):
        raise NotebookError("it is JSON, and no notebook: it does not say its nbformat")
    if whole["nbformat"] != 4:
        number = str(whole["nbformat"])[:20]
        raise NotebookError(
            f"it has notebook format {number}, and format 4 is read; open and save it in Jupyter"
        )
    cells = whole.get("cells")
    if not isinstance(cells, list) or not cells:
        raise NotebookError("it has no cells")
    return [_cell(cell) for cell in cells]


def _cell(cell: Any) -> Cell:
    kind = cell.get("cell_type") if isinstance(cell, dict) else None
    match kind:
        case "code":
            return Cell("code", _text(cell.get("source")), _printed(cell.get("outputs")))
        case "markdown" | "raw":
            return Cell(kind, _text(cell.get("source")))
    return Cell("raw", "")


def _text(written: Any) -> str:
    """A multi-line string, which a notebook may hold as a list of lines."""
    lines = written if isinstance(written, list) else [written]
    whole = "".join(line for line in lines if isinstance(line, str))
    # JSON can hold half a character, which nothing can write.
    return whole.encode(errors="replace").decode().replace("\r\n", "\n")


def _printed(outputs: Any) -> str:
    """What stored outputs look like to a reader."""
    pieces: list[str] = []
    last = ""
    for output in outputs if isinstance(outputs, list) else []:
        if not isinstance(output, dict):
            continue
        data = output.get("data")
        match output.get("output_type"):
            case "stream":
                source, text = _text(output.get("name")), _text(output.get("text"))
            case "error":
                text = f"{_text(output.get('ename'))}: {_text(output.get('evalue'))}"
                source = "error"
            case _:
                text = _text(data.get("text/plain")) if isinstance(data, dict) else ""
                source = "data"
        # What one stream wrote in several outputs is one text.
        if pieces and (source != last or source == "data"):
            pieces.append("\n")
        pieces.append(text)
        last = source
    whole = "".join(pieces)[:MAX_OUTPUT]
    return shown(whole.encode(errors="replace").decode())


def shown(written: str) -> str:
    """A text as a terminal shows it, line by line: without colours, progress bars at their end."""
    return "\n".join(_shown(line) for line in _ESCAPE.sub("", written).split("\n"))


def _shown(line: str) -> str:
    """A line as a terminal shows it: what follows a carriage return is written over it."""
    shown = ""
    for written in line.split("\r"):
        shown = (written + shown[len(written) :])[:MAX_LINE]
    return shown.rstrip()


# Parts --------------------------------------------------------------------------------------

_NUMBERED = re.compile(
    r"[\s>#*_`\d.)-]*(?:step|code|model|phase|part|experiment|iteration|attempt|version|net(?:work)?)"
    r"\W{0,3}\d+",
    re.IGNORECASE,
)


def parts(
    cells: Sequence[Cell], runs: Sequence[tuple[int | None, int | None, int | None]]
) -> list[range]:
    """The cells that belong to each class of a notebook that trains several.

    A part begins with what stands above its class, or above its first training where the class is
    an earlier one or a module's; notes that follow its last training belong to it. Classes that
    one cell trains share a part.

    Args:
        cells: all of the notebook.
        runs: for each class, in order, the cell that last defined it (None for a module's), and
            the first and the last that trains it (None where that is not known).
    """
    starts: list[int] = []
    before: int | None = None
    for defined, first, last in runs:
        if (
            first is None
            or last is None
            or not 0 <= first <= last < len(cells)
            or (before is not None and last <= before)
        ):
            starts.append(starts[-1] if starts else 0)
            continue
        if before is None:
            starts.append(0)
        else:
            trained = first if first > before else last
            anchor = defined if defined is not None and before < defined <= trained else trained
            starts.append(_start(cells, before + 1, anchor))
        before = last
    ends = [
        next((s for s in starts[i:] if s > start), len(cells)) for i, start in enumerate(starts)
    ]
    return [range(start, end) for start, end in zip(starts, ends, strict=True)]


def _start(cells: Sequence[Cell], first: int, anchor: int) -> int:
    """The first cell of a part, after one training and up to the class or training of the next."""
    texts = [number for number in range(first, anchor) if cells[number].kind != "code"]
    headings = {number: _headings(cells[number].source) for number in texts}
    for number in texts:
        if "target" in headings[number] or "number" in headings[number]:
            return number
    closing = [number for number in texts if headings[number]]
    if closing:
        return closing[-1] + 1
    above = anchor
    while above > first and cells[above - 1].kind != "code":
        above -= 1
    return above if above < anchor else first if not texts else texts[-1] + 1


def _headings(text: str) -> set[str]:
    """The kinds of notes that a cell opens, and `number` for what is called `Step 2`, say."""
    lines = text[: notes.MAX_TEXT].splitlines()
    kinds = {kind for line in lines if (kind := notes.heading(line))}
    return kinds | {"number"} if any(map(_NUMBERED.match, lines)) else set(kinds)
