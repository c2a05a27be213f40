"""The fair queue in front of an engine: one budget of slots for every surface.

Every change happens on the event loop and without an await in between, so a request is waiting,
served or gone, and nothing can be cancelled halfway. Turns talk to `core.engines.queued`.
"""

from __future__ import annotations

import asyncio
import heapq
import time
from collections import OrderedDict, deque
from collections.abc import AsyncGenerator, Callable, Iterator
from dataclasses import dataclass
from enum import Enum, StrEnum, auto
from typing import Final, TypeAlias

from core.errors import EngineUnavailableError, QueueFullError
from core.events import ChannelRef, Platform
from core.replies import Queued

_SMOOTHING: Final = 0.2
"""Weight of the newest request in the measured time that one takes."""

Member: TypeAlias = tuple[Platform, str]


class Lane(StrEnum):
    """People come first; background work runs while none of them waits."""

    PEOPLE = "people"
    BACKGROUND = "background"


@dataclass(frozen=True, slots=True)
class Asker:
    """On whose behalf a request waits: members take turns, wherever they ask."""

    channel: ChannelRef
    user_id: str
    lane: Lane = Lane.PEOPLE
    server_id: str | None = None

    @property
    def member(self) -> Member:
        """The same person in every channel of a platform."""
        return self.channel.platform, self.user_id


@dataclass(frozen=True, slots=True)
class QueueLimits:
    """How many requests may wait: of everybody, of one member, of one channel; for each lane."""

    waiting: int = 200
    per_member: int = 2
    per_channel: int = 30


@dataclass(frozen=True, slots=True)
class Load:
    """What a queue holds at this moment."""

    slots: int
    busy: int
    waiting: int
    waiting_in_background: int


class _State(Enum):
    WAITING = auto()
    GRANTED = auto()
    REFUSED = auto()
    GONE = auto()


class Ticket:
    """A place in the queue, then a slot; made by `FairQueue.ticket`, given back by `release`."""

    def __init__(self, queue: FairQueue, asker: Asker) -> None:
        self.asker = asker
        self.granted_at = 0.0
        self._queue = queue
        self._state = _State.WAITING
        self.place = 0
        self._changed = asyncio.Event()

    @property
    def granted(self) -> bool:
        """True while it holds a slot."""
        return self._state is _State.GRANTED

    async def wait(self) -> AsyncGenerator[Queued, None]:
        """Yield the place in the queue whenever it changes; end when the slot is held.

        A reader who is slower than the queue sees the newest place only. Raises
        `EngineUnavailableError` when the queue closes meanwhile.
        """
        while self._state is _State.WAITING:
            self._changed.clear()
            yield Queued(self.place, self._queue.estimate(self.place))
            await self._changed.wait()
        if self._state is not _State.GRANTED:
            raise EngineUnavailableError(self._queue.engine)

    def release(self) -> None:
        """Give up the place or the slot, whichever it holds; harmless when it holds none."""
        state, self._state = self._state, _State.GONE
        self._changed.set()
        if state in (_State.WAITING, _State.GRANTED):
            self._queue.leave(self, held=state is _State.GRANTED)

    def grant(self, now: float) -> None:
        """Hand it a slot; called by its queue."""
        self._state = _State.GRANTED
        self.granted_at = now
        self._changed.set()

    def refuse(self) -> None:
        """Send it away because the queue closes; called by its queue."""
        self._state = _State.REFUSED
        self._changed.set()

    def move(self, position: int) -> None:
        """Tell it its place; called by its queue."""
        if position != self.place:
            self.place = position
            self._changed.set()


class _Line:
    """Tickets that wait in one lane: members take turns, each member's own stay in order."""

    def __init__(self) -> None:
        self._turns: OrderedDict[Member, deque[Ticket]] = OrderedDict()
        self._by_channel: dict[ChannelRef, int] = {}
        self._length = 0

    def __len__(self) -> int:
        return self._length

    def __iter__(self) -> Iterator[Ticket]:
        """In the order in which they will be served if nothing changes."""
        depth = 0
        turns = list(self._turns.values())
        while turns:
            yield from (own[depth] for own in turns)
            depth += 1
            turns = [own for own in turns if len(own) > depth]

    def of_member(self, member: Member) -> int:
        return len(self._turns.get(member, ()))

    def of_channel(self, channel: ChannelRef) -> int:
        return self._by_channel.get(channel, 0)

    def append(self, ticket: Ticket) -> None:
        self._turns.setdefault(ticket.asker.member, deque()).append(ticket)
        self._by_channel[ticket.asker.channel] = self.of_channel(ticket.asker.channel) + 1
        self._length += 1

    def next(self) -> Ticket:
        """Take out the first ticket of the member whose turn it is; that member goes last."""
        member, own = next(iter(self._turns.items()))
        ticket = own[0]
        self._turns.move_to_end(member)
        self.remove(ticket)
        return ticket

    def remove(self, ticket: Ticket) -> None:
        member, channel = ticket.asker.member, ticket.asker.channel
        own = self._turns[member]
        own.remove(ticket)
        if not own:
            del self._turns[member]
        self._by_channel[channel] -= 1
        if not self._by_channel[channel]:
            del self._by_channel[channel]
        self._length -= 1


class FairQueue:
    """Hands out an engine's slots: bounded, members in turn, background work last.

    Background work leaves one slot to people where there are several, so that somebody who asks in
    a quiet moment does not wait for a long job.
    """

    def __init__(
        self,
        engine: str,
        slots: int,
        limits: QueueLimits | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        if slots < 1:
            raise ValueError(slots)
        self.engine = engine
        self._slots = slots
        self._limits = limits or QueueLimits()
        self._clock = clock
        self._lines = {lane: _Line() for lane in Lane}
        self._held: dict[Lane, set[Ticket]] = {lane: set() for lane in Lane}
        self._seconds: dict[Lane, float] = {}
        self._closed = False
        self._crowd = asyncio.Event()
        self._calm = asyncio.Event()
        self._calm.set()

    @property
    def load(self) -> Load:
        """Busy slots and waiting requests."""
        return Load(
            slots=self._slots,
            busy=sum(map(len, self._held.values())),
            waiting=len(self._lines[Lane.PEOPLE]),
            waiting_in_background=len(self._lines[Lane.BACKGROUND]),
        )

    def ticket(self, asker: Asker) -> Ticket:
        """Line up; the slot is held at once where one is free. The caller must `release` it.

        Raises `QueueFullError` with the configuration key of the limit that is reached, and
        `EngineUnavailableError` once the queue is closed.
        """
        if self._closed:
            raise EngineUnavailableError(self.engine)
        ticket = Ticket(self, asker)
        line = self._lines[asker.lane]
        if not self._may_start(asker.lane):
            self._check_limits(asker, line)
        line.append(ticket)
        self._hand_out()
        return ticket

    def estimate(self, position: int) -> float | None:
        """Seconds until the request at this place is served, from what requests took so far."""
        if Lane.PEOPLE not in self._seconds and Lane.BACKGROUND not in self._seconds:
            return None
        now = self._clock()
        free_at = [
            max(0.0, self._typical(lane) - (now - ticket.granted_at))
            for lane, held in self._held.items()
            for ticket in held
        ]
        free_at += [0.0] * (self._slots - len(free_at))
        heapq.heapify(free_at)
        people = len(self._lines[Lane.PEOPLE])
        for ahead in range(1, position):
            lane = Lane.PEOPLE if ahead <= people else Lane.BACKGROUND
            heapq.heapreplace(free_at, free_at[0] + self._typical(lane))
        return free_at[0]

    async def crowded(self) -> None:
        """Until a person waits; who works in the background gives way then."""
        await self._crowd.wait()

    async def quiet(self) -> None:
        """Until no person waits."""
        await self._calm.wait()

    def close(self) -> None:
        """Refuse whoever waits and whoever comes; slots that are held stay so until released."""
        self._closed = True
        for line in self._lines.values():
            for ticket in list(line):
                line.remove(ticket)
                ticket.refuse()
        self._tell_background()

    def leave(self, ticket: Ticket, *, held: bool) -> None:
        """Take a ticket out; called by `Ticket.release`."""
        lane = ticket.asker.lane
        if held:
            self._held[lane].discard(ticket)
            seconds = self._clock() - ticket.granted_at
            before = self._seconds.get(lane, seconds)
            self._seconds[lane] = before + _SMOOTHING * (seconds - before)
        else:
            self._lines[lane].remove(ticket)
        self._hand_out()

    def _typical(self, lane: Lane) -> float:
        other = Lane.BACKGROUND if lane is Lane.PEOPLE else Lane.PEOPLE
        return self._seconds.get(lane, self._seconds.get(other, 0.0))

    def _may_start(self, lane: Lane) -> bool:
        """True where the next request of this lane would be served at once.

        A free slot means that no person waits: people are handed theirs first.
        """
        if self._slots == sum(map(len, self._held.values())):
            return False
        background = len(self._held[Lane.BACKGROUND])
        return lane is Lane.PEOPLE or background < max(1, self._slots - 1)

    def _check_limits(self, asker: Asker, line: _Line) -> None:
        for waiting, limit, key in (
            (line.of_member(asker.member), self._limits.per_member, "max_waiting_per_member"),
            (line.of_channel(asker.channel), self._limits.per_channel, "max_waiting_per_channel"),
            (len(line), self._limits.waiting, "max_waiting"),
        ):
            if waiting >= limit:
                raise QueueFullError(self.engine, waiting, limit, f"engine.{key}")

    def _hand_out(self) -> None:
        for lane, line in self._lines.items():
            while line and self._may_start(lane):
                ticket = line.next()
                self._held[lane].add(ticket)
                ticket.grant(self._clock())
        position = 0
        for line in self._lines.values():
            for ticket in line:
                position += 1
                ticket.move(position)
        self._tell_background()

    def _tell_background(self) -> None:
        heard, over = self._crowd, self._calm
        if not self._lines[Lane.PEOPLE]:
            heard, over = over, heard
        heard.set()
        over.clear()
