"""What the buttons about a character do."""

import discord

from bot.buttons import Handler, Press, RowForm
from bot.features.character import _present
from bot.follow import Follow
from bot.place import begin, place_of
from bot.policy import LONGEST_PROMPT
from bot.service.service import Service
from bot.service.wishes import DrawWish
from bot.tongue import say


class CharacterHandlers:
    """Buttons and forms about a character."""

    def __init__(self, service: Service, follow: Follow) -> None:
        self._service = service
        self._follow = follow

    def presses(self) -> dict[str, Handler]:
        """Return what each button does."""
        return {
            "character:delete": self.delete,
            "character:keep": self.keep,
            "character:draw": self.ask_prompt,
        }

    def forms(self) -> dict[str, Handler]:
        """Return what each form does."""
        return {"character:draw": self.draw}

    async def delete(self, interaction: discord.Interaction, press: Press) -> None:
        """Delete a character, after all."""
        await interaction.response.defer()
        name = await self._service.characters.delete(place_of(interaction), press.row)
        await interaction.edit_original_response(view=_present.deleted_card(name).view)

    async def keep(self, interaction: discord.Interaction, press: Press) -> None:
        """Delete nothing."""
        del press
        await interaction.response.edit_message(view=_present.kept_card().view)

    async def ask_prompt(self, interaction: discord.Interaction, press: Press) -> None:
        """Open the form for a prompt."""
        form = RowForm("character", press.row, "draw", title=say("What to draw"), nonce=interaction.id)
        form.ask("prompt", say("Prompt"), longest=LONGEST_PROMPT, needed=True, lines=True)
        await interaction.response.send_modal(form)

    async def draw(self, interaction: discord.Interaction, press: Press) -> None:
        """Draw a character."""
        place = await begin(interaction)
        wish = DrawWish(character=f"#{press.row}", prompt=press.field("prompt"))
        self._follow(await self._service.jobs.draw(place, wish))
