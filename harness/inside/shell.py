"""IPython's shell, without commands of the system and with patience for magics.

A learner's `!pip install` and `%cd` belong to the machine on which the notebook was written. Must
not know what a notebook trains.
"""

from __future__ import annotations

import dis
import linecache
import re
from pathlib import Path
from types import CodeType
from typing import Any

from ipykernel.zmqshell import ZMQInteractiveShell

from harness.inside.telling import tell

COMMANDS = (
    *("bash", "conda", "mamba", "perl", "pip", "ruby", "script", "sh", "shell", "sx", "system"),
    "uv",
)
"""Magics that run a command of the system."""

RUNNING = ("capture", "debug", "prun", "python", "python3", "run", "time", "timeit")
"""Magics that run the learner's own code, whose errors are the learner's."""

IMPORTING = (
    "IMPORT_",
    "LOAD_CONST",
    "LOAD_SMALL_INT",
    "NOP",
    "POP_TOP",
    "RESUME",
    "RETURN_",
    "STORE_NAME",
)
"""What the bytecode of an import consists of."""

_CLONE = re.compile(r"\bgit\s+clone\s+(?:-\S+\s+)*\S*/([\w.-]+?)(?:\.git)?/?(?:\s+([\w./-]+))?\s*$")


_MKDIR = re.compile(r"!mkdir\s+(?:-p\s+)?([\w./ -]+)$")

_SCRIPT = re.compile(r"!(?:\S*/)?python[\d.]*\s+(?:-u\s+)?(\S+\.py\b.*)$")


class Shell(ZMQInteractiveShell):
    """The shell of the kernel."""

    checkout = Path()
    """The root of what was handed in."""
    folder = ""
    """The path that it had in its repository."""

    def system(self, cmd: str) -> None:
        """In place of a command of the system, which a notebook calls with `!`."""
        name = f"!{self.var_expand(cmd, depth=1).strip()}"
        if made := _MKDIR.match(name):
            for folder in made[1].split():
                Path(folder).mkdir(parents=True, exist_ok=True)
            return
        if script := _SCRIPT.match(name):
            tell(name[:100], f"`{name[:100]}` was run as %run does, in the notebook's own process.")
            super().run_line_magic("run", script[1])
            return
        clone = _CLONE.search(name)
        if clone is None:
            tell(name[:100], f"`{name[:100]}` was not run: commands of the system do nothing here.")
            return
        target = Path(clone[2] or clone[1])
        tell(name[:100], f"The files that were handed in stand for the clone in {target}.")
        clone_of(self.checkout, self.folder, target)

    system_piped = system
    system_raw = system

    def getoutput(self, cmd: str, split: bool = True, depth: int = 0) -> list[str] | str:
        """In place of a command of the system whose output is wanted."""
        self.system(cmd)
        return [] if split else ""

    async def run_code(self, code_obj: Any, result: Any = None, *, async_: bool = False) -> bool:
        """Run a statement of a cell; whether it failed, so that the rest must not run.

        An import that fails is told as the cell's error, and costs only the names that it binds: a
        package for plots may be missing in the middle of a cell of imports.
        """
        missing = result.error_in_exec if result is not None else None
        failed = await super().run_code(code_obj, result, async_=async_)
        if result is None or not failed:
            return bool(failed)
        if isinstance(result.error_in_exec, ModuleNotFoundError) and _imports(code_obj):
            return False
        if missing is not None and isinstance(result.error_in_exec, NameError):
            result.error_in_exec = missing  # which is why
        return True

    def run_line_magic(self, magic_name: str, line: str, _stack_depth: int = 1) -> Any:
        """Run a magic; one that fails, or that nobody knows, does nothing."""
        if magic_name in COMMANDS:
            return self.system(f"{magic_name} {line}")
        if magic_name == "matplotlib":
            line = "inline"
        if magic_name == "cd":
            target = Path(self.var_expand(line, depth=_stack_depth).strip("'\" ")).expanduser()
            if not target.is_dir():
                return tell(f"%cd {target}", f"There is no folder {target} here: %cd stays.")
        if magic_name in RUNNING:
            return super().run_line_magic(magic_name, line, _stack_depth + 1)
        try:
            if self.find_line_magic(magic_name) is not None:
                return super().run_line_magic(magic_name, line, _stack_depth + 1)
        except Exception as error:
            return tell(f"%{magic_name}", f"%{magic_name} did nothing here: {error}.")
        return tell(f"%{magic_name}", f"%{magic_name} is not known here and did nothing.")

    def run_cell_magic(self, magic_name: str, line: str, cell: str) -> Any:
        """Run a cell with a magic above it; one that nobody knows leaves it an ordinary cell."""
        if magic_name in COMMANDS:
            return self.system(f"{magic_name}: {cell}")
        _remember("<timed exec>", self.transform_cell(cell))  # what %%time calls it
        if self.find_cell_magic(magic_name) is not None:
            return super().run_cell_magic(magic_name, line, cell)
        tell(f"%%{magic_name}", f"%%{magic_name} is not known here; its cell ran without it.")
        source = f"\n{self.transform_cell(cell)}"  # the magic's own line counts
        _remember(f"<%%{magic_name}>", source)
        exec(compile(source, f"<%%{magic_name}>", "exec"), self.user_ns)
        return None


def _imports(code: CodeType) -> bool:
    """Whether a statement does nothing but import."""
    names = {instruction.opname for instruction in dis.get_instructions(code)}
    return all(name.startswith(IMPORTING) for name in names)


def _remember(name: str, source: str) -> None:
    """Keep source where tracebacks, and the probe, look for a line's code."""
    linecache.cache[name] = (len(source), None, source.splitlines(keepends=True), name)


def clone_of(checkout: Path, folder: str, target: Path) -> None:
    """Make the checkout appear as a clone of its repository.

    What was handed in may be the repository or one folder of it, so it is there as both.

    Args:
        checkout: what was handed in.
        folder: the path in its repository of the folder that was handed in; may be empty.
        target: the folder that git would make; one that exists is left alone, as git does.
    """
    if target.exists():
        return
    target.mkdir(parents=True)
    for entry in checkout.iterdir():
        if entry.resolve() != target.resolve():
            (target / entry.name).symlink_to(entry.resolve(), entry.is_dir())
    # An instructor may keep the repository in one of their own, so the end of the path counts too.
    parts = Path(folder).parts
    for place in (target.joinpath(*parts[start:]) for start in range(len(parts))):
        if not place.exists():
            place.parent.mkdir(parents=True, exist_ok=True)
            place.symlink_to(checkout.resolve(), target_is_directory=True)
