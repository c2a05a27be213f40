"""What one passage denies in so many words, another that shares the words may not support."""

from __future__ import annotations

import pytest

from core.attribution import attribute
from tests.support.passages import passage

MARK = " (?)"

DENIED = (
    (
        (
            "Dogs are not allowed in the dormitory of the hut.",
            "Dogs sleep in a kennel. The dormitory of the hut is upstairs, where guests are "
            "allowed to stay.",
        ),
        ("Dogs are allowed in the dormitory of the hut.",),
    ),
    (
        (
            "The sauna is closed on Mondays.",
            "The sauna and the pool: opening hours. The pool is open on Mondays.",
        ),
        ("The sauna is open on Mondays.",),
    ),
    (
        ("Members must vote by post.", "Members may vote. Letters by post take a week."),
        ("Members may vote by post.",),
    ),
    (
        ("宿舍内不允许携带宠物。", "宠物可以在花园活动，宿舍内允许做饭，携带行李请走侧门。"),
        ("宿舍内允许携带宠物。",),
    ),
    (("桑拿房周一关闭。", "桑拿房与游泳池：游泳池周一开放。"), ("桑拿房周一开放。",)),
)

SAID = (
    (
        ("Dogs are not allowed in the dormitory.", "Dogs are allowed in the dormitory."),
        (
            "Dogs are allowed in the dormitory.",
            "Dogs are not allowed in the dormitory.",
        ),
    ),
    (
        ("The sauna is closed on Mondays.", "On Mondays in summer the sauna is open."),
        ("The sauna is open on Mondays in summer.",),
    ),
    (
        ("Dogs are not allowed in the dormitory.", "In the garden, dogs are allowed."),
        (
            "Dogs are allowed in the garden.",
            "Dogs are not allowed in the dormitory but are allowed in the garden.",
        ),
    ),
    (("宿舍内不允许携带宠物。", "花园内允许携带宠物。"), ("花园内允许携带宠物。",)),
    (
        ("桑拿房周一关闭。", "游泳池周一开放。"),
        (
            "游泳池周一开放。",
            "桑拿房周一不开放，游泳池周一开放。",
        ),
    ),
)


def marked(texts: tuple[str, ...], said: str) -> bool:
    passages = [passage(f"{n}.md", text, n=n) for n, text in enumerate(texts, start=1)]
    ways = {MARK in attribute(f"{said}{m}", passages, "?", MARK).text for m in ("", " [1]", " [2]")}
    assert len(ways) == 1, "whoever wrote the marker"
    return ways.pop()


@pytest.mark.parametrize(("texts", "said"), [(texts, one) for texts, own in DENIED for one in own])
def test_a_weaker_passage_does_not_rescue_what_another_denies(texts, said):
    assert marked(texts, said)


@pytest.mark.parametrize(("texts", "said"), [(texts, one) for texts, own in SAID for one in own])
def test_what_a_passage_says_in_so_many_words_it_supports(texts, said):
    assert not marked(texts, said)
