"""Who may see which bases: the one maker of a `Scope` for people's questions.

A base's name says whose it is and who may see what it learnt:

- `shared` is the operator's for everybody, as is any name without a colon for whom they pick it;
- `discord:123` is what a channel learnt while all of its server could see it;
- `discord:restricted:123` is what it learnt while fewer could, and what a private thread learns;
- `discord:server:9` is a server's, filled only by sharing documents by name;
- `telegram:@456` is a member's private one.

So what was learnt where fewer people can see has a base of its own from its first byte, and a
channel that is made public later stops being answered from it. What a platform sends as an id is
checked before a name is made of it, so that no channel can call itself into another's base.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Final, Protocol

from core.bindings import Bindings
from core.channels import Channels
from core.errors import NotReadableError
from core.events import (
    ActionPressed,
    Asked,
    Author,
    ChannelKind,
    ChannelRef,
    ConversationRef,
    IncomingMessage,
    MemberRef,
    Place,
    Platform,
    ServerRef,
)
from core.permissions import NOBODY, Level, Rules, level_of
from core.ports import Outbox
from core.sightings import SeenChannel, Sightings, seen_channel
from knowledge_base.errors import NoSuchBaseError
from knowledge_base.models import BaseId, BaseStatistics, KnowledgeBase, Scope

SHARED: Final = "shared"
"""The operator's own base for all channels."""
SAMPLES: Final = "samples"
"""Documents of the first run: for the operator's surfaces, never for a chat channel."""

NO_RULES: Final = Rules()

# Discord's and Telegram's ids are numbers, groups' negative. No "@", ":" or look-alikes of them.
_ID: Final = re.compile(r"-?[A-Za-z0-9_][A-Za-z0-9_-]{0,63}", re.ASCII)
_OWNED: Final = re.compile(rf"([a-z]+):(@|server:|restricted:|)({_ID.pattern})", re.ASCII)
_CHANNELS: Final = re.compile(r"[a-z]+:(-?\w[\w-]*)", re.ASCII)


class Bases(Protocol):
    """What access asks of the library."""

    async def base(self, name: str) -> KnowledgeBase: ...

    async def bases(self) -> tuple[KnowledgeBase, ...]: ...

    async def statistics(self, base: BaseId) -> BaseStatistics: ...


def open_base_of(channel: ChannelRef) -> str | None:
    """Of what a channel learnt while everybody around could see it; None: it can have none."""
    return _name(channel.platform, "", channel.channel_id)


def restricted_base_of(channel: ChannelRef) -> str | None:
    """Of what it learnt while fewer could."""
    return _name(channel.platform, "restricted:", channel.channel_id)


def private_base_of(member: MemberRef) -> str | None:
    """A member's own."""
    return _name(member.platform, "@", member.user_id)


def server_base_of(server: ServerRef) -> str | None:
    """What was shared with all of a server."""
    return _name(server.platform, "server:", server.server_id)


def owner_of(base: str) -> MemberRef | ServerRef | ChannelRef | None:
    """Whose a base is, by its name; None: the operator's, or nobody's that is known."""
    found = _OWNED.fullmatch(base)
    if found is None or found[1] not in set(Platform):
        return None
    platform, kind, own_id = Platform(found[1]), found[2], found[3]
    match kind:
        case "@":
            return MemberRef(platform, own_id)
        case "server:":
            return ServerRef(platform, own_id)
        case _:
            return ChannelRef(platform, own_id)


def is_attachable(base: str) -> bool:
    """Whether a base may serve other places: an open channel's, or one of the operator's making."""
    return _CHANNELS.fullmatch(base) is not None or (":" not in base and base != SAMPLES)


def home_of(asked: Asked) -> str | None:
    """The base that uploads and corrections from this place go to; None: it can have none.

    A thread shares its channel's, unless it is private. On the operator's surfaces it is the first
    base that was picked.
    """
    return next(iter(homes_of(asked)), None)


def homes_of(asked: Asked) -> tuple[str, ...]:
    """All bases that are this place's own, the one that learns first."""
    channel = asked.conversation.channel
    if channel.platform.is_operators:
        picked = _picked(asked)
        return (SHARED,) if picked is None else picked
    if asked.kind is ChannelKind.PRIVATE:
        own = private_base_of(MemberRef(channel.platform, asked.author.user_id))
        return () if own is None else (own,)
    return _homes(seen_channel(asked), is_restricted=asked.place.is_restricted)


def taught_in(asked: Asked) -> tuple[str, ...]:
    """All bases that this place ever taught, for taking something out of them, not for reading.

    What a channel learnt while fewer could see it stays its own when it is made public.
    """
    homes = homes_of(asked)
    channel = asked.conversation.channel
    if channel.platform.is_operators or asked.kind is ChannelKind.PRIVATE:
        return homes
    restricted = restricted_base_of(channel)
    return homes if restricted is None or restricted in homes else (*homes, restricted)


class Access:
    """Makes scopes. What may change (who can read a channel) is asked of the platform each time."""

    def __init__(
        self,
        library: Bases,
        channels: Channels,
        sightings: Sightings,
        bindings: Bindings,
        outboxes: Mapping[Platform, Outbox],
        rules: Rules = NO_RULES,
    ) -> None:
        self._library = library
        self._channels = channels
        self._sightings = sightings
        self._bindings = bindings
        self._outboxes = outboxes
        self._rules = rules

    async def scope_of(self, asked: Asked) -> Scope:
        """The bases that somebody may be answered from; those that do not exist yet are absent.

        Raises `NotReadableError` where a private chat uses a channel that its member cannot read
        any more, or of which the platform does not say so now.
        """
        channel = asked.conversation.channel
        if channel.platform.is_operators:
            # Only there somebody picks bases; a chat message that carries some is not believed.
            picked = _picked(asked)
            if picked is None:
                picked = (SHARED, *await _samples(self._library))
            return await self._scope(picked)
        if asked.kind is ChannelKind.PRIVATE:
            return await self._private(asked)
        seen = seen_channel(asked)
        names = [*homes_of(asked), *await self._around(seen, asked.author.user_id)]
        return await self._scope(names, await self._attached(seen))

    async def _private(self, asked: Asked) -> Scope:
        """The member's own base, and what the channel is answered from that they use."""
        member = MemberRef(asked.conversation.channel.platform, asked.author.user_id)
        names = [*homes_of(asked), SHARED]
        used = await self._bindings.used_by(member)
        if used is None:
            return await self._scope(names)
        seen = await self._sightings.channel(used) or SeenChannel(used)
        await self.require_readable(member, seen)
        restricted = restricted_base_of(used)
        closed = seen.parent is not None
        if not closed and restricted is not None and await _base(restricted, self._library):
            # It may have been made public since somebody last wrote there.
            closed = await self._is_restricted(member.user_id, used)
        names += [*_homes(seen, is_restricted=closed), *await self._around(seen, member.user_id)]
        return await self._scope(names, await self._attached(seen))

    async def require_readable(self, member: MemberRef, seen: SeenChannel) -> None:
        """Raises `NotReadableError`, unless the platform says now that the member can read it.

        A channel that they cannot read any more is not used any longer.
        """
        outbox = self._outboxes.get(member.platform)
        readable = None if outbox is None else await outbox.is_member(member.user_id, seen.channel)
        if readable is True and not await self._is_shut_out(member, seen):
            return
        readable = False if readable else readable
        if readable is False:
            await self._bindings.unuse(member)
        raise NotReadableError(seen.title, unknown=readable is None)

    async def _is_shut_out(self, member: MemberRef, seen: SeenChannel) -> bool:
        """Whether the operator's lists keep them from being served there.

        A private chat knows nothing of the roles that somebody has in a server, nor of the server.
        """
        if (self._rules.blocked, self._rules.allowed) == (NOBODY, NOBODY):
            return False
        outbox = self._outboxes[member.platform]
        standing = await outbox.standing(member.user_id, seen.channel)
        there = ActionPressed(
            ConversationRef(seen.channel),
            "",
            "",
            Author(member.user_id, "", role_ids=standing.role_ids if standing else frozenset()),
            server_id=None if seen.server is None else seen.server.server_id,
            place=Place(parent=seen.parent),
        )
        return level_of(there, self._rules) is Level.BLOCKED

    async def _around(self, seen: SeenChannel, user_id: str) -> list[str]:
        """Names of the bases above a channel: its parent's, its server's, everybody's."""
        names: list[str | None] = [SHARED]
        if seen.parent is not None:
            names.append(open_base_of(seen.parent))
            restricted = restricted_base_of(seen.parent)
            if restricted is not None and await _base(restricted, self._library):
                # Who is in a private thread can read its channel, but was perhaps not there when
                # fewer could.
                closed = await self._is_restricted(user_id, seen.parent)
                names.append(restricted if closed else None)
        settings = self._channels.at(seen.channel, seen.parent, seen.server)
        if seen.server is not None and settings.server_base:
            names.append(server_base_of(seen.server))
        return [name for name in names if name is not None]

    async def _is_restricted(self, user_id: str, channel: ChannelRef) -> bool:
        outbox = self._outboxes.get(channel.platform)
        standing = None if outbox is None else await outbox.standing(user_id, channel)
        return standing is not None and standing.can_read and standing.is_restricted

    async def _attached(self, seen: SeenChannel) -> frozenset[BaseId]:
        places = [place for place in (seen.channel, seen.parent) if place is not None]
        found = {own.base_id for place in places for own in await self._bindings.attached_to(place)}
        if not found:
            return frozenset()
        bases = await self._library.bases()
        return frozenset(
            base.base_id for base in bases if base.base_id in found and is_attachable(base.name)
        )

    async def _scope(
        self, names: Sequence[str], attached: frozenset[BaseId] = frozenset()
    ) -> Scope:
        found = [await _base(name, self._library) for name in names]
        return Scope(frozenset(base.base_id for base in found if base is not None) | attached)


def _picked(asked: Asked) -> tuple[str, ...] | None:
    """The bases that somebody picked on an operator's surface; None: none at all.

    What a member taught in private is for whoever runs the bot: nobody else picks it.
    """
    bases = asked.bases if isinstance(asked, IncomingMessage) else None
    if not bases:
        return None
    if asked.author.is_channel_admin:
        return bases
    return tuple(base for base in bases if not isinstance(owner_of(base), MemberRef))


def _name(platform: Platform, kind: str, own_id: str) -> str | None:
    return f"{platform.value}:{kind}{own_id}" if _ID.fullmatch(own_id) else None


def _homes(seen: SeenChannel, *, is_restricted: bool) -> tuple[str, ...]:
    closed = is_restricted or seen.parent is not None
    names = (restricted_base_of(seen.channel) if closed else None, open_base_of(seen.channel))
    return tuple(name for name in names if name is not None)


async def _samples(library: Bases) -> tuple[str, ...]:
    """The samples, until the operator has filled a base of their own, `shared` or another one."""
    for base in await library.bases():
        if base.name == SAMPLES or ":" in base.name:
            continue
        if (await library.statistics(base.base_id)).documents:
            return ()
    return (SAMPLES,)


async def _base(name: str, library: Bases) -> KnowledgeBase | None:
    try:
        base = await library.base(name)
    except NoSuchBaseError:
        return None
    return base if base.name == name else None
