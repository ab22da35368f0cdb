"""How long reports of a whole class take from stored evidence; nothing is trained."""

import time
from pathlib import Path
from random import Random

from class_samples import scorecards
from pytest_benchmark.fixture import BenchmarkFixture

from harness.evidence import Evidence
from harness.grade import write_class
from harness.likeness import alike
from harness.report import document
from harness.scorecard import Scorecard

LEARNERS = 200


def test_the_index_of_a_class(benchmark: BenchmarkFixture, tmp_path: Path) -> None:
    """The index of 200 learners, their stored reports read as well: under 5 s on idle cores.

    The processor's time, because the wall's would say how busy the machine is.
    """
    for card in scorecards(LEARNERS):
        folder = tmp_path / card.evidence.submission
        folder.mkdir()
        (folder / "report.json").write_text(document.render(card), encoding="utf-8")
    size = sum(file.stat().st_size for file in tmp_path.glob("*/report.json"))

    def written() -> float:
        started = time.process_time()
        files = sorted(tmp_path.glob("*/report.json"))
        write_class([Scorecard.model_validate_json(each.read_bytes()) for each in files], tmp_path)
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
