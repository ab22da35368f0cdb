"""Opens pages in the system's Chromium, and notes what they ask for and what is wrong with them."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

PHONE, DESK = (390, 844), (1280, 900)


@pytest.fixture(scope="session")
def chromium() -> Iterator[Any]:
    """The system's Chromium, without a window; tests that use it are marked `browser`."""
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        pytest.fail("the tests marked browser need playwright and axe-playwright-python")
    found = next(
        filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), ""
    )
    if not found:
        pytest.fail("the tests marked browser need Chromium; there is none on this machine")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=found, args=["--no-sandbox"])
        yield browser
        browser.close()


@dataclass
class Opened:
    """A page in the browser."""

    page: Any
    """Playwright's."""
    console: list[str] = field(default_factory=list)
    """What the browser complains of."""
    requests: list[str] = field(default_factory=list)
    """All that was asked for."""

    def violations(self) -> list[str]:
        """What axe-core finds wrong, with the first element of each."""
        from axe_playwright_python.sync_playwright import Axe

        found = Axe().run(self.page).response["violations"]
        return [f"{each['id']}: {each['nodes'][0]['html'][:200]}" for each in found]

    def tabbed(self, most: int = 200) -> list[str]:
        """What the Tab key comes to, in its order, as the address or the name of each."""
        stops = []
        for _ in range(most):
            self.page.keyboard.press("Tab")
            stop = self.page.evaluate(
                "(e => e === document.body ? '' : e.getAttribute('href') || "
                "e.getAttribute('aria-label') || e.innerText)(document.activeElement)"
            )
            if not stop:
                break
            stops.append(stop)
        return stops

    def sideways(self) -> int:
        """Pixels by which the page is wider than its window."""
        return int(self.page.evaluate("document.documentElement.scrollWidth - innerWidth"))


@contextmanager
def opened(
    chromium: Any, path: Path, size: tuple[int, int] = DESK, scheme: str = "light", **more: Any
) -> Iterator[Opened]:
    """Open a file; in the end the browser has complained of nothing, and nothing left the machine.

    Args:
        chromium: the fixture.
        path: an HTML file.
        size: of the window; `PHONE` or `DESK`.
        scheme: `light` or `dark`.
        more: what else Playwright's context takes.
    """
    viewport = {"width": size[0], "height": size[1]}
    context = chromium.new_context(viewport=viewport, color_scheme=scheme, **more)
    try:
        page = context.new_page()
        found = Opened(page)
        page.on("console", lambda message: found.console.append(message.text))
        page.on("pageerror", lambda error: found.console.append(str(error)))
        page.on("request", lambda request: found.requests.append(request.url))
        page.goto(path.as_uri())
        yield found
        assert found.console == []
        assert [url for url in found.requests if not url.startswith(("file:", "data:"))] == []
    finally:
        context.close()
