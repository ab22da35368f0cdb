"""Any data set of MNIST's kin is served under any root, from the same four files."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

from kernels import SIZES, serve

SCRIPT = """
import json, sys
from pathlib import Path
from torchvision import datasets
from harness.inside import served

for name in ("FashionMNIST", "QMNIST"):
    served.install({"dataset": name, "sizes": [60_000, 10_000], "data": "data"}, Path.cwd())

    class Own(getattr(datasets, name)):
        pass

    told = []
    for kind in (getattr(datasets, name), Own):
        for train in (True, False):
            made = kind("~/nowhere", train=train, download=True)
            image, label = made[11]
            told.append([len(made), list(image.size), label])
    for other in ("EMNIST", "KMNIST"):
        options = {"split": "digits"} if other == "EMNIST" else {}
        try:
            getattr(datasets, other)(".", **options)
        except RuntimeError as error:
            told.append(str(error))
    print(json.dumps(told))
"""


def test_kin_are_served(tmp_path: Path) -> None:
    serve(tmp_path / "data")
    shutil.copytree(tmp_path / "data" / "MNIST", tmp_path / "data" / "QMNIST")
    (tmp_path / "data" / "MNIST").rename(tmp_path / "data" / "FashionMNIST")
    command = [sys.executable, "-c", SCRIPT]
    result = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, env=os.environ)
    train, test = ([size, [28, 28], 1] for size in SIZES)
    lines = result.stdout.splitlines()
    for name, line in zip(("FashionMNIST", "QMNIST"), lines, strict=True):
        assert json.loads(line) == [
            *[train, test] * 2,
            f"EMNIST is not served here: this notebook is graded on {name}",
            f"KMNIST is not served here: this notebook is graded on {name}",
        ]
