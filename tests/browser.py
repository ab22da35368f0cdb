"""The system's Chromium, for tests of pages that nothing may leave and that must not complain."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

NAMES = ("chromium", "chromium-browser", "google-chrome")


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    """One browser for a module's tests."""
    from playwright.sync_api import sync_playwright

    found = next(filter(None, map(shutil.which, NAMES)), None)
    if not found:
        pytest.fail("the tests marked browser need Chromium, such as Debian's package `chromium`")
    with sync_playwright() as playwright:
        # As root, in a container, Chromium's own sandbox does not start; the pages are ours.
        browser = playwright.chromium.launch(executable_path=found, args=["--no-sandbox"])
        yield browser
        browser.close()


@contextmanager
def opened(chromium: Any, file: Path, **window: Any) -> Iterator[Any]:
    """A page in a window of its own; at its end nothing was logged, nor asked of another machine.

    Args:
        chromium: the fixture.
        file: the page.
        window: such as `viewport` and `color_scheme`.
    """
    complaints: list[str] = []
    context = chromium.new_context(**window)
    page = context.new_page()
    page.on("console", lambda message: complaints.append(message.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("request", lambda asked: complaints.append(asked.url))
    page.goto(file.as_uri())
    yield page
    context.close()
    assert [said for said in complaints if not said.startswith(("file:", "data:"))] == []
