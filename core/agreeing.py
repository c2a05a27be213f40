"""Whether what a member asks in private may leave the machine: they are asked once, by buttons."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import reduce
from typing import Final

from core.access import owner_of
from core.channels import Channels
from core.database import Database
from core.distance import EnginePlace, furthest, is_within, nearer
from core.engines.choice import Course
from core.events import ChannelKind, ChannelRef, IncomingMessage, MemberRef, ServerRef
from core.inert import inert
from core.language import Words
from core.replies import Button, Menu
from core.sightings import Sightings
from core.text import storable

AGREE: Final = "agree"
"""The beginning of what is pressed; the place follows."""


@dataclass(frozen=True, slots=True)
class Embedding:
    """Where documents and questions are turned into numbers."""

    place: EnginePlace = "local"
    host: str = ""


HERE: Final = Embedding()


class Nearness:
    """How far out the texts of a base may go, by whose it is. Asked each time: what its people
    choose holds for what is under way too, and in every process that has the files open."""

    def __init__(self, database: Database, place: EnginePlace) -> None:
        """`place`: where the embedder is."""
        self._database = database
        self._place = place

    async def may_embed(self, base: str) -> bool:
        """Whether the base's texts may go to the embedder; the operator's own may."""
        return ":" not in base or is_within(self._place, await self._limit(base))

    async def _limit(self, base: str) -> EnginePlace:
        channels = Channels(self._database)
        await channels.load()
        match owner_of(base):
            case ChannelRef() as channel:
                seen = await Sightings(self._database).channel(channel)
                around = (seen.parent, seen.server) if seen is not None else (None, None)
                return channels.at(channel, *around).place
            case ServerRef() as server:
                return channels.of_server(server).place
            case MemberRef() as member:
                chats = [
                    chat for chat in await self._chats(member) if "place" in channels.chosen(chat)
                ]
                places = [channels.at(chat).place for chat in chats]
                return reduce(nearer, places) if places else "local"
            case None:
                return "local"

    async def _chats(self, member: MemberRef) -> list[ChannelRef]:
        """Their private chats, as far as they are known: no channel that was seen as a group's."""
        key = (member.platform.value, storable(member.user_id))
        async with self._database.reader() as connection:
            rows = await connection.execute_fetchall(
                "SELECT channel_id FROM (SELECT platform, channel_id, author_id FROM exchanges"
                " UNION SELECT platform, channel_id, author_id FROM inbox"
                # On some platforms the chat has the member's number.
                " UNION SELECT ?, ?, ?) WHERE platform = ? AND author_id = ? AND channel_id NOT IN"
                " (SELECT channel_id FROM channels WHERE channels.platform = ?)",
                (key[0], key[1], key[1], *key, key[0]),
            )
        return [ChannelRef(member.platform, str(channel_id)) for (channel_id,) in rows]


@dataclass(frozen=True, slots=True)
class Request:
    """What is asked of the member, and what their agreement allows."""

    text: str
    menu: Menu


class Agreeing:
    """The answer itself is a channel setting, `place`, and is taken back like one."""

    def __init__(
        self,
        database: Database,
        channels: Channels,
        embedding: Embedding,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._database = database
        self._channels = channels
        self._embedding = embedding
        self._clock = clock

    async def request(self, message: IncomingMessage, course: Course, _: Words) -> Request | None:
        """What to ask the member of a private chat; None: nothing, or they were asked before."""
        channel = message.conversation.channel
        if message.kind is not ChannelKind.PRIVATE or self._channels.is_chosen(message, "place"):
            return None
        limit = self._channels.of(message).place
        embedding, engine = self._embedding, course.too_far
        embeds = not is_within(embedding.place, limit)
        if (engine is None and not embeds) or await self._was_asked(channel):
            return None
        lines = []
        if engine is not None:
            name, host = inert(engine.engine.name), inert(engine.host or "?")
            lines.append(
                _("The model {engine} that would answer here runs at {host}, on another machine of "
                  "whoever runs me.", engine=name, host=host)
                if engine.place == "own"
                else _("The model {engine} that would answer here runs outside, at {host}, on "
                       "somebody else's machine.", engine=name, host=host)
            )  # fmt: skip
            lines.append(
                _("Your questions in this chat would go there, with what was said before and the "
                  "passages found for them, also those of your own documents.")
            )  # fmt: skip
        if embeds:
            lines.append(
                _("For searching, your questions and your own documents would be turned into "
                  "numbers at {host}.", host=inert(embedding.host or "?"))
            )  # fmt: skip
        lines.append(
            _("May they? Until you agree, all of it stays on this machine. You are asked once, and "
              "change it whenever you like with `/settings place`.")
        )  # fmt: skip
        places = [
            one for one in (engine and engine.place, embedding.place if embeds else None) if one
        ]
        wanted = furthest(places)
        menu = Menu(
            (
                Button(f"{AGREE}:{wanted}", _("Yes, they may"), "good"),
                Button(f"{AGREE}:local", _("No, keep all here")),
            )
        )
        return Request("\n".join(lines), menu)

    async def was_shown(self, channel: ChannelRef) -> None:
        """The member has read it: they are not asked again."""
        async with self._database.transaction() as connection:
            await connection.execute(
                "INSERT OR IGNORE INTO place_asked VALUES (?, ?, ?)",
                (channel.platform.value, storable(channel.channel_id), self._clock()),
            )

    async def _was_asked(self, channel: ChannelRef) -> bool:
        async with self._database.reader() as connection:
            rows = await connection.execute_fetchall(
                "SELECT 1 FROM place_asked WHERE platform = ? AND channel_id = ?",
                (channel.platform.value, storable(channel.channel_id)),
            )
        return bool(list(rows))
