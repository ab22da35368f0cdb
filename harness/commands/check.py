"""`harness check`: whether submissions count, run and read well, in seconds."""

from __future__ import annotations

from harness.commands.options import (
    EXIT_CODES,
    AsClass,
    DataDir,
    ExitZero,
    GitHub,
    Json,
    JUnitFile,
    NoSandbox,
    Paths,
    RosterFile,
    RubricName,
    Since,
    StoreDir,
    fail,
    say,
)

EPILOG = f"""
Examples:

  harness check my-steps/

  harness check step_4.py --rubric under-8k

  harness check Step_4.ipynb

  harness check submissions/* --junit junit.xml --github
{EXIT_CODES}"""


def check(
    paths: Paths,
    rubric: RubricName = "under-10k",
    as_class: AsClass = False,
    changed_since: Since = "",
    roster: RosterFile = None,
    data_dir: DataDir = None,
    store: StoreDir = None,
    no_sandbox: NoSandbox = False,
    junit: JUnitFile = None,
    github: GitHub = False,
    json: Json = False,
    exit_zero: ExitZero = False,
) -> None:
    """Tell in seconds whether submissions count, run and read well.

    Nothing is graded. Imports and exports each network, counts it, shows its layers, reads notes,
    claims and recipe, and takes a few optimiser steps on a small sample to show that it learns. A
    notebook runs whole, its loops unchanged, on 512 training and 128 test images.
    """
    from harness import data
    from harness import store as stores
    from harness.commands import ci
    from harness.commands import scorecards as shared
    from harness.commands.progress import Display
    from harness.commands.submissions import handed_in, learners
    from harness.grade import check, without_training

    asked = shared.asked(rubric)
    known = learners(roster)
    scorecards = []
    missing = False
    try:
        with (
            handed_in(paths, known, changed_since, as_class) as found,
            ci.gate(junit, github, json, checked=True) as checked,
        ):
            evidence = stores.Store(stores.folder(store))
            workshop = shared.workshop(evidence, data.folder(data_dir), "cpu", no_sandbox)
            for name, path, _ in found:
                try:
                    with Display(name):
                        scorecard = check(path, asked, workshop, name)
                except FileNotFoundError:
                    say(f"{path}: no such file or folder")
                    missing = True
                    continue
                scorecards.append(scorecard)
                checked.append((path, scorecard))
                shared.show(scorecard, json, checked=True)
            later = [c for c in asked.checks if c not in without_training(asked).checks]
            if later and not json:
                names = ", ".join(f"{check.name} ({check.points:g} points)" for check in later)
                print(f"Only `harness grade` can tell: {names}.")
    except OSError as error:
        fail(f"the machine's fault: {error}", 4)
    except KeyboardInterrupt:
        fail("interrupted", 130)
    shared.leave(scorecards, missing, exit_zero)
