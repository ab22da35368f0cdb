"""Holds parsed JSON of a process that is not trusted against its schema, up to the first mistake.

Pydantic would list every mistake of a document: of eight million bytes these took gigabytes, and
their words went into the report. Must not know what is told.
"""

from __future__ import annotations

from functools import cache
from typing import Any, TypeVar

from pydantic import TypeAdapter, ValidationError
from pydantic_core import SchemaValidator

MAX_JSON = 8 * 2**20
"""Bytes of a frame of JSON: an epoch whose 60,000 steps all differ."""

Read = TypeVar("Read")


def checked(form: type[Read], parsed: Any) -> Read:
    """What was parsed, as a form of `frames`.

    Raises:
        ValueError: saying in a few words what is wrong first.
    """
    known: Any = form
    try:
        read: Read = _validator(known).validate_python(parsed)
    except ValidationError as error:
        first = error.errors()[0]
        raise ValueError(f"{str(first['loc'])[:200]}: {first['msg'][:200]}") from None
    return read


@cache
def _validator(form: type[Any]) -> SchemaValidator:
    return SchemaValidator(_failing_fast(TypeAdapter(form).core_schema))


def _failing_fast(schema: Any) -> Any:
    """A schema of Pydantic's, whose lists and dictionaries are left at their first mistake."""
    if isinstance(schema, list):
        return [_failing_fast(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    made = {key: _failing_fast(part) for key, part in schema.items()}
    return made | {"fail_fast": True} if schema.get("type") in ("list", "dict") else made
