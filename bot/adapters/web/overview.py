"""Numbers for the dashboard: what happened over time, what happens now. Nothing names anybody."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from core.database import Database
from core.engines.queue import Load
from core.hourly import HOUR, Hourly, Period

DAY: Final = 24 * HOUR
SPANS: Final = {"day": (DAY, HOUR), "week": (7 * DAY, 6 * HOUR), "month": (30 * DAY, DAY)}
"""How far back, and how long each step is."""


@dataclass(frozen=True, slots=True)
class Overview:
    """What a dashboard shows."""

    periods: tuple[Period, ...]
    seconds: int
    """Of each period."""
    liked: Mapping[int, int]
    disliked: Mapping[int, int]
    gaps: Mapping[int, int]
    """Each by the beginning of its period."""
    spent: Mapping[str, float]
    """By day, in the operator's currency; empty where no engine has a price."""
    loads: Mapping[str, Load]


class Overviews:
    """Reads; changes nothing."""

    def __init__(
        self,
        database: Database,
        hourly: Hourly,
        loads: Callable[[], Mapping[str, Load]],
        *,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._database = database
        self._hourly = hourly
        self._loads = loads
        self._clock = clock

    async def of(self, span: str) -> Overview:
        """The last day, week or month."""
        back, seconds = SPANS.get(span, SPANS["week"])
        since = int(self._clock() - back) // seconds * seconds + seconds
        liked: Counter[int] = Counter()
        disliked: Counter[int] = Counter()
        gaps: Counter[int] = Counter()
        async with self._database.reader() as connection:
            given = await connection.execute_fetchall(
                "SELECT given_at, verdict FROM feedback WHERE given_at >= ?", (since,)
            )
            refused = await connection.execute_fetchall(
                "SELECT asked_at FROM exchanges WHERE asked_at >= ? AND refused", (since,)
            )
            spent = await connection.execute_fetchall(
                "SELECT day, sum(micros) FROM spend WHERE day >= ? GROUP BY day ORDER BY day",
                (datetime.fromtimestamp(since, UTC).date().isoformat(),),
            )
        for at, verdict in given:
            start = int(at) // seconds * seconds
            (liked if verdict == "up" else disliked)[start] += 1
            gaps[start] += verdict == "down"
        for (at,) in refused:
            gaps[int(at) // seconds * seconds] += 1
        return Overview(
            await self._hourly.periods(since, seconds),
            seconds,
            liked,
            disliked,
            gaps,
            {str(day): micros / 1_000_000 for day, micros in spent},
            self._loads(),
        )
