"""Sends for Discord: messages, files, menus; what only one member sees; who may read what."""

from __future__ import annotations

import asyncio
import logging
import re
import secrets
from collections import OrderedDict
from collections.abc import Sequence
from math import inf
from typing import Final

import discord

from bot.adapters.discord.answers import Answers
from bot.adapters.discord.audience import is_within, lacking_around
from bot.adapters.discord.content import Content
from bot.adapters.discord.interactions import Held, Interactions, Route
from bot.adapters.discord.refusals import asking
from bot.adapters.discord.standing import standing_in
from bot.adapters.discord.translate import channel_ref
from core.errors import ChannelGoneError, DeliveryError, DeliveryRateLimitedError, ForbiddenError
from core.events import Author, ChannelRef, ConversationRef, InteractionRef, MessageRef, ReplyTo
from core.ports import Capabilities, Lacking, Standing
from core.replies import Menu
from core.text import split_message

MAX_TEXT: Final = 2000
MAX_UPLOAD: Final = 10 * 1024 * 1024
"""What every server takes; boosted ones take more."""
_AT_ONCE: Final = 4
"""Sends and edits of a channel that may go in so many intervals."""
TYPING_SECONDS: Final = 5.0
"""Discord shows for ten that we type, and takes it five times in five."""
_NO_HISTORY: Final = 160002
"""A reply is refused where we may not read what came before; the text alone is not."""
_THREAD_EXISTS: Final = 160004
_LONGEST_TITLE: Final = 100
_ARCHIVED_MINUTES: Final = 1440
"""A thread without news goes out of the list after so long; its next message brings it back."""
_SPENT: Final = (10008, 10015, 10062, 50027)
"""Discord takes no answers to an interaction any more, or its first place is gone."""
_ADDRESS: Final = re.compile(r"https://[a-z.]*discord\.com/channels/\d+/(\d+)/(\d+)")
_MOST: Final = 5000
_NOWHERE: Final = ConversationRef(channel_ref(0))

_log = logging.getLogger(__name__)


class DiscordOutbox:
    """Raises the core's `DeliveryError`s only."""

    def __init__(self, client: discord.Client, interactions: Interactions, interval: float) -> None:
        """`interval`: seconds between two edits in one channel, which Discord counts together."""
        self._client = client
        self._interactions = interactions
        self._answers = Answers(client, interactions)
        self._capabilities = Capabilities(
            max_text=MAX_TEXT,
            max_upload=MAX_UPLOAD,
            can_buttons=True,
            forms="dialog",
            edit_interval_private=interval,
            edit_interval_group=interval,
            # Discord takes five in five seconds. The SDK learns that of a channel by its first
            # answers, and until then lets pass what is asked for at once.
            edit_window_group=_AT_ONCE * interval,
        )
        self._elsewhere: OrderedDict[str, tuple[int, int]] = OrderedDict()
        self._nonces: dict[str, str] = {}
        self._typed: dict[int, float] = {}

    @property
    def capabilities(self) -> Capabilities:
        return self._capabilities

    async def send(
        self,
        to: ConversationRef,
        text: str,
        *,
        reply_to: ReplyTo | None = None,
        key: str | None = None,
        menus: Sequence[Menu] = (),
        mention: str | None = None,
    ) -> str:
        """An interaction too old to be answered is answered by an ordinary message."""
        content = Content(text, menus, role_id=self._role(mention))
        return await self._send(to, content, reply_to, key)

    async def ask(
        self, to: ConversationRef, text: str, *, of: Author, reply_to: ReplyTo | None = None
    ) -> str:
        """Forms are dialogs here; a question of ours is a message like any other."""
        return await self.send(to, text, reply_to=reply_to)

    def link(self, message: MessageRef) -> str | None:
        """What only one member sees has no address."""
        route = self._interactions.route(message.message_id)
        if not message.message_id.isdecimal() or (route is not None and route.held.private):
            return None
        own, above = _channel_id(message.conversation), message.conversation.channel.channel_id
        server_id = self._server_of(own) or self._server_of(int(above))
        if server_id is None:
            return None
        return f"https://discord.com/channels/{server_id}/{own}/{message.message_id}"

    def message_at(self, channel: ChannelRef, link: str) -> MessageRef | None:
        """A thread stands in the address in place of its channel."""
        found = _ADDRESS.fullmatch(link)
        if found is None:
            return None
        thread_id = None if found[1] == channel.channel_id else found[1]
        return MessageRef(ConversationRef(channel, thread_id), found[2])

    async def send_file(
        self,
        to: ConversationRef,
        filename: str,
        data: bytes,
        *,
        reply_to: ReplyTo | None = None,
        key: str | None = None,
    ) -> str:
        return await self._send(to, Content(filename=filename, data=data), reply_to, key)

    async def edit(
        self, to: ConversationRef, message_id: str, text: str, *, menus: Sequence[Menu] = ()
    ) -> None:
        content = Content(text, menus)
        route = self._interactions.route(message_id)
        async with asking(to):
            if route is not None and self._interactions.lives(route.held):
                await self._answers.edit(route, content)
            elif route is not None and self._is_lost(route, message_id):
                # Nothing reaches it any more: the whole of it is sent to the one it is for.
                await self._in_private(route.held, content, message_id)
            else:
                channel_id, actual = self._place_of(to, message_id)
                with content.parameters() as parameters:
                    await self._client.http.edit_message(channel_id, actual, params=parameters)

    async def delete(self, to: ConversationRef, message_id: str) -> None:
        route = self._interactions.route(message_id)
        async with asking(to):
            if route is not None and self._interactions.lives(route.held):
                await self._answers.delete(route)
            elif route is not None and self._is_lost(route, message_id):
                raise ChannelGoneError(to)
            else:
                await self._client.http.delete_message(*self._place_of(to, message_id))

    async def typing(self, to: ConversationRef) -> None:
        """Shown once for all who wait in a channel."""
        channel_id, now = _channel_id(to), asyncio.get_running_loop().time()
        if now < self._typed.get(channel_id, -inf) + TYPING_SECONDS:
            return
        self._typed = {each: at for each, at in self._typed.items() if now < at + TYPING_SECONDS}
        self._typed[channel_id] = now
        async with asking(to):
            await self._client.http.send_typing(channel_id)

    async def draft(self, to: ConversationRef, answers: str, text: str) -> bool:
        """Discord has no drafts."""
        return False

    async def reveal(self, to: InteractionRef, text: str, *, menus: Sequence[Menu] = ()) -> None:
        """As a message that only they see; in private once the interaction is too old for it."""
        held = self._interactions.held(to)
        if held is None:
            raise ChannelGoneError(_NOWHERE)
        parts = split_message(text, MAX_TEXT)
        for place, part in enumerate(parts):
            content = Content(part, menus if place == len(parts) - 1 else ())
            async with asking(held.conversation):
                if self._interactions.lives(held):
                    await self._answers.send(held, content, private=True)
                else:
                    await self._in_private(held, content)

    async def dismiss(self, to: InteractionRef) -> None:
        held = self._interactions.held(to)
        if held is not None and self._interactions.lives(held):
            async with asking(held.conversation):
                await self._answers.end_waiting(held)

    async def direct(self, user_id: str) -> ConversationRef:
        async with asking(_NOWHERE):
            try:
                channel = await self._client.create_dm(discord.Object(int(user_id)))
            except (ValueError, discord.NotFound) as error:
                raise ForbiddenError(_NOWHERE) from error
        return ConversationRef(channel_ref(channel.id))

    async def open_thread(self, question: MessageRef, title: str) -> ConversationRef | None:
        """A message's thread has the message's own id."""
        channel = question.conversation.channel
        thread = ConversationRef(channel, question.message_id)
        try:
            async with asking(question.conversation):
                await self._client.http.start_thread_with_message(
                    int(channel.channel_id),
                    int(question.message_id),
                    name=title[:_LONGEST_TITLE] or "…",
                    auto_archive_duration=_ARCHIVED_MINUTES,
                )
        except DeliveryRateLimitedError:
            raise
        except DeliveryError as error:
            if _has_thread(error):
                return thread
            _log.info("no thread could be opened: %r", error.__cause__)
            return None
        return thread

    async def leave(self, server_id: str) -> None:
        server = self._client.get_guild(int(server_id))
        if server is not None:
            async with asking(ConversationRef(channel_ref(server.id))):
                await server.leave()

    async def is_member(self, user_id: str, channel: ChannelRef) -> bool | None:
        standing = await self.standing(user_id, channel)
        return standing.can_read if standing is not None else None

    async def standing(self, user_id: str, channel: ChannelRef) -> Standing | None:
        channel_id = int(channel.channel_id)
        server_id = self._server_of(channel_id)
        async with asking(ConversationRef(channel)):
            return await standing_in(self._client, int(user_id), channel_id, server_id)

    async def is_within(self, channel: ChannelRef, other: ChannelRef) -> bool | None:
        """By what Discord keeps telling us of its servers; a private thread is within none."""
        if channel == other:
            return True
        found = [self._client.get_channel(int(each.channel_id)) for each in (channel, other)]
        one, two = found
        if not isinstance(one, discord.abc.GuildChannel) or not isinstance(
            two, discord.abc.GuildChannel
        ):
            return False
        return is_within(one, two)

    async def lacking(self, channel: ChannelRef) -> Sequence[Lacking]:
        found = self._client.get_channel(int(channel.channel_id))
        place = found.parent if isinstance(found, discord.Thread) else found
        return lacking_around(place) if isinstance(place, discord.abc.GuildChannel) else ()

    def _role(self, mention: str | None) -> int | None:
        """The role to ping; a server's own id is that of the role which everybody has."""
        if mention is None or not mention.isdecimal():
            return None
        return None if self._client.get_guild(int(mention)) is not None else int(mention)

    def _server_of(self, channel_id: int) -> int | None:
        """The server that a channel is in, which never changes; None where we do not know it."""
        for server in self._client.guilds:
            if server.get_channel_or_thread(channel_id) is not None:
                return server.id
        return None

    async def _send(
        self, to: ConversationRef, content: Content, reply_to: ReplyTo | None, key: str | None
    ) -> str:
        held = self._interactions.held(reply_to) if isinstance(reply_to, InteractionRef) else None
        if held is None and isinstance(reply_to, InteractionRef) and reply_to.is_private:
            raise ChannelGoneError(to)  # Nobody else is to see it.
        if held is None or not (held.private or self._interactions.lives(held)):
            return await self._post(to, content, reply_to, key)
        async with asking(to):
            if self._interactions.lives(held):
                try:
                    return await self._answers.send(held, content, private=held.private)
                except discord.HTTPException as error:
                    if error.code not in _SPENT:
                        raise
                    self._interactions.end(held)
            if held.private:
                return await self._in_private(held, content)
        return await self._post(to, content, reply_to, key)

    async def _post(
        self, to: ConversationRef, content: Content, reply_to: ReplyTo | None, key: str | None
    ) -> str:
        # Discord takes a message once per nonce. Where its yes was lost on the way, the next
        # attempt under the same key makes no second message.
        nonce = self._nonces.pop(key or "", None) or secrets.token_hex(12)
        try:
            async with asking(to):
                return await self._posted(to, content, reply_to, nonce)
        except DeliveryRateLimitedError:
            if key is not None:
                self._nonces[key] = nonce
            raise

    async def _posted(
        self, to: ConversationRef, content: Content, reply_to: ReplyTo | None, nonce: str
    ) -> str:
        channel_id = _channel_id(to)
        # In a thread below the question it stands on top already; replies do not reach out of it.
        is_here = isinstance(reply_to, MessageRef) and reply_to.conversation == to
        reference = _reference(reply_to) if isinstance(reply_to, MessageRef) and is_here else None
        try:
            return await self._into(channel_id, content, nonce, reference)
        except discord.HTTPException as error:
            if reference is None or error.code != _NO_HISTORY:
                raise
            return await self._into(channel_id, content, nonce)

    async def _into(
        self,
        channel_id: int,
        content: Content,
        nonce: str | None = None,
        reference: discord.MessageReference | None = None,
    ) -> str:
        with content.parameters(nonce=nonce, reference=reference) as parameters:
            made = await self._client.http.send_message(channel_id, params=parameters)
        return str(made["id"])

    async def _in_private(self, held: Held, content: Content, message_id: str | None = None) -> str:
        """To the one who asked, since nobody else may see it; `message_id` is what it replaces."""
        channel = await self._client.create_dm(discord.Object(held.user_id))
        made = await self._into(channel.id, content)
        for known in (made, message_id):
            if known is not None:
                self._elsewhere[known] = (channel.id, int(made))
        while len(self._elsewhere) > _MOST:
            self._elsewhere.popitem(last=False)
        return made

    def _is_lost(self, route: Route, message_id: str) -> bool:
        """Whether only an interaction that has ended could change the message."""
        return route.held.private and message_id not in self._elsewhere

    def _place_of(self, to: ConversationRef, message_id: str) -> tuple[int, int]:
        return self._elsewhere.get(message_id) or (_channel_id(to), int(message_id))


def _has_thread(error: DeliveryError) -> bool:
    cause = error.__cause__
    return isinstance(cause, discord.HTTPException) and cause.code == _THREAD_EXISTS


def _channel_id(to: ConversationRef) -> int:
    return int(to.thread_id or to.channel.channel_id)


def _reference(answered: MessageRef) -> discord.MessageReference:
    return discord.MessageReference(
        message_id=int(answered.message_id),
        channel_id=_channel_id(answered.conversation),
        fail_if_not_exists=False,
    )
