"""What one member may take, by a clock that the tests turn."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.quota import DAY, MEGABYTE, Allowed, Refused, Use, question, upload
from core.settings import LimitSettings

LIMITS = LimitSettings()
NO_LIMITS = LimitSettings(0, 5, 0, 0, 0, 0, 0, 0)


def asked(*times):
    return [Use(time) for time in times]


def test_the_seventh_question_within_five_minutes_waits_for_the_first_to_be_over():
    used = asked(0, 10, 20, 30, 40, 50)
    assert question(used, 60, LIMITS) == Refused("questions", 6, 240)
    assert isinstance(question(used, 300, LIMITS), Allowed)


def test_the_day_s_questions_are_counted_over_the_last_24_hours():
    used = asked(*(minute * 600.0 for minute in range(60)))
    assert question(used, 59 * 600.0 + 301, LIMITS) == Refused(
        "daily_questions", 60, DAY - (59 * 600.0 + 301)
    )
    assert isinstance(question(used, DAY, LIMITS), Allowed)


def test_it_is_told_before_it_bites():
    assert question(asked(0, 1, 2), 3, LIMITS) == Allowed()
    assert question(asked(0, 1, 2, 3), 4, LIMITS) == Allowed(Refused("questions", 6, 296))
    many = asked(*(number * 900.0 for number in range(54)))
    told = question(many, 54 * 900.0, LIMITS)
    assert told.nearly.budget == "daily_questions"


def test_files_are_counted_by_number_and_by_size():
    files = [Use(number, 1) for number in range(20)]
    assert upload(files, 1, 100, LIMITS) == Refused("daily_uploads", 20, DAY - 100)
    large = [Use(0, 60 * MEGABYTE), Use(10, 30 * MEGABYTE)]
    assert upload(large, 20 * MEGABYTE, 50, LIMITS) == Refused("daily_upload_mb", 100, DAY - 50)
    assert isinstance(upload(large, 10 * MEGABYTE, 50, LIMITS), Allowed)
    assert isinstance(upload([], 101 * MEGABYTE, 50, LIMITS), Refused)


def test_without_a_limit_there_is_none():
    assert question(asked(*range(1000)), 1000, NO_LIMITS) == Allowed()
    assert upload([Use(0, 1 << 50)] * 100, 1 << 50, 1, NO_LIMITS) == Allowed()


@given(
    st.lists(st.floats(0, 3 * DAY), max_size=200),
    st.integers(1, 10),
    st.integers(1, 30),
)
def test_never_more_than_the_limit_in_any_window_and_the_wait_is_enough(times, few, daily):
    limits = LimitSettings(questions=few, daily_questions=daily)
    used: list[Use] = []
    for now in sorted(times):
        ruling = question(used, now, limits)
        if isinstance(ruling, Allowed):
            used.append(Use(now))
        else:
            later = now + ruling.wait + 1e-6
            assert isinstance(question(used, later, limits), Allowed)
    for use in used:
        within = [one for one in used if use.at - 300 < one.at <= use.at]
        assert len(within) <= few
        assert len([one for one in used if use.at - DAY < one.at <= use.at]) <= daily


@pytest.mark.parametrize("size", [0, 1])
def test_an_upload_is_one_of_its_kind_whatever_its_size(size):
    assert upload([Use(0, size)] * 19, size, 1, LIMITS) != Allowed()
    assert isinstance(upload([Use(0, size)] * 20, size, 1, LIMITS), Refused)
