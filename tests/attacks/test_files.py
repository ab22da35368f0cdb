"""Files that are not the submission's: what holds answers or secrets, and what it could spoil."""

import hashlib
import re
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest
from batches import Laboratory
from forms import FORMS, Form, Told, name_of
from step_samples import step

import harness
from harness.rubric import find

START = """
import glob, gzip, os, sys
from pathlib import Path

def put(path):
    number = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.write(number, b"left behind")
"""
"""Past `open`, which in a notebook leads paths of another machine to a folder of its own."""

READING = {
    "the folder of the data sets": "assert os.listdir(places['data']), 'nothing there'",
    "the test set's labels": "Path(places['data'], 'MNIST/raw/t10k-labels-idx1-ubyte').read_bytes()",
    "the test set's labels by torchvision": "import torchvision.datasets as d\nclass MNIST(d.MNIST):\n    _load_data = lambda self: d.mnist.read_label_file(self.raw_folder + '/t10k-labels-idx1-ubyte')\n    _check_exists = lambda self: True\nMNIST(places['data'], train=False)",
    "the digits' labels by scikit-learn": "from sklearn.datasets import load_digits\nassert len(load_digits().target), 'nothing there'",
    "the digits' labels by their path": "assert gzip.open(places['digits']).read(), 'nothing there'",
    "the digits' labels by a link to their folder": "assert gzip.open(places['digits'].replace('/lib/', '/lib64/')).read(), 'nothing there'",
    "a neighbour": "Path(places['neighbour'], 'step_1.py').read_text()",
    "all neighbours": "assert os.listdir(Path(places['neighbour']).parent), 'nothing there'",
    "a submission in the next sandbox": "Path(places['room'], 'given/step_1.py').read_text()",
    "the grader": "Path(places['package'], 'grade.py').read_text()",
    "the grader's module": "import harness.grade",
    "a copy of the grader": "found = [each for each in sys.path if 'grade.py' in os.listdir(Path(each, 'harness'))]\nassert found, 'nothing there'",
    "the grader's checkout": "assert 'README.md' in os.listdir(places['checkout']), 'nothing there'",
    "a file of the grader's checkout": "Path(places['checkout'], 'README.md').read_text()",
    "the grader's history": "Path(places['checkout'], '.git').stat()\nassert list(Path(places['checkout']).glob('.git*')), 'nothing there'",
    "the rubric": "Path(places['rubric']).read_text()",
    "the store": "assert os.listdir(places['store']), 'nothing there'",
    "the store's secret": "Path(places['store'], 'secret').read_bytes()",
    "the store's secret by way of the parent": "Path('/proc', str(os.getppid()), 'root', places['store'].lstrip('/'), 'secret').read_bytes()",
    "the store's secret by a link": "os.symlink(places['store'] + '/secret', 'link')\nPath('link').read_bytes()",
    "the store's secret by a hard link": "os.link(places['store'] + '/secret', 'copy')\nPath('copy').read_bytes()",
    "the users": "Path('/etc/passwd').read_text()",
    "the passwords": "Path('/etc/shadow').read_text()",
    "the home": "Path(places['home'], '.netrc').read_text()",
    "the real home": "found = [p for p in Path(places['real home']).iterdir() if p.is_file() and p.read_bytes()]\nassert found, 'nothing there'",
    "the memory of the machine": "open('/dev/mem', 'rb').read(1)",
}  # fmt: skip

WRITING = {
    "the folder above": "put(os.environ['HOME'] + '/../left')",
    "the system's temporary folder": "put('/tmp/left')",
    "the libraries": "put(Path(os.__file__).with_name('left.py'))",
    "the packages": "import torch\nput(torch.__file__)",
    "what it was given": "put(os.environ['PYTHONPATH'] + '/left')",
    "the given code": "from harness import frames\nput(frames.__file__)",
    "the given code that starts": "os.unlink(os.environ['PYTHONPATH'] + '/harness/inside/confine.py')",
    "the given code's place": "os.rename(os.environ['PYTHONPATH'], os.environ['PYTHONPATH'] + '-gone')",
    "the grader's code inside": "put(places['package'] + '/inside/serve.py')",
    "the grader": "put(places['package'] + '/grade.py')",
    "a neighbour": "put(places['neighbour'] + '/step_1.py')",
    "a neighbour's rights": "os.chmod(places['neighbour'] + '/step_1.py', 0o777)\nassert os.access(places['neighbour'] + '/step_1.py', os.X_OK), 'nothing there'",
    "a neighbour's time": "os.utime(places['neighbour'] + '/step_1.py', (1, 1))\nassert os.stat(places['neighbour'] + '/step_1.py').st_mtime == 1, 'nothing there'",
    "a neighbour's steps": "put(places['neighbour'] + '/step_2.py')",
    "the store": "put(places['store'] + '/run.json')",
    "the store's secret": "put(places['store'] + '/secret')",
    "the store's place": "os.rename(places['store'], 'store')",
    "the home": "put(places['home'] + '/.netrc')",
    "a submission in the next sandbox": "put(places['room'] + '/given/step_1.py')",
    "the next sandbox": "put(places['room'] + '/work/left')",
    "the kernel's settings": "put('/proc/sys/kernel/core_pattern')",
    "the kernel's limits": "put('/proc/sys/user/max_user_namespaces')",
    "the machine's processors": "put('/sys/devices/system/cpu/cpu1/online')",
}  # fmt: skip

REFUSED = (
    "Permission denied|Operation not permitted|No such file|Read-only file system|cross-device"
    "|No module named 'harness.grade'|nothing there|Not a gzipped file|Device or resource busy"
)


@pytest.fixture(scope="module")
def places(
    laboratory: Laboratory, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[dict[str, str]]:
    """Where on this machine is what a submission should not see."""
    store, home = laboratory.workshop.store, tmp_path_factory.mktemp("home")
    (home / ".netrc").write_text("machine example.org login ada password lovelace")
    store.secret()
    spec = find_spec("sklearn")
    assert spec is not None
    assert spec.origin is not None
    package = Path(harness.__file__).parent
    with laboratory.workshop.sandbox.room(2**20) as room:
        room.give("step_1.py", step("Of somebody else.").encode())
        yield {
            "data": str(laboratory.workshop.data),
            "digits": str(Path(spec.origin).parent / "datasets" / "data" / "digits.csv.gz"),
            "neighbour": str(laboratory.put({"step_1.py": step("Of a neighbour.")})),
            "room": str(room.folder),
            "package": str(package),
            "checkout": str(Path(__file__).parents[2]),
            "rubric": str(find("digits-quickstart")),
            "store": str(store.root),
            "home": str(home),
            "real home": str(Path.home()),
        }


def kept(places: dict[str, str]) -> dict[str, str]:
    """What must stay as it is: contents, rights and times, by path."""
    trees = [Path(places[name]) for name in ("neighbour", "room", "package", "home")]
    files = [path for tree in trees for path in tree.rglob("*") if "__pycache__" not in path.parts]
    files += [Path(places["store"], "secret"), Path(places["digits"])]
    return {
        str(path): f"{path.stat().st_mode:o} {path.stat().st_mtime} "
        + (hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else "")
        for path in files
    }


@pytest.fixture(scope="module", params=FORMS, ids=name_of)
def told(request: pytest.FixtureRequest, laboratory: Laboratory, places: dict[str, str]) -> Told:
    form: Form = request.param
    start = f"{START}places = {places}\n"
    attacks = {f"read {name}": start + code + "\n" for name, code in READING.items()}
    attacks |= {f"change {name}": start + code + "\n" for name, code in WRITING.items()}
    before = kept(places)
    told = form(laboratory, attacks)
    assert kept(places) == before
    return told


@pytest.mark.parametrize("what", READING)
def test_no_file_of_another_can_be_read(told: Told, what: str) -> None:
    answer = told[f"read {what}"]
    assert re.search(REFUSED, answer), answer


@pytest.mark.parametrize("what", WRITING)
def test_no_file_of_another_can_be_changed(told: Told, what: str) -> None:
    answer = told[f"change {what}"]
    assert re.search(REFUSED, answer), answer
