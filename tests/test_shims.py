"""A notebook of another machine, and of an older PyTorch, runs; and what helped it is told."""

import pytest
from kernels import Executed, execute

DATA = """
import torch
from torchvision import datasets, transforms

transform = transforms.Compose([transforms.ToTensor(), transforms.Normalize((0.1307,), (0.3081,))])
train = datasets.MNIST('/content/gdrive/anywhere', train=True, download=True, transform=transform)
test = datasets.MNIST('C:\\\\data', train=False, transform=transform)
assert (len(train), len(test)) == (70, 30)
loader = torch.utils.data.DataLoader(train, batch_size=16, shuffle=True, num_workers=4, pin_memory=True)
images, labels = iter(loader).next()
assert images.shape == (16, 1, 28, 28)
assert torch.get_num_threads() == 1
"""

NET = """
import torch.nn as nn

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Sequential(nn.Conv2d(1, 4, 3, stride=2), nn.BatchNorm2d(4))
        self.unused = nn.Linear(99, 99)
        self.head = nn.Linear(4 * 13 * 13, 10)

    def forward(self, x):
        return self.head(self.conv(x).flatten(1))

net = Net()
"""

SUMMARY = """
from torchsummary import summary
summary(net, input_size=(1, 28, 28), device="cpu")
"""

CELLS: list[tuple[str, str, str]] = [
    # source, what is told, the error (empty for none)
    (DATA, "MNIST", ""),
    ("", "iter().next()", ""),
    ("", "num_workers", ""),
    (NET, "", ""),
    (SUMMARY, "torchsummary", ""),
    ("import torchinfo_of_none", "", "ModuleNotFoundError: No module named 'torchinfo_of_none'"),
    ("import albumentations", "", "ModuleNotFoundError: No module named 'albumentations'"),
    ("datasets.CIFAR10('.', download=True)", "", "RuntimeError: https://www.cs.toronto.edu/"),
    ("datasets.FashionMNIST('.')", "", "RuntimeError: FashionMNIST is not served here: this notebook is graded on MNIST"),
    ("from google.colab import drive, files\ndrive.mount('/content/drive')\nassert not list(files.upload())", "google.colab", ""),
    ("import seaborn as sns\nsns.heatmap([[1]], annot=True).set_title('x')", "seaborn", ""),
    ("import wandb\nwandb.init(project='x')\n@wandb.watched\ndef f():\n    return 3\nassert f() == 3", "wandb", ""),
    ("from torch.utils.tensorboard import SummaryWriter\nSummaryWriter('runs').add_scalar('loss', 1, 2)", "torch.utils.tensorboard", ""),
    ("from tqdm.notebook import tqdm, trange\nassert list(tqdm([1])) == list(trange(1, 2))", "tqdm.notebook", ""),
    ("from tqdm import tqdm_notebook\nfrom tqdm.auto import tqdm\nassert list(tqdm([1])) == list(tqdm_notebook([1]))", "", ""),
    ("import numpy as np\nassert np.int is int and np.float(2) == 2.0", "np.int", ""),
    ("assert np.Inf > 1 and np.NaN != np.NaN and np.float_ is np.float64", "np.Inf", ""),
    ("import json\nimport pandas_of_none as pd\nimport math as maths", "", "ModuleNotFoundError: No module named 'pandas_of_none'"),
    ("assert maths.pi > 3", "", ""),
    ("from IPython.core.display import display, HTML", "", ""),
    ("turn = transforms.RandomRotation(7, resample=False, fillcolor=1)\nassert turn.fill == 1", "fillcolor=", ""),
    ("assert torch.compile(net) is net", "torch.compile", ""),
    ("torch.cuda.is_available() and torch.cuda.get_device_name(0)\ntorch.cuda.synchronize()", "torch.cuda.is_available()", ""),
    ("!mkdir -p kept/deeper checkpoints\ntorch.save(net.state_dict(), 'checkpoints/best.pt')\nnet.load_state_dict(torch.load('checkpoints/best.pt', map_location=torch.device('cuda')))", "", ""),
    ("!python beside.py\nassert seven == 7", "!python beside.py", ""),
    ("%%time\nfor n in range(2):\n    import linecache, inspect\n    assert 'for n in range(2)' in linecache.getline(inspect.currentframe().f_code.co_filename, 1)", "", ""),
    ("np.nothing", "", "AttributeError: module 'numpy' has no attribute 'nothing'"),
    ("sgd = torch.optim.SGD(net.parameters(), lr=0.1)\nfrom torch.optim.lr_scheduler import *\nfor s in (StepLR(sgd, 2, verbose=True), OneCycleLR(sgd, 1, 9, verbose=False), ReduceLROnPlateau(sgd, patience=1, verbose=True)):\n    sgd.step()", "verbose=", ""),
    ("StepLR(sgd, 2, wrong=1)", "", "TypeError: "),
    ("net.cuda(); images.cuda(0); net.to('cuda'); torch.zeros(2, device=torch.device('cuda:0')) + images.to('cuda')[0, 0, 0, :2]", "cuda", ""),
    ("assert net.to(torch.float64) is net\nnet.float()\nassert images.to(images.dtype) is images", "", ""),
    ("import os\nos.makedirs('/content/drive/My Drive/S5', exist_ok=True)\nopen('/content/drive/My Drive/S5/notes.txt', 'w').write('kept')\nassert open('/content/drive/My Drive/S5/notes.txt').read() == 'kept'\nassert os.path.exists('/content/drive/My Drive/S5')", "paths", ""),
    ("torch.save(net.state_dict(), '/results/model.pth')\nnet.load_state_dict(torch.load('/results/model.pth'))\ntorch.save(net, 'whole.pt')\nassert isinstance(torch.load('whole.pt'), Net)", "", ""),
    ("import matplotlib.pyplot as plt\nplt.plot([1, 2])\nplt.savefig('/gdrive/plot.png')\nplt.show()", "", ""),
    ("assert open('/kaggle/input/steps/beside.py').read() == 'seven = 7\\n'", "", ""),
    ("open('/content/none.csv')", "", "FileNotFoundError: [Errno 2] No such file or directory: '/content/none.csv'"),
    ("here = os.getcwd()\nos.chdir('/content/drive/other')\nassert os.getcwd() == here", "chdir", ""),
    ("%cd /content/drive/other\nassert os.getcwd() == here", "%cd /content/drive/other", ""),
    ("import beside, shared\nassert beside.seven + shared.eight == 15", "", ""),
    ("!git clone https://github.com/someone/course.git\nfrom course.steps import beside as one\nimport importlib\ntwo = importlib.import_module('course.session-5.steps.beside')\nassert one.seven == two.seven\nthree = importlib.import_module('course.weeks.session-5.steps.beside')\nassert one.seven == three.seven", "!git clone https://github.com/someone/course.git", ""),
    ("!pip install torchsummary\nlisted = !ls\nassert listed == []", "!pip install torchsummary", ""),
    ("%%bash\nexit 1", "", ""),
    ("%load_ext nothing_of_this_name\n%unheard_of 1", "%unheard_of", ""),
    ("%matplotlib notebook", "", ""),
    ("%%time\nraise KeyError('mine')", "", "KeyError: 'mine'"),
    ("parts = torch.utils.data.random_split(train, [50_000, 10_000])\nassert [len(p) for p in parts] == [58, 12]", "random_split", ""),
    ("assert len(torch.utils.data.random_split(train, [60, 10])[0]) == 60", "", ""),
    ("assert len(torch.utils.data.Subset(train, range(50_000, 60_000))) == 12", "indices", ""),
    ("torch.utils.data.Subset(train, [0, 60_000])[1]", "", "IndexError: "),
    ("picked = torch.utils.data.SubsetRandomSampler(list(range(30_000)))\nassert len(list(torch.utils.data.DataLoader(train, sampler=picked))) == 35", "", ""),
]  # fmt: skip


KERNEL = pytest.mark.xdist_group("shims")
"""Tests of one kernel run where it was started."""


@pytest.fixture(scope="module")
def executed(tmp_path_factory: pytest.TempPathFactory) -> Executed:
    """The table, executed."""
    beside = {"steps/beside.py": "seven = 7\n", "shared.py": "eight = 8\n"}
    cells: list[tuple[str, dict[str, object]]] = [(source, {}) for source, *_ in CELLS]
    return execute(tmp_path_factory.mktemp("shims"), cells, beside, sizes=(60_000, 10_000))


@KERNEL
@pytest.mark.parametrize("place", range(len(CELLS)))
def test_a_cell_and_what_is_told_of_it(executed: Executed, place: int) -> None:
    _, told, error = CELLS[place]
    cell = executed.cells[place + 1]
    assert cell.error.startswith(error) if error else not cell.error, cell.traceback
    if told:
        assert told in executed.shims
        assert executed.shims[told].endswith(".")


@KERNEL
def test_nothing_is_told_that_was_not_used(executed: Executed) -> None:
    assert "torchviz" not in executed.shims
    assert executed.status == 0


@KERNEL
def test_the_summary_counts_what_is_executed_in_the_form_of_torchsummary(
    executed: Executed,
) -> None:
    (output,) = executed.copy.cells[5].outputs
    lines = output.text.splitlines()
    assert lines[3:6] == [
        "            Conv2d-1            [-1, 4, 13, 13]              40",
        "       BatchNorm2d-2            [-1, 4, 13, 13]               8",
        "            Linear-3                   [-1, 10]           6,770",
    ]
    assert "Total params: 6,818" in lines
    assert "Params size (MB): 0.03" in lines
