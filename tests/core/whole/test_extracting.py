"""What documents say themselves, in their own words."""

from __future__ import annotations

import pytest

from core.language import words
from core.whole.composing import Source, composed
from core.whole.extracting import all_of, difference, outline, shortened
from core.whole.kinds import Kind
from tests.support.passages import passage

_ = words("en")


def passages(*texts: str, name: str = "rules.md", first: int = 1, **more):
    return tuple(passage(name, text, n=first + n, **more) for n, text in enumerate(texts))


def titles(found):
    return [(entry.title, entry.depth) for entry in found]


def test_an_outline_has_the_headings_of_passages_and_those_within_them_each_once():
    found = outline(
        (
            passage(text="It lies by the lake.\n\nGates\n\nThere are two.", n=1, heading="Garden"),
            passage(text="Opening: 9; Closing: 5; Day: Monday", n=2, heading="Garden › Hours"),
            passage(text="Hours\n\nClosed in winter.\n\nPrices\n\nFree.", n=3, heading="Garden"),
        )
    )
    assert titles(found) == [("Garden", 0), ("Gates", 1), ("Hours", 1), ("Prices", 1)]
    assert [entry.opening.text for entry in found] == [
        "It lies by the lake.",
        "There are two.",
        "Opening: 9; Closing: 5; Day: Monday",
        "Free.",
    ]
    assert [entry.passage for entry in found] == [0, 0, 1, 2]


def test_chinese_headings_with_numbers_are_some_and_sentences_are_none():
    found = outline(
        passages(
            "一、开放时间\n\n周二至周日开放。\n\n二、票价\n\n成人票20元。\n\n团体须预约，提前三天。"
        )
    )
    assert titles(found) == [("一、开放时间", 0), ("二、票价", 0)]


def test_a_text_without_headings_is_told_by_how_its_pages_begin():
    found = outline(
        (
            passage(text="It was a dark night. Rain fell.", n=1, page=1),
            passage(text="Still page one.", n=2, page=1),
            passage(text="Morning came. Birds sang.", n=3, page=2),
        )
    )
    assert [(entry.title, entry.opening.text) for entry in found] == [
        ("", "It was a dark night."),
        ("", "Morning came."),
    ]


def test_a_long_outline_loses_its_deepest_sections_first():
    found = outline(
        tuple(
            passage(text="Text of it.", n=n, heading=f"Part {n // 10} › Section {n}")
            for n in range(40)
        )
    )
    assert len(found) == 40
    assert len(shortened(found, 10)) == 10


@pytest.mark.parametrize(
    ("topic", "expected"),
    [
        ("deadlines", ["Forms are due by 3 May 2026.", "Pay within 14 days."]),
        ("fees", ["The card costs 9 crowns."]),
        ("dates", ["Forms are due by 3 May 2026."]),
        ("phone numbers", ["Call 0433 190 77 for help."]),
        ("times", ["We open at 9:30."]),
        ("elephants", []),
        ("cards", ["The card costs 9 crowns."]),
    ],
)
def test_all_of_something_is_every_sentence_that_shows_or_names_it(topic, expected):
    found = all_of(
        topic,
        passages(
            "Forms are due by 3 May 2026. The office is green. Pay within 14 days.",
            "The card costs 9 crowns. Call 0433 190 77 for help. We open at 9:30.",
        ),
    )
    assert [quote.text for quote in found.quotes] == expected


@pytest.mark.parametrize(
    ("topic", "expected"),
    [
        ("截止日期", ["报销单最迟于3月31日提交。", "病假须在两天以内告知主管。"]),
        ("费用", ["押金为30元。"]),
        ("年假", ["年假为七天。"]),
    ],
)
def test_the_same_in_chinese(topic, expected):
    found = all_of(
        topic,
        passages(
            "报销单最迟于3月31日提交。食堂在一楼。病假须在两天以内告知主管。",
            "押金为30元。年假为七天。",
        ),
    )
    assert [quote.text for quote in found.quotes] == expected


def test_rows_of_a_table_are_told_one_by_one():
    rows = "Item: Books; Fee: 9 crowns; At most: 5\nItem: Maps; Fee: none; At most: 1"
    assert [quote.text for quote in all_of("fees", passages(rows)).quotes] == [
        "Item: Books; Fee: 9 crowns; At most: 5"
    ]


def test_what_is_asked_for_with_a_condition_is_narrowed_where_anything_fits_it():
    text = "The card costs 9 crowns. The boat costs 12 crowns."
    assert [q.text for q in all_of("fees for boats", passages(text)).quotes] == [
        "The boat costs 12 crowns."
    ]
    assert len(all_of("fees for camels", passages(text)).quotes) == 2


def test_two_texts_differ_in_pairs_and_in_what_one_of_them_says_alone():
    found = difference(
        passages("The card costs 9 crowns. Dogs may come in. Bring a lamp."),
        passages("Dogs may come in. The card costs 12 crowns. Smoking is forbidden."),
    )
    assert [(a.text, b.text) for a, b in found.pairs] == [
        ("The card costs 9 crowns.", "The card costs 12 crowns.")
    ]
    assert [own.text for own in found.only_first] == ["Bring a lamp."]
    assert [own.text for own in found.only_second] == ["Smoking is forbidden."]
    assert found.same == 1
    assert found.are_akin


def test_a_sentence_that_stands_twice_is_counted_twice():
    found = difference(passages("No dogs. No dogs."), passages("No dogs."))
    assert [own.text for own in found.only_first] == ["No dogs."]
    assert found.only_second == ()


def test_texts_on_different_things_are_not_akin():
    found = difference(passages("Boats cost 12 crowns."), passages("Trees grow slowly."))
    assert not found.are_akin


def test_a_comparison_of_the_same_text_says_so():
    made = composed(
        Kind.COMPARISON,
        [Source("a.md", passages("No dogs.")), Source("b.md", passages("No dogs.", first=9))],
        "",
        _,
    )
    assert made.text == "`a.md` and `b.md` say the same, sentence by sentence."
    assert made.passages == []


def test_numbers_of_the_text_itself_are_not_taken_for_ours_and_titles_are_no_markup():
    made = composed(
        Kind.SUMMARY,
        [Source("a.md", (passage(text="As in [3].", heading="*Bold* @everyone"),))],
        "",
        _,
    )
    assert "[\u20603]" in made.text
    assert "[1]" in made.text
    assert "*Bold*" not in made.text.replace("\\*", "")


def test_a_list_that_is_long_is_cut_and_says_how_many_more():
    many = passages(*(f"Item {n} costs {n} crowns." for n in range(60)))
    made = composed(Kind.ALL, [Source("a.md", many)], "fees", _)
    assert made.text.count("crowns") == 40
    assert "… and 20 more." in made.text
