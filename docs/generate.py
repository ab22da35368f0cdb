"""Writes what `docs/` says of rubrics and of the JSON documents, from the models themselves.

`tox -e docs` runs it, and a test holds the committed files to what it writes.
"""

from __future__ import annotations

import inspect
import json
from pathlib import Path
from typing import Any

from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from harness.evidence import Evidence
from harness.overrides import Override
from harness.recipe import Ingredient, Recipe
from harness.roster import Learner
from harness.rubric import SHIPPED, Check, Late, Rubric, kinds, load, schema
from harness.scorecard import Scorecard

HEAD = """# Rubrics: every key

This page is generated from the models by `tox -e docs`; a test keeps it true.

A rubric is a TOML file: what is asked of a submission, and what it is worth. Start from one that
is shipped, with `harness new rubric my-rubric.toml --like four-steps`, and have it read with
`harness rubric validate my-rubric.toml`, which tells every mistake with its key, its value and what
would be right. JSON Schemas of [rubrics](rubric.schema.json), [evidence](evidence.schema.json) and
[scorecards](scorecard.schema.json) stand beside this page.
"""

POINTS = """## How points add up

- A check on `"every step"` shares its points equally among the steps; one on the `"final step"`
  judges the last; one on the `"whole submission"` judges once.
- A submission passes if its points reach `pass_mark` of all points, and no `required` check is
  missed, partial credit being a miss.
- A `bonus` comes on top: it is not part of all points.
- Points that await a person count neither for nor against until they are awarded.
- What the harness or the machine could not measure is *not graded*, never 0 points.
- What a check puts before a person (an inconclusive verdict over the seeds, an accuracy before
  training that is odd) changes no points.
"""

OVERRIDES = """## Points that a person awards

`--overrides FILE` of `harness grade` and `harness regrade` reads a TOML file:

```toml
[[override]]
submission = "ada"             # its name in the reports
check = "convincing"           # the check's name in the rubric
points = 7
why = "Step 2 does not say why the kernel was changed."

[[override]]
submission = "ada"
step = "step_1.py"             # left out above: the whole submission
check = "epochs"               # any mark can be replaced
points = 2.5
why = "20 epochs were agreed beforehand."
```
"""

LATE = """## `[late]`

What a submission loses that came after its due time, by `submitted_at` in the roster. It is taken off
the points that were earned, is told apart from them in every report, and may cost the pass.

```toml
[late]
due = 2026-11-30T23:59:00+01:00
per_day = "10 %"
at_most = "50 %"
```
"""

ROSTER = """## The roster

`--roster FILE` of `harness grade` and `harness regrade` reads a CSV file, separated by commas or
semicolons, with a line for each learner; every column but `folder` may be left out:

```csv
folder,name,id,sis_id,login,section,email,submitted_at
ada,Ada Lovelace,4711,SIS-1,al815,Section A,ada@example.org,2026-11-30T23:10:00+01:00
bob,Bob Ross,4712,SIS-2,br53,Section B,bob@example.org,
```

Reports and exports name learners by it. A folder on it that is not handed in is told.
"""

OWN = """## A kind of check of your own

A kind is a class in a package of yours, found through an entry point. This is one, whole:

```python
from typing import ClassVar, Literal

from harness.rubric import Check, Finding


class Frugal(Check):
    \"\"\"The network takes few multiply-adds.\"\"\"

    needs: ClassVar = ("network",)
    kind: Literal["frugal"]
    at_most: int

    def asked(self, dataset):
        return f"at most {self.at_most:,} multiply-adds an image"

    def judge(self, step, evidence):
        found = step.network.multiply_adds
        return Finding(earned=found <= self.at_most, measured=f"{found:,}", why="counted")
```

```toml
[project.entry-points."harness.checks"]
frugal = "my_package:Frugal"
```

With a method `audit(self, log, dataset)` it judges printed logs, too, for `harness audit`: `log` is a
`harness.outputs.Log`, and `earned=None` says that it cannot be told from that. Without one, printed
figures say nothing about it.
"""


WORDS = {
    "Recipe": "table, see below",
    "Check": "tables, see below",
    "Late": "table, see below",
    "Ingredient": "table of `name` and its arguments",
    "Scheduler": 'table of `name`, `interval` (`"epoch"` or `"batch"`) and its arguments',
    "Normalize": "table of `mean` and `std`",
}
"""What the keys that hold a model of ours take."""


def main(folder: Path) -> None:
    """Write all generated files into a folder."""
    (folder / "rubric.md").write_text(rubric_page(), encoding="utf-8")
    schemas = {
        "rubric": schema(),
        "evidence": Evidence.model_json_schema(mode="serialization"),
        "scorecard": Scorecard.model_json_schema(mode="serialization"),
    }
    for name, made in schemas.items():
        text = json.dumps(made, indent=1, ensure_ascii=False) + "\n"
        (folder / f"{name}.schema.json").write_text(text, encoding="utf-8")


def rubric_page() -> str:
    """The reference of every key, with an example for each kind of check."""
    parts = [HEAD, "## Shipped rubrics\n", _shipped(), "## The rubric\n", _table(Rubric)]
    parts += ["## `[recipe]`\n", "What a learner's recipe leaves out.\n", _table(Recipe)]
    parts += [LATE, _table(Late)]
    parts += ["## `[[checks]]`\n", "Every check has these keys, and those of its kind.\n"]
    parts += [_table(Check), POINTS]
    for name, kind in kinds().items():
        example = kind.example.strip()
        parts += [f"### `{name}`\n", f"{inspect.getdoc(kind)}\n", _table(kind, Check)]
        parts += [f"```toml\n{example}\n```\n"]
    parts += [OVERRIDES, _table(Override), ROSTER, _table(Learner), OWN]
    return "\n".join(parts)


def _shipped() -> str:
    rows = [
        f"| [`{path.stem}`](../rubric/{path.name}) | {load(path).title} |"
        for path in sorted(SHIPPED.glob("*.toml"))
    ]
    return "\n".join(["| name | asks for |", "|---|---|", *rows, ""])


def _table(model: type[BaseModel], less: type[BaseModel] | None = None) -> str:
    """The keys of a model: their types, defaults and meaning."""
    properties = model.model_json_schema().get("properties", {})
    rows = []
    for name, field in model.model_fields.items():
        if less is not None and name in less.model_fields:
            continue
        words = " ".join((field.description or "").split())
        rows.append(f"| `{name}` | {_type(properties[name])} | {_default(field)} | {words} |")
    if not rows:
        return "It has no further keys.\n"
    return "\n".join(["| key | value | if left out | |", "|---|---|---|---|", *rows, ""])


def _type(described: dict[str, Any]) -> str:
    """A JSON Schema's type in words."""
    match described:
        case {"anyOf": kinds}:
            return " or ".join(_type(kind) for kind in kinds if kind.get("type") != "null")
        case {"enum": values}:
            return ", ".join(f"`{json.dumps(value)}`" for value in values)
        case {"examples": [example, *_]}:
            return f'text such as `"{example}"`'
        case {"type": "array", "prefixItems": items}:
            return f"list of {len(items)}: {_type(items[0])}"
        case {"type": "array", "items": items}:
            return f"list of {_type(items)}"
        case {"type": "object", "patternProperties": dict(by_key)}:
            return f"table of percentages, each to a {_type(next(iter(by_key.values())))}"
        case {"type": "object", "additionalProperties": dict(values)}:
            return f"table of limits, each to a {_type(values)}"
        case {"format": "date-time"}:
            return "time"
        case {"type": str(name)}:
            words = {"integer": "whole number", "number": "number", "string": "text"}
            return words.get(name, {"boolean": "true or false", "object": "table"}.get(name, name))
        case {"$ref": str(name)}:
            return WORDS[name.rpartition("/")[2]]
        case {"const": value}:
            return f"`{json.dumps(value)}`"
    return "a value"


def _default(field: FieldInfo) -> str:
    if field.is_required() or field.default is PydanticUndefined:
        return "must be given"
    if isinstance(field.default, Recipe):
        recipe = field.default
        parts = [f"{recipe.epochs} epochs", f"batches of {recipe.batch_size}"]
        return ", ".join([*parts, str(recipe.optimizer), recipe.loss.name])
    if isinstance(field.default, Ingredient):
        return f"`{field.default.name}`"
    if field.default is None:
        return ""
    return f"`{json.dumps(field.default)}`" if field.default != "" else ""


if __name__ == "__main__":
    main(Path(__file__).parent)
