"""What commands that end in scorecards share: the files they read, what they print, their exit.

Must not know how a scorecard comes about.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from json import dumps
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import typer
from rich.console import Console

from harness import overrides
from harness import rubric as rubrics
from harness.commands.options import fail
from harness.grade import exit_code
from harness.overrides import Override
from harness.plain import printable
from harness.report.terminal import Report
from harness.rubric import Rubric
from harness.scorecard import Scorecard
from harness.store import Store

if TYPE_CHECKING:
    from harness.collect.workshop import Workshop


def asked(name: str) -> Rubric:
    """The rubric that the user named; a mistake ends the command."""
    try:
        return rubrics.load(rubrics.find(name))
    except rubrics.RubricError as error:
        fail(str(error), 2)


def awarded(path: Path | None, rubric: Rubric) -> list[Override]:
    """The overrides that the user named; a mistake ends the command."""
    try:
        return overrides.load(path, rubric) if path else []
    except overrides.OverrideError as error:
        fail(str(error), 2)


def workshop(store: Store, data: Path, device: str, no_sandbox: bool) -> Workshop:
    """Where submissions are observed; a machine without a sandbox ends the command."""
    from harness.collect.sandbox import walls
    from harness.collect.workshop import Workshop

    try:
        wall = walls.Open() if no_sandbox else walls.best()
    except walls.NoWall as error:
        fail(str(error), 4)
    return Workshop(store, data, device, wall=wall)


@contextmanager
def ending(overrides_file: Path | None, kept: str = "") -> Iterator[None]:
    """End the command with a message if the overrides or the machine fail in the block.

    Args:
        overrides_file: the one that the user named.
        kept: what is not lost if the machine fails.
    """
    try:
        yield
    except overrides.OverrideError as error:
        fail(f"{overrides_file}: {error}", 2)
    except OSError as error:
        fail(f"the machine's fault: {error}{kept}", 4)


def show(scorecard: Scorecard, json: bool, checked: bool = False) -> None:
    """Print a scorecard, for people or for machines."""
    if json:
        # A CI service reads commands in what is printed; in JSON the bracket may stand as its code.
        print(dumps(scorecard.model_dump(mode="json")).replace("##[", "##\\u005b"), flush=True)
        return
    console = Console(highlight=False)
    console.print(Report(scorecard, checked))
    console.print()


def point_to(what: str, page: Path, json: bool) -> None:
    """Say where a page lies, to people."""
    if not json:
        Console(highlight=False).print(
            f"{what}: {printable(str(page))}", markup=False, soft_wrap=True
        )


def leave(scorecards: list[Scorecard], missing: bool, exit_zero: bool) -> NoReturn:
    """End the command with the exit code that the scorecards come to."""
    code = exit_code(scorecards, missing)
    raise typer.Exit(0 if exit_zero and code in (1, 3) else code)
