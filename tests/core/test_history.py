"""What a question continues, and what an answer was made from."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from core.database import Database
from core.events import ChannelRef, Platform, Turn
from core.history import History, move_exchanges
from core.inbox import DurableInbox
from core.replies import SentMessage, Sources
from tests.support.messages import NOON, author, conversation, group, private
from tests.support.passages import cited


@pytest.fixture
async def database(tmp_path):
    async with Database.open(tmp_path / "lorekeeper.db") as opened:
        yield opened


@pytest.fixture
def history(database):
    return History(database, group_minutes=30)


async def exchange(history, message, answer, **facts):
    await history.append_question(message)
    await history.append_answer(message, answer, **facts)


async def texts(history, message, limit=12):
    return [turn.text for turn in await history.context(message, limit)]


async def test_a_private_chat_is_its_own_context_oldest_first(history):
    await exchange(history, private("q1", "1", at=NOON), "a1")
    await exchange(history, private("q2", "2", at=NOON), "a2")
    await exchange(history, private("other", "1", user="bob", at=NOON), "secret")

    assert await history.context(private("q3", "3", at=NOON), 12) == (
        Turn("user", "q1"),
        Turn("assistant", "a1"),
        Turn("user", "q2"),
        Turn("assistant", "a2"),
    )
    assert await texts(history, private("q3", "3", at=NOON), 2) == ["q2", "a2"]


async def test_answers_that_end_out_of_order_stay_with_their_questions(history):
    first, second = private("q1", "1", at=NOON), private("q2", "2", at=NOON)
    await history.append_question(first)
    await history.append_question(second)
    await history.append_answer(second, "a2")
    await history.append_answer(first, "a1")

    assert await texts(history, private("q3", "3", at=NOON)) == ["q1", "a1", "q2", "a2"]


async def test_a_question_without_an_answer_is_not_context(history):
    await history.append_question(private("q1", "1", at=NOON))
    assert await texts(history, private("q2", "2", at=NOON)) == []


async def test_a_thread_is_the_context_of_all_who_write_in_it_and_speakers_are_named(history):
    await exchange(history, group("q1", "1", user="ada", thread="t", at=NOON), "a1")
    await exchange(history, group("elsewhere", "2", thread="u", at=NOON), "a2")

    assert await history.context(group("q", "9", user="bob", thread="t", at=NOON), 12) == (
        Turn("user", "q1", "Ada"),
        Turn("assistant", "a1"),
    )


async def test_in_a_group_a_member_continues_their_own_turns_of_half_an_hour_only(history):
    await exchange(history, group("old", "1", at=NOON - timedelta(minutes=31)), "a-old")
    await exchange(history, group("mine", "2", at=NOON - timedelta(minutes=29)), "a-mine")
    await exchange(history, group("theirs", "3", user="bob", at=NOON), "a-theirs")

    assert await texts(history, group("and now?", "4", at=NOON)) == ["mine", "a-mine"]


async def test_a_reply_continues_the_chain_it_hangs_on_and_nothing_else(history, database):
    inbox = DurableInbox(database)
    await exchange(history, group("loose", "1", at=NOON), "a-loose")
    start = group("first", "2", user="bob", at=NOON)
    inbox_id = await inbox.receive(start)
    await inbox.sent(inbox_id, SentMessage("text", 0, "bot-7"))
    await exchange(history, start, "a-first")
    await exchange(history, group("second", "3", quotes="bot-7", user="cy", at=NOON), "a-second")

    # Ada replies to Cy's question, which replied to our answer to Bob.
    found = await history.context(group("third", "4", quotes="3", at=NOON), 12)

    assert [turn.text for turn in found] == ["first", "a-first", "second", "a-second"]
    assert [turn.speaker for turn in found] == ["Bob", None, "Cy", None]
    assert await texts(history, group("third", "4", quotes="3", at=NOON), 2) == [
        "second",
        "a-second",
    ]


async def test_a_reply_to_a_message_that_is_none_of_ours_starts_afresh(history):
    await exchange(history, group("mine", "1", at=NOON), "a-mine")
    assert await texts(history, group("what of this?", "2", quotes="unknown", at=NOON)) == []


async def test_a_chain_never_crosses_into_another_conversation(history):
    await exchange(history, group("private matter", "1", thread="t", at=NOON), "a")
    assert await texts(history, group("?", "2", quotes="1", at=NOON)) == []


async def test_a_chain_that_bites_its_tail_ends(history):
    await exchange(history, group("q1", "1", quotes="2", at=NOON), "a1")
    await exchange(history, group("q2", "2", quotes="1", at=NOON), "a2")
    assert await texts(history, group("q3", "3", quotes="2", at=NOON), 40) == [
        "q1",
        "a1",
        "q2",
        "a2",
    ]


async def test_a_question_asked_again_sees_what_stood_before_it_and_replaces_its_answer(history):
    await exchange(history, private("q1", "1", at=NOON), "a1")
    await exchange(history, private("q2", "2", at=NOON), "a2")
    await exchange(history, private("q3", "3", at=NOON), "a3")

    edited = private("q2 edited", "2", at=NOON)
    assert await texts(history, edited) == ["q1", "a1"]
    await exchange(history, edited, "a2 anew")

    assert await texts(history, private("q4", "4", at=NOON)) == [
        "q1",
        "a1",
        "q2 edited",
        "a2 anew",
        "q3",
        "a3",
    ]


async def test_a_caller_who_brings_the_history_gets_it_back_and_leaves_none(history):
    own = (Turn("user", "x"), Turn("assistant", "y"))
    message = replace(private("q", "1", at=NOON), context=own)
    await exchange(history, message, "a")

    assert await history.context(message, 12) == own
    assert await history.context(message, 1) == own[1:]
    assert await texts(history, private("q2", "2", at=NOON)) == []


async def test_sources_are_found_by_the_question_or_any_message_of_the_answer(tmp_path):
    question = group("q", "1", at=NOON)
    sources = Sources((cited(1, "a.md"), cited(2, "b.md", was_cited=False)))
    async with Database.open(tmp_path / "lorekeeper.db") as database:
        inbox, history = DurableInbox(database), History(database)
        inbox_id = await inbox.receive(question)
        await inbox.sent(inbox_id, SentMessage("text", 0, "bot-1"))
        await inbox.sent(inbox_id, SentMessage("text", 1, "bot-2"))
        await exchange(history, question, "a [1]", sources=sources, interrupted=True)
    async with Database.open(tmp_path / "lorekeeper.db") as database:
        history = History(database)
        found = [await history.answer(conversation(), key) for key in ("1", "bot-1", "bot-2")]
        assert found[0] == found[1] == found[2]
        assert await history.answer(conversation(), "bot-3") is None
        assert await history.answer(conversation("elsewhere"), "bot-1") is None
    answer = found[0]
    assert (answer.text, answer.interrupted, answer.author_id) == ("a [1]", True, "ada")
    assert [(s.number, s.document, s.cited) for s in answer.sources] == [
        (1, "a.md", True),
        (2, "b.md", False),
    ]
    assert answer.sources[0].chunk == cited(1).passage.chunk.chunk_id


async def test_a_reset_takes_the_words_and_leaves_the_sources(history):
    mine, theirs = group("mine", "1", at=NOON), group("theirs", "2", user="bob", at=NOON)
    sources = Sources((cited(1, "a.md"),))
    await exchange(history, mine, "a", sources=sources)
    await exchange(history, theirs, "b")

    assert await history.clear(conversation(), author("ada")) == 1

    assert await texts(history, group("?", "3", at=NOON)) == []
    assert await texts(history, group("?", "3", user="bob", at=NOON)) == ["theirs", "b"]
    kept = await history.answer(conversation(), "1")
    assert (kept.question, kept.text, len(kept.sources)) == ("", "", 1)
    assert await history.clear(conversation()) == 1


async def test_an_answer_that_ends_after_a_reset_brings_no_words_back(history):
    question = private("q", "1", at=NOON)
    await history.append_question(question)
    await history.clear(question.conversation)
    await history.append_answer(question, "a")
    assert await texts(history, private("q2", "2", at=NOON)) == []


async def test_turns_follow_a_channel_to_its_new_id_and_new_messages_do_not_collide(
    history, database
):
    await exchange(history, group("before", "1", at=NOON), "a")
    await exchange(history, group("reply", "2", quotes="1", at=NOON), "b")
    old, new = ChannelRef(Platform.DISCORD, "town"), ChannelRef(Platform.DISCORD, "city")
    async with database.transaction() as connection:
        await move_exchanges(connection, old, new)

    after = replace(group("after", "1", at=NOON), conversation=conversation("city"))
    assert await texts(history, after) == ["before", "a", "reply", "b"]
    await exchange(history, after, "c")
    later = replace(group("later", "3", at=NOON), conversation=conversation("city"))
    assert await texts(history, later) == ["before", "a", "reply", "b", "after", "c"]


async def test_any_text_can_be_kept(history):
    await exchange(history, private("\ud800 \x00 '\"; DROP", "1", at=NOON), "答\udfff")
    assert await texts(history, private("q", "2", at=NOON)) == ["? \x00 '\"; DROP", "答?"]


async def test_a_removed_question_is_gone_with_its_answer(history):
    await exchange(history, private("q", "1", at=NOON), "a", sources=Sources((cited(1),)))
    await history.remove(private("q").conversation, "1")
    assert await history.answer(private("q").conversation, "1") is None
