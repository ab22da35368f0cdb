"""`harness rubric`: list, show and validate rubrics."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from harness.commands.options import AsJson, fail, say

if TYPE_CHECKING:
    from harness.rubric import Rubric

app = typer.Typer(
    no_args_is_help=True, help="List, show and validate rubrics.", add_completion=False
)


@app.command("list")
def list_(as_json: AsJson = False) -> None:
    """List the rubrics that come with the harness."""
    from rich.console import Console
    from rich.table import Table

    from harness import rubric as rubrics

    found = {path.stem: rubrics.load(path) for path in sorted(rubrics.SHIPPED.glob("*.toml"))}
    if as_json:
        print(json.dumps({name: rubric.model_dump(mode="json") for name, rubric in found.items()}))
        return
    table = Table("rubric", "asks for", "points", "checks", box=None, pad_edge=False)
    for name, rubric in found.items():
        points = sum(check.points for check in rubric.checks if not check.bonus)
        names = ", ".join(check.name for check in rubric.checks)
        table.add_row(name, rubric.title, f"{points:g}", names)
    Console(highlight=False).print(table)


@app.command(epilog="Example:\n\n  harness rubric show under-10k > my-rubric.toml\n")
def show(name: Annotated[str, typer.Argument(help="A shipped rubric, or a TOML file.")]) -> None:
    """Print a rubric as it is written, comments and all."""
    from harness import rubric as rubrics

    try:
        # As bytes: what a console cannot show would not arrive in a file, either.
        typer.echo(rubrics.find(name).read_bytes(), nl=False)
    except (rubrics.RubricError, OSError) as error:
        fail(str(error), 2)


@app.command(
    epilog="Examples:\n\n  harness rubric validate my-rubric.toml\n\n"
    "  harness rubric validate rubrics/*.toml --json\n\n"
    "Exit codes: 0 all can be used; 2 one cannot, or a usage error."
)
def validate(
    paths: Annotated[list[Path], typer.Argument(metavar="FILE...", help="Rubrics to read.")],
    as_json: AsJson = False,
) -> None:
    """Read rubrics and tell every mistake: the file, the key, the value and what would be right."""
    from harness import rubric as rubrics

    told: list[dict[str, object]] = []
    for path in paths:
        try:
            file = rubrics.find(str(path))
            rubric = rubrics.load(file)
            _hold_recipe(file, rubric)
        except rubrics.RubricError as error:
            told.append({"file": str(path), "right": False, "problems": str(error).splitlines()})
            if not as_json:
                say(str(error))
            continue
        points = sum(check.points for check in rubric.checks if not check.bonus)
        told.append({"file": str(path), "right": True, "problems": []})
        if not as_json:
            print(f"{path}: {len(rubric.checks)} checks, {points:g} points: {rubric.title}")
    if as_json:
        print(json.dumps(told))
    raise typer.Exit(0 if all(each["right"] for each in told) else 2)


def _hold_recipe(file: Path, rubric: Rubric) -> None:
    """See to it that torch can follow what a rubric fills in, before it is a learner's fault."""
    from harness.collect import resolve
    from harness.rubric import RubricError

    try:
        resolve.hold(rubric.recipe)
    except resolve.RecipeError as error:
        raise RubricError(f"{file}: recipe.{error}") from None
