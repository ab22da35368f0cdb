"""Likeness: what two submissions of a class share that they need not, as a hint with its evidence.

It never costs a point: the same course, the same texts and a good idea make work alike. What the
starter code holds does not count, nor what many share, for that was handed out or is the obvious
way. Must not know points.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from itertools import chain, combinations, product
from typing import NamedTuple

from harness.evidence import Evidence, Step

CODE = 0.8
"""Share of the larger step's fingerprint that must be in the other's, for code to be alike. Of
1,035 pairs of folders with real notebooks of the exercise 19 reach it; the seeds, which have one
style and no common author, reach 0.71."""

LEAST = 8
"""Hashes of a fingerprint that must be shared: some 170 tokens of code."""

MANY = 0.2
"""Share of the learners above which what they have in common says nothing about two of them."""

FEW, CROWD = 3, 30
"""However small or large a class is, what so few share says something, and what more share than
these many does not."""

_KINDS = {
    "file": "the same file",
    "weights": "the same weights after training",
    "network": "the same network",
}
"""What is either the same or not, the strongest first: who shares one shares those below it."""


class Likeness(NamedTuple):
    """Two submissions that share something, and where."""

    one: str
    other: str
    evidence: list[str]
    """What they share, a sentence each: the strongest first."""


class Alike(NamedTuple):
    """What a class's submissions share."""

    pairs: list[Likeness]
    """Those that are suspiciously alike, the most alike first."""
    widespread: list[str]
    """What so many share that it was held against nobody, a sentence each: it was handed out, and
    should be named as starter code, or a class copied."""


_Trait = int | tuple[str, str]
"""Something that can be shared: a hash of code, or one of `_KINDS` and its digest."""


class _Code(NamedTuple):
    step: Step
    hashes: set[int]


class _Held(NamedTuple):
    """What a submission holds that could be shared."""

    name: str
    exact: dict[tuple[str, str], list[Step]]
    """In which steps."""
    code: list[_Code]

    @property
    def traits(self) -> Iterator[_Trait]:
        """Each once."""
        return chain(self.exact, set().union(*(code.hashes for code in self.code)))


def alike(submissions: Sequence[Evidence], starters: Collection[str] = ()) -> Alike:
    """What the submissions of a class share, starter code set aside.

    Args:
        submissions: of a class, starter code among them.
        starters: names of those that are starter code: what they hold is nobody's likeness.
    """
    held = [_held(one) for one in submissions if one.submission not in starters]
    given = {t for one in submissions if one.submission in starters for t in _held(one).traits}
    holders: dict[_Trait, list[int]] = {}
    for number, one in enumerate(held):
        for trait in one.traits:
            if trait not in given:
                holders.setdefault(trait, []).append(number)
    most = min(max(FEW, MANY * len(held)), CROWD)
    many = {trait: numbers for trait, numbers in holders.items() if len(numbers) > most}
    few = {trait: numbers for trait, numbers in holders.items() if len(numbers) <= most}
    own = [_without(one, given | many.keys()) for one in held]
    pairs = [pair for one, other in _candidates(few) if (pair := _pair(own[one], own[other]))]
    ranked = sorted(pairs, key=lambda pair: (-len(pair.evidence), pair.one, pair.other))
    return Alike(ranked, _widespread(many, held))


def _held(submission: Evidence) -> _Held:
    exact: dict[tuple[str, str], list[Step]] = {}
    for step in submission.steps:
        # Weights only of a notebook's own trainings; ours are alike where networks are.
        trained = [run.observed.weights for run in step.observed if run.observed]
        digests = [("file", step.source), *(("weights", each) for each in trained)]
        digests += [("network", step.network.graph)] if step.network else []
        for kind, digest in dict.fromkeys(digests):
            if digest:
                exact.setdefault((kind, digest), []).append(step)
    code = [_Code(step, set(step.fingerprint)) for step in submission.steps]
    return _Held(submission.submission, exact, code)


def _without(one: _Held, common: Collection[_Trait]) -> _Held:
    exact = {trait: steps for trait, steps in one.exact.items() if trait not in common}
    code = [_Code(step, {h for h in hashes if h not in common}) for step, hashes in one.code]
    return _Held(one.name, exact, code)


def _candidates(holders: Mapping[_Trait, Sequence[int]]) -> Iterable[tuple[int, int]]:
    """Pairs that may be alike: in a class of a thousand few of the 500,000 are."""
    found: set[tuple[int, int]] = set()
    passages: Counter[tuple[int, int]] = Counter()
    for trait, numbers in holders.items():
        pairs = combinations(numbers, 2)
        if isinstance(trait, int):
            passages.update(pairs)
        else:
            found.update(pairs)
    return found | {pair for pair, number in passages.items() if number >= LEAST}


def _pair(one: _Held, other: _Held) -> Likeness | None:
    evidence = [*_same(one, other), *_alike_code(one, other)]
    return Likeness(one.name, other.name, evidence) if evidence else None


def _same(one: _Held, other: _Held) -> Iterator[str]:
    """What is the same in two submissions, a sentence for each kind; code is left out."""
    told: set[str] = set()
    for kind, words in _KINDS.items():
        both = [t for t in one.exact if t[0] == kind and t in other.exact]
        new = [t for t in both if not told.issuperset(step.name for step in one.exact[t])]
        told.update(step.name for t in both for step in one.exact[t])
        if new:
            places = [_place(one.exact[t][0], other.exact[t][0], kind) for t in new]
            yield f"{words}: {'; '.join(places)}"


def _place(a: Step, b: Step, kind: str) -> str:
    where = a.name if a.name == b.name else f"{a.name} and {b.name}"
    if kind == "network" and a.network:
        where += f" ({a.network.parameters.judged:,} parameters)"
    return where


def _alike_code(one: _Held, other: _Held) -> Iterator[str]:
    """The two steps whose code shares most; every step of a series resembles the one before."""
    found = []
    for (a, mine), (b, theirs) in product(one.code, other.code):
        both, larger = len(mine & theirs), max(len(mine), len(theirs))
        if a.source != b.source and both >= LEAST and both >= CODE * larger:
            found.append((both / larger, both, a.name, b.name))
    if found:
        share, both, first, second = max(found)
        yield f"{first} and {second} share {share:.0%} of their code ({both} passages)"


def _widespread(many: Mapping[_Trait, Sequence[int]], held: Sequence[_Held]) -> list[str]:
    order = list(_KINDS)
    exact = [(trait, set(numbers)) for trait, numbers in many.items() if isinstance(trait, tuple)]
    told: list[set[int]] = []
    sentences = []
    for trait, numbers in sorted(exact, key=lambda e: (order.index(e[0][0]), -len(e[1]), e[0])):
        if not any(numbers <= others for others in told):
            told.append(numbers)
            first = held[min(numbers)]
            share = f"{len(numbers)} of {len(held)} submissions hold {_KINDS[trait[0]]}"
            sentences.append(f"{share}, such as {first.name} in {first.exact[trait][0].name}")
    return sentences
