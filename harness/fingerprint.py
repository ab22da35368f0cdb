"""Fingerprints of code: what two texts share however they name things and lay them out.

Winnowing: of all runs of tokens the least hash in each window is kept, so that any passage shared
by two texts that is as long as run and window together leaves a common hash in both (Schleimer,
Wilkerson, Aiken: "Winnowing: local algorithms for document fingerprinting", SIGMOD 2003). Must
not know whose code it is.
"""

from __future__ import annotations

import hashlib
import io
import keyword
import re
import tokenize
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain, islice, pairwise
from typing import NamedTuple

RUN = 25
"""Tokens that are hashed together; shorter ones are shared by chance, such as a layer's line."""

WINDOW = 20
"""Runs of which one is kept."""

MOST = 40_000
"""Tokens that are read; 200 lines have some 1,500, of which about 150 hashes are kept."""

_SHELL = re.compile(r"(?m)^[ \t]*[!%].*$")
"""Lines for the shell or for IPython."""

_SILENT = {"COMMENT", "NL", "NEWLINE", "INDENT", "DEDENT", "ENDMARKER"}
"""What changes with the layout alone."""


class _Token(NamedTuple):
    kind: str
    written: str


def fingerprint(texts: Iterable[str]) -> list[int]:
    """The hashes, of 32 bits, that are kept of some Python code, each once and in order.

    A library's names count (`.conv2d`) and those that a learner chose do not; numbers and texts
    count only as such. A text that is no Python is read as far as it can be.

    Args:
        texts: files, or the cells of a notebook.
    """
    tokens = _normalised(list(islice(chain.from_iterable(map(_tokens, texts)), MOST)))
    hashes = [
        int.from_bytes(hashlib.sha256("\n".join(run).encode(errors="replace")).digest()[:4], "big")
        for run in zip(*(tokens[start:] for start in range(RUN)), strict=False)
    ]
    kept = {min(hashes[n : n + WINDOW]) for n in range(max(len(hashes) - WINDOW + 1, 0))}
    return sorted(kept or set(hashes))


def _tokens(code: str) -> Iterator[_Token]:
    """The tokens of a text, up to where it is no Python any more."""
    within = 0
    lines = io.StringIO(_SHELL.sub("", code))
    try:
        for token in tokenize.generate_tokens(lines.readline):
            kind = tokenize.tok_name[token.type]
            # From Python 3.12 on a formatted text is several tokens; before it was one.
            within += kind.endswith("STRING_START")
            if kind.endswith("STRING_END"):
                within -= 1
                kind = "STRING"
            if not within and kind not in _SILENT:
                yield _Token(kind, token.string)
    except (tokenize.TokenError, SyntaxError, ValueError):  # such as a bracket left open
        return


def _normalised(tokens: Sequence[_Token]) -> list[str]:
    """Tokens without what a learner chooses freely."""
    start = _Token("", "")
    # What the code itself defines, and the attributes that it sets: `self.conv1 = ...`.
    own = {two.written for one, two in pairwise(tokens) if one.written in ("def", "class")}
    own |= {
        two.written
        for one, two, three in zip(tokens, tokens[1:], tokens[2:], strict=False)
        if one.written == "." and three.written == "="
    }
    words = []
    for before, (kind, written) in pairwise([start, *tokens]):
        if kind == "NAME" and not keyword.iskeyword(written):
            words.append(written if before.written == "." and written not in own else "name")
        else:
            words.append({"NUMBER": "number", "STRING": "text"}.get(kind, written))
    return words
