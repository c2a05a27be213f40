from __future__ import annotations

import pytest

from bot.adapters.api.guard import Rates


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_a_minutes_requests_may_come_at_once_and_then_one_after_the_other():
    clock = Clock()
    rates = Rates(clock)
    assert [rates.take("k", 6) for _ in range(6)] == [0.0] * 6
    assert rates.take("k", 6) == pytest.approx(10)
    clock.now = 9.9
    assert rates.take("k", 6) == pytest.approx(0.1)
    clock.now = 10.1
    assert rates.take("k", 6) == 0.0
    assert rates.take("k", 6) > 0


def test_keys_do_not_use_up_each_others():
    rates = Rates(Clock())
    assert rates.take("a", 1) == 0.0
    assert rates.take("a", 1) > 0
    assert rates.take("b", 1) == 0.0


def test_a_quiet_hour_saves_up_no_more_than_a_minute():
    clock = Clock()
    rates = Rates(clock)
    rates.take("k", 2)
    clock.now = 3600.0
    assert [rates.take("k", 2) > 0 for _ in range(3)] == [False, False, True]
