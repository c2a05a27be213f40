"""The roles that somebody who writes in private has in the servers where they were seen.

A private chat knows nothing of roles; where the operator's lists name some, the platform is asked,
and what it said is remembered for a while.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping
from typing import Final
from weakref import WeakValueDictionary

from core.errors import DeliveryError
from core.events import Asked, ChannelKind, MemberRef, Platform, ServerRef
from core.permissions import Listed
from core.ports import Outbox
from core.sightings import SeenChannel, Sightings

KNOWN_SECONDS: Final = 300.0
_MOST_ASKED: Final = 25
_MOST_REMEMBERED: Final = 10_000


class PrivateRoles:
    """`learn` before levels are looked at; `of` is what was learnt."""

    def __init__(
        self,
        sightings: Sightings,
        outboxes: Mapping[Platform, Outbox],
        lists: tuple[Listed, ...],
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`lists`: where none of them names a role, nobody is asked."""
        self._sightings = sightings
        self._outboxes = outboxes
        self._lists = lists
        self._clock = clock
        self._known: dict[MemberRef, tuple[float, frozenset[str]]] = {}
        self._lines: WeakValueDictionary[MemberRef, asyncio.Lock] = WeakValueDictionary()

    def of(self, member: MemberRef) -> frozenset[str]:
        """As they were a few minutes ago at the most; none of who was not asked about."""
        return self._known.get(member, (0.0, frozenset[str]()))[1]

    async def learn(self, asked: Asked) -> None:
        """Ask about who writes in private. Raises `DeliveryError` where nobody says."""
        channel = asked.conversation.channel
        if asked.kind is not ChannelKind.PRIVATE:
            return
        if not any(own.has_roles_on(channel.platform) for own in self._lists):
            return
        member = MemberRef(channel.platform, asked.author.user_id)
        async with self._lines.setdefault(member, asyncio.Lock()):
            until = self._known.get(member, (0.0, frozenset[str]()))[0]
            if self._clock() < until:
                return
            roles = await self._ask(member)
            if len(self._known) >= _MOST_REMEMBERED:
                self._known.clear()
            self._known[member] = (self._clock() + KNOWN_SECONDS, roles)

    async def _ask(self, member: MemberRef) -> frozenset[str]:
        outbox = self._outboxes.get(member.platform)
        if outbox is None:
            return frozenset()
        roles: set[str] = set()
        failure: DeliveryError | None = None
        for seen in await self._servers(member):
            try:
                standing = await outbox.standing(member.user_id, seen.channel)
            except DeliveryError as error:
                failure = error
                continue
            if standing is not None:
                roles |= standing.role_ids
        if failure is not None:
            # Nobody gets past a list because the platform was away.
            raise failure
        return frozenset(roles)

    async def _servers(self, member: MemberRef) -> list[SeenChannel]:
        """One channel of each server, those first where they were seen, that most can see."""
        own = await self._sightings.channels_of(member)
        others = await self._sightings.channels_on(member.platform)
        found: dict[ServerRef, SeenChannel] = {}
        for seen in (*own, *sorted(others, key=lambda one: one.is_restricted)):
            if seen.server is not None:
                found.setdefault(seen.server, seen)
        return list(found.values())[:_MOST_ASKED]
