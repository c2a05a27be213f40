"""Two things that have changed places within one sentence."""

from __future__ import annotations

import sys

import pytest

from core import reversal
from core.attribution import attribute
from core.reversal import is_reversed
from tests.support.passages import passage

MARK = " (?)"

REVERSED = (
    (
        "Anna Berg reports to Boris Kahn. The deputy assists the warden.",
        (
            "Boris Kahn reports to Anna Berg.",
            "The warden assists the deputy.",
        ),
    ),
    ("Anna is Boris's manager. Carla was born before Dora.", ("Boris is Anna's manager.",)),
    ("The Needle is higher than Great Korva.", ("Great Korva is higher than the Needle.",)),
    (
        "The archive belongs to the museum, and the museum belongs to the city.",
        ("The museum belongs to the archive.",),
    ),
    (
        "王建国向李晓梅汇报工作。张敏接替了陈刚。",
        (
            "李晓梅向王建国汇报工作。",
            "陈刚接替了张敏。",
        ),
    ),
    ("王芳是李强的上司，北京是首都。", ("李强是王芳的上司。",)),
    ("分馆归总馆管理，总馆归市文化局管理。", ("总馆归分馆管理。",)),
    (
        "Sanders hired Keller in 2019, and Keller later hired Brandt.",
        ("Keller hired Sanders in 2019.",),
    ),
)

SAME = (
    (
        "Anna Berg reports to Boris Kahn. The deputy assists the warden.",
        (
            "Anna Berg reports to Boris Kahn.",
            "The deputy assists the warden.",
            "Boris Kahn is reported to by Anna Berg.",
        ),
    ),
    (
        "Anna is Boris's manager. Carla was born before Dora.",
        (
            "Anna is Boris's manager.",
            "Anna is the manager of Boris.",
        ),
    ),
    (
        "Maren married Teodor and met Ilsa. Maren and Teodor run the hut.",
        (
            "Teodor married Maren.",
            "Teodor and Maren run the hut.",
        ),
    ),
    ("The Needle is higher than Great Korva.", ("The Needle is higher than Great Korva.",)),
    (
        "The archive belongs to the museum, and the museum belongs to the city.",
        (
            "The museum belongs to the city.",
            "The archive belongs to the museum.",
        ),
    ),
    (
        "王建国向李晓梅汇报工作。张敏接替了陈刚。",
        (
            "王建国向李晓梅汇报工作。",
            "张敏接替了陈刚。",
        ),
    ),
    (
        "王芳是李强的上司，北京是首都。",
        (
            "王芳是李强的上司。",
            "首都是北京。",
        ),
    ),
    ("张伟和刘洋共同管理仓库。", ("刘洋和张伟共同管理仓库。",)),
    (
        "分馆归总馆管理，总馆归市文化局管理。",
        (
            "总馆归市文化局管理。",
            "分馆归总馆管理。",
        ),
    ),
    (
        "Sanders hired Keller in 2019, and Keller later hired Brandt.",
        (
            "Sanders hired Keller in 2019.",
            "Keller hired Brandt.",
        ),
    ),
)


def marked(text: str, said: str) -> bool:
    own = passage("people.md" if text.isascii() else "名册", text)
    return MARK in attribute(said, (own,), "?", MARK).text


@pytest.mark.parametrize(("text", "said"), [(text, one) for text, own in REVERSED for one in own])
def test_what_is_said_of_one_for_the_other_is_marked(text, said):
    assert marked(text, said)


@pytest.mark.parametrize(("text", "said"), [(text, one) for text, own in SAME for one in own])
def test_what_goes_both_ways_or_is_said_so_is_not(text, said):
    assert not marked(text, said)


def test_a_part_of_a_name_has_not_changed_places_with_the_name():
    assert not is_reversed(
        "大雷克雅维克是指雷克雅维克的周围", ("大雷克雅维克（，首都）是指雷克雅维克的周围",)
    )


@pytest.mark.parametrize(
    "said", ["张三向李四汇报李四向张三汇报", "不得不可以必须", "the dog is not in the house "]
)
def test_a_text_that_repeats_itself_costs_no_more_than_its_length(said):
    def calls(text: str) -> int:
        made = 0

        def count(frame, event, _argument):
            nonlocal made
            made += event == "call" and frame.f_code.co_filename == reversal.__file__

        sys.setprofile(count)
        try:
            is_reversed(said * 25, (text,))
        finally:
            sys.setprofile(None)
        return made

    assert calls(said * 400) < 60_000
