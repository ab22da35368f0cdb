"""`harness rubric`: list, show and validate rubrics."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from harness.commands.options import fail, say

app = typer.Typer(
    no_args_is_help=True, help="List, show and validate rubrics.", add_completion=False
)


@app.command("list")
def list_(
    json: Annotated[bool, typer.Option("--json", help="Print them as JSON.")] = False,
) -> None:
    """List the rubrics that come with the harness."""
    from rich.console import Console
    from rich.table import Table

    from harness import rubric as rubrics

    found = {path.stem: rubrics.load(path) for path in sorted(rubrics.SHIPPED.glob("*.toml"))}
    if json:
        Console(soft_wrap=True).print_json(
            data={name: rubric.model_dump(mode="json") for name, rubric in found.items()}
        )
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
        print(rubrics.find(name).read_text(encoding="utf-8"), end="")
    except (rubrics.RubricError, OSError, UnicodeDecodeError) as error:
        fail(str(error), 2)


@app.command(epilog="Example:\n\n  harness rubric validate my-rubric.toml\n")
def validate(
    paths: Annotated[list[Path], typer.Argument(metavar="FILE...", help="Rubrics to read.")],
) -> None:
    """Read rubrics and tell every mistake: the file, the key, the value and what would be right."""
    from harness import rubric as rubrics

    wrong = False
    for path in paths:
        try:
            rubric = rubrics.load(rubrics.find(str(path)))
        except rubrics.RubricError as error:
            say(str(error))
            wrong = True
            continue
        points = sum(check.points for check in rubric.checks if not check.bonus)
        print(f"{path}: {len(rubric.checks)} checks, {points:g} points: {rubric.title}")
    raise typer.Exit(2 if wrong else 0)
