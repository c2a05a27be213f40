"""Quoting: which sentences are put before the asker."""

from datetime import UTC, datetime

import numpy as np
import pytest

from knowledge_base.lexical import LexicalIndex, weigh
from knowledge_base.models import (
    BaseId,
    Chunk,
    ChunkId,
    Document,
    DocumentId,
    DocumentState,
    Passage,
)
from knowledge_base.quoting import EMBEDDED, choose, preselect, quote
from knowledge_base.sentences import LONGEST_SENTENCE
from knowledge_base.terms import pack_terms, terms_of

LIBRARY = (
    "The library of Vessaby was founded by sailors. It has two floors. "
    "It opens at nine on weekdays. Children read for free!"
)
HARBOUR = "The harbour is deep. Ships pay 12 crowns for a night."
NOW = datetime(2026, 1, 1, tzinfo=UTC)


def weighed(question, *texts):
    index = LexicalIndex()
    index.add(np.arange(len(texts)), [pack_terms(terms_of(text)) for text in texts])
    terms = terms_of(question)
    return weigh(terms, index.statistics(terms))


def passage(text, relevance=0.9):
    document = Document(
        DocumentId(1), BaseId(1), "a.md", DocumentState.READY, 1, "0", 1, "text/plain", 1, NOW
    )
    return Passage(Chunk(ChunkId(1), DocumentId(1), 0, text, None, None), document, relevance)


def by_terms(question, *passages, limit=1):
    candidates = preselect(question, weighed(question, *(t for t, _ in passages)), passages)
    return choose(candidates, np.zeros(0, np.float32), limit)


def test_a_quotation_is_word_for_word_and_says_where():
    (found,) = by_terms("Who founded the library?", (HARBOUR, 0.8), (LIBRARY, 0.9))
    assert found.text == "The library of Vessaby was founded by sailors."
    assert found.passage == 1
    assert LIBRARY[found.start :].startswith(found.text)


def test_the_sentence_before_lends_its_subject():
    (found,) = by_terms("How many floors in Vessaby?", (LIBRARY, 0.9))
    assert found.text == "It has two floors."


@pytest.mark.parametrize(
    ("question", "other", "text"),
    [
        (
            "Does the mill of Korva have a red door?",
            "A hut stands there. It is small. It has a red door there.",
            "The mill of Korva is old. It is tall. It has a red door.",
        ),
        (
            "科尔瓦磨坊有红色的门吗？",
            "那里是小屋。它很小。那里它有红色的门。",
            "科尔瓦磨坊很旧。它很高。它有红色的门。",
        ),
    ],
)
def test_a_subject_is_lent_beyond_the_next_sentence_and_less_each_time(question, other, text):
    (found,) = by_terms(question, (other, 0.9), (text, 0.9))
    assert found.passage == 1
    assert text.endswith(found.text)
    first, *_, last = sorted(
        preselect("Korva", weighed("Korva", text), [("Korva. One. Two. Three.", 0.9)]),
        key=lambda candidate: -candidate.fit,
    )
    assert (first.sentence.text, last.sentence.text) == ("Korva.", "Three.")


@pytest.mark.parametrize(
    ("question", "text", "says"),
    [
        (
            "How much was a night in the harbour in 1887?",
            "A night in the harbour was a joy in 1887. A night in the harbour in 1887: 12 crowns.",
            "12",
        ),
        ("观星每场限多少人？", "观星每场限人，这是唯一的规矩。观星每场都是四十人。", "四十"),
    ],
)
def test_a_number_that_the_question_names_and_a_part_of_a_word_are_no_answer(question, text, says):
    (found,) = by_terms(question, (text, 0.9))
    assert says in found.text


def test_who_asks_for_a_number_gets_one():
    text = "A night in the harbour costs little. A night in the harbour costs 12 crowns."
    (found,) = by_terms("How much is a night in the harbour?", (text, 0.9))
    assert "12" in found.text
    (found,) = by_terms("港口停泊一晚多少钱？", ("港口停泊很便宜。港口停泊一晚十二元。", 0.9))
    assert found.text == "港口停泊一晚十二元。"


def test_a_doubtful_passage_must_fit_better():
    (found,) = by_terms("Is the harbour deep?", ("The harbour is shallow.", 0.02), (HARBOUR, 0.9))
    assert found.text == "The harbour is deep."


def test_the_same_sentence_is_quoted_once():
    assert len(by_terms("deep harbour", (HARBOUR, 0.9), (HARBOUR, 0.8), limit=9)) == 2


def test_meaning_decides_among_the_first():
    question = "When do children read on weekdays?"
    candidates = preselect(question, weighed(question, LIBRARY), [(LIBRARY, 0.9)])
    second = candidates[1].sentence.text
    assert candidates[1].fit > candidates[0].fit - 0.2
    found = choose(candidates, np.array([0.1, 0.9], np.float32), 2)
    assert found[0].text == second
    assert len(choose(candidates, np.array([0.5], np.float32), 2)) == 1


def test_words_that_come_near_decide_where_they_were_read():
    question = "When do children read on weekdays?"
    candidates = preselect(question, weighed(question, LIBRARY), [(LIBRARY, 0.9)])
    even, unknown = np.zeros(3, np.float32), np.full(3, np.nan, np.float32)
    (usual,) = choose(candidates, even, 1)
    assert choose(candidates, even, 1, unknown) == [usual]
    near = np.array([0.5, 0.9, np.nan], np.float32)
    (found,) = choose(candidates, even, 1, near)
    assert (usual.text, found.text) == tuple(own.sentence.text for own in candidates[:2])


async def test_nothing_is_asked_of_what_was_read_for_a_single_sentence():
    async def near(question, parts):
        raise AssertionError(parts)

    (only,) = await quote("Sand?", weighed("Sand?", "a"), [passage("Sand.")], None, near=near)
    assert only.text == "Sand."


async def test_what_was_read_is_asked_for_the_places_of_the_first_sentences():
    asked = []

    async def near(question, parts):
        asked.extend(chunk.text[start:end] for chunk, start, end in parts)
        return np.arange(len(parts), dtype=np.float32)

    question = "Which boat is blue?"
    text = " ".join(f"Boat {n} is blue." for n in range(30))
    (found,) = await quote(question, weighed(question, text), [passage(text)], None, 1, near)
    assert len(asked) == EMBEDDED
    assert found.text == asked[-1]


async def test_only_a_handful_of_sentences_is_embedded():
    asked = []

    async def embed(texts):
        asked.extend(texts)
        return np.array([[1.0, 0.0] if "seven" in t else [0.0, 1.0] for t in texts], np.float32)

    text = " ".join(f"Boat {n} is blue." for n in ("one", "two", "seven", *map(str, range(30))))
    question = "Which boat is blue?"
    found = await quote(
        question,
        weighed(question, text),
        [passage(text)],
        (np.array([1.0, 0.0], np.float32), embed),
    )
    assert len(asked) == EMBEDDED
    assert found[0].text == "Boat seven is blue."


async def test_nothing_to_quote():
    assert await quote("Why?", weighed("Why?", "a"), [], None) == []
    assert await quote("Why?", weighed("Why?", "a"), [passage("  ")], None) == []
    assert len(await quote("Why?", weighed("Why?", "a"), [passage(HARBOUR)], None)) == 1


HOURS = """Opening hours:
Monday to Friday 9:00 to 17:00
Saturday 10:00 to 14:00

The office is on the first floor."""
PAPERS = """To enrol you need:

- a passport
- a proof of address. A letter will do.
- two photographs

The fee is 40 crowns."""
STEPS = """重置水泵的步骤：
1. 关闭阀门。
2. 等十分钟。
3. 慢慢打开阀门。

漏水请打电话给玛塔。"""


@pytest.mark.parametrize(
    ("text", "question", "end"),
    [
        (HOURS, "What are the opening hours?", "14:00"),
        (PAPERS, "What do I need to enrol?", "photographs"),
        (STEPS, "怎么重置水泵？", "打开阀门。"),
    ],
)
def test_what_a_colon_announces_is_quoted_with_it(text, question, end):
    (found,) = by_terms(question, (text, 0.9))
    assert found.text == text[: text.index(end) + len(end)]
    assert text[found.start :].startswith(found.text)


def test_a_line_is_not_quoted_twice_beside_its_list():
    found = by_terms("What are the opening hours on Saturday?", (HOURS, 0.9), limit=3)
    assert sum("Saturday" in quotation.text for quotation in found) == 1


def test_a_list_that_is_too_long_is_quoted_as_far_as_whole_lines_go():
    text = "The keys:\n" + "\n".join(f"- key {n} opens the door of room {n}" for n in range(40))
    (found,) = by_terms("Which are the keys?", (text, 0.9))
    assert 400 < len(found.text) <= LONGEST_SENTENCE
    assert text[len(found.text)] == "\n"


def test_a_heading_with_a_colon_does_not_take_a_whole_paragraph_along():
    text = "In short:\nThe gate opens at nine. The keeper has the key. Dogs stay outside."
    (found,) = by_terms("What is it in short?", (text, 0.9))
    assert found.text == "In short:\nThe gate opens at nine."


ENGLISH_POOL = (
    "The pool lies by the river.\n\nOpening hours\n\nThe pool opens at nine and closes at eight."
)
CHINESE_POOL = "游泳馆在河边。\n\n开放时间\n\n游泳馆九点开门，八点关门。"


@pytest.mark.parametrize(
    ("question", "text"),
    [
        ("What are the opening hours of the pool?", ENGLISH_POOL),
        ("游泳馆的开放时间是什么？", CHINESE_POOL),
    ],
)
def test_a_bare_heading_is_not_quoted_but_lends_its_words(question, text):
    found = by_terms(question, (text, 0.9), limit=3)
    first, _heading, last = text.split("\n\n")
    assert [own.text for own in found] == [last, first]


@pytest.mark.parametrize("text", ["Opening hours\n\nThe pool", "开放时间"])
def test_where_there_is_nothing_but_headings_they_are_quoted(text):
    assert by_terms("开放时间, opening hours?", (text, 0.9))


RECORDS = (
    "Item: Ticket for an adult; Price in the summer months: 3 €; Price in winter: 4 €\n"
    "Item: Ticket for a child; Price in the summer months: 1 €; Price in winter: 2 €\n"
    "Item: Year card for a family; Price in the summer months: 80 €; Price in winter: 90 €"
)
BARS = (
    "The fees are as follows:\n"
    "Item | Price in the summer months | Price in winter\n"
    "Ticket for an adult | 3 € in the summer | 4 € in the winter\n"
    "Ticket for a child | 1 € in the summer | 2 € in the winter"
)
CHINESE_RECORDS = (
    "项目: 成人票; 夏季价格（五月至九月）: 3元; 冬季价格（十月至四月）: 4元\n"
    "项目: 儿童票; 夏季价格（五月至九月）: 1元; 冬季价格（十月至四月）: 2元"
)
CHINESE_BARS = "收费标准如下：\n项目 | 价格\n成人票 | 3元\n儿童票 | 1元"


@pytest.mark.parametrize(
    ("question", "text", "lines"),
    [
        ("How much is the ticket for a child?", RECORDS, [1]),
        ("How much is the ticket for a child?", BARS, [1, 3]),
        ("儿童票多少钱？", CHINESE_RECORDS, [1]),
        ("儿童票多少钱？", CHINESE_BARS, [1, 3]),
    ],
)
def test_of_a_table_the_row_is_quoted_that_is_asked_for_with_its_columns(question, text, lines):
    found = by_terms(question, (text, 0.9), limit=2)
    told = text.split("\n")
    assert [own.text for own in found] == ["\n".join(told[n] for n in lines)]
    assert text[found[0].start :].startswith(told[lines[-1]])


@pytest.mark.parametrize(
    ("question", "text"),
    [
        ("What does an adult pay, and what a child?", RECORDS),
        ("成人票和儿童票各多少钱？", CHINESE_RECORDS),
    ],
)
def test_two_rows_are_quoted_where_each_has_words_of_its_own(question, text):
    found = by_terms(question, (text, 0.9), limit=2)
    assert sorted(own.text for own in found) == sorted(text.split("\n")[:2])
