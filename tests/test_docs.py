"""What `docs/` says is what the code does."""

import json
import re
import runpy
import shlex
import tomllib
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from evidence_samples import UNDER_8K, evidence, run, step
from typer.main import get_command

from harness import overrides
from harness.cli import app
from harness.judge.judge import judge
from harness.report import document, markdown, words
from harness.rubric import SHIPPED, find, kinds, load
from harness.scorecard import Scorecard

DOCS = Path(__file__).parents[1] / "docs"
PAGE = (DOCS / "rubric.md").read_text(encoding="utf-8")


def schema(name: str) -> Any:
    return json.loads((DOCS / f"{name}.schema.json").read_text(encoding="utf-8"))


def test_the_reference_is_what_the_models_say(tmp_path: Path) -> None:
    runpy.run_path(str(DOCS / "generate.py"))["main"](tmp_path)
    for written in tmp_path.iterdir():
        assert written.read_text() == (DOCS / written.name).read_text(), "run tox -e docs"


@pytest.mark.parametrize("path", sorted(SHIPPED.glob("*.toml")), ids=lambda path: path.stem)
def test_shipped_rubrics_keep_their_schema(path: Path) -> None:
    jsonschema.validate(tomllib.loads(path.read_text()), schema("rubric"))


@pytest.mark.parametrize("wrong", [{"points": "many"}, {"kind": "unknown"}, {"at_lest": 1}])
def test_the_schema_of_rubrics_refuses_what_the_harness_refuses(wrong: dict[str, Any]) -> None:
    table = tomllib.loads(find("under-10k").read_text())
    table["checks"][0] |= wrong
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(table, schema("rubric"))


def test_scorecards_and_evidence_keep_their_schemas() -> None:
    card = judge(UNDER_8K, evidence(step(run(9_940, shifted=9_900))))
    told = json.loads(document.render(card))
    jsonschema.validate(told, schema("scorecard"))
    jsonschema.validate(told["evidence"], schema("evidence"))


def test_every_kind_has_its_section() -> None:
    for kind in kinds():
        assert f"### `{kind}`" in PAGE


def test_the_check_of_ones_own_works() -> None:
    (source,) = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    assert len(source.strip().splitlines()) < 20
    scope: dict[str, Any] = {}
    exec(source, scope)
    frugal = scope["Frugal"](kind="frugal", at_most=2_000_000, points=5, scope="final step")
    rubric = UNDER_8K.model_copy(update={"checks": [frugal]})
    assert judge(rubric, evidence(step())).points == 5
    assert judge(rubric, evidence(step(evaluation=2_000_001))).points == 0


def test_the_overrides_of_the_page_can_be_read(tmp_path: Path) -> None:
    (text,) = re.findall(r"```toml\n(\[\[override.*?)```", PAGE, re.DOTALL)
    (tmp_path / "overrides.toml").write_text(text)
    rubric = load(find("four-steps"))
    assert [o.points for o in overrides.load(tmp_path / "overrides.toml", rubric)] == [7, 2.5]


COMMANDS = get_command(app).commands  # type: ignore[attr-defined]


def printed() -> list[str]:
    """Every harness command in a code block or between backticks of the pages."""
    text = (DOCS.parent / "README.md").read_text(encoding="utf-8") + PAGE
    found = re.findall(r"(?:harness|tox -e grade --) ([a-z][^`\n#]*)", text)
    return sorted({line.strip() for line in found if line.split()[0] in COMMANDS})


@pytest.mark.parametrize("line", printed())
def test_commands_that_are_printed_exist(line: str) -> None:
    """With every option; a name in capitals or an ellipsis stands for the reader's own."""
    words = [word for word in shlex.split(line) if not word.isupper() and "..." not in word]
    command: Any = COMMANDS[words.pop(0)]
    while words and hasattr(command, "commands"):
        names = words.pop(0).strip(",")
        assert names in command.commands, line
        command = command.commands[names]
    known = {option for parameter in getattr(command, "params", []) for option in parameter.opts}
    assert {word for word in words if word.startswith("--")} <= known | {"--help"}, line


RUBRICS = {rubric.title: rubric for rubric in map(load, SHIPPED.glob("*.toml"))}


@pytest.mark.parametrize(
    "path",
    sorted((DOCS / "evidence").rglob("report.json")),
    ids=lambda path: f"{path.parents[1].name}-{path.parent.name}",
)
def test_committed_evidence_can_be_judged(path: Path) -> None:
    """And the page beside it is what it comes to."""
    card = Scorecard.model_validate_json(path.read_bytes())
    rubric = RUBRICS[card.rubric].model_copy(update={"seeds": card.seeds})
    assert judge(rubric, card.evidence) == card
    assert path.with_name("report.md").read_text() == markdown.render(card)


def test_the_readme_shows_what_the_evidence_comes_to() -> None:
    text = (DOCS.parent / "README.md").read_text(encoding="utf-8")
    assert "@" not in re.sub(r"`[^`]*`", "", text)
    path = DOCS / "evidence" / "digit-recognizer-four-phases" / "report.json"
    card = Scorecard.model_validate_json(path.read_bytes())
    assert f"{card.evidence.submission}: {words.verdict(card)}" in text


def test_the_page_of_the_seeds_is_what_the_evidence_comes_to() -> None:
    page = runpy.run_path(str(DOCS / "seeds.py"))["page"]()
    assert page == (DOCS / "seeds.md").read_text(encoding="utf-8"), "run docs/seeds.py write"


ATTACKS = DOCS.parent / "tests" / "attacks"


def test_every_attack_stands_in_the_table_and_every_test_exists() -> None:
    told = re.findall(r"`(test_\w+\.py::test_\w+)`", (DOCS / "security.md").read_text())
    there = {
        f"{path.name}::{name}"
        for path in ATTACKS.glob("test_*.py")
        for name in re.findall(r"^def (test_\w+)", path.read_text(), re.MULTILINE)
    }
    assert sorted(told) == sorted(there)
