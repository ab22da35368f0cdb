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
from collections.abc import Iterable, Iterator

RUN = 25
"""Tokens that are hashed together; shorter ones are shared by chance, such as a layer's line."""

WINDOW = 20
"""Runs of which one is kept."""

MOST = 4_000
"""Hashes that are kept of one file; 200 lines leave about 150."""

_SHELL = re.compile(r"(?m)^[ \t]*[!%].*$")
"""Lines for the shell or for IPython."""

_SILENT = {
    tokenize.COMMENT,
    tokenize.NL,
    tokenize.NEWLINE,
    tokenize.INDENT,
    tokenize.DEDENT,
    tokenize.ENCODING,
    tokenize.ENDMARKER,
}
"""What changes with the layout alone."""


def fingerprint(texts: Iterable[str]) -> list[int]:
    """The hashes, of 32 bits, that are kept of some Python code, each once and in order.

    Names count by what they are attributes of (`.conv2d`) and not where a learner chose them,
    numbers and texts only as such. A text that is no Python is read as far as it can be.

    Args:
        texts: files, or the cells of a notebook.
    """
    tokens = [token for text in texts for token in _tokens(text)]
    hashes = [
        int.from_bytes(hashlib.sha256("\n".join(run).encode()).digest()[:4], "big")
        for run in zip(*(tokens[start:] for start in range(RUN)), strict=False)
    ]
    kept = {min(hashes[n : n + WINDOW]) for n in range(max(len(hashes) - WINDOW + 1, 0))}
    return sorted(kept or set(hashes))[:MOST]


def _tokens(code: str) -> Iterator[str]:
    """The tokens of code without what a learner chooses freely."""
    before = ""
    code = _SHELL.sub("", code)
    try:
        for token in tokenize.generate_tokens(io.StringIO(code).readline):
            if token.type in _SILENT:
                continue
            if (
                token.type == tokenize.NAME
                and before != "."
                and not keyword.iskeyword(token.string)
            ):
                yield "name"
            elif token.type == tokenize.NUMBER:
                yield "number"
            elif token.type == tokenize.STRING:
                yield "text"
            else:
                yield token.string
            before = token.string
    except (tokenize.TokenError, SyntaxError):  # a line for the shell, or a bracket left open
        return
