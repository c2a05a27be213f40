"""What was said while there was no session: asked for where somebody may have meant us."""

from __future__ import annotations

import logging
from collections import OrderedDict, deque
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final, TypeAlias

import discord

from bot.adapters.discord.client import DiscordClient
from bot.adapters.discord.refusals import FAILURES
from core.events import ConversationRef, IncomingEvent, IncomingMessage, MessageRef, Trigger

Addressed: TypeAlias = Callable[[], Awaitable[Sequence[MessageRef]]]
"""The conversations in which we were addressed lately, each with the newest message known."""

MOST_CHANNELS: Final = 100
"""So many places are looked through for what was missed, the latest first."""
MOST_MISSED: Final = 500
"""So many messages of each."""
UNNOTICED: Final = timedelta(seconds=90)
"""So long a connection may have been dead before that is noticed: two heartbeats."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Past:
    """What is known of the time before a session."""

    addressed: Addressed | None = None
    age: timedelta = timedelta(hours=1)
    """How old a message may be that is fetched because nobody heard it."""


class CatchingUp:
    """Remembers where we are spoken to, and how far everything was heard there."""

    def __init__(self, past: Past, hear: Callable[[IncomingEvent], object]) -> None:
        self._past = past
        self._hear = hear
        self._places: OrderedDict[int, None] = OrderedDict()
        self._lately: deque[str] = deque(maxlen=MOST_MISSED)
        self._began = datetime.now(UTC)
        self._lost: datetime | None = None
        self._is_first = True

    def heard(self, message: IncomingMessage) -> None:
        """Somebody addressed us."""
        self._lately.append(message.message_id)
        place = place_of(message.conversation)
        self._places[place] = None
        self._places.move_to_end(place)
        if len(self._places) > MOST_CHANNELS:
            self._places.popitem(last=False)

    def lost(self) -> None:
        """The connection is gone."""
        if self._lost is None:
            self._lost = datetime.now(UTC) - UNNOTICED

    async def catch_up(self, client: DiscordClient) -> None:
        """A session began: tell what was said before it."""
        newest = await self._known_before() if self._is_first else {}
        self._is_first = False
        for place, after in self._worth_a_look(client, newest):
            try:
                await self._look_through(client, place, after)
            except (*FAILURES, discord.InvalidData) as error:
                _log.info("nothing to catch up with in %s: %s", place, error)

    async def _known_before(self) -> dict[int, int]:
        """What an earlier run has heard last, in each place."""
        known = await self._past.addressed() if self._past.addressed is not None else ()
        entered = discord.utils.time_snowflake(self._began)
        for ref in known:
            place = place_of(ref.conversation)
            if place not in self._places:
                self._places[place] = None
                self._places.move_to_end(place, last=False)
        return {
            place_of(ref.conversation): int(ref.message_id)
            for ref in known
            if int(ref.message_id) < entered
        }

    def _worth_a_look(
        self, client: DiscordClient, newest: Mapping[int, int]
    ) -> list[tuple[int, int]]:
        """Where we were addressed lately, and where else in those servers something was said; each
        with the message after which to look."""
        floor = discord.utils.time_snowflake(datetime.now(UTC) - self._past.age)
        since = max(newest.values(), default=floor)
        if self._lost is not None:
            since, self._lost = discord.utils.time_snowflake(self._lost), None
        since = max(since, floor)
        known = [*reversed(self._places)]
        found = [(place, max(floor, min(newest.get(place, since), since))) for place in known]
        others = sorted(_spoken_in(_servers(client, known), since), reverse=True)
        found += [(place, since) for _last, place in others if place not in self._places]
        return found[:MOST_CHANNELS]

    async def _look_through(self, client: DiscordClient, place: int, after: int) -> None:
        channel = await client.place(place)
        if channel is None:
            return
        since = discord.Object(after)
        async for message in channel.history(limit=MOST_MISSED, after=since, oldest_first=True):
            if str(message.id) in self._lately:
                continue
            event = await client.translated(message)
            if isinstance(event, IncomingMessage) and event.trigger is not Trigger.AMBIENT:
                self._hear(event)


def place_of(conversation: ConversationRef) -> int:
    """The channel or thread that a conversation is held in."""
    return int(conversation.thread_id or conversation.channel.channel_id)


def _servers(client: DiscordClient, places: Sequence[int]) -> set[discord.Guild]:
    channels = (client.get_channel(place) for place in places)
    return {
        channel.guild
        for channel in channels
        if isinstance(channel, discord.abc.GuildChannel | discord.Thread)
    }


def _spoken_in(servers: set[discord.Guild], since: int) -> Iterator[tuple[int, int]]:
    """Where something was said after that: the newest message, and the channel or thread."""
    for server in servers:
        channels: list[discord.TextChannel | discord.Thread]
        channels = [*server.text_channels, *server.threads]
        for channel in channels:
            if (channel.last_message_id or 0) > since:
                yield channel.last_message_id or 0, channel.id
