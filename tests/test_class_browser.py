"""The index page in Chromium: a class of 30 sorts, filters, opens a learner, and is for everybody."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from browser import DESK, PHONE, opened
from class_samples import scorecards

from harness.grade import write_class

pytestmark = pytest.mark.browser

CLASS = scorecards(30)
DARK_AND_LIGHT = pytest.mark.parametrize("scheme", ["light", "dark"])


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A class's reports, with a stub for each learner's own."""
    out = tmp_path_factory.mktemp("class")
    write_class(CLASS, out)
    for card in CLASS:
        (out / card.evidence.submission).mkdir()
        title = f"<title>{card.evidence.submission}</title>"
        (out / card.evidence.submission / "report.html").write_text(title)
    return out


@pytest.fixture
def page(chromium: Any, folder: Path) -> Iterator[Any]:
    with opened(chromium, folder / "index.html") as found:
        yield found.page


def column(page: Any, number: int) -> list[str]:
    """The words of a column, in the order of the rows."""
    cells = page.locator(f"#gradebook tbody tr > :nth-child({number})")
    return [" ".join(text.split()) for text in cells.all_inner_texts()]


def head(page: Any, name: str) -> Any:
    return page.locator("#gradebook").get_by_role("columnheader", name=name, exact=True)


def test_numbers_sort_as_numbers_and_what_is_not_known_stands_last(page: Any) -> None:
    number = 8
    for order in ("ascending", "descending"):
        head(page, "Parameters").get_by_role("button").click()
        assert head(page, "Parameters").get_attribute("aria-sort") == order
        shown = [text.replace(",", "") for text in column(page, number)]
        known = [int(text) for text in shown if text]
        assert known == sorted(known, reverse=order == "descending")
        assert len(known) < 30
        assert not any(shown[len(known) :])
    head(page, "Score").get_by_role("button").press("Enter")
    assert head(page, "Parameters").get_attribute("aria-sort") is None
    scores = [float(text.split()[0]) for text in column(page, 2)]
    assert scores == sorted(scores)


def test_names_sort_as_people_sort_them_and_equals_keep_their_order(page: Any) -> None:
    head(page, "Learner").get_by_role("button").click()
    names = [name.rpartition(" learner-")[0] for name in column(page, 1)]
    numbered = [name for name in names if name.startswith("Learner ")]
    assert numbered == [f"Learner {number}" for number in range(7, 30)]
    head(page, "Verdict").get_by_role("button").click()
    verdicts = column(page, 10)
    assert verdicts == sorted(verdicts, key=lambda said: said.split(" ", 1)[1])
    failed = [
        name.rpartition(" learner-")[0]
        for name, verdict in zip(column(page, 1), verdicts, strict=True)
        if "failed" in verdict
    ]
    assert failed == [name for name in names if name in failed]


def test_words_and_verdicts_filter(page: Any) -> None:
    said = page.get_by_role("status")
    assert said.inner_text() == "30 of 30 shown"
    page.get_by_label("Filter").fill("UNI")  # in Ünï
    assert said.inner_text() == "1 of 30 shown"
    assert "Emoji 🎓 Ünï" in column(page, 1)[0]
    page.get_by_label("Filter").fill("learner-002")
    assert said.inner_text() == "10 of 30 shown"
    page.get_by_label("Verdict").select_option("passed")
    passed = [card.evidence.submission for card in CLASS[20:] if card.verdict == "passed"]
    assert said.inner_text() == f"{len(passed)} of 30 shown"
    page.get_by_label("Filter").fill("")
    page.get_by_label("Verdict").select_option("not graded")
    assert {text[2:] for text in column(page, 10)} == {"not graded"}
    page.get_by_label("Verdict").select_option("all")
    assert said.inner_text() == "30 of 30 shown"


def test_more_rows_than_a_screen_holds_all_come(chromium: Any, tmp_path: Path) -> None:
    cards = [
        card.model_copy(
            update={"evidence": card.evidence.model_copy(update={"submission": f"{n} {k}"})}
        )
        for n in range(5)
        for k, card in enumerate(CLASS)
    ]
    write_class(cards, tmp_path)
    with opened(chromium, tmp_path / "index.html") as found:
        page = found.page
        head(page, "Score").get_by_role("button").click()
        page.wait_for_selector("#gradebook tbody tr:nth-child(150)")
        scores = [float(text.split()[0]) for text in column(page, 2)]
        assert scores == sorted(scores)


def test_a_link_opens_the_learners_report(page: Any) -> None:
    page.locator("#gradebook").get_by_role("link", name="Ada Lovelace").click()
    page.wait_for_url("**/learner-0000/report.html")
    assert page.title() == "learner-0000"


def test_charts_are_drawn(page: Any) -> None:
    charts = page.locator("svg.chart")
    assert charts.count() == 3
    for chart in charts.all():
        box = chart.bounding_box()
        assert box["width"] > 250
        assert box["height"] > 80
        assert chart.locator("path, use").count() > 10
    line = page.locator("#pareto-line2d_1, svg[aria-labelledby^=pareto] path").first
    assert line.evaluate("element => getComputedStyle(element).stroke") != "rgb(0, 0, 1)"


def test_without_javascript_it_is_a_plain_table(chromium: Any, folder: Path) -> None:
    with opened(chromium, folder / "index.html", java_script_enabled=False) as found:
        page = found.page
        assert page.locator("#gradebook tbody tr").count() == 30
        assert page.locator("button, input:visible, select:visible").count() == 0
        assert page.locator("#gradebook details").first.is_visible()


def test_the_keyboard_goes_from_top_to_bottom(page: Any) -> None:
    reached = []
    for _ in range(90):
        page.keyboard.press("Tab")
        reached.append(
            page.evaluate(
                """() => { const at = document.activeElement;
                return at.className === "skip" ? "skip" : at.closest("nav") ? "nav" : at.id
                    || (at.closest("thead") ? "head" : at.matches(".book") ? "table"
                    : at.closest("#gradebook") ? "row" : "person"); }"""
            )
        )
        if reached[-1] == "row":
            break
    order = list(dict.fromkeys(reached))
    assert order == ["skip", "nav", "person", "text", "verdict", "table", "head", "row"]
    assert reached.count("head") == 11


def test_nothing_is_wider_than_a_phone(chromium: Any, folder: Path) -> None:
    with opened(chromium, folder / "index.html", PHONE) as found:
        assert found.sideways() == 0
        region = found.page.get_by_role("region", name="All submissions")
        assert region.evaluate("e => e.scrollWidth > e.clientWidth")


@DARK_AND_LIGHT
@pytest.mark.parametrize("size", [PHONE, DESK])
def test_axe_finds_nothing(chromium: Any, folder: Path, scheme: str, size: tuple[int, int]) -> None:
    with opened(chromium, folder / "index.html", size, scheme, bypass_csp=True) as found:
        found.page.locator("details").evaluate_all("all => all.forEach(each => each.open = true)")
        assert found.violations() == []
