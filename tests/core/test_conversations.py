from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from core.conversations import Conversations
from core.database import Database
from core.events import ChannelRef, ConversationRef, Platform
from core.feedback import Feedback, Verdict
from core.history import History
from tests.support.messages import private

NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)
CONSOLE = ChannelRef(Platform.WEB, "console")


@pytest.fixture
async def database(tmp_path):
    async with Database.open(tmp_path / "lorekeeper.db") as opened:
        yield opened


async def said(database, thread, number, text, user="ann", answer="It is seven."):
    at = NOON + timedelta(minutes=number)
    message = replace(
        private(text, f"{user} {thread} {number}", user=user, at=at),
        conversation=ConversationRef(CONSOLE, thread),
    )
    history = History(database)
    await history.append_question(message)
    if answer is not None:
        await history.append_answer(message, answer)
    return message


async def test_a_member_sees_their_own_conversations_the_last_one_first(database):
    await said(database, "one", 1, "How  many\nhuts?")
    await said(database, "two", 2, "雾砚的年假？")
    await said(database, "one", 3, "And dogs?")
    await said(database, "three", 4, "Mine.", user="bob")
    listed = await Conversations(database).of(CONSOLE, "ann")
    assert [(own.thread_id, own.title) for own in listed] == [
        ("one", "How many huts?"),
        ("two", "雾砚的年假？"),
    ]
    assert listed[0].last_at == NOON + timedelta(minutes=3)
    assert len(await Conversations(database).of(CONSOLE, "ann", most=1)) == 1


async def test_a_conversation_is_opened_for_whose_it_is_alone(database):
    await said(database, "one", 1, "How many huts?")
    await said(database, "one", 2, "And dogs?", answer=None)
    conversations = Conversations(database)
    place = ConversationRef(CONSOLE, "one")
    opened = await conversations.exchanges(place, "ann")
    assert [(own.question, own.answer) for own in opened] == [
        ("How many huts?", "It is seven."),
        ("And dogs?", None),
    ]
    assert await conversations.exchanges(place, "bob") == ()
    assert await conversations.exchanges(place, "ann", most=1) == opened[1:]


async def test_what_is_removed_is_gone_with_its_verdicts_and_nobody_removes_anothers(database):
    message = await said(database, "one", 1, "How many huts?")
    await said(database, "two", 2, "And dogs?")
    conversations, feedback = Conversations(database), Feedback(database)
    place = ConversationRef(CONSOLE, "one")
    answer = await History(database).answer(place, message.message_id)
    assert answer is not None
    await feedback.give(place, answer, "ann", Verdict.UP)
    assert await conversations.remove(place, "bob") == 0
    assert await feedback.of(place, message.message_id, "ann") is Verdict.UP
    assert await conversations.remove(place, "ann") == 1
    assert await feedback.of(place, message.message_id, "ann") is None
    assert [own.thread_id for own in await conversations.of(CONSOLE, "ann")] == ["two"]
