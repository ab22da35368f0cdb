"""A class of 30 from its folder to the browser: graded as an instructor does, and looked at."""

import csv
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from browser import opened
from step_samples import NET, step

pytestmark = pytest.mark.browser

RUBRIC = """
title = "Digits, quickly"
dataset = "digits"
pass_mark = "60 %"

[late]
due = 2026-11-30T23:59:00+01:00
per_day = "10 %"

[[checks]]
kind = "parameters"
below = 3_000
points = 30
scope = "final step"

[[checks]]
kind = "accuracy"
at_least = "60 %"
last_epochs = 1
points = 50
scope = "final step"

[[checks]]
kind = "claims"
points = 20
scope = "every step"
"""

NAMES = [
    "Ada Lovelace",
    "=cmd|' /C calc'!A0",
    'O\'Brien, "Bo"',
    "مريم",
    "<script>alert(1)</script>",
]


def source(number: int) -> str:
    """A network of its own for each learner; the last does not run, and the one before boasts."""
    wide = 2 + number % 6
    held = 10 * wide + 2 * wide + (wide * 49 + 1) * 10
    network = NET.replace("Conv2d(1, 4,", f"Conv2d(1, {wide},").replace("4 * 7", f"{wide} * 7")
    network = network.replace("BatchNorm2d(4)", f"BatchNorm2d({wide})")
    claimed = held // 2 if number == 28 else held
    notes = f"A step.\n\nTarget: to learn.\nResult: {claimed:,} parameters.\nAnalysis: it learns."
    return step(notes, network) + "def broken(:\n" * (number == 29)


@pytest.fixture(scope="module")
def reports(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What `harness grade class/ --roster roster.csv` leaves."""
    folder = tmp_path_factory.mktemp("graded")
    (folder / "rubric.toml").write_text(RUBRIC)
    with (folder / "roster.csv").open("w", newline="", encoding="utf-8") as stream:
        roster = csv.writer(stream)
        roster.writerow(["folder", "name", "id", "submitted_at"])
        for number in range(30):
            learner = folder / "class" / f"learner-{number:02d}"
            learner.mkdir(parents=True)
            (learner / "step_1.py").write_text(source(number), encoding="utf-8")
            name = NAMES[number] if number < len(NAMES) else f"Learner {number}"
            day = "2026-12-01" if number == 7 else "2026-11-30"
            roster.writerow([learner.name, name, 1_000 + number, f"{day}T12:00:00+01:00"])
    command = [sys.executable, "-m", "harness", "grade", "class", "--rubric", "rubric.toml"]
    command += ["--roster", "roster.csv", "--store", "store", "--out", "reports", "--exit-zero"]
    ended = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    assert ended.returncode == 0, ended.stderr[-2_000:]
    return folder / "reports"


def test_a_graded_class_is_read_from_the_index_to_a_learners_curve(
    chromium: Any, reports: Path
) -> None:
    with opened(chromium, reports / "index.html") as found:
        page = found.page
        shown = page.get_by_role("status")
        assert shown.inner_text() == "30 of 30 shown"
        page.get_by_role("columnheader", name="Parameters", exact=True).get_by_role(
            "button"
        ).click()
        known = page.locator("#gradebook tbody tr > :nth-child(4)").all_inner_texts()
        counts = [int(text.replace(",", "")) for text in known if text.strip()]
        assert counts == sorted(counts)
        assert len(counts) == 29
        page.get_by_label("Filter").fill("ada love")
        assert shown.inner_text() == "1 of 30 shown"
        page.locator("#gradebook").get_by_role("link", name="Ada Lovelace").click()
        page.wait_for_url("**/learner-00/report.html")
        chart = page.locator("#step-1 svg.chart").first
        box = chart.bounding_box()
        assert box["width"] > 300
        assert box["height"] > 150
        assert chart.locator("path").count() > 10
        assert page.get_by_text("What the final model gets wrong").is_visible()
        assert page.locator("#step-1 img").count() > 5


def test_who_needs_a_person_is_told_first(chromium: Any, reports: Path) -> None:
    with opened(chromium, reports / "index.html") as found:
        told = found.page.locator("main").inner_text()
        assert "Not runnable: the fault is the submission's (1)" in told
        assert "Over-claimed: claims that do not hold (1)" in told
        assert "<script>alert(1)</script>" in told
        late = found.page.locator("#gradebook tbody tr", has_text="Learner 7")
        assert "late" in late.inner_text()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("name", ["learner-00", "learner-28", "learner-29"])
def test_axe_finds_nothing_on_a_graded_learners_page(
    chromium: Any, reports: Path, name: str, scheme: str
) -> None:
    path = reports / name / "report.html"
    with opened(chromium, path, scheme=scheme) as found:
        assert found.violations() == []
