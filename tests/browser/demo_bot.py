"""A small real bot: one of everything that the page must be able to show."""

import asyncio
import io
from collections.abc import Callable

import discord
from discord import app_commands
from PIL import Image, ImageDraw

from bot.loopback.driver import LoopbackDiscord

NAMES = ("Mira Vale", "Milo Finch", "Nova Reed", "Juno Park", "Otis Grey")
STEPS = 5
_SKIES = ("#f2b880", "#8fb8de", "#b7a4e0", "#8fcfb4", "#e59aa8")
_HAIRS = ("#3b2a20", "#c9762b", "#20242f", "#7c3f8c", "#d9b25f")


def portrait(number: int, size: int = 512, *, name: str | None = None, spoiler: bool = False) -> discord.File:
    """Draw a simple face; another number, another face."""
    picture = Image.new("RGB", (size, size), _SKIES[number % len(_SKIES)])
    draw = ImageDraw.Draw(picture)
    hair, unit = _HAIRS[(number * 2) % len(_HAIRS)], size / 16
    draw.ellipse((2 * unit, 11 * unit, 14 * unit, 20 * unit), fill="#46506b")
    draw.ellipse((3.6 * unit, 2 * unit, 12.4 * unit, 11.5 * unit), fill=hair)
    draw.ellipse((4.4 * unit, 3.6 * unit, 11.6 * unit, 12.4 * unit), fill="#f3c9a5")
    draw.chord((4.2 * unit, 2.4 * unit, 11.8 * unit, 8 * unit), 180, 360, fill=hair)
    for left in (5.9, 9.1):
        draw.ellipse((left * unit, 7.2 * unit, (left + 1) * unit, 8.4 * unit), fill="#2a2a33")
    draw.arc(
        (6.6 * unit, 8.6 * unit, 9.4 * unit, 10.6 * unit), 20 + number * 4, 160 - number * 4, "#a8493f", 6
    )
    data = io.BytesIO()
    picture.save(data, "PNG")
    data.seek(0)
    return discord.File(data, filename=name or f"portrait-{number}.png", spoiler=spoiler)


class Edit(discord.ui.Modal, title="Edit the prompt"):
    prompt = discord.ui.Label(
        text="Prompt",
        description="What shall be seen in the picture.",
        component=discord.ui.TextInput(
            style=discord.TextStyle.paragraph, max_length=300, default="smiling, on a beach at sunset"
        ),
    )
    style = discord.ui.Label(
        text="Art style",
        component=discord.ui.Select(
            placeholder="Choose a style",
            options=[
                discord.SelectOption(label="Ink", description="Black lines on paper"),
                discord.SelectOption(label="Oil", description="Thick and warm"),
                discord.SelectOption(label="Pixel", description="Small squares"),
            ],
        ),
    )
    friend = discord.ui.Label(text="Show it to", component=discord.ui.UserSelect(required=False))
    sketch = discord.ui.Label(text="Sketch", component=discord.ui.FileUpload(required=False, max_values=2))

    async def on_submit(self, interaction: discord.Interaction) -> None:
        files = self.sketch.component.values
        await interaction.response.send_message(
            f"**{self.style.component.values[0]}**: {self.prompt.component.value} ({len(files)} sketches)"
        )


class Answers(discord.ui.Modal, title="A few questions"):
    note = discord.ui.TextDisplay("Answer what you like. **Nothing is kept.**")
    size = discord.ui.Label(
        text="Size",
        component=discord.ui.RadioGroup(
            options=[
                discord.RadioGroupOption(label="Small", value="small", default=True),
                discord.RadioGroupOption(label="Large", value="large"),
            ]
        ),
    )
    wishes = discord.ui.Label(
        text="Wishes",
        component=discord.ui.CheckboxGroup(
            required=False,
            options=[
                discord.CheckboxGroupOption(label="Frame", value="frame"),
                discord.CheckboxGroupOption(label="Name tag", value="tag", description="Under the picture"),
            ],
        ),
    )
    sure = discord.ui.Label(text="Are you sure?", component=discord.ui.Checkbox())
    name = discord.ui.Label(text="Name", component=discord.ui.TextInput(min_length=2, max_length=20))

    async def on_submit(self, interaction: discord.Interaction) -> None:
        size, wishes = self.size.component.value, ", ".join(self.wishes.component.values) or "nothing"
        sure = "sure" if self.sure.component.value else "unsure"
        said = f"{self.name.component.value}: {size}, {wishes}, {sure}"
        await interaction.response.send_message(said, ephemeral=True)


class Card(discord.ui.LayoutView):
    """A finished picture, with everything that can be done to it."""

    def __init__(self, character: str, prompt: str, names: list[str]) -> None:
        super().__init__(timeout=None)
        gallery = discord.ui.MediaGallery()
        for index, name in enumerate(names):
            gallery.add_item(media=f"attachment://{name}", description=f"{character}, picture {index + 1}")
        buttons = discord.ui.ActionRow(
            discord.ui.Button(label="Again", custom_id="again", style=discord.ButtonStyle.primary),
            discord.ui.Button(label="Edit prompt", custom_id="edit"),
            discord.ui.Button(label="Details", custom_id="details"),
            discord.ui.Button(label="Delete", custom_id="delete", style=discord.ButtonStyle.danger),
        )
        styles = discord.ui.ActionRow(
            discord.ui.Select(
                custom_id="restyle",
                placeholder="Draw it in another style",
                options=[
                    discord.SelectOption(label=one, value=one.lower()) for one in ("Ink", "Oil", "Pixel")
                ],
            )
        )
        self.add_item(
            discord.ui.Container(
                discord.ui.TextDisplay(f"### {character}\n{prompt}"),
                gallery,
                discord.ui.TextDisplay("-# seed **4711** · 512 x 512 · identity 0.83"),
                discord.ui.Separator(),
                buttons,
                styles,
                accent_colour=0x6170F7,
            )
        )


class Progress(discord.ui.LayoutView):
    """How far a picture is."""

    def __init__(self, character: str, step: int) -> None:
        super().__init__(timeout=None)
        done = round(20 * step / STEPS)
        words = f"### Drawing {character}\nStep {step} of {STEPS}, {STEPS - step} s left"
        bar = f"`{'█' * done}{'░' * (20 - done)}` {100 * step // STEPS} %"
        preview = discord.ui.Thumbnail("attachment://preview.png", description="The picture so far")
        self.add_item(
            discord.ui.Container(
                discord.ui.Section(
                    discord.ui.TextDisplay(words), discord.ui.TextDisplay(bar), accessory=preview
                ),
                discord.ui.ActionRow(
                    discord.ui.Button(label="Cancel", custom_id="cancel", style=discord.ButtonStyle.danger)
                ),
                accent_colour=0xF0B232,
            )
        )


class DemoBot(discord.Client):
    """The bot; `gate` holds it back between two steps of a picture, where one is set."""

    def __init__(self, loopback: LoopbackDiscord) -> None:
        intents = discord.Intents(guilds=True, guild_messages=True, dm_messages=True)
        super().__init__(intents=intents, guild_ready_timeout=0.02, **loopback.client_options())
        self.loopback = loopback
        self.tree = app_commands.CommandTree(self)
        self.gate: asyncio.Semaphore | None = None
        self.pause_s = 0.02
        self.pressed: list[str] = []
        self._task: asyncio.Task[None] | None = None
        add_commands(self)

    async def setup_hook(self) -> None:
        await self.tree.sync()

    async def before_identify_hook(self, shard_id: int | None, *, initial: bool = False) -> None:
        """Log in anew at once: nobody counts logins here."""

    async def run_beside(self) -> None:
        """Log in, and return when every guild is there."""
        self._task = asyncio.create_task(self.start(self.loopback.token))
        await asyncio.wait_for(self.wait_for_ready(), 30)

    async def wait_for_ready(self) -> None:
        await self.loopback.connected()
        await self.wait_until_ready()

    async def end(self) -> None:
        await self.close()
        if self._task is not None:
            await asyncio.wait({self._task}, timeout=5)

    async def step(self) -> None:
        """Wait for the next step of a picture."""
        if self.gate is not None:
            await self.gate.acquire()
        else:
            await asyncio.sleep(self.pause_s)

    async def on_interaction(self, interaction: discord.Interaction) -> None:
        data = interaction.data or {}
        custom_id = data.get("custom_id")
        if interaction.type is not discord.InteractionType.component or custom_id is None:
            return
        self.pressed.append(str(custom_id))
        answer: Callable[[], object] = {
            "again": lambda: interaction.response.send_message("Once more", file=portrait(7)),
            "edit": lambda: interaction.response.send_modal(Edit()),
            "ask": lambda: interaction.response.send_modal(Answers()),
            "details": lambda: interaction.response.send_message("**Seed** 4711", ephemeral=True),
            "cancel": lambda: interaction.response.send_message("Cancelled.", ephemeral=True),
            "restyle": lambda: interaction.response.send_message(f"In {data.get('values', [''])[0]} then."),
            "whom": lambda: interaction.response.send_message(f"Hello <@{data.get('values', [''])[0]}>"),
            "delete": lambda: self._delete(interaction),
        }.get(str(custom_id), lambda: None)
        result = answer()
        if asyncio.iscoroutine(result):
            await result

    async def _delete(self, interaction: discord.Interaction) -> None:
        await interaction.response.defer()
        await interaction.delete_original_response()


def add_commands(bot: DemoBot) -> None:
    """Register everything."""
    tree = bot.tree

    @tree.command(description="Draw one of your characters.")
    @app_commands.describe(
        character="Whom to draw", prompt="What they do", count="How many pictures", style="Art style"
    )
    @app_commands.choices(style=[app_commands.Choice(name=one, value=one) for one in ("Ink", "Oil", "Pixel")])
    async def imagine(
        interaction: discord.Interaction,
        character: str,
        prompt: app_commands.Range[str, 3, 200],
        count: app_commands.Range[int, 1, 4] = 4,
        style: app_commands.Choice[str] | None = None,
        spoiler: bool = False,
        friend: discord.Member | discord.User | None = None,
        channel: discord.TextChannel | None = None,
        reference: discord.Attachment | None = None,
    ) -> None:
        await interaction.response.defer(thinking=True)
        for step in range(1, STEPS):
            await bot.step()
            view = Progress(character, step)
            picture = portrait(step, 128, name="preview.png")
            await interaction.edit_original_response(view=view, attachments=[picture])
        await bot.step()
        files = [portrait(index + len(character), spoiler=spoiler) for index in range(count)]
        words = prompt if style is None else f"{prompt}, {style.value}"
        card = Card(character, words, [one.filename for one in files])
        await interaction.edit_original_response(view=card, attachments=files)

    @imagine.autocomplete("character")
    async def offer_names(_: discord.Interaction, current: str) -> list[app_commands.Choice[str]]:
        fitting = [one for one in NAMES if current.lower() in one.lower()]
        return [app_commands.Choice(name=one, value=one) for one in fitting]

    @tree.command(description="Say something that only you can see.")
    async def whisper(interaction: discord.Interaction) -> None:
        await interaction.response.send_message("This is **between us**.", ephemeral=True)

    @tree.command(description="Write to you in direct messages.")
    async def write(interaction: discord.Interaction) -> None:
        await interaction.user.send("Hello from the bot. ||A secret||", file=portrait(2, 256, spoiler=True))
        await interaction.response.send_message("Look into your direct messages.", ephemeral=True)

    @tree.command(description="Show an old-fashioned embed, a link and two selects.")
    async def classic(interaction: discord.Interaction) -> None:
        card = discord.Embed(title="Mira Vale", description="A *botanist* with `red` hair.", colour=0x2C9E60)
        card.add_field(name="Age", value="34").add_field(name="Style", value="Ink").add_field(
            name="Seed", value="7"
        )
        card.set_footer(text="made here").set_thumbnail(url="attachment://portrait-1.png")
        view = discord.ui.View(timeout=None)
        view.add_item(discord.ui.UserSelect(custom_id="whom", placeholder="Greet somebody"))
        view.add_item(discord.ui.Button(label="Answer questions", custom_id="ask"))
        view.add_item(discord.ui.Button(label="Read more", url="https://example.com/"))
        view.add_item(discord.ui.Button(label="Not yet", custom_id="never", disabled=True))
        await interaction.response.send_message("An embed:", embed=card, view=view, file=portrait(1, 256))

    @tree.command(description="Never answer.")
    async def silence(_: discord.Interaction) -> None:
        return

    @tree.context_menu(name="Details of this picture")
    async def details(interaction: discord.Interaction, message: discord.Message) -> None:
        await interaction.response.send_message(f"Written by {message.author.name}.", ephemeral=True)

    @tree.context_menu(name="Greet")
    async def greet(interaction: discord.Interaction, user: discord.User) -> None:
        await interaction.response.send_message(f"Hello {user.mention}!")

    group = app_commands.Group(name="character", description="Your characters.")

    @group.command(description="Show what a character looks like.")
    async def show(interaction: discord.Interaction, name: str) -> None:
        await interaction.response.send_message(f"# {name}\n> somebody\n- one\n- two\n```py\nprint(1)\n```")

    @group.command(description="List your characters.")
    async def roster(interaction: discord.Interaction) -> None:
        await interaction.response.send_message("\n".join(f"{i + 1}. {name}" for i, name in enumerate(NAMES)))

    tree.add_command(group)
