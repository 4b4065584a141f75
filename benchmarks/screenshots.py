"""Make the pictures of the playground: a person makes a character and draws it, in headless Chromium.

    python benchmarks/screenshots.py                docs/playground-*.png, in about two minutes
    python benchmarks/screenshots.py --out FOLDER

It needs the `dev` extra and a Chromium (`apt-get install chromium`). The playground is a process of its own,
in a data folder of its own, with the real engine.
"""

import argparse
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Locator, Page, sync_playwright

ROOT = Path(__file__).resolve().parents[1]
WIDTH, HEIGHT = 1180, 760
LONGEST_MS = 60_000
DESCRIPTION = "a young woman with long wavy red hair, wearing a green dress"
SEED = "7"


@contextmanager
def playground(data: Path) -> Iterator[str]:
    """Serve the playground, and give the link of its page."""
    process = subprocess.Popen(  # noqa: S603  (our own interpreter)
        [sys.executable, "-m", "bot", "playground", "--no-browser", "--data", str(data)],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1"},
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        lines = iter(process.stdout or ())
        yield next(line.split()[-1] for line in lines if "the playground is at" in line)
    finally:
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=60)


class Visitor:
    """Mia, at the page."""

    def __init__(self, page: Page, out: Path) -> None:
        self._page, self._out = page, out

    def run(self, name: str, *words: str, **options: str) -> None:
        """Choose a command by typing it, and fill in what it asks."""
        self._page.get_by_label("Message", exact=True).fill(f"/{name} ")
        form = self._page.get_by_label(f"Command {name}")
        form.wait_for()
        for place, word in enumerate(words):
            form.get_by_role("combobox").nth(place).fill(word)
        for option, word in options.items():
            form.get_by_role("button", name=option, exact=True).click()
            form.get_by_role("combobox", name=option).fill(word)
        form.get_by_label("Run command").click()

    def press(self, label: str) -> None:
        """Press the newest button of that name."""
        self._page.get_by_role("button", name=label, exact=True).last.click()

    def card(self, words: str) -> Locator:
        """Wait for the newest card to say something."""
        found = self._page.locator(".part-container").last.filter(has_text=words)
        found.wait_for()
        return found

    def keep(self, name: str) -> None:
        """Keep what is to be seen."""
        self._page.wait_for_timeout(300)
        self._page.screenshot(path=self._out / f"playground-{name}.png", animations="disabled")


def visit(page: Page, out: Path) -> None:
    """Go through what the README shows."""
    mia = Visitor(page, out)
    mia.run("character create", "Nova", DESCRIPTION, seed=SEED)
    mia.card("Which")
    mia.keep("choice")
    mia.press("2")
    mia.card("Nova is ready")
    page.wait_for_timeout(1500)
    mia.keep("ready")
    mia.press("Draw")
    page.get_by_role("dialog").get_by_role("textbox").first.fill("laughing, on a beach")
    mia.keep("modal")
    page.keyboard.press("Escape")
    mia.run("imagine", "Nova", "surprised, in the snow", count="4")
    page.get_by_role("button", name="Again", exact=True).last.wait_for()
    page.wait_for_timeout(1500)
    mia.keep("picture")
    mia.run("character share", "Nova")
    page.wait_for_timeout(1500)
    mia.run("roster")
    page.wait_for_timeout(2500)
    mia.keep("roster")


def main() -> None:
    """Make the pictures."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--out", type=Path, default=ROOT / "docs")
    out = parser.parse_args().out
    out.mkdir(parents=True, exist_ok=True)
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    with (
        tempfile.TemporaryDirectory(prefix="synid-screenshots-") as folder,
        playground(Path(folder)) as link,
        sync_playwright() as driver,
    ):
        browser = driver.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        page = browser.new_page(
            viewport={"width": WIDTH, "height": HEIGHT}, color_scheme="dark", locale="en-GB"
        )
        page.set_default_timeout(LONGEST_MS)
        page.goto(link)
        page.get_by_role("heading", name="general", exact=True).wait_for()
        visit(page, out)
        browser.close()


if __name__ == "__main__":
    main()
