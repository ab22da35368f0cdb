"""Likeness: what two submissions of a class share that they need not, as a hint with its evidence.

It never costs a point: the same course, the same texts and a good idea make work alike. What the
starter code holds does not count, nor what many share, for that was handed out or is the obvious
way. Must not know points.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Sequence
from itertools import combinations
from typing import NamedTuple

from harness.evidence import Evidence, Step

CODE = 0.6
"""Share of the smaller step's fingerprint that must be in the other's, for code to be alike."""

LEAST = 8
"""Hashes of a fingerprint that must be shared: some 170 tokens of code."""

MANY = 0.2
"""Share of the learners above which what they have in common says nothing; at least three."""


class Likeness(NamedTuple):
    """Two submissions that share something, and where."""

    one: str
    other: str
    evidence: list[str]
    """What they share, a sentence each: the strongest first."""


def likenesses(submissions: Sequence[Evidence], starters: Collection[str] = ()) -> list[Likeness]:
    """The pairs of submissions that are suspiciously alike, those that share most first.

    Args:
        submissions: of a class, starter code among them.
        starters: names of those that are starter code: what they hold is nobody's likeness.
    """
    given = [one for one in submissions if one.submission in starters]
    learners = [one for one in submissions if one.submission not in starters]
    common = {trait for one in given for trait in _traits(one)} | set(_of_many(learners))
    alike = [
        Likeness(one.submission, other.submission, shared)
        for one, other in _candidates(learners, common)
        if (shared := list(_shared(one, other, common)))
    ]
    return sorted(alike, key=lambda pair: (-len(pair.evidence), pair.one, pair.other))


_Trait = tuple[str, str | int]
"""Something that can be shared: of which kind, and what."""


def _traits(submission: Evidence) -> set[_Trait]:
    return {trait for step in submission.steps for trait in _of_step(step)}


def _of_step(step: Step) -> Iterator[_Trait]:
    yield "file", step.source
    yield from (("code", each) for each in step.fingerprint)
    if step.network and step.network.graph:
        yield "network", step.network.graph
    yield from (("weights", weights) for weights in _weights(step))


def _weights(step: Step) -> set[str]:
    """Of a notebook's own trainings; those of the harness are alike where networks are."""
    return {run.observed.weights for run in step.observed if run.observed and run.observed.weights}


def _of_many(learners: Sequence[Evidence]) -> Iterator[_Trait]:
    """What so many share that it was handed out, or is the obvious way."""
    holders = Counter(trait for one in learners for trait in _traits(one))
    most = max(3, MANY * len(learners))
    return (trait for trait, number in holders.items() if number > most and trait[0] != "weights")


def _candidates(
    learners: Sequence[Evidence], common: set[_Trait]
) -> Iterator[tuple[Evidence, Evidence]]:
    """Pairs that may be alike: in a class of a thousand few of the 500,000 are."""
    holders: dict[_Trait, list[int]] = {}
    for number, one in enumerate(learners):
        for trait in _traits(one) - common:
            holders.setdefault(trait, []).append(number)
    weight: Counter[tuple[int, int]] = Counter()
    for (kind, _), numbers in holders.items():
        for pair in combinations(numbers, 2):
            weight[pair] += 1 if kind == "code" else LEAST
    pairs = sorted(pair for pair, number in weight.items() if number >= LEAST)
    return ((learners[one], learners[other]) for one, other in pairs)


def _shared(one: Evidence, other: Evidence, common: set[_Trait]) -> Iterator[str]:
    """What two submissions share, a sentence each: of all pairs of their steps the most alike."""
    pairs = [(a, b) for a in one.steps for b in other.steps]
    for a, b in pairs:
        if a.source == b.source and ("file", a.source) not in common:
            yield f"{a.name} and {b.name} are the same file"
    for a, b in pairs:
        if _weights(a) & _weights(b):
            yield f"{a.name} and {b.name} end with identical weights"
    for a, b in pairs:
        if (
            a.network
            and b.network
            and a.network.graph
            and a.network.graph == b.network.graph
            and ("network", a.network.graph) not in common
        ):
            count = f"{a.network.parameters.judged:,}"
            yield f"{a.name} and {b.name} hold the same network of {count} parameters"
    yield from _alike_code(pairs, common)


def _alike_code(pairs: Iterable[tuple[Step, Step]], common: set[_Trait]) -> Iterator[str]:
    """The pair of steps whose code shares most; every step of a series resembles the one before."""
    found = []
    for a, b in pairs:
        own = [{each for each in s.fingerprint if ("code", each) not in common} for s in (a, b)]
        both, smaller = len(own[0] & own[1]), min(map(len, own))
        if both >= LEAST and both >= CODE * smaller and a.source != b.source:
            found.append((both / smaller, both, a.name, b.name))
    if found:
        share, both, first, second = max(found)
        yield f"{first} and {second} share {share:.0%} of their code ({both} passages)"
