"""The learner's page as a browser shows it: on a phone, in the dark, by keyboard, on paper."""

from pathlib import Path
from typing import Any

import pytest
from browser import DESK, PHONE, opened
from evidence_samples import UNDER_8K, check, evidence, run, step
from test_page import CLAIM, HELD

from harness.evidence import Fault, Layer, LeftOut, Mistake
from harness.judge.judge import judge
from harness.report import page

pytestmark = pytest.mark.browser

PNG = "iVBORw0KGgoAAAANSUhEUgAAABwAAAAcCAAAAABXZoBIAAAAHElEQVR4nGNgGAWjYBSMglEwCkbBKBgFo2AUDBwAAAcsAAHh7xM1AAAAAElFTkSuQmCC"
LAYER = Layer(
    name="Conv2d-1",
    kernel=[3, 3],
    padding=[1, 1],
    stride=[1, 1],
    input=[1, 28, 28],
    output=[10, 28, 28],
    receptive_field_in=1,
    receptive_field=3,
    arithmetic="3x3x1x10 + 10",
    parameters=100,
)
LONG = "a_name_that_is_as_long_as_a_learner_can_make_it_without_a_space_in_it_anywhere.py"


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A page with all that a page can have."""
    mistakes = [Mistake(image=n, label=8, answer=1, png=PNG) for n in range(20)]
    last = run(*HELD).model_copy(update={"mistakes": mistakes})
    broken = Fault(owner="submission", stage="import", message="x", line=3, traceback="File\n x")
    made = evidence(
        step(run(*[9_800] * 15), name=LONG, judged=90_000),
        step(fault=broken, name="broken.py").model_copy(update={"network": None, "recipe": None}),
        step(last, run(*HELD, seed=2), name="three.py", claims=[CLAIM], layers=[LAYER]),
    ).model_copy(update={"left_out": [LeftOut(name="eda.ipynb", reason="no network")]})
    rubric = UNDER_8K.model_copy(update={"checks": [*UNDER_8K.checks, check("claims")]})
    path = tmp_path_factory.mktemp("page") / "report.html"
    path.write_text(page.render(judge(rubric, made)))
    return path


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", [PHONE, DESK])
def test_everyone_can_read_it(
    chromium: Any,
    report: Path,
    size: tuple[int, int],
    scheme: str,
) -> None:
    with opened(chromium, report, size, scheme) as found:
        for details in found.page.query_selector_all("details"):
            details.evaluate("element => element.open = true")
        assert found.violations() == []
        assert found.sideways() <= 0


def test_charts_are_drawn_in_the_colours_of_the_page(chromium: Any, report: Path) -> None:
    colours = []
    for scheme in ("light", "dark"):
        with opened(chromium, report, scheme=scheme) as found:
            charts = found.page.query_selector_all("svg.chart")
            assert len(charts) == 3
            for chart in charts:
                box = chart.bounding_box()
                assert box["width"] > 300
                assert box["height"] > 150
                assert chart.eval_on_selector_all("path", "paths => paths.length") > 10
            line = "path => getComputedStyle(path).stroke"
            colours.append(charts[0].eval_on_selector("path[style*='--series-1']", line))
    assert len(set(colours)) == 2
    assert all(colour.startswith("rgb(") for colour in colours)


def test_the_keyboard_comes_to_everything_in_the_order_of_the_page(
    chromium: Any,
    report: Path,
) -> None:
    with opened(chromium, report) as found:
        stops = found.tabbed()
        expected = found.page.evaluate(
            "[...document.querySelectorAll('a[href], summary, [tabindex]')]"
            ".filter(e => e.checkVisibility({contentVisibilityAuto: true}))"
            ".map(e => e.getAttribute('href') || e.getAttribute('aria-label') || e.innerText)"
        )
    assert stops == expected
    assert stops[0] == "#main"
    assert {"#step-1", "#series", "Every epoch in figures"} < set(stops)


def test_a_link_of_the_advice_leads_to_its_step(chromium: Any, report: Path) -> None:
    with opened(chromium, report, PHONE) as found:
        found.page.click(".advice a[href='#step-3']")
        top = found.page.eval_on_selector("#step-3", "step => step.getBoundingClientRect().top")
        assert abs(top) < 300


def test_on_paper_everything_is_unfolded(chromium: Any, report: Path) -> None:
    with opened(chromium, report) as found:
        table = found.page.locator("details table").first
        assert not table.is_visible()
        found.page.emulate_media(media="print")
        assert table.bounding_box()["height"] > 100
        assert found.page.pdf(format="A4").startswith(b"%PDF")


def test_a_phone_shows_rows_as_blocks_and_a_table_for_who_listens(
    chromium: Any,
    report: Path,
) -> None:
    with opened(chromium, report, PHONE) as found:
        tree = found.page.locator("#step-1 table.stacked").first.aria_snapshot()
        assert "table" in tree
        assert "row" in tree
        assert "columnheader" in tree
        wide = found.page.eval_on_selector("#step-1 table.stacked td", "cell => cell.offsetWidth")
        assert wide > 300
