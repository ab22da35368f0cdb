"""What the HTML pages share: their templates, and that anyone's words stay words in them.

Must not know what a page tells.
"""

from __future__ import annotations

from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from harness.plain import printable


def _shown(value: Any) -> Any:
    """Whatever a template shows: text without what steers a reader's screen, then escaped."""
    return printable(value) if isinstance(value, str) and not isinstance(value, Markup) else value


_TEMPLATES = Environment(
    loader=PackageLoader("harness.report"),
    autoescape=True,
    finalize=_shown,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)


def page(template: str, **values: Any) -> str:
    """A whole page: one file that needs nothing else, neither from the network nor beside it.

    Args:
        template: the name of a file in `templates/`, which extends `base.html.jinja`.
        values: what it tells; text is escaped, `Markup` is not.
    """
    return _TEMPLATES.get_template(template).render(values)
