"""Time passes, whoever sets the clock."""

from __future__ import annotations

import time

from core.clocks import SteadyClock


def test_it_is_the_time_of_day_and_goes_on_as_time_passes():
    wall, passed = [1000.0], [5.0]
    clock = SteadyClock(lambda: wall[0], lambda: passed[0])
    assert clock() == 1000
    wall[0] += 7200
    passed[0] += 60
    assert clock() == 1060


def test_a_clock_that_was_ahead_at_the_start_makes_nobody_old_when_it_is_put_right():
    wall, passed = [1000.0 + 8 * 3600], [5.0]
    clock = SteadyClock(lambda: wall[0], lambda: passed[0])
    wall[0], passed[0] = 1060.0, 65.0
    assert clock() == 1060


def test_the_real_one_says_what_the_machine_says():
    before = time.time()
    clock = SteadyClock()
    assert before - 1 <= clock() <= time.time() + 1
