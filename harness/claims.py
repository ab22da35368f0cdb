"""Reads claims: what a learner's words state about a network and its training.

A claim is right when it equals what was measured at the precision in which it is written, so its
words are kept beside the interval that they stand for. Must not know what was measured.

Of the notes only Result and Analysis claim; a title names, and a target wishes. And only plain
statements about the step itself do: to miss a claim costs nobody anything, to read one that was not
made accuses a learner. So a number counts where known words, and no others, lead to it from its
name, and never beside a wish, a doubt, a comparison or another step.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from decimal import Decimal
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

from harness import structure
from harness.notes import Notes
from harness.statements import UNSURE, after, before, sentences, stated

Quantity = Literal[
    "parameters",
    "epochs",
    "training accuracy",
    "test accuracy",
    "over-fitting",
    "under-fitting",
    "technique",
    "convolutions",
    "epoch reached",
]
Where = Literal["result", "analysis", "output"]
_NOTES: tuple[Where, ...] = ("result", "analysis")


class Claim(BaseModel):
    """One statement, in the learner's words and as what it means."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)

    quantity: Quantity
    """What it is about."""
    written: str
    """The learner's own words, such as `Best Test Accuracy: 99.42 (At EPOCH -13)`."""
    where: Where
    """The note in which it stands; `output` for what a notebook printed when it was handed in."""
    place: str = ""
    """Where that note stands, such as `README.md`; empty where the step's own file holds it."""
    lowest: float | None = None
    """Least value that would be written so: 7,500 for `8k` parameters; accuracies in percent."""
    below: float | None = None
    """Values from here on would be written otherwise: 8,500 for `8k`, 8,000 for `under 8k`."""
    out_of: int | None = None
    """The number of images, where a log counts: 10,000 for `9941/10000 (99.41%)`."""
    holds: bool = True
    """False for `no over-fitting`."""
    of: str = ""
    """The technique that the network is said to have, the kernel of the convolutions that are
    counted (`3 x 3`), or the test accuracy that is said to be reached in that epoch first, in
    percent as written (`99.4`)."""


def read(notes: Notes) -> list[Claim]:
    """All claims in a step's notes, in the order in which they stand.

    Of several test accuracies in one note, such as the lines of a log, the highest is the claim,
    and so with training accuracies; counts from a log and other figures are kept apart.
    """
    return [claim for where in _NOTES for claim in _read(getattr(notes, where), where)]


def merge(found: Iterable[tuple[str, list[Claim]]]) -> list[Claim]:
    """Claims from several places, by their names; what is said twice is one claim."""
    different: dict[object, Claim] = {}
    for place, claims in found:
        for claim in claims:
            meaning = claim.model_dump(exclude={"written", "where", "place"})
            different.setdefault(tuple(meaning.values()), claim.model_copy(update={"place": place}))
    return list(different.values())


def _read(text: str, where: Where) -> list[Claim]:
    claims = []
    for sentence in sentences(text):
        readers = (_parameters, _accuracies, _counts, _epochs, _reached, _fitting, _structure)
        found = [one for reader in readers for one in reader(sentence)]
        for start, meaning in sorted(found, key=lambda one: one[0]):
            claims.append(Claim(where=where, written=_words(sentence, start), **meaning))
    return _highest(claims)


_Found = Iterator[tuple[int, dict[str, Any]]]
"""Where claims start in a sentence, and what they mean."""


def _words(sentence: str, start: int, most: int = 100) -> str:
    """The sentence, or of a long one the words from the claim on."""
    if len(sentence) > most:
        clause = before(sentence, start).lstrip()[-most // 2 :]
        sentence = sentence[max(start - len(clause), 0) :]
    return sentence if len(sentence) <= most else f"{sentence[: most - 2].rstrip()} …"


# Numbers ------------------------------------------------------------------------------------

_LEADING = (  # all that may stand between a name and its number
    r"(?>(?:[-=]>|\((?:with)?in [0-9]{1,3} epochs\)|[ :=,*_(`'\"-]|\b(?:under [0-9]{1,3} epochs"
    r"|is|was|are|being|of|at(?! most| least)|to|has|have|been|now|also"
    r"|still|only|just|in|the|this|our|network|model|total|count|value|score|as|high|reached"
    r"|reaches|reduced|improved|increased|went|up(?! ?to)|came|achieved|attained|obtained|got"
    r"|stays|stands|stops|remains|(?:over|under)[ -]?fit\w{0,4})\b){0,24})"
)
_ALONE = (  # no part of something else, nor of a range
    r"(?![A-Za-z0-9%+]|[.,][0-9]| ?(?:/|(?:[-=]>|[-~\u00b1]|to) ?"
    r"(?![0-9]{1,3}(?:st|nd|rd|th)\b)[0-9]|(?:epochs?|thousand|million|lakhs?|x)\b))"
)


def _rounded(number: Decimal, unit: Decimal) -> dict[str, Decimal]:
    """The values that are written as this multiple of the unit."""
    return {"lowest": number - unit / 2, "below": number + unit / 2}


# Parameters ---------------------------------------------------------------------------------

_BOUND = (
    r"(?:(?:[<≤>≥]=?|\b(?:(?:less|lower|fewer|more|greater) th[ae]n|under|below|within|up ?to"
    r"|at most|at least|over|above)\b) ?)?"
)
_COUNT = (
    r"(?>[0-9]{1,3}(?:[,_' ][0-9]{2,3}){0,2}[,_' ][0-9]{3}(?![0-9])|[0-9]{1,9}(?:\.[0-9]{1,6})?)"
    r"(?> ?[kKmM]\b)?"
)
_PARAMETERS = re.compile(
    rf"({_BOUND})(?<![\w.,])({_COUNT})[ -]?(?:model |total |network )?param\w{{0,8}}\b(?! ?[:=])"
    rf"|(?<!trainable )(?<!hyper[ -])\bparam\w{{0,8}}\b{_LEADING}({_BOUND})({_COUNT}){_ALONE}",
    re.IGNORECASE,
)
_PART = (  # of a network, or of its parameters
    r"\b(?:layers?|conv\w*|kernels?|blocks?|channels?|each|per|linear|fc|bias\w*|add\w*|sav\w*"
    r"|remov\w*|dropp\w*|by|extra|additional|more|other|unused)\b"
    r"|\b(?:bn|batch[ -]?norm\w*|normali[sz]ation) $"
    r"|^ (?:for|in|from|of) (?:the )?(?:bn|batch|norm)"
    r"|^ ?(?:fewer|less|lower)\b"
)


def _parameters(sentence: str) -> _Found:
    for found in _PARAMETERS.finditer(sentence):
        if (values := _number(found)) and stated(sentence, found, unless=_PART):
            yield found.start(), {"quantity": "parameters"} | values


def bounds(sentence: str) -> Iterator[tuple[re.Match[str], float]]:
    """The numbers that a network's parameters are to stay below, be that stated or wished."""
    for found in _PARAMETERS.finditer(sentence):
        lead, rest = before(sentence, found.start()), after(sentence, found.end())
        beside = " ".join(lead.split()[-3:] + rest.split()[:3])
        if (values := _number(found)).keys() == {"below"} and not re.search(_PART, beside):
            yield found, float(values["below"])


def _number(found: re.Match[str]) -> dict[str, Decimal]:
    bound, number = (found[1], found[2]) if found[2] else (found[3], found[4])
    return _bounded(bound.lower().strip(), number) if bound else _counted(number)


def _bounded(bound: str, number: str) -> dict[str, Decimal]:
    value, _ = _count(number)
    if bound.startswith((">", "≥", "more", "greater", "at least", "over", "above")):
        return {"lowest": value}
    return {"below": value + bound.endswith(("=", "≤", "within", "to", "most"))}


def _counted(number: str) -> dict[str, Decimal]:
    value, unit = _count(number)
    if value < 100 or unit < 1:
        return {}  # no count of a whole network
    return _rounded(value, unit) if unit > 1 else {"lowest": value, "below": value + 1}


def _count(written: str) -> tuple[Decimal, Decimal]:
    """A count and the unit of its last digit; thousands in full are taken as rounded to them."""
    scale = {"k": 1_000, "m": 1_000_000}.get(written[-1].lower(), 1)
    digits = re.sub(r"[^0-9.]", "", written)
    if scale == 1 and re.fullmatch(r"[0-9]{1,3}\.[0-9]{3}", digits):
        digits = digits.replace(".", "")  # 7.753 parameters are 7,753
    value = scale * Decimal(digits)
    unit = scale * Decimal(10) ** -len(digits.partition(".")[2])
    return value, Decimal(1_000) if scale == 1 and value % 1_000 == 0 else unit


# Accuracies ---------------------------------------------------------------------------------

_SET = r"(?<![A-Za-z])(train(?:ing)?|test(?:ing)?|val(?:id(?:ation)?)?)"
_DATA = r"(?:[ -]?(?:data|set|dataset|images)){0,2}(?![A-Za-z])"
_ACC = r"acc(?:u\w{0,8})?\b"
_PERCENT = rf"(?<![\w.,])((?>[0-9]{{1,3}}(?:[.,][0-9]{{1,18}})?(?: ?%)?)){_ALONE}"
_SURE = r"(?=[5-9][0-9](?:[.,][0-9]| ?%)|100 ?%)"  # no learning rate, dropout or batch size
_LIST = r"(?! ?(?:,|&|and|or) ?[0-9]{2}\.[0-9])"
_ACCURACIES = re.compile(
    rf"{_SET}{_DATA}[ _-]{_ACC}{_LEADING}{_PERCENT}{_LIST}"  # test accuracy: 99.4
    rf"|{_ACC} (?:on|in|of|for) (?:the |our )?{_SET}{_DATA}{_LEADING}{_PERCENT}{_LIST}"
    rf"|{_ACC}{_LEADING}{_PERCENT} (?:on|in|for) (?:the |our )?{_SET}(?![A-Za-z])"
    rf"|{_SURE}{_PERCENT} {_SET}{_DATA}[ _-]{_ACC}(?! ?[:=])",  # 99.4 % test accuracy
    re.IGNORECASE,
)
_ONE_OF_SEVERAL = (  # an epoch that was not the last, or a setting that was tried
    r"\b(?:initial|(?:first|second|third|1st|2nd|3rd)(?: few| two| three)? epoch"
    r"|(?:in|after|by) (?:the )?epoch|after (?:just |only )?[0-9] epoch"
    r"|(?:lr|rate|gamma|drop ?out|size|momentum)(?: (?:of|is|was))?[ :=]{1,3}[0-9])"
)
_DIFFERENCE = (  # from another accuracy
    r"^ ?(?:percent\w* |points? )?(?:higher|lower|above|below|better|worse|more|less|ahead|behind"
    r"|apart|points?)\b"
)
_PAIR = re.compile(r"\b(?:train|test|val)\w*(?: acc\w*)? ?(?:/|and|&|,|vs\.?|-) ?$", re.IGNORECASE)


def _accuracies(sentence: str) -> _Found:
    for found in _ACCURACIES.finditer(sentence):
        number, name = sorted(group for group in found.groups() if group)  # digits come first
        paired = _PAIR.search(sentence[max(found.start() - 40, 0) : found.start()])
        values = {} if paired else _percent(number)
        if values and stated(sentence, found, unless=f"{_ONE_OF_SEVERAL}|{_DIFFERENCE}"):
            yield found.start(), {"quantity": _accuracy_on(name)} | values


def _percent(written: str) -> dict[str, Decimal]:
    """The values that a percentage or a fraction stands for, in percent."""
    digits = written.rstrip(" %").replace(",", ".")
    value, unit = Decimal(digits), Decimal(10) ** -len(digits.partition(".")[2])
    if "%" not in written and value <= 1 and unit < Decimal("0.1"):
        value, unit = 100 * value, 100 * unit
    elif "%" not in written and "." not in digits and value < 50:
        return {}  # the number of an epoch, or of anything
    if value < 5:
        return {}  # half of what guessing reaches: a difference
    return _rounded(value, unit) if value <= 100 else {}


def _accuracy_on(images: str) -> Quantity:
    return "training accuracy" if images.lower().startswith("train") else "test accuracy"


_LOGGED = re.compile(r"([0-9][0-9,]{0,8}) ?/ ?([1-9][0-9,]{0,8}) ?\( ?[0-9.]{1,9} ?%")


def _counts(sentence: str) -> _Found:
    """What a log prints: `Test set: Average loss: 0.0193, Accuracy: 9941/10000 (99.41%)`."""
    for found in _LOGGED.finditer(sentence):
        correct, total = (int(count.replace(",", "")) for count in found.groups())
        label = sentence[max(found.start() - 100, 0) : found.start()]
        named = re.findall(_SET, label, re.IGNORECASE) or ["test"] * (total == 10_000)
        if named and correct <= total:
            values = _rounded(Decimal(100 * correct) / total, Decimal(100) / total)
            yield found.start(), {"quantity": _accuracy_on(named[-1]), "out_of": total} | values


def _highest(claims: list[Claim]) -> list[Claim]:
    """Of several accuracies on the same images the highest, and all other claims."""
    best: dict[object, Claim] = {}
    for claim in claims:
        key = (claim.quantity, claim.out_of)
        if key not in best or (claim.lowest or 0) > (best[key].lowest or 0):
            best[key] = claim
    return [
        claim
        for claim in claims
        if not claim.quantity.endswith("accuracy") or claim is best[claim.quantity, claim.out_of]
    ]


# Epochs -------------------------------------------------------------------------------------

_EPOCHS = re.compile(
    r"\b(?:trained|training|train|ran|run)\b[^0-9,;:.]{0,30}\bfor ([0-9]{1,4}) epochs?\b"
    r"|(?:^|(?<=[,;] )|\b(?:number of|no\.? ?of|num|total) )epochs ?(?:[:=-]|is|was) ?"
    r"([0-9]{1,4})\b(?! ?(?:,|and|&|[/-]|to) ?[0-9])(?![.%])"
    r"|(?:^|(?<=[,;] ))([0-9]{1,4}) epochs?(?= ?$| ?[,.;])",
    re.IGNORECASE,
)


def _epochs(sentence: str) -> _Found:
    """For how many the network trained; never the one in which something happened."""
    several = re.search(r"\b(?:first|then|again)\b", sentence, re.IGNORECASE)
    for found in _EPOCHS.finditer(sentence):
        if not several and stated(sentence, found):
            number = Decimal(next(filter(None, found.groups())))
            yield found.start(), {"quantity": "epochs", "lowest": number, "below": number + 1}


_AT = (  # one epoch, and no second one
    r"(?:in|at) (?:the )?(?:epoch[ :#-]{0,3}([0-9]{1,3})\b(?![.,][0-9]| ?%)"
    r"|([0-9]{1,3})(?:st|nd|rd|th) epoch\b)(?! ?(?:,|and|&|or|to|till|-|/) ?(?:the )?[0-9])"
)
_REACH = r"(?:first )?(?:reach(?:ed|es)|attain(?:ed|s)|hits?|cross(?:ed|es))"
_REACHED_ACCURACY = (
    rf"(?:(?:an? |the |our )?(?:(?:test|validation|val)[ -])?{_ACC} (?:of )?)?"
    r"(?<![\w.,])([5-9][0-9](?:[.,][0-9]{1,2} ?%?| ?%))"
)
_REACHED = re.compile(
    rf"\b{_AT},? (?:(?:i|we|it|the (?:model|network)) )?(?:have |has )?{_REACH} {_REACHED_ACCURACY}"
    rf"|{_REACHED_ACCURACY} (?:(?:test |validation )?{_ACC} )?(?:is |was |has been )?{_REACH} {_AT}"
    rf"|\b{_REACH} {_REACHED_ACCURACY} (?:(?:of )?(?:test |validation )?{_ACC} )?{_AT}",
    re.IGNORECASE,
)
_NOT_THE_FIRST = re.compile(  # time, or not of the test images, or of another run
    r"\b(?:train(?:ing)?|loss|again|also|both|twice|consist\w*|onwards?|best|highest|peak|max\w*"
    r"|lowest|last|later|final\w*|still|second|more|(?:an)?other|with(?:out)?|using|start\w*)\b",
    re.IGNORECASE,
)


def _reached(sentence: str) -> _Found:
    """In which epoch an accuracy was reached, which says that it was not before."""
    plain = not _NOT_THE_FIRST.search(sentence)
    for found in _REACHED.finditer(sentence):
        if plain and stated(sentence, found):
            epoch, percent = sorted(filter(None, found.groups()), key=lambda g: not g.isdigit())
            number = Decimal(epoch)
            meaning = {"quantity": "epoch reached", "lowest": number, "below": number + 1}
            yield found.start(), meaning | {"of": percent.rstrip(" %").replace(",", ".")}


# Over-fitting and under-fitting -------------------------------------------------------------

_FIT = re.compile(r"\b(over|under)[ -]?fit(?:ting|ted|s)?\b", re.IGNORECASE)
_DEGREES = ["slight", "slightly", "little", "bit", "some", "still", "clear", "clearly", "heavily"]
_FILLERS = [*_DEGREES, "now", "a", "an", "any", "very", "also", "quite", "the", "sign", "signs"]
_FILLERS += ["of", "showing", "in", "longer"]
_STATES = ["is", "are", "seems", "appears", "shows", "show", "see", "has", "have", "observe"]
_DENIALS = ["no", "not", "never", "without", "cannot"]
_UNDONE = re.compile(r" ?(?:less|if|when\w*|unless|would|could|may|might|reduc\w*|gone)\b")


def _fitting(sentence: str) -> _Found:
    end, holds = 0, None
    for found in _FIT.finditer(sentence):
        if not (end and re.fullmatch(r" ?(?:/|and|or|nor|&) ?", sentence[end : found.start()])):
            holds = _holds(found, before(sentence, found.start()), after(sentence, found.end()))
        end = found.end()
        if holds is not None:
            yield found.start(), {"quantity": f"{found[1].lower()}-fitting", "holds": holds}


def _holds(found: re.Match[str], lead: str, rest: str) -> bool | None:
    """Whether the words around state it (True), deny it (False), or do neither."""
    if UNSURE.search(lead) or _UNDONE.match(rest):
        return None
    words = re.findall(r"[a-z']+", lead)
    if not words and (answer := re.match(r" ?[:=] ?(\w+)", rest)):
        return {"yes": True, "no": False, "none": False}.get(answer[1])
    degree = False
    while words and words[-1] in _FILLERS:
        degree |= words.pop() in _DEGREES
    if not words:
        return True if degree and not rest.strip(" .") else None
    verb = words.pop()
    if "to" in words[-2:]:
        return None  # to have no over-fitting is a wish
    if verb in _DENIALS or verb.endswith("n't"):
        return False
    if verb in _STATES and words and (words[-1] in _DENIALS or words[-1].endswith("n't")):
        return False
    subject = verb in ("model", "network", "it")
    said = found[0].lower().endswith("fits") or (degree and set(words) <= {"the", "this", "our"})
    return True if (subject and said) or verb in _STATES else None


# What the network is made of ----------------------------------------------------------------


def _structure(sentence: str) -> _Found:
    for part in structure.parts(sentence):
        if part.number is None:
            yield part.start, {"quantity": "technique", "of": part.name}
        else:
            counted = {"lowest": Decimal(part.number), "below": Decimal(part.number + 1)}
            yield part.start, {"quantity": "convolutions", "of": part.name} | counted
