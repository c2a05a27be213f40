"""Rows of questions and of the messages that answer them."""

from __future__ import annotations

from dataclasses import replace

import pytest

from core.database import Database
from core.errors import AttachmentGoneError
from core.events import (
    Attachment,
    Author,
    ChannelRef,
    InteractionRef,
    Invocation,
    MessageRef,
    Platform,
    Quoted,
    Trigger,
)
from core.history import History
from core.inbox import DurableInbox, InboxState, move_inbox
from core.packing import digest_of
from core.replies import SentMessage
from tests.support.messages import NOON, conversation, group, private


@pytest.fixture
async def database(tmp_path):
    async with Database.open(tmp_path / "lorekeeper.db") as opened:
        yield opened


@pytest.fixture
def inbox(database):
    return DurableInbox(database, clock=lambda: 7.0)


async def save(path, limit):
    raise NotImplementedError


async def the_owed(inbox):
    return await inbox.owed([Platform.DISCORD])


async def test_a_question_is_received_once(inbox):
    assert await inbox.receive(group("q", "1")) is not None
    assert await inbox.receive(group("q", "1")) is None
    assert await inbox.receive(group("q", "1", thread="t")) is not None


async def test_a_question_survives_with_everything_that_is_asked(inbox):
    question = replace(
        group("\ud800 什么时候\x00?", "1", quotes="q9", thread="t", at=NOON),
        trigger=Trigger.COMMAND,
        locale="zh-CN",
        server_id="s",
        command=Invocation("kb remove", {"name": "a.pdf", "limit": 3, "all": True}),
        reply_to=MessageRef(conversation(), "8"),
    )
    await inbox.receive(question)
    (owed,) = await the_owed(inbox)
    assert (owed.message, owed.sent, owed.had_attachments) == (question, (), False)


async def test_what_dies_with_the_process_is_left_out_and_said_to_be(inbox, tmp_path):
    file = Attachment("a1", "plan.pdf", "application/pdf", 9, save)
    question = group("q", "1", at=NOON)
    await inbox.receive(
        replace(
            question,
            attachments=(file,),
            command=Invocation("kb add", {"file": file, "name": "x"}),
            reply_to=InteractionRef(Platform.DISCORD, "token", is_private=True),
        )
    )
    (owed,) = await the_owed(inbox)
    assert owed.had_attachments
    assert owed.message == replace(
        question,
        command=Invocation("kb add", {"name": "x"}),
        attachments=(file,),
        reply_to=InteractionRef(Platform.DISCORD, "token", is_private=True),
    )
    with pytest.raises(AttachmentGoneError):
        await owed.message.attachments[0].save(tmp_path / "plan.pdf", 9)


async def test_a_quoted_picture_is_named_so_that_it_can_be_fetched_again(inbox):
    file = Attachment("a1", "roof.jpg", "image/jpeg", 9, save)
    question = replace(
        group("what is it?", "1", at=NOON),
        quoted=Quoted("0", Author("b", "Ben"), "look", attachments=(file,)),
    )
    await inbox.receive(question)
    (owed,) = await the_owed(inbox)
    assert owed.had_attachments
    assert owed.message == question


async def test_what_is_received_or_being_answered_is_owed_in_order_of_arrival(inbox):
    ids = [await inbox.receive(group("q", str(number))) for number in range(4)]
    await inbox.begin(ids[1])
    await inbox.finish(ids[0])
    await inbox.finish(ids[2], InboxState.SKIPPED)
    assert [owed.message.message_id for owed in await the_owed(inbox)] == ["1", "3"]
    assert await inbox.owed([Platform.TELEGRAM]) == ()


async def test_the_words_of_a_question_are_not_kept_once_it_is_answered(inbox, database):
    await inbox.finish(await inbox.receive(private("my secret", "1")))
    async with database.reader() as connection:
        rows = await connection.execute_fetchall("SELECT payload FROM inbox")
    assert list(rows) == [(None,)]


async def test_messages_of_an_answer_are_kept_in_order_and_lead_to_their_question(inbox):
    question = group("q", "1")
    inbox_id = await inbox.receive(question)
    parts = (
        SentMessage("file", 0, "f1"),
        SentMessage("text", 0, "m1"),
        SentMessage("text", 1, "m2"),
    )
    for part in parts[::-1]:
        await inbox.sent(inbox_id, part)
    entry = await inbox.find(question.conversation, "1")
    assert (entry.sent, entry.received_at) == (parts, 7.0)
    await inbox.removed(inbox_id, parts[2])
    assert (await inbox.find(question.conversation, "1")).sent == parts[:2]
    assert await inbox.find(question.conversation, "2") is None


async def test_an_edited_question_is_owed_again_with_its_new_words_and_old_messages(inbox):
    inbox_id = await inbox.receive(group("old", "1", at=NOON))
    await inbox.sent(inbox_id, SentMessage("text", 0, "m1"))
    await inbox.finish(inbox_id)
    await inbox.receive_again(inbox_id, group("new", "1", at=NOON))
    (owed,) = await the_owed(inbox)
    assert (owed.message.text, owed.sent) == ("new", (SentMessage("text", 0, "m1"),))


async def test_rows_follow_a_channel_and_leave_the_new_ids_free(inbox, database):
    inbox_id = await inbox.receive(group("before", "1"))
    await inbox.sent(inbox_id, SentMessage("text", 0, "m1"))
    old, new = ChannelRef(Platform.DISCORD, "town"), ChannelRef(Platform.DISCORD, "city")
    async with database.transaction() as connection:
        await move_inbox(connection, old, new)
    there = conversation("city")
    assert await inbox.find(conversation(), "1") is None
    assert await inbox.receive(replace(group("after", "1"), conversation=there)) is not None
    entry = await inbox.find(there, "town:1")
    assert entry.sent == (SentMessage("text", 0, "town:m1"),)
    assert {owed.message.conversation for owed in await the_owed(inbox)} == {there}


async def test_a_message_of_ours_leads_to_its_question_in_its_own_conversation_alone(inbox):
    inbox_id = await inbox.receive(group("q", "1", thread="t"))
    await inbox.sent(inbox_id, SentMessage("text", 0, "m1"))
    await inbox.sent(inbox_id, SentMessage("text", 1, "m2"))
    for ours in ("m1", "m2"):
        found = await inbox.behind(conversation(thread="t"), ours)
        assert (found.inbox_id, found.message_id, found.author_id) == (inbox_id, "1", "ada")
        assert found.is_kept
    for elsewhere in (
        conversation(),
        conversation(thread="u"),
        conversation("city", "t"),
        conversation(thread="t", platform=Platform.TELEGRAM),
    ):
        assert await inbox.behind(elsewhere, "m1") is None
    assert await inbox.behind(conversation(thread="t"), "1") is None


async def test_a_message_without_its_thread_or_from_before_a_move_is_followed(inbox, database):
    inbox_id = await inbox.receive(group("q", "1", thread="t"))
    await inbox.sent(inbox_id, SentMessage("text", 0, "m1"))
    there = MessageRef(conversation(thread="t"), "m1")
    assert await inbox.followed(conversation(), "m1") == there
    assert await inbox.followed(conversation(thread="u"), "m1") is None
    assert await inbox.followed(conversation("city"), "m1") is None

    old, new = ChannelRef(Platform.DISCORD, "town"), ChannelRef(Platform.DISCORD, "city")
    async with database.transaction() as connection:
        await move_inbox(connection, old, new)
    moved = MessageRef(conversation("city", "t"), "town:m1")
    assert await inbox.followed(conversation(thread="t"), "m1") == moved


async def test_a_question_can_be_asked_again_while_its_words_are_kept(inbox, database):
    question = group("q", "1", at=NOON)
    inbox_id = await inbox.receive(question)
    await inbox.sent(inbox_id, SentMessage("text", 0, "m1"))
    await History(database).append_question(question)
    await inbox.finish(inbox_id)
    owed = await inbox.kept(conversation(), "1")
    assert (owed.message, owed.sent) == (question, (SentMessage("text", 0, "m1"),))
    assert await inbox.kept(conversation(thread="t"), "1") is None
    assert [each.message for each in await inbox.recent(Platform.DISCORD, 7.0, 9)] == [question]
    assert await inbox.recent(Platform.DISCORD, 7.5, 9) == ()
    assert await inbox.recent(Platform.TELEGRAM, 0.0, 9) == ()

    await History(database).remove(conversation(), "1")
    await inbox.finish(inbox_id)
    assert await inbox.kept(conversation(), "1") is None
    assert await inbox.recent(Platform.DISCORD, 0.0, 9) == ()


async def test_old_questions_go_but_for_those_owed_and_those_that_an_answer_needs(database):
    now = [7.0]
    inbox, history = DurableInbox(database, clock=lambda: now[0]), History(database)
    gone, stored, owed = (group("q", number, at=NOON) for number in "123")
    for question in (gone, stored):
        inbox_id = await inbox.receive(question)
        if question is stored:
            await history.append_question(question)
        await inbox.finish(inbox_id)
    await inbox.receive(owed)
    now[0] += 30 * 86_400
    assert await inbox.prune(30) == 0

    now[0] += 1
    assert await inbox.prune(30) == 1
    assert await inbox.find(conversation(), "1") is None
    assert (await inbox.find(conversation(), "2")).state is InboxState.DONE
    assert await inbox.kept(conversation(), "2") is None, "its words go all the same"
    assert [each.message for each in await the_owed(inbox)] == [owed]


async def test_the_latest_conversations_come_first_each_with_its_newest_message(inbox):
    later = NOON.replace(hour=13)
    await inbox.receive(group("q", "1", at=NOON))
    await inbox.receive(group("q", "2", at=later))
    await inbox.receive(group("q", "3", at=NOON.replace(minute=30), thread="t"))
    newest = MessageRef(conversation(), "2")
    assert await inbox.addressed(Platform.DISCORD) == (
        newest,
        MessageRef(conversation(thread="t"), "3"),
    )
    assert await inbox.addressed(Platform.DISCORD, most=1) == (newest,)
    assert await inbox.addressed(Platform.TELEGRAM) == ()


def test_the_digest_tells_questions_apart_and_nothing_else():
    file = Attachment("a1", "plan.pdf", "application/pdf", 9, save)
    question = group("q", "1")
    assert digest_of(question) == digest_of(group("q", "2", user="bob"))
    assert digest_of(question) != digest_of(group("q ", "1"))
    assert digest_of(question) != digest_of(replace(question, attachments=(file,)))
