from playwright.async_api import expect

from .conftest import Stage


async def test_person_draws_a_character_and_watches(stage: Stage) -> None:
    page = stage.page
    await page.get_by_label("Message", exact=True).fill("Good morning, **everybody**!")
    await page.keyboard.press("Enter")
    await expect(page.locator("article strong", has_text="everybody")).to_be_visible()
    await stage.command("imagine", "Mira Vale", "smiling on a beach at sunset")
    await expect(page.locator(".gallery img")).to_have_count(4)
    await stage.picture("conversation-dark")
