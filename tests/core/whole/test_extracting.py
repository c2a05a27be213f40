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
            passage(text="Evening came. Owls sang.", n=4, page=3),
        )
    )
    assert [(entry.title, entry.opening.text) for entry in found] == [
        ("", "It was a dark night."),
        ("", "Morning came."),
        ("", "Evening came."),
    ]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "Gates open. They shut.\n\nBoats row. Far.\n\nBees hum.",
            ["Gates open.", "Boats row.", "Bees hum."],
        ),
        ("Gates open. They shut.\n\nBoats row.", ["Gates open.", "They shut.", "Boats row."]),
        ("九点开门。六点关门。", ["九点开门。", "六点关门。"]),
    ],
)
def test_a_short_text_is_told_by_its_paragraphs_or_its_sentences(text, expected):
    found = outline((passage(text=text, page=1),))
    assert [entry.opening.text for entry in found] == expected


def test_a_long_outline_loses_its_deepest_sections_first():
    found = outline(
        tuple(
            passage(text="Text of it.", n=n, heading=f"Part {n // 10} › Section {n}")
            for n in range(40)
        )
    )
    assert len(found) == 44
    assert [entry.depth for entry in shortened(found, 4)] == [0] * 4
    # Where there is room for a few, each part keeps its first ones.
    assert titles(shortened(found, 12)) == [
        (title, depth)
        for part in range(4)
        for title, depth in (
            (f"Part {part}", 0),
            (f"Section {10 * part}", 1),
            (f"Section {10 * part + 1}", 1),
        )
    ]


def test_a_chapter_without_words_of_its_own_stands_in_the_outline_and_a_page_number_does_not():
    found = outline(
        (
            passage(text="The Handbook\n\nPage 1\n\nIt is short.", n=1, page=1),
            passage(text="Plots are dug.", n=2, page=2, heading="1. Plots › 1.1 Size"),
            passage(text="第 12 页\n\n12 / 40\n\nPay in May.", n=3, heading="2. Rent"),
        )
    )
    assert titles(found) == [
        ("The Handbook", 0),
        ("1. Plots", 0),
        ("1.1 Size", 1),
        ("2. Rent", 0),
    ]
    assert [entry.opening and entry.opening.text for entry in found] == [
        "It is short.",
        None,
        "Plots are dug.",
        "Pay in May.",
    ]


@pytest.mark.parametrize(
    ("topic", "expected"),
    [
        (
            "deadlines",
            [
                "Forms are due by 3 May 2026.",
                "Pay within 14 days.",
                "Names reach the chair by 20 October.",
                "Entries close at noon on 12 August.",
                "Course: Clay; Register by: 2026-09-01; Room: 4",
                "It is due by the third working day.",
                "Reports are due at the end of each term.",
            ],
        ),
        ("fees", ["The card costs 9 crowns."]),
        (
            "dates",
            [
                "Forms are due by 3 May 2026.",
                "Names reach the chair by 20 October.",
                "Entries close at noon on 12 August.",
                "Course: Clay; Register by: 2026-09-01; Room: 4",
            ],
        ),
        ("phone numbers", ["Call 0433 190 77 for help."]),
        ("times", ["We open at 9:30.", "Entries close at noon on 12 August."]),
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
            "Names reach the chair by 20 October. Entries close at noon on 12 August.",
            "Course: Clay; Register by: 2026-09-01; Room: 4",
            "It is due by the third working day. Reports are due at the end of each term.",
        ),
    )
    assert [quote.text for quote in found.quotes] == expected


@pytest.mark.parametrize(
    ("topic", "expected"),
    [
        (
            "截止日期",
            [
                "报销单最迟于3月31日提交。",
                "病假须在两天以内告知主管。",
                "期满前30天应提出续租申请。",
                "三月底前完成测试。",
                "充满后须在30分钟内移车。",
                "停留不得超过23:00。",
            ],
        ),
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
            "期满前30天应提出续租申请。三月底前完成测试。充满后须在30分钟内移车。停留不得超过23:00。",
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


def test_chinese_sections_and_sides_are_told_with_full_width_marks():
    def rules(name: str, first: int, fee: str):
        told = passages(f"押金为{fee}元。", name=name, first=first, heading="规则 › 押金")
        return Source(
            name, told + passages("馆内安静。", name=name, first=first + 1, heading="安静")
        )

    newer, older = rules("新规.md", 1, "30"), rules("旧规.md", 9, "20")
    made = composed(Kind.SUMMARY, [newer], "", words("zh"))
    assert "**押金**：押金为30元。 [1]" in made.text
    made = composed(Kind.COMPARISON, [older, newer], "", words("zh"))
    assert "- `旧规.md`：押金为20元。 [1]\n  `新规.md`：押金为30元。 [2]" in made.text


def test_a_list_that_is_long_is_cut_and_says_how_many_more():
    many = passages(*(f"Item {n} costs {n} crowns." for n in range(100)))
    made = composed(Kind.ALL, [Source("a.md", many)], "fees", _)
    assert made.text.count("crowns") == 80
    assert "… and 20 more." in made.text


def test_two_long_texts_on_different_things_are_told_by_their_sections():
    said = {"Gate": "Gate {} squeaks in winter.", "Whale": "Sailors saw whale {} blow."}

    def book(of: str, first: int):
        return tuple(
            passage(text=said[of].format(n), n=first + n, heading=f"{of}s {n // 5}")
            for n in range(20)
        )

    made = composed(
        Kind.COMPARISON, [Source("a.md", book("Gate", 1)), Source("b.md", book("Whale", 90))], "", _
    )
    assert "`a.md`, by its sections:\n- **Gates 0**: Gate 0 squeaks in winter. [1]" in made.text
    assert "- **Whales 3**: Sailors saw whale 15 blow. [8]" in made.text
    assert "Only in" not in made.text


def test_of_several_documents_each_has_its_share_of_a_summary_and_an_outline_has_all_headings():
    def book(name: str, first: int):
        return Source(
            name,
            tuple(
                passage(name, f"Gate {n} is green.", n=first + n, heading=f"Gate {n}")
                for n in range(40)
            ),
        )

    made = composed(Kind.SUMMARY, [book("a.md", 1), book("b.md", 90)], "", _)
    assert made.text.count("is green") == 30
    assert made.text.count("… and 25 more.") == 2
    made = composed(Kind.OUTLINE, [book("a.md", 1)], "", _)
    assert made.text.count("**Gate ") == 40


@pytest.mark.parametrize(
    ("topic", "expected"),
    [
        ("things about bees", ["Bees live on plots 40 to 52."]),
        ("rules on rent", ["Rent is paid in May."]),
        ("关于宠物的规定", ["宠物须牵绳。"]),
        ("有关宠物的内容", ["宠物须牵绳。"]),
    ],
)
def test_a_topic_that_only_says_there_is_one_is_looked_for_by_what_it_is_about(topic, expected):
    found = all_of(
        topic, passages("Bees live on plots 40 to 52. Rent is paid in May. 宠物须牵绳。")
    )
    assert [quote.text for quote in found.quotes] == expected


def test_a_sentence_that_goes_on_on_the_next_page_is_one():
    def at(page: int, text: str, heading: str = "Show"):
        return passage(text=text, n=page, page=page, heading=heading)

    pages = (
        at(1, "Cakes are welcome. Entry forms for the show close"),
        at(2, "at noon on 12 August 2026. Onions are shown in threes"),
        at(3, "Rent is paid by 1 April.", "Rent"),
        at(4, "租金不变。押金，须于签约后", "Rent"),
        at(5, "7天内缴纳。", "Rent"),
    )
    found = all_of("deadlines", pages)
    assert [(quote.text, quote.passage) for quote in found.quotes] == [
        ("Entry forms for the show close at noon on 12 August 2026.", 0),
        ("Rent is paid by 1 April.", 2),
        ("押金，须于签约后7天内缴纳。", 3),
    ]
    assert [quote.text for quote in all_of("onions", pages).quotes] == [
        "Onions are shown in threes"
    ]
