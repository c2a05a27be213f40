"""The local Telegram, driven by the real python-telegram-bot: what a bot sees of people."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncGenerator

import pytest
from telegram import InlineKeyboardButton, InlineKeyboardMarkup, Update
from telegram.error import BadRequest, ChatMigrated, Forbidden
from telegram.ext import AIORateLimiter, ContextTypes

from tests.platforms.telegram_server import utf16
from tests.platforms.telegram_server.changes import Changes
from tests.platforms.telegram_server.clients import builder, plain_bot, polling
from tests.platforms.telegram_server.flood import FloodLimits
from tests.platforms.telegram_server.people import Attached
from tests.platforms.telegram_server.server import FakeTelegram

Context = ContextTypes.DEFAULT_TYPE


@pytest.fixture
async def telegram() -> AsyncGenerator[FakeTelegram]:
    async with FakeTelegram() as server:
        yield server


class Seen:
    """Every update that reached the bot."""

    def __init__(self) -> None:
        self.updates: list[Update] = []
        self._changes = Changes()

    async def __call__(self, update: Update, context: Context) -> None:
        self.updates.append(update)
        self._changes.announce()

    async def until(self, number: int) -> None:
        """Wait for that many, and for no fewer."""
        await self._changes.wait_for(lambda: len(self.updates) >= number, 10)

    @property
    def texts(self) -> list[str]:
        messages = [update.effective_message for update in self.updates]
        return [message.text for message in messages if message is not None and message.text]


async def _echo(update: Update, context: Context) -> None:
    if update.message is not None and update.message.text:
        await update.message.reply_text(f"echo {update.message.text}", do_quote=True)


async def test_a_mention_in_a_group_and_a_private_message_are_answered(telegram):
    ada = telegram.user("Ada")
    group = telegram.supergroup("Readers", ada)
    async with polling(telegram, _echo):
        await telegram.answer_to(ada.say(group, "😀 @lorekeeper_bot who?"))
        await telegram.answer_to(ada.start())
    assert telegram.transcript(group) == (
        "Ada> 😀 @lorekeeper_bot who?\nbot> echo 😀 @lorekeeper_bot who?\n"
    )
    assert telegram.transcript(ada.private) == "Ada> /start\nbot> echo /start\n"


async def test_entities_count_utf16_units_and_a_longer_name_is_another_name(telegram):
    ada = telegram.user("Ada")
    group = telegram.supergroup("Readers", ada)
    telegram.bot.privacy_mode = False
    seen = Seen()
    async with polling(telegram, seen):
        ada.say(group, "😀😀 @lorekeeper_bot")
        ada.say(group, "@lorekeeper_bot2 hello")
        text = "Lore, please"
        user = telegram.bot.account.json()
        ada.say(group, text, entities=[utf16.entity("text_mention", text, "Lore", user=user)])
        await seen.until(3)
    first, second, third = (update.message for update in seen.updates)
    assert first.parse_entity(first.entities[0]) == "@lorekeeper_bot"
    assert (first.entities[0].offset, first.entities[0].length) == (5, 15)
    assert second.parse_entity(second.entities[0]) == "@lorekeeper_bot2"
    assert third.entities[0].user.id == telegram.bot.account.user_id


async def test_privacy_mode_lets_commands_replies_and_mentions_through_and_nothing_else(telegram):
    ada, bob = telegram.user("Ada"), telegram.user("Bob")
    group = telegram.supergroup("Readers", ada, bob)
    other = telegram.add_bot("other_bot", "77:other")
    ada.add_bot(group, other)
    seen = Seen()
    async with polling(telegram, seen):
        answer = await seen_bot_message(telegram, group.chat_id)
        ada.say(group, "nothing for a bot")
        ada.say(group, "/help@other_bot")
        ada.say(group, "/help@Lorekeeper_Bot")
        bob.say(group, "and a reply", reply_to=answer)
        bob.say(group, "hello @lorekeeper_bot")
        bob.say(group, files=[Attached("secret.pdf", b"%PDF")])
        bob.say(group, "/bare", topic=None)
        await seen.until(5)  # with the service message
    assert seen.texts == ["/help@Lorekeeper_Bot", "and a reply", "hello @lorekeeper_bot", "/bare"]


async def seen_bot_message(telegram: FakeTelegram, chat_id: int):
    """Something that the bot wrote of itself."""
    async with plain_bot(telegram) as bot:
        sent = await bot.send_message(chat_id, "I am here")
    return telegram.world.chats[chat_id].messages[sent.message_id]


async def test_an_administrator_bot_reads_everything_but_no_other_bots(telegram):
    ada = telegram.user("Ada")
    group = telegram.supergroup("Readers", ada)
    ada.promote_bot(group)
    other = telegram.add_bot("other_bot", "77:other")
    ada.add_bot(group, other)
    seen = Seen()
    async with polling(telegram, seen, allowed_updates=("message",)):
        ada.say(group, "for nobody")
        await seen.until(3)
    assert seen.updates[0].my_chat_member.new_chat_member.status == "administrator"
    assert seen.texts[-1] == "for nobody"


async def test_edits_reach_the_bot_and_the_bot_edits_its_answer(telegram):
    ada = telegram.user("Ada")

    async def answer(update: Update, context: Context) -> None:
        if update.edited_message is not None:
            await context.bot.edit_message_text("second", ada.user_id, context.chat_data["answer"])
        else:
            sent = await update.message.reply_text("first")
            context.chat_data["answer"] = sent.message_id

    async with polling(telegram, answer):
        question = ada.say(ada.private, "one")
        reply = await telegram.answer_to(question)
        ada.edit(question, "two")
        await telegram.wait_for(lambda: reply.text == "second")
    assert reply.texts == ["first", "second"]
    assert telegram.edits == {reply: 1}


async def test_a_pressed_button_is_answered_once_with_an_alert(telegram):
    ada = telegram.user("Ada")
    keyboard = InlineKeyboardMarkup([[InlineKeyboardButton("Sources", callback_data="sources")]])

    async def answer(update: Update, context: Context) -> None:
        if (query := update.callback_query) is None:
            await update.message.reply_text("See below", reply_markup=keyboard)
            return
        await query.answer(f"you pressed {query.data}", show_alert=True)
        with pytest.raises(BadRequest):
            await query.answer("again")

    async with polling(telegram, answer):
        reply = await telegram.answer_to(ada.start())
        assert await ada.press(reply, "Sources") == "you pressed sources"
        with pytest.raises(LookupError, match="no button"):
            await ada.press(reply, "made up")
        assert await ada.press(reply, "made up", is_forged=True) == "you pressed made up"
        calls = telegram.calls
        await telegram.wait_for(
            lambda: [call.status for call in calls("answerCallbackQuery")] == [200, 400, 200, 400]
        )
    assert "query is too old" in telegram.calls("answerCallbackQuery")[1].description


@pytest.mark.filterwarnings("ignore:.*`retry_after` will be of type")  # the library's own
async def test_a_flood_is_met_with_retry_after_which_the_rate_limiter_waits_for():
    limits = FloodLimits(group=(3, 1.0), overall=None)
    async with FakeTelegram(limits=limits) as telegram:
        ada = telegram.user("Ada")
        group = telegram.supergroup("Readers", ada)
        patient = AIORateLimiter(max_retries=3, group_max_rate=0)
        application = builder(telegram).rate_limiter(patient).build()
        async with polling(telegram, _echo, application):
            questions = [ada.say(group, f"@lorekeeper_bot {number}") for number in range(5)]
            for question in questions:
                await telegram.answer_to(question)
        refused = [call for call in telegram.calls("sendMessage") if call.status == 429]
        assert refused[0].description == "Too Many Requests: retry after 1"
        assert telegram.flood_violations == len(refused)


async def test_documents_go_down_and_up_and_a_large_one_is_too_big(telegram):
    ada = telegram.user("Ada")

    async def copy_back(update: Update, context: Context) -> None:
        try:
            file = await update.message.document.get_file()
        except BadRequest as error:
            await update.message.reply_text(str(error))
            return
        content = bytes(await file.download_as_bytearray())
        await update.message.reply_document(content[::-1], filename="back.txt", caption="done")

    async with polling(telegram, copy_back):
        sent = ada.say(ada.private, "read", files=[Attached("a.txt", b"abc", "text/plain")])
        reply = await telegram.answer_to(sent)
        huge = ada.say(ada.private, files=[Attached("b.txt", b"", claimed_size=21_000_000)])
        refusal = await telegram.answer_to(huge)
    assert (reply.files[0].name, reply.files[0].content) == ("back.txt", b"cba")
    assert refusal.text == "File is too big"
    assert telegram.transcript(ada.private) == (
        "Ada> [a.txt] read\nbot> [back.txt] done\nAda> [b.txt]\nbot> File is too big\n"
    )


async def test_an_album_comes_as_one_message_a_file_with_one_group_id(telegram):
    ada = telegram.user("Ada")
    seen = Seen()
    async with polling(telegram, seen):
        ada.say(
            ada.private,
            "two files",
            files=[Attached("a.txt", b"a"), Attached("b.jpg", b"b", "image/jpeg", "photo")],
        )
        await seen.until(2)
    first, second = (update.message for update in seen.updates)
    assert first.media_group_id == second.media_group_id is not None
    assert (first.caption, second.caption) == ("two files", None)
    assert second.photo[-1].file_size == 1


async def test_a_group_that_becomes_a_supergroup_says_so_and_refuses_its_old_id(telegram):
    ada = telegram.user("Ada")
    old = telegram.group("Readers", ada)
    seen = Seen()
    async with polling(telegram, seen) as application:
        new = ada.migrate(old)
        await seen.until(2)
        with pytest.raises(ChatMigrated) as moved:
            await application.bot.send_message(old.chat_id, "hello")
        await application.bot.send_message(new.chat_id, "hello")
    assert moved.value.new_chat_id == new.chat_id
    assert seen.updates[0].message.migrate_to_chat_id == new.chat_id
    assert seen.updates[1].message.migrate_from_chat_id == old.chat_id


async def test_topics_have_threads_and_open_with_a_message_that_all_in_them_reply_to(telegram):
    ada = telegram.user("Ada")
    forum = telegram.supergroup("Forum", ada, is_forum=True)
    telegram.bot.has_topics = True
    seen = Seen()
    async with polling(telegram, seen) as application:
        topic = ada.open_topic(forum, "Books")
        ada.say(forum, "@lorekeeper_bot in a topic", topic=topic.thread_id)
        ada.say(forum, "@lorekeeper_bot in General")
        own = ada.open_topic(ada.private, "Mine")
        ada.say(ada.private, "in private", topic=own.thread_id)
        await seen.until(5)
        send, thread = application.bot.send_message, topic.thread_id
        await send(forum.chat_id, "yes", message_thread_id=thread)
        with pytest.raises(BadRequest, match="essage thread not found"):
            await send(forum.chat_id, "no", message_thread_id=99)
        ada.close_topic(forum, topic)
        with pytest.raises(BadRequest, match="opic_closed"):  # the library changes the case
            await send(forum.chat_id, "no", message_thread_id=thread)
    _, in_topic, in_general, _, in_private = (update.message for update in seen.updates)
    assert (in_topic.message_thread_id, in_topic.is_topic_message) == (topic.thread_id, True)
    assert in_topic.reply_to_message.forum_topic_created.name == "Books"
    assert in_general.message_thread_id is None
    assert in_private.is_topic_message
    assert telegram.transcript(forum, topic.thread_id).endswith("bot> yes\n")


async def test_channels_anonymous_administrators_and_automatic_forwards_have_their_senders(
    telegram,
):
    ada, bob = telegram.user("Ada"), telegram.user("Bob")
    group = telegram.supergroup("Discussion", ada, bob)
    channel = telegram.channel("News", ada, discussion=group)
    telegram.bot.privacy_mode = False
    seen = Seen()
    async with polling(telegram, seen):
        ada.say(channel, "a post")
        ada.say(group, "from nobody", anonymous=True)
        forwarded = group.everything[0]
        bob.say(group, "a comment", reply_to=forwarded, quote="post")
        await seen.until(4)
    post, forward, anonymous, comment = seen.updates
    assert post.channel_post.sender_chat.id == channel.chat_id
    assert forward.message.is_automatic_forward
    assert forward.message.from_user.id == 777000
    assert anonymous.message.from_user.username == "GroupAnonymousBot"
    assert anonymous.message.sender_chat.id == group.chat_id
    assert comment.message.quote.text == "post"
    assert comment.message.message_thread_id == forwarded.message_id
    assert not comment.message.is_topic_message


async def test_joining_and_leaving_are_told_and_a_removed_bot_may_not_write(telegram):
    ada = telegram.user("Ada")
    group = telegram.supergroup("Readers", ada, with_bot=False)
    seen = Seen()
    async with polling(telegram, seen) as application:
        ada.add_bot(group)
        ada.kick_bot(group)
        ada.start()
        ada.block()
        await seen.until(5)
        for chat_id in (group.chat_id, ada.user_id):
            with pytest.raises(Forbidden):
                await application.bot.send_message(chat_id, "hello?")
    changes = [
        (each.my_chat_member.chat.id, each.my_chat_member.new_chat_member.status)
        for each in seen.updates
        if each.my_chat_member is not None
    ]
    assert changes == [
        (group.chat_id, "member"),
        (group.chat_id, "kicked"),
        (ada.user_id, "kicked"),
    ]
    assert [call.description for call in telegram.calls("sendMessage")] == [
        "Forbidden: bot was kicked from the supergroup chat",
        "Forbidden: bot was blocked by the user",
    ]


_CHILD = """
import asyncio, sys
from telegram import Bot

async def main():
    bot = Bot(sys.argv[1], sys.argv[2], sys.argv[3])
    async with bot:
        offset = 0
        while True:
            for update in await bot.get_updates(offset=offset, timeout=30):
                await update.message.reply_text("child " + update.message.text)
                offset = update.update_id + 1

asyncio.run(main())
"""


async def test_a_killed_bot_is_forgotten_and_its_successor_gets_what_was_not_confirmed(telegram):
    ada = telegram.user("Ada")
    arguments = [
        sys.executable,
        "-c",
        _CHILD,
        telegram.token,
        telegram.api_base_url,
        telegram.file_base_url,
    ]
    first = await asyncio.create_subprocess_exec(*arguments)
    try:
        await telegram.wait_for(lambda: telegram.bot.updates.is_polled, 60)
        async with telegram.faults.hold("sendMessage"):
            ada.say(ada.private, "one")
            await telegram.wait_for(lambda: telegram.faults.waiting["sendmessage"], 60)
            first.kill()
            await first.wait()
            await telegram.wait_for(lambda: not telegram.faults.waiting["sendmessage"])
    finally:
        if first.returncode is None:
            first.kill()
            await first.wait()
    second = await asyncio.create_subprocess_exec(*arguments)
    try:
        await telegram.wait_for(lambda: telegram.bot_messages(ada.private), 60)
        await telegram.wait_for(lambda: telegram.bot.updates.is_polled)
        assert telegram.bot.updates.pending == []
    finally:
        second.kill()
        await second.wait()
    assert telegram.transcript(ada.private) == "Ada> one\nbot> child one\n"
