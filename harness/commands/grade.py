"""`harness grade`: train and measure submissions, and score each step."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from harness.commands.options import (
    EXIT_CODES,
    AsClass,
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
    RosterFile,
    RubricName,
    Since,
    Starters,
    StoreDir,
    Where,
    fail,
    say,
)

EPILOG = f"""
Examples:

  harness grade submissions/quickstart --rubric digits-quickstart

  harness grade class/ --rubric four-steps --roster roster.csv --out reports/ --exit-zero

  harness grade my-steps/ --rubric my-rubric.toml --seeds 5

  harness grade my-steps/ --rubric under-8k --dry-run

  harness grade notebooks/ --rubric under-10k --replay --seeds 3

  harness grade submissions/ --rubric under-10k --changed-since origin/main --final-step --github
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
    final_step: Annotated[
        bool,
        typer.Option(
            "--final-step",
            help="Train only the final step, once; judge of the others what needs no training.",
        ),
    ] = False,
    as_class: AsClass = False,
    changed_since: Since = "",
    roster: RosterFile = None,
    starter: Starters = None,
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
    from harness.commands.submissions import handed_in, learners
    from harness.grade import grade, write_class, write_reports

    asked = shared.asked(rubric)
    if seeds:
        asked = asked.model_copy(update={"seeds": seeds})
    awarded = shared.awarded(overrides, asked)
    known = learners(roster)
    scorecards = []
    missing = unwritten = False
    try:
        with (
            shared.ending(overrides, kept="; what was measured is kept"),
            handed_in(paths, known, changed_since, as_class) as found,
            ci.gate(junit, github, json) as graded,
        ):
            evidence = stores.Store(stores.folder(store))
            workshop = shared.workshop(evidence, data.folder(data_dir), device, no_sandbox)
            if dry_run:
                from harness.commands.dry_run import tell

                raise typer.Exit(tell(found, asked, workshop, json, exit_zero))
            for name, path, learner in found:
                try:
                    with Display(name) as display:
                        scorecard = grade(
                            path,
                            asked,
                            workshop,
                            display.epoch,
                            overrides=awarded,
                            replay=replay,
                            name=name,
                            learner=learner,
                            final_step=final_step,
                        )
                except FileNotFoundError:
                    say(f"{path}: no such file or folder")
                    missing = True
                    continue
                scorecards.append(scorecard)
                graded.append((path, scorecard))
                shared.show(scorecard, json)
                try:
                    write_reports(scorecard, out, workshop.store)
                    shared.point_to("Its page", out / name / "report.html", json)
                except OSError as error:
                    say(f"{path}: its report cannot be written: {error}")
                    unwritten = True
            if len(scorecards) > 1:
                write_class(scorecards, out, starter or ())
                shared.point_to("The class", out / "index.html", json)
    except KeyboardInterrupt:
        fail("interrupted; what was measured is kept, and the same command goes on from there", 130)
    if unwritten:
        raise typer.Exit(4)
    shared.leave(scorecards, missing, exit_zero)
