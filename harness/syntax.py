"""Says what Python code holds without running it: networks, imports, training.

Code of notebooks is read too, where lines for the shell or for IPython stand among the others, so
that words are looked for where no parser would come through. Must not know where code comes from.
"""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass
from typing import Literal

_CLASS = re.compile(r"^[ \t]*class[ \t]+(\w+)[ \t]*\(([^)]*)", re.MULTILINE)
_IMPORT = re.compile(r"^[ \t]*(?:from[ \t]+(\.*[\w.]*)[ \t]+import\b|import[ \t]+([^#\n;]+))", re.M)
_TRAINS = re.compile(r"\.backward\(|\.fit\(|\b(?:train|fit|run)\w*\(.*\bmodel")
_BUILDS = re.compile(
    r"\bnn\.Sequential\(|\btorch\.nn\b.*\bModule\b|\bimportlib\b|^[ \t]*%run\b", re.M
)
_COMMENT = re.compile(r"(?m)^[ \t]*#.*$")


def defines_network(code: str) -> bool:
    """Whether it has a class that is a network, by its words."""
    return any("Module" in bases for _, bases in _CLASS.findall(code))


def trains(code: str) -> bool:
    """Whether it has what a training loop has."""
    return bool(_TRAINS.search(_COMMENT.sub("", code)))


def builds_network(code: str) -> bool:
    """Whether it may make a network without a class, or out of a file that no import names."""
    return bool(_BUILDS.search(code))


def imports(code: str) -> list[str]:
    """Modules that it imports, with the dots of a relative import."""
    found = []
    for source, plain in _IMPORT.findall(code):
        names = (
            [source] if source else [part.split()[0] for part in plain.split(",") if part.strip()]
        )
        found += [name for name in names if re.fullmatch(r"\.*[\w.]+", name)]
    return found


@dataclass(frozen=True)
class Outline:
    """What a Python file defines."""

    networks: list[str]
    """Classes that are networks, in order, without those that others of them are made of."""
    recipe: bool
    """Whether it has a `recipe`."""


def places(content: bytes) -> dict[Literal["network", "recipe"], int]:
    """Lines of the network's class and of the recipe in a Python file, as far as it has them."""
    found: dict[Literal["network", "recipe"], int] = {}
    try:
        tree = ast.parse(content)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return found
    classes = [node for node in tree.body if isinstance(node, ast.ClassDef)]
    for each in sorted(classes, key=lambda each: each.name == "Net"):
        found["network"] = each.lineno
    for node in tree.body:
        if isinstance(node, ast.Assign) and any(
            isinstance(name, ast.Name) and name.id == "recipe" for name in node.targets
        ):
            found["recipe"] = node.lineno
    return found


def outline(content: bytes) -> Outline | None:
    """What a Python file defines; None where it cannot be parsed."""
    try:
        tree = ast.parse(content)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None
    classes: dict[str, ast.ClassDef] = {}
    for node in tree.body:
        if isinstance(node, ast.ClassDef) and any(
            _last_name(base) in ("Module", "Sequential") or _last_name(base) in classes
            for base in node.bases
        ):
            classes[node.name] = node
    used = {
        inner.id
        for name, node in classes.items()
        for inner in ast.walk(node)
        if isinstance(inner, ast.Name) and inner.id != name
    }
    whole = [name for name, node in classes.items() if name not in used and _plain_call(node)]
    stored = (node.targets for node in tree.body if isinstance(node, ast.Assign))
    recipe = any(isinstance(t, ast.Name) and t.id == "recipe" for each in stored for t in each)
    return Outline(whole, recipe)


def _last_name(node: ast.expr) -> str:
    """`Module` of `torch.nn.Module`."""
    return node.attr if isinstance(node, ast.Attribute) else getattr(node, "id", "")


def _plain_call(node: ast.ClassDef) -> bool:
    """Whether it can be made without arguments; a block of a network seldom can."""
    for made in node.body:
        if isinstance(made, ast.FunctionDef) and made.name == "__init__":
            positional = made.args.posonlyargs + made.args.args
            asked = len(positional) - 1 - len(made.args.defaults)
            return asked <= 0 and None not in made.args.kw_defaults
    return True
