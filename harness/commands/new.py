"""`harness new`: a submission or a rubric to start from."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Annotated

import typer

import harness
from harness.commands.options import fail

app = typer.Typer(
    no_args_is_help=True, help="Write a submission or a rubric to start from.", add_completion=False
)


@app.command(epilog="Example:\n\n  harness new submission my-steps\n")
def submission(
    folder: Annotated[Path, typer.Argument(help="The folder to make; it must not exist yet.")],
) -> None:
    """Write a submission of three steps that trains in seconds, to be changed."""
    package = Path(harness.__file__).parent
    carried = package / "quickstart"  # inside a wheel; a checkout has it where people look
    quickstart = carried if carried.is_dir() else package.parent / "submissions" / "quickstart"
    try:
        shutil.copytree(quickstart, folder, ignore=shutil.ignore_patterns("__pycache__"))
    except FileExistsError:
        fail(f"{folder}: is there already; give a folder that is not", 2)
    except OSError as error:
        fail(f"{folder}: cannot be made: {error.strerror or error}", 2)
    print(f"{folder}: written. Next:\n  harness check {folder} --rubric digits-quickstart")


@app.command(epilog="Example:\n\n  harness new rubric my-rubric.toml --like four-steps\n")
def rubric(
    file: Annotated[Path, typer.Argument(help="The file to write; it must not exist yet.")],
    like: Annotated[str, typer.Option(help="The shipped rubric to copy.")] = "under-10k",
) -> None:
    """Write a rubric, with comments on every key, to be changed."""
    from harness import rubric as rubrics

    try:
        text = rubrics.find(like).read_bytes()
    except (OSError, rubrics.RubricError) as error:
        fail(str(error), 2)
    try:
        with file.open("xb") as stream:
            stream.write(text)
    except FileExistsError:
        fail(f"{file}: is there already; give a file that is not", 2)
    except OSError as error:
        fail(f"{file}: cannot be written: {error.strerror}", 2)
    print(f"{file}: written. Next:\n  harness rubric validate {file}")
