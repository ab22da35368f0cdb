"""Tells what is wrong with a rubric or a recipe: the key, the value and what would be right.

Pydantic finds the mistakes; this module words them. Must not know rubrics or recipes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from difflib import get_close_matches

from pydantic import BaseModel, ValidationError

Place = tuple[int | str, ...]
"""Where in a document: keys and positions, from the outside in."""


def told(error: ValidationError, known: Callable[[Place], Iterable[str]]) -> list[str]:
    """One sentence for each mistake in a document.

    Args:
        error: what Pydantic found.
        known: the keys that the table at a place may have, to propose for a misspelt one.
    """
    sentences = []
    for problem in error.errors(include_url=False):
        where, value = problem["loc"], problem["input"]
        message = problem["msg"].removeprefix("Value error, ").removeprefix("Input ")
        if problem["type"] == "missing":
            sentences.append(f"{_key(where)} is missing")
        elif problem["type"] == "extra_forbidden":
            right = proposal(str(where[-1]), known(where[:-1]))
            sentences.append(f"{_key(where)} = {value!r} is not a known key{right}")
        elif isinstance(value, dict | BaseModel) or len(repr(value)) > 80:
            sentences.append(f"{_key(where)}: {message}")
        else:
            sentences.append(f"{_key(where)} = {value!r}: {message}")
    return sentences


def proposal(name: str, known: Iterable[str]) -> str:
    """The end of a sentence about an unknown name: what was probably meant, or all there is."""
    known = sorted(known)
    if close := get_close_matches(name, known, n=1):
        return f"; did you mean {close[0]}?"
    return f"; it may be {', '.join(known)}" if known else ""


def _key(where: Place) -> str:
    """A place as the reader of the document would name it, counting from 1: `checks[2].points`."""
    text = ""
    for part in where:
        text += f"[{part + 1}]" if isinstance(part, int) else f".{part}" if text else part
    return text or "the document"
