"""What engines with prices cost: counted in SQLite, held back while a request runs, capped.

Money is counted in millionths of the operator's currency, a day is UTC's.
"""

from __future__ import annotations

import asyncio
import logging
from collections import Counter, deque
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final, Literal, TypeAlias

from core.database import Database
from core.engines.queue import Asker
from core.errors import EngineBudgetError
from core.events import MemberRef, ServerRef
from core.replies import Usage
from core.settings import EngineSettings
from core.text import storable

_log = logging.getLogger(__name__)

MILLION: Final = 1_000_000
NEARLY: Final = 80
"""Percent of a cap at which the owners are told."""
_ALL: Final = 100

_INSERT: Final = (
    "INSERT INTO spend VALUES (?, ?, ?, ?, ?, 1, ?, ?, ?, ?)"
    " ON CONFLICT (day, engine, platform, server_id, user_id) DO UPDATE SET"
    " requests = requests + excluded.requests,"
    " prompt_tokens = prompt_tokens + excluded.prompt_tokens,"
    " completion_tokens = completion_tokens + excluded.completion_tokens,"
    " estimated = estimated + excluded.estimated, micros = micros + excluded.micros"
)

Period: TypeAlias = Literal["day", "month"]
Tell: TypeAlias = Callable[["CapReached"], Awaitable[bool]]
"""Tells the owners; False where nobody could be told now."""


@dataclass(frozen=True, slots=True)
class CapReached:
    """So many percent of what may be spent on an engine are spent, or (100) it serves no more."""

    engine: str
    period: Period
    percent: int
    spent: float
    cap: float


@dataclass(frozen=True, slots=True)
class Spent:
    """What an engine cost in a day and in its month, and what it may."""

    engine: str
    today: float
    this_month: float
    daily_cap: float | None
    monthly_cap: float | None


@dataclass(frozen=True, slots=True)
class _Entry:
    engine: str
    day: str
    asker: Asker
    usage: Usage
    micros: int


def utc() -> datetime:
    return datetime.now(UTC)


async def _nobody(_reached: CapReached) -> bool:
    return False


class Spending:
    """All engines' costs; `load` first, `aclose` writes what is left."""

    def __init__(self, database: Database, now: Callable[[], datetime] = utc) -> None:
        self._database = database
        self._now = now
        self._spent: Counter[tuple[str, str]] = Counter()
        self._reserved: Counter[str] = Counter()
        self._meters: dict[str, EngineMeter] = {}
        self._unwritten: deque[_Entry] = deque()
        self._alerts: deque[CapReached] = deque()
        self._told: set[tuple[str, str, int]] = set()
        self._writing: asyncio.Task[None] | None = None
        self._tell: Tell = _nobody

    def tells(self, tell: Tell) -> None:
        """Who is told that a cap is near, once it is known."""
        self._tell = tell

    async def load(self) -> None:
        """What this month cost so far, and what the owners know of it."""
        async with self._database.reader() as connection:
            rows = await connection.execute_fetchall(
                "SELECT engine, day, sum(micros) FROM spend WHERE day >= ? GROUP BY engine, day",
                (self._month,),
            )
            told = await connection.execute_fetchall(
                "SELECT engine, period, percent FROM spend_told WHERE period >= ?", (self._month,)
            )
        for engine, day, micros in rows:
            self._spent[engine, day] += micros
            self._spent[engine, day[:7]] += micros
        self._told = {(engine, period, percent) for engine, period, percent in told}

    def meter(self, name: str, settings: EngineSettings) -> EngineMeter | None:
        """The meter of an engine; None: it costs nothing."""
        if not settings.input_price and not settings.output_price:
            return None
        self._meters[name] = EngineMeter(name, settings, self)
        return self._meters[name]

    def totals(self) -> tuple[Spent, ...]:
        """Of every engine that has a price."""
        return tuple(
            Spent(
                name,
                self.micros(name, "day") / MILLION,
                self.micros(name, "month") / MILLION,
                meter.settings.daily_cap,
                meter.settings.monthly_cap,
            )
            for name, meter in self._meters.items()
        )

    async def of_server(self, server: ServerRef, *, month: bool = True) -> float:
        """What was asked in a server cost this month, or today."""
        return await self._sum(
            "server_id = ? AND platform = ?", (server.server_id, server.platform.value), month
        )

    async def of_member(self, member: MemberRef, *, month: bool = True) -> float:
        """What somebody asked cost this month, or today."""
        return await self._sum(
            "user_id = ? AND platform = ?", (member.user_id, member.platform.value), month
        )

    def micros(self, engine: str, period: Period) -> int:
        """What it cost so far in this day or month."""
        return self._spent[engine, self._key(period)]

    def reserved(self, engine: str) -> int:
        """What requests under way may cost at most."""
        return self._reserved[engine]

    def reserve(self, engine: str, micros: int) -> None:
        self._reserved[engine] += micros

    def book(self, engine: str, held: int, asker: Asker, usage: Usage | None, micros: int) -> None:
        """A request is over: what was held back is free, what it cost is spent."""
        self._reserved[engine] -= held
        if usage is None:
            return
        day = self._key("day")
        self._spent[engine, day] += micros
        self._spent[engine, day[:7]] += micros
        self._unwritten.append(_Entry(engine, day, asker, usage, micros))
        self._write_soon()

    def reached(self, engine: str, period: Period, percent: int, cap: float) -> None:
        """The owners are to be told, if they were not yet."""
        key = (engine, self._key(period), percent)
        if key in self._told:
            return
        self._told.add(key)
        spent = self.micros(engine, period) / MILLION
        self._alerts.append(CapReached(engine, period, percent, spent, cap))
        _log.warning("%s: %d %% of its cap for the %s is reached", engine, percent, period)
        self._write_soon()

    async def settle(self) -> None:
        """Wait until what was booked so far is written."""
        while self._writing is not None:
            await asyncio.wait([self._writing])

    async def aclose(self) -> None:
        """Once more, where writing failed before: the disk may have room again."""
        await self.settle()
        if self._unwritten:
            self._write_soon()
            await self.settle()

    @property
    def _month(self) -> str:
        return self._key("month")

    def _key(self, period: Period) -> str:
        day = self._now().astimezone(UTC).date().isoformat()
        return day if period == "day" else day[:7]

    def _write_soon(self) -> None:
        if self._writing is None:
            self._writing = asyncio.create_task(self._write(), name="write spend")
            self._writing.add_done_callback(self._written)

    def _written(self, task: asyncio.Task[None]) -> None:
        self._writing = None
        if not task.cancelled() and task.exception() is not None:
            _log.error("spend could not be written", exc_info=task.exception())
        elif self._unwritten:
            self._write_soon()

    async def _write(self) -> None:
        while self._unwritten:
            entries = tuple(self._unwritten)
            async with self._database.transaction() as connection:
                await connection.executemany(
                    _INSERT,
                    [_row(entry) for entry in entries],
                )
            for _entry in entries:
                self._unwritten.popleft()
        for alert in tuple(self._alerts):
            self._alerts.popleft()
            key = (alert.engine, self._key(alert.period), alert.percent)
            if not await self._tell(alert):
                # Nobody is connected yet: the next answer tries again.
                self._told.discard(key)
                continue
            async with self._database.transaction() as connection:
                await connection.execute("INSERT OR IGNORE INTO spend_told VALUES (?, ?, ?)", key)

    async def _sum(self, where: str, values: Sequence[str], month: bool) -> float:
        await self.settle()
        since = self._key("month" if month else "day")
        async with self._database.reader() as connection:
            rows = await connection.execute_fetchall(
                f"SELECT coalesce(sum(micros), 0) FROM spend WHERE {where} AND day >= ?",  # noqa: S608 - ours
                (*map(storable, values), since),
            )
        return float(next(iter(rows))[0]) / MILLION


class EngineMeter:
    """One engine's prices and caps."""

    def __init__(self, name: str, settings: EngineSettings, spending: Spending) -> None:
        self.name = name
        self.settings = settings
        self._spending = spending
        caps: list[tuple[Period, float | None]] = [
            ("day", settings.daily_cap),
            ("month", settings.monthly_cap),
        ]
        self._caps = [(period, cap) for period, cap in caps if cap is not None]

    def check(self) -> None:
        """Raises `EngineBudgetError` where nothing is left."""
        self._require(1)

    def hold(self, asker: Asker, most: Usage) -> HeldBack:
        """Raises `EngineBudgetError` where what is left may not do: so a crowd that asks at once
        goes over a cap at most by what was estimated too low."""
        micros = self.cost(most)
        self._require(micros)
        self._spending.reserve(self.name, micros)
        return HeldBack(self, asker, micros)

    def settle(self, held: int, asker: Asker, usage: Usage | None) -> None:
        micros = self.cost(usage) if usage is not None else 0
        self._spending.book(self.name, held, asker, usage, micros)
        for period, cap in self._caps:
            if self._spending.micros(self.name, period) * _ALL >= NEARLY * cap * MILLION:
                self._spending.reached(self.name, period, NEARLY, cap)

    def cost(self, usage: Usage) -> int:
        """In millionths; a price is for a million tokens."""
        settings = self.settings
        return round(
            usage.prompt_tokens * settings.input_price
            + usage.completion_tokens * settings.output_price
        )

    def _require(self, micros: int) -> None:
        for period, cap in self._caps:
            taken = self._spending.micros(self.name, period) + self._spending.reserved(self.name)
            if taken + micros <= cap * MILLION:
                continue
            if self._spending.micros(self.name, period) + micros > cap * MILLION:
                # Not only because of what is under way, which may cost less.
                self._spending.reached(self.name, period, _ALL, cap)
            raise EngineBudgetError(self.name, period)


class HeldBack:
    """What a request may cost; settled once."""

    def __init__(self, meter: EngineMeter, asker: Asker, micros: int) -> None:
        self._meter = meter
        self._asker = asker
        self._micros = micros

    def settle(self, usage: Usage | None) -> None:
        self._meter.settle(self._micros, self._asker, usage)


def _row(entry: _Entry) -> tuple[str | int, ...]:
    asker, usage = entry.asker, entry.usage
    return (
        entry.day,
        entry.engine,
        asker.channel.platform.value,
        storable(asker.server_id or ""),
        storable(asker.user_id),
        usage.prompt_tokens,
        usage.completion_tokens,
        int(usage.estimated),
        entry.micros,
    )
