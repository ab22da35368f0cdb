"""Reads aims: what a Target sets out to do, as something that can be measured.

Only a verb with its object is an aim, or an upper bound on the parameters: "a light model", "the
overfitting" and "performance" are words of the trade that stand in any Target. To miss an aim costs
nobody anything, to read one that was not set accuses a learner. Must not know what was measured.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Literal, NamedTuple

from harness import claims
from harness.statements import after, before, sentences


class Aim(NamedTuple):
    """Something that a step is to change, or to keep to."""

    words: str
    quantity: Literal["parameters", "gap", "accuracy"]
    """The gap is training less test accuracy."""
    sign: Literal[-1, 1]
    """+1 if the quantity is to grow."""
    below: float | None = None
    """The bound, of a number of parameters that is to keep to one."""


_OUR = r"(?:the |our |its |this |any |some |more |model |network |test |validation ){0,3}"
_NET = r"(?:model|network|skeleton|architecture)"
_PARAMETERS = rf"(?:(?:total )?number of )?{_OUR}(?:trainable )?(?:param\w*s\b|param\w* count\b)"
_WHOLE = (  # and neither a part, nor a bound, nor what parameters merely describe
    r"(?! th[ae]n\b| (?:updat|effici|shar|size)\w*"
    rf"| (?:of|in|at|for|on|per)\b(?! (?:the |our |this )?{_NET}))"
)
_RAISE = r"(?:increas(?:e|ing)|rais(?:e|ing)|boost(?:ing)?)"

_FEWER = Aim("fewer parameters", "parameters", -1)
_AIMS = {
    aim: re.compile(pattern, re.IGNORECASE)
    for aim, pattern in (
        (
            _FEWER,
            r"\b(?:reduc(?:e|ing)|decreas(?:e|ing)|cut(?:ting)?|lower(?:ing)?|fewer|less) "
            rf"{_OUR}{_PARAMETERS}{_WHOLE}"  # channels and kernels are but a means
            rf"|\b(?:lighter|smaller|lighten(?:ing)?) {_OUR}{_NET}\b(?! input)"
            rf"|\bmak(?:e|ing) {_OUR}(?:{_NET} )?(?:even |much )?(?:lighter|smaller)\b"
            rf"(?! (?!and|by|with|to)\w)",
        ),
        (
            Aim("more parameters", "parameters", +1),
            rf"\b(?:{_RAISE}|more) {_OUR}(?:capacity\b|{_PARAMETERS}){_WHOLE}",
        ),
        (
            Aim("a smaller gap", "gap", -1),
            r"\b(?:add|adding|use|using|apply|applying|more) (?:some |more )?regulari[sz]ation\b"
            rf"|\bregulari[sz](?:e|ing) {_OUR}{_NET}\b"
            r"|\b(?:reduc(?:e|ing)|decreas(?:e|ing)|fix(?:ing)?|avoid(?:ing)?|prevent(?:ing)?"
            rf"|fight(?:ing)?|less) {_OUR}over[ -]?fit",
        ),
        (
            Aim("a higher accuracy", "accuracy", +1),
            rf"\b(?:{_RAISE}|improv(?:e|ing)|push(?:ing)?|higher|better) {_OUR}accurac(?:y|ies)\b"
            r"(?! (?:on|in|of) (?:the |our )?train)",
        ),
    )
}
"""What Targets of this exercise say, and what would show it."""

_UNMEANT = re.compile(  # what is denied, left to a condition or to another time, or is background
    r"\b(?:no|not|never|without|cannot|nothing|neither|nor|instead|rather|if|when"
    r"|whether|unless|until|may|might|would|should|could|since|because|later|next"
    r"|final\w*|eventual\w*|understand|see|how|why|allow\w*|despite)\b|n't\b"
    r"|\b(?:after|before|stop) (?:\w+ )?$"
)
_RETRACTED = re.compile(r"\b(?:not|never|cannot|would|could|if|later|next)\b|n't\b")


def read(target: str) -> list[Aim]:
    """What a Target sets out to do, each aim once.

    Of several bounds the widest counts, as the tighter may be a bonus; and what is both to grow
    and to shrink, in different places perhaps, cannot be told from the whole.
    """
    found = {aim: None for sentence in sentences(target) for aim in _read(sentence)}
    bounds = sorted((aim for aim in found if aim.below), key=lambda aim: aim.below or 0)
    changes = [aim for aim in found if not aim.below]
    directions = {(aim.quantity, aim.sign) for aim in changes}
    clear = [aim for aim in changes if (aim.quantity, -aim.sign) not in directions]
    return clear + bounds[-1:]


def _read(sentence: str) -> Iterator[Aim]:
    bounds = [
        Aim(f"fewer than {bound:,.0f} parameters", "parameters", -1, bound)
        for found, bound in claims.bounds(sentence)
        if _meant(sentence, found)
    ]
    yield from bounds
    for aim, pattern in _AIMS.items():
        if aim == _FEWER and bounds:
            continue  # the bound says how few, and the step before may have kept to it
        if any(_meant(sentence, found) for found in pattern.finditer(sentence)):
            yield aim


def _meant(sentence: str, found: re.Match[str]) -> bool:
    """Whether the clause around the words sets them as an aim."""
    lead, rest = before(sentence, found.start()), after(sentence, found.end())
    return not (_UNMEANT.search(lead) or _RETRACTED.search(rest))
