"""Cuts a note into sentences, and says whether the clause around some words states them.

In doubt it does not: nothing is stated beside a wish, a condition, a comparison or another step.
Must not know what is stated.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import takewhile

_ASCII = {0x2013: "-", 0x2014: "-", 0x2212: "-", 0x2019: "'", 0x2192: "->"}
_EMPHASIS = re.compile(r"\*\*|`")
_SUBHEADING = re.compile(  # one that states no figure itself
    r"\s{0,3}#{1,6}[ *_`]*[A-Za-z](?:[^0-9:]|[0-9](?![0-9.,kKmM%]))*(?::[ *_`#]*)?"
)
_BULLET = re.compile(r"(?:>(?! ?[0-9])|[-+•●▪◦·*#_ ])*(?:\(?[0-9]{1,2} ?[-.):]+ )?")
_LABEL = re.compile(r"(?:[A-Z]|best|train|test|val|param|num|no\b|total|acc|epoch)[^:.]{0,40}:")
_END = re.compile(r"(?<=[.!?])(?<!vs\.) |(?<=[a-z)]\.)(?=[A-Z])")
_ELSEWHERE = re.compile(
    r"\b(?:initially|earlier|previous(?:ly)?|tried|first attempt|last (?:step|model|phase|attempt)"
    r"|(?:step|phase|model|experiment|attempt|iteration)[ #_-]{0,3}[0-9]+"
    r"|(?:lenet|alexnet|resnet|vgg)(?:[ -]?[0-9]+)?|human|paper|literature"
    r"|state[ -]of[ -]the[ -]art)\b",
    re.IGNORECASE,
)
_COMPARED = re.compile(
    r"\b(?:than\b(?! ?[0-9])|(?:instead of|compared (?:to|with)|versus|vs)\b)", re.IGNORECASE
)


def sentences(text: str) -> Iterator[str]:
    """Sentences about the step itself: a paragraph is left where it turns to another step."""
    for paragraph in _paragraphs(text):
        for sentence in _END.split(paragraph):
            if _ELSEWHERE.search(sentence):
                break
            yield _COMPARED.split(sentence)[0].strip()


def _paragraphs(text: str) -> Iterator[str]:
    """Bullets, labelled lines and paragraphs, each on one line; tables are left out.

    So is what stands below a heading of its own, where learners list what they tried.
    """
    paragraph: list[str] = []
    own = takewhile(lambda line: not _SUBHEADING.fullmatch(line), text.splitlines())
    for written in [*own, ""]:
        line = " ".join(_EMPHASIS.sub("", written.translate(_ASCII)).split())
        bare = _BULLET.sub("", line, count=1)
        if paragraph and (bare != line or not bare or bare[0] == "|" or _LABEL.match(bare)):
            yield " ".join(paragraph)
            paragraph = []
        if bare and bare[0] != "|":
            paragraph.append(bare)


_WINDOW = 200
"""Characters of a clause that are looked at, so that reading takes time in proportion to a text."""

_BREAK = re.compile(
    r",(?![0-9])|[;()!?]|\. | - "
    r"|\b(?:but|while|whereas|so(?! that)|hence|thus|because|although|though)\b"
)
_IF = re.compile(r"\b(?:if|unless|would|before|after|first)\b")
_CONDITION = (
    r"\b(?:if|when|whether|unless|until|once|may|might|would|should|will|could|so that|in order"
    r"|ensur\w*|sure|hop(?:e|ing)|check\w*|try|trying|want\w*|need\w*|must|next|target\w*|goals?"
    r"|aim\w*|expect\w*|require\w*|plan\w*)\b"
)
UNSURE = re.compile(_CONDITION)
"""What is not so yet, or only wished for."""

_UNSAID = re.compile(
    _CONDITION + r"|^ *(?:to|achieve|reach)\b|(?<!able )to (?:achieve|reach|hit|attain)\b|n't\b"
    r"|\b(?:unable|fail\w*|missing|not|never|no(?!\.? of)|without|limit\w*|constraint|possible"
    r"|ceiling|allowed|before|ha(?:s|ve|d) to|reduc(?:e|ing)|bring|keep|get|from)\b"
)
_VAGUE = re.compile(
    r"(?:[<>≥≤~≈\u00b1]|\b(?:above|over|beyond|below|under|than|then|least|most|up ?to|around"
    r"|about|nearly|almost|roughly|approx\w*|close to)) ?$"
)


def before(sentence: str, start: int) -> str:
    """The clause up to here, in small letters; after an "if" or "before" all that depends on it."""
    lead = sentence[max(start - _WINDOW, 0) : start].lower()
    return lead if _IF.search(lead) else _BREAK.split(lead)[-1]


def after(sentence: str, end: int) -> str:
    """The clause from here on, in small letters."""
    return _BREAK.split(sentence[end : end + _WINDOW].lower())[0]


def stated(sentence: str, found: re.Match[str], unless: str = r"(?!)") -> bool:
    """Whether the clause around a number states it, and has none of certain words."""
    around = before(sentence, found.start()), after(sentence, found.end())
    unsaid = any(_UNSAID.search(words) or re.search(unless, words) for words in around)
    return not (unsaid or _VAGUE.search(around[0]))
