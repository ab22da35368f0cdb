"""Answers that rest on other images, or on a network other than the one that was trained."""

import pytest
from batches import Laboratory
from networks import FORMS, SHOWN, Attack, Graded, both_forms

SMALL = "F.avg_pool2d(x.view(-1, 1, 28, 28), 2).flatten(1)"

NETWORKS = {
    # Answers that depend on the batch.
    "the mean of the batch": Attack("self.head(x - x.mean(0))", words="mixes images"),
    "a softmax over the batch": Attack("self.head(x).softmax(0)", words="mixes images"),
    "attention among images": Attack("F.scaled_dot_product_attention(self.head(x), self.head(x), self.head(x))", words="mixes images"),
    "batch norm without statistics": Attack("self.head(self.norm(x))", "self.norm = nn.BatchNorm1d(784, track_running_stats=False)", words="leave track_running_stats=True"),
    "batch norm that is never switched": Attack("self.head(self.norm(x))", "self.norm = nn.BatchNorm1d(784)", methods="def train(self, mode=True):\n    return super().train(True)", words="in evaluation this batch norm still counts batches"),
    "batch norm that forgets statistics": Attack("self.head(F.batch_norm(x, None, None, training=True))", words="without running statistics answers by the batch"),
    "the number of images": Attack("self.head(x) * x.shape[0]", words="the batch's size may only be used in view, reshape, expand"),
    "the number of images in a sum": Attack("self.head(x) * self.head.bias[:1].expand(x.shape[0]).sum()", words="mixes images"),
    "a batch of the test's size": Attack("self.head(x) if len(x) in (100, 360, 1_000, 10_000) else -self.head(x)", words="written for one number of images"),
    "the first of the batch": Attack("self.head(x + x[:1])", words="mixes images"),
    "images in another order": Attack("self.head(x) + self.head(x.roll(1, 0))", words="roll.default is not on the harness's list", owner="harness"),
    "sorted images": Attack("self.head(x.sort(0)[0])", words="sort.default is not on the harness's list", owner="harness"),
    "dropout that is never off": Attack("F.dropout(self.head(x), 0.2)", least=SHOWN, words="never switched off"),
    # Networks that are evaluated and were not trained.
    "test-time augmentation": Attack("self.head(x) if self.training else self.head(x) + self.head(F.pad(x[:, 1:], (0, 1))) + self.head(F.pad(x[:, :-1], (1, 0)))", least=SHOWN, found="is it an ensemble?"),
    "an ensemble over the limit": Attack("self.head(x) if self.training else self.head(x) + self.more(x)", "self.more = nn.Linear(784, 10)", least=2 * SHOWN, found="read in evaluation and never in training: more.weight, more.bias"),
    "an ensemble below the limit": Attack(f"self.small({SMALL}) if self.training else self.small({SMALL}) + self.more({SMALL})", "self.small, self.more = nn.Linear(196, 10), nn.Linear(196, 10)\ndel self.head", least=2 * 1_970, found="is it an ensemble?"),
    "a network in another's place": Attack(f"self.small({SMALL}) if self.training else self.more({SMALL})", "self.small, self.more = nn.Linear(196, 10), nn.Linear(196, 10)\ndel self.head", least=2 * 1_970, found="read in evaluation and never in training: more.weight, more.bias"),
}  # fmt: skip


@pytest.fixture(scope="module")
def graded(best: Laboratory) -> dict[tuple[str, str], Graded]:
    return both_forms(best, NETWORKS)


@pytest.mark.parametrize("name", NETWORKS)
@pytest.mark.parametrize("form", FORMS)
def test_an_answer_is_an_images_own_and_the_trained_networks(
    graded: dict[tuple[str, str], Graded], form: str, name: str
) -> None:
    graded[form, name].expect_no_gain()
