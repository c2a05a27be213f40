"""Parts are as large as the engine takes, and notes are held against what they were made from."""

from __future__ import annotations

from contextlib import aclosing

import pytest

from core.engines.queue import Asker, Lane
from core.engines.queued import QueuedEngine
from core.errors import ContextTooLongError, EngineTimeoutError
from core.prompts import Draft
from core.settings import EngineSettings
from core.whole.kinds import Kind
from core.whole.numbering import consecutive, each_once, items, renumbered
from core.whole.reading import Budget, Read, Reader, supported
from core.whole.tasks import Note, Task, Telling
from tests.support.messages import conversation
from tests.support.passages import passage
from tests.support.reading_room import Scholar
from tests.support.scripted_engine import Script

TASK = Task(Kind.SUMMARY, "summarise it", "en")
ASKER = Asker(conversation().channel, "ada", Lane.BACKGROUND)


def book(count: int, words: int = 30):
    return [
        passage(text=" ".join([f"Gate {n} opens at {n}.", *["word"] * words]), n=n)
        for n in range(1, count + 1)
    ]


@pytest.fixture
async def reader_of():
    queues = []

    def made(engine, parts=12, seconds=100.0):
        queued = QueuedEngine.of(engine, EngineSettings())
        queues.append(queued)
        return Reader([queued], TASK, ASKER, Budget(parts, seconds, lambda: 0.0))

    yield made
    for queued in queues:
        await queued.aclose()


@pytest.mark.parametrize("window", [500, 700, 1500, 100_000])
async def test_parts_hold_every_passage_once_in_order_and_each_fits(reader_of, window):
    engine = Scholar(context_window=window)
    reader = reader_of(engine)
    passages = book(60)
    parts = await reader.parts(passages, 1000)
    numbered = [pair for part in parts for pair in part.numbered]
    assert numbered == list(enumerate(passages, 1))
    for part in parts:
        assert await engine.count_tokens(TASK.part(part.numbered)) <= window - min(400, window // 4)


async def test_no_more_parts_are_made_than_may_be_read(reader_of):
    parts = await reader_of(Scholar(context_window=500)).parts(book(60), 3)
    assert len(parts) == 3


async def test_a_passage_that_alone_is_too_long_is_read_in_pieces_under_its_number(reader_of):
    long = passage(text=" ".join(f"Gate {n} opens at {n}." for n in range(100)), n=1)
    parts = await reader_of(Scholar(context_window=400)).parts([long, *book(1)], 50)
    assert [[number for number, _own in part.numbered] for part in parts[:2]] == [[1], [1]]
    pieces = [own.chunk.text for part in parts for number, own in part.numbered if number == 1]
    assert "".join(pieces) == long.chunk.text
    assert parts[-1].numbered[-1][0] == 2


async def test_a_sentence_that_alone_is_too_long_is_told(reader_of):
    with pytest.raises(ContextTooLongError):
        await reader_of(Scholar(context_window=150)).parts(book(3, words=500), 5)


async def test_a_note_that_was_cut_off_loses_its_last_words_and_what_it_says_again(reader_of):
    engine = Scholar(context_window=600)
    said = "Gate 1 opens at 1 [1].\nGate 2 opens at 2 [2].\nGate 1 opens at 1 [1].\nGate 2 op"
    words = [word + " " for word in said.split(" ")]
    engine.script_for = lambda _messages: Script([*words, *["en"] * 400])
    reader, read = reader_of(engine), Read()
    parts = await reader.parts(book(2), 5)
    async with aclosing(reader.read(parts, read)) as counts:
        assert [count async for count in counts] == [1]
    assert [note.text for note in read.notes] == ["Gate 1 opens at 1 [1].\nGate 2 opens at 2 [2]."]


async def test_numbers_count_on_from_the_document_before(reader_of):
    (part,) = await reader_of(Scholar()).parts(book(2), 5, first=41)
    assert [number for number, _passage in part.numbered] == [41, 42]
    assert 'number="41"' in TASK.part(part.numbered)[-1].text


async def test_notes_that_are_too_many_are_made_fewer(reader_of):
    engine = Scholar(context_window=400)
    engine.told = lambda _text: "Gates open [1]."
    reader = reader_of(engine)
    notes = [Note(f"Gate {n} opens at {n} o'clock every day of the week [{n}].") for n in range(40)]
    kept = await reader.condensed(notes, 300, Read())
    assert await engine.count_tokens(TASK.from_notes(kept)) <= 300
    assert {note.text for note in kept} == {"Gates open [1]."}


async def test_making_notes_fewer_ends_in_its_time_where_others_keep_the_engine(
    reader_of, monkeypatch
):
    monkeypatch.setattr("core.whole.reading.CONDENSING_SECONDS", 0.05)
    reader = reader_of(Scholar(context_window=400), seconds=0.0)
    people = reader.served.queue.ticket(Asker(conversation().channel, "ben"))
    async with aclosing(people.wait()) as places:
        async for _place in places:
            pass
    notes = [Note(f"Gate {n} opens at {n} o'clock every day of the week [{n}].") for n in range(40)]
    with pytest.raises(EngineTimeoutError):
        await reader.condensed(notes, 300, Read())
    people.release()


async def test_an_answer_on_the_whole_leaves_nothing_out_to_fit():
    telling = Telling(TASK, book(60))
    with pytest.raises(ContextTooLongError):
        await telling.build(Draft("?", (), "en"), Scholar(context_window=500), 100)


def test_a_note_keeps_what_the_part_says_with_the_numbers_of_the_whole():
    said = (
        "Gate 1 opens at 1 [11]. It costs 99 crowns [11]. Gate 2 opens at 2.\n"
        "\n \n- Gate 2 opens at 2 [99]\n"
    )
    kept = supported(said, book(2), "summarise it", offset=10)
    assert kept.splitlines() == [
        "Gate 1 opens at 1 [11].",
        "Gate 2 opens at 2 [12].",
        "- Gate 2 opens at 2 [12]",
    ]


@pytest.mark.parametrize("said", ["-", " – ", "None.", "无", "没有。", ""])
def test_a_part_that_says_nothing_has_no_note(said):
    assert supported(said, book(1), "?") == ""


def test_chinese_notes_are_held_against_the_part_too():
    part = [passage(text="押金为30元。馆内禁止吸烟。", n=1)]
    assert supported("押金为30元[1]。押金为50元[1]。馆内禁止吸烟。", part, "总结") == (
        "押金为30元[1]。\n馆内禁止吸烟[1]。"
    )


def test_numbers_are_counted_anew_as_they_come_up():
    passages = tuple(book(30))
    text, kept = consecutive("A [17]. B [3][17]. `x[3]`", passages, {3, 17})
    assert text == "A [1]. B [2][1]. `x[3]`"
    assert kept == (passages[16], passages[2])
    notes, named = renumbered([Note("A [20]. B [99]."), Note("C [2].")], passages)
    assert [note.text for note in notes] == ["A [1]. B.", "C [2]."]
    assert named == [passages[19], passages[1]]


def test_lines_that_a_model_says_over_and_over_stand_once():
    text = "The gate opens at nine [1].\n- Yes\nThe gate opens at nine [2].\n- Yes\n\nEnd"
    assert each_once(text) == "The gate opens at nine [1].\n- Yes\n- Yes\n\nEnd"


def test_items_of_a_list_come_once_whatever_their_numbers():
    seen: set[str] = set()
    assert list(items("- A fee [1]\n2. B fee [2]\n- 3. a FEE [3]\n-", seen)) == [
        "- A fee [1]",
        "- B fee [2]",
    ]
