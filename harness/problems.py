"""Reads TOML, and tells what is wrong with a document: the key, the value and what would be right.

Pydantic finds the mistakes; this module words them. Must not know what a document is about.
"""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Callable, Iterable
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError

Place = tuple[int | str, ...]
"""Where in a document: keys and positions, from the outside in."""


def table(path: Path) -> dict[str, Any]:
    """The table in a TOML file.

    Raises:
        ValueError: saying what keeps it from being read, to follow the name of the file.
    """
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ValueError(f"cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise ValueError("is not UTF-8 text") from None
    except tomllib.TOMLDecodeError as error:
        raise ValueError(f"is not TOML: {error}") from None
    except RecursionError:
        raise ValueError("has brackets within brackets, more than can be read") from None


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
            sentences.append(f"{_key(where)}{_is(value)} is not a known key{right}")
        elif problem["type"] == "list_type" and isinstance(value, dict):
            sentences.append(f"{_key(where)}: write [[{_key(where)}]], in double brackets")
        elif problem["type"] in ("model_type", "dict_type"):
            sentences.append(f"{_key(where)}{_is(value)}: should be a table")
        elif where and where[-1] == "[key]":  # how Pydantic marks a key that cannot be one
            sentences.append(f"{_key(where[:-2])}, key {value!r}: {message}")
        else:
            sentences.append(f"{_key(where)}{_is(value)}: {message}")
    return sentences


def proposal(name: str, known: Iterable[str]) -> str:
    """The end of a sentence about an unknown name: what was probably meant, or all there is."""
    known = sorted(known)
    if close := get_close_matches(name, known, n=1):
        return f"; did you mean {close[0]}?"
    return f"; it may be {', '.join(known)}" if known else ""


def _is(value: Any) -> str:
    """A value as it follows its key; nothing where it is too long to be shown."""
    short = not isinstance(value, dict | BaseModel) and len(repr(value)) <= 80
    return f" = {value!r}" if short else ""


def _key(where: Place) -> str:
    """A place as the reader of the document would name it, counting from 1: `checks[2].points`."""
    text = ""
    for part in where:
        if isinstance(part, int):
            text += f"[{part + 1}]"
        else:
            bare = re.fullmatch(r"[A-Za-z0-9_-]+", part)
            text += "." * bool(text) + (part if bare else json.dumps(part, ensure_ascii=False))
    return text or "the document"
