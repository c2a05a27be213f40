"""Which part of a document a question means: by the document's own headings, and never another."""

from __future__ import annotations

import pytest

from core.whole.headings import headings
from core.whole.portions import Portion, Step, find, portions
from core.whole.recognising import wanted
from tests.support.passages import passage


def named(*headed: tuple[str, str]):
    """Passages under paths."""
    return tuple(passage(text=text, n=n, heading=path) for n, (path, text) in enumerate(headed, 1))


HANDBOOK = named(
    (
        "Guide",
        "For all.\n\n1. Arrivals\n\nBoats report first.\n\n2. Fees\n\nA berth costs 14 crowns.",
    ),
    ("Guide › 2. Fees › 2.1 Long boats", "Long boats pay 20 crowns."),
    (
        "Guide › 3. Returns and claims",
        "Goods come back in May.\n\n3.1 Sale goods\n\nThey stay sold.",
    ),
    ("Guide › 3. Returns and claims", "Claims are written down."),
    ("Guide", "4. Safety\n\nNo fires are lit.\n\n5. Thanks\n\nTo all."),
)
手册 = (
    passage(
        text="员工手册\n\n第一章 营业时间\n\n九点开门。\n\n第二章 订单\n订单两天内打包。"
        "\n\n第三章 退货\n30天内可以退货。",
        n=1,
    ),
    passage(
        text="一、特价商品\n特价商品不退。\n\n二、破损商品\n免费维修。"
        "\n\n第四章 休假\n\n每年25天。",
        n=2,
    ),
)


def said(words: str, passages) -> list[str] | None:
    """The text of the part that the first fitting way to read the words finds."""
    for portion in portions(words):
        if portion.of:
            continue
        found = find(portion, passages)
        if found is not None:
            return [own.chunk.text.strip() for own in found[0].passages]
    return None


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("chapter 3", (Portion((Step("chapter", (3,)),)),)),
        ("the third chapter", (Portion((Step("chapter", (3,)),)),)),
        ("chapter III", (Portion((Step("chapter", (3,)),)),)),
        ("第三章", (Portion((Step("chapter", (3,)),)),)),
        ("第 3 章的内容", (Portion((Step("chapter", (3,)),)),)),
        ("第3.2节", (Portion((Step("section", (3, 2)),)),)),
        ("附录B", (Portion((Step("appendix", (2,)),)),)),
        ("section 2 of chapter 3", (Portion((Step("chapter", (3,)), Step("section", (2,)))),)),
        ("第三章第二节", (Portion((Step("chapter", (3,)), Step("section", (2,)))),)),
        ("the section on returns", (Portion(name="returns"),)),
        ("the returns section of guide.md", (Portion(name="returns", of="guide.md"),)),
        ("“退货”一节", (Portion(name="退货"),)),
        ("退货这一章", (Portion(name="退货"),)),
    ],
)
def test_words_for_a_part_are_told_from_those_for_a_document(words, expected):
    assert portions(words) == expected


@pytest.mark.parametrize(
    ("words", "of"),
    [
        ("chapter 3 of the boat guide", "boat guide"),
        ("guide.md, chapter 3", "guide.md"),
        ("员工手册的第三章", "员工手册"),
        ("《员工手册》第三章", "员工手册"),
        ("员工手册“退货”一节", "员工手册"),
        ("the section on fees in the boat guide", "the boat guide"),
    ],
)
def test_a_document_may_be_named_beside_the_part(words, of):
    assert of in [portion.of for portion in portions(words)]


@pytest.mark.parametrize(
    "words",
    [
        "guide.md",
        "part 2.pdf",
        "the second half",
        "春节",
        "员工行为规章",
        "活动细节",
        "文件",
        "it",
        "",
    ],
)
def test_other_words_name_no_part(words):
    assert portions(words) == ()


@pytest.mark.parametrize(
    "asked",
    [
        "what does chapter 3 say about returns?",
        "第三章规定退货期限是几天？",
        "where is chapter 3?",
        "how long is the section on returns?",
        "退货这一章里期限是几天？",
    ],
)
def test_a_question_about_something_in_a_part_is_ordinary(asked):
    assert wanted(asked) == ()


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("chapter 1", ["Boats report first."]),
        ("section 2", ["A berth costs 14 crowns.", "Long boats pay 20 crowns."]),
        ("section 2.1", ["Long boats pay 20 crowns."]),
        (
            "chapter 3",
            [
                "Goods come back in May.\n\n3.1 Sale goods\n\nThey stay sold.",
                "Claims are written down.",
            ],
        ),
        ("section 3.1", ["They stay sold."]),
        ("section 1 of chapter 3", ["They stay sold."]),
        ("chapter 3, returns", None),
        ("the section on sale goods", ["They stay sold."]),
        ("the fees section", ["A berth costs 14 crowns.", "Long boats pay 20 crowns."]),
        ("第四章", ["No fires are lit."]),
        ("chapter 6", None),
        ("appendix 1", None),
        ("the section on dogs", None),
    ],
)
def test_a_part_has_all_that_stands_under_its_heading_and_nothing_else(words, expected):
    if words == "chapter 3, returns":
        expected = said("chapter 3", HANDBOOK)
    assert said(words, HANDBOOK) == expected


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("第一章", ["九点开门。"]),
        ("第2章", ["订单两天内打包。"]),
        (
            "第三章",
            ["30天内可以退货。", "一、特价商品\n特价商品不退。\n\n二、破损商品\n免费维修。"],
        ),
        ("chapter 4", ["每年25天。"]),
        ("第三章第二节", ["免费维修。"]),
        ("第三章退货", said("第三章", 手册)),
        ("“退货”一节", said("第三章", 手册)),
        ("关于特价商品的部分", ["特价商品不退。"]),
        ("第三章休假", None),
        ("第五章", None),
    ],
)
def test_a_plain_chinese_text_has_chapters_too(words, expected):
    assert said(words, 手册) == expected


@pytest.mark.parametrize(
    ("words", "passages"),
    [
        # The steps within a chapter are no chapters.
        (
            "chapter 3",
            named(
                (
                    "Guide › Boats",
                    "Hire one.\n\n1. Sign\n\nHere.\n\n2. Pay\n\nNow.\n\n3. Row\n\nOff.",
                ),
                ("Guide › Gates", "There are two."),
            ),
        ),
        # Nor is the third point of a chapter where chapters are called so.
        ("chapter 3", named(("Chapter 1", "So."), ("Chapter 2 › 3. Row", "Row off."))),
        # Two are called the same.
        ("the section on fees", named(("Boats › Fees", "Pay 3."), ("Huts › Fees", "Pay 9."))),
        ("第三章", named(("上篇 › 第三章 船", "租船。"), ("下篇 › 第三章 门", "开门。"))),
        ("the section on fees", named(*((f"Boat {n} › Fees", "Pay 3.") for n in range(99)))),
        # It is the document that is called so.
        ("港口指南维修一节", named(("港口指南 › 维修", "小修。"), ("港口指南 › 收费", "缴费。"))),
        ("the guide section", named(("Guide › Gates", "Two."), ("Guide › Boats", "Nine."))),
        # There is a title and no text.
        ("chapter 2", (passage(text="Chapter 1\n\nSo it is.\n\nChapter 2"),)),
        # "24 hours" is no chapter.
        ("chapter 24", named(("Guide › 24 hours", "Day and night."), ("Guide › Gates", "Two."))),
    ],
)
def test_where_a_part_may_be_another_none_is_meant(words, passages):
    assert said(words, passages) is None


def test_a_table_of_contents_is_not_the_chapters_themselves():
    text = "Contents\n\n1. Gates\n\n2. Boats\n\n1. Gates\n\nTwo gates.\n\n2. Boats\n\nNine boats."
    assert said("chapter 2", (passage(text=text),)) == ["Nine boats."]


def test_the_foot_of_a_page_ends_no_section():
    told = (passage(text="Gates\n\nTwo gates.\n\nPage 3 of 9\n\nOne is red.\n\nBoats\n\nNine."),)
    (text,) = said("the section on gates", told)
    assert "One is red." in text
    assert "Nine." not in text


def test_a_section_whose_title_stands_again_where_it_goes_on_is_one():
    told = named(
        ("Rules › Loans", "Books: 28 days. Maps: 3 days."),
        ("Rules", "Loans\n\nBooks are loaned once.\n\nFees\n\nPay late."),
    )
    assert said("the section on loans", told) == [
        "Books: 28 days. Maps: 3 days.",
        "Books are loaned once.",
    ]
    assert [own.title for own in headings(told)] == ["Rules", "Loans", "Fees"]


def test_the_passages_of_a_part_keep_their_pages_and_the_path_from_its_heading_on():
    told = (
        passage(text="Two gates.", n=1, page=3, heading="Guide › 1. Gates"),
        passage(text="Red ones.", n=2, page=4, heading="Guide › 1. Gates › Colours"),
        passage(text="Nine boats.", n=3, page=5, heading="Guide › 2. Boats"),
    )
    (portion,) = portions("chapter 1")
    found = find(portion, told)
    assert found is not None
    assert [(own.chunk.page, own.chunk.heading) for own in found[0].passages] == [
        (3, "1. Gates"),
        (4, "1. Gates › Colours"),
    ]
