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


def test_the_real_one_says_what_the_machine_says():
    before = time.time()
    clock = SteadyClock()
    assert before - 1 <= clock() <= time.time() + 1
