"""`harness data`: fetch the data sets, hold them against their checksums, say where they lie."""

from __future__ import annotations

import json
from typing import Annotated, NoReturn

import typer

from harness.commands.options import AsJson, DataDir, fail, say

CODES = "Exit codes: 0 all is well; 2 usage error; 4 a file is missing, wrong or cannot be had."

app = typer.Typer(no_args_is_help=True, help="Fetch, verify and find the data sets.")

Name = Annotated[
    str,
    typer.Argument(metavar="DATASET", help="mnist, fashion-mnist, kmnist, qmnist or digits."),
]


@app.command(
    epilog=f"""
Examples:

  harness data get

  harness data get fashion-mnist --data-dir /srv/data --json

{CODES}"""
)
def get(name: Name = "mnist", data_dir: DataDir = None, as_json: AsJson = False) -> None:
    """Download what is missing, and verify all of it."""
    from harness import data

    problem = ""
    try:
        data.get(_known(name), data.folder(data_dir))
    except (data.DataError, OSError) as error:
        problem = str(error)
    _tell(name, problem, as_json)


@app.command(
    epilog=f"""
Examples:

  harness data verify

  harness data verify qmnist --json

{CODES}"""
)
def verify(name: Name = "mnist", data_dir: DataDir = None, as_json: AsJson = False) -> None:
    """Hold a data set's files against their checksums; download nothing."""
    from harness import data

    _tell(name, data.problem(_known(name), data.folder(data_dir)), as_json)


def _tell(name: str, problem: str, as_json: bool) -> NoReturn:
    """Say what is wrong with a data set, if anything, and end the command."""
    if as_json:
        print(json.dumps({"dataset": name, "right": not problem, "problem": problem}))
    elif problem:
        say(f"the machine's fault: {problem}")
    else:
        print(f"{name}: there and verified")
    raise typer.Exit(4 if problem else 0)


@app.command(
    epilog=f"""
Examples:

  harness data where

  harness data where --json

{CODES}"""
)
def where(data_dir: DataDir = None, as_json: AsJson = False) -> None:
    """Print the folder of the data sets, and which of them are there."""
    from harness import data

    folder = data.folder(data_dir)
    absent = {name: [str(file) for file in data.missing(name, folder)] for name in data.DATASETS}
    if as_json:
        print(json.dumps({"folder": str(folder), "missing": absent}))
        return
    print(folder)
    for name, files in absent.items():
        if name == "digits":
            print(f"  {name}: inside scikit-learn")
        elif files:
            print(f"  {name}: not there; `harness data get {name}` fetches it")
        else:
            print(f"  {name}: there")


def _known(name: str) -> str:
    from harness import data
    from harness.problems import proposal

    if name not in data.DATASETS:
        fail(f"DATASET = {name!r} is not known{proposal(name, data.DATASETS)}", 2)
    return name
