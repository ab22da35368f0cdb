"""Reads the notes of a step: Target, Result and Analysis. Must not know how steps are trained."""

from __future__ import annotations

import ast
import re

from pydantic import BaseModel, ConfigDict

_HEADING = re.compile(r"^\W*(target|result|analysis)s?\W*?:\W*(.*)$", re.IGNORECASE)


class Notes(BaseModel):
    """What the learner wrote about a step; empty where nothing was found."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)

    title: str = ""
    """The first line."""
    target: str = ""
    """What the step set out to do."""
    result: str = ""
    """What it reached, in the learner's words."""
    analysis: str = ""
    """What the learner made of it."""


def read(source: bytes) -> Notes:
    """The notes in the docstring of a Python file, which is parsed and never executed."""
    try:
        docstring = ast.get_docstring(ast.parse(source)) or ""
        docstring = docstring.encode(errors="replace").decode()  # escapes may hold half a character
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return Notes()  # whoever runs the file will say what is wrong with it
    lines = docstring.splitlines()
    found: dict[str, list[str]] = {}
    current: list[str] = []
    for line in lines[1:]:
        if heading := _HEADING.match(line):
            current = found.setdefault(heading[1].lower(), [])
            line = heading[2]
        current.append(line.strip())
    texts = {key: "\n".join(text).strip() for key, text in found.items()}
    return Notes(title=lines[0] if lines else "", **texts)
