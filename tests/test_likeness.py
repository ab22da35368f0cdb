"""Likeness: what was copied is found, and what was handed out or honestly made is not."""

from itertools import combinations, count
from pathlib import Path
from random import Random

import pytest
from evidence_samples import evidence, run, step
from test_fingerprint import NET, RENAMED

from harness import submission
from harness.evidence import Evidence, Observed, Step
from harness.fingerprint import fingerprint
from harness.likeness import LEAST, Likeness, alike
from harness.reading import read

SUBMISSIONS = Path(__file__).parents[1] / "submissions"
NUMBERS = count(1)

LOOP = "".join(
    f"\ndef part_{n}(a):\n    return a.step_{n}(1).then_{n}() + [a]\n" for n in range(60)
)
"""Code with names of a library's that no other has."""


def of(name: str, **traits: object) -> Step:
    made = step(run(9_900), name=name)
    assert made.network is not None
    graph = {"network": made.network.model_copy(update={"graph": traits.pop("graph", "")})}
    return made.model_copy(update={"source": f"source {next(NUMBERS)}", **graph, **traits})


def coded(name: str, *texts: str) -> Step:
    return of(name, fingerprint=fingerprint(texts))


def trained(name: str, weights: str) -> Step:
    own = run(9_900).model_copy(
        update={"seed": 0, "observed": Observed(cell=1, declared=True, weights=weights)}
    )
    return of(name, observed=[own])


def pairs(*submissions: Evidence, starters: tuple[str, ...] = ()) -> list[Likeness]:
    return alike(submissions, starters).pairs


def others(number: int, random: Random) -> list[Evidence]:
    """Learners who have nothing in common with anybody."""
    return [
        evidence(
            *(
                of(
                    f"step_{k}.py",
                    source=f"{random.getrandbits(256):x}",
                    graph=f"{random.getrandbits(256):x}",
                    fingerprint=[random.getrandbits(32) for _ in range(120)],
                )
                for k in range(4)
            ),
            name=f"other {n}",
        )
        for n in range(number)
    ]


def test_copied_and_renamed_code_is_found() -> None:
    copied = (NET + LOOP).replace("part_", "piece_"), RENAMED + LOOP
    ada = evidence(coded("a.py", NET + LOOP), name="ada")
    for text in copied:
        (pair,) = pairs(ada, evidence(coded("b.py", text), name="bob"))
        assert (pair.one, pair.other) == ("ada", "bob")
        assert pair.evidence[0].startswith("a.py and b.py share 100% of their code")


@pytest.mark.parametrize(
    ("traits", "told"),
    [
        ({"source": "s"}, "the same file: a.py and b.py"),
        ({"graph": "g"}, "the same network: a.py and b.py (7,753 parameters)"),
        (
            {"fingerprint": list(range(LEAST))},
            "a.py and b.py share 100% of their code (8 passages)",
        ),
    ],
)
def test_what_two_share_is_told(traits: dict[str, object], told: str) -> None:
    one, other = evidence(of("a.py", **traits), name="a"), evidence(of("b.py", **traits), name="b")
    assert pairs(one, other) == [Likeness("a", "b", [told])]


def test_identical_weights_are_found_and_none_are_not() -> None:
    for weights, found in ("w", ["the same weights after training: n.ipynb"]), ("", []):
        held = [evidence(trained("n.ipynb", weights), name=name) for name in "ab"]
        assert [pair.evidence for pair in pairs(*held)] == [found] * bool(found)


def test_whose_file_is_the_same_is_told_that_once() -> None:
    both = {"source": "s", "graph": "g", "fingerprint": list(range(50))}
    held = [evidence(*(of(f"{n}.py", **both) for n in range(4)), name=name) for name in "ab"]
    assert [pair.evidence for pair in pairs(*held)] == [["the same file: 0.py"]]


@pytest.mark.parametrize(
    "traits", [{"source": "s"}, {"graph": "g"}, {"fingerprint": list(range(100))}]
)
def test_what_a_starter_holds_is_nobodys(traits: dict[str, object]) -> None:
    held = [evidence(of("a.py", **traits), name=name) for name in ("starter", "a", "b")]
    assert pairs(*held, starters=("starter",)) == []
    assert alike(held, ("starter",)).widespread == []


def test_a_starter_hides_no_copy_of_what_was_added_to_it() -> None:
    starter, added = list(range(100)), list(range(100, 140))
    held = [evidence(of("a.py", fingerprint=starter + added), name=name) for name in "ab"]
    given = evidence(of("a.py", fingerprint=starter), name="starter")
    (pair,) = pairs(given, *held, starters=("starter",))
    assert pair.evidence == ["a.py and a.py share 100% of their code (40 passages)"]


@pytest.mark.parametrize(("learners", "sharing", "found"), [(10, 3, 3), (10, 4, 0), (40, 8, 28)])
def test_what_many_share_says_nothing_about_two_of_them(
    learners: int, sharing: int, found: int
) -> None:
    random = Random(1)
    held = others(learners - sharing, random)
    held += [evidence(of("a.py", graph="g"), name=f"l{n}") for n in range(sharing)]
    both, many = alike(held)
    assert len(both) == found
    told = f"{sharing} of {learners} submissions hold the same network, such as l0 in a.py"
    assert many == [told] * (not found)


def test_two_honest_submissions_are_not_alike() -> None:
    held = []
    for folder in sorted(SUBMISSIONS.iterdir()):
        if folder.is_dir():
            found = submission.find(folder)
            steps = [
                of(source.name, fingerprint=read(found, source).fingerprint)
                for source in found.steps
            ]
            held.append(evidence(*steps, name=folder.name))
    assert len(held) >= 5
    assert all(any(s.fingerprint for s in one.steps) for one in held)
    for one, other in combinations(held, 2):
        assert pairs(one, other) == []


def test_a_copy_is_found_in_a_large_class() -> None:
    held = others(200, Random(1))
    held[7] = held[3].model_copy(update={"submission": "copy"})
    (pair,) = pairs(*held)
    assert {pair.one, pair.other} == {"copy", "other 3"}
