"""The pytest plugin: `pytest submissions/ --rubric RUBRIC` grades, with one test for each check.

This is the door: options, and what pytest is kept from doing. With `--rubric` it imports nothing
of what it is given: no `conftest.py` is loaded, and no file is collected as a test of pytest's own.
What pytest does before any plugin can speak cannot be undone here: a configuration file that it
finds in or above a given path may load a plugin with `-p`. One in a given path is refused as soon
as this is asked, which is too late for a plugin that was named there; name a configuration of your
own with `-c`, and pytest looks for no other.

Must import nothing that is slow, because every pytest of this environment loads it.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Generator, Iterator
from pathlib import Path

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    """The options. They bear the harness's name, since other plugins have options, too."""
    group = parser.getgroup("harness", "grading submissions")
    group.addoption(
        "--rubric",
        metavar="RUBRIC",
        help="Grade the submissions below the given paths: a TOML file, or the name of a shipped "
        "rubric. No Python file there is imported or collected.",
    )
    group.addoption(
        "--harness-store",
        metavar="DIR",
        type=Path,
        help="Folder of evidence. Default: $HARNESS_STORE, else the data folder.",
    )
    group.addoption(
        "--harness-data-dir",
        metavar="DIR",
        type=Path,
        help="Folder of data sets. Default: $HARNESS_DATA, else the cache folder.",
    )
    group.addoption(
        "--harness-seeds",
        metavar="N",
        type=int,
        choices=range(1, 101),
        help="Runs of each step, instead of the rubric's number.",
    )
    group.addoption(
        "--harness-device",
        choices=("auto", "cpu", "cuda", "mps"),
        default="auto",
        help="Where to train. Default: auto.",
    )
    group.addoption(
        "--harness-no-sandbox",
        action="store_true",
        help="Run submitted code without a sandbox, at level advisory: only your own, or that of "
        "people whom you trust.",
    )


# The first of all wrappers, because one of pytest's own imports what a configuration's
# `filterwarnings` names.
@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_load_initial_conftests(early_config: pytest.Config) -> Generator[None]:
    """Refuse what would let a submission speak, and load no `conftest.py`."""
    known = early_config.known_args_namespace
    if known.rubric:
        if not known.file_or_dir:
            raise pytest.UsageError("--rubric: name what to grade: pytest submissions/ --rubric R")
        here = early_config.invocation_params.dir
        _refuse([absolute(here, arg) for arg in known.file_or_dir], early_config)
        known.noconftest = True
    yield


def pytest_configure(config: pytest.Config) -> None:
    """Have submissions graded, if that was asked."""
    if config.getoption("rubric"):
        from harness.pytest_grading import Grading

        here = config.invocation_params.dir
        grading = Grading(config, [absolute(here, arg) for arg in config.args])
        config.pluginmanager.register(grading, "harness-grading")


def absolute(here: Path, arg: str) -> Path:
    """The path of an argument, as pytest takes it: links are not followed."""
    return Path(os.path.abspath(here / arg.partition("::")[0]))  # noqa: PTH100 - see above


def _refuse(given: list[Path], config: pytest.Config) -> None:
    """Refuse to run where what was handed in could steer pytest or be imported."""
    for path in given:
        base = path if path.is_dir() else path.parent
        for place, what, remedy in _places(config):
            if any(_within(one, base) for one in (place, place.resolve())):
                raise pytest.UsageError(
                    f"{what}, {place}, lies in {base}, whose code is not trusted; {remedy}"
                )


def _within(place: Path, base: Path) -> bool:
    return place.is_relative_to(base) or place.is_relative_to(base.resolve())


def _places(config: pytest.Config) -> Iterator[tuple[Path, str, str]]:
    """Where pytest and Python take orders and modules from, and how to keep that apart."""
    here = config.invocation_params.dir
    own = "name one of your own with -c, and it is not read"
    if config.inipath is not None:
        yield config.inipath, "pytest's configuration", own
    yield here, "the folder that pytest was started in", "start it in another"
    yield (
        config.rootpath,
        "pytest's root",
        "name another with --rootdir, or a configuration with -c",
    )
    for entry in [*sys.path, *map(str, config.getini("pythonpath"))]:
        yield here / entry, "a folder that Python imports from", "take it off Python's path"
