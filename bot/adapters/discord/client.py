"""The gateway: what Discord tells becomes events of the core; interactions are acknowledged."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

import aiohttp
import discord

from bot.adapters.discord import translate
from bot.adapters.discord.commands import Tree
from bot.adapters.discord.content import NOBODY
from bot.adapters.discord.endpoint import is_official, use_gateway
from bot.adapters.discord.files import Files
from bot.adapters.discord.interacting import Core, Ears, Interacting
from bot.adapters.discord.interactions import Interactions
from bot.adapters.discord.pace import Pace
from bot.adapters.discord.refusals import FAILURES
from bot.adapters.discord.registration import register
from core.commands.base import Command
from core.commands.parsing import parse
from core.errors import BadArgumentsError, UserError
from core.events import (
    ChannelKind,
    ConversationRef,
    IncomingMessage,
    Invocation,
    Left,
    MessageDeleted,
    MessageEdited,
    Platform,
    Trigger,
)
from core.permissions import Level

GUILDS_SECONDS: Final = 2.0
"""How long after one server of ours the next may be told, before we call ourselves ready."""
ADDER_SECONDS: Final = 5.0
"""How long it may take to find out who added us."""
_ADDRESSED: Final = (Trigger.MENTION, Trigger.REPLY)

_log = logging.getLogger(__name__)


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
        self._files = files
        self._interacting = Interacting(ears, core, files, interactions)
        self._base = line.base
        self._tree = Tree(self, commands, self._interacting.reactions)

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

    async def on_thread_create(self, thread: discord.Thread) -> None:
        """A thread below a message of its opener is about that message, which was said before.

        What a thread of its own is about, or a forum's post, comes as a message.
        """
        parent = thread.parent
        if not isinstance(parent, discord.TextChannel) or not self.intents.message_content:
            return
        if thread.is_private() or self.user is None or thread.owner_id == self.user.id:
            return
        try:
            below = await parent.fetch_message(thread.id)
        except FAILURES as error:
            _log.debug("a thread stands below no message: %s", error)
            return
        if below.author.id != thread.owner_id:
            return
        below.channel = thread
        event = await self.translated(below)
        if event is not None and event.trigger is Trigger.AMBIENT:
            await self._introduce(below)
            event = await self.translated(below) or event
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
        await self._gone(payload.channel_id, (payload.message_id,), payload.guild_id)

    async def on_raw_bulk_message_delete(self, payload: discord.RawBulkMessageDeleteEvent) -> None:
        """Many messages were taken away at once."""
        await self._gone(payload.channel_id, sorted(payload.message_ids), payload.guild_id)

    async def _gone(
        self, channel_id: int, message_ids: Sequence[int], server_id: int | None
    ) -> None:
        conversation = ConversationRef(translate.channel_ref(channel_id))
        server = self.get_guild(server_id) if server_id is not None else None
        if server is not None:
            channel = server.get_channel_or_thread(channel_id)
            where = translate.where_of(channel or await self._archived(channel_id))
            conversation = where.conversation if where is not None else conversation
        for message_id in message_ids:
            self._ears.hear(MessageDeleted(conversation, str(message_id)))

    async def _archived(self, channel_id: int) -> object:
        """A thread that we were not told of; None where it is gone as a whole."""
        try:
            return await self.fetch_channel(channel_id)
        except (*FAILURES, discord.InvalidData) as error:
            _log.info("a deletion could not be placed: %s", error)
            return None

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

    def as_it_stands(self, found: discord.Message, asked: IncomingMessage) -> IncomingMessage:
        """A question that was heard earlier, with the words and files that it has now."""
        fresh = None
        if self.user is not None:
            fresh = translate.incoming(found, self.user.id, self._files.attachment)
        if fresh is None:
            # Without the privileged intent a message that names us no more comes without its text.
            files = tuple(self._files.attachment(one) for one in found.attachments)
            return replace(asked, attachments=files)
        fresh = replace(
            fresh, author=asked.author, conversation=asked.conversation, reply_to=asked.reply_to
        )
        if asked.trigger is Trigger.UNASKED:
            return fresh
        now = replace(asked, attachments=fresh.attachments, quoted=fresh.quoted or asked.quoted)
        # What we made a command of (a file that nobody addressed to us) has no words of its own.
        if asked.trigger is Trigger.COMMAND or fresh.text == asked.text:
            return now
        now = replace(now, text=fresh.text, command=None, edited_at=fresh.edited_at)
        return self._as_slash(now)

    async def place(self, channel_id: int) -> discord.abc.Messageable | None:
        """A channel or thread, asked for where we were not told of it. Raises as the SDK does."""
        channel = self.get_channel(channel_id) or await self.fetch_channel(channel_id)
        return channel if isinstance(channel, discord.abc.Messageable) else None

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

    async def on_interaction(self, interaction: discord.Interaction) -> None:
        """A press, a choice or a filled form; commands take the way of the tree."""
        await self._interacting.pressed_or_sent(interaction)

    # Servers and sessions

    async def on_guild_join(self, guild: discord.Guild) -> None:
        """We were added to a server."""
        self._ears.hear(translate.joined(guild, await self._adder(guild)))

    async def _adder(self, guild: discord.Guild) -> discord.User | discord.Member | None:
        """Who added us, where we may look into the server's own log of such acts."""
        me: discord.Member | None = guild.me
        if self.user is None or me is None or not me.guild_permissions.view_audit_log:
            return None
        try:
            async with asyncio.timeout(ADDER_SECONDS):
                acts = guild.audit_logs(limit=10, action=discord.AuditLogAction.bot_add)
                async for act in acts:
                    if act.target is not None and act.target.id == self.user.id:
                        return act.user
        except (*FAILURES, TimeoutError) as error:
            _log.info("who added us is not known: %s", error)
        return None

    async def on_guild_remove(self, guild: discord.Guild) -> None:
        """We were taken out of a server, or it is gone."""
        self._ears.hear(Left(Platform.DISCORD, str(guild.id)))

    async def on_shard_ready(self, shard_id: int) -> None:
        """A new session, at the start or because the last one could not be resumed."""
        self._ears.ready()

    async def on_shard_disconnect(self, shard_id: int) -> None:
        """A connection ended."""
        self._ears.lost()
