"""When somebody who failed is asked again."""

from __future__ import annotations

import pytest

from core.engines.breaker import Breaker


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock():
    return Clock()


def test_it_opens_after_three_failures_in_a_row_and_says_so_once(clock):
    breaker = Breaker(clock)
    assert not breaker.failed()
    assert not breaker.failed()
    assert not breaker.succeeded()
    assert [breaker.failed() for _ in range(4)] == [False, False, True, False]
    assert not breaker.admits


def test_half_open_lets_one_through_whose_outcome_decides(clock):
    breaker = Breaker(clock)
    breaker.failed(surely=True)
    clock.now = 4.9
    assert not breaker.admits
    clock.now = 5.0
    assert breaker.admits
    breaker.enter()
    assert not breaker.admits
    breaker.left()
    assert breaker.admits
    breaker.enter()
    breaker.failed()
    clock.now = 14.9
    assert not breaker.admits
    clock.now = 15.0
    breaker.enter()
    assert breaker.succeeded()
    assert breaker.admits
    assert breaker.is_closed


def test_it_never_waits_longer_than_two_minutes(clock):
    breaker = Breaker(clock)
    for _ in range(20):
        breaker.failed(surely=True)
    clock.now = 120.0
    assert breaker.admits
