from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from core.errors import WrongTimeError
from core.notes import fits, name_of, until

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("asked", "question"),
    [
        ("How can I reset the badge?", "How do I reset my badge?"),
        ("wifi password?", "What is the wifi password?"),
        ("installing the plugin on windows, how?", "How do I install the plugin on Windows?"),
        ("门禁卡如何重置？", "怎么重置门禁卡？"),
        ("自行车停在哪里？", "哪里可以停自行车？"),
        ("WHO FEEDS THE SHARKS", "Who feeds the sharks?"),
        ("Hi, does anybody know who feeds the sharks please?", "Who feeds the sharks?"),
        ("Can you tell me when the office opens?", "When does the office open?"),
        ("谁喂海龟呢", "谁来喂海龟？"),
        ("你好，请问门禁卡怎么重置呀？", "怎么重置门禁卡？"),
        ("有谁知道哪里可以停自行车吗", "哪里可以停自行车？"),
    ],
)
def test_the_same_question_in_other_words_fits(asked, question):
    assert fits(asked, question)
    assert fits(question, question)


@pytest.mark.parametrize(
    ("asked", "question"),
    [
        ("How do I order a badge?", "How do I reset my badge?"),
        ("When is the office open on Sundays?", "When is the office open?"),
        ("When is the office open?", "When is the office open on Sundays?"),
        ("Where can I park my car?", "Where can I park my bike?"),
        ("Who approves travel?", "Who pays for travel?"),
        ("How do I install the plugin on Linux?", "How do I install the plugin on Windows?"),
        ("How do I install version 3?", "How do I install version 2?"),
        ("What is the admin password?", "What is the wifi password?"),
        ("怎么办理门禁卡？", "怎么重置门禁卡？"),
        ("办公室周日开门吗？", "办公室几点开门？"),
        ("哪里可以停汽车？", "哪里可以停自行车？"),
        ("差旅费什么时候报销？", "谁报销差旅费？"),
        ("", "Who feeds the sharks?"),
        ("请问", "谁来喂海龟？"),
        ("谁知道鲨鱼吃什么？", "谁来喂鲨鱼？"),
        ("and then?", "Who feeds the sharks?"),
        ("Wo parkt man?", "哪里可以停自行车？"),
    ],
)
def test_a_question_that_only_looks_alike_does_not_fit(asked, question):
    assert not fits(asked, question)


def test_what_a_note_says_counts_as_said():
    asked = "When is the office open on Sundays?"
    assert fits(asked, "When is the office open?", "On weekdays from 9; on Sundays from 11.")


def test_a_note_is_called_as_its_question():
    assert name_of("Who feeds the sharks?") == "Who feeds the sharks.note"
    assert name_of("谁来喂鲨鱼？") == "谁来喂鲨鱼.note"
    long = "Where exactly is it that one of us may put a bicycle which is wet and dirty from {}?"
    one, other = name_of(long.format("rain")), name_of(long.format("snow"))
    assert one != other
    assert len(one) < 80
    assert name_of("Who?", ("Who.note",)) not in ("Who.note", "")
    assert name_of("a/b: c?\n") == "b_ c.note"


@pytest.mark.parametrize(
    ("text", "ends"),
    [
        ("", None),
        ("2027-05-01", datetime(2027, 5, 2, tzinfo=UTC)),
        ("2027-05-01 18:00", datetime(2027, 5, 1, 18, tzinfo=UTC)),
        ("30d", NOW + timedelta(days=30)),
        ("2 weeks", NOW + timedelta(days=14)),
        ("3天", NOW + timedelta(days=3)),
        ("2个星期", NOW + timedelta(days=14)),
        ("2026-11-23", datetime(2026, 11, 24, tzinfo=UTC)),
    ],
)
def test_an_end_is_a_day_or_a_span(text, ends):
    assert until(text, NOW) == ends


@pytest.mark.parametrize("text", ["soon", "2026-11-22", "99999999999d", "0d", "9999-12-31"])
def test_an_end_that_is_past_or_none_is_refused(text):
    with pytest.raises(WrongTimeError):
        until(text, NOW)
