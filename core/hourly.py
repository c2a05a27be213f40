"""What was measured, hour by hour, in small rows: numbers over time that outlast a restart."""

from __future__ import annotations

import itertools
import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

from core.database import Database
from core.meters import FirstWord, Generated, Measured, Replied

HOUR: Final = 3600
KEPT_DAYS: Final = 400
BOUNDS: Final = (
    0.05, 0.1, 0.2, 0.3, 0.5, 0.75, 1.0, 1.5, 2.0, 3.0, 5.0, 8.0, 12.0, 20.0, 30.0, 60.0, 120.0,
    300.0,
)  # fmt: skip
"""Classes of times: up to each of these seconds, and one for all that took longer."""
OUTCOMES: Final = ("answered", "refused", "unsaid", "failed", "stopped")
FIRST_WORD: Final = "first_word"
REPLY: Final = "reply"
WAIT: Final = "wait"
PROMPT: Final = "prompt_tokens"
COMPLETION: Final = "completion_tokens"


@dataclass(frozen=True, slots=True)
class Period:
    """A stretch of time with what was measured in it."""

    begins_at: int
    """Seconds since 1970."""
    amounts: Mapping[str, int] = field(default_factory=dict)
    times: Mapping[str, Mapping[int, int]] = field(default_factory=dict)
    """By figure: how many fell into which class of `BOUNDS`."""

    def percentile(self, figure: str, part: float) -> float | None:
        """Seconds within which that part of all stayed; None where there were none."""
        return percentile(self.times.get(figure, {}), part)


class Hourly:
    """Counts in memory, writes now and then. What a crash takes is at most what was not written."""

    def __init__(self, database: Database, *, clock: Callable[[], float] = time.time) -> None:
        self._database = database
        self._clock = clock
        self._counted: Counter[tuple[int, str, int]] = Counter()

    def note(self, measured: Measured) -> None:
        """Takes what was measured, as every meter does."""
        match measured:
            case Replied(outcome=outcome, seconds=seconds):
                self._count(outcome, 1)
                if outcome in ("answered", "refused", "unsaid"):
                    self._time(REPLY, seconds)
            case FirstWord(seconds=seconds):
                self._time(FIRST_WORD, seconds)
            case Generated(waited_seconds=waited, prompt_tokens=read, completion_tokens=wrote):
                self._time(WAIT, waited)
                self._count(PROMPT, read)
                self._count(COMPLETION, wrote)
            case _:
                pass

    async def flush(self) -> None:
        """Write what was counted since the last time; let go of what is too old."""
        counted, self._counted = self._counted, Counter()
        if not counted:
            return
        oldest = int(self._clock()) // HOUR * HOUR - KEPT_DAYS * 24 * HOUR
        try:
            async with self._database.transaction() as connection:
                await connection.executemany(
                    "INSERT INTO hourly_figures VALUES (?, ?, ?, ?) ON CONFLICT DO UPDATE"
                    " SET amount = amount + excluded.amount",
                    [(*key, amount) for key, amount in counted.items()],
                )
                await connection.execute("DELETE FROM hourly_figures WHERE hour < ?", (oldest,))
        except BaseException:
            self._counted += counted
            raise

    async def periods(self, since: float, seconds: int = HOUR) -> tuple[Period, ...]:
        """From then to now, each so long (whole hours), also those in which nothing happened."""
        await self.flush()
        first = int(since) // seconds * seconds
        async with self._database.reader() as connection:
            rows = await connection.execute_fetchall(
                "SELECT hour, figure, bucket, amount FROM hourly_figures WHERE hour >= ?",
                (first,),
            )
        by_start: dict[int, list[tuple[str, int, int]]] = {}
        for hour, figure, bucket, amount in rows:
            by_start.setdefault(hour // seconds * seconds, []).append((figure, bucket, amount))
        last = int(self._clock())
        return tuple(
            _period(start, by_start.get(start, ())) for start in range(first, last + 1, seconds)
        )

    def _count(self, figure: str, amount: int, bucket: int = 0) -> None:
        if amount:
            hour = int(self._clock()) // HOUR * HOUR
            self._counted[hour, figure, bucket] += amount

    def _time(self, figure: str, seconds: float) -> None:
        bucket = next((n for n, most in enumerate(BOUNDS) if seconds <= most), len(BOUNDS))
        self._count(figure, 1, bucket)


def percentile(classes: Mapping[int, int], part: float) -> float | None:
    """Within its class a time is taken to lie where its rank says."""
    total = sum(classes.values())
    if not total:
        return None
    wanted, passed = part * total, 0
    edges = (0.0, *BOUNDS, BOUNDS[-1] * 2)
    for bucket, (low, high) in enumerate(itertools.pairwise(edges)):
        inside = classes.get(bucket, 0)
        if inside and passed + inside >= wanted:
            return low + (high - low) * max(0.0, wanted - passed) / inside
        passed += inside
    return edges[-1]


def _period(start: int, rows: Iterable[tuple[str, int, int]]) -> Period:
    amounts: Counter[str] = Counter()
    times: dict[str, Counter[int]] = {}
    for figure, bucket, amount in rows:
        if figure in (FIRST_WORD, REPLY, WAIT):
            times.setdefault(figure, Counter())[bucket] += amount
        else:
            amounts[figure] += amount
    return Period(start, dict(amounts), times)
