"""Lines that questions wait in."""

from __future__ import annotations

import random

from core.turns import Turns


async def test_only_the_head_of_a_line_is_reached_and_lines_do_not_touch():
    turns = Turns()
    a1, a2, b1 = turns.line_up("a"), turns.line_up("a"), turns.line_up("b")

    assert [turn.reached.is_set() for turn in (a1, a2, b1)] == [True, False, True]
    a1.leave()
    assert a2.reached.is_set()


async def test_who_leaves_from_the_middle_or_twice_does_no_harm():
    turns = Turns()
    first, second, third = (turns.line_up("a") for _ in range(3))
    second.leave()
    second.leave()
    assert not third.reached.is_set()
    first.leave()
    assert third.reached.is_set()
    third.leave()
    assert len(turns) == 0


async def test_in_any_order_of_leaving_the_longest_waiting_is_next_and_nothing_is_left():
    chance = random.Random(7)
    turns = Turns()
    line = [turns.line_up("a") for _ in range(200)]
    while line:
        assert [turn.reached.is_set() for turn in line].count(True) >= 1
        assert line[0].reached.is_set()
        line.pop(chance.randrange(len(line))).leave()
    assert len(turns) == 0
