"""How long reports of a whole class take from stored evidence; nothing is trained.

It is the processor's time, because the wall's would say how busy the machine is.
"""

import time
from pathlib import Path
from random import Random

import pytest
from class_samples import scorecards
from commanded import harness
from pytest_benchmark.fixture import BenchmarkFixture

from harness.evidence import Evidence
from harness.grade import write_class, write_reports
from harness.judge.judge import judge
from harness.likeness import alike
from harness.report import canvas, document, gradebook_csv, gradescope, junit, nbgrader
from harness.rubric import find, load
from harness.scorecard import Scorecard

LEARNERS = 200


@pytest.fixture
def stored(tmp_path: Path) -> Path:
    """The reports of a class of 200, as JSON alone."""
    for card in scorecards(LEARNERS):
        folder = tmp_path / "stored" / card.evidence.submission
        folder.mkdir(parents=True)
        (folder / "report.json").write_text(document.render(card), encoding="utf-8")
    return tmp_path / "stored"


def read(stored: Path) -> list[Scorecard]:
    files = sorted(stored.glob("*/report.json"))
    return [Scorecard.model_validate_json(each.read_bytes()) for each in files]


def test_the_pages_of_a_class(benchmark: BenchmarkFixture, stored: Path, tmp_path: Path) -> None:
    """The pages of 200 learners, by one process: under 60 s."""

    def written() -> float:
        started = time.process_time()
        for card in read(stored):
            write_reports(card, tmp_path / "out")
        return time.process_time() - started

    seconds = benchmark.pedantic(written, rounds=1)
    sizes = [file.stat().st_size for file in (tmp_path / "out").glob("*/report.html")]
    assert len(sizes) == LEARNERS
    print(f"{LEARNERS} pages in {seconds:.2f} s, {LEARNERS / seconds:.1f} a second")
    print(f"the largest has {max(sizes):,} bytes")
    assert seconds < 60


def test_the_exports_of_a_class(benchmark: BenchmarkFixture, stored: Path) -> None:
    """200 learners in each format, their stored reports read as well: under 5 s."""

    def rendered() -> float:
        started = time.process_time()
        cards = read(stored)
        gradebook_csv.render(cards)
        canvas.render(cards, "MNIST (1234)")
        nbgrader.render(cards, "mnist")
        junit.render(cards)
        for card in cards:
            if card.verdict != "not graded":  # of which Gradescope gets no file
                gradescope.render(card)
        return time.process_time() - started

    seconds = benchmark.pedantic(rendered, rounds=3)
    print(f"{LEARNERS} learners in five formats in {seconds:.2f} s")
    assert seconds < 5


def test_judging_a_class_anew(benchmark: BenchmarkFixture, stored: Path, tmp_path: Path) -> None:
    """`harness regrade` of 200 learners by another rubric, pages and index too: under 75 s."""
    asked = load(find("digits-quickstart"))

    def judged() -> float:
        started = time.process_time()
        result = harness("regrade", stored, "--rubric", "digits-quickstart", "--out", tmp_path)
        assert result.exit_code == 4, result.output  # some steps were the machine's fault
        return time.process_time() - started

    seconds = benchmark.pedantic(judged, rounds=1)
    started = time.process_time()
    for card in read(stored):
        judge(asked, card.evidence)
    alone = time.process_time() - started
    print(f"{LEARNERS} learners regraded in {seconds:.2f} s, of which {alone:.2f} s are judging")
    assert alone < 5
    assert seconds < 75


def test_the_index_of_a_class(benchmark: BenchmarkFixture, stored: Path, tmp_path: Path) -> None:
    """The index of 200 learners, their stored reports read as well: under 5 s."""
    size = sum(file.stat().st_size for file in stored.glob("*/report.json"))

    def written() -> float:
        started = time.process_time()
        write_class(read(stored), tmp_path)
        return time.process_time() - started

    seconds = benchmark.pedantic(written, rounds=3)
    page = (tmp_path / "index.html").stat().st_size
    print(f"{LEARNERS} reports of {size:,} bytes: a page of {page:,} bytes in {seconds:.2f} s")
    assert seconds < 5


def test_likeness_of_a_thousand(benchmark: BenchmarkFixture) -> None:
    """1,000 learners with four steps of notebook length, among them ten rings of thirty."""
    random = Random(1)
    common = [random.getrandbits(32) for _ in range(3_000)]
    classmates = [_with_code(card.evidence, random, common) for card in scorecards(1_000)]
    for first in range(0, 300, 30):
        for other in range(first + 1, first + 30):
            update = {"submission": classmates[other].submission}
            classmates[other] = classmates[first].model_copy(update=update)

    def compared() -> float:
        started = time.process_time()
        found = alike(classmates)
        assert len(found.pairs) >= 10 * 30 * 29 / 2
        return time.process_time() - started

    seconds = benchmark.pedantic(compared, rounds=3)
    print(f"1,000 learners compared in {seconds:.2f} s")
    assert seconds < 5


def _with_code(evidence: Evidence, random: Random, common: list[int]) -> Evidence:
    own = [random.getrandbits(32) for _ in range(120)]
    steps = [
        step.model_copy(update={"fingerprint": random.sample(own, 100) + random.sample(common, 40)})
        for step in evidence.steps
    ]
    return evidence.model_copy(update={"steps": steps})
