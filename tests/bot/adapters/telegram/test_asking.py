"""Questions to one person on Telegram: a forced reply, which names who is asked."""

from __future__ import annotations

from core.events import Author, ChannelRef, ConversationRef, IncomingMessage, Platform, Trigger
from tests.platforms.telegram_server.server import FakeTelegram
from tests.support.telegram import listener_for, listening


async def test_in_a_group_the_one_who_is_asked_is_named_and_replies():
    async with FakeTelegram() as telegram:
        ada, ben = telegram.user("Ada 🦈", "ada_of_us"), telegram.user("Ben", "ben_of_us")
        chat = telegram.supergroup("Aquarists", ada, ben)
        async with listening(listener_for(telegram)) as (listener, inbox):
            where = ConversationRef(ChannelRef(Platform.TELEGRAM, str(chat.chat_id)))
            who = Author(str(ada.account.user_id), ada.account.first_name)
            prompt = await listener.outbox.ask(where, "**Question**: reply.", of=who)
            said = next(m for m in chat.everything if str(m.message_id) == prompt)
            assert said.text == "Ada 🦈: Question: reply."
            assert said.forced == {"force_reply": True, "selective": True}
            named, bold = said.entities
            assert (named["type"], named["offset"], named["length"]) == ("text_mention", 0, 6)
            assert named["user"]["id"] == ada.account.user_id
            assert (bold["type"], bold["offset"], bold["length"]) == ("bold", 8, 8)
            ada.say(chat, "Who feeds them?", reply_to=said)
            message = await inbox.one(IncomingMessage, lambda m: m.text == "Who feeds them?")
            assert message.trigger is Trigger.REPLY
            assert message.quoted is not None
            assert message.quoted.message_id == prompt


async def test_in_a_private_chat_nobody_need_be_named():
    async with FakeTelegram() as telegram:
        ada = telegram.user("Ada", "ada_of_us")
        ada.start()
        async with listening(listener_for(telegram)) as (listener, _inbox):
            own = ada.account.user_id
            where = ConversationRef(ChannelRef(Platform.TELEGRAM, str(own)))
            prompt = await listener.outbox.ask(where, "Question:", of=Author(str(own), "Ada"))
            said = next(m for m in ada.private.everything if str(m.message_id) == prompt)
            assert (said.text, said.entities) == ("Question:", [])
            assert said.forced == {"force_reply": True}
