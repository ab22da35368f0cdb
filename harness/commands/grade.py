"""`harness grade`: train and measure submissions, and score each step."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from harness.commands.options import (
    EXIT_CODES,
    DataDir,
    Device,
    ExitZero,
    GitHub,
    Json,
    JUnitFile,
    NoSandbox,
    Out,
    OverridesFile,
    Paths,
    RubricName,
    StoreDir,
    Where,
    fail,
    say,
)

EPILOG = f"""
Examples:

  harness grade submissions/quickstart --rubric digits-quickstart

  harness grade class/* --rubric under-10k --out reports/ --exit-zero

  harness grade my-steps/ --rubric my-rubric.toml --seeds 5

  harness grade my-steps/ --rubric under-8k --dry-run

  harness grade notebooks/ --rubric under-10k --replay --seeds 3

  harness grade submissions/* --rubric under-10k --junit junit.xml --github
{EXIT_CODES}"""


def grade(
    paths: Paths,
    rubric: RubricName,
    out: Out = Path("reports"),
    seeds: Annotated[
        int | None,
        typer.Option(min=1, max=100, help="Runs of each step, instead of the rubric's number."),
    ] = None,
    dry_run: Annotated[
        bool,
        typer.Option("--dry-run", help="Tell what would be trained, and how long it would take."),
    ] = False,
    replay: Annotated[
        bool,
        typer.Option(
            "--replay",
            help="Stop a notebook once its schedule is known, and train its network here instead.",
        ),
    ] = False,
    overrides: OverridesFile = None,
    device: Where = Device.auto,
    data_dir: DataDir = None,
    store: StoreDir = None,
    no_sandbox: NoSandbox = False,
    junit: JUnitFile = None,
    github: GitHub = False,
    json: Json = False,
    exit_zero: ExitZero = False,
) -> None:
    """Train and measure submissions, and score each step.

    Evidence is stored after every epoch: what was trained once is not trained again, and a
    grade that was interrupted goes on where it stopped.
    """
    from harness import data
    from harness import store as stores
    from harness.commands import ci
    from harness.commands import scorecards as shared
    from harness.commands.progress import Display
    from harness.grade import grade, write_reports
    from harness.submission import name_of

    asked = shared.asked(rubric)
    if seeds:
        asked = asked.model_copy(update={"seeds": seeds})
    awarded = shared.awarded(overrides, asked)
    shared.distinct(paths)
    scorecards = []
    missing = unwritten = False
    try:
        with (
            shared.ending(overrides, kept="; what was measured is kept"),
            ci.gate(junit, github, json) as graded,
        ):
            evidence = stores.Store(stores.folder(store))
            workshop = shared.workshop(evidence, data.folder(data_dir), device, no_sandbox)
            if dry_run:
                from harness.commands.dry_run import tell

                raise typer.Exit(tell(paths, asked, workshop, json, exit_zero))
            for path in paths:
                try:
                    with Display(name_of(path)) as display:
                        scorecard = grade(path, asked, workshop, display.epoch, awarded, replay)
                except FileNotFoundError:
                    say(f"{path}: no such file or folder")
                    missing = True
                    continue
                scorecards.append(scorecard)
                graded.append((path, scorecard))
                shared.show(scorecard, json)
                try:
                    write_reports(scorecard, out, workshop.store)
                except OSError as error:
                    say(f"{path}: its report cannot be written: {error}")
                    unwritten = True
    except KeyboardInterrupt:
        fail("interrupted; what was measured is kept, and the same command goes on from there", 130)
    if unwritten:
        raise typer.Exit(4)
    shared.leave(scorecards, missing, exit_zero)
