"""Commands, menus, buttons and dialogs: acknowledged in time, handed over, never left waiting."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

import discord

from bot.adapters.discord import translate
from bot.adapters.discord.commands import Reactions, Value
from bot.adapters.discord.components import action_of
from bot.adapters.discord.dialogs import dialog_of, sent_form
from bot.adapters.discord.files import Files
from bot.adapters.discord.interactions import Interactions
from bot.adapters.discord.refusals import FAILURES
from core.commands.base import Command, Option
from core.events import (
    Asked,
    Attachment,
    IncomingEvent,
    IncomingMessage,
    InteractionRef,
    Invocation,
)
from core.forms import FORM
from core.language import N_, words
from core.ports import Completer, Forms

SUGGEST_SECONDS: Final = 2.5
"""Discord waits three for suggestions."""
FORM_SECONDS: Final = 2.0
"""Discord waits three for a dialog, as for anything else."""
_LEAVING: Final = N_("I am being restarted. Please try that again in a moment.")
_NOT_HERE: Final = N_("I cannot answer here.")

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Ears:
    """Where to tell what was heard."""

    hear: Callable[[IncomingEvent], bool]
    """False where nobody listens any more."""
    is_deaf: Callable[[], bool]
    """Whether nothing is heard any more: then nothing is promised either."""
    ready: Callable[[], None]
    """A session began: what came before it was not heard."""
    lost: Callable[[], None]
    """The connection is gone; whether its session is too, the next one tells."""


@dataclass(frozen=True, slots=True)
class Core:
    """Whom to ask before anything is acknowledged."""

    completer: Completer
    forms: Forms | None = None


class Interacting:
    """What members do with Discord's own means. Whoever is shown a waiting gets a last word."""

    def __init__(self, ears: Ears, core: Core, files: Files, interactions: Interactions) -> None:
        self._ears = ears
        self._completer = core.completer
        self._forms = core.forms
        self._files = files
        self._interactions = interactions

    @property
    def reactions(self) -> Reactions:
        """For the tree of commands."""
        return Reactions(self._on_command, self._on_menu, self._on_typing)

    async def pressed_or_sent(self, interaction: discord.Interaction) -> None:
        """A press, a choice or a filled form; all else is left to the tree."""
        if interaction.type is discord.InteractionType.modal_submit:
            await self._on_sent_form(interaction)
            return
        action = action_of(interaction)
        if action is not None:
            await self._on_press(interaction, action)

    async def _on_command(
        self, interaction: discord.Interaction, command: Command, values: Mapping[str, Value]
    ) -> None:
        options: dict[str, str | int | bool | Attachment] = {}
        for name, value in values.items():
            match value:
                case discord.Attachment():
                    options[name] = self._files.attachment(value)
                case discord.User() | discord.Member():
                    options[name] = str(value.id)
                case str() | int():
                    options[name] = value
        files = tuple(value for value in options.values() if isinstance(value, Attachment))
        declared = {option.name for option in command.options}
        invocation = Invocation(
            command.name,
            {
                name: value
                for name, value in options.items()
                # Files come as the message's own: named twice, they would be learnt twice.
                if name in declared and not isinstance(value, Attachment)
            },
        )
        private = command.private or options.get("private") is True
        message = translate.asked_by(interaction, invocation, None, attachments=files)
        await self._hear_command(interaction, message, private=private)

    async def _on_menu(
        self, interaction: discord.Interaction, command: Command, about: discord.Message
    ) -> None:
        quoted = translate.quoted(about, self._files.attachment)
        invocation = Invocation(command.name)
        message = translate.asked_by(interaction, invocation, None, about=quoted)
        await self._hear_command(interaction, message, private=False)

    async def _on_sent_form(self, interaction: discord.Interaction) -> None:
        sent = sent_form(interaction)
        if sent is not None:
            message = translate.asked_by(interaction, Invocation(FORM, sent.options), None)
            await self._hear_command(interaction, message, private=sent.private, is_form=True)

    async def _hear_command(
        self,
        interaction: discord.Interaction,
        message: IncomingMessage | None,
        *,
        private: bool,
        is_form: bool = False,
    ) -> None:
        """Hand a command over, unless it opens a form: that comes back filled in."""
        if message is None or self._ears.is_deaf():
            await self._decline(interaction, _NOT_HERE if message is None else _LEAVING)
            return
        if not is_form and await self._showed_form(interaction, message):
            return
        is_refused = self._forms is not None and self._forms.refuses(message)
        ref = await self._acknowledge(interaction, message, private=private or is_refused)
        # Listening may have ended meanwhile.
        if not self._ears.hear(replace(message, reply_to=ref)):
            await self._decline(interaction, _LEAVING)

    async def _on_press(self, interaction: discord.Interaction, action: str) -> None:
        pressed = translate.pressed(interaction, action, None)
        if pressed is None or interaction.message is None or self._ears.is_deaf():
            await self._decline(interaction, _NOT_HERE if pressed is None else _LEAVING)
            return
        if await self._showed_form(interaction, pressed):
            return
        private = interaction.message.flags.ephemeral
        ref = None
        try:
            await interaction.response.defer()
            ref = self._interactions.keep(
                interaction, pressed.conversation, kind="press", private=private
            )
        except FAILURES as error:
            _log.warning("a press was not acknowledged in time: %s", error)
        if not self._ears.hear(replace(pressed, interaction=ref)):
            await self._decline(interaction, _LEAVING)

    async def _on_typing(
        self, interaction: discord.Interaction, command: Command, option: Option, typed: str
    ) -> Sequence[str]:
        known = {
            name: value
            for name, value in interaction.namespace
            if isinstance(value, str | int) and name != option.name
        }
        message = translate.asked_by(interaction, Invocation(command.name, known), None)
        if message is None:
            return ()
        try:
            async with asyncio.timeout(SUGGEST_SECONDS):
                return await self._completer.complete(message, option.name, typed)
        except TimeoutError:
            return ()

    async def _showed_form(self, interaction: discord.Interaction, asked: Asked) -> bool:
        """Whether there was a form to show. Only the first answer to an interaction can be one."""
        if self._forms is None:
            return False
        try:
            async with asyncio.timeout(FORM_SECONDS):
                form = await self._forms.form_of(asked)
                if form is None:
                    return False
                await interaction.response.send_modal(dialog_of(form))
        except (TimeoutError, *FAILURES) as error:
            _log.warning("a form was not shown: %r", error)
            return False
        return True

    async def _acknowledge(
        self, interaction: discord.Interaction, message: IncomingMessage, *, private: bool
    ) -> InteractionRef:
        """Say at once that we are at it. Where that is too late, other ways are taken."""
        in_time = True
        try:
            await interaction.response.defer(ephemeral=private, thinking=True)
        except FAILURES as error:
            _log.warning("a command was not acknowledged in time: %s", error)
            in_time = False
        return self._interactions.keep(
            interaction,
            message.conversation,
            kind="command" if in_time else "late",
            private=private,
        )

    async def _decline(self, interaction: discord.Interaction, text: str) -> None:
        """The last word to an interaction that is handed to nobody."""
        told = words(interaction.locale.value)(text)
        try:
            if not interaction.response.is_done():
                await interaction.response.send_message(told, ephemeral=True)
            elif interaction.type is discord.InteractionType.component:
                await interaction.followup.send(told, ephemeral=True)
            else:
                await interaction.edit_original_response(content=told)
        except FAILURES as error:
            _log.info("an interaction was not declined: %s", error)
