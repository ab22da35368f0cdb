"""Graphs that would break or deceive the trusted side, from networks and from forgers."""

import pytest
from batches import Laboratory, only_step
from networks import FORMS, IMPORTS, Attack, Graded, both_forms
from notebook_samples import LOOPS
from step_samples import RECIPE, step

LIMITS = {
    "a value of a million elements": Attack("self.head(x.repeat(1, 1_400).view(-1, 1_400, 784).mean(1))", words="elements is too large"),
    "a thousand calls": Attack("self.head(self.walk(x))", methods="def walk(self, x):\n    for _ in range(1_000):\n        x = x.neg()\n    return x", words="calls; at most 1,000 are taken"),
    "two hundred tensors": Attack("self.many(self.head(x))", "self.many = nn.Sequential(*[nn.PReLU() for _ in range(200)])", words="tensors; at most 200 are taken"),
    "weights in the order of a list": Attack("self.head(x) * torch.stack([x[:, i % 7] for i in range(990)], 1).mean(1, keepdim=True)", words="at most 1,000 are taken"),
}  # fmt: skip


FEW = "few = torch.utils.data.DataLoader(torch.utils.data.Subset(train_set, range(64)), 32)\n" + (
    LOOPS.replace("loader=train_loader", "loader=few")
)
"""Loops over two batches: what is without limit takes long."""


@pytest.fixture(scope="module")
def graded(best: Laboratory) -> dict[tuple[str, str], Graded]:
    return both_forms(best, LIMITS, FEW)


@pytest.mark.parametrize("name", LIMITS)
@pytest.mark.parametrize("form", FORMS)
def test_a_graph_has_limits(graded: dict[tuple[str, str], Graded], form: str, name: str) -> None:
    graded[form, name].expect_no_gain()


NETWORK = f"""{IMPORTS}

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.head = nn.Linear(784, 10)

    def forward(self, x):
        return F.log_softmax(self.head(x.flatten(1)), 1)
"""

FORGER = """
import sys

exporter = sys.modules["harness.inside.exporter"]
describe = exporter.describe


def forged(*given):
    definition, tensors = describe(*given)
    for graph in (definition.training, definition.evaluation):
        {change}
    return definition, tensors


exporter.describe = forged
exporter.compare = lambda *given: None
"""

FORGED = {
    "a tensor less": ("definition.tensors = definition.tensors[-1:]", "malformed"),
    "no calls": ("graph.calls = []", "does not follow from the images"),
    "other operators": ("graph.calls[0].operator = 'aten.__import__.default'", "is not on the harness's list"),
    "code for a keyword": ("graph.calls[0].keywords = {'x=1); import os; os._exit(9); (': 1}", "does not take these arguments"),
    "a list for a name": ("graph.calls[-1].arguments[0] = {'value': []}", "no number, word or value"),
    "numbers for statistics": ("graph.calls.append(type(graph.calls[0])('n', 'aten.batch_norm.default', [{'value': graph.image}, 1, 2, 3, 4, True, 0.1, 1e-5, False], {}, None))", "without running statistics"),
    "weights that are statistics": ("definition.tensors[0].name = 'a.running_mean'; tensors['a.running_mean'] = tensors.pop('head.weight', tensors.get('a.running_mean')); graph.reads = {k: {'head.weight': 'a.running_mean'}.get(v, v) for k, v in graph.reads.items()}; definition.tensors[0].kind = 'buffer'; definition.tensors[0].requires_grad = False", ""),
    "a very long name": ("definition.network = 'n' * 5_000_000", "a name of more than 200 characters"),
    "a very long tensor's name": ("name = 'n' * 600; definition.tensors[1].name = name; tensors[name] = tensors.pop('head.bias', tensors.get(name)); graph.reads = {k: {'head.bias': name}.get(v, v) for k, v in graph.reads.items()}", "a name of more than 200 characters"),
    "a very long definition": ("definition.recipe = {'epochs': 1, 'name': 'n' * 9_000_000}", "a definition of 9,"),
}  # fmt: skip
"""What the submission's own process changes in what is handed over, and words of the fault. Where
there is none, what was sent is graded as it is: all of its numbers count."""


@pytest.fixture(scope="module")
def handed_over(best: Laboratory) -> dict[str, Graded]:
    """All forgeries as the steps of one folder."""
    files = {
        f"step_{n}.py": f"{FORGER.format(change=change)}\n{NETWORK}\n{RECIPE}"
        for n, (change, _) in enumerate(FORGED.values(), 1)
    }
    scorecard = best.attack(files | {f"step_{len(files) + 1}.py": step("Honest.")})
    *steps, honest = scorecard.evidence.steps
    assert honest.fault is None  # each step is a fork of its own
    assert len(scorecard.model_dump_json()) < 200_000
    return {
        name: Graded("definition", Attack("", words=words), each, {})
        for (name, (_, words)), each in zip(FORGED.items(), steps, strict=True)
    }


@pytest.mark.parametrize("name", FORGED)
def test_what_is_handed_over_is_checked(handed_over: dict[str, Graded], name: str) -> None:
    attack, found = handed_over[name].attack, handed_over[name].step
    if attack.words:
        assert found.fault is not None
        assert attack.words in found.fault.message
        assert len(found.fault.message) <= 2_000
        assert found.network is None
    else:
        assert found.fault is None
        assert found.network is not None
        assert found.network.parameters.judged == 7_850


def test_a_fault_that_is_forged_is_the_submissions(best: Laboratory) -> None:
    """To claim a gap of the harness would be graded another time, and never cost a point."""
    told = """
import sys
explain = sys.modules["harness.inside.exporter"]
frames = sys.modules["harness.frames"]
explain.fault_of = lambda *given: frames.Fault("harness", "import", "a gap", None, "")
raise RuntimeError
"""
    fault = only_step(best.attack({"step_1.py": told})).fault
    assert fault is not None
    assert fault.owner == "submission"
