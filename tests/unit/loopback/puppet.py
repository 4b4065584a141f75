"""A small real bot: one of everything that the loopback must carry."""

import asyncio
import io
import re
import sys
from collections.abc import Callable

import discord
from discord import app_commands
from PIL import Image

from bot.loopback.driver import LoopbackDiscord


def png(width: int = 2, height: int = 3) -> bytes:
    data = io.BytesIO()
    Image.new("RGB", (width, height), "red").save(data, "PNG")
    return data.getvalue()


PNG = png()
NAMES = ("Mira", "Milo", "Nova")


async def eventually(look: Callable[[], object]) -> None:
    """Wait for what no change of the loopback tells of."""
    async with asyncio.timeout(15):
        while not look():  # noqa: ASYNC110
            await asyncio.sleep(0.01)


class PressAgain(
    discord.ui.DynamicItem[discord.ui.Button[discord.ui.View]], template=r"job:(?P<id>\d+):again"
):
    """A button that outlives the process: all it knows is in its id."""

    def __init__(self, number: int) -> None:
        super().__init__(discord.ui.Button(label="Again", custom_id=f"job:{number}:again"))
        self.number = number

    @classmethod
    async def from_custom_id(
        cls, interaction: discord.Interaction, item: discord.ui.Item[discord.ui.View], match: re.Match[str]
    ) -> "PressAgain":
        return cls(int(match["id"]))

    async def callback(self, interaction: discord.Interaction) -> None:
        await interaction.response.defer(thinking=True)
        await interaction.followup.send(f"again {self.number}", file=picture())


class EditPrompt(discord.ui.Modal, title="Edit the prompt"):
    prompt = discord.ui.Label(text="Prompt", component=discord.ui.TextInput(max_length=50, default="smiling"))
    style = discord.ui.Label(
        text="Style",
        component=discord.ui.Select(options=[discord.SelectOption(label=one) for one in ("ink", "oil")]),
    )
    sketch = discord.ui.Label(text="Sketch", component=discord.ui.FileUpload(required=False))

    async def on_submit(self, interaction: discord.Interaction) -> None:
        files = self.sketch.component.values
        size = len(await files[0].read()) if files else 0
        await interaction.response.send_message(
            f"{self.prompt.component.value} in {self.style.component.values[0]}, {size}"
        )


class Card(discord.ui.LayoutView):
    def __init__(self, names: list[str]) -> None:
        super().__init__(timeout=None)
        gallery = discord.ui.MediaGallery()
        for name in names:
            gallery.add_item(media=f"attachment://{name}", description=f"alt text of {name}")
        row = discord.ui.ActionRow(
            discord.ui.Button(label="Edit", custom_id="edit"),
            discord.ui.Button(label="Change", custom_id="change"),
        )
        self.add_item(discord.ui.Container(discord.ui.TextDisplay("# Nova"), gallery, row))


def picture(name: str = "nova.png") -> discord.File:
    return discord.File(io.BytesIO(PNG), filename=name)


class Puppet(discord.Client):
    """The bot; `seen` holds the names of the events that reached it."""

    def __init__(
        self, loopback: LoopbackDiscord, intents: discord.Intents | None = None, **options: object
    ) -> None:
        usual = discord.Intents(guilds=True, guild_messages=True, dm_messages=True)
        chosen = usual if intents is None else intents
        super().__init__(intents=chosen, guild_ready_timeout=0.02, **loopback.client_options(), **options)  # type: ignore[arg-type]
        self.tree = app_commands.CommandTree(self)
        self.loopback = loopback
        self.seen: list[str] = []
        self.errors: list[BaseException] = []
        self._task: asyncio.Task[None] | None = None
        add_commands(self)

    async def setup_hook(self) -> None:
        self.add_dynamic_items(PressAgain)
        await self.tree.sync()

    async def before_identify_hook(self, shard_id: int | None, *, initial: bool = False) -> None:
        """Log in anew at once: nobody counts logins here."""

    async def on_socket_event_type(self, name: str) -> None:
        self.seen.append(name)

    async def on_error(self, event_method: str, /, *args: object, **kwargs: object) -> None:
        error = sys.exc_info()[1]
        if error is not None:
            self.errors.append(error)

    async def on_interaction(self, interaction: discord.Interaction) -> None:
        custom_id = (interaction.data or {}).get("custom_id")
        if custom_id == "edit":
            await interaction.response.send_modal(EditPrompt())
        elif custom_id == "change":
            await interaction.response.edit_message(view=Card(["nova.png"]), attachments=[picture()])

    async def run_beside(self) -> None:
        """Log in, and return when every guild is there."""
        self._task = asyncio.create_task(self.start(self.loopback.token))
        ready = asyncio.create_task(self.wait_until_ready())
        done, _ = await asyncio.wait({self._task, ready}, return_when=asyncio.FIRST_COMPLETED, timeout=20)
        if ready not in done:
            ready.cancel()
            await self._task
            raise TimeoutError("the bot did not become ready")

    async def end(self) -> None:
        await self.close()
        if self._task is not None:
            await asyncio.wait({self._task}, timeout=5)


def add_commands(bot: Puppet) -> None:
    """Register everything."""
    tree = bot.tree

    @tree.error
    async def note(_: discord.Interaction, error: app_commands.AppCommandError) -> None:
        bot.errors.append(getattr(error, "original", error))

    imagine = app_commands.Command(name="imagine", description="Draw somebody.", callback=draw)
    imagine.autocomplete("character")(offer_names)
    for command in (ping, card, whisper, imagine, details, greet, CHARACTER):
        tree.add_command(command)


@app_commands.command()
async def ping(interaction: discord.Interaction, hidden: bool | None = None) -> None:  # noqa: FBT001
    """Answer at once."""
    await interaction.response.send_message(f"pong {interaction.user.name}", ephemeral=bool(hidden))


@app_commands.allowed_installs(guilds=True, users=True)
@app_commands.allowed_contexts(guilds=True, dms=True, private_channels=True)
async def draw(
    interaction: discord.Interaction,
    character: str,
    count: app_commands.Range[int, 1, 4] = 1,
    reference: discord.Attachment | None = None,
) -> None:
    await interaction.response.defer(thinking=True)
    size = len(await reference.read()) if reference else 0
    view = discord.ui.View(timeout=None)
    view.add_item(PressAgain(count))
    content = f"{character} x{count}, {size}"
    await interaction.edit_original_response(content=content, attachments=[picture()], view=view)


async def offer_names(_: discord.Interaction, current: str) -> list[app_commands.Choice[str]]:
    return [app_commands.Choice(name=one, value=one) for one in NAMES if one.startswith(current)]


@app_commands.command()
async def card(interaction: discord.Interaction) -> None:
    """Show a gallery."""
    files = [picture("one.png"), picture("two.png")]
    await interaction.response.send_message(view=Card(["one.png", "two.png"]), files=files)


@app_commands.command()
async def whisper(interaction: discord.Interaction) -> None:
    """Write to the user."""
    await interaction.user.send("psst", file=picture("SPOILER_secret.png"))
    await interaction.response.send_message("done", ephemeral=True)


@app_commands.context_menu(name="Details")
async def details(interaction: discord.Interaction, message: discord.Message) -> None:
    await interaction.response.send_message(f"{len(message.attachments)} files", ephemeral=True)


@app_commands.context_menu(name="Greet")
async def greet(interaction: discord.Interaction, user: discord.User) -> None:
    await interaction.response.send_message(f"hello {user.mention}")


CHARACTER = app_commands.Group(name="character", description="Characters.")


@CHARACTER.command()
async def create(interaction: discord.Interaction, name: str) -> None:
    """Make one up."""
    await interaction.response.defer(thinking=True, ephemeral=True)
    await interaction.followup.send(f"{name} is made")
    await interaction.followup.send("and here", ephemeral=True)
