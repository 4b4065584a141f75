import asyncio
import re

from playwright.async_api import expect

from bot.loopback.options import LocalFile
from bot.loopback.permissions import VIEW_CHANNEL

from .conftest import Stage
from .demo_bot import portrait

PHONE = {"width": 390, "height": 844}


async def test_person_writes_and_others_read_it_at_once(stage: Stage) -> None:
    noah = await stage.open(as_user=stage.scene.noah.id)
    await stage.write("Good morning, **everybody**! <b>no</b> https://example.com/a @noah!")
    await stage.page.keyboard.press("Enter")
    for page in (stage.page, noah):
        await expect(page.locator("article strong", has_text="everybody")).to_be_visible()
        await expect(page.locator("article", has_text="<b>no</b>")).to_be_visible()
        link = page.locator("article a", has_text="https://example.com/a")
        await expect(link).to_have_attribute("rel", re.compile("noopener"))
    await expect(noah.locator(".message.is-ping .mention")).to_have_text("@Noah")


async def test_nothing_that_is_written_becomes_part_of_the_page(stage: Stage) -> None:
    evil = (
        "<img src=x onerror=alert(1)> [click](javascript:alert(1)) **<script>alert(1)</script>** "
        '`<svg onload=alert(1)>` ||<iframe src="//evil">|| https://x.example/"onmouseover="alert(1)'
    )
    person = stage.discord.as_user(stage.scene.noah)
    person.send(stage.scene.general, evil, files=[LocalFile('"><img src=x onerror=alert(1)>.txt', b"x")])
    article = stage.page.locator("article", has_text="onerror=alert(1)").first
    await expect(article).to_be_visible()
    assert await article.locator("img, script, iframe, svg:not(.icon)").count() == 0
    links = await article.locator("a").evaluate_all("all => all.map(one => one.protocol)")
    assert set(links) <= {"http:", "https:"}
    names = await article.evaluate(
        "all => [...all.querySelectorAll('*')].flatMap(one => one.getAttributeNames())"
        ".filter(name => name.startsWith('on'))"
    )
    assert names == []


async def test_character_is_drawn_while_one_watches(stage: Stage) -> None:
    stage.bot.gate = asyncio.Semaphore(0)
    await stage.write("Good morning! Let us draw somebody.")
    await stage.page.keyboard.press("Enter")
    await stage.command("imagine", "Mira Vale", "smiling on a beach at sunset")
    await expect(stage.page.get_by_text("is thinking…")).to_be_visible()
    stage.bot.gate.release()
    await expect(stage.page.get_by_text("Step 1 of 5")).to_be_visible()
    await expect(stage.page.locator(".part-thumbnail img")).to_be_visible()
    stage.bot.gate.release()
    await expect(stage.page.get_by_text("Step 2 of 5")).to_be_visible()
    await stage.picture("progress-dark")
    for _ in range(4):
        stage.bot.gate.release()
    gallery = stage.page.locator(".gallery img")
    await expect(gallery).to_have_count(4)
    alts = await gallery.evaluate_all("all => all.map(one => one.alt)")
    assert alts == [f"Mira Vale, picture {number}" for number in (1, 2, 3, 4)]
    assert await stage.page.locator("article").count() == 2
    await stage.picture("conversation-dark")
    await stage.theme("Light")
    await stage.picture("conversation-light")


async def test_answer_grows_without_moving_what_is_above(stage: Stage) -> None:
    stage.bot.gate = asyncio.Semaphore(0)
    await stage.command("imagine", "Mira Vale", "smiling")
    stage.bot.gate.release()
    head = stage.page.locator("article .above").last
    await expect(stage.page.get_by_text("Step 1 of 5")).to_be_visible()
    picture = await stage.page.locator(".part-thumbnail img").element_handle()
    assert picture is not None
    card = stage.page.locator(".part-container")
    before, place = await card.bounding_box(), await head.bounding_box()
    stage.bot.gate.release()
    await expect(stage.page.get_by_text("Step 2 of 5")).to_be_visible()
    assert await card.bounding_box() == before
    assert await head.bounding_box() == place


async def test_picker_offers_commands_and_their_options(stage: Stage) -> None:
    page = stage.page
    await stage.write("/")
    options = page.locator(".dock-item")
    await expect(options).to_have_count(7)
    await stage.picture("picker-dark")
    await page.keyboard.press("ArrowDown")
    await stage.write("/char")
    await expect(options).to_have_count(2)
    await stage.write("/ima")
    await page.keyboard.press("Enter")
    form = page.get_by_label("Command imagine")
    character = form.get_by_role("combobox", name="character")
    await expect(character).to_be_focused()
    await expect(options).to_have_count(5)
    await page.keyboard.type("nov")
    await expect(options).to_have_count(1)
    await page.keyboard.press("Enter")
    await expect(character).to_have_value("Nova Reed")
    await expect(form.get_by_role("combobox", name="prompt")).to_be_focused()
    await page.keyboard.type("reading")
    await form.get_by_role("button", name="count").click()
    await expect(form.get_by_role("combobox", name="count")).to_be_focused()
    await page.keyboard.type("9")
    await form.get_by_label("Run command").click()
    await expect(form.get_by_role("alert")).to_have_text("count: At most 4")
    await form.get_by_role("combobox", name="count").fill("2")
    await form.get_by_role("button", name="style").click()
    await expect(options).to_have_count(3)
    await stage.picture("options-dark")
    await page.keyboard.press("Enter")
    await form.get_by_role("button", name="spoiler").click()
    await page.keyboard.type("tr")
    await page.keyboard.press("Enter")
    await form.get_by_role("button", name="friend").click()
    await page.keyboard.type("noa")
    await page.keyboard.press("Enter")
    await form.get_by_role("button", name="channel").click()
    await page.keyboard.type("gal")
    await page.keyboard.press("Enter")
    await form.get_by_role("button", name="reference").click()
    file = {"name": "me.png", "mimeType": "image/png", "buffer": portrait(1, 64).fp.read()}
    await form.get_by_label("reference", exact=True).set_input_files(file)  # type: ignore[arg-type]
    await form.get_by_label("Run command").click()
    await expect(page.locator(".gallery .frame")).to_have_count(2)
    await expect(page.locator(".part-container")).to_contain_text("reading, Ink")
    asked = next(
        one.data for one in reversed(stage.discord.world.interactions.values()) if one.data.get("options")
    )
    names = {option["name"] for option in asked["options"]}
    assert names == {"character", "prompt", "count", "style", "spoiler", "friend", "channel", "reference"}


async def test_buttons_selects_and_spoilers_work(stage: Stage) -> None:
    page = stage.page
    await stage.command("imagine", "Mira Vale", "smiling")
    card = page.locator(".part-container")
    await card.get_by_role("button", name="Details").click()
    await expect(page.get_by_text("Only you can see this")).to_be_visible()
    await page.get_by_role("button", name="Dismiss message").click()
    await expect(page.get_by_text("Only you can see this")).to_have_count(0)
    await card.get_by_role("button", name="Draw it in another style").click()
    await page.get_by_role("option", name="Oil").click()
    await expect(page.locator("article", has_text="In oil then.")).to_be_visible()
    await card.get_by_role("button", name="Again").click()
    answer = page.locator("article", has_text="Once more")
    await expect(answer.locator("img")).to_be_visible()
    await answer.get_by_role("button", name="Open picture").click()
    await expect(page.get_by_role("dialog", name="Picture")).to_be_visible()
    await page.keyboard.press("Escape")
    await card.get_by_role("button", name="Delete").click()
    await expect(card).to_have_count(0)
    assert stage.bot.pressed == ["details", "restyle", "again", "delete"]


async def test_dialog_with_words_choices_and_files_is_sent(stage: Stage) -> None:
    page = stage.page
    await stage.command("imagine", "Mira Vale", "smiling")
    await page.get_by_role("button", name="Edit prompt").click()
    dialog = page.get_by_role("dialog", name="Edit the prompt")
    await expect(dialog.get_by_label("Prompt")).to_be_focused()
    await dialog.get_by_role("button", name="Submit").click()
    await expect(dialog.get_by_text("Choose one.")).to_be_visible()
    await dialog.get_by_label("Art style").click()
    await page.get_by_role("option", name="Pixel").click()
    await expect(dialog.get_by_text("Choose one.")).to_have_count(0)
    await dialog.get_by_label("Show it to").click()
    await page.get_by_role("option", name="Noah").click()
    await dialog.get_by_label("Sketch").set_input_files(
        {"name": "sketch.txt", "mimeType": "text/plain", "buffer": b"x"}
    )
    await dialog.get_by_label("Prompt").fill("on a bicycle")
    await stage.picture("modal-dark")
    await dialog.get_by_role("button", name="Submit").click()
    await expect(dialog).to_have_count(0)
    await expect(page.locator("article").last).to_contain_text("Pixel: on a bicycle (1 sketches)")


async def test_dialog_with_boxes_is_sent_by_keyboard(stage: Stage) -> None:
    page = stage.page
    await stage.command("classic")
    await expect(page.locator(".embed")).to_be_visible()
    await stage.picture("embed-dark")
    await page.get_by_role("button", name="Answer questions").click()
    dialog = page.get_by_role("dialog", name="A few questions")
    await dialog.get_by_label("Large").check(force=True)
    await dialog.get_by_label("Name tag").check(force=True)
    await dialog.get_by_label("Are you sure?").check(force=True)
    await dialog.get_by_role("textbox", name="Name").fill("M")
    await page.keyboard.press("Enter")
    await expect(dialog.get_by_text("At least 2 characters.")).to_be_visible()
    await dialog.get_by_role("textbox", name="Name").fill("Mo")
    await stage.picture("questions-dark")
    await page.keyboard.press("Enter")
    await expect(page.locator("article").last).to_contain_text("Mo: large, tag, sure")


async def test_person_is_chosen_from_a_select(stage: Stage) -> None:
    await stage.command("classic")
    await expect(stage.page.get_by_role("button", name="Not yet")).to_be_disabled()
    await expect(stage.page.get_by_role("link", name="Read more")).to_have_attribute(
        "href", "https://example.com/"
    )
    await stage.page.get_by_role("button", name="Greet somebody").click()
    await stage.page.get_by_role("option", name="Lin").click()
    await expect(stage.page.locator("article").last).to_contain_text("Hello @Lin")


async def test_command_that_is_never_answered_says_so(stage: Stage) -> None:
    await stage.command("silence")
    await expect(stage.page.get_by_text("Sending command…")).to_be_visible()
    await expect(stage.page.get_by_text("The app did not respond.")).to_be_visible()
    await stage.page.get_by_role("button", name="Dismiss").click()
    await expect(stage.page.get_by_text("The app did not respond.")).to_have_count(0)


async def test_context_menus_hold_the_commands_of_the_bot(stage: Stage) -> None:
    page = stage.page
    stage.discord.as_user(stage.scene.noah).send(stage.scene.general, "look at this")
    message = page.locator("article", has_text="look at this")
    await message.click(button="right")
    await stage.picture("menu-dark")
    await page.get_by_role("menuitem", name="Details of this picture").click()
    await expect(page.locator("article", has_text="Written by noah.")).to_be_visible()
    await page.get_by_role("complementary").get_by_role("button", name="Lin").click()
    await page.get_by_role("menuitem", name="Greet").click()
    await expect(page.locator("article", has_text="Hello @Lin!")).to_be_visible()


async def test_user_is_switched_and_sees_what_is_theirs(stage: Stage) -> None:
    page = stage.page
    await stage.command("whisper")
    await expect(page.locator("article", has_text="between us")).to_be_visible()
    await expect(page.get_by_role("button", name="after-dark")).to_be_visible()
    await stage.become("Lin")
    await expect(page.get_by_role("button", name="after-dark")).to_have_count(0)
    await expect(page.locator("article", has_text="between us")).to_have_count(0)
    await stage.become("Mia")
    await expect(page.locator("article", has_text="between us")).to_be_visible()


async def test_direct_message_of_the_bot_is_announced_and_read(stage: Stage) -> None:
    page = stage.page
    await stage.command("write")
    await expect(page.locator(".server.is-home.is-unread")).to_be_visible()
    await page.get_by_role("button", name="Direct messages").click()
    await expect(page.get_by_role("heading", level=1, name="SynID")).to_be_visible()
    article = page.locator("article", has_text="Hello from the bot.")
    await article.get_by_role("button", name="Show spoiler").click()
    await expect(article.locator(".frame img")).to_be_visible()
    await stage.command("whisper")
    await expect(page.locator("article", has_text="between us")).to_be_visible()


async def test_channel_that_is_closed_goes_away(stage: Stage) -> None:
    noah = await stage.open(as_user=stage.scene.noah.id)
    await noah.get_by_role("button", name="gallery").click()
    await expect(noah.get_by_role("heading", level=1, name="gallery")).to_be_visible()
    stage.discord.scenery.overwrite(stage.scene.gallery, stage.scene.noah, deny=VIEW_CHANNEL)
    await expect(noah.get_by_role("heading", level=1, name="general")).to_be_visible()
    await expect(noah.get_by_role("button", name="gallery")).to_have_count(0)


async def test_older_messages_come_when_one_scrolls_up(stage: Stage) -> None:
    person = stage.discord.as_user(stage.scene.noah)
    for number in range(120):
        person.send(stage.scene.general, f"message number {number}")
    page = await stage.open()
    await expect(page.get_by_text("message number 119", exact=True)).to_be_in_viewport()
    for _ in range(3):
        await page.locator("#timeline").evaluate("box => { box.scrollTop = 0; }")
        await page.wait_for_load_state("networkidle")
    await page.locator("#timeline").evaluate("box => { box.scrollTop = 0; }")
    await expect(page.get_by_text("message number 0", exact=True)).to_be_visible()
    assert await page.locator("article").count() == 120


async def test_page_works_on_a_phone(stage: Stage) -> None:
    page = await stage.open(**PHONE)
    await stage.command("imagine", "Mira Vale", "smiling on a beach at sunset", page=page)
    await expect(page.locator(".gallery img")).to_have_count(4)
    await stage.picture("conversation-phone", page)
    await page.get_by_role("button", name="Edit prompt").click()
    await stage.picture("modal-phone", page)
    await page.keyboard.press("Escape")
    await page.get_by_label("Message", exact=True).fill("/")
    await expect(page.locator(".dock-item")).to_have_count(7)
    await stage.picture("picker-phone", page)
    await page.locator(".dock-item", has_text="/imagine").click()
    await expect(page.locator(".dock-item")).to_have_count(5)
    await stage.picture("options-phone", page)
    await page.get_by_label("Leave the command").click()
    await page.get_by_role("button", name="Show channels").click()
    await expect(page.get_by_role("button", name="gallery")).to_be_in_viewport()
    await stage.picture("channels-phone", page)
    await page.get_by_role("button", name="gallery").click()
    await expect(page.get_by_role("heading", level=1, name="gallery")).to_be_visible()
    width = await page.evaluate("document.documentElement.scrollWidth")
    assert width == PHONE["width"]
