"""The closer look: what is made of how near passages come, and when they are read at all."""

import asyncio
import threading

import numpy as np
import pytest

from knowledge_base.closeness import LOOKED_AT, CloseLook, ClosenessModel, Nearness, closer, signs
from tests.support.passages import passage

WORDS = ("gate", "opens", "nine", "closes", "ferry", "大", "门", "开")


class Reader:
    """A token for each word it knows, each in a direction of its own."""

    def __init__(self):
        self.read = []
        self.asked = 0

    def query(self, text):
        self.asked += 1
        return self._of(text)

    def passage(self, text):
        self.read.append(text)
        return self._of(text)

    def places(self, text):
        return [text.index(WORDS[at]) for at in self._found(text)]

    def _found(self, text):
        return [at for at, word in enumerate(WORDS) if word in text]

    def _of(self, text):
        return np.eye(len(WORDS), dtype=np.float32)[self._found(text)]


class Slow(Reader):
    """Reads no second passage before it is let."""

    def __init__(self):
        super().__init__()
        self.begun = threading.Event()
        self.let = threading.Event()

    def passage(self, text):
        if self.read:
            self.begun.set()
            self.let.wait(30)
        return super().passage(text)


def several(*texts, relevance=0.5):
    return tuple(
        passage(f"{n}.txt", text, n=n, relevance=relevance) for n, text in enumerate(texts, 1)
    )


def near(*both):
    return [Nearness(own, own) for own in both]


def texts(passages):
    return [own.chunk.text for own in passages]


@pytest.fixture
async def look():
    opened = []

    def make(reader, budget=60.0, **options):
        opened.append(CloseLook(lambda: reader, budget, **options))
        return opened[-1]

    yield make
    for one in opened:
        await one.aclose()


def test_what_comes_nearest_comes_first_and_stands_out():
    found = closer("the gate", 1.0, several("one", "two", "three"), near(0.7, 0.9, 0.7))
    assert texts(found) == ["two", "one", "three"]
    assert found[0].relevance > 0.5 > found[1].relevance


def test_what_was_not_read_is_worth_no_more_than_what_was():
    found = closer("the gate", 1.0, several("one", "two", "three"), near(0.7, 0.9))
    assert texts(found) == ["two", "one", "three"]
    assert found[2].relevance <= found[1].relevance


def test_what_a_passage_lacks_counts_more_than_what_it_has():
    whole, part = Nearness(0.8, 0.75), Nearness(0.85, 0.6)
    found = closer("the gate", 1.0, several("part", "whole"), [part, whole])
    assert texts(found) == ["whole", "part"]


def test_equal_nearness_leaves_the_searchs_order():
    one, two = passage(text="one", n=1, relevance=0.8), passage(text="two", n=2, relevance=0.3)
    assert texts(closer("the gate", 1.0, (one, two), near(0.8, 0.8))) == ["one", "two"]


@pytest.mark.parametrize("known", [1.0, 0.0])
def test_in_another_language_the_order_changes_and_what_the_best_is_worth_holds(known):
    one = passage(text="大门八点开", n=1, relevance=0.6)
    two = passage(text="大门九点开", n=2, relevance=0.3)
    found = closer("When does the gate open?", known, (one, two), near(0.7, 0.75))
    assert texts(found) == ["大门九点开", "大门八点开"]
    assert [own.relevance for own in found] == [0.6, 0.3]


@pytest.mark.parametrize(
    ("question", "passages"),
    [
        ("When does the gate open?", ("大门八点开", "停车场很大", "门票五元", "请勿拍照")),
        ("大门几点开？", ("The gate opens at 8", "Parking is free", "No photos", "Tickets: 5")),
    ],
)
def test_in_another_language_what_stands_out_of_several_is_surer_and_what_does_not_is_in_doubt(
    question, passages
):
    found = several(*passages, relevance=0.4)
    apart = closer(question, 0.0, found, near(0.86, 0.8, 0.79, 0.79))
    assert texts(apart)[0] == passages[0]
    assert apart[0].relevance > 0.7
    together = closer(question, 0.0, found, near(0.81, 0.8, 0.8, 0.8))
    assert together[0].relevance < 0.3


def test_how_near_all_of_them_come_in_another_language_says_nothing():
    found = several("大门八点开", "停车场很大", "门票五元", "请勿拍照", relevance=0.4)
    far, close = (
        closer("When does it open?", 0.0, found, near(*(low + own for own in (0.05, 0.01, 0, 0))))
        for low in (0.6, 0.8)
    )
    assert far[0].relevance == pytest.approx(close[0].relevance)


def test_words_that_no_base_knows_leave_what_the_best_is_worth():
    found = closer(
        "Wann öffnet das Tor?", 0.0, several("one", "two", relevance=0.6), near(0.7, 0.75)
    )
    assert texts(found) == ["two", "one"]
    assert found[0].relevance == 0.6


def test_passages_in_two_languages_are_compared_each_with_their_own():
    own = several("gate one", "gate two", relevance=0.4)
    foreign = tuple(passage(text=text, n=9 + n) for n, text in enumerate(("门", "大门")))
    found = closer("the gate", 1.0, (*own, *foreign), near(0.8, 0.8, 0.7, 0.7))
    assert [one.relevance for one in found if one in foreign] == [0.9, 0.9]


async def test_a_search_in_doubt_has_its_passages_read(look):
    reader = Reader()
    passages = several("A ferry", "The gate opens at nine", "The gate closes")
    found, late = await look(reader).at("When is it that the gate opens, at nine?", 1.0, passages)
    assert texts(found)[0] == "The gate opens at nine"
    assert not late
    assert len(reader.read) == 3


def parts(chunk, *texts):
    return [(chunk, at := chunk.text.index(text), at + len(text)) for text in texts]


@pytest.mark.parametrize("heading", [None, "Hours › The ferry"])
async def test_parts_of_what_was_read_come_near_by_their_own_words(look, heading):
    reader = Reader()
    close = look(reader)
    text = "The gate is red. It opens. The sea is wide."
    own = passage(text=text, heading=heading, relevance=0.5)
    await close.at("gate opens", 1.0, (own, *several("A ferry")))
    read = list(reader.read)
    wanted = parts(own.chunk, "The gate is red.", "It opens.", text[:26], "The sea is wide.")
    found = await close.nearness("gate opens", wanted)
    assert np.isnan(found).tolist() == [False, False, False, True]
    assert found[2] > max(found[:2])
    assert (reader.read, reader.asked) == (read, 1)


async def test_of_what_was_not_read_and_a_question_that_was_not_looked_at_nothing_is_known(look):
    reader = Reader()
    close = look(reader)
    one, other = several("The gate opens", "A ferry")
    unread = passage(text="The gate closes", n=3)
    wanted = [*parts(one.chunk, "gate"), *parts(unread.chunk, "gate")]
    assert np.isnan(await close.nearness("gate", wanted)).all()
    await close.at("gate", 1.0, (one, other))
    assert np.isnan(await close.nearness("gate", wanted)).tolist() == [False, True]
    assert np.isnan(await close.nearness("ferry", wanted)).all()
    assert len(reader.read) == 2


async def test_only_the_last_questions_are_kept(look):
    close = look(Reader())
    one, other = several("The gate opens", "A ferry")
    for number in range(99):
        await close.at(f"gate {number}", 1.0, (one, other))
    wanted = parts(one.chunk, "gate")
    assert np.isnan(await close.nearness("gate 1", wanted)).all()
    assert not np.isnan(await close.nearness("gate 98", wanted)).any()


@pytest.mark.parametrize("relevance", [0.02, 0.97])
async def test_where_the_search_is_sure_nothing_is_read(look, relevance):
    reader = Reader()
    passages = several("A ferry", "The gate opens", relevance=relevance)
    assert await look(reader).at("gate", 1.0, passages) == (passages, False)
    assert reader.asked == 0


async def test_one_passage_alone_has_nothing_to_stand_out_from(look):
    passages = several("The gate opens")
    assert await look(Reader()).at("gate", 1.0, passages) == (passages, False)


async def test_what_was_read_is_remembered(look):
    reader = Reader()
    close = look(reader)
    passages = several("A ferry", "The gate opens")
    first = await close.at("gate", 1.0, passages)
    assert await close.at("gate", 1.0, passages) == first
    assert len(reader.read) == 2


async def test_no_more_is_remembered_than_there_is_room_for(look):
    reader = Reader()
    close = look(reader, remembered_bytes=1)
    passages = several("A ferry", "The gate opens")
    await close.at("gate", 1.0, passages)
    await close.at("gate", 1.0, passages)
    # The one that was read last may still be there.
    assert len(reader.read) >= 3


async def test_only_the_first_passages_are_read(look):
    reader = Reader()
    passages = several(*(f"The gate {n} opens" for n in range(LOOKED_AT + 4)))
    found, late = await look(reader).at("gate", 1.0, passages)
    assert len(reader.read) == LOOKED_AT
    assert len(found) == len(passages)
    assert not late


async def test_without_time_for_two_passages_the_searchs_word_holds_and_later_looks_know_them(look):
    reader = Slow()
    close = look(reader, budget=0.2)
    passages = several("A ferry", "The gate opens")
    assert await close.at("gate", 1.0, passages) == (passages, True)
    reader.let.set()
    found, late = await look(reader).at("gate", 1.0, passages)
    assert texts(found)[0] == "The gate opens"
    assert not late


async def test_without_a_model_the_searchs_word_holds():
    def load():
        raise OSError("gone")

    close = CloseLook(load, 60.0)
    passages = several("A ferry", "The gate opens")
    assert await close.at("gate", 1.0, passages) == (passages, False)
    assert await close.at("gate", 1.0, passages) == (passages, False)
    await close.aclose()


async def test_who_gives_up_waiting_leaves_nothing_broken(look):
    reader = Slow()
    close = look(reader)
    passages = several("A ferry", "The gate opens")
    asking = asyncio.ensure_future(close.at("gate", 1.0, passages))
    assert await asyncio.to_thread(reader.begun.wait, 30)
    asking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asking
    reader.let.set()
    found, late = await close.at("gate", 1.0, passages)
    assert texts(found)[0] == "The gate opens"
    assert not late


def test_a_passage_without_words_is_far_from_everything():
    model = ClosenessModel((1.0, 1.0, 1.0), bias=0.0)
    odds = model.of(signs([0.5, 0.5], near(0.0, 0.0)))
    assert odds.tolist() == [0.0, 0.0]
