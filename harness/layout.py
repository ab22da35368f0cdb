"""Tells which files of a submission are its steps, and in what order. Must not run any of them.

Where notebooks train networks, they are the steps, and Python files are what they import. Where
none does, every Python file that lies in the folder itself is a step, unless it defines no network
and trains another's, or is imported for something else; one that defines several networks and no
`Net` is a step for each of them. In doubt a file is a step: to grade one too many is seen, to miss
one is not. Must not know what a README says of them but in which order it names them.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import pairwise
from pathlib import PurePosixPath
from urllib.parse import unquote

from harness import notebook, syntax
from harness.folder import Files, is_notebook, is_readme


@dataclass(frozen=True)
class LeftOut:
    """A file that looks like a step and is none."""

    name: str
    reason: str
    """Why, in words that stand after its name and a colon."""


@dataclass(frozen=True)
class Choice:
    """A step: its file, and the class of it that is meant."""

    file: str
    network: str = ""

    @property
    def name(self) -> str:
        """How it is called in reports and in `submission.toml`."""
        return f"{self.file}:{self.network}" if self.network else self.file


def choose(files: Files, kept: frozenset[str] = frozenset()) -> tuple[list[Choice], list[LeftOut]]:
    """The steps of a submission in order, and what is left out of them.

    Args:
        files: all of it, by path.
        kept: files that `submission.toml` names, and that are steps whatever they look like.
    """
    notebooks = [name for name in files if is_notebook(name) and may_be_step(name)]
    sources = [n for n in files if n.endswith(".py") and "/" not in n and may_be_step(n)]
    left_out = _no_steps(notebooks, files, kept)
    steps = [name for name in notebooks if name not in left_out]
    if not steps and (any(_defines(files[name]) for name in sources) or not notebooks):
        left_out |= _no_models(sources, files, kept)
        steps = [name for name in sources if name not in left_out]
    elif not steps:
        steps, left_out = notebooks, {}
    else:
        left_out |= _beside_notebooks(sources, files)
    chosen = [
        Choice(name, network)
        for name in in_order(steps, files)
        for network in ([] if name in kept else _networks(name, files[name])) or [""]
    ]
    return chosen, [LeftOut(name, left_out[name]) for name in sorted(left_out, key=natural)]


def may_be_step(name: str) -> bool:
    """Whether a file's name lets it be a step."""
    file = PurePosixPath(name).name
    return file[0] not in "_." and (file.endswith(".py") or is_notebook(file))


# Notebooks ----------------------------------------------------------------------------------

_SCRATCH = re.compile(r"untitled\d*|scratch(?:[ _-]?pad)?|playground", re.IGNORECASE)
_SCRATCHED = "by its name it is a scratch pad"
_ALL = re.compile(r"(?<![a-z])all(?![a-z])|consolidat|combin|merged|together", re.IGNORECASE)
_COPY = re.compile(
    r"copy[ _-]of\b|[ _-]+copy\d*$|\bcopy\b[ _]?\(?\d*\)?$|\(\d+\)$|backup", re.IGNORECASE
)


def _no_steps(names: list[str], files: Files, kept: frozenset[str]) -> dict[str, str]:
    """The notebooks that are no steps, and why; one at least is left if any may train."""
    code = {name: _code(files[name]) for name in names}
    left_out: dict[str, str] = {}
    # What has the mark of a copy comes last, so that it is the copy which is left out.
    for name in sorted(names, key=lambda name: (bool(_COPY.search(_stem(name))), natural(name))):
        text = code[name]
        if name in kept or text is None:
            continue  # whoever runs it will say what is wrong with it
        earlier = [n for n in names if n not in left_out and n != name]
        if not _may_train(name, text, files):
            left_out[name] = "it neither defines nor imports a network, and trains none"
        elif twin := next(
            (n for n in earlier if n in _before(name, names) and _alike(n, name, code)), ""
        ):
            left_out[name] = f"its code is that of {twin}"
        elif _SCRATCH.fullmatch(_stem(name)):
            left_out[name] = _SCRATCHED
    for name in names:
        text = code[name]
        if name in left_out or name in kept or text is None:
            continue
        others = [n for n in names if n != name and n not in left_out]
        if not _stands_apart(name, others):
            continue
        if parts := _gathered(text, {n: code[n] or "" for n in others}):
            left_out[name] = f"it repeats the networks of {', '.join(parts)}, and adds none"
    if len(left_out) == len(names):
        left_out = {name: why for name, why in left_out.items() if why != _SCRATCHED}
    return left_out


def _stands_apart(name: str, others: list[str]) -> bool:
    """Whether a name has no place in the numbers of the others, or says that it has them all."""
    return bool(_ALL.search(_stem(name))) or (
        _numbered(sorted(others, key=natural))
        and not _numbered(sorted([name, *others], key=natural))
    )


def _before(name: str, names: list[str]) -> list[str]:
    ordered = sorted(names, key=lambda n: (bool(_COPY.search(_stem(n))), natural(n)))
    return ordered[: ordered.index(name)]


def _stem(name: str) -> str:
    return PurePosixPath(name).stem.strip()


def _code(content: bytes) -> str | None:
    """The code of a notebook; None where it cannot be read."""
    try:
        cells = notebook.read(content)
    except notebook.NotebookError:
        return None
    return "\n".join(cell.source for cell in cells if cell.kind == "code")


def _may_train(name: str, code: str, files: Files) -> bool:
    """Whether it may be a step: it holds a network or a training loop, or imports a network."""
    if syntax.defines_network(code) or syntax.trains(code) or syntax.builds_network(code):
        return True
    for module in syntax.imports(code):
        found = _module(name, module, files)
        if found and _defines(files[found]):
            return True
        if not found and re.search(r"(?i)model|net(?!work[sx])|solution|step|train", module):
            return True  # its file is not here, and by its name it may be one
    return False


def _module(name: str, module: str, files: Files) -> str:
    """The file that a step imports as a module; empty for what is not the submission's."""
    path = module.lstrip(".").replace(".", "/")
    for folder in ("", *(f"{parent}/" for parent in _folders(name))):
        for file in (f"{folder}{path}.py", f"{folder}{path}/__init__.py"):
            if path and file in files:
                return file
    return ""


def _folders(name: str) -> list[str]:
    return [str(parent) for parent in PurePosixPath(name).parents if str(parent) != "."]


def _alike(one: str, other: str, code: dict[str, str | None]) -> bool:
    """Whether two notebooks run the same code, on the same modules."""
    first, second = code[one], code[other]
    if first is None or second is None or first.split() != second.split():
        return False
    return PurePosixPath(one).parent == PurePosixPath(other).parent or not any(
        "." in module[:1] or re.search(r"(?i)model|net|util|train", module)
        for module in syntax.imports(first)
    )


def _gathered(code: str, others: dict[str, str]) -> list[str]:
    """The other notebooks whose networks this one repeats, if it holds two and none of its own."""
    own = _class_texts(code)
    theirs = {name: texts for name, text in others.items() if (texts := _class_texts(text))}
    parts = [name for name, texts in theirs.items() if texts <= own]
    different = {frozenset(theirs[name]) for name in parts}
    return parts if len(different) > 1 and own == set().union(*different) else []


def _class_texts(code: str) -> set[str]:
    """The classes that are networks, each without its white space."""
    blocks = re.split(r"(?m)^(?=\S)", code)
    return {
        "".join(b.split())
        for b in blocks
        if b.startswith("class ") and "Module" in b.split("\n")[0]
    }


# Python files -------------------------------------------------------------------------------


def _no_models(names: list[str], files: Files, kept: frozenset[str]) -> dict[str, str]:
    """The Python files that are no steps, and why; one at least is left."""
    outlines = {name: syntax.outline(files[name]) for name in names}
    imported = {
        name: {_module(name, module, files) for module in syntax.imports(_text(files[name]))}
        for name in names
    }
    left_out: dict[str, str] = {}
    for name in names:
        this = outlines[name]
        if name in kept or this is None or this.networks or this.recipe or _defines(files[name]):
            continue
        models = [n for n in sorted(imported[name], key=natural) if n and _defines(files[n])]
        users = [n for n in names if n != name and name in imported[n]]
        if models:
            left_out[name] = f"it defines no network, and imports {', '.join(models)}"
        elif users:
            left_out[name] = f"it defines no network, and {users[0]} imports it"
    return {} if len(left_out) == len(names) else left_out


def _beside_notebooks(names: list[str], files: Files) -> dict[str, str]:
    """The Python files that are written as steps are, and why they are none."""
    outlines = {name: syntax.outline(files[name]) for name in names}
    return {
        name: "it has a recipe, and notebooks that train stand beside it"
        for name, outline in outlines.items()
        if outline and outline.recipe
    }


def _text(content: bytes) -> str:
    return content.decode(errors="replace")


def _defines(content: bytes) -> bool:
    return syntax.defines_network(_text(content))


def _networks(name: str, content: bytes) -> list[str]:
    """The networks of a file that holds several, each of them a step; none if one is meant."""
    found = None if is_notebook(name) else syntax.outline(content)
    if found is None or len(found.networks) < 2 or found.recipe or "Net" in found.networks:
        return []
    return found.networks


# Order --------------------------------------------------------------------------------------


def natural(name: str) -> tuple[list[tuple[int, str]], str]:
    """A key that sorts `step_9.py` before `step_10.py`, whatever the case."""
    parts = re.split(r"([0-9]+)", name.casefold())
    return [(int(p), "") if p.isdecimal() else (-1, p) for p in parts], name


def in_order(names: list[str], files: Files) -> list[str]:
    """Steps in the order of their numbers, or in that in which a README names them.

    A README that names all but one of four or more orders them, too; that one stands first. Names
    that neither numbers nor a README order stand in natural order: those without a number after
    the others, and one that is called final last.
    """
    ordered = sorted(names, key=natural)
    if _numbered(ordered):
        return ordered
    for readme in sorted(filter(is_readme, files), key=lambda name: (name.count("/"), name)):
        places = [first_mention(_text(files[readme]), name) for name in ordered]
        unnamed = places.count(-1)
        if unnamed <= (len(names) > 3) and len(set(places)) == len(places):
            return sorted(ordered, key=lambda name: places[ordered.index(name)])
    prefix = _shared(ordered)
    return sorted(
        ordered,
        key=lambda name: (
            "final" in _stem(name).lower(),
            not re.search(r"[0-9]", name[prefix:]),
            natural(name),
        ),
    )


def first_mention(text: str, name: str) -> int:
    """Where a README first names a file, be it in a link or with its last name alone; else -1."""
    readable = unquote(text).casefold()
    file = PurePosixPath(name).name.casefold()
    places = [readable.find(name.casefold()), readable.find(file)]
    stem = PurePosixPath(file).stem
    if len(stem) > 3:
        places += [m.start() for m in re.finditer(rf"(?<!\w){re.escape(stem)}(?!\w)", readable)][:1]
    return min((place for place in places if place >= 0), default=-1)


MANY = 40
"""No step has this number; `99_41` in a name is an accuracy."""


def _numbered(ordered: list[str]) -> bool:
    """Whether each name differs first from the next in a number."""
    for one, other in pairwise(ordered):
        pairs = zip(natural(one)[0], natural(other)[0], strict=False)
        differing = next((pair for pair in pairs if pair[0] != pair[1]), None)
        if differing is None or not all(0 <= number < MANY for number, _ in differing):
            return False
    return True


def _shared(names: list[str]) -> int:
    """Characters with which all names begin."""
    first, last = min(names, default=""), max(names, default="")
    for place, character in enumerate(first):
        if last[place : place + 1] != character:
            return place
    return len(first)
