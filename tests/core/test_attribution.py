from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from core.attribution import attribute
from tests.support.passages import passage

HUT = passage(
    "hut.md",
    "The Korva saddle hut opens on 14 June and closes on 3 October. It has 38 beds. "
    "The warden is Ilsa Brandt.",
    n=1,
)
LIBRARY = passage(
    "图书馆.md",
    "图书馆周一至周五九点开门，晚上八点闭馆。周日闭馆。每人最多可借六本书，借期三十天。",
    n=2,
)
FERRY = passage(
    "ferry.md", "Ferries leave Skerrow at 07:30 and 14:00. A ticket costs 1,250 crowns.", n=3
)
PASSAGES = (HUT, LIBRARY, FERRY)
MARK = " (?)"


def settled(text: str, question: str = "What?") -> str:
    return attribute(text, PASSAGES, question, MARK).text


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        ("The hut has 38 beds.", "The hut has 38 beds [1]."),
        ("The hut has 38 beds [1].", "The hut has 38 beds [1]."),
        ("The hut has 38 beds. [1]", "The hut has 38 beds. [1]"),
        ("图书馆周日闭馆。", "图书馆周日闭馆[2]。"),
        ("图书馆周日闭馆。[2]", "图书馆周日闭馆。[2]"),
        ("- It has 38 beds\n- The warden is Ilsa Brandt", None),
        ("**It has 38 beds.**", "**It has 38 beds [1].**"),
    ],
)
def test_a_sentence_without_a_marker_gets_that_of_its_passage(said, shown):
    expected = shown or "- It has 38 beds [1]\n- The warden is Ilsa Brandt [1]"
    assert settled(said) == expected


def test_a_number_of_another_sentence_of_the_passage_supports_nothing():
    # The passages have a 14, of June, and an eight, of the evening.
    assert settled("It has 14 beds.") == "It has 14 beds. (?)"
    assert settled("每人最多可借八本书。") == "每人最多可借八本书。 (?)"


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        ("The hut has 38 beds [3].", "The hut has 38 beds [1]."),
        ("The hut has 38 beds [1][3].", "The hut has 38 beds [1]."),
        ("借期是30天[1]。", "借期是30天[2]。"),
        ("A ticket costs 1250 crowns [1]. It has 38 beds [3].",
         "A ticket costs 1250 crowns [3]. It has 38 beds [1]."),
    ],
)  # fmt: skip
def test_a_marker_whose_passage_does_not_support_the_sentence_is_moved(said, shown):
    assert settled(said) == shown


@pytest.mark.parametrize(
    "said",
    [
        "The hut has 83 beds [1].",
        "The hut opens on 15 June [1].",
        "The warden of the hut is Ilsa Brand [1].",
        "Bears live near the waterfall all winter long [1].",
        "每人最多可借七本书[2]。",
        "借期是20天[2]。",
        "A ticket costs 1,520 crowns [3].",
        "Ferries leave Skerrow at 07:40 [3].",
        "Ferries leave Skerrow at three and fourteen [3].",
        "图书馆周六闭馆[2]。",
        "The library is closed on Saturdays [2].",
    ],
)
def test_a_swapped_number_or_name_is_marked_and_loses_its_marker(said):
    shown = settled(said)
    assert shown.endswith(MARK)
    assert "[" not in shown


POOL = passage(
    "pool.md",
    "The Marlow pool opens on 14 June and closes on 3 October. Adults pay 6.50 euros, children 3 "
    "euros. Head lifeguard: Petra Novak; her deputy is Jonas Weil. In 2024 there were 41,200 "
    "visitors, in 2023 there were 38,900. The sauna is closed on Mondays. Lane swimming takes "
    "place on Tuesdays and Thursdays at 18:30, and on Saturdays at 9:00. The roof was built in "
    "1992 and renovated for 1.2 million crowns in 2019. A locker may be kept for 14 days.",
    n=1,
)
CHOIR = passage(
    "合唱团.md",
    "青松合唱团每年6月14日开放报名，10月3日截止。成人团费六元五角，儿童3元。馆长是王建国，副馆长是李晓梅。"
    "2024年接待游客41200人，2023年为38900人。每周二、周四晚上七点半排练，周六上午九点加练。"
    "2018年花费12万元翻修排练厅。押金为两百元，三天内退还。周日闭馆。",
    n=2,
)


@pytest.mark.parametrize(
    "said",
    [
        "The pool opens on 3 October [1].",
        "The pool closes on 14 October [1].",
        "Adults pay 3 euros [1].",
        "Children pay 6.50 euros [1].",
        "Adults pay 6.50 dollars [1].",
        "Adults pay $6.50 [1].",
        "A locker may be kept for 14 weeks [1].",
        "The head lifeguard is Jonas Weil [1].",
        "The deputy is Petra Novak [1].",
        "In 2024 there were 38,900 visitors [1].",
        "The sauna is closed on Tuesdays [1].",
        "Lane swimming on Saturdays is at 18:30 [1].",
        "The roof was renovated in 1992 [1].",
        "The roof was renovated for 1.2 billion crowns [1].",
        "合唱团10月3日开放报名[2]。",
        "合唱团10月14日截止报名[2]。",
        "成人团费3元[2]。",
        "成人团费五元六角[2]。",
        "馆长是李晓梅[2]。",
        "副馆长是王建国[2]。",
        "2023年接待游客41200人[2]。",
        "周六上午七点半加练[2]。",
        "2018年花费12元翻修排练厅[2]。",
        "押金为两百美元[2]。",
    ],
)
def test_what_the_passage_says_of_something_else_is_marked_and_loses_its_marker(said):
    shown = attribute(said, (POOL, CHOIR), "?", MARK).text
    assert shown.endswith(MARK)
    assert "[" not in shown


@pytest.mark.parametrize(
    "said",
    [
        "The pool is open from June 14 to October 3 [1].",
        "The pool opens on the 14th of June [1].",
        "Adults pay €6.50 and children €3 [1].",
        "Children pay 3 euros [1].",
        "Jonas Weil is Petra Novak's deputy [1].",
        "In 2023 the pool had 38900 visitors, in 2024 it had 41200 [1].",
        "Lane swimming on Tuesdays is at 6:30 pm [1].",
        "The roof dates from 1992 and was renovated in 2019 for 1,200,000 crowns [1].",
        "You may keep a locker for 14 days [1].",
        "六月十四日开放报名，十月三日截止[2]。",
        "成人团费6.5元，儿童三元[2]。",
        "副馆长是李晓梅[2]。",
        "2024年接待游客四万一千二百人，即4.12万人[2]。",
        "每周四排练，时间是19:30[2]。",
        "排练厅翻修花费120000元[2]。",
        "合唱团周日闭馆[2]。",
    ],
)
def test_what_is_said_of_the_same_in_other_words_keeps_its_marker(said):
    assert attribute(said, (POOL, CHOIR), "?", MARK).text == said


def test_what_the_question_says_need_not_be_said_again():
    asked = "What does it cost for children?"
    assert attribute("They pay 3 euros [1].", (POOL,), asked, MARK).text.endswith("[1].")


def test_a_number_in_another_language_proves_nothing_against_the_passage_in_this_one():
    chinese = passage("价目.md", "山屋共有四十五张床位，成人票38元。", n=2)
    english = passage("prices.md", "An adult ticket for the hut costs 45 crowns.", n=3)
    assert "[" not in attribute("成人票45元。", (english, chinese), "?", MARK).text


@pytest.mark.parametrize(
    "said",
    [
        "Ferries leave at 7:30 am and 2 pm [3].",
        "A ticket costs 1250 crowns [3].",
        "每人最多可以借6本书[2]。",
        "借期是30天[2]。",
        "周一至周五9点开门[2]。",
        "周三九点开门[2]。",
        "借期三十天[2]。",
    ],
)
def test_numbers_may_be_written_in_another_way(said):
    assert settled(said) == said


def test_a_claim_from_two_passages_keeps_both():
    said = "The hut has 38 beds and a ferry ticket costs 1,250 crowns [1][3]."
    assert settled(said) == said


@pytest.mark.parametrize(
    "said",
    [
        "The documents do not say.",
        "资料中没有说明。",
        "Here is what I found:",
        "# Opening hours",
        "Would you like to know more?",
        "Yes.",
        "",
        "\n\n",
        "[1]",
    ],
)
def test_what_claims_nothing_is_left_as_it_is(said):
    assert settled(said) == said


def test_code_is_left_as_it_is():
    said = "```\nx[3] = 99 beds [3]\n```\nIt has 38 beds `a[3]`.\n"
    assert settled(said) == "```\nx[3] = 99 beds [3]\n```\nIt has 38 beds `a[3]` [1].\n"


def test_a_table_is_not_broken_by_a_marker():
    said = "| Day | Time |\n| --- | --- |\n| 14 June | opens |\n"
    assert "| [" not in settled(said)
    assert settled(said).count("|") == said.count("|")


def test_what_no_passage_supports_is_marked_within_its_row_and_the_head_of_a_table_never():
    said = "| Hut | Beds |\n|---|--:|\n| Korva saddle hut | 38 |\n| Korva saddle hut | 99 |\n"
    assert settled(said) == said.replace("99 |", "99 (?) |")


def test_a_sentence_in_the_other_language_is_judged_by_its_numbers_alone():
    two = (LIBRARY, HUT)
    said = "Each person may borrow up to 6 books for 30 days [1]."
    assert attribute(said, two, "How many books?", MARK).text == said
    said = "It is closed on Sundays [1]."
    assert attribute(said, two, "Is it open on Sundays?", MARK).text == said
    said = "Each person may borrow up to 7 books [1]."
    assert attribute(said, two, "How many books?", MARK).text.endswith(MARK)


def test_quotations_are_never_marked_and_never_changed():
    said = "It has 38 beds. [1]\n\n周日闭馆。 [2]"
    result = attribute(said, PASSAGES, "?", None)
    assert result.text == said
    assert result.cited == {1, 2}
    said = "Bears live near the waterfall."
    assert attribute(said, PASSAGES, "?", None).text == said


def test_it_tells_what_is_cited_and_how_much_is_not_supported():
    result = attribute("It has 38 beds. It has 39 beds.", PASSAGES, "?", MARK)
    assert (result.cited, result.unsupported) == ({1}, 1)


@pytest.mark.parametrize(
    "said",
    ["It has 38 beds [1]. The documents don't say whether it has a bath.",
     "每人最多可借六本书[2]。文档中没有提到能否续借。"],
)  # fmt: skip
def test_what_is_not_said_is_no_claim(said):
    assert settled(said) == said


@pytest.mark.parametrize(
    "said",
    ["The documents do not say; a night costs 50 crowns.",
     "The documents do not say, usually it is 50 crowns.",
     "资料中没有说明，一般是50元。",
     "资料中没有说明上限，但每人最多可借八本书[2]。"],
)  # fmt: skip
def test_what_is_said_all_the_same_is_a_claim(said):
    assert MARK in settled(said)


pieces = st.one_of(
    st.sampled_from(["The hut ", "has 38 beds", ". ", "[1]", "[3]", "图书馆", "周日闭馆", "。"]),
    st.sampled_from(["\n", "- ", "`x`", "99", "```\n", " ", "|", "**", "Ilsa Brandt", "?"]),
)


@given(st.lists(pieces, max_size=20).map("".join))
def test_only_markers_and_marks_are_ever_changed(text):
    def plain(shown: str) -> str:
        for taken in (" [1]", " [2]", " [3]", "[1]", "[2]", "[3]", MARK):
            shown = shown.replace(taken, "")
        return shown.replace(" ", "")

    assert plain(settled(text)) == plain(text)


@given(st.lists(pieces, max_size=20).map("".join))
@example("周日闭馆\n[1]```\n")
@example("周日闭馆\n[1] [2] ~~~\n")
def test_settling_twice_changes_nothing_more(text):
    once = attribute(text, PASSAGES, "?", None).text
    assert attribute(once, PASSAGES, "?", None).text == once
