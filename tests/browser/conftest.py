import os
import shutil
from collections.abc import AsyncGenerator
from dataclasses import dataclass
from pathlib import Path

import pytest
from playwright.async_api import Browser, ConsoleMessage, Page, async_playwright

from bot.loopback.driver import LoopbackDiscord
from bot.playground.scene import Scene, furnish
from bot.playground.serve import playground

from .demo_bot import DemoBot

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
ARGUMENTS = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--disable-component-update",
    "--no-first-run",
)
PICTURES = Path(os.environ.get("PLAYGROUND_SCREENSHOTS", "out/playground"))


def is_trouble(said: ConsoleMessage) -> bool:
    """Tell whether the browser complains; a picture whose message is deleted while it loads is none."""
    return said.type == "error" and not said.text.startswith("Failed to load resource")


@dataclass
class Stage:
    """A page, open as Mia in #general, and the bot that she talks to."""

    discord: LoopbackDiscord
    scene: Scene
    bot: DemoBot
    link: str
    browser: Browser
    page: Page

    async def open(self, *, as_user: int | None = None, width: int = 1280, height: int = 800) -> Page:
        """Open the page once more, in a browser of its own."""
        context = await self.browser.new_context(
            viewport={"width": width, "height": height}, color_scheme="dark", locale="en-GB"
        )
        page = await context.new_page()
        page.set_default_timeout(30_000)
        await page.goto(f"{self.link}#/{as_user or self.scene.mia.id}/")
        await page.get_by_role("heading", name="general", exact=True).wait_for()
        return page

    async def write(self, words: str) -> None:
        """Fill the message box."""
        await self.page.get_by_label("Message", exact=True).fill(words)

    async def become(self, name: str) -> None:
        """Switch to another user."""
        await self.page.get_by_label("Switch user").click()
        await self.page.get_by_role("menuitemradio", name=name).click()
        await self.page.get_by_label(f"You are {name}").wait_for()

    async def theme(self, name: str) -> None:
        """Choose other colours."""
        await self.page.get_by_label("Switch user").click()
        await self.page.get_by_role("menuitemradio", name=name).click()

    async def command(self, name: str, *words: str, page: Page | None = None) -> None:
        """Choose a command by typing it, and fill in what it asks."""
        page = page or self.page
        await page.get_by_label("Message", exact=True).fill(f"/{name} ")
        form = page.get_by_label(f"Command {name}")
        await form.wait_for()
        for place, word in enumerate(words):
            await form.get_by_role("combobox").nth(place).fill(word)
        await form.get_by_label("Run command").click()

    async def picture(self, name: str, page: Page | None = None) -> None:
        """Keep what is to be seen."""
        await (page or self.page).screenshot(path=PICTURES / f"{name}.png", animations="disabled")


@pytest.fixture(scope="session", autouse=True)
def chromium() -> str:
    if CHROMIUM is None:
        pytest.skip("needs chromium: apt-get install chromium")
    PICTURES.mkdir(parents=True, exist_ok=True)
    return CHROMIUM


@pytest.fixture
async def stage(chromium: str) -> AsyncGenerator[Stage]:
    discord = LoopbackDiscord()
    scene = furnish(discord)
    async with playground(discord) as shown, async_playwright() as driver:
        bot = DemoBot(discord)
        await bot.run_beside()
        browser = await driver.chromium.launch(executable_path=chromium, args=list(ARGUMENTS))
        troubles: list[str] = []
        stage = Stage(discord, scene, bot, shown.link, browser, None)  # type: ignore[arg-type]
        stage.page = await stage.open()
        stage.page.on("pageerror", lambda error: troubles.append(str(error)))
        stage.page.on("console", lambda said: troubles.append(said.text) if is_trouble(said) else None)
        yield stage
        await browser.close()
        await bot.end()
    assert troubles == []
