"""Modules that take the place of those that are not installed, so that an import does not fail.

Those that only show or log do nothing; those that the exercise needs do what is needed. A package
that computes what a notebook trains on has no stand-in: its absence is told by Python itself. Must
not know what a notebook trains.
"""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Callable, Iterator, Sequence
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any

from harness.inside import summaries
from harness.inside.telling import tell

SILENT = (
    "IPython.html",
    "aim",
    "bokeh",
    "clearml",
    "comet_ml",
    "gradio",
    "graphviz",
    "hiddenlayer",
    "ipywidgets",
    "livelossplot",
    "mlflow",
    "neptune",
    "netron",
    "plotly",
    "prettytable",
    "pydot",
    "seaborn",
    "tabulate",
    "tensorboard",
    "tensorboardX",
    "tensorboard_logger",
    "termcolor",
    "torch.utils.tensorboard",
    "torchviz",
    "torchview",
    "visdom",
    "wandb",
)
"""Packages that show, log and draw. Their parts are silent with them."""


class Nothing:
    """Whatever is asked of it, nothing happens."""

    def __getattr__(self, name: str) -> Nothing:
        if name.startswith("__") and name.endswith("__"):
            raise AttributeError(name)
        return Nothing()

    def __call__(self, *args: Any, **options: Any) -> Any:
        """Nothing; but a function alone is one that is decorated, and still has to run."""
        if len(args) == 1 and not options and callable(args[0]):
            return args[0]
        return Nothing()

    def __enter__(self) -> Nothing:
        return self

    def __exit__(self, *error: object) -> None:
        pass

    def __getitem__(self, key: object) -> Nothing:
        return Nothing()

    def __setitem__(self, key: object, value: object) -> None:
        pass

    def __iter__(self) -> Iterator[Nothing]:
        return iter(())

    def __len__(self) -> int:
        return 0

    def __bool__(self) -> bool:
        return False

    def __str__(self) -> str:
        return ""

    __repr__ = __str__


def _silent(module: ModuleType) -> None:
    module.__getattr__ = _anything  # type: ignore[method-assign]
    module.__path__ = []


def _anything(name: str) -> Nothing:
    if name.startswith("__"):
        raise AttributeError(name)
    return Nothing()


def _package(module: ModuleType) -> None:
    module.__path__ = []


def _plain_tqdm(module: ModuleType) -> None:
    """Tqdm's form for notebooks needs widgets; the plain one counts as well."""
    from tqdm import std

    module.tqdm = module.tqdm_notebook = std.tqdm  # type: ignore[attr-defined]
    module.trange = module.tnrange = std.trange  # type: ignore[attr-defined]


MADE: dict[str, Callable[[ModuleType], None]] = {
    "google": _package,
    "google.colab": _silent,
    "torchinfo": summaries.torchinfo,
    "torchsummary": summaries.torchsummary,
    "torchsummaryX": summaries.torchinfo,
}
"""What fills the stand-in for a package."""


class Maker(Loader):
    """Makes a stand-in."""

    def __init__(self, fill: Callable[[ModuleType], None]) -> None:
        self._fill = fill

    def create_module(self, spec: ModuleSpec) -> None:
        """Python makes the empty module itself."""

    def exec_module(self, module: ModuleType) -> None:
        """Fill it, and tell."""
        self._fill(module)
        package = module.__name__ if module.__name__ in (*MADE, *SILENT) else ""
        if module.__name__ == "tqdm.notebook":
            tell("tqdm.notebook", "tqdm counts in its plain form, without widgets.")
        elif package and package != "google":
            tell(package, f"{package} is not installed here; a stand-in took its place.")


class Finder(MetaPathFinder):
    """Finds stand-ins, asked after all others have found nothing."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """The stand-in for a module, if it has one."""
        name = fullname
        while name:
            if name in MADE:
                if name != fullname and MADE[name] is not _silent:
                    return None
                return ModuleSpec(fullname, Maker(MADE[name]), is_package=True)
            if name in SILENT:
                return ModuleSpec(fullname, Maker(_silent), is_package=True)
            name = name.rpartition(".")[0]
        return None


class First(MetaPathFinder):
    """Finds what is replaced although it is there, asked before all others."""

    def __init__(self) -> None:
        self._made = {"tqdm.notebook": _plain_tqdm}
        if importlib.util.find_spec("tensorboard") is None:  # which torch's own part imports
            self._made["torch.utils.tensorboard"] = _silent

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """The stand-in for a module, if it is one of those."""
        fill = self._made.get(fullname)
        return None if fill is None else ModuleSpec(fullname, Maker(fill), is_package=True)


def install() -> None:
    """Let imports find stand-ins from here on."""
    sys.meta_path.insert(0, First())
    sys.meta_path.append(Finder())
