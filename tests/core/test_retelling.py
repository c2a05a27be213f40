from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from core.agreeing import Nearness
from core.events import (
    Author,
    ConversationRef,
    MessageDeleted,
    MessageEdited,
    Platform,
    Quoted,
    Trigger,
)
from core.retelling import Retelling
from tests.support.commanding import MODERATOR, OTHER, open_hall, spoken

NAME = "Eve 2026-05-04 77.md"


@pytest.fixture
async def hall(tmp_path):
    async with open_hall(tmp_path) as hall:
        when = datetime(2026, 5, 4, 12, 30, tzinfo=UTC)
        theirs = Quoted("77", OTHER, "The gate opens at nine.", (), when, "https://chat.test/77")
        await hall.types("/kb add", MODERATOR, quoted=theirs)
        yield hall


async def change(hall, event) -> None:
    await Retelling(hall.library, hall.taught).changed(event)


def edited(text: str, author: Author = OTHER, message_id: str = "77") -> MessageEdited:
    return MessageEdited(spoken(text, author, message_id=message_id, trigger=Trigger.AMBIENT))


async def found(hall) -> str:
    return (await hall.types("/kb search gate")).text.replace("\\", "")


async def test_an_edit_renews_the_passage_and_keeps_author_date_and_link(hall):
    await change(hall, edited("The gate opens at ten."))
    text = await found(hall)
    assert "opens at ten" in text
    assert "opens at nine" not in text
    assert "https://chat.test/77" in text
    base = await hall.library.ensure_base("discord:town")
    (document,) = await hall.library.documents(base.base_id)
    assert (document.name, document.version, document.uploader) == (NAME, 2, "Mo")


async def test_an_edit_goes_to_no_embedder_that_is_further_out_than_the_place_lets_it(hall):
    hall.library.keeps_near(Nearness(hall.database, "outside").may_embed)
    await change(hall, edited("The gate opens at ten."))
    assert "opens at nine" in await found(hall)
    await hall.channels.change(spoken("").conversation.channel, "place", "outside")
    await change(hall, edited("The gate opens at ten."))
    assert "opens at ten" in await found(hall)


async def test_a_deletion_removes_it(hall):
    await change(hall, MessageDeleted(spoken("").conversation, "77"))
    assert await hall.documents() == []
    await change(hall, MessageDeleted(spoken("").conversation, "77"))


@pytest.mark.parametrize(
    "event",
    [
        edited("Forged.", MODERATOR),
        edited(" "),
        edited("Another message.", message_id="78"),
        MessageDeleted(spoken("").conversation, "78"),
        MessageDeleted(
            replace(
                spoken("").conversation,
                channel=replace(spoken("").conversation.channel, channel_id="field"),
            ),
            "77",
        ),
    ],
)
async def test_nothing_else_touches_it(hall, event):
    await change(hall, event)
    assert "opens at nine" in await found(hall)


async def test_what_was_removed_does_not_come_back_with_an_edit(hall):
    asked = await hall.slash("kb remove", MODERATOR, name=NAME)
    await hall.press(asked.buttons["Remove"], MODERATOR)
    await change(hall, edited("The gate opens at ten."))
    assert await hall.documents() == []


async def test_messages_that_were_taught_can_be_asked_about_where_they_stand(hall):
    retelling = Retelling(hall.library, hall.taught, {Platform.DISCORD: hall.outbox})
    # Its address is none of this platform's: nobody may take it for deleted.
    assert await retelling.known(Platform.DISCORD) == ()
    for message_id, place in (("78", "town"), ("79", "thread")):
        link = f"https://chat.example/{place}/{message_id}"
        when = datetime(2026, 5, int(message_id[1]), tzinfo=UTC)
        theirs = Quoted(message_id, OTHER, "The gate opens at nine.", (), when, link)
        await hall.types("/kb add", MODERATOR, quoted=theirs)
    found = await retelling.known(Platform.DISCORD)
    town = spoken("").conversation.channel
    assert [(one.conversation, one.message_id, one.text) for one in found] == [
        (ConversationRef(town, "thread"), "79", ""),
        (ConversationRef(town), "78", ""),
    ]
    assert await retelling.known(Platform.TELEGRAM) == ()
