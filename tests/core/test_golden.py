from __future__ import annotations

import pytest

from core.golden import BadGoldenError, Golden, Outcome, measured, outcome, read, suggested, unknown
from knowledge_base.models import SearchResult
from tests.support.passages import passage


def found(*relevances: float) -> list[Outcome]:
    return [Outcome(Golden("q", "a.md"), 1, relevance, ("a.md",)) for relevance in relevances]


def lost(*relevances: float) -> list[Outcome]:
    return [Outcome(Golden("q"), None, relevance, ()) for relevance in relevances]


def test_questions_are_read_as_typed_and_as_objects():
    text = """# of the town
When does it open? | hours.md | nine; 9:00
它几点开门？｜营业时间.md
Is there a pool? | -

{"question": "Who runs it?", "document": "about.md", "words": ["Ann"], "page": null}
{"question": "Why?", "document": null, "words": []}
"""
    assert read(text) == (
        Golden("When does it open?", "hours.md", ("nine", "9:00")),
        Golden("它几点开门？", "营业时间.md"),
        Golden("Is there a pool?"),
        Golden("Who runs it?", "about.md", ("Ann",)),
        Golden("Why?"),
    )


@pytest.mark.parametrize(
    "line",
    [
        *("only a question", "| a.md", "q | a | b | c", "{", '{"question": 7}', "q | - | w", "q |"),
        # A misspelt field, and a line of feedback that nobody filled in, expect no refusal.
        '{"question": "q", "docment": "a.md"}',
        '{"question": "q", "answer": "at nine"}',
        '{"question": "q", "document": null, "words": [], "unanswerable": false}',
    ],
)
def test_a_line_that_is_none_is_named(line):
    with pytest.raises(BadGoldenError) as raised:
        read(f"q | a.md\n{line}")
    assert raised.value.line == 2


def test_documents_that_are_not_there_are_named_once():
    asked = read("q | a.md\nr | b.md\ns | b.md\nt | -")
    assert unknown(asked, {"a.md"}) == ("b.md",)
    assert unknown(asked, {"a.md", "b.md"}) == ()


def test_a_passage_is_right_that_is_of_the_document_and_says_the_words():
    wrong = passage(text="It opens at ten.")
    right = passage(text="It opens  at NINE.")
    result = SearchResult((wrong, right), refused=False, threshold=0.5)
    name = right.document.name
    assert outcome(Golden("q", name, ("at nine",)), result).rank == 2
    assert outcome(Golden("q", name), result).rank == 1
    assert outcome(Golden("q", "other.md"), result).rank is None
    assert outcome(Golden("q"), result).rank is None


def test_hits_ranks_and_refusals_are_counted():
    outcomes = [
        Outcome(Golden("a", "a.md"), 1, 0.9, ()),
        Outcome(Golden("b", "b.md"), 4, 0.4, ()),
        Outcome(Golden("c", "c.md"), None, 0.8, ()),
        Outcome(Golden("d"), None, 0.2, ()),
        Outcome(Golden("e"), None, 0.7, ()),
    ]
    figures = measured(outcomes, 0.5)
    assert dict(figures.hits) == pytest.approx({1: 1 / 3, 3: 1 / 3, 5: 2 / 3})
    assert figures.mrr == pytest.approx((1 + 1 / 4) / 3)
    assert figures.refused_rightly == 0.5
    assert figures.refused_wrongly == pytest.approx(1 / 3)


def test_without_questions_there_are_no_figures():
    assert measured([], 0.5).mrr is None
    assert measured(lost(0.1), 0.5).refused_wrongly is None


def test_the_threshold_lies_in_the_widest_gap_that_parts_them():
    assert suggested([*found(0.8, 0.9, 0.95), *lost(0.1, 0.2, 0.4)]) == 0.6


def test_with_few_of_either_none_is_suggested():
    assert suggested([*found(0.8, 0.9), *lost(0.1, 0.2, 0.4)]) is None
    assert suggested(found(0.8, 0.9, 0.7)) is None
