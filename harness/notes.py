"""Reads the notes of a step: Target, Result and Analysis. Must not know how steps are trained.

A heading is one of the words below, however decorated (`## Target`, `**Target:**`, `> * Target:`,
`2 - Results:`), that stands first on its line and is followed by a colon or by nothing. So
`Target accuracy: 99.4` is none, nor is the assignment's "target, result, analysis" or "Your new
target is"; and nothing is one in a code fence or a table.
"""

from __future__ import annotations

import ast
import difflib
import re
from functools import lru_cache
from typing import Literal

from pydantic import BaseModel, ConfigDict

MAX_TEXT = 100_000
"""Characters of a text that are read; a page of notes has 2,000."""

_WORDS: dict[str, Literal["target", "result", "analysis"]] = {
    "target": "target",
    "objective": "target",
    "aim": "target",
    "goal": "target",
    "result": "result",
    "analysis": "analysis",
    "conclusion": "analysis",
    "inference": "analysis",
    "observation": "analysis",
}

_ALIKE = 0.83
"""Lets slips through ("Ananlysis", "Tagret") and keeps "References" from "Inferences"."""

_HEADING = re.compile(
    r"([\W\d_]*)([A-Za-z]{3,14})(?:[\s*_]*([:\uff1a])[*_]*[-\s\u2013\u2014]*(.*)|[\s*_#]*)"
)
_FENCE = re.compile(r"[\s>]*(`{3,}|~{3,})")
_ESCAPE = re.compile(r"\x1b\[[0-?]*[ -/]*[@-~]")
_INVISIBLE = dict.fromkeys([0x200B, 0x200C, 0x200D, 0x2060, 0xFEFF])


class Notes(BaseModel):
    """What the learner wrote about a step; empty where nothing was found."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)

    title: str = ""
    """The first line, unless that is a heading of the notes."""
    target: str = ""
    """What the step set out to do."""
    result: str = ""
    """What it reached, in the learner's words."""
    analysis: str = ""
    """What the learner made of it."""


def read(source: bytes) -> Notes:
    """The notes in the docstring of a Python file, which is parsed and never executed."""
    try:
        return read_text(ast.get_docstring(ast.parse(source)) or "")
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return Notes()  # whoever runs the file will say what is wrong with it


def read_text(text: str) -> Notes:
    """The notes in plain text or Markdown about one step.

    Blocks of one kind, an Observation and a Conclusion say, are joined: none of a learner's words
    under a heading is lost. Words before the first heading are, but for the title.
    """
    title = ""
    blocks: dict[str, list[str]] = {}
    current: list[str] | None = None
    fence = ""
    for line in _plain(text).splitlines():
        if mark := _FENCE.match(line):
            fence = "" if fence == mark[1][:3] else fence or mark[1][:3]
        elif not fence and not line.lstrip("> \t").startswith("|"):
            if heading := _heading(line):
                kind, line = heading
                current = blocks.setdefault(kind, [])
            elif current is None and not title:
                title = line.strip("#>*_ \t") if re.search(r"\w", line) else ""
        if current is not None:
            current.append(line.strip() if re.search(r"\w", line) else "")  # no ruled lines
    return Notes(title=title, **{kind: "\n".join(lines).strip() for kind, lines in blocks.items()})


def _plain(text: str) -> str:
    """What a reader would see of it: no terminal codes, no characters without width."""
    whole = text[:MAX_TEXT].encode(errors="replace").decode()  # there may be half a character
    return _ESCAPE.sub("", whole).translate(_INVISIBLE)


def _heading(line: str) -> tuple[str, str] | None:
    """The kind of notes that a line opens, and what else stands on it."""
    if not (found := _HEADING.fullmatch(line)):
        return None
    decoration, word, colon, rest = found.groups()
    if not colon and word.islower() and not decoration.strip():
        return None  # the last word of a wrapped sentence
    kind = _kind(word.lower())
    return (kind, rest or "") if kind else None


@lru_cache(maxsize=1024)
def _kind(word: str) -> str | None:
    known = [*_WORDS, *(f"{word}s" for word in _WORDS)]
    alike = difflib.get_close_matches(word, known, n=1, cutoff=_ALIKE)
    return _WORDS.get(alike[0]) or _WORDS[alike[0].removesuffix("s")] if alike else None
