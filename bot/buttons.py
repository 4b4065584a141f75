"""Buttons and forms that outlive the process: their custom id names a row and what to do with it.

Who presses one after a restart gets the same as before. Knows no feature: the client holds the handlers.
"""

import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol, Self, cast

import discord

from bot.answering import answering
from bot.chat_errors import ForgottenButtonError

_ID = r"(?P<kind>[a-z]{1,16}):(?P<row>\d{1,19}):(?P<verb>[a-z]{1,16})(?P<rest>(?::\d{1,19}){0,4})"
_FORM = re.compile(f"form/{_ID}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Press:
    """What was pressed, or filled in.

    Attributes:
        row: The row that it is about.
        rest: Further numbers.
        fields: What was written into a form, by the names of its fields.
    """

    row: int
    rest: tuple[int, ...] = ()
    fields: Mapping[str, str] | None = None

    def field(self, name: str) -> str:
        """Return what was written into a field; empty if nothing was."""
        return (self.fields or {}).get(name, "")


Handler = Callable[[discord.Interaction, Press], Awaitable[None]]


class HasHandlers(Protocol):
    """The client, as buttons see it."""

    presses: dict[str, Handler]
    forms: dict[str, Handler]


class RowButton(
    discord.ui.DynamicItem[discord.ui.Button[discord.ui.LayoutView]],
    template=_ID,
):
    """A button about a row; `kind:verb` is what it does."""

    def __init__(
        self,
        kind: str,
        row: int,
        verb: str,
        *rest: int,
        label: str = "",
        style: discord.ButtonStyle = discord.ButtonStyle.secondary,
        disabled: bool = False,
    ) -> None:
        custom_id = ":".join([kind, str(row), verb, *map(str, rest)])
        super().__init__(
            discord.ui.Button(label=label or verb, custom_id=custom_id, style=style, disabled=disabled)
        )
        self._action, self._press = f"{kind}:{verb}", Press(row=row, rest=rest)

    @classmethod
    async def from_custom_id(
        cls, interaction: discord.Interaction, item: discord.ui.Item[Any], match: re.Match[str]
    ) -> Self:
        """Make the button anew from its id."""
        del interaction, item
        return cls(match["kind"], int(match["row"]), match["verb"], *_numbers(match["rest"]))

    async def callback(self, interaction: discord.Interaction) -> None:
        """Do it."""
        async with answering(interaction):
            await _handler(cast("HasHandlers", interaction.client).presses, self._action)(
                interaction, self._press
            )


def button_row(*buttons: RowButton) -> discord.ui.ActionRow[discord.ui.LayoutView]:
    """Return buttons side by side, at most five."""
    row: discord.ui.ActionRow[discord.ui.LayoutView] = discord.ui.ActionRow()
    for one in buttons:
        row.add_item(cast("discord.ui.Item[discord.ui.LayoutView]", one))  # its own type wants a View
    return row


class RowForm(discord.ui.Modal):
    """A form about a row. What is filled in arrives by its custom id, so that a restart loses nothing."""

    def __init__(self, kind: str, row: int, verb: str, *, title: str, nonce: int) -> None:
        super().__init__(title=title, custom_id=f"form/{kind}:{row}:{verb}:{nonce}", timeout=60.0)

    def ask(
        self, name: str, text: str, *, default: str = "", longest: int, needed: bool, lines: bool = False
    ) -> Self:
        """Add a field."""
        style = discord.TextStyle.paragraph if lines else discord.TextStyle.short
        field = discord.ui.TextInput[Self](
            custom_id=name,
            style=style,
            default=default[:longest] or None,
            max_length=longest,
            required=needed,
        )
        self.add_item(discord.ui.Label[Self](text=text, component=field))
        return self


async def take_form(interaction: discord.Interaction) -> None:
    """Act on a form that was filled in; what is none of ours is left alone."""
    data = cast("Mapping[str, Any]", interaction.data or {})
    match = _FORM.fullmatch(str(data.get("custom_id", "")))
    if interaction.type is not discord.InteractionType.modal_submit or match is None:
        return
    async with answering(interaction):
        press = Press(row=int(match["row"]), rest=_numbers(match["rest"]), fields=_fields(data))
        forms = cast("HasHandlers", interaction.client).forms
        await _handler(forms, f"{match['kind']}:{match['verb']}")(interaction, press)


def _handler(handlers: Mapping[str, Handler], action: str) -> Handler:
    found = handlers.get(action)
    if found is None:
        raise ForgottenButtonError
    return found


def _fields(data: Mapping[str, Any]) -> dict[str, str]:
    written = cast("list[dict[str, Any]]", data.get("components") or [])
    asked = [cast("dict[str, Any]", part.get("component") or {}) for part in written]
    return {str(one.get("custom_id")): str(one.get("value") or "") for one in asked}


def _numbers(rest: str) -> tuple[int, ...]:
    return tuple(int(one) for one in rest.split(":") if one)
