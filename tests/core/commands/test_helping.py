from __future__ import annotations

import pytest

from core.audit import Act
from core.errors import ChannelGoneError
from core.events import (
    Author,
    ChannelRef,
    ConversationRef,
    Invocation,
    MessageRef,
    Platform,
    Quoted,
)
from core.replies import Actions
from core.team_answers import Card
from tests.support.commanding import ADMIN, MEMBER, MODERATOR, OTHER, open_hall, spoken

TOWN = ConversationRef(ChannelRef(Platform.DISCORD, "town"))
OFFICE = ConversationRef(ChannelRef(Platform.DISCORD, "office"))
BOT = Author("bot", "Lorekeeper", is_bot=True)
HELPER = Author("hal", "Hal")


@pytest.fixture
async def hall(tmp_path):
    async with open_hall(tmp_path) as hall:
        sent = await hall.outbox.send(OFFICE, "Ada asks the team: …")
        await hall.resources.answers.posted(
            Card(
                MessageRef(OFFICE, sent), "q1", MessageRef(TOWN, "q1"), "Ada",
                "Who feeds the sharks?", "discord:town",
            )
        )  # fmt: skip
        hall.card = sent
        yield hall


async def offered(hall, text="Walter, at six.", author=HELPER, where=OFFICE):
    """The actions of the buttons below what a reply to the card is answered with."""
    quoted = Quoted(hall.card, BOT, "…")
    said = await hall.reply(spoken(text, author, conversation=where, quoted=quoted))
    buttons = [b for e in said.events if isinstance(e, Actions) for m in e.menus for b in m.buttons]
    return said.text, [button.action for button in buttons]


async def press(hall, action, author, where=OFFICE):
    _kind, token, *verdict = action.split(":")
    options = {"token": token, "verdict": "".join(verdict)}
    command = Invocation("team answer", options)
    return (await hall.reply(spoken("", author, conversation=where, command=command))).text


def told(hall):
    return [m.text for m in hall.outbox.messages.values() if m.channel == "town"]


async def test_a_helpers_reply_is_brought_by_themselves(hall):
    text, (keep, bring) = await offered(hall)
    assert text.startswith("Shall I bring this answer to `Ada`?")
    assert "Only moderators" in await press(hall, keep, HELPER)
    assert await press(hall, bring, HELPER) == "Brought to `Ada`."
    assert told(hall) == ["`Hal` answers:\n> Walter, at six."]
    assert await hall.documents() == []
    assert "Brought" not in await press(hall, bring, HELPER)
    assert len(told(hall)) == 1


async def test_a_moderator_brings_and_keeps_it_as_the_helpers(hall):
    _text, (keep, _bring) = await offered(hall)
    assert "as `Hal`'s answer" in await press(hall, keep, MODERATOR)
    assert await hall.documents() == ["Who feeds the sharks.note"]
    base = await hall.library.ensure_base("discord:town")
    (document,) = await hall.library.documents(base.base_id)
    assert document.uploader_id == "discord:hal"
    (entry,) = await hall.resources.moderation.audit.of_channel(TOWN.channel)
    assert (entry.act, entry.author, entry.about) == (Act.NOTED, "Mo", document.name)


async def test_others_bring_nothing_and_nobody_from_elsewhere(hall):
    _text, (keep, bring) = await offered(hall)
    assert "Brought" not in await press(hall, bring, OTHER)
    assert "Brought" not in await press(hall, bring, ADMIN, where=TOWN)
    assert "Brought" not in await press(hall, "answer:0000000000000000", ADMIN)
    assert told(hall) == []
    assert "Brought" in await press(hall, keep, ADMIN)


async def test_what_could_not_be_brought_can_be_brought_later(hall):
    _text, (keep, _bring) = await offered(hall)
    hall.outbox.refuse("send", ChannelGoneError(TOWN))
    await press(hall, keep, MODERATOR)
    assert await hall.documents() == []
    assert "Brought" in await press(hall, keep, MODERATOR)


async def test_what_it_says_pings_nobody(hall):
    _text, (_keep, bring) = await offered(hall, "Ask @everyone\n> or @here, see https://x.example")
    await press(hall, bring, HELPER)
    (said,) = told(hall)
    assert "@everyone" not in said
    assert "@here" not in said
    assert "https://x" not in said


async def test_a_reply_to_the_card_in_another_place_is_a_question(hall):
    text, actions = await offered(hall, "What is this?", MEMBER, where=TOWN)
    assert (text, actions) == ("You asked: What is this?", [])


async def test_commands_in_reply_to_the_card_stay_commands(hall):
    text, actions = await offered(hall, "/stop")
    assert (text, actions) == ("There is no answer to stop.", [])
