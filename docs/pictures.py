"""Takes the README's pictures: a learner's page from committed evidence, and a class's index page.

    tox -e browser --notest && .tox/browser/bin/python docs/pictures.py reports/

with the reports that the README's command for instructors leaves.
"""

from __future__ import annotations

import io
import shutil
import sys
import tempfile
from pathlib import Path

from PIL import Image
from playwright.sync_api import Browser, sync_playwright

from harness.report import page
from harness.scorecard import Scorecard

HERE = Path(__file__).parent
EVIDENCE = HERE / "evidence" / "digit-recognizer-four-phases" / "report.json"
SIZE = {"width": 1100, "height": 1500}


def main(reports: Path) -> None:
    """Write both pictures into `docs/pictures/`."""
    found = shutil.which("chromium") or shutil.which("google-chrome")
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        learner = Path(folder) / "report.html"
        card = Scorecard.model_validate_json(EVIDENCE.read_bytes())
        learner.write_text(page.render(card), encoding="utf-8")
        browser = playwright.chromium.launch(executable_path=found, args=["--no-sandbox"])
        take(browser, learner, "#step-4", HERE / "pictures" / "learner.png")
        take(browser, reports.resolve() / "index.html", "", HERE / "pictures" / "class.png")
        browser.close()


def take(browser: Browser, file: Path, below: str, picture: Path) -> None:
    """A picture of a page's top, and under it of the part that begins at an element."""
    window = browser.new_page(viewport=SIZE, color_scheme="light")
    window.goto(file.as_uri())
    shots = [
        Image.open(
            io.BytesIO(window.screenshot(clip={"x": 0, "y": 0, **cut(below)}, full_page=True))
        )
    ]
    if below:
        top = window.eval_on_selector(below, "part => part.getBoundingClientRect().top")
        clip = {"x": 0, "y": top, "width": SIZE["width"], "height": 1230}
        shots.append(Image.open(io.BytesIO(window.screenshot(clip=clip, full_page=True))))
    whole = Image.new("RGB", (SIZE["width"], sum(shot.height for shot in shots)), "white")
    for number, shot in enumerate(shots):
        whole.paste(shot, (0, sum(above.height for above in shots[:number])))
    whole.quantize(128).save(picture, optimize=True)


def cut(below: str) -> dict[str, int]:
    """Width and height of the top."""
    return SIZE | {"height": 445 if below else 1980}


if __name__ == "__main__":
    main(Path(sys.argv[1]))
