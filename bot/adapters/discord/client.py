"""The gateway: what Discord tells becomes events of the core; interactions are acknowledged."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

import aiohttp
import discord

from bot.adapters.discord import translate
from bot.adapters.discord.commands import Reactions, Tree, Value
from bot.adapters.discord.components import action_of
from bot.adapters.discord.content import NOBODY
from bot.adapters.discord.dialogs import dialog_of, sent_form
from bot.adapters.discord.endpoint import is_official, use_gateway
from bot.adapters.discord.files import Files
from bot.adapters.discord.interactions import Interactions
from bot.adapters.discord.pace import Pace
from bot.adapters.discord.refusals import FAILURES
from bot.adapters.discord.registration import register
from core.commands.base import Command, Option
from core.commands.parsing import parse
from core.errors import BadArgumentsError, UserError
from core.events import (
    Asked,
    Attachment,
    ChannelKind,
    ConversationRef,
    IncomingEvent,
    IncomingMessage,
    InteractionRef,
    Invocation,
    Left,
    MessageDeleted,
    MessageEdited,
    Platform,
    Trigger,
)
from core.forms import FORM
from core.permissions import Level
from core.ports import Completer, Forms

SUGGEST_SECONDS: Final = 2.5
"""Discord waits three for suggestions."""
FORM_SECONDS: Final = 2.0
"""Discord waits three for a dialog, as for anything else."""
GUILDS_SECONDS: Final = 2.0
"""How long after one server of ours the next may be told, before we call ourselves ready."""
_ADDRESSED: Final = (Trigger.MENTION, Trigger.REPLY)

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Ears:
    """Where to tell what was heard."""

    hear: Callable[[IncomingEvent], None]
    is_deaf: Callable[[], bool]
    """Whether nothing is heard any more: then nothing is promised either."""
    ready: Callable[[], None]
    """A session began: what came before it was not heard."""


@dataclass(frozen=True, slots=True)
class Core:
    """Whom to ask before anything is acknowledged."""

    completer: Completer
    forms: Forms | None = None


@dataclass(frozen=True, slots=True)
class Line:
    """How Discord is reached."""

    base: str
    proxy: str | None = None
    connector: aiohttp.BaseConnector | None = None
    message_content: bool = False


class DiscordClient(discord.AutoShardedClient):
    """Translates and hands over; it decides nothing."""

    def __init__(
        self,
        ears: Ears,
        commands: Sequence[Command],
        core: Core,
        files: Files,
        interactions: Interactions,
        line: Line,
    ) -> None:
        # What the SDK would say of voice, which is none of ours.
        discord.VoiceClient.warn_nacl = discord.VoiceClient.warn_dave = False
        super().__init__(
            intents=discord.Intents(
                guilds=True,
                guild_messages=True,
                dm_messages=True,
                message_content=line.message_content,
            ),
            member_cache_flags=discord.MemberCacheFlags.none(),
            max_messages=None,
            allowed_mentions=NOBODY,
            max_ratelimit_timeout=30.0,
            guild_ready_timeout=GUILDS_SECONDS,
            proxy=line.proxy,
            http_trace=Pace(line.base).trace(),
        )
        if line.connector is not None:
            self.http.connector = line.connector
        self._ears = ears
        self._commands = tuple(commands)
        self._completer = core.completer
        self._forms = core.forms
        self._files = files
        self._interactions = interactions
        self._base = line.base
        self._tree = Tree(
            self, commands, Reactions(self._on_command, self._on_menu, self._on_typing)
        )

    async def setup_hook(self) -> None:
        """After the log-in, before the gateway."""
        if not is_official(self._base):
            _shards, url, _limits = await self.http.get_bot_gateway()
            use_gateway(url)
        try:
            await register(self, self._tree)
        except (
            discord.HTTPException,
            discord.RateLimited,
            discord.app_commands.TranslationError,
        ) as error:
            # Mentions and private messages work without.
            _log.warning("slash commands could not be registered: %s", error)

    # What members write

    async def on_message(self, message: discord.Message) -> None:
        """A message that somebody wrote."""
        event = await self.translated(message)
        if event is not None:
            self._ears.hear(event)

    async def on_raw_message_edit(self, payload: discord.RawMessageUpdateEvent) -> None:
        """A change of a message: by its author, or by Discord, which adds previews."""
        if payload.message.edited_at is None:
            return
        event = await self.translated(payload.message)
        if event is not None:
            self._ears.hear(MessageEdited(event))

    async def on_raw_message_delete(self, payload: discord.RawMessageDeleteEvent) -> None:
        """A message was taken away."""
        self._gone(payload.channel_id, payload.message_id, payload.guild_id)

    async def on_raw_bulk_message_delete(self, payload: discord.RawBulkMessageDeleteEvent) -> None:
        """Many messages were taken away at once."""
        for message_id in sorted(payload.message_ids):
            self._gone(payload.channel_id, message_id, payload.guild_id)

    def _gone(self, channel_id: int, message_id: int, server_id: int | None) -> None:
        server = self.get_guild(server_id) if server_id is not None else None
        channel = server.get_channel_or_thread(channel_id) if server is not None else None
        where = translate.where_of(channel)
        conversation = (
            where.conversation
            if where is not None
            else ConversationRef(translate.channel_ref(channel_id))
        )
        self._ears.hear(MessageDeleted(conversation, str(message_id)))

    async def translated(self, message: discord.Message) -> IncomingMessage | None:
        """A message with what it lacks asked for; None where it is nothing to us."""
        if self.user is None or message.author.bot or message.webhook_id is not None:
            return None
        me, fetch = self.user.id, self._files.attachment
        try:
            if message.content or message.attachments:
                await self._place(message)
            event = translate.incoming(message, me, fetch)
            if event is not None and event.trigger is not Trigger.AMBIENT:
                await self._introduce(message)
                event = translate.incoming(message, me, fetch)
        except FAILURES as error:
            _log.warning("a message could not be placed: %s", error)
            return None
        return self._as_slash(event) if event is not None else None

    async def _place(self, message: discord.Message) -> None:
        """Fetch a thread that we were not told of, such as one that comes out of the archive."""
        if isinstance(message.channel, discord.PartialMessageable) and message.guild is not None:
            found = await self.fetch_channel(message.channel.id)
            if isinstance(found, discord.Thread | discord.TextChannel | discord.VoiceChannel):
                message.channel = found

    async def _introduce(self, message: discord.Message) -> None:
        """Fetch the author's roles, which messages of the history come without."""
        if message.guild is not None and not isinstance(message.author, discord.Member):
            message.author = await message.guild.fetch_member(message.author.id)

    def _as_slash(self, message: IncomingMessage) -> IncomingMessage:
        """What needs a level is done by slash commands in servers, whose own settings then hold.

        Typed after a mention, such a command becomes a request for help about it.
        """
        if message.kind is not ChannelKind.GROUP or message.trigger not in _ADDRESSED:
            return message
        try:
            invocation = parse(message.text, self._commands)
            name = invocation.name if invocation is not None else None
        except BadArgumentsError as error:
            name = error.name
        except UserError:
            name = None
        needs = next((one.needs for one in self._commands if one.name == name), Level.MEMBER)
        if name is None or needs < Level.MODERATOR:
            return message
        return replace(message, command=Invocation("help", {"command": name, "typed": True}))

    # Commands, menus, buttons

    async def _on_command(
        self, interaction: discord.Interaction, command: Command, values: Mapping[str, Value]
    ) -> None:
        if self._ears.is_deaf():
            return
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
        if self._ears.is_deaf():
            return
        quoted = translate.quoted(about, self._files.attachment)
        invocation = Invocation(command.name)
        message = translate.asked_by(interaction, invocation, None, about=quoted)
        await self._hear_command(interaction, message, private=False)

    async def _hear_command(
        self, interaction: discord.Interaction, message: IncomingMessage | None, *, private: bool
    ) -> None:
        """Hand a command over, unless it opens a form: that comes back filled in."""
        if message is not None and await self._showed_form(interaction, message):
            return
        ref = await self._acknowledge(interaction, private=private)
        if message is not None:
            self._ears.hear(replace(message, reply_to=ref))

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

    async def _on_sent_form(self, interaction: discord.Interaction) -> None:
        sent = sent_form(interaction)
        if sent is None:
            return
        ref = await self._acknowledge(interaction, private=sent.private)
        message = translate.asked_by(interaction, Invocation(FORM, sent.options), ref)
        if message is not None:
            self._ears.hear(message)

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

    async def _acknowledge(
        self, interaction: discord.Interaction, *, private: bool
    ) -> InteractionRef | None:
        """Say at once that we are at it; None where it is too late: the channel is answered."""
        try:
            await interaction.response.defer(ephemeral=private, thinking=True)
        except FAILURES as error:
            _log.warning("a command was not acknowledged in time: %s", error)
            return None
        where = translate.where_of(interaction.channel)
        if where is None:
            return None
        return self._interactions.keep(
            interaction, where.conversation, kind="command", private=private
        )

    async def on_interaction(self, interaction: discord.Interaction) -> None:
        """A press, a choice or a filled form; commands take the way of the tree."""
        if interaction.type is discord.InteractionType.modal_submit:
            if not self._ears.is_deaf():
                await self._on_sent_form(interaction)
            return
        action = action_of(interaction)
        where = translate.where_of(interaction.channel)
        if action is None or where is None or interaction.message is None or self._ears.is_deaf():
            return
        pressed = translate.pressed(interaction, action, None)
        if pressed is not None and await self._showed_form(interaction, pressed):
            return
        private = interaction.message.flags.ephemeral
        ref = None
        try:
            await interaction.response.defer()
            ref = self._interactions.keep(
                interaction, where.conversation, kind="press", private=private
            )
        except FAILURES as error:
            _log.warning("a press was not acknowledged in time: %s", error)
        if pressed is not None:
            self._ears.hear(replace(pressed, interaction=ref))

    # Servers and sessions

    async def on_guild_join(self, guild: discord.Guild) -> None:
        """We were added to a server."""
        self._ears.hear(translate.joined(guild))

    async def on_guild_remove(self, guild: discord.Guild) -> None:
        """We were taken out of a server, or it is gone."""
        self._ears.hear(Left(Platform.DISCORD, str(guild.id)))

    async def on_shard_ready(self, shard_id: int) -> None:
        """A new session, at the start or because the last one could not be resumed."""
        self._ears.ready()
