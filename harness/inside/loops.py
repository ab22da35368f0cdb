"""Reads what the code around a training says of it: how many epochs, and whether it is alone.

Part of the process that belongs to the submission; it knows Python's frames and their source,
and nothing of torch.
"""

from __future__ import annotations

import ast
import builtins
import linecache
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Any

WRAPPERS = ("tqdm", "enumerate", "list", "notebook_tqdm", "tqdm_notebook", "track", "progress_bar")
"""Calls around a range that leave its length as it is."""

RANGES = ("range", "trange", "tnrange")

PLAIN = (
    *(ast.Expression, ast.Name, ast.Constant, ast.Attribute, ast.Subscript, ast.Load),
    *(ast.BinOp, ast.UnaryOp, ast.operator, ast.unaryop),
)
"""What an argument of a range may consist of, so that evaluating it does nothing else;
besides calls of `len` and `int`."""

OURS = Path(__file__).parent

CELL = ("<module>", "<cell line")
"""What Python, or IPython, calls the code of a cell."""

LIBRARIES = ("site-packages", "dist-packages", "lib/python")


@dataclass(frozen=True)
class Declared:
    """What the code around a training says of it."""

    epochs: int | None
    """The length of the range that the loop around the batch loop goes through; None where no loop
    over a range encloses it."""
    alone: bool
    """Whether no other training can be seen to follow in the same cell."""


def declared(frame: FrameType | None) -> Declared:
    """What is said of a training before it has run.

    Args:
        frame: the innermost frame in which an optimiser steps; its callers are looked at too.
    """
    loops = []
    again = False
    while frame is not None:
        tree = _tree(frame)
        if tree is not None:
            loops += [(loop, frame) for loop in _enclosing(tree, frame.f_lineno)]
            again = again or _calls_again(tree, frame.f_lineno)
        # What has called a cell is none of the learner's.
        frame = None if frame.f_code.co_name.startswith(CELL) else frame.f_back
    # The innermost goes over batches, whatever it is written as.
    for number, (loop, around) in enumerate(loops[1:], 2):
        if isinstance(loop, ast.For) and not _strided(loop.iter):
            length = _length(loop.iter, around)
            if length is not None:
                return Declared(length, not again and number == len(loops))
    return Declared(None, False)


def _strided(over: ast.expr) -> bool:
    """Whether a loop goes over a range in strides, as `range(0, n, batch_size)` does."""
    return isinstance(over, ast.Call) and len(over.args) == 3


def _tree(frame: FrameType) -> ast.AST | None:
    """The function or cell that a frame is in; None where it is none of the learner's."""
    code = frame.f_code
    if Path(code.co_filename).parent == OURS or any(p in code.co_filename for p in LIBRARIES):
        return None
    source = "".join(linecache.getlines(code.co_filename, frame.f_globals))
    try:
        tree: ast.AST = ast.parse(source)
    except (SyntaxError, ValueError):
        return None
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name == code.co_name:
            first = min([node.lineno, *(d.lineno for d in node.decorator_list)])
            if first == code.co_firstlineno:
                return node
    return tree


def _enclosing(tree: ast.AST, here: int) -> list[ast.For | ast.AsyncFor | ast.While]:
    """The loops around a line, in its own function, innermost first."""
    found = [
        node
        for node in _own(tree)
        if isinstance(node, ast.For | ast.AsyncFor | ast.While)
        and node.body[0].lineno <= here <= (node.body[-1].end_lineno or here)
    ]
    return sorted(found, key=lambda loop: -loop.lineno)


def _calls_again(tree: ast.AST, here: int) -> bool:
    """Whether a later line calls a function that this one calls, as `fit` twice."""
    calls = [
        (node.lineno, node.func.id)
        for node in _own(tree)
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Name)
        and not hasattr(builtins, node.func.id)
    ]
    now = {name for line, name in calls if line == here}
    return any(name in now for line, name in calls if line > here)


def _own(tree: ast.AST) -> list[ast.AST]:
    """The nodes of a function or a module, without those of the functions inside it."""
    found: list[ast.AST] = []
    for child in ast.iter_child_nodes(tree):
        if not isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            found += [child, *_own(child)]
    return found


def _length(over: ast.expr, frame: FrameType) -> int | None:
    """How often a loop over this goes round, if it is a range."""
    if isinstance(over, ast.Call):
        name = over.func.attr if isinstance(over.func, ast.Attribute) else ""
        name = over.func.id if isinstance(over.func, ast.Name) else name
        if name in RANGES:
            values = [_value(argument, frame) for argument in over.args]
            if all(isinstance(value, int) for value in values):
                return len(range(*values))
        elif name in WRAPPERS and over.args:
            return _length(over.args[0], frame)
        return None
    value = _value(over, frame)
    return len(value) if isinstance(value, range) else None


def _value(expression: ast.expr, frame: FrameType) -> Any:
    """What an expression is worth in a frame; None where only running it would tell."""
    for node in ast.walk(expression):
        called = node.func if isinstance(node, ast.Call) else None
        harmless = isinstance(called, ast.Name) and called.id in ("len", "int")
        if not isinstance(node, PLAIN) and not harmless:
            return None
    try:
        code = compile(ast.Expression(expression), "", "eval")
        return eval(code, frame.f_globals, frame.f_locals)
    except Exception:
        return None
