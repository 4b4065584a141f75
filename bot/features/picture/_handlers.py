"""What the buttons and forms of pictures do: parse, submit, present."""

import discord

from bot import prose
from bot.buttons import Handler, Press, RowForm
from bot.chat_errors import NothingMadeError, NotYoursError
from bot.features.picture._outcome import details_text, outcome_card
from bot.follow import Follow
from bot.moderation import require_uncovering
from bot.place import begin, place_of
from bot.policy import LONGEST_PROMPT
from bot.requests import LARGEST_SEED
from bot.service.service import Service
from bot.service.wishes import DrawWish
from bot.tongue import mark, say
from bot.uploads import all_fitted
from synid_engine.errors import InvalidSettingError
from synid_engine.serving.messages import CreateWork, RenderWork

_SEED_LENGTH = len(str(LARGEST_SEED))


class PictureHandlers:
    """Buttons and forms about a job."""

    def __init__(self, service: Service, follow: Follow) -> None:
        self._service = service
        self._follow = follow

    def presses(self) -> dict[str, Handler]:
        """Return what each button does."""
        return {
            "job:again": self.again,
            "job:vary": self.vary,
            "job:edit": self.ask_prompt,
            "job:draw": self.ask_prompt,
            "job:details": self.details,
            "job:spoiler": self.spoiler,
            "job:share": self.share,
            "job:delete": self.delete,
            "job:pick": self.pick,
            "job:cancel": self.cancel,
        }

    def forms(self) -> dict[str, Handler]:
        """Return what each form does."""
        return {"job:edit": self.edit}

    async def again(self, interaction: discord.Interaction, press: Press) -> None:
        """Draw it with other seeds."""
        place = await begin(interaction)
        self._follow(await self._service.jobs.again(place, press.row))

    async def vary(self, interaction: discord.Interaction, press: Press) -> None:
        """Draw it with other details."""
        place = await begin(interaction)
        self._follow(await self._service.jobs.vary(place, press.row))

    async def ask_prompt(self, interaction: discord.Interaction, press: Press) -> None:
        """Open the form for another prompt."""
        work = (await self._service.jobs.get(press.row)).work
        drawn = isinstance(work, RenderWork)
        form = RowForm("job", press.row, "edit", title=say("What to draw"), nonce=interaction.id)
        form.ask(
            "prompt",
            say("Prompt"),
            default=work.prompt if drawn else "",
            longest=LONGEST_PROMPT,
            needed=True,
            lines=True,
        )
        form.ask(
            "seed", say("Seed"), default=str(work.seed) if drawn else "", longest=_SEED_LENGTH, needed=False
        )
        await interaction.response.send_modal(form)

    async def edit(self, interaction: discord.Interaction, press: Press) -> None:
        """Draw it by another prompt."""
        place = await begin(interaction)
        prompt, seed = press.field("prompt"), seed_of(press.field("seed"))
        job = await self._service.jobs.get(press.row)
        if isinstance(job.work, CreateWork):
            wish = DrawWish(character=f"#{job.work.character_id}", prompt=prompt, seed=seed)
            self._follow(await self._service.jobs.draw(place, wish))
        else:
            self._follow(await self._service.jobs.edit(place, press.row, prompt=prompt, seed=seed))

    async def details(self, interaction: discord.Interaction, press: Press) -> None:
        """Tell everything about it."""
        await begin(interaction, hidden=True)
        view = await self._service.jobs.view(await self._service.jobs.get(press.row))
        await interaction.edit_original_response(content=details_text(view))

    async def spoiler(self, interaction: discord.Interaction, press: Press) -> None:
        """Cover the pictures, or uncover them."""
        await interaction.response.defer()
        place = place_of(interaction)
        job = await self._service.jobs.get(press.row)
        is_moderated = place.is_moderator and job.server_id is not None and job.server_id == place.server_id
        if job.owner_id != place.owner_id and not is_moderated:
            raise NotYoursError(what=mark("covering these pictures"))
        view = await self._service.jobs.view(job)
        if view.is_covered:
            rules = await self._service.rules.of(place.server_id)
            require_uncovering(server_covers=rules.covers, is_age_restricted=place.is_age_restricted)
        pictures = await self._service.pictures.shown(job)
        await self._service.chats.mark_spoiler(job, is_spoiler=not view.is_covered)
        files = all_fitted(f"job-{job.id}", pictures, limit=place.upload_limit)
        card = outcome_card(await self._service.jobs.view(job), files)
        await interaction.edit_original_response(view=card.view, attachments=card.as_files())

    async def share(self, interaction: discord.Interaction, press: Press) -> None:
        """Put the character into the server's roster."""
        place = await begin(interaction, hidden=True)
        work = (await self._service.jobs.get(press.row)).work
        ids = (work.character_id,) if isinstance(work, CreateWork) else work.character_ids
        if len(ids) != 1:
            raise NothingMadeError(job_id=press.row)
        view = await self._service.characters.share_number(place, ids[0])
        await interaction.edit_original_response(content=shared_text(view.name))

    async def delete(self, interaction: discord.Interaction, press: Press) -> None:
        """Take the pictures away."""
        await interaction.response.defer()
        job = await self._service.jobs.get(press.row)
        await self._service.pictures.delete(place_of(interaction), job)
        await interaction.delete_original_response()

    async def pick(self, interaction: discord.Interaction, press: Press) -> None:
        """Choose the portrait; the card that follows the job shows it."""
        await interaction.response.defer()
        fence, choice = press.rest
        await self._service.jobs.answer(interaction.user.id, press.row, choice, fence=fence)

    async def cancel(self, interaction: discord.Interaction, press: Press) -> None:
        """End the job; the card that follows it shows it."""
        await interaction.response.defer()
        await self._service.jobs.cancel(place_of(interaction), press.row)


def seed_of(text: str) -> int | None:
    """Return a seed that somebody typed; None if nothing is there.

    Raises:
        InvalidSettingError: It is no seed.
    """
    cleaned = text.strip()
    if not cleaned:
        return None
    if not (cleaned.isascii() and cleaned.isdecimal()) or int(cleaned) > LARGEST_SEED:
        raise InvalidSettingError(
            field="seed", value=cleaned, allowed=say("a number from 0 to {most}", most=LARGEST_SEED)
        )
    return int(cleaned)


def shared_text(name: str) -> str:
    """Return what is said when a character was shared."""
    return say("{name} is in this server's roster now: everyone here may draw it.", name=prose.shown(name))
