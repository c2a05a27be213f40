"""The adapter against the local Telegram: what members do, and what they see."""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import AsyncGenerator

import pytest
from pydantic import SecretStr

from bot.adapters.telegram.client import TelegramListener
from core.commands import COMMANDS
from core.events import (
    ActionPressed,
    ChannelMigrated,
    ChannelRef,
    ConversationRef,
    IncomingMessage,
    Joined,
    Left,
    MessageEdited,
    MessageRef,
    Platform,
    Trigger,
)
from core.permissions import Level
from core.ports import BadTokenError, UnreachableError
from tests.platforms.telegram_server.payload import message_json
from tests.platforms.telegram_server.people import Attached
from tests.platforms.telegram_server.server import FakeTelegram
from tests.support.telegram import NotedEvents, listener_for, listening


@pytest.fixture
async def telegram() -> AsyncGenerator[FakeTelegram]:
    async with FakeTelegram() as server:
        yield server


def _conversation(chat_id: int, topic: int | None = None) -> ConversationRef:
    channel = ChannelRef(Platform.TELEGRAM, str(chat_id))
    return ConversationRef(channel, str(topic) if topic else None)


async def test_a_mention_is_heard_and_answered(telegram):
    ada = telegram.user("Ada")
    group = telegram.supergroup("Readers", ada)
    async with listening(listener_for(telegram)) as (listener, inbox):
        question = ada.say(group, "😀 @Lorekeeper_Bot, who wrote this?")
        message = await inbox.one(IncomingMessage)
        answer = MessageRef(message.conversation, message.message_id)
        await listener.outbox.send(message.conversation, "**Bob** did.", reply_to=answer)
        shown = await telegram.answer_to(question)
    assert (message.text, message.trigger) == ("😀 who wrote this?", Trigger.MENTION)
    assert message.author.is_channel_admin
    assert (message.server_id, message.place.server_name) == (str(group.chat_id), "Readers")
    assert (shown.text, [entity["type"] for entity in shown.entities]) == ("Bob did.", ["bold"])


async def test_messages_of_one_chat_keep_their_order(telegram):
    ada = telegram.user("Ada")
    group = telegram.supergroup("Readers", ada)
    async with listening(listener_for(telegram)) as (_, inbox):
        async with telegram.faults.hold("getChatAdministrators"):
            for number in range(5):
                ada.say(group, f"@lorekeeper_bot {number}")
            await telegram.wait_for(lambda: telegram.faults.waiting["getchatadministrators"])
        await inbox.message("4")
    assert [message.text for message in inbox.of(IncomingMessage)] == ["0", "1", "2", "3", "4"]


async def test_administrators_are_asked_for_once_and_again_after_a_change(telegram):
    ada, bob = telegram.user("Ada"), telegram.user("Bob")
    group = telegram.supergroup("Readers", ada, bob)
    ada.promote_bot(group)
    async with listening(listener_for(telegram)) as (_, inbox):
        bob.say(group, "@lorekeeper_bot one")
        bob.say(group, "@lorekeeper_bot two")
        before = await inbox.message("two")
        ada.promote(group, bob)
        bob.say(group, "@lorekeeper_bot three")
        after = await inbox.message("three")
    asked = telegram.calls("getChatAdministrators")
    assert (before.author.is_moderator, after.author.is_moderator) == (False, True)
    assert len(asked) == 2


async def test_an_anonymous_administrator_administers_and_a_channel_is_not_heard(telegram):
    ada = telegram.user("Ada")
    group = telegram.supergroup("Readers", ada)
    channel = telegram.channel("News", ada, discussion=group)
    async with listening(listener_for(telegram)) as (_, inbox):
        ada.say(channel, "@lorekeeper_bot posted")
        ada.say(group, "@lorekeeper_bot as a channel", as_chat=channel)
        ada.say(group, "@lorekeeper_bot anonymously", anonymous=True)
        message = await inbox.one(IncomingMessage)
    assert message.text == "anonymously"
    assert message.author.user_id == str(group.chat_id)
    assert (message.author.is_channel_admin, message.author.is_bot) == (True, False)
    assert len(inbox.events) == 1


async def test_an_album_is_one_message_with_all_its_files(telegram, tmp_path):
    ada = telegram.user("Ada")
    files = [Attached(f"{name}.txt", name.encode(), "text/plain") for name in ("a", "b", "c")]
    async with listening(listener_for(telegram)) as (_, inbox):
        ada.say(ada.private, "/kb add", files=files)
        message = await inbox.one(IncomingMessage)
        for file in message.attachments:
            await file.save(tmp_path / file.filename, 1000)
    assert [file.filename for file in message.attachments] == ["a.txt", "b.txt", "c.txt"]
    assert (tmp_path / "b.txt").read_text() == "b"
    assert message.text == "/kb add"
    assert len(inbox.events) == 1


async def test_an_album_whose_caption_is_edited_keeps_its_files(telegram):
    ada = telegram.user("Ada")
    files = [Attached(f"{name}.txt", name.encode(), "text/plain") for name in ("a", "b", "c")]
    async with listening(listener_for(telegram)) as (_, inbox):
        first = ada.say(ada.private, "/kb add", files=files)
        before = await inbox.one(IncomingMessage)
        ada.edit(first, "/kb add these")
        after = (await inbox.one(MessageEdited)).message
        second = next(m for m in ada.private.everything if m.album and m is not first)
        ada.edit(first, "")
        ada.edit(second, "what is in them?")
        asked = await inbox.one(MessageEdited, lambda e: e.message.text == "what is in them?")
    assert (before.text, after.text) == ("/kb add", "/kb add these")
    named = [[file.filename for file in m.attachments] for m in (before, after, asked.message)]
    assert named == [["a.txt", "b.txt", "c.txt"]] * 3
    assert {m.message_id for m in (before, after, asked.message)} == {str(first.message_id)}


async def test_an_album_that_is_edited_before_it_is_complete_is_one_message(telegram):
    ada = telegram.user("Ada")
    files = [Attached("a.txt", b"a"), Attached("b.txt", b"b")]
    async with listening(listener_for(telegram)) as (_, inbox):
        first = ada.say(ada.private, "/kb ad", files=files)
        ada.edit(first, "/kb add")
        message = await inbox.one(IncomingMessage)
    assert (message.text, len(message.attachments)) == ("/kb add", 2)
    assert len(inbox.events) == 1


async def test_an_album_of_an_earlier_run_is_not_taken_for_one_of_its_files(telegram, caplog):
    caplog.set_level(logging.INFO)
    ada = telegram.user("Ada")
    files = [Attached("a.txt", b"a"), Attached("b.txt", b"b")]
    async with listening(listener_for(telegram)) as (_, inbox):
        first = ada.say(ada.private, "/kb add", files=files)
        await inbox.one(IncomingMessage)
    async with listening(listener_for(telegram)) as (_, inbox):
        ada.edit(first, "/kb add both")
        ada.say(ada.private, "after")
        await inbox.message("after")
    assert inbox.of(MessageEdited) == []
    assert "album of an earlier run" in caplog.text


async def test_an_album_of_which_only_a_part_came_before_a_kill_is_one_message(telegram, tmp_path):
    ada = telegram.user("Ada")
    killed = NotedEvents()
    async with listening(listener_for(telegram)) as (_, inbox):
        files = [Attached(f"{name}.txt", name.encode(), "text/plain") for name in ("a", "b", "c")]
        ada.say(ada.private, "/kb add", files=files)
        whole = await inbox.one(IncomingMessage)
        killed.parts = inbox.seen[:2]
    # Of what was held the second comes again: it was not confirmed. The third was not heard.
    messages = [each for each in ada.private.everything if each.album]
    for message in messages[1:]:
        telegram.bot.updates.push("message", message_json(message))
    async with listening(listener_for(telegram), killed) as (_, inbox):
        again = await inbox.one(IncomingMessage)
        for file in again.attachments:
            await file.save(tmp_path / file.filename, 1000)
        # Late, once more: it is known, and nothing new.
        telegram.bot.updates.push("message", message_json(messages[1]))
        ada.say(ada.private, "after")
        await inbox.message("after")
    assert (again.text, again.message_id) == (whole.text, whole.message_id)
    assert [file.filename for file in again.attachments] == ["a.txt", "b.txt", "c.txt"]
    assert (tmp_path / "a.txt").read_text() == "a"
    assert (len(inbox.events), inbox.parts) == (2, [])


async def test_an_album_under_way_is_handed_over_when_listening_ends(telegram):
    ada = telegram.user("Ada")
    inbox = NotedEvents()
    async with listener_for(telegram) as listener:
        task = asyncio.create_task(listener.listen(inbox))
        ada.say(ada.private, files=[Attached("a.txt", b"a"), Attached("b.txt", b"b")])
        ada.say(ada.private, "after")
        await inbox.message("after")
        task.cancel()
        await asyncio.wait({task})
        assert len(inbox.of(IncomingMessage)) == 2
        # Deaf, but still able to speak.
        await listener.outbox.send(_conversation(ada.private.chat_id), "goodbye")
        ada.say(ada.private, "unheard")
    assert "bot> goodbye" in telegram.transcript(ada.private)
    assert len(inbox.events) == 2


async def test_what_came_while_nobody_listened_is_heard_later_and_nothing_twice(telegram):
    ada = telegram.user("Ada")
    ada.say(ada.private, "early")
    async with listening(listener_for(telegram)) as (_, inbox):
        await inbox.message("early")
    ada.say(ada.private, "between")
    async with listening(listener_for(telegram)) as (_, again):
        await again.message("between")
    assert len(again.events) == 1


async def test_edits_presses_topics_and_replies_are_told(telegram):
    ada = telegram.user("Ada")
    forum = telegram.supergroup("Forum", ada, is_forum=True)
    topic = ada.open_topic(forum, "Rules")
    async with listening(listener_for(telegram)) as (listener, inbox):
        question = ada.say(forum, "@lorekeeper_bot first", topic=topic.thread_id)
        message = await inbox.message("first")
        there = _conversation(forum.chat_id, topic.thread_id)
        assert (message.conversation, message.quoted) == (there, None)
        assert message.place.is_thread
        ada.edit(question, "@lorekeeper_bot second")
        edited = await inbox.one(MessageEdited)
        sent = await listener.outbox.send(message.conversation, "yes")
        answer = await telegram.wait_for(lambda: forum.messages.get(int(sent)))
        ada.say(forum, "and so?", topic=topic.thread_id, reply_to=answer)
        reply = await inbox.message("and so?")
    assert edited.message.text == "second"
    assert answer.topic == topic.thread_id
    assert (reply.trigger, reply.quoted.text) == (Trigger.REPLY, "yes")


async def test_a_group_that_moves_is_followed_by_what_is_said_there(telegram):
    ada = telegram.user("Ada")
    group = telegram.group("Small", ada)
    async with listening(listener_for(telegram)) as (listener, inbox):
        ada.say(group, "@lorekeeper_bot hello")
        message = await inbox.message("hello")
        new = ada.migrate(group)
        await listener.outbox.send(message.conversation, "still here")
        moved = await inbox.one(ChannelMigrated)
        ada.say(new, "@lorekeeper_bot again")
        await inbox.message("again")
    assert moved == ChannelMigrated(
        message.conversation.channel, _conversation(new.chat_id).channel
    )
    assert len(inbox.of(ChannelMigrated)) == 1
    assert "bot> still here" in telegram.transcript(new)


async def test_being_added_and_removed_is_told(telegram):
    ada = telegram.user("Ada")
    group = telegram.supergroup("Readers", ada, with_bot=False)
    async with listening(listener_for(telegram)) as (_, inbox):
        ada.add_bot(group)
        joined = await inbox.one(Joined)
        ada.kick_bot(group)
        left = await inbox.one(Left)
    assert (joined.name, joined.by.display_name) == ("Readers", "Ada")
    assert joined.conversation == _conversation(group.chat_id)
    assert left == Left(Platform.TELEGRAM, str(group.chat_id))


async def test_the_command_menus_fit_who_looks_at_them(telegram):
    ada, bob = telegram.user("Ada"), telegram.user("Bob", language="zh")
    group = telegram.supergroup("Readers", ada, bob)
    async with listening(listener_for(telegram)):
        await telegram.wait_for(
            lambda: sum(call.method == "setMyCommands" for call in telegram.log) == 6
        )
    owners = {command.name for command in COMMANDS if command.needs is Level.OWNER}
    member, admin = telegram.commands_of(bob, group), telegram.commands_of(ada, group)
    assert "ask" in member
    assert "kb" in admin
    assert not owners & {*admin, *member}
    for name in (*admin, *member):
        assert re.fullmatch("[a-z0-9_]{1,32}", name)
    said = telegram.bot.commands[("all_group_chats", "zh")]
    assert (
        next(each["description"] for each in said if each["command"] == "stop")
        == "停止正在进行的回答"
    )


async def test_a_bad_token_and_an_absent_server_are_told_apart(telegram):
    with pytest.raises(BadTokenError):
        await listener_for(telegram, token=SecretStr("77:nobody")).__aenter__()
    with pytest.raises(BadTokenError):
        await listener_for(telegram, token=SecretStr("nonsense")).__aenter__()
    async with telegram.outage():
        with pytest.raises(UnreachableError):
            await listener_for(telegram).__aenter__()


class Lost(logging.Handler):
    """Notes that the log says Telegram cannot be reached."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.lines: list[str] = []
        self.said = asyncio.Event()

    def emit(self, record: logging.LogRecord) -> None:
        if "cannot be reached" in record.getMessage():
            self.lines.append(record.getMessage())
            self.said.set()


@pytest.fixture
async def lost() -> AsyncGenerator[Lost]:
    noted = Lost()
    logging.getLogger("bot").addHandler(noted)
    yield noted
    logging.getLogger("bot").removeHandler(noted)


async def test_an_outage_is_survived_and_logged_once(telegram, lost):
    ada = telegram.user("Ada")
    async with listening(listener_for(telegram)) as (listener, inbox):
        ada.say(ada.private, "before")
        message = await inbox.message("before")
        async with telegram.outage():
            sending = asyncio.create_task(listener.outbox.send(message.conversation, "after all"))
            ada.say(ada.private, "meanwhile")
            async with asyncio.timeout(10):
                await lost.said.wait()
        await sending
        await inbox.message("meanwhile")
    assert len(lost.lines) == 1
    assert "bot> after all" in telegram.transcript(ada.private)


async def test_a_token_that_is_taken_back_ends_the_listening(telegram):
    listener = listener_for(telegram)
    async with listener:
        task = asyncio.create_task(listener.listen(NotedEvents()))
        await telegram.wait_for(lambda: any(call.method == "getUpdates" for call in telegram.log))
        del telegram.world.bots[telegram.token]
        await telegram.disconnect()
        await telegram.connect()
        with pytest.raises(UnreachableError):
            await task
    with pytest.raises(BadTokenError):
        await listener_for(telegram).__aenter__()


async def test_a_draft_that_is_stopped_stops_the_answer(telegram):
    ada = telegram.user("Ada")
    async with listening(listener_for(telegram)) as (listener, inbox):
        ada.say(ada.private, "question")
        message = await inbox.message("question")
        shown = await listener.outbox.draft(message.conversation, message.message_id, "So **far**")
        assert shown
        ada.stop_draft()
        pressed = await inbox.one(ActionPressed)
    assert (pressed.action, pressed.message_id) == ("stop", message.message_id)
    assert pressed.conversation == message.conversation
    assert pressed.author.user_id == message.author.user_id
    assert ada.private.drafts == [(int(message.message_id), "So far")]


async def test_no_token_is_a_bad_token(telegram):
    with pytest.raises(BadTokenError):
        await listener_for(telegram, token=None).__aenter__()


def test_the_listener_is_made_without_a_loop_or_a_connection(telegram):
    assert isinstance(listener_for(telegram), TelegramListener)


async def test_an_update_that_cannot_be_read_does_not_keep_the_others_back(telegram, caplog):
    ada = telegram.user("Ada")
    telegram.bot.updates.push("message", {"message_id": 1, "from": {"id": 5}})
    async with listening(listener_for(telegram)) as (_, inbox):
        ada.say(ada.private, "after it")
        await inbox.message("after it")
    assert len(inbox.events) == 1
    assert [r.message for r in caplog.records if "cannot be read (message)" in r.message]


async def test_nothing_is_confirmed_before_it_is_handed_over(telegram):
    ada = telegram.user("Ada")
    group = telegram.supergroup("Readers", ada)
    async with listening(listener_for(telegram)) as (_, inbox):
        async with telegram.faults.hold("getChatAdministrators"):
            ada.say(group, "@lorekeeper_bot hello")
            await telegram.wait_for(lambda: telegram.faults.waiting["getchatadministrators"])
            assert [each["update_id"] for each in telegram.bot.updates.pending]
            assert inbox.events == []
        await inbox.message("hello")
        await telegram.wait_for(lambda: not telegram.bot.updates.pending)


async def test_a_second_program_with_the_same_token_is_told(telegram, lost):
    async with listening(listener_for(telegram)):
        await telegram.wait_for(lambda: telegram.bot.updates.is_polled)
        async with listening(listener_for(telegram)), asyncio.timeout(10):
            await lost.said.wait()
    assert "another program is polling with the same token" in lost.lines[0]


async def test_a_channels_post_is_not_heard_in_its_group_but_a_comment_below_it_is(telegram):
    ada = telegram.user("Ada")
    group = telegram.supergroup("Readers", ada)
    channel = telegram.channel("News", ada, discussion=group)
    async with listening(listener_for(telegram)) as (_, inbox):
        ada.say(channel, "@lorekeeper_bot The small tank takes P-3.")
        forwarded = group.everything[-1]
        assert forwarded.is_automatic_forward
        comment = ada.say(group, "@lorekeeper_bot is that so?", reply_to=forwarded)
        message = await inbox.message("is that so?")
    assert [each.text for each in inbox.of(IncomingMessage)] == ["is that so?"]
    assert message.quoted is not None
    assert message.quoted.text == "@lorekeeper_bot The small tank takes P-3."
    # A thread of comments is no topic: the conversation is the group's.
    assert message.conversation == _conversation(group.chat_id)
    assert message.message_id == str(comment.message_id)


async def test_a_topic_in_private_is_a_conversation_that_is_answered_in_it(telegram):
    telegram.bot.has_topics = True
    ada = telegram.user("Ada")
    ada.start()
    topic = ada.open_topic(ada.private, "Tanks")
    async with listening(listener_for(telegram)) as (listener, inbox):
        question = ada.say(ada.private, "which pump?", topic=topic.thread_id)
        message = await inbox.message("which pump?")
        assert message.conversation == _conversation(ada.private.chat_id, topic.thread_id)
        assert await listener.outbox.draft(message.conversation, message.message_id, "P-3 …")
        ada.stop_draft()
        stopped = await inbox.one(ActionPressed)
        assert (stopped.conversation, stopped.message_id) == (
            message.conversation,
            str(question.message_id),
        )
        sent = await listener.outbox.send(message.conversation, "P-3.")
    assert ada.private.messages[int(sent)].topic == topic.thread_id


async def test_of_two_bots_in_a_group_only_the_one_that_is_named_hears_it(telegram):
    ada = telegram.user("Ada")
    group = telegram.supergroup("Readers", ada)
    other = telegram.add_bot("lorekeeper_bot_too", "4200000002:AAF-another", privacy_mode=False)
    ada.add_bot(group, other)
    ada.promote_bot(group)
    async with listening(listener_for(telegram)) as (_, inbox):
        ada.say(group, "@lorekeeper_bot_too which?")
        ada.say(group, "/help@lorekeeper_bot_too")
        ada.say(group, "/help")
        ada.say(group, "/help@lorekeeper_bot")
        ada.say(group, "😀 @Lorekeeper_bot which?")
        last = await inbox.message("😀 which?")
    heard = [m for m in inbox.of(IncomingMessage) if m.trigger is not Trigger.AMBIENT]
    assert [(m.text, m.trigger) for m in heard] == [
        ("/help", Trigger.COMMAND),
        ("😀 which?", Trigger.MENTION),
    ]
    assert last is heard[-1]


async def test_a_rich_message_that_is_replied_to_brings_its_words(telegram):
    ada = telegram.user("Ada")
    group = telegram.supergroup("Readers", ada)
    async with listening(listener_for(telegram)) as (listener, inbox):
        here = _conversation(group.chat_id)
        sent = await listener.outbox.send(
            here, "# Pumps\n\n| tank | pump |\n|---|---|\n| 1 | P-3 |"
        )
        ada.say(group, "and for two?", reply_to=group.messages[int(sent)])
        message = await inbox.message("and for two?")
    assert message.trigger is Trigger.REPLY
    assert message.quoted is not None
    assert message.quoted.text == "Pumps\ntank | pump\n1 | P-3"
