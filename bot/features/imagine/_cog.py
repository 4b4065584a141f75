"""`/imagine`: parse, submit, present."""

import discord
from discord import app_commands
from discord.ext import commands

from bot.brought import MOST_PICTURE_BYTES
from bot.downloads import downloaded
from bot.follow import Follow
from bot.offers import Choices, Offers
from bot.place import begin
from bot.policy import LONGEST_PROMPT
from bot.requests import LARGEST_CHAT_SEED
from bot.service.service import Service
from bot.service.wishes import DrawWish

_MOST_PICTURES = 4


class ImagineCog(commands.Cog):
    """Draws characters."""

    def __init__(self, service: Service, follow: Follow) -> None:
        self._service = service
        self._follow = follow
        self._offers = Offers(service)
        # discord.py reads the options from the signature, and has no call to leave one out.
        options = self.imagine._params  # noqa: SLF001  # pyright: ignore[reportPrivateUsage]
        for name in service.words.repertoire.hidden_options():
            del options[name]

    @app_commands.command(name="imagine", description="Draw a character in an expression, a scene or a pose.")
    @app_commands.describe(
        character="Yours, or one of this server's",
        prompt="Expression, scene, framing",
        count="How many pictures",
        seed="The same seed draws the same picture",
        negative="What to steer away from",
        style="Art style; by default the character's own",
        pose="Pose or framing; it wins over the prompt",
        pose_image="A picture of somebody in the pose; it is read and not kept",
        pose_strength="How strictly the pose is kept; 1 is the usual",
        shape="Shape of the pictures",
        strength="How strongly the character shows; 1 is the usual",
        spoiler="Cover the pictures",
    )
    async def imagine(  # noqa: PLR0913, PLR0917 - as many parameters as it has options
        self,
        interaction: discord.Interaction,
        character: app_commands.Range[str, 1, 60],
        prompt: app_commands.Range[str, 1, LONGEST_PROMPT],
        count: app_commands.Range[int, 1, _MOST_PICTURES] = 1,
        seed: app_commands.Range[int, 0, LARGEST_CHAT_SEED] | None = None,
        negative: app_commands.Range[str, 0, LONGEST_PROMPT] = "",
        style: app_commands.Range[str, 0, 60] = "",
        pose: app_commands.Range[str, 0, 60] = "",
        pose_image: discord.Attachment | None = None,
        pose_strength: app_commands.Range[float, 0.0, 2.0] | None = None,
        shape: app_commands.Range[str, 0, 60] = "",
        strength: app_commands.Range[float, 0.0, 2.0] | None = None,
        spoiler: bool = False,  # noqa: FBT001, FBT002 - discord.py reads the options from the signature
    ) -> None:
        """Draw a character."""
        place = await begin(interaction)
        picture = None
        if pose_image is not None:
            picture = await downloaded(pose_image, limit=MOST_PICTURE_BYTES)
        wish = DrawWish(
            character=character,
            prompt=prompt,
            pictures=count,
            seed=seed,
            negative=negative,
            style=style,
            pose=pose,
            pose_picture=picture,
            pose_strength=pose_strength,
            shape=shape,
            strength=strength,
            spoiler=spoiler,
        )
        self._follow(await self._service.jobs.draw(place, wish))

    @imagine.autocomplete("character")
    async def offer_characters(self, interaction: discord.Interaction, typed: str) -> Choices:
        """Offer what can be drawn here."""
        return await self._offers.drawable(interaction, typed)

    @imagine.autocomplete("style")
    async def offer_styles(self, interaction: discord.Interaction, typed: str) -> Choices:
        """Offer art styles."""
        return await self._offers.styles(interaction, typed)

    @imagine.autocomplete("pose")
    async def offer_poses(self, interaction: discord.Interaction, typed: str) -> Choices:
        """Offer poses."""
        return await self._offers.declared(interaction, typed, option="pose")

    @imagine.autocomplete("shape")
    async def offer_shapes(self, interaction: discord.Interaction, typed: str) -> Choices:
        """Offer shapes."""
        return await self._offers.declared(interaction, typed, option="shape")
