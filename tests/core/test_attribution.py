from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.attribution import attribute, says_not_found
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


def test_an_honest_not_found_is_recognised():
    assert says_not_found("The documents do not say.")
    assert says_not_found("**资料中没有说明。**")
    assert not says_not_found("The documents say that it opens at nine.")


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
def test_settling_twice_changes_nothing_more(text):
    once = attribute(text, PASSAGES, "?", None).text
    assert attribute(once, PASSAGES, "?", None).text == once
