"""Which files of a submission are its steps, and in what order: the shapes of real folders."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness import folder
from harness.layout import choose
from harness.submission import SubmissionError, find

NET = "class Net(nn.Module):\n    def forward(self, x):\n        return x\n"
LOOP = "for x, y in loader:\n    loss(model(x), y).backward()\n    optimizer.step()\n"


def notebook(*cells: str) -> bytes:
    written = [{"cell_type": "code", "source": cell, "outputs": []} for cell in cells]
    return json.dumps({"nbformat": 4, "cells": written}).encode()


def step(number: object) -> bytes:
    """A notebook that no other equals."""
    return notebook(NET + f"# {number}\n", LOOP)


def chosen(files: dict[str, bytes | str]) -> tuple[list[str], dict[str, str]]:
    """Names of the steps, and what was left out and why."""
    content = {
        name: text if isinstance(text, bytes) else text.encode() for name, text in files.items()
    }
    steps, left_out = choose(content)
    return [each.name for each in steps], {each.name: each.reason for each in left_out}


@pytest.mark.parametrize(
    "ordered",
    [
        ["Step_0.ipynb", "Step_1.ipynb", "Step_2.ipynb"],
        ["EVA_S5_File_1.ipynb", "EVA_S5_File_9.ipynb", "EVA_S5_File_10.ipynb"],
        ["step_1/a.ipynb", "step_2/b.ipynb", "step_10/a.ipynb"],
        ["Step 1 (setup).ipynb", "Step 2 #norm.ipynb", "Step 3 lr=0.1.ipynb"],
        ["S7_step_1_baseline.ipynb", "S7_step_2_a.ipynb"],
        ["notebooks/model1.ipynb", "notebooks/model2.ipynb", "a_final.ipynb"],
        ["part1.ipynb", "part2.ipynb", "best.ipynb"],
        ["STEP_1.IPYNB", "step_2.ipynb"],
    ],
    ids=lambda names: names[0],
)
def test_notebooks_stand_by_their_numbers(ordered: list[str]) -> None:
    files = {name: step(name) for name in reversed(ordered)}
    assert chosen(files)[0] == ordered


@pytest.mark.parametrize(
    ("readme", "ordered"),
    [
        ("1. [Skeleton](skeleton.ipynb)\n2. Norm.ipynb\n3. augment", ["skeleton.ipynb", "Norm.ipynb", "augment.ipynb"]),
        ("see https://x.org/blob/main/Norm.ipynb, augment.ipynb, then skeleton.ipynb", ["Norm.ipynb", "augment.ipynb", "skeleton.ipynb"]),
        ("skeleton.ipynb and augment.ipynb alone are named", ["augment.ipynb", "Norm.ipynb", "skeleton.ipynb"]),
    ],
    ids=["links", "addresses", "not all of three"],
)  # fmt: skip
def test_a_readme_orders_names_without_numbers(readme: str, ordered: list[str]) -> None:
    files = {name: step(name) for name in ("augment.ipynb", "Norm.ipynb", "skeleton.ipynb")}
    assert chosen({**files, "README.md": readme.encode()})[0] == ordered


def test_a_readme_that_names_all_but_one_of_four_orders_them() -> None:
    ordered = ["whole.ipynb", "skeleton.ipynb", "norm.ipynb", "augment.ipynb"]
    files = {name: step(name) for name in sorted(ordered)}
    told = "skeleton.ipynb, norm.ipynb and augment.ipynb"
    assert chosen({**files, "README.md": told.encode()})[0] == ordered
    told = "norm.ipynb, then augment.ipynb"
    assert chosen({**files, "README.md": told.encode()})[0] == sorted(ordered)


def test_an_accuracy_in_a_name_is_no_number_of_a_step() -> None:
    ordered = ["net_99_4.ipynb", "net_99_43.ipynb", "net_99_41.ipynb"]
    readme = " then ".join(ordered).encode()
    assert chosen({**{name: step(name) for name in ordered}, "README.md": readme})[0] == ordered


def test_a_readme_does_not_reorder_numbers() -> None:
    files = {"step_1.ipynb": step(1), "step_2.ipynb": step(2)}
    readme = b"The best is step_2.ipynb; it began with step_1.ipynb."
    assert chosen({**files, "readme.md": readme})[0] == ["step_1.ipynb", "step_2.ipynb"]


ONE, TWO = NET, NET.replace("return x", "return -x").replace("Net", "Net2")


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("Index.ipynb", notebook("print('see the steps')"), "it neither defines nor imports a network"),
        ("eda.ipynb", notebook("import pandas as pd\nfrom torchvision import datasets\n!ls", "plt.imshow(x)"), "it neither defines nor imports a network"),
        ("Copy of step_1.ipynb", step(1), "its code is that of step_1.ipynb"),
        ("a step_1-Copy1.ipynb", step(1), "its code is that of step_1.ipynb"),
        ("Untitled3.ipynb", step(3), "by its name it is a scratch pad"),
        ("all.ipynb", notebook(ONE, TWO, LOOP), "it repeats the networks of step_1.ipynb, step_2.ipynb, step_3.ipynb, step_4.ipynb, and adds none"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)  # fmt: skip
def test_what_is_left_out(name: str, content: bytes, reason: str) -> None:
    files = {"step_1.ipynb": step(1), "step_2.ipynb": step(2)}
    files |= {"step_3.ipynb": notebook(ONE, LOOP), "step_4.ipynb": notebook(TWO, LOOP)}
    steps, left_out = chosen({**files, name: content})
    assert steps == list(files)
    assert reason in left_out[name]


@pytest.mark.parametrize(
    "content",
    [
        notebook("from model import Model_1\n", "model = Model_1()"),
        notebook("from mine import Small as S\n"),
        notebook("%cd somewhere\n!pip install x\nmodel = nn.Sequential(nn.Flatten())"),
        notebook("import net_3"),
        notebook(LOOP),
        notebook("class Net(nn.Module:\n"),
        notebook(ONE, TWO, NET.replace("Net", "Net3"), LOOP),
        b"{",
    ],
    ids=["absent module", "module", "sequential", "import", "loop", "syntax", "own", "broken"],
)
def test_in_doubt_it_is_a_step(content: bytes) -> None:
    files: dict[str, bytes | str] = {"step_1.ipynb": notebook(ONE), "step_2.ipynb": notebook(TWO)}
    files |= {"mine.py": "import torch\nclass Small(torch.nn.Module):\n    pass\n"}
    steps, left_out = chosen({**files, "step_3.ipynb": content})
    assert steps == ["step_1.ipynb", "step_2.ipynb", "step_3.ipynb"]
    assert not left_out


def test_what_alone_is_there_is_a_step() -> None:
    assert chosen({"Untitled.ipynb": step(1)}) == (["Untitled.ipynb"], {})
    assert chosen({"Index.ipynb": notebook("1")}) == (["Index.ipynb"], {})


MODELS = {f"step_{n}.py": f"{NET}recipe = {{}}  # {n}\n".encode() for n in (1, 2)}
EDA = notebook("import matplotlib.pyplot as plt", "plt.imshow(x)")


def test_python_files_are_the_steps_beside_notebooks_that_train_none() -> None:
    for name, content in {"Index.ipynb": notebook("print('see')"), "eda.ipynb": EDA}.items():
        steps, left_out = chosen({**MODELS, name: content})
        assert steps == ["step_1.py", "step_2.py"]
        assert list(left_out) == [name]
    assert chosen({"eda.ipynb": EDA, "draw.py": "x = 1\n"}) == (["eda.ipynb"], {})
    # A scratch pad is left out for better notebooks only.
    assert chosen({"Untitled.ipynb": step(1), "eda.ipynb": EDA, "model.py": NET})[0] == ["Untitled.ipynb"]  # fmt: skip


def test_python_files_beside_notebooks_that_train_are_told() -> None:
    steps, left_out = chosen({**MODELS, "step_3.ipynb": step(3), "utils.py": NET})
    assert steps == ["step_3.ipynb"]
    assert left_out == dict.fromkeys(MODELS, "it has a recipe, and notebooks that train stand beside it")  # fmt: skip


def test_equal_notebooks_with_modules_of_their_own_are_steps() -> None:
    train = notebook("from model import Net", LOOP)
    files = {f"step_{n}/{name}": text for n in (1, 2) for name, text in {"train.ipynb": train, "model.py": NET.encode()}.items()}  # fmt: skip
    assert chosen({**files})[0] == ["step_1/train.ipynb", "step_2/train.ipynb"]


TORCH = "import torch.nn as nn\n\n"
FOUR = TORCH + "".join(
    f"class {name}(nn.Module):\n    pass\n\n\n" for name in ("Model_1", "Model_2", "Model_10")
)
BLOCKS = (
    "class Block(nn.Module):\n    def __init__(self, channels):\n        pass\n\n\n"
    "class Gate(nn.Module):\n    pass\n\n\n"
    "class Model_3(nn.Module):\n    def __init__(self):\n        self.gate = Gate()\n"
)


@pytest.mark.parametrize(
    ("files", "steps", "left_out"),
    [
        ({"model1.py": NET, "model2.py": NET, "train.py": "from model2 import Net\n" + LOOP}, ["model1.py", "model2.py"], ["train.py"]),
        ({"model1.py": NET, "utils.py": "x = 1\n", "main.py": "import model1, utils\n" + LOOP}, ["model1.py"], ["main.py", "utils.py"]),
        ({"models.py": FOUR}, ["models.py:Model_1", "models.py:Model_2", "models.py:Model_10"], []),
        ({"models.py": FOUR + BLOCKS}, ["models.py:Model_1", "models.py:Model_2", "models.py:Model_10", "models.py:Model_3"], []),
        ({"models.py": FOUR, "train.py": "import models\n" + LOOP}, ["models.py:Model_1", "models.py:Model_2", "models.py:Model_10"], ["train.py"]),
        ({"models.py": FOUR + NET}, ["models.py"], []),
        ({"step_1.py": FOUR + "recipe = {}\n"}, ["step_1.py"], []),
        ({"models.py": FOUR, "step_1.ipynb": step(1)}, ["step_1.ipynb"], []),
        ({"a.py": "x = 1\n", "b.py": NET}, ["a.py", "b.py"], []),
        ({"a.py": "from b import", "b.py": NET}, ["a.py", "b.py"], []),
        ({"train.py": "from model import Net\n" + LOOP}, ["train.py"], []),
    ],
    ids=["script", "helper", "classes", "blocks", "classes and script", "Net", "recipe", "notebook", "no network", "syntax", "alone"],
)  # fmt: skip
def test_python_files(files: dict[str, str], steps: list[str], left_out: list[str]) -> None:
    found, out = chosen({name: TORCH + text for name, text in files.items() if not name.endswith("b")} | {n: t for n, t in files.items() if n.endswith("b")})  # fmt: skip
    assert (found, list(out)) == (steps, left_out)


# On disk ------------------------------------------------------------------------------------


def lying(root: Path, files: dict[str, bytes]) -> Path:
    for name, content in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(content)
    return root


def test_a_notebook_finds_its_checkout(tmp_path: Path) -> None:
    files = {
        "Step 1 (a=b) #1.ipynb": step(1),
        "lib/utils.py": b"x = 1\r\n",
        "pics/a.png": b"p",
        "README.md": b"# notes",
    }
    others = {
        ".git/config": b"",
        ".ipynb_checkpoints/Step 1-checkpoint.ipynb": step(1),
        "data/MNIST/raw/train-images-idx3-ubyte": b"0",
        "data/MNIST/raw/t10k-labels-idx1-ubyte.gz": b"0",
        "mine/pyvenv.cfg": b"",
        "mine/lib/x.py": b"",
        "__pycache__/utils.cpython-311.pyc": b"",
    }
    found = find(lying(tmp_path / "ada", files | others))
    assert [each.name for each in found.steps] == ["Step 1 (a=b) #1.ipynb"]
    assert found.files == files
    assert found.readmes == {"README.md": b"# notes"}
    alone = find(tmp_path / "ada" / "Step 1 (a=b) #1.ipynb")
    assert sorted(alone.files) == ["Step 1 (a=b) #1.ipynb", "lib/utils.py"]
    assert alone.readmes == found.readmes


def test_a_notebook_in_a_folder_of_its_own_has_the_readme_above(tmp_path: Path) -> None:
    lying(tmp_path, {"README.md": b"about", "step_1/a.ipynb": step(1)})
    assert find(tmp_path / "step_1" / "a.ipynb").readmes == {"README.md": b"about"}


def test_a_notebook_that_is_named_is_the_step(tmp_path: Path) -> None:
    lying(tmp_path, {**MODELS, "eda.ipynb": EDA})
    found = find(tmp_path / "eda.ipynb")
    assert [each.name for each in found.steps] == ["eda.ipynb"]
    assert not found.left_out


def test_what_is_too_large_is_told_or_left_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(folder, "MAX_OTHER", 2_000)
    monkeypatch.setattr(folder, "MAX_BYTES", 5_000)
    files = {"step.ipynb": step(1), "a.bin": bytes(1_500), "b.bin": bytes(1_900), "c.bin": bytes(1_901), "d.bin": bytes(3_000)}  # fmt: skip
    assert sorted(find(lying(tmp_path / "ada", files)).files) == ["a.bin", "b.bin", "step.ipynb"]
    monkeypatch.setattr(folder, "MAX_NOTEBOOK", 100)
    for path in (tmp_path / "ada", tmp_path / "ada" / "step.ipynb"):
        with pytest.raises(SubmissionError, match=r"step\.ipynb is over 100 bytes long"):
            find(path)


def test_a_manifest_wins(tmp_path: Path) -> None:
    files = {"b/two.ipynb": step(2), "a/one.ipynb": step(1), "Index.ipynb": notebook("1")}
    order = b'order = ["b/two.ipynb", "Index.ipynb", "a/one.ipynb"]'
    found = find(lying(tmp_path, files | {"submission.toml": order}))
    assert [each.name for each in found.steps] == ["b/two.ipynb", "Index.ipynb", "a/one.ipynb"]
    assert not found.left_out


def test_a_manifest_orders_the_classes_of_a_file(tmp_path: Path) -> None:
    order = b'order = ["models.py:Model_10", "models.py:Model_1", "models.py:Model_2"]'
    found = find(lying(tmp_path, {"models.py": FOUR.encode(), "submission.toml": order}))
    assert [each.network for each in found.steps] == ["Model_10", "Model_1", "Model_2"]
    (tmp_path / "submission.toml").write_text('classes = { "models.py" = "Model_2" }')
    assert [(each.name, each.network) for each in find(tmp_path).steps] == [
        ("models.py", "Model_2")
    ]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "the file is empty"),
        (step(1)[:-20], "it is no notebook, or one that was cut off"),
        (b"version https://git-lfs.github.com/spec/v1", "it is no notebook"),
        (b"\xff\xfe{", "it is no notebook"),
        (b"[" * 100_000, "it is no notebook"),
        (b"{}", "it does not say its nbformat"),
        (b"[]", "it does not say its nbformat"),
        (b'{"nbformat": 3, "worksheets": []}', "it has notebook format 3, and format 4 is read"),
        (b'{"nbformat": 4, "cells": []}', "it has no cells"),
        (b'{"nbformat": 4}', "it has no cells"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_file_that_is_no_notebook_is_told(tmp_path: Path, content: bytes, words: str) -> None:
    lying(tmp_path, {"step_1.ipynb": content})
    for path in (tmp_path, tmp_path / "step_1.ipynb"):
        with pytest.raises(SubmissionError) as error:
            find(path)
        assert str(error.value).startswith("step_1.ipynb: ")
        assert words in str(error.value)
    lying(tmp_path, {"step_2.ipynb": b"\xef\xbb\xbf" + step(2)})
    assert [each.name for each in find(tmp_path).steps] == ["step_1.ipynb", "step_2.ipynb"]


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=30),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)  # fmt: skip
KEYS = st.sampled_from(["cell_type", "source", "outputs", "data", "text", "name", "output_type"])
WORDS = st.sampled_from(
    ["code", "markdown", "stream", "error", "text/plain", NET, LOOP, "# Target: x\n"]
)
CELLS = st.lists(st.dictionaries(KEYS, JSON | WORDS | st.lists(WORDS | JSON)) | JSON)
NOTEBOOKS = st.builds(
    lambda cells, number: json.dumps({"nbformat": number, "cells": cells}).encode(),
    CELLS | JSON,
    st.just(4) | JSON,
)


@given(st.binary() | NOTEBOOKS, st.sampled_from([NET.encode(), b"\xff", b""]))
def test_any_bytes_are_a_submission_or_refused(
    tmp_path_factory: pytest.TempPathFactory, content: bytes, module: bytes
) -> None:
    root = tmp_path_factory.mktemp("any")
    lying(root, {"step_1.ipynb": content, "model.py": module, "README.md": content})
    for path in (root, root / "step_1.ipynb"):
        try:
            found = find(path)
        except SubmissionError as error:
            assert "step_1.ipynb" in str(error)  # noqa: PT017
        else:
            (found_step,) = found.steps
            assert found_step.content in (content, module if path == root else content)
