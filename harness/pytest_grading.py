"""Grades submissions under pytest: what is collected, one test for each check, and the summary.

Collection reads files and runs nothing. A submission is graded once, when the first of its tests
is set up; processes of pytest-xdist wait for each other and share what the store keeps. Must not
know how anything is measured or judged.
"""

from __future__ import annotations

import logging
import warnings
from collections.abc import Generator, Iterable
from functools import cached_property
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

import pytest

from harness import archive, data, layout, pytest_benchmarks, pytest_checks
from harness import rubric as rubrics
from harness import store as stores
from harness.class_folder import is_class
from harness.percentage import percent
from harness.plain import name as plain
from harness.plain import printable
from harness.pytest_checks import Check, Numbered
from harness.pytest_plugin import absolute
from harness.report import words
from harness.scorecard import Scorecard

if TYPE_CHECKING:
    from harness.collect.collect import Progress
    from harness.collect.timing import Timing
    from harness.collect.workshop import Workshop

LOG = logging.getLogger("harness")
"""Tells every epoch: `--log-cli-level=info` shows it."""


class Grading:
    """What one run of pytest grades: the plugin's hooks, and the scorecards so far."""

    def __init__(self, config: pytest.Config, given: list[Path]) -> None:
        option = config.getoption
        try:
            self.rubric = rubrics.load(rubrics.find(option("rubric")))
        except rubrics.RubricError as error:
            raise pytest.UsageError(str(error)) from None
        if seeds := option("harness_seeds"):
            self.rubric = self.rubric.model_copy(update={"seeds": seeds})
        self._option = option
        self._given = given
        here = config.invocation_params.dir
        self._ignored = [absolute(here, each) for each in option("ignore") or ()]
        folders = {path for path in given if path.is_dir()}
        files = {path for path in given if path.is_file() and layout.may_be_step(path.name)}
        self._classes = set(filter(is_class, folders))
        self._submissions = folders - self._classes | {file.parent for file in files}
        self._scorecards: dict[Path, Scorecard] = {}
        self._timings: dict[Path, Timing] = {}
        self._verdicts: dict[str, tuple[str, str]] = {}
        self.timed = pytest_benchmarks.asked_for(config)
        if not option("collectonly"):
            _ = self.workshop  # a machine without a sandbox ends the run before it begins

    @cached_property
    def workshop(self) -> Workshop:
        """Where submissions are measured."""
        from harness.collect.sandbox import walls
        from harness.collect.workshop import Workshop

        option = self._option
        try:
            wall = walls.Open() if option("harness_no_sandbox") else walls.best()
            store = stores.Store(stores.folder(option("harness_store")))
            store.secret()  # made before several processes of pytest-xdist look for it
        except walls.NoWall as error:
            told = str(error).replace("--no-sandbox", "--harness-no-sandbox")
            raise pytest.UsageError(told) from None
        except OSError as error:
            raise pytest.UsageError(f"the machine's fault: {error}") from None
        folder = data.folder(option("harness_data_dir"))
        return Workshop(store, folder, option("harness_device"), wall=wall)

    def scorecard(self, path: Path) -> Scorecard:
        """A submission's scorecard; it is graded if nobody asked before."""
        from filelock import FileLock

        from harness.grade import grade

        if path not in self._scorecards:
            locks = self.workshop.store.root / "locks"
            locks.mkdir(exist_ok=True)
            lock = FileLock(locks / stores.digest(str(path.resolve()).encode()))
            # What a library deprecates is nothing to whoever grades, nor an error as they may ask.
            with lock, warnings.catch_warnings(action="ignore"):
                self._scorecards[path] = grade(path, self.rubric, self.workshop, _told)
        return self._scorecards[path]

    def timing(self, path: Path) -> Timing:
        """A submission's networks, to be timed."""
        from harness.grade import timing

        if path not in self._timings:
            self._timings[path] = timing(path, self.rubric, self.workshop)
        return self._timings[path]

    def node(self, path: Path, parent: pytest.Collector) -> pytest.Collector | None:
        """What a path is in the tree of tests: a submission, or a folder on the way to some."""
        about = _named(path, parent)
        one_of_class = path.parent in self._classes
        if path.is_dir():
            kind = Submission if one_of_class or path in self._submissions else Folder
            return kind.from_parent(parent, grading=self, **about)
        if archive.suffix_of(path.name) and (one_of_class or path in self._given):
            return Archive.from_parent(parent, grading=self, **about)
        return None

    def below(self, path: Path) -> Iterable[Path]:
        """What is to be collected of a folder: the way to what was given, or a class."""
        if path in self._classes:
            found = _visible(path)
        else:
            goals = [goal for goal in [*self._given, *self._submissions] if path in goal.parents]
            found = [path / goal.relative_to(path).parts[0] for goal in goals]
        wanted = set(found).difference(self._ignored)
        return sorted(wanted, key=lambda found: layout.natural(found.name))

    @pytest.hookimpl(tryfirst=True)
    def pytest_collect_directory(self, path: Path, parent: pytest.Collector) -> Any:
        """Collect every folder here: one of pytest's own may be imported as a package."""
        return self.node(path, parent)

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_collect_file(
        self, file_path: Path, parent: pytest.Collector
    ) -> Generator[None, Any, list[pytest.Collector]]:
        """Collect no file as anybody else's."""
        yield
        node = self.node(file_path, parent)
        return [node] if node else []

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(self, item: pytest.Item) -> Generator[None, Any, Any]:
        """Send along what a submission came to, from whichever process graded it."""
        report = yield
        if isinstance(item, Check) and (card := self._scorecards.get(item.submission)):
            told = f"{card.evidence.submission}: {words.verdict(card)}"
            report.harness = [str(item.submission), card.verdict, printable(told)]
        return report

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Keep what was sent along."""
        if sent := getattr(report, "harness", None):
            path, verdict, told = sent
            self._verdicts[path] = (verdict, told)

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_terminal_summary(self, terminalreporter: Any) -> Generator[None]:
        """End with what each submission came to."""
        yield
        if self._verdicts:
            terminalreporter.section(f"graded by {printable(self.rubric.title)}")
        for verdict, told in self._verdicts.values():
            colour = {"passed": "green", "failed": "red"}.get(verdict, "yellow")
            terminalreporter.write_line(told, **{colour: True})


class Folder(pytest.Directory):
    """A folder on the way to submissions, or a class of them; asks no other plugin."""

    def __init__(self, *, grading: Grading, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.grading = grading

    def collect(self) -> Iterable[pytest.Item | pytest.Collector]:
        """The folders and archives to go on with."""
        nodes = (self.grading.node(path, self) for path in self.grading.below(self.path))
        return [node for node in nodes if node]


class Submission(Folder):
    """A folder of steps."""

    def collect(self) -> Iterable[pytest.Item | pytest.Collector]:
        """A file for each step that lies in the folder itself, and the tests of all else."""
        steps = pytest_checks.steps(self.path)
        files: dict[Path, list[Numbered]] = {}
        for step in steps:
            names = (step.name, step.name.rpartition(":")[0])  # a file, or one of its classes
            inside = (self.path / name for name in names if name and "/" not in name)
            files.setdefault(next((p for p in inside if p.is_file()), self.path), []).append(step)
        for path, own in files.items():
            if path == self.path:
                yield from pytest_checks.of_steps(self, self.grading, path, own, steps[-1])
                continue
            about = _named(path, self) | {"grading": self.grading, "own": own, "last": steps[-1]}
            yield StepFile.from_parent(self, **about)
        yield from pytest_checks.of_whole(self, self.grading, self.path, steps)


class StepFile(pytest.File):
    """A step's file, or that of several."""

    def __init__(
        self, *, grading: Grading, own: list[Numbered], last: Numbered, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self._grading, self._own, self._last = grading, own, last

    def collect(self) -> Iterable[pytest.Item]:
        """The tests of its steps."""
        folder = self.path.parent
        return pytest_checks.of_steps(self, self._grading, folder, self._own, self._last)


class Archive(pytest.File):
    """A submission that was packed."""

    def __init__(self, *, grading: Grading, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._grading = grading

    def collect(self) -> Iterable[pytest.Item]:
        """The tests of all its steps, and of the whole."""
        steps = pytest_checks.steps(self.path)
        about = (self, self._grading, self.path)
        tests = pytest_checks.of_steps(*about, steps, steps[-1]) if steps else []
        return tests + pytest_checks.of_whole(*about, steps)


def _visible(path: Path) -> list[Path]:
    """What a class may have as submissions; a link could lead to the files of others."""
    names = (PurePosixPath(child.name) for child in path.iterdir() if not child.is_symlink())
    hidden = ("__pycache__",)
    return [path / name for name in names if not archive.hidden(name) and name.name not in hidden]


def _named(path: Path, parent: pytest.Collector) -> dict[str, Any]:
    """A path and its names, from pytest's root where it lies below that; they are a learner's."""
    root = parent.config.rootpath
    shown = path.relative_to(root) if path.is_relative_to(root) else path
    return {"path": path, "name": plain(path.name), "nodeid": plain(shown.as_posix())}


def _told(progress: Progress) -> None:
    """Log the epoch that was just measured."""
    run, last = progress.run, progress.run.epochs[-1]
    LOG.info(
        "%s: step %d/%d %s, seed %s, epoch %d/%d, %s",
        printable(progress.submission),
        progress.number,
        progress.steps,
        printable(progress.step),
        words.seed(run),
        last.number,
        run.declared_epochs,
        percent(last.test_correct, progress.test_size),
    )
