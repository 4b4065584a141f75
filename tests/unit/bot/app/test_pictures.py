"""Pictures from the command to the card, and every button on them."""

import pytest

from bot.loopback.message_rules import VERSION_TWO
from bot.loopback.models import Message
from bot.words import AnyWords
from synid_engine.serving.messages import JobState, RenderWork
from synid_engine.synid.repertoire import Repertoire, Shape

from .house import Studio, gallery, labels, text


async def drawn(place: Studio, **options: object) -> Message:
    """Have Nova made and drawn."""
    await place.made(place.mia)
    return await drawn_again(place, **options)


async def drawn_again(place: Studio, **options: object) -> Message:
    given = {"character": "nova", "prompt": "smiling", **options}
    card = await place.card(place.mia.slash(place.channel, "imagine", given), "### Nova\n")
    await place.until(JobState.DELIVERED)
    return card


async def test_character_is_made(place: Studio) -> None:
    card = await place.made(place.mia, description="red hair, a flux capacitor")
    assert "Identity: very steady (0.90)" in text(card)
    assert "*flux*" in text(card)
    assert labels(card) == ["Draw", "Details", "Share character"]
    assert [one["description"] for one in gallery(card)] == ["Nova: red hair, a flux capacitor"]


async def test_pictures_are_a_gallery_with_alternative_texts(place: Studio) -> None:
    card = await drawn(place, count=2)
    assert card.flags & VERSION_TWO
    said = [one["description"] for one in gallery(card)]
    assert said == ["Nova: smiling (1/2)", "Nova: smiling (2/2)"]
    assert len(card.attachments) == 2
    assert all(one.data.startswith(b"\x89PNG") for one in card.attachments)
    assert {"Again", "Vary", "Edit prompt", "Details", "Spoiler", "Delete"} <= set(labels(card))


async def test_options_reach_the_engine(place: Studio) -> None:
    options = {"seed": 5, "negative": "hat", "style": "toon", "strength": 0.5, "spoiler": True}
    card = await drawn(place, **options)
    work = (await place.job()).work
    assert isinstance(work, RenderWork)
    assert (work.seed, work.negative_prompt, work.styles, work.identity_scale) == (5, "hat", ("toon",), 0.5)
    assert all(one["spoiler"] for one in gallery(card))


async def test_again_draws_with_another_seed(place: Studio) -> None:
    card = await drawn(place)
    before = (await place.job()).work
    again = place.mia.click(card, label="Again")
    await place.card(again, "### Nova\n")
    after = (await place.job()).work
    assert isinstance(before, RenderWork)
    assert isinstance(after, RenderWork)
    assert (after.prompt, after.character_ids) == (before.prompt, before.character_ids)
    assert after.seed != before.seed


async def test_variation_keeps_the_seed_and_changes_the_guidance(place: Studio) -> None:
    card = await drawn(place)
    seen: list[tuple[int, float]] = []
    for _ in range(3):
        card = await place.card(place.mia.click(card, label="Vary"), "### Nova\n")
        work = (await place.job()).work
        assert isinstance(work, RenderWork)
        seen.append((work.seed, work.guidance_scale))
    assert len({seed for seed, _ in seen}) == 1
    assert [guidance for _, guidance in seen] == [3.5, 7.0, 5.0]


async def test_prompt_is_edited_in_a_form_that_outlives_a_restart(place: Studio) -> None:
    card = await drawn(place)
    opened = place.mia.click(card, label="Edit prompt")
    form = await opened.dialog()
    assert form["components"][0]["component"]["value"] == "smiling"
    await place.restart()
    sent = place.mia.submit(opened, {"prompt": "crying", "seed": "11"})
    await place.card(sent, "### Nova\ncrying")
    work = (await place.job()).work
    assert (work.seed, getattr(work, "prompt", "")) == (11, "crying")


@pytest.mark.parametrize("seed", ["-1", "x", "9" * 19, "٣"])
async def test_seed_that_is_none_is_refused(place: Studio, seed: str) -> None:
    card = await drawn(place)
    opened = place.mia.click(card, label="Edit prompt")
    await opened.dialog()
    await place.refused(place.mia.submit(opened, {"prompt": "crying", "seed": seed}), "cannot be")


async def test_character_card_draws(place: Studio) -> None:
    card = await place.made(place.mia)
    opened = place.mia.click(card, label="Draw")
    await opened.dialog()
    await place.card(place.mia.submit(opened, {"prompt": "on a beach"}), "### Nova\non a beach")


async def test_details_are_for_whoever_asks(place: Studio) -> None:
    card = await drawn(place, seed=77)
    reply = await place.noah.click(card, label="Details").reply()
    assert "Seeds: 77" in reply.content
    assert "Description: red hair" in reply.content
    assert reply.ephemeral_to == place.noah.user.id


async def test_spoiler_covers_and_uncovers_for_the_owner_alone(place: Studio) -> None:
    card = await drawn(place)
    await place.refused(place.noah.click(card, label="Spoiler"), "Only its owner")
    pressed = place.mia.click(card, label="Spoiler")
    await pressed.until(lambda: all(one.get("spoiler") for one in gallery(card)))
    uncovered = place.mia.click(card, label="Uncover")
    await uncovered.until(lambda: not any(one.get("spoiler") for one in gallery(card)))


async def test_shared_character_is_drawn_by_others(place: Studio) -> None:
    card = await drawn(place)
    await place.refused(place.noah.click(card, label="Again"), "no character")
    reply = await place.mia.click(card, label="Share character").reply()
    assert "roster" in reply.content
    await place.card(place.noah.click(card, label="Again"), "### Nova\n")
    assert (await place.job()).owner_id == place.noah.user.id
    await place.refused(place.noah.click(card, label="Share character"), "Only its owner")


async def test_pictures_are_deleted_by_their_owner(place: Studio) -> None:
    card = await drawn(place)
    await place.refused(place.noah.click(card, label="Delete"), "Only its owner")
    place.mia.click(card, label="Delete")
    await place.loopback.until(lambda: card not in place.loopback.messages(place.channel))
    assert await place.bot.opened.stores.images.of_job((await place.job()).id) == []


async def test_pictures_are_deleted_by_moderators(place: Studio) -> None:
    card = await drawn(place)
    role = place.loopback.scenery.add_role(place.guild, "moderators", 1 << 13)
    place.loopback.scenery.give_role(place.guild, place.noah.user.id, role)
    place.noah.click(card, label="Delete")
    await place.loopback.until(lambda: card not in place.loopback.messages(place.channel))


async def test_buttons_survive_a_restart(place: Studio) -> None:
    card = await drawn(place)
    await place.restart()
    await place.card(place.mia.click(card, label="Again"), "### Nova\n")
    reply = await place.mia.click(card, label="Details").reply()
    assert "Prompt: smiling" in reply.content


async def test_menus_act_on_the_message(place: Studio) -> None:
    card = await drawn(place)
    reply = await place.noah.menu(place.channel, "Details of this picture", card).reply()
    assert "Prompt: smiling" in reply.content
    await place.card(place.mia.menu(place.channel, "Draw this again", card), "### Nova\n")
    foreign = place.noah.send(place.channel, "hello")
    await place.refused(place.noah.menu(place.channel, "Draw this again", foreign), "none of the bot's")


async def test_words_of_users_mention_nobody(place: Studio) -> None:
    await place.made(place.mia)
    prompt = f"smiling @everyone <@{place.noah.user.id}> **bold**"
    asked = place.mia.slash(place.channel, "imagine", {"character": "Nova", "prompt": prompt})
    card = await place.card(asked, "### Nova\n")
    await place.until(JobState.DELIVERED)
    assert (card.mentioned_user_ids, card.mentions_everyone) == ([], False)
    assert "**bold**" not in text(card).replace("\\*", "")


def options(place: Studio) -> set[str]:
    """Return what Discord shows of `/imagine`."""
    commands = {one.name: one.body for one in place.mia.commands(place.channel)}
    return {one["name"] for one in commands["imagine"]["options"]}


async def wished(place: Studio) -> tuple[str, str]:
    """Return the pose and the shape of the newest job."""
    work = (await place.job()).work
    assert isinstance(work, RenderWork)
    return work.pose, work.shape


async def test_poses_are_offered_while_the_engine_is_down(closed: Studio) -> None:
    await closed.open(ready=False)
    assert "pose" in options(closed)
    offered = await closed.mia.autocomplete(closed.channel, "imagine", "pose", "LEFT").choices()
    assert [one["value"] for one in offered] == ["head tilted left"]
    jan = closed.loopback.scenery.add_user("jan", locale="de")
    closed.loopback.scenery.join(closed.guild, jan)
    german = closed.loopback.as_user(jan)
    offered = await german.autocomplete(closed.channel, "imagine", "pose", "nahauf").choices()
    assert [(one["name"], one["value"]) for one in offered] == [("Nahaufnahme", "close-up")]


async def test_one_shape_alone_is_no_choice(place: Studio) -> None:
    assert "shape" not in options(place)


async def test_what_the_model_does_not_declare_is_not_shown(closed: Studio) -> None:
    await closed.open(words=AnyWords())
    assert not {"pose", "shape"} & options(closed)
    assert "style" in options(closed)
    await drawn(closed)
    assert await wished(closed) == ("", "")


async def test_shapes_are_offered_where_there_are_several(closed: Studio) -> None:
    shapes = (Shape(name="square", width=512, height=512), Shape(name="portrait", width=512, height=768))
    await closed.open(words=AnyWords(Repertoire(shapes=shapes)))
    assert "pose" not in options(closed)
    offered = await closed.mia.autocomplete(closed.channel, "imagine", "shape", "").choices()
    assert [one["value"] for one in offered] == ["square", "portrait"]
    card = await drawn(closed, shape="portrait")
    assert await wished(closed) == ("", "portrait")
    assert "Shape: portrait" in (await closed.mia.click(card, label="Details").reply()).content


async def test_pose_stays_with_the_picture(place: Studio) -> None:
    card = await drawn(place, pose="close-up", prompt="smiling, wide shot")
    assert await wished(place) == ("close-up", "")
    assert "*wide shot*" in text(card), "the pose wins, and the card says so"
    assert gallery(card)[0]["description"] == "Nova: close-up, smiling, wide shot"
    reply = await place.mia.click(card, label="Details").reply()
    assert "Pose: close-up" in reply.content
    for label in ("Again", "Vary"):
        card = await place.card(place.mia.click(card, label=label), "### Nova\n")
        assert await wished(place) == ("close-up", "")
    opened = place.mia.click(card, label="Edit prompt")
    form = await opened.dialog()
    assert form["components"][0]["component"]["value"] == "smiling, wide shot"
    await place.card(place.mia.submit(opened, {"prompt": "crying", "seed": ""}), "### Nova\ncrying")
    assert await wished(place) == ("close-up", "")


async def test_undeclared_pose_is_refused_before_it_is_queued(place: Studio) -> None:
    await place.made(place.mia)
    before = (await place.job()).id
    asked = {"character": "Nova", "prompt": "smiling", "pose": "handstand"}
    said = "Pose: the base model has no handstand; it has looking straight ahead, head tilted left"
    await place.refused(place.mia.slash(place.channel, "imagine", asked), said)
    assert (await place.job()).id == before


async def test_pose_of_another_model_is_refused(place: Studio) -> None:
    card = await drawn(place, pose="close-up")
    await place.close()
    await place.open(words=AnyWords())
    await place.refused(place.mia.click(card, label="Again"), "Pose: the base model leaves no choice")
