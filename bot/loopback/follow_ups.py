"""What an interaction's token allows for fifteen minutes: the original answer, follow-ups, edits.

Source: discord-api-docs, interactions/receiving-and-responding, "Followup Messages".
"""

from bot.loopback.answers import is_hidden
from bot.loopback.form import Json
from bot.loopback.interactions import OF_THE_GUILD, metadata
from bot.loopback.message_rules import LOADING
from bot.loopback.messages import PLAIN, Draft, create_message, edit_message
from bot.loopback.models import Interaction, Message, Progress, Upload
from bot.loopback.refusals import refusal
from bot.loopback.world import World

ORIGINAL = "@original"


def interaction_by_token(world: World, application_id: int, token: str) -> Interaction:
    """Find an interaction by what authorises its webhook.

    Raises:
        RefusalError: 50027 for a token that is wrong or over; 10015 before the first answer.
    """
    if application_id != world.bot_id:
        raise refusal("unknown webhook")
    found = world.interactions_by_token.get(token)
    if found is None or world.clock.now() > found.created_at + world.config.token_life_s:
        raise refusal("invalid webhook token")
    if found.progress != Progress.ACKNOWLEDGED:
        raise refusal("unknown webhook")
    return found


def find_message(world: World, interaction: Interaction, name: str) -> Message:
    """Find the original answer or a follow-up.

    Raises:
        RefusalError: 10008 where there is none, or it is not this interaction's.
    """
    message_id = interaction.original_id if name == ORIGINAL else int(name)
    own = {interaction.original_id, *interaction.follow_up_ids}
    if message_id is None or message_id not in own:
        raise refusal("unknown message")
    return world.message(interaction.channel_id, message_id)


def follow_up(world: World, interaction: Interaction, body: Json, uploads: tuple[Upload, ...]) -> Message:
    """Write a follow-up; the first one after an answer that was put off fills that answer.

    Raises:
        RefusalError: 40094 after five where only the user has installed the app.
    """
    original = world.messages.get(interaction.channel_id, {}).get(interaction.original_id or 0)
    if original is not None and original.flags & LOADING:
        return edit_message(world, original, body, uploads)
    stranger = OF_THE_GUILD not in interaction.owners
    if stranger and len(interaction.follow_up_ids) >= world.config.follow_ups_of_a_stranger:
        raise refusal("too many follow-ups")
    told = metadata(world, interaction)
    if interaction.original_id is not None:
        told["original_response_message_id"] = str(interaction.original_id)
    draft = Draft(
        author_id=world.bot_id,
        body=body,
        uploads=uploads,
        kind=PLAIN,
        interaction=told,
        ephemeral_to=interaction.user_id if is_hidden(world, interaction, body) else None,
        by_webhook=True,
        reply_to=interaction.original_id,
    )
    message = create_message(world, world.channel(interaction.channel_id), draft)
    interaction.follow_up_ids.append(message.id)
    return message
