from __future__ import annotations

import pytest

from core.database import Database
from core.events import Platform
from core.hourly import BOUNDS, FIRST_WORD, HOUR, KEPT_DAYS, PROMPT, REPLY, Hourly, percentile
from core.meters import FirstWord, Generated, Replied

START = 1_800_000_000 // HOUR * HOUR


class Clock:
    now = float(START)

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
async def database(tmp_path):
    async with Database.open(tmp_path / "lorekeeper.db") as opened:
        yield opened


async def test_what_is_measured_stands_in_its_hour_also_after_a_restart(database, clock):
    hourly = Hourly(database, clock=clock)
    hourly.note(Replied(Platform.WEB, "answered", 1.2))
    hourly.note(Replied(Platform.WEB, "answered", 0.4))
    hourly.note(FirstWord(Platform.WEB, 0.1))
    await hourly.flush()
    clock.now += HOUR
    hourly.note(Replied(Platform.WEB, "refused", 0.2))
    hourly.note(Generated("smollm2", 0.01, 2.0, 900, 40))
    await hourly.flush()
    await hourly.flush()
    again = Hourly(database, clock=clock)
    again.note(Replied(Platform.WEB, "refused", 0.2))
    first, second = await again.periods(START)
    assert (first.begins_at, first.amounts) == (START, {"answered": 2})
    assert sum(first.times[REPLY].values()) == 2
    assert first.percentile(FIRST_WORD, 0.5) is not None
    assert second.amounts == {"refused": 2, PROMPT: 900, "completion_tokens": 40}


async def test_hours_are_put_together_and_empty_ones_are_there(database, clock):
    hourly = Hourly(database, clock=clock)
    day = START // 86_400 * 86_400
    for hour in (0, 5, 30):
        clock.now = day + hour * HOUR
        hourly.note(Replied(Platform.WEB, "failed", 1.0))
    clock.now = day + 3 * 86_400
    found = await hourly.periods(day, 24 * HOUR)
    assert [own.amounts.get("failed", 0) for own in found] == [2, 1, 0, 0]


async def test_what_is_too_old_goes(database, clock):
    hourly = Hourly(database, clock=clock)
    hourly.note(Replied(Platform.WEB, "answered", 1.0))
    await hourly.flush()
    clock.now += (KEPT_DAYS + 1) * 86_400
    hourly.note(Replied(Platform.WEB, "answered", 1.0))
    await hourly.flush()
    async with database.reader() as connection:
        rows = await connection.execute_fetchall("SELECT DISTINCT hour FROM hourly_figures")
    assert [hour for (hour,) in rows] == [int(clock.now)]


def test_a_percentile_lies_within_its_class():
    assert percentile({}, 0.5) is None
    three = BOUNDS.index(3.0)
    assert percentile({three: 10}, 0.5) == 2.5
    assert percentile({three: 10}, 1.0) == 3.0
    assert percentile({0: 90, three: 10}, 0.5) == pytest.approx(0.05 * 50 / 90)
    assert percentile({len(BOUNDS): 1}, 0.95) > BOUNDS[-1]
