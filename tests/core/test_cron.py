"""Cron as people write it: their weekdays, their time zone, both switches of its clocks."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import pytest
import tzlocal
from hypothesis import given, settings
from hypothesis import strategies as st

from core.cron import Cron, weekdays, zone_named

BERLIN = ZoneInfo("Europe/Berlin")


def times(text, begin, count=3, zone=BERLIN):
    """The next ones as the clock on the wall shows them, with the offset from UTC in hours."""
    cron, moment, found = Cron.parse(text, zone), datetime.fromisoformat(begin), []
    moment = moment.replace(tzinfo=zone)
    for _ in range(count):
        moment = cron.next_after(moment).astimezone(zone)
        found.append(f"{moment:%a %m-%d %H:%M} +{moment.utcoffset() // timedelta(hours=1)}")
    return found


@pytest.mark.parametrize(
    ("written", "named"),
    [
        ("0", "sun"),
        ("7", "sun"),
        ("1", "mon"),
        ("SUN", "sun"),
        ("1-5", "mon,tue,wed,thu,fri"),
        ("5-7", "sun,fri,sat"),
        ("fri-mon", "sun,mon,fri,sat"),
        ("0,6", "sun,sat"),
        ("1-5/2", "mon,wed,fri"),
        ("*/3", "sun,wed,sat"),
        ("0-7", "*"),
        ("*", "*"),
    ],
)
def test_weekdays_are_those_that_people_mean(written, named):
    assert weekdays(written.lower()) == named


def test_one_is_monday_and_not_tuesday():
    assert times("0 9 * * 1", "2027-01-05T00:00", 1) == ["Mon 01-11 09:00 +1"]
    assert times("0 9 * * 0", "2027-01-05T00:00", 1) == ["Sun 01-10 09:00 +1"]
    assert times("0 9 * * 7", "2027-01-05T00:00", 1) == ["Sun 01-10 09:00 +1"]
    assert times("@weekly", "2027-01-05T00:00", 1) == ["Sun 01-10 00:00 +1"]


def test_day_and_weekday_together_mean_either():
    assert times("0 9 13 * fri", "2027-01-09T00:00", 3) == [
        "Wed 01-13 09:00 +1",
        "Fri 01-15 09:00 +1",
        "Fri 01-22 09:00 +1",
    ]


def test_a_time_that_the_clocks_leave_out_is_kept_an_hour_later_and_once():
    assert times("30 2 * * *", "2027-03-27T00:00") == [
        "Sat 03-27 02:30 +1",
        "Sun 03-28 03:30 +2",
        "Mon 03-29 02:30 +2",
    ]


def test_a_time_that_the_clocks_show_twice_is_kept_once():
    assert times("30 2 * * *", "2027-10-30T00:00") == [
        "Sat 10-30 02:30 +2",
        "Sun 10-31 02:30 +2",
        "Mon 11-01 02:30 +1",
    ]


def test_every_hour_is_every_hour_over_both_switches():
    assert times("0 * * * *", "2027-10-31T01:30", 3) == [
        "Sun 10-31 02:00 +2",
        "Sun 10-31 02:00 +1",
        "Sun 10-31 03:00 +1",
    ]
    assert times("0 * * * *", "2027-03-28T00:30", 3) == [
        "Sun 03-28 01:00 +1",
        "Sun 03-28 03:00 +2",
        "Sun 03-28 04:00 +2",
    ]


def test_midnight_is_kept_where_the_clocks_change_at_midnight():
    santiago = ZoneInfo("America/Santiago")
    assert times("0 0 * * *", "2027-09-03T12:00", 3, santiago) == [
        "Sat 09-04 00:00 +-4",
        "Sun 09-05 01:00 +-3",
        "Mon 09-06 00:00 +-3",
    ]
    assert times("0 0 * * *", "2027-04-02T12:00", 3, santiago) == [
        "Sat 04-03 00:00 +-3",
        "Sun 04-04 00:00 +-4",
        "Mon 04-05 00:00 +-4",
    ]


def test_the_same_hour_on_the_wall_before_and_after_a_switch():
    assert times("0 9 * * mon", "2027-03-22T10:00", 2) == [
        "Mon 03-29 09:00 +2",
        "Mon 04-05 09:00 +2",
    ]
    shanghai = ZoneInfo("Asia/Shanghai")
    assert times("0 9 * * 1", "2027-03-22T10:00", 1, shanghai) == ["Mon 03-29 09:00 +8"]


def test_seconds_stand_first_where_there_are_six():
    cron = Cron.parse("*/20 * * * * *", UTC)
    begin = datetime(2027, 1, 1, tzinfo=UTC)
    assert cron.next_after(begin) == begin + timedelta(seconds=20)
    assert cron.next_after(begin + timedelta(seconds=19.5)) == begin + timedelta(seconds=20)


@pytest.mark.parametrize(
    "wrong",
    ["30 3 * *", "61 * * * *", "0 0 * * 8", "0 0 * * 1-", "0 0 * * mon/2", "0 0 30 2 *", "x", "-"],
)
def test_what_is_no_schedule_is_refused(wrong):
    with pytest.raises(ValueError, match=r".+"):
        Cron.parse(wrong, UTC)


@pytest.mark.parametrize("wrong", ["Mars/Olympus", "../etc/passwd", "Asia", "A\0B"])
def test_what_is_no_time_zone_is_refused(wrong):
    with pytest.raises(ValueError, match="time zone"):
        zone_named(wrong)


def test_a_machine_that_does_not_know_its_time_zone_has_utc(monkeypatch):
    def unknown():
        raise ZoneInfoNotFoundError("no such zone")

    monkeypatch.setattr(tzlocal, "get_localzone", unknown)
    assert zone_named("") is UTC


@settings(max_examples=60, deadline=None)
@given(
    st.integers(0, 2 * 365 * 86_400),
    st.sampled_from(["30 2 * * *", "0 * * * *", "*/7 1-3 * * 0", "15 0 1 * 1"]),
    st.sampled_from(["Europe/Berlin", "America/Santiago", "Australia/Lord_Howe", "UTC"]),
)
def test_time_only_goes_on_and_apscheduler_is_told_the_same(seconds, text, zone):
    cron = Cron.parse(text, ZoneInfo(zone))
    moment = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(seconds=seconds)
    first = cron.next_after(moment)
    second = cron.next_after(first)
    assert moment < first < second
    assert cron.get_next_fire_time(None, moment) == first
    assert cron.get_next_fire_time(first, first) == second
    # What was missed since is one run, and not one for each time.
    late = second + timedelta(days=40)
    assert cron.get_next_fire_time(first, late) == cron.next_after(late) > late
