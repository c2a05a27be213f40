"""Pieces: within the limit, nothing lost, cut where a reader would."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from knowledge_base.models import Section
from knowledge_base.splitter import Piece, embedded, pieces, split, whole

WORDS = st.text(
    st.sampled_from(
        "abcde fghij\n\n.!?,;:-0123456789\t星砾山观测站。！？，、；《》é́👩\u200d🔬한국어ไทย"
    ),
    max_size=1500,
)
HEADINGS = st.one_of(st.none(), st.sampled_from(["A", "A › B", "A › C", "B", "B › 甲 › 乙"]))
SECTIONS = st.lists(
    st.builds(
        Section,
        text=WORDS,
        heading=HEADINGS,
        page=st.one_of(st.none(), st.integers(1, 3)),
        records=st.booleans(),
    ),
    max_size=8,
)


def characters(text: str) -> int:
    """A counter for tests: each character is a token, and each text gets four more."""
    return len(text) + 4


def words(text: str) -> int:
    """A counter whose costs add up to more, or less, than the whole: one a word or CJK letter."""
    return 4 + len(text.split()) + sum(1 for character in text if character > "\u2e80")


def bare(text: str) -> str:
    return "".join(text.split())


@pytest.mark.parametrize("count", [characters, words])
@given(sections=SECTIONS, most=st.integers(16, 200))
@settings(max_examples=150)
def test_all_text_is_in_some_piece_and_every_piece_is_within_the_limit(count, sections, most):
    made = split(sections, count, most, target_tokens=most // 2)

    assert all(count(embedded(piece.text, piece.heading)) <= most for piece in made)
    assert split(sections, count, most, target_tokens=most // 2) == made
    if all(section.heading is None for section in sections):
        assert bare("".join(piece.text for piece in made)) == bare(
            "".join(section.text for section in sections)
        )
    left = iter(bare("".join(piece.text for piece in made)))
    assert all(character in left for section in sections for character in bare(section.text))


@given(sections=SECTIONS)
def test_a_piece_bears_the_page_it_stands_on(sections):
    pages = {
        page: bare("".join(s.text for s in sections if s.page == page)) for page in (None, 1, 2, 3)
    }

    for piece in split(sections, characters, 120, 80):
        if all(section.heading is None for section in sections):
            assert bare(piece.text) in pages[piece.page]


@pytest.mark.parametrize("count", [characters, words])
@given(sections=SECTIONS, most=st.integers(16, 2000))
@settings(max_examples=100)
def test_what_is_kept_whole_is_one_piece_where_it_fits(count, sections, most):
    for section in sections:
        made = list(whole([section], count, most))
        if count(embedded(section.text, section.heading)) <= most:
            assert made == [Piece(section.text, section.heading, section.page)]
        else:
            assert all(count(embedded(piece.text, piece.heading)) <= most for piece in made)
            left = iter(bare("".join(piece.text for piece in made)))
            assert all(character in left for character in bare(section.text))


def test_what_is_too_long_to_be_whole_is_in_as_few_pieces_as_can_be():
    text = " ".join(f"Sentence {n:02} says this." for n in range(40))
    (one,) = whole([Section(text, "Steps")], words, 400)
    assert one.text == text
    assert len(list(whole([Section(text, "Steps")], words, 110))) == 2
    assert len(split([Section(text, "Steps")], words, 110, target_tokens=30)) > 4


def test_pieces_end_where_paragraphs_do_before_sentences_before_words():
    text = "One two three. Four five six.\n\nSeven eight nine. Ten eleven twelve. " + "X" * 100

    made = [piece.text for piece in split([Section(text)], characters, 60, 40)]

    assert made[:2] == ["One two three. Four five six.", "Seven eight nine. Ten eleven twelve."]
    assert "".join(made[2:]) == "X" * 100
    assert max(map(len, made)) <= 56


def test_chinese_is_cut_at_its_own_full_stops():
    sentences = [f"第{n}条规定读者应当按时归还图书并且爱护公物。" for n in "一二三四五六"]

    made = split([Section("".join(sentences))], characters, 60, 50)

    assert [piece.text for piece in made] == [
        "".join(pair) for pair in zip(sentences[::2], sentences[1::2], strict=True)
    ]


def test_the_pieces_of_a_section_are_about_equal():
    text = " ".join(f"Sentence number {n} stands here." for n in range(20))

    lengths = [len(piece.text) for piece in split([Section(text)], characters, 600, 400)]

    assert len(lengths) == 2
    assert max(lengths) - min(lengths) < 60


def test_small_neighbours_under_one_heading_are_one_piece_that_names_them():
    sections = [
        Section("Welcome.", "FAQ"),
        Section("At nine.", "FAQ › When do you open?"),
        Section("At five.", "FAQ › When do you close?"),
        Section("No.", "Other › Dogs"),
    ]

    assert split(sections, characters, 512, 384) == [
        Piece(
            "Welcome.\n\nWhen do you open?\n\nAt nine.\n\nWhen do you close?\n\nAt five.",
            "FAQ",
            None,
        ),
        Piece("No.", "Other › Dogs", None),
    ]


def test_pages_and_rows_are_not_put_together():
    sections = [
        Section("End of one.", "A", 1),
        Section("Begin of two.", "A", 2),
        Section("Item: Card; Fee: 5", "A", 2, records=True),
        Section("Item: DVD; Fee: 2", "B", 2, records=True),
    ]

    assert len(split(sections, characters, 512, 384)) == 4


def test_a_row_is_never_cut_unless_it_is_longer_than_the_maximum():
    rows = [f"Item: thing {n}; Fee: {n * 3} crowns; Note: keep dry." for n in range(50)]
    long = "Item: scroll; Text: " + "words and more words, " * 20

    made = split([Section("\n".join([*rows, long]), "Prices", 1, True)], characters, 200, 150)

    found = list(itertools.chain.from_iterable(piece.text.split("\n") for piece in made))
    assert found[: len(rows)] == rows
    assert bare("".join(found[len(rows) :])) == bare(long)


def test_a_heading_longer_than_the_room_gives_way_to_the_text():
    heading = " › ".join(["A very long chapter of a book"] * 20)

    made = split([Section("The text itself.", heading)], characters, 80, 60)

    assert [piece.text for piece in made] == ["The text itself."]
    assert made[0].heading is not None


def test_marks_stay_with_their_letters():
    made = split([Section("é" * 300)], characters, 64, 50)

    assert all(not piece.text.startswith("\u0301") for piece in made)


def test_a_limit_that_leaves_no_room_is_refused():
    with pytest.raises(ValueError, match="no room"):
        split([Section("text")], characters, 8)


@pytest.mark.parametrize(
    "unit", ["x", "word ", "星砾山", "星砾山的访客。", "a,b;c:", "\n", "- x\n"]
)
def test_an_endless_line_costs_what_its_length_costs(unit):
    calls = 0

    def count(text: str) -> int:
        nonlocal calls
        calls += len(text)
        return len(text) + 4

    work = []
    for length in (200_000, 400_000):
        calls = 0
        text = unit * (length // len(unit))
        assert sum(len(bare(p.text)) for p in pieces([Section(text)], count, 512)) == len(
            bare(text)
        )
        work.append(calls)

    assert work[1] <= 2.2 * work[0] + 20_000
    assert work[1] <= 12 * 400_000


@pytest.mark.parametrize("records", [True, False])
def test_what_is_far_longer_than_a_piece_is_cut_before_it_is_counted(records):
    counted = []

    def count(text: str) -> int:
        counted.append(len(text))
        return words(text)

    row = "gate " * 40_000
    found = split([Section(row, None, None, records)], count, 128)
    assert sum(len(piece.text.split()) for piece in found) == 40_000
    assert max(counted) <= 64 * 128
    assert sum(counted) < 8 * len(row)
