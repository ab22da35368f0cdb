"""Reading what learners state: the seed documents' claims, and what must not be taken for one."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness import claims, notes
from harness.claims import Claim
from harness.notes import Notes


def result(text: str) -> list[Claim]:
    return claims.read(Notes(result=text))


def analysis(text: str) -> list[Claim]:
    return claims.read(Notes(analysis=text))


def values(found: list[Claim]) -> list[tuple[str, float | None, float | None]]:
    return [(claim.quantity, claim.lowest, claim.below) for claim in found]


NUMBERED = """Step 1 :

    1- Target:

      1 - Less then 8K Parameters, 99.4 test accuracy

    2 - Results:

         1 - Parameters: {}
         1 - Best Training Accuracy: {}

         1 - Best Test Accuracy: {}
    3 - Analysis:

        1 - Better
"""
DASHED = """## Step -1

    Target :
    -reduce channel size to bring params less than 10K

    Results:
    - Params: {}
    - Train Accuracy: {}
    - Test Accuracy : {}

    Analysis:
    - next try to reduce params below 8k
"""
QUOTED = """***
#### Step1 - Setup
***

##### Target

> * Apply dropouts if there is overfitting after applying batch norm

##### Results

> * Parameters: {}
> * Best Training Accuracy: {}
> * Best Test Accuracy: {}

##### Analysis

> * Good model but still we haven't been able to reach our target accuracy
***
"""
PLAIN = """## Phase 1 - Build a baseline model

Target:

    Build a baseline model which meets criterion 3

| Layer name  | Parameters |
|-------------|------------|
| Total parameters | 7896  |

Results:

        Parameters: {}
        Best Training Accuracy: {}
        Best Test Accuracy: {}

Analysis:

		A light model.
"""


# As the documents write them, and what `claims.toml` says that they mean.
@pytest.mark.parametrize(
    ("style", "parameters", "train", "test", "meant"),
    [
        (NUMBERED, "75,828", "99.16", "98.72", (75_828, 99.16, 98.72)),
        (NUMBERED, "6,748", "99.05", "98.81", (6_748, 99.05, 98.81)),
        (NUMBERED, "6,864", "99.48", "99.15", (6_864, 99.48, 99.15)),
        (NUMBERED, "6,864", "99.02", "99.28", (6_864, 99.02, 99.28)),
        (NUMBERED, "4,764", "98.39", "98.93", (4_764, 98.39, 98.93)),
        (NUMBERED, "8008\n", "99.40 (At EPOCH -14)", "99.37 (At EPOCH -14)", (8_008, 99.40, 99.37)),
        (NUMBERED, "10k", "99.12 (At EPOCH -12)", "99.42 (At EPOCH -13)", (10_120, 99.12, 99.42)),
        (NUMBERED, "10k", "99.44 (At EPOCH - 12 , StepLR step_size=2, gamma=0.6)", "99.53  (At EPOCH - 12 , StepLR)", (10_120, 99.44, 99.53)),
        (NUMBERED, "8k", "99.32 (At EPOCH - 14 , StepLR)", "99.46  (At EPOCH - 11 , gamma=0.6)", (8_000, 99.32, 99.46)),
        (NUMBERED, "5k", "99.16 (At EPOCH - 12 , StepLR)", "99.41  (At EPOCH - 12 , gamma=0.5)", (5_308, 99.16, 99.41)),
        (DASHED, "21562", "99.6", "98.9", (21_562, 99.6, 98.9)),
        (DASHED, "10362", "99.09", "98.7", (10_362, 99.09, 98.7)),
        (DASHED, "8066", "99.4", "99.4 ( 9th and 13th Epoch )", (8_066, 99.4, 99.4)),
        (DASHED, "8066", "99.6 (from 11th till 14th Epoch)", "99.4 (from 9th and 14th Epoch )", (8_066, 99.6, 99.4)),
        (QUOTED, "992,800", "99.88", "99.14", (992_800, 99.88, 99.14)),
        (QUOTED, "9,712", "98.44", "98.53", (9_712, 98.44, 98.53)),
        (QUOTED, "9,904", "98.75", "99.24", (9_904, 98.75, 99.24)),
        (QUOTED, "9,904", "99.08", "99.44", (9_904, 99.08, 99.44)),
        (PLAIN, "7896", "99.04", "98.88", (7_896, 99.04, 98.88)),
        (PLAIN, "7974", "99.43", "99.21", (7_974, 99.43, 99.21)),
        (PLAIN, "7753", "98.72", "99.30", (7_753, 98.72, 99.30)),
        (PLAIN, "7753", "98.75", "99.47", (7_753, 98.75, 99.47)),
    ],
)  # fmt: skip
def test_steps_of_the_seed_documents(
    style: str, parameters: str, train: str, test: str, meant: tuple[int, float, float]
) -> None:
    found = claims.read(notes.read_text(style.format(parameters, train, test)))
    assert [claim.quantity for claim in found] == [
        "parameters",
        "training accuracy",
        "test accuracy",
    ]
    assert {claim.where for claim in found} == {"result"}
    for claim, value, written in zip(found, meant, (parameters, train, test), strict=True):
        assert claim.lowest is not None
        assert claim.below is not None
        assert claim.lowest <= value < claim.below
        assert " ".join(written.split()) in claim.written


def test_the_step_that_rests_on_its_log() -> None:
    text = """## RESULT
```
loss=0.214 batch_id=468: 100%|##########| 469/469 [01:07<00:00,  6.98it/s]

Test set: Average loss: 0.0189, Accuracy: 9945/10000 (99.45%)

Epoch 19 :
loss=0.032 batch_id=468: 100%|##########| 469/469 [01:03<00:00,  7.39it/s]

Test set: Average loss: 0.0195, Accuracy: 9940/10000 (99.40%)
```
## CONCLUSION
- The architecture is built using drop out and a fully connected layer.
- The results attain 99.4% of accuracy within 20 epoch and number of parameters reached over 20k.
"""
    log, *built_with, bound = claims.read(notes.read_text(text))
    assert (log.quantity, log.where, log.out_of) == ("test accuracy", "result", 10_000)
    assert values([log]) == [("test accuracy", 99.445, 99.455)]
    assert values([bound]) == [("parameters", 20_000, None)]
    assert [claim.of for claim in built_with] == ["dropout", "fully connected"]


def test_a_phase_whose_analysis_contradicts_its_result() -> None:
    found = claims.read(
        Notes(
            result="Parameters: 7974\nBest Training Accuracy: 99.43\nBest Test Accuracy: 99.21",
            analysis="Batch normalization reduces overfitting because it has a slight regularization effect.So we find"
            " validation accuracy has improved to 99.04% , whereas train accuracy is underfitting at 98.88%",
        )
    )
    assert [(claim.where, *value) for claim, value in zip(found, values(found), strict=True)] == [
        ("result", "parameters", 7974, 7975),
        ("result", "training accuracy", 99.425, 99.435),
        ("result", "test accuracy", 99.205, 99.215),
        ("analysis", "test accuracy", 99.035, 99.045),
        ("analysis", "training accuracy", 98.875, 98.885),
        ("analysis", "under-fitting", None, None),
    ]


@pytest.mark.parametrize(
    ("text", "lowest", "below"),
    [
        ("Parameters: 75,828", 75_828, 75_829),
        ("Params: 21562", 21_562, 21_563),
        ("Number of parameters : 9.04k", 9_035, 9_045),
        ("No. of params - 10k", 9_500, 10_500),
        ("Parameters: 8K", 7_500, 8_500),
        ("**Parameters:** 7.9 K", 7_850, 7_950),
        ("Parameters = 7,753 (seven thousand)", 7_753, 7_754),
        ("992,800 parameters", 992_800, 992_801),
        ("9,92,800 parameters", 992_800, 992_801),
        ("75 828 parameters", 75_828, 75_829),
        ("7.753 parameters", 7_753, 7_754),
        ("1.2M params", 1_150_000, 1_250_000),
        ("8000 params", 7_500, 8_500),
        ("total of 7,753 parameters", 7_753, 7_754),
        ("Total number of parameters in the network is 9,904.", 9_904, 9_905),
        ("Total params: 5,308", 5_308, 5_309),
        ("Paramters -> 7753", 7_753, 7_754),
        ("> Parameters: 7753", 7_753, 7_754),
        ("Parameters: <8k", None, 8_000),
        ("less than 10000 parameters", None, 10_000),
        ("under 10k parameters", None, 10_000),
        ("Parameters: at most 8,000", None, 8_001),
        ("Parameters <= 8k", None, 8_001),
        ("number of parameters reached over 20k", 20_000, None),
        ("No of parameters is still above 10K mark", 10_000, None),
        ("> 20k parameters", 20_000, None),
        ("7,753 parameters instead of 10,362 parameters", 7_753, 7_754),
        ("7,753 parameters vs. 10,362 parameters", 7_753, 7_754),
        ("A network with **6136** parameters", 6_136, 6_137),
        ("`Parameters`: 7753", 7_753, 7_754),
    ],
)
def test_parameters(text: str, lowest: int | None, below: int | None) -> None:
    for found in (result(text), analysis(f"- {text}\n- good")):
        assert values(found) == [("parameters", lowest, below)]


@pytest.mark.parametrize(
    ("text", "training", "lowest", "below"),
    [
        ("Best Training Accuracy: 99.16", True, 99.155, 99.165),
        ("Train Accuracy: 99.6 (from 11th till 14th Epoch)", True, 99.55, 99.65),
        ("Best Test Accuracy: 99.42 (At EPOCH -13)", False, 99.415, 99.425),
        ("Test Accuracy : 99.4 ( 9th and 13th Epoch )", False, 99.35, 99.45),
        ("Best Test Accuracy: 99.42 % (target achieved)", False, 99.415, 99.425),
        ("**Val acc** = `99.42%`", False, 99.415, 99.425),
        ("Test Accuracy => 99,42", False, 99.415, 99.425),
        ("test_acc: 0.9942", False, 99.415, 99.425),
        ("Test accuracy: 99", False, 98.5, 99.5),
        ("Test accuracy: 11.35", False, 11.345, 11.355),
        ("validation accuracy has improved to 99.04%", False, 99.035, 99.045),
        ("train accuracy is now at 98.88%", True, 98.875, 98.885),
        ("With it we got the highest test accuracy of 99.53.", False, 99.525, 99.535),
        ("a high accuracy of 99.46 in the test dataset", False, 99.455, 99.465),
        ("Accuracy on the test set: 99.46", False, 99.455, 99.465),
        ("We got 99.46 % validation accuracy", False, 99.455, 99.465),
        ("99.46 test accuracy", False, 99.455, 99.465),
        ("Best test accuracy of 99.46 at epoch 13", False, 99.455, 99.465),
        ("The best test accuracy is 99.46 after 15 epochs", False, 99.455, 99.465),
        ("the test accuracy stops\nat 98.88.", False, 98.875, 98.885),
        ("Test accuracy of 99.42 with under 10k weights", False, 99.415, 99.425),
        ("Test accuracy: 9.8 %", False, 9.75, 9.85),
        ("test accuracy 11.35 %", False, 11.345, 11.355),
        ("Max test accuracy (within 15 epochs): 88.26%", False, 88.255, 88.265),
        ("Max Train accuracy (in 15 epochs): 99.4%.", True, 99.35, 99.45),
        ("Best Testing Accuracy under 15 epochs: 98.80%", False, 98.795, 98.805),
        ("`Best Training Accuracy:` 99.01% - 14th Epoch", True, 99.005, 99.015),
        ("with respective training accuracy being 99.49%", True, 99.485, 99.495),
        ("It was able to reach 99.4 % test accuracy", False, 99.35, 99.45),
    ],
)  # fmt: skip
def test_accuracies(text: str, training: bool, lowest: float, below: float) -> None:
    quantity = "training accuracy" if training else "test accuracy"
    for found in (result(text), analysis(text)):
        assert values(found) == [(quantity, lowest, below)]


def test_several_claims_on_a_line_keep_their_order() -> None:
    text = "7,753 parameters, best training accuracy 98.75, best test accuracy 99.47, 15 epochs."
    assert values(result(text)) == [
        ("parameters", 7_753, 7_754),
        ("training accuracy", 98.745, 98.755),
        ("test accuracy", 99.465, 99.475),
        ("epochs", 15, 16),
    ]
    assert {claim.written for claim in result(text)} == {text}


@pytest.mark.parametrize("text", ["15 epochs", "trained for 15 epochs", "Epochs: 15", "Number of epochs - 15", "The network was trained for 15 epochs."])  # fmt: skip
def test_epochs(text: str) -> None:
    assert values(result(text)) == [("epochs", 15, 16)]


@pytest.mark.parametrize(
    ("text", "over", "under"),
    [
        ("Model is over-fitting , we will make our model lighter in next step", True, None),
        ("Model is slightly over-fitting , model is capable if pushed further", True, None),
        ("Model is over-fitting", True, None),
        ("The model is over fitting a little", True, None),
        ("Still overfitting", True, None),
        ("Model slightly overfitting", True, None),
        ("The model overfits", True, None),
        ("We see some overfitting", True, None),
        ("Overfitting: yes", True, None),
        ("Overfitting: No", False, None),
        ("no overfitting", False, None),
        ("Still no overfitting", False, None),
        ("Model is not overfitting", False, None),
        ("We can't see overfitting.", False, None),
        ("The model does not show over-fitting", False, None),
        ("It does no better in training, so this is not overfitting.", False, None),
        (
            "The model did not showing over-fitting possibly DropOut can be ignore , rather removing",
            False,
            None,
        ),
        ("The model doesn\u2019t overfit", False, None),
        ("no overfitting - slight underfitting", False, True),
        ("no overfitting or under-fitting", False, False),
        ("The model is under-fitting now. This is fine, as the data is harder", None, True),
        ("whereas train accuracy is underfitting", None, True),
        (
            "hence we see the train accuracy is underfitting.But the validation accuracy is higher",
            None,
            True,
        ),
    ],
)
def test_fitting(text: str, over: bool | None, under: bool | None) -> None:
    said = {"over-fitting": over, "under-fitting": under}
    assert {claim.quantity: claim.holds for claim in analysis(f"- {text}")} == {
        quantity: holds for quantity, holds in said.items() if holds is not None
    }


UNCLAIMED = [
    "reducing overfitting",
    "to prevent overfitting",
    "before that we can try to fix over-fitting in next step",
    "Apply dropouts if there is overfitting",
    "if the model is overfitting we add dropout",
    "Batch normalization reduces overfitting",
    "Add Regularization with the help of Dropout , which interns help us in reducing overfitting",
    "it helps avoid overfitting",
    "There is less overfitting",
    "There is a risk of overfitting",
    "The model is overfitting less",
    "so that the model is not overfitting",
    "to have no overfitting",
    "Overfitting: reduced by dropout",
    "Overfitting",
    "Things to fix: overfitting",
    "The previous model was overfitting. It is overfitting.",
    "does it overfit",
    "target of 99.4",
    "achieve 99.4 % validation accuracy",
    "GAP helps to achieve 99.4% test accuracy",
    "The target test accuracy is 99.4",
    "Test accuracy needs to be 99.4",
    "Test accuracy did not reach 99.4",
    "Test accuracy of 99.4 is the goal",
    "above 99.4% test accuracy",
    "Test accuracy: ~99.4",
    "Test accuracy: >99.4",
    "Test accuracy: 99.2 - 99.4",
    "Test accuracy: 99.2/99.4",
    "Test accuracy: 99.2 -> 99.4",
    "Test accuracy: 99.4+",
    "Test accuracy: 99.3, 99.4 and 99.4",
    "Test accuracy: 99.4x",
    "Test accuracy: 15 epochs",
    "Test accuracy: 13",
    "Test accuracy: 994.2",
    "Test accuracy: 99.2 - 99",
    "Test accuracy 0.2% higher",
    "Test accuracy went up 0.3",
    "Test accuracy improved 1 %",
    "Test accuracy is 12 % better",
    "training accuracy is 0.3% above the test accuracy",
    "training accuracy is 0.25 above the test accuracy",
    "training accuracy is 0.3 points below",
    "unable to reach 99% test accuracy",
    "It failed to get to test accuracy: 99.4",
    "just missing 99.4 % test accuracy",
    "2,300 parameters fewer",
    "Parameters: 2,300 less",
    "batch normalisation keeps a model slightly overfitting",
    "Train/Test accuracy: 99.2",
    "Training and test accuracy: 99.2",
    "Train and test accuracy are 99.2 and 99.4",
    "Test accuracy is way below the target accuracy 99.4",
    "Value of drop out (.10) did not allow training accuracy beyond \n98.80 - 99.01. Hence low values",
    "Initially we tried with learning rate 0. 01 . Above Learning rate helps to the highest\ntest accuracy of 99.39. It has a train accuracy of 99.10.",
    "In step 3 the test accuracy is 99.4",
    "slightly lesser than the test accuracy of 99.53 with param 10k",
    "Accuracy: 99.4",
    "Achieved accuracy of 99.44% at 15th epoch",
    "Model is able to achieve 99 with less number of parameters , so quite a good- model",
    "next try to reduce params below 8k",
    "we need less than 8k parameters",
    "bring params less than 10K",
    "around 8k parameters",
    "Parameters: ~8k",
    "Parameters reduced from 10,362 to 8,066",
    "Parameters: 10,362 -> 8,066",
    "Parameters: 99.4",
    "Parameters: 3",
    "Parameters: 10 thousand",
    "Parameters: 8k+",
    "With 10k parameters: 15 epochs",
    "Params size (MB): 0.02",
    "Non-trainable params: 0",
    "The last layer has 1,440 parameters",
    "we save 2,000 parameters",
    "GAP removes 2,000 parameters",
    "10 more epochs",
    "in the last 3 epochs",
    "99.4 at 15th epoch",
    "Best Epochs: 13",
    "Epochs: 13, 14",
    "if trained for 20 epochs it gets better",
    "If we had 15 epochs, test accuracy 99.6",
    "If trained for longer, the model is overfitting",
    "| Parameters | 7,753 parameters |",
    "100%|####| 469/469 [00:21<00:00, 21.78it/s]",
    "Loss=0.05 Batch_id=468 Accuracy=92.05: 100%",
    "Accuracy: 59000/60000 (98.33%)",
    "Test Accuracy: 10001/10000 (100%)",
    "With dropout 0.1 training accuracy dropped.",
    "With lr 0.1 test accuracy was 98.3 and then fell",
    "lr 0.01 test accuracy",
    "gamma=0.5 test accuracy stabilised",
    "With batch size 64 test accuracy was worse",
    "With a dropout of 5 % test accuracy was worse than 98.3",
    "Train accuracy 98.2 in the first epoch",
    "In the first epoch, test accuracy was 92",
    "Training accuracy is 98.2 after epoch 3",
    "After 3 epochs, the test accuracy is 98.2",
    "Initial test accuracy: 92",
    "BN parameters: 220",
    "Batch normalisation parameters: 220",
    "120 parameters for batch norm",
    "Hyper-parameters: 128, 0.01",
    "Hyper parameters: 128, 0.01",
    "LeNet has 60,000 parameters",
    "VGG16 has 138 M parameters",
    "Human accuracy is 99.8 % test accuracy",
    "max training accuracy 99.9 is the ceiling",
    "Training Accuracy: 99.70 before augmentation, 99.2 after",
    "Before augmentation, the training accuracy was 99.70",
    "Epochs: 20 allowed, used 15",
    "Trained for 20 epochs first, then 15.",
    "Trained for 20 epochs, then for 15 epochs.",
]  # fmt: skip


@pytest.mark.parametrize("text", UNCLAIMED)
def test_what_is_no_claim(text: str) -> None:
    assert result(text) == analysis(f"- {text}") == []


def test_what_was_tried_under_headings_of_its_own_is_no_claim() -> None:
    tried = "#With BatchNorm\n- Parameters: 10 k\n\n## Model 2:\n- test accuracy: 99.88"
    assert values(analysis(f"Test accuracy: 99.2\n{tried}")) == [("test accuracy", 99.15, 99.25)]
    stated = "### Test accuracy: 99.2\n# 7,753 parameters\n- 15 epochs"
    assert [claim.quantity for claim in result(stated)] == ["test accuracy", "parameters", "epochs"]


def test_titles_and_targets_claim_nothing() -> None:
    wish = "7,753 parameters, test accuracy 99.4, no overfitting, 15 epochs"
    assert len(result(wish)) == 4
    assert claims.read(Notes(title=wish, target=wish)) == []


def test_a_log_is_read_by_its_highest_count() -> None:
    log = "\x1b[32mEPOCH: 0\x1b[0m\r\n 50%|##  | 234/469 [00:10]\rLoss=0.05 Accuracy=97.74: 100%|####| 469/469 [00:21]\r"
    log += "".join(
        f"Test set: Average loss: 0.02, Accuracy: {n}/60000 ({n / 600:.2f}%)\r\n"
        for n in (59_700, 59_742, 59_000)
    )
    found = claims.read(notes.read_text(f"Result:\nBest test accuracy: 99.57\n{log}"))
    assert [(claim.quantity, claim.out_of) for claim in found] == [
        ("test accuracy", None),
        ("test accuracy", 60_000),
    ]
    lowest, below = found[1].lowest, found[1].below
    assert lowest is not None
    assert below is not None
    assert lowest < 100 * 59_742 / 60_000 < below
    assert below - lowest == pytest.approx(100 / 60_000)


def test_train_logs_are_told_from_test_logs() -> None:
    found = result(
        "Train set: Accuracy: 59,000/60,000 (98%)\nTest set: Accuracy: 9,941/10,000 (99%)"
    )
    assert [(claim.quantity, claim.out_of) for claim in found] == [
        ("training accuracy", 60_000),
        ("test accuracy", 10_000),
    ]


def test_long_words_are_cut_around_the_claim() -> None:
    text = "word " * 40 + ", the best test accuracy is 99.41 " + "word " * 40
    (claim,) = analysis(text)
    assert claim.written.startswith("the best test accuracy is 99.41 word")
    assert len(claim.written) <= 100
    assert claim.written.endswith("…")


COUNTS = {
    "{:d}": 1,
    "{:,d}": 1,
    "{:_d}": 1,
    "{:.0f}k": 1_000,
    "{:.1f}K": 100,
    "{:.2f} k": 10,
    "{:.3f}k": 1,
}


@given(
    st.integers(1_000, 999_999),
    st.sampled_from(sorted(COUNTS)),
    st.sampled_from(["Parameters: {}", "- {} params"]),
)
def test_counts_lie_in_what_is_read_back(count: int, style: str, sentence: str) -> None:
    (claim,) = result(sentence.format(style.format(count / 1_000 if "f" in style else count)))
    assert claim.lowest is not None
    assert claim.below is not None
    unit = 1_000 if count % 1_000 == 0 and "d" in style else COUNTS[style]
    assert claim.lowest <= count <= claim.below  # Python rounds halves to even
    assert claim.below - claim.lowest == unit


@given(
    st.integers(5_000, 9_999),
    st.integers(0, 3),
    st.sampled_from(["{}", "{}%", "{} %", "{} (last)"]),
    st.sampled_from(["Test Accuracy: {}", "- the training accuracy is {}"]),
)
def test_accuracies_lie_in_what_is_read_back(
    count: int, decimals: int, style: str, sentence: str
) -> None:
    (claim,) = result(sentence.format(style.format(f"{count / 100:.{decimals}f}")))
    assert claim.lowest is not None
    assert claim.below is not None
    assert claim.lowest <= count / 100 <= claim.below
    assert claim.below - claim.lowest == pytest.approx(float(Decimal(10) ** -decimals))


WORDS = [
    "test",
    "train",
    "accuracy",
    "accuracy:",
    "99.42",
    "99.4%",
    "9941/10000",
    "(99.41%)",
    "7,753",
    "8k",
    "parameters",
    "params:",
    "<",
    "less",
    "than",
    "overfitting",
    "no",
    "is",
    "not",
    "under-fitting",
    "-",
    ">",
    "*",
    "|",
    "15",
    "epochs",
    "for",
    "trained",
    "\n",
    "\n\n",
    ".",
    ",",
    "İ",
    "\r",
    "\x1b[0m",
]
TEXT = st.text() | st.lists(st.sampled_from(WORDS) | st.text(max_size=3)).map(" ".join)


@given(TEXT)
def test_any_text_is_read(text: str) -> None:
    for claim in [
        *claims.read(Notes(result=text)),
        *claims.read(notes.read_text(f"Analysis: {text}")),
    ]:
        assert 0 < len(claim.written) <= 100
        if claim.quantity.endswith("fitting"):
            assert claim.lowest is claim.below is None
        else:
            assert claim.holds
            assert (claim.lowest or 0) < (claim.below or float("inf"))


@given(TEXT.map(lambda text: text.replace("\r", "")))
def test_line_endings_make_no_difference(text: str) -> None:
    assert result(text.replace("\n", "\r\n")) == result(text)


@pytest.mark.parametrize(
    "unit",
    ["test ", "test accuracy ", "test accuracy: is ", "1,111 ", "111 ", "9", "9/", "- ", "is not ", "overfitting ", "overfitting or ", "( ", "less than ", "params <", "train ", "A. ", "A:\n", "than ", "[-=]>", "# A ", "# A\n", "# A 1", "**", "test accuracy (in 15 epochs) ", "test accuracy under 15 epochs ", "(in 1", "test accuracy 99 - 1"],
)  # fmt: skip
def test_hostile_text_is_read_in_no_time(unit: str) -> None:
    text = unit * (notes.MAX_TEXT // len(unit))
    assert isinstance(claims.read(Notes(result=text)), list)
