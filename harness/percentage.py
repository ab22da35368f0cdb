"""Percentages as rubrics write them, turned exactly into counts.

"99.4 %" of 10,000 images is the count 9,940; a rounded percentage is never compared. Must not
know what is counted.
"""

from __future__ import annotations

import math
import re
from fractions import Fraction
from typing import Any

from pydantic_core import core_schema

_WRITTEN = re.compile(r"\s*(\d+(?:\.\d+)?)\s*%\s*", re.ASCII)


class Percentage(str):
    """A share of something, kept in the words in which it was written.

    Raises:
        ValueError: unless it reads like "99.4 %" and lies between 0 % and 100 %.
    """

    __slots__ = ()

    def __new__(cls, written: str) -> Percentage:
        """The share as written, with one space before the sign."""
        match = _WRITTEN.fullmatch(written)
        if not match or Fraction(match[1]) > 100:
            raise ValueError('write a percentage in quotes, such as "99.4 %"')
        return super().__new__(cls, f"{match[1]} %")

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: Any) -> core_schema.CoreSchema:
        return core_schema.no_info_plain_validator_function(
            cls._validate, serialization=core_schema.to_string_ser_schema()
        )

    @classmethod
    def __get_pydantic_json_schema__(cls, schema: Any, handler: Any) -> dict[str, Any]:
        return {"type": "string", "pattern": r"^\s*\d+(\.\d+)?\s*%\s*$", "examples": ["99.4 %"]}

    @classmethod
    def _validate(cls, value: Any) -> Percentage:
        if not isinstance(value, str):
            raise ValueError('write a percentage in quotes, such as "99.4 %"')
        return cls(value)

    @property
    def share(self) -> Fraction:
        """The exact share, between 0 and 1."""
        return Fraction(self.removesuffix(" %")) / 100

    def of(self, total: int) -> int:
        """The least count of `total` that reaches this share: ceil(share * total)."""
        return math.ceil(self.share * total)


def percent(count: int, total: int) -> str:
    """A count as a percentage with two decimals, rounded down: 9,939 of 10,000 is 99.39 %.

    Rounding down keeps a count that misses a threshold from being shown as if it reached it.
    """
    hundredths = count * 10_000 // total
    return f"{hundredths // 100}.{hundredths % 100:02d} %"
