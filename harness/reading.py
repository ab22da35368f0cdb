"""Reads what a learner wrote about a step, wherever it stands: notes, claims, printed logs.

The places are, in the order in which they are believed for display: the notebook's own cells, the
docstring of the step's file, READMEs. All of them claim. Must not know what was measured.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

from harness import claims, notebook, notes, outputs, printed, readme, syntax
from harness.claims import Claim
from harness.evidence import Place
from harness.fingerprint import fingerprint
from harness.layout import first_mention
from harness.notebook import Cell
from harness.notes import Notes
from harness.outputs import Logged
from harness.submission import Source, Submission

MAX_LINES = 2_000
"""Of a file in which headings are looked for; notes stand at its top."""


@dataclass(frozen=True)
class Reading:
    """All that is written about a step."""

    notes: Notes
    claims: list[Claim]
    logged: list[Logged]
    """The trainings that were printed before it was handed in: those in READMEs, then a notebook's
    own outputs."""
    fingerprint: list[int]
    """Of its code."""
    lines: dict[Place, int]
    """Where in a model definition stands what a report points at."""


def read(
    submission: Submission,
    source: Source,
    part: range | None = None,
    trained: int | None = None,
) -> Reading:
    """What is written about a step.

    Args:
        submission: all that was handed in.
        source: the step's file.
        part: the cells of a notebook that belong to the step; all, where that is not known.
        trained: the cell that trains it, where that is known.
    """
    found: list[tuple[str, Notes]] = []
    told: list[Claim] = []
    logged = _of_logs(submission, source)
    lines: dict[Place, int] = {}
    if source.is_notebook:
        try:
            cells = notebook.read(source.content)
        except notebook.NotebookError:
            cells = []  # whoever runs it will say what is wrong with it
        part = range(len(cells)) if part is None else part
        code = [cells[number].source for number in part if cells[number].kind == "code"]
        found.append(("notebook", of_cells(cells, part)))
        told = outputs.read(cells, part, trained)
        logged += outputs.runs(cells, part)
        found += _of_modules(submission, source)
        if part.stop == len(cells):  # what is said of the file is said of what it comes to
            found += _of_readmes(submission, source)
    else:
        code = [source.content.decode("utf-8-sig", errors="replace")]
        lines = _lines(code[0], source.content)
        found.append(("docstring", notes.read(source.content, source.network)))
        found += _of_readmes(submission, source)
    first = found[0][0]  # the step's own file, whose title counts without notes as well
    found = [(p, said) for p, said in found if said.kinds or (p == first and said.title)]
    stated = [(_elsewhere(place), claims.read(said)) for place, said in found]
    return Reading(
        notes.merge(found),
        claims.merge([*stated, ("", told)]),
        logged,
        fingerprint(code),
        lines,
    )


def _lines(text: str, content: bytes) -> dict[Place, int]:
    """The first line of what a report points at in a model definition."""
    found: dict[Place, int] = {}
    for number, line in enumerate(text.splitlines()[:MAX_LINES], 1):
        if kind := notes.heading(line):
            found.setdefault(kind, number)
    return found | syntax.places(content)


def _elsewhere(place: str) -> str:
    return "" if place in ("notebook", "docstring") else place


def of_cells(cells: Sequence[Cell], part: range) -> Notes:
    """The notes in some cells of a notebook: those of the cell that has most of them.

    What that cell lacks the others may hold, the first of them first; a heading at the end of a
    cell is about the next. Of several that are as full the first counts in a whole notebook, and
    the last in a part of one. What is said of a whole notebook belongs to its last part.
    """
    said = _said(cells, part)
    if len(part) < len(cells) and (opening := _opening(cells)):
        said = [one for one in said if one != opening] + [opening] * (part.stop == len(cells))
    if not said:
        return Notes()
    # A notebook opens with its own notes; those of one part of several stand nearer to its class.
    near = -1 if len(part) == len(cells) else 1
    fullest = max(said, key=lambda one: (len(one[1].kinds), near * one[0]))
    whole = notes.merge(("", one) for _, one in [fullest, *said])
    above = [_words(cells[number]) for number in part if number == fullest[0] - 1]
    title = fullest[1].title or (_alone(above[0]) if above else "")
    return whole.model_copy(update={"places": {}, "title": title})


def _said(cells: Sequence[Cell], part: range) -> list[tuple[int, Notes]]:
    """The cells that hold notes, by their numbers."""
    texts = [(number, text) for number in part if (text := _words(cells[number]))]
    said = [(number, _read_on(texts, place)) for place, (number, _) in enumerate(texts)]
    return [(number, one) for number, one in said if one.kinds]


def _opening(cells: Sequence[Cell]) -> tuple[int, Notes] | None:
    """The notes above all classes and trainings, if no others are full or tell of a target."""
    said = _said(cells, range(len(cells)))
    full = [(number, one) for number, one in said if one.target or len(one.kinds) > 1]
    first = next((number for number, cell in enumerate(cells) if _begins(cell)), 0)
    only = len(full) == 1 and len(full[0][1].kinds) > 1 and full[0][0] < first
    return full[0] if only else None


def _begins(cell: Cell) -> bool:
    code = cell.source if cell.kind == "code" else ""
    return syntax.defines_network(code) or syntax.trains(code)


def _alone(text: str) -> str:
    """The title in a cell that holds a heading and nothing else."""
    lines = text.strip().splitlines()
    return notes.read_text(text).title if len(lines) == 1 and lines[0].startswith("#") else ""


def _read_on(texts: Sequence[tuple[int, str]], place: int) -> Notes:
    """The notes of a cell; where it ends with a heading, with the cell below it."""
    number, text = texts[place]
    lines = text.rstrip().splitlines()
    open_end = lines and notes.heading(lines[-1]) and not notes.read_text(lines[-1]).kinds
    if open_end and place + 1 < len(texts):
        below, more = texts[place + 1]
        if below == number + 1:
            return notes.read_text(f"{text}\n{more}")
    return notes.read_text(text)


def _words(cell: Cell) -> str:
    """What a cell says to a reader: text, or code that is nothing but a comment or a string."""
    if cell.kind != "code":
        return cell.source
    if not any(heading in cell.source.lower() for heading in notes.WORDS):
        return ""
    try:
        if text := ast.get_docstring(ast.parse(cell.source)):
            return text
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        pass  # a line for the shell
    lines = cell.source.strip().splitlines()
    if all(line.lstrip().startswith("#") or not line.strip() for line in lines):
        return "\n".join(line.strip().removeprefix("#").removeprefix(" ") for line in lines)
    return ""


def _of_modules(submission: Submission, source: Source) -> Iterator[tuple[str, Notes]]:
    """Docstrings of the modules beside a notebook, if it is the only step."""
    notebooks = [step for step in submission.steps if step.is_notebook]
    if len(notebooks) != 1:
        return
    for name, content in sorted(submission.files.items()):
        if name.endswith(".py") and len((said := notes.read(content)).kinds) > 1:
            yield name, said


def _of_readmes(submission: Submission, source: Source) -> Iterator[tuple[str, Notes]]:
    """What READMEs say about a step, from its own folder upwards."""
    for name in sorted(submission.readmes, key=lambda name: -name.count("/")):
        about = _below(name, submission)
        if source.name not in about:
            continue
        text = submission.readmes[name].decode("utf-8-sig", errors="replace")
        if said := readme.about(text, about).get(source.name):
            yield name, said


def _of_logs(submission: Submission, source: Source) -> list[Logged]:
    """The logs in READMEs under headings that name the step's file, and no other step's."""
    logs = []
    for name, content in sorted(submission.readmes.items()):
        about = _below(name, submission)
        if source.name in about:
            for found in printed.of_text(name, content.decode("utf-8-sig", errors="replace")):
                named = {step for step in about if first_mention(found.title, step) >= 0}
                if named == {source.name}:
                    logs.append(outputs.kept(found.log))
    return logs


def _below(readme: str, submission: Submission) -> list[str]:
    """The steps in a README's folder and in those below it."""
    folder = PurePosixPath(readme).parent
    return [step.name for step in submission.steps if folder in PurePosixPath(step.name).parents]
