"""Reads what a sentence says that a network is made of: techniques, and how many convolutions.

Only a plain enumeration counts, whose subject is the whole network and which holds known words and
no others: "the network is built with batch normalisation, dropout and global average pooling".
Nothing is read beside a denial, a replacement, a sequence or another time, for such a sentence may
tell of a part of the network, or of another. Must not know what was measured.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from typing import Literal, NamedTuple, get_args

from harness.statements import UNSURE, before

Technique = Literal[
    "batch normalisation",
    "dropout",
    "global average pooling",
    "max pooling",
    "fully connected",
    "1 x 1 convolution",
    "image augmentation",
    "scheduler",
]

TECHNIQUES: tuple[Technique, ...] = get_args(Technique)
"""Those of the exercise, by the names that rubrics and reports use."""


class Part(NamedTuple):
    """Something that a network is said to have."""

    start: int
    """Where in the sentence that is said."""
    name: str
    """A technique, or of counted convolutions the kernel: `3 x 3`."""
    number: int | None = None
    """How many convolutions there are; None for a technique, whose layers nobody counts."""


_BY = r" ?[x*\u00d7] ?"
_CONV = r"conv(?:s|2d|olutions?|olutional)?"
_SPELT: dict[Technique, str] = {
    "batch normalisation": r"batch[ -]?norm(?:s|2d|ali[sz]ation)?|bn",
    "dropout": r"drop[ -]?outs?(?:2d)?",
    "global average pooling": r"global[ -](?:average|avg\.?)[ -]?pool(?:ing)?|gap",
    "max pooling": r"max[ -]?pool(?:ing|s|2d)?",
    "fully connected": r"fully[ -]connected|fc|(?:dense|linear) layers?",
    "1 x 1 convolution": rf"1{_BY}1 {_CONV}",
    "image augmentation": r"(?:(?:image|data) )?augmentations?",
    "scheduler": r"(?:(?:lr|learning[ -]rate|step) )?schedulers?|step ?lr",
}
_NUMBER = (
    "one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|thirteen|fourteen|fifteen"
    "|sixteen|seventeen|eighteen|nineteen|twenty"
)
_TOKEN = re.compile(
    rf"(?P<counted>(?P<number>{_NUMBER}|1?[1-9]|[12]0) (?P<side>[1-9]){_BY}(?P=side) {_CONV}"
    r"(?P<layers> layers?)?)(?!\w)"
    rf"|(?:{'|'.join(f'(?P<technique_{n}>{spelt})' for n, spelt in enumerate(_SPELT.values()))})"
    r"(?!\w)"
    rf"|(?P<beside>{_CONV}|layers?|(?:average|avg) pooling|relus?|activations?|functions?"
    rf"|(?:log[ _-]?)?softmax|in total|among them|[1-9]{_BY}[1-9]|[0-9.]{{1,5}} ?%?"
    rf"|\)|{_NUMBER})(?!\w)"
    r"|(?P<joint>[ ,&/+(-]|(?:an?|the|both|only|just|and|with|plus|as well as|along with|of)\b)",
    re.IGNORECASE,
)
"""What may stand in an enumeration."""

_ENDS = re.compile(r" ?(?:$|[;:,(]|\.(?![0-9])|(?:and|that|which|for|to)\b)", re.IGNORECASE)
_ADJECTIVE = r"(?:whole|entire|complete|current|light|lightweight|small|simple|lean|neural) "
_NOUN = r"(?:(?:model|network|net|architecture|structure) ){1,2}"
_HEAD = re.compile(
    rf"(?<![\w'-])(?:(?:the|this|our|my) )?(?:{_ADJECTIVE}){{0,2}}{_NOUN}"
    r"(?:is (?:built|made|constructed|designed|composed|created)(?: up)?"
    r" (?:with|using|by using|from|out of|of)"
    r"|consists of|uses|contains|has|includes|comprises|is (?:light|small|simple|lean):) "
    rf"|(?P<whole>^(?:an?|this|the) (?:{_ADJECTIVE}){{0,2}}{_NOUN}with )",
    re.IGNORECASE,
)
_LEAD = re.compile(r"(?:(?:in (?:all|total|summary|conclusion)|overall|so|thus|here|and)[ ,]*)*")
_NOT_PLAIN = re.compile(
    r"n't\b|\b(?:no(?!\.? of)|not|never|nor|without|instead|rather|replac\w*|remov\w*|except|can"
    r"|optional\w*|was|were|had|did|earlier|later|before|after|then|follow\w*|first|second|last"
    r"|final|rest|remaining|more|another|other|again|add\w*|original\w*|like|usual\w*|typical\w*"
    r"|so on|ours|large\w*|big\w*|deep\w*|wide\w*|smaller)\b"
)


def parts(sentence: str) -> Iterator[Part]:
    """What a sentence says that the network is made of; each technique once."""
    small = sentence.lower()
    head = _HEAD.search(sentence)
    if not head or UNSURE.search(small) or _NOT_PLAIN.search(small):
        return
    if not _LEAD.fullmatch(before(sentence, head.start()).lstrip()):
        return
    listed, end = _listed(sentence, head.end())
    if not (_ENDS.match(sentence, end) and (not head["whole"] or not sentence[end:].strip(" ."))):
        return
    told: set[str] = set()
    kernels = Counter(found[1] for found in re.finditer(rf"([1-9]){_BY}\1", small))
    for item in listed:
        if item["counted"]:
            side, number = item["side"], item["number"]
            once = kernels[side] == 1  # or each counts a part
            if once and (item["layers"] or not number.isdigit()):  # or it may be channels
                yield Part(head.start(), f"{side} x {side}", _value(number.lower()))
        elif len(listed) > 1 and (name := _technique(item)) not in told:
            told.add(name)
            yield Part(head.start(), name)


def _listed(sentence: str, end: int) -> tuple[list[re.Match[str]], int]:
    """What an enumeration names, and where it ends."""
    listed, place = [], end
    while token := _TOKEN.match(sentence, place):
        place = token.end()
        if token.lastgroup != "joint":
            end = place
            if token.lastgroup != "beside":
                listed.append(token)
    return listed, end


def _technique(item: re.Match[str]) -> Technique:
    assert item.lastgroup is not None
    return TECHNIQUES[int(item.lastgroup.removeprefix("technique_"))]


def _value(number: str) -> int:
    return int(number) if number.isdigit() else _NUMBER.split("|").index(number) + 1
