"""Reads the notes of a step: Target, Result and Analysis. Must not know how steps are trained.

A heading is one of the words below, however decorated (`## Target`, `**Target:**`, `> * Target:`,
`2 - Results:`), that stands first on its line and is followed by a colon or by nothing; with a
large letter a dash will do (`Target - reduce`). So `Target accuracy: 99.4` is none, nor is the
assignment's "target, result, analysis" or "Your new target is"; and nothing is one in a code fence
or a table, unless all the notes of a step stand there.
"""

from __future__ import annotations

import ast
import difflib
import html
import re
from collections.abc import Iterable, Sequence
from functools import lru_cache
from itertools import zip_longest
from typing import Literal, get_args

from pydantic import BaseModel, ConfigDict

MAX_TEXT = 100_000
"""Characters of a text that are read; a page of notes has 2,000."""

Kind = Literal["target", "result", "analysis"]
KINDS: tuple[Kind, ...] = get_args(Kind)

WORDS: dict[str, Kind] = {
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
"""Headings, without a plural's s, and the kind of notes that they open."""

_ALIKE = 0.83
"""Lets slips through ("Ananlysis", "Tagret") and keeps "References" from "Inferences"."""

_HEADING = re.compile(
    r"([\W\d_]*)([A-Za-z]{3,14})"
    r"(?:[\s*_`]*([:\uff1a]|(?<=[\s*_`])[-\u2013\u2014](?=\s|$))[*_`]*[-\s\u2013\u2014]*(.*)|[\s*_#`]*)"
)
_FENCE = re.compile(r"[\s>]*(`{3,}|~{3,})")
_ESCAPE = re.compile(r"\x1b\[[0-?]*[ -/]*[@-~]")
_TAG = re.compile(
    r"</?(?:a|abbr|b|blockquote|big|center|code|div|em|font|h[1-6]|i|img|kbd|mark|p|pre|small|span|strong"
    r"|strike|sub|sup|u|details|summary|ul|ol|li|dl|dt|dd|br|hr|table|thead|tbody|tr|t[hd]|style)\b"
    r"[^<>]{0,2000}>|<!--.{0,2000}?-->",
    re.IGNORECASE | re.DOTALL,
)
_NEW_LINES = re.compile(
    r"</?(?:br|p|pre|div|h[1-6]|li|ul|ol|dt|dd|details|summary|tr|table|hr)\b", re.I
)
_FRAME = re.compile(r"</?t(?:head|body|foot)\b[^<>]{0,200}>", re.IGNORECASE)
_ROW = re.compile(r"<tr\b.{0,20000}?</tr>", re.IGNORECASE | re.DOTALL)
_IMAGE = re.compile(r"!\[[^\]\n]{0,500}\]\([^)\n]{0,2000}\)")
_LINK = re.compile(r"\[([^\]\[\n]{0,500})\]\([^)\n]{0,2000}\)")
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
    places: dict[Kind, str] = {}
    """Where each stands, such as `README.md`; empty for notes that were read from one text."""

    @property
    def kinds(self) -> list[Kind]:
        """Those that were found."""
        return [kind for kind in KINDS if getattr(self, kind)]


def read(source: bytes, network: str = "") -> Notes:
    """The notes in the docstring of a Python file, which is parsed and never executed.

    Args:
        source: the file.
        network: the class that is meant; where it has a docstring, that is read and not the file's.
    """
    try:
        tree = ast.parse(source)
        classes = [node for node in tree.body if isinstance(node, ast.ClassDef)]
        own = next((ast.get_docstring(node) for node in classes if node.name == network), "")
        return read_text(own or ast.get_docstring(tree) or "")
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return Notes()  # whoever runs the file will say what is wrong with it


def read_text(text: str) -> Notes:
    """The notes in plain text or Markdown about one step.

    Blocks of one kind, an Observation and a Conclusion say, are joined: none of a learner's words
    under a heading is lost. Words before the first heading are, but for the title.
    """
    title = ""
    blocks: dict[Kind, list[str]] = {}
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
    said = {kind: "\n".join(lines).strip() for kind, lines in blocks.items()}
    fenced = any(map(_FENCE.match, text.splitlines()))
    if not said and fenced and len((inside := read_text(unfenced(text))).kinds) > 1:
        return inside
    if not said and len(table := rows(text)) == 1:
        return table[0][1].model_copy(update={"title": title})
    return Notes.model_validate({"title": title, **said})


def unfenced(text: str) -> str:
    """A text without the marks of its code fences, for one that has its notes inside."""
    return "\n".join(line for line in text.splitlines() if not _FENCE.match(line))


def merge(found: Iterable[tuple[str, Notes]]) -> Notes:
    """Notes of one step from several places: of each kind those of the first place that has it.

    Args:
        found: the places' names and what stands there, the first to be shown first.
    """
    said: dict[str, str] = {"title": ""}
    places: dict[str, str] = {}
    for place, one in found:
        said["title"] = said["title"] or one.title
        for kind in KINDS:
            if kind not in places and getattr(one, kind):
                said[kind], places[kind] = getattr(one, kind), place
    return Notes.model_validate({**said, "places": places})


def heading(line: str) -> Kind | None:
    """The kind of notes that a line of Markdown opens, if it does."""
    opened = _heading(_plain(line).strip("\n"))
    return opened[0] if opened else None


def rows(text: str) -> list[tuple[list[str], Notes]]:
    """Notes in the tables of a text: for each row, or column, its other cells and its notes."""
    found = []
    table: list[list[str]] = []
    for line in [*_plain(text, tables=True).splitlines(), ""]:
        if line.strip().startswith("|") or (table and "|" in line):
            table.append(
                [
                    cell.replace("\0", "\n").strip()
                    for cell in line.strip().removeprefix("|").removesuffix("|").split("|")
                ]
            )
        elif table:
            found += _table(table) or _table(
                [list(row) for row in zip_longest(*table, fillvalue="")]
            )
            table = []
    return found


def _table(table: Sequence[Sequence[str]]) -> list[tuple[list[str], Notes]]:
    """The notes of a table whose first row names two of their kinds at least."""
    kinds = [_cell_kind(cell) for cell in table[0]]
    if len(set(kinds) - {None}) < 2:
        return []
    found = []
    for row in table[1:]:
        if all(re.fullmatch(r"[\s:-]*", cell) for cell in row):
            continue
        said: dict[str, str] = {}
        others = []
        for kind, cell in zip(kinds, row, strict=False):
            if kind:
                said[kind] = f"{said[kind]}\n{cell}" if kind in said else cell
            else:
                others.append(cell)
        found.append((others, Notes.model_validate(said)))
    return found


def _cell_kind(cell: str) -> Kind | None:
    word = re.match(r"[\W\d_]*([A-Za-z]{3,14})\b", cell[:60])
    return _kind(word[1].lower()) if word and len(cell) < 60 else None


def _plain(text: str, tables: bool = False) -> str:
    """What a reader would see of it: no terminal codes, no markup, no characters without width.

    Args:
        text: plain text, Markdown or HTML.
        tables: whether tables are kept in lines of their own, with 0 for a new line in a cell.
    """
    whole = text[:MAX_TEXT].encode(errors="replace").decode()  # there may be half a character
    whole = _IMAGE.sub("", _ESCAPE.sub("", whole).translate(_INVISIBLE))
    whole = _LINK.sub(r"\1", whole)
    if tables:
        whole = _ROW.sub(lambda row: row[0].replace("\n", " "), _FRAME.sub("", whole))
        whole = re.sub(r"(?i)(?<!\s)\s*(<tr\b)", r"\n\1", re.sub(r"(?i)(</tr>)\s*", r"\1\n", whole))
    if "<" in whole:
        whole = "".join(_unmarked(line, tables) for line in whole.splitlines(keepends=True))
    return html.unescape(whole).translate(_INVISIBLE)


def _unmarked(line: str, tables: bool) -> str:
    """A line without HTML: items and breaks begin a line, or do so within a table's cell."""
    in_table = line.lstrip("> \t").lower().startswith(("|", "<tr"))
    new_line = ("\0" if tables else " ") if in_table else "\n"

    def plain(tag: re.Match[str]) -> str:
        name = re.match(r"</?(\w*)", tag[0])
        assert name is not None
        match name[1].lower():
            case "td" | "th" if tables:
                return "" if tag[0].startswith("</") else "|"
            case "tr" if tables:
                return ""
            case "li":
                return "" if tag[0].startswith("</") else f"{new_line}- "
        return new_line if _NEW_LINES.match(tag[0]) else ""

    return _TAG.sub(plain, line)


def _heading(line: str) -> tuple[Kind, str] | None:
    """The kind of notes that a line opens, and what else stands on it."""
    if not (found := _HEADING.fullmatch(line)):
        return None
    decoration, word, colon, rest = found.groups()
    if not colon and word.islower() and not decoration.strip():
        return None  # the last word of a wrapped sentence
    if colon and colon in "-\u2013\u2014" and word.islower():
        return None  # the first word of one
    kind = _kind(word.lower())
    return (kind, rest or "") if kind else None


@lru_cache(maxsize=1024)
def _kind(word: str) -> Kind | None:
    known = [*WORDS, *(f"{word}s" for word in WORDS)]
    alike = difflib.get_close_matches(word, known, n=1, cutoff=_ALIKE)
    return WORDS.get(alike[0]) or WORDS[alike[0].removesuffix("s")] if alike else None
