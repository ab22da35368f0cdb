"""The instructor's index page: a row for each submission, words that stay words, a size that opens."""

import re
import xml.etree.ElementTree as ET
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import quote

import pytest
from class_samples import NAMES, RUBRIC, scorecards
from evidence_samples import evidence, run, step
from payloads import LONG, PAYLOADS, commands, steering
from test_injection import everywhere

from harness.evidence import Fault
from harness.grade import write_class
from harness.gradebook import gradebook
from harness.judge.judge import judge
from harness.overrides import Override
from harness.report import index
from harness.roster import Learner
from harness.scorecard import Scorecard


class Read(HTMLParser):
    """What a browser would make of a page: its elements, and the words within some of them."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str]]] = []
        self.words: dict[str, list[str]] = {"tr": [], "li": [], "p": [], "option": []}
        self.open = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, {name: value or "" for name, value in attrs}))
        if tag in self.words:
            self.words[tag].append("")
            self.open = tag
        elif self.open:
            self.words[self.open][-1] += " " * (tag in ("td", "th"))

    def handle_data(self, data: str) -> None:
        if self.open:
            self.words[self.open][-1] += data

    def all(self, tag: str) -> list[dict[str, str]]:
        return [attributes for name, attributes in self.elements if name == tag]

    @property
    def rows(self) -> list[str]:
        """Of the gradebook and of the leaderboard, with their heads."""
        return [" ".join(row.split()) for row in self.words["tr"]]


def rendered(*cards: Scorecard) -> str:
    return index.render(gradebook(cards))


CLASS = scorecards(30)
PAGE = rendered(*CLASS)


def test_every_submission_has_a_row_and_a_link_to_its_report() -> None:
    page = Read(PAGE)
    assert sum("learner-" in row for row in page.rows) == 30
    links = {each["href"] for each in page.all("a")}
    assert {f"learner-{number:04d}/report.html" for number in range(30)} <= links


def test_a_row_says_what_the_scorecard_says() -> None:
    (row,) = [row for row in Read(PAGE).rows if "learner-0004" in row]
    card = CLASS[4]
    assert card.late is not None
    counts = [epoch.test_correct for epoch in card.evidence.steps[-1].runs[0].epochs[-3:]]
    for words in (
        "<script>alert(1)</script>",
        f"{card.points:g} of {card.out_of:g}",
        "late",
        f"{card.evidence.steps[-1].network.parameters.judged:,}",  # type: ignore[union-attr]
        " ".join(f"{int(c * 10_000 / 360) / 100:.2f}" for c in counts),
        card.verdict,
    ):
        assert words in row


def test_what_a_person_did_is_marked_and_explained() -> None:
    given = evidence(step(run(9_900)), name="ada")
    digits = given.model_copy(update={"dataset": CLASS[0].evidence.dataset})
    person = Override(submission="ada", check="convincing", points=8, why="Clear targets.")
    came = Learner.model_validate({"folder": "ada", "submitted_at": "2026-12-01T12:00:00+00:00"})
    page = Read(rendered(judge(RUBRIC, digits, [person], came)))
    titles = {each["title"] for each in page.all("b")}
    assert titles == {
        "2 days late: 20 % of the earned points",
        "set: convincing: 8 of 10 points by a person: Clear targets.",
    }
    assert any("set: convincing: 8 of 10" in sentence for sentence in page.words["li"])


def test_the_summary_counts() -> None:
    verdicts = [card.verdict for card in CLASS]
    told = ", ".join(f"{verdicts.count(v)} {v}" for v in ("passed", "failed", "not graded"))  # type: ignore[arg-type]
    assert any(words.startswith(f"30 submissions: {told};") for words in Read(PAGE).words["p"])


def test_what_needs_a_person_comes_first() -> None:
    for title in ("Not graded", "Not runnable", "Over-claimed", "Awaiting", "Suspiciously alike"):
        assert 0 < PAGE.index(title) < PAGE.index('<table id="gradebook">')
    assert "never a deduction" in PAGE


def test_the_front_is_a_table_and_named_in_the_chart() -> None:
    front = gradebook(CLASS).front
    assert 1 <= len(front) < 30
    leaders = Read(PAGE).rows[-len(front) :]
    for rank, (each, row) in enumerate(zip(front, leaders, strict=True), 1):
        assert row.split()[0] == str(rank)
        assert f"{each.learner} {each.parameters:,} {min(each.last)} of 360" in row
    (chart,) = re.findall(r'<svg[^>]*"pareto-title.*?</svg>', PAGE, re.DOTALL)
    assert f">1 {front[0].learner}" in chart


def test_charts_are_drawn_and_said() -> None:
    drawn = re.findall(r"<svg.*?</svg>", PAGE, re.DOTALL)
    assert len(drawn) == 3
    for chart in drawn:
        root = ET.fromstring(chart)
        space = "{http://www.w3.org/2000/svg}"
        assert len(root.findall(f".//{space}path")) > 10
        assert root.findtext(f"{space}title")
        assert root.findtext(f"{space}desc")


def test_nothing_is_fetched() -> None:
    page = Read(PAGE)
    assert not [a for tag, a in page.elements if "src" in a or tag in ("link", "img", "iframe")]
    assert not re.search(r"url\((?!#)|@import", PAGE)


NOBODY: list[Scorecard] = []
ONE = [judge(RUBRIC, evidence(fault=Fault(owner="submission", stage="reading", message="empty")))]


@pytest.mark.parametrize(("cards", "told"), [(NOBODY, "0 submissions"), (ONE, "1 submission: ")])
def test_a_class_of_none_or_of_one_that_is_empty_has_a_page(
    cards: list[Scorecard], told: str
) -> None:
    assert told in rendered(*cards)


def test_series_of_different_lengths_stand_in_columns_by_number() -> None:
    one = evidence(step(run(1), name="a.py"), name="one")
    three = evidence(*(step(run(1), name=f"{n}.py") for n in range(3)), name="three")
    page = rendered(*(judge(RUBRIC, each) for each in (one, three)))
    assert re.findall(r"Step \d+", page) == ["Step 1", "Step 2", "Step 3"]
    titles = [each["title"] for each in Read(page).all("td") if "title" in each]
    assert titles == ["a.py, of 90", "0.py, of 10", "1.py, of 10", "2.py, of 70"]


def test_words_stay_words() -> None:
    """A class of learners each of whom puts other words that act wherever any can be put."""
    cards = [everywhere(words) for words in PAYLOADS.values()]
    page = rendered(*cards)
    usual = rendered(*(everywhere(f"word {number}") for number in range(len(cards))))
    assert _structure(page) == _structure(usual)
    assert not steering(page)
    assert not commands(page)
    assert len(page) < 20_000 * len(cards)
    hrefs = {a["href"] for a in Read(page).all("a") if a["href"][0] != "#"}
    for href in hrefs:
        assert re.fullmatch(r"[\w.~%-]+(/report\.html|…)", href)  # no folder's name is so long
    assert hrefs > {
        f"{quote(card.evidence.submission, safe='')}/report.html"
        for name, card in zip(PAYLOADS, cards, strict=True)
        if name not in LONG
    }


def _structure(page: str) -> list[str]:
    """The elements, but for the letters of charts, and for folders that are called otherwise."""
    drawn = ("g", "path", "text", "tspan", "small")
    return [tag for tag, _ in Read(page).elements if tag not in drawn]


def test_names_come_through_whole() -> None:
    rows = Read(PAGE).rows
    assert all(any(row.startswith(name) for row in rows) for name in NAMES)


def test_the_page_of_a_thousand_is_small() -> None:
    cards = []
    for place in range(1_000):  # the same ten, under other names
        card = CLASS[place % 10]
        held = card.evidence.model_copy(update={"submission": f"a-rather-long-folder-name-{place}"})
        cards.append(card.model_copy(update={"evidence": held}))
    page = rendered(*cards)
    assert len(page.encode()) < 2_000_000
    assert sum("a-rather-long-folder-name-" in row for row in Read(page).rows) >= 1_000


def test_the_page_is_written_beside_the_reports(tmp_path: Path) -> None:
    write_class(CLASS, tmp_path)
    assert sorted(each.name for each in tmp_path.iterdir()) == ["gradebook.csv", "index.html"]
    assert (tmp_path / "index.html").read_text(encoding="utf-8") == PAGE
