"""Whether somebody who writes in private belongs to a place that is served."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final
from weakref import WeakValueDictionary

from core.errors import DeliveryError
from core.events import ChannelRef, MemberRef, Platform
from core.ports import Outbox
from core.sightings import Sightings

_MOST_ASKED: Final = 25
_MEMBER_SECONDS: Final = 86_400.0
_STRANGER_SECONDS: Final = 600.0
_MOST_REMEMBERED: Final = 10_000


@dataclass(frozen=True, slots=True)
class _Remembered:
    """What the platform said of a member, for a while."""

    is_member: bool
    until: float


class Belonging:
    """Asks the platform: of a member once a day, of a stranger every ten minutes."""

    def __init__(
        self,
        sightings: Sightings,
        outboxes: Mapping[Platform, Outbox],
        *,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._sightings = sightings
        self._outboxes = outboxes
        self._clock = clock
        self._known: dict[MemberRef, _Remembered] = {}
        self._lines: WeakValueDictionary[MemberRef, asyncio.Lock] = WeakValueDictionary()

    async def is_member(
        self, member: MemberRef, served: Callable[[Platform], Awaitable[Sequence[ChannelRef]]]
    ) -> bool:
        """`served` gives one channel of every place that is served."""
        # One search for all that somebody writes meanwhile: it takes many requests.
        async with self._lines.setdefault(member, asyncio.Lock()):
            known = self._known.get(member)
            if known is not None and self._clock() < known.until:
                return known.is_member
            return await self._find_out(member, await served(member.platform))

    async def _find_out(self, member: MemberRef, served: Sequence[ChannelRef]) -> bool:
        is_member = await self._ask(member, served)
        if len(self._known) >= _MOST_REMEMBERED:
            self._known.clear()
        kept = _MEMBER_SECONDS if is_member else _STRANGER_SECONDS
        self._known[member] = _Remembered(is_member, self._clock() + kept)
        return is_member

    async def _ask(self, member: MemberRef, served: Sequence[ChannelRef]) -> bool:
        outbox = self._outboxes.get(member.platform)
        if outbox is None:
            return False
        seen_in = {seen.channel for seen in await self._sightings.channels_of(member)}
        # Where they were seen comes first; there, what the platform cannot say is taken for yes.
        failure: DeliveryError | None = None
        for channel in sorted(served, key=lambda own: own not in seen_in)[:_MOST_ASKED]:
            try:
                answer = await outbox.is_member(member.user_id, channel)
            except DeliveryError as error:
                failure = error
                continue
            if answer or (answer is None and channel in seen_in):
                return True
        if failure is not None:
            # Nobody is taken for a stranger because the platform was away.
            raise failure
        return False
