"""Finds in a README what it says about each step: its Target, Result and Analysis.

A README tells of steps in sections, one after the other, or in a table. Which step a section is
about is told by a file that it names, by a number in its heading, or else by its place; one that
names another file than the steps' is about none of them. Must not know what notes state; that a
lone Target may be the assignment's is all that it knows of them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import PurePosixPath

from harness import notes
from harness.layout import first_mention
from harness.notes import Kind, Notes

MAX_TEXT = 1_000_000
"""Characters of a README that are read; one with every epoch's log has 100,000."""

_ATX = re.compile(r"\s{0,3}(#{1,6})\s*(\S.*)")
_STEP = (
    r"(?:steps?|code|models?|phase|part|file|experiment|exp|iteration|attempt|network|net|notebook"
    r"|version|trial|v|f|s)"
)
_PLAIN_HEADING = re.compile(rf"[\s>*_`#-]*{_STEP}[\W_]{{0,3}}\d+\b[^.]{{0,60}}", re.IGNORECASE)
_FILE = re.compile(r"\w[)\]]?\.(?:ipynb|py)\b", re.IGNORECASE)
_NUMBER = re.compile(rf"(?<![a-z]){_STEP}[\W_]{{0,4}}(\d{{1,3}})(?!\d|\.\d| ?[%k])", re.IGNORECASE)


@dataclass
class _Section:
    """Lines about one step: what opens it, and its notes."""

    opening: list[str] = field(default_factory=list)
    """Lines between the notes before it and its first one."""
    body: list[str] = field(default_factory=list)
    kinds: set[Kind] = field(default_factory=set)
    first: Kind | None = None
    level: int = 0
    """Of the heading above it; 7 for a line that looks like one, 0 for none."""
    inner: int = 0
    """Of the headings of its notes, likewise."""


def about(text: str, steps: Sequence[str]) -> dict[str, Notes]:
    """The notes of each step that a README tells of, by the step's name.

    Args:
        text: the README.
        steps: names of steps in order, as the README may name them.
    """
    text = text[:MAX_TEXT]
    return _about(text, steps) or _about(notes.unfenced(text), steps)


def _about(text: str, steps: Sequence[str]) -> dict[str, Notes]:
    rows: list[tuple[str, Notes | _Section]]
    rows = [(" ".join(cells), said) for cells, said in notes.rows(text)]
    found: dict[str, Notes | _Section] = {}
    sections = _sections(text)
    ours = [section for section in sections if not _of_another(section, steps)]
    for match, several in ((_by_files, sections), (_by_numbers, ours), (_by_order, ours)):
        for texts in (rows, *_views(several)):
            matched = match([view for view, _ in texts], steps)
            if len(matched) > len(found):
                found = {step: texts[place][1] for step, place in matched.items()}
    return {
        step: notes.read_text(_body(one)) if isinstance(one, _Section) else one
        for step, one in found.items()
    }


def _views(sections: Sequence[_Section]) -> Iterator[list[tuple[str, Notes | _Section]]]:
    """All sections or some, each with what may tell whose it is."""
    for several in (
        [section for section in sections if section.kinds != {"target"}],  # the assignment's
        [section for section in sections if len(section.kinds) > 1],
        sections if len(sections) > 1 else [],
    ):
        for view in (_above, _body, _heading):
            yield [(view(each), each) for each in several]


def _of_another(section: _Section, steps: Sequence[str]) -> bool:
    """Whether a section names a file from its heading on, and none of the steps'."""
    last = max((n for n, line in enumerate(section.opening) if _level(line)), default=0)
    text = "\n".join(section.opening[last:])
    files = [step.partition(":")[0] for step in steps]
    return bool(_FILE.search(text)) and all(first_mention(text, file) < 0 for file in files)


def _above(section: _Section) -> str:
    """What stands between the notes before a section and its own."""
    return "\n".join(section.opening)


def _body(section: _Section) -> str:
    """All that stands from its first note on."""
    return "\n".join(section.body)


def _heading(section: _Section) -> str:
    """The heading of a section, be it all that stands above it."""
    lines = [line for line in section.opening if _level(line)]
    return lines[-1] if lines else ""


def _by_files(texts: Sequence[str], steps: Sequence[str]) -> dict[str, int]:
    """For each step the text that names its file, if every text names another."""
    return _different([_by_file(text, steps) for text in texts])


def _by_numbers(texts: Sequence[str], steps: Sequence[str]) -> dict[str, int]:
    """For each step the text that bears its number, if all steps have one."""
    numbers = _numbers(steps)
    found = _different([_by_number(text, numbers) for text in texts])
    return found if len(found) == len(steps) else {}


def _by_order(texts: Sequence[str], steps: Sequence[str]) -> dict[str, int]:
    """For each step the text in its place, if there are as many."""
    return {step: place for place, step in enumerate(steps)} if len(texts) == len(steps) else {}


def _different(names: Sequence[str]) -> dict[str, int]:
    named = [name for name in names if name]
    if len(set(named)) < len(named):
        return {}
    return {name: place for place, name in enumerate(names) if name}


def _by_file(text: str, steps: Sequence[str]) -> str:
    """The step whose file is named, if one alone is."""
    named = [step for step in steps if first_mention(text, step.partition(":")[0]) >= 0]
    if len({step.partition(":")[0] for step in named}) > 1 or not named:
        # `Step1` is named by `Step1_final` too: the longest name is meant.
        longest = max(named, key=len, default="")
        return longest if all(_stem(name) in _stem(longest) for name in named) else ""
    if len(named) == 1:
        return named[0]
    classes = [s for s in named if re.search(rf"\b{re.escape(s.partition(':')[2])}\b", text)]
    return classes[0] if len(classes) == 1 else ""


def _stem(step: str) -> str:
    return PurePosixPath(step).stem.casefold()


def _by_number(text: str, numbers: dict[int, str]) -> str:
    found = [int(number) for number in _NUMBER.findall(text)] or [
        int(number) for number in re.findall(r"^\W*(\d{1,3})\b", text)
    ]
    return numbers.get(found[0], "") if found else ""


def _numbers(steps: Sequence[str]) -> dict[int, str]:
    """The number by which each step differs from the others, if they differ by one."""
    split = [[int(part) for part in re.findall(r"\d{1,6}", step)] for step in steps]
    for place in range(min(map(len, split), default=0)):
        numbers = [parts[place] for parts in split]
        if len(set(numbers)) == len(numbers) and (len(steps) > 1 or place == len(split[0]) - 1):
            return dict(zip(numbers, steps, strict=True))
    return {}


# Sections -----------------------------------------------------------------------------------


def _sections(text: str) -> list[_Section]:
    """The sections of a README that hold notes, in order."""
    sections: list[_Section] = []
    current = _Section()
    level = 0
    opening: list[str] = []
    fence = ""
    for line in _joined(text):
        mark = re.match(r"[\s>]*(`{3,}|~{3,})", line)
        if mark:
            fence = "" if fence == mark[1][:3] else fence or mark[1][:3]
        kind = None if fence or mark else notes.heading(line)
        depth = 0 if fence or mark else _level(line)
        if kind:
            again = kind in current.kinds and (
                bool(opening) or kind == current.first or 0 < _atx(line) < current.level
            )
            if not current.kinds or again or _leaves(opening, current.level):
                current = _Section(opening, level=level, first=kind)
                sections.append(current)
            else:
                current.body += opening
            opening = []
            current.kinds.add(kind)
            current.inner = max(current.inner, _atx(line))
            current.body.append(line)
        elif current.kinds and (opening or _ends(depth, current, line)):
            opening.append(line)
            level = depth or level
        elif current.kinds:
            current.body.append(line)
        else:
            opening.append(line)
            level = depth or level
    return sections


def _leaves(opening: list[str], level: int) -> bool:
    """Whether one of the lines is a heading as high as that of the section before it."""
    return any(0 < _level(line) <= level for line in opening)


def _ends(depth: int, section: _Section, line: str) -> bool:
    """Whether a line may open something else than the notes above it.

    Below notes whose words are headings, a lower heading is part of them.
    """
    names_file = re.match(r"\s*[-*+]?\s*\[`?[^\]]*`?\]\([^)]*\.(?:ipynb|py)\)\s*$", line)
    higher = depth <= max(section.level, section.inner) or not section.inner or depth == 7
    return bool(names_file) or (depth > 0 and higher)


def _atx(line: str) -> int:
    found = _ATX.match(line)
    return len(found[1]) if found else 0


def _level(line: str) -> int:
    """The level of a heading, 7 for a short line such as `**Step 2**:`, 0 for any other line."""
    return _atx(line) or (7 if _PLAIN_HEADING.fullmatch(line) else 0)


def _joined(text: str) -> list[str]:
    """The lines of a text, with `<summary>` and `<h2>` as headings in lines of their own."""
    text = re.sub(r"(?i)<summary[^>]{0,200}>", "\n###### ", text)
    text = re.sub(
        r"(?i)<h([1-6])[^>]{0,200}>", lambda found: "\n" + "#" * int(found[1]) + " ", text
    )
    text = re.sub(r"(?i)</(?:summary|h[1-6])>", "\n", text)
    return text.splitlines()
