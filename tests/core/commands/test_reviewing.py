"""Cards in a log channel: where they go, who decides there, and what a failure leaves."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from core.errors import ForbiddenError
from core.events import (
    ActionPressed,
    ChannelKind,
    ChannelRef,
    ConversationRef,
    InteractionRef,
    Place,
    Platform,
)
from core.ports import Standing
from knowledge_base.errors import EmbeddingUnavailableError, StorageFullError
from tests.support.commanding import (
    ADMIN,
    MEMBER,
    MODERATOR,
    OTHER,
    OWNER,
    attachment,
    open_hall,
    spoken,
)

TOWN = spoken("").conversation.channel
READS = Standing(can_read=True)
MODERATES = Standing(can_read=True, is_moderator=True)


@pytest.fixture
async def hall(tmp_path):
    async with open_hall(tmp_path) as hall:
        await hall.channels.change(TOWN, "teachers", "review")
        yield hall


@pytest.fixture
async def office(hall):
    """A log channel "office", whose readers can all read "town"."""
    await hall.channels.change(TOWN, "log_channel", "office")
    hall.outbox.within["office", "town"] = True
    return hall


def cards(hall, channel="office"):
    return [m for m in hall.outbox.messages.values() if m.channel == channel and m.menus]


async def pressed(hall, action, author, message_id, channel="office"):
    """What the one who pressed is told alone."""
    before = len(hall.outbox.revealed)
    event = ActionPressed(
        ConversationRef(ChannelRef(Platform.DISCORD, channel)),
        message_id,
        action,
        author,
        ChannelKind.GROUP,
        InteractionRef(Platform.DISCORD, "press"),
        server_id="9",
    )
    await hall.pressing.pressed(event)
    return " ".join(shown.text for shown in hall.outbox.revealed[before:])


async def upload(hall, name="a.md", text="Gates open at nine."):
    return await hall.types("/kb add", MEMBER, attachments=(attachment(name, text),))


async def test_the_card_goes_where_moderators_read_and_says_where_it_is_from(office):
    said = await upload(office)
    assert said.text == "A moderator decides about `a.md`; I will say so here."
    assert said.menus == ()
    (card,) = cards(office)
    assert card.text == (
        "From `town`:\n`Ada` wants to add, for a moderator to decide:\n"
        "- `a.md` (19 B)\n  > Gates open at nine."
    )


async def test_in_chinese_the_card_has_the_brackets_of_chinese(office):
    await office.channels.change(ChannelRef(Platform.DISCORD, "town"), "language", "zh")
    await upload(office)
    (card,) = cards(office)
    assert "\n- `a.md`（19 B）\n" in card.text


async def test_what_is_decided_there_is_said_where_it_came_from(office):
    await upload(office)
    (card,) = cards(office)
    office.outbox.standings["mo", "town"] = MODERATES
    assert await pressed(office, card.actions[0], MODERATOR, card.message_id) == ""
    assert "Added `a.md`" in card.text
    assert card.text.endswith("Accepted by `Mo`: `a.md`.")
    assert card.menus == ()
    assert await office.documents() == ["a.md"]
    town = [m.text for m in office.outbox.messages.values() if m.channel == "town"]
    assert town == ["Accepted by `Mo`: `a.md`."]


async def test_of_two_who_accept_at_once_one_does(office):
    await upload(office)
    (card,) = cards(office)
    two = (MODERATOR, replace(MODERATOR, user_id="moe", display_name="Moe"))
    for who in two:
        office.outbox.standings[who.user_id, "town"] = MODERATES
    presses = [pressed(office, card.actions[0], who, card.message_id) for who in two]
    told = await asyncio.gather(*presses)
    assert await office.documents() == ["a.md"]
    base = await office.library.ensure_base("discord:town")
    assert [own.version for own in await office.library.documents(base.base_id)] == [1]
    town = [m.text for m in office.outbox.messages.values() if m.channel == "town"]
    assert town == ["Accepted by `Mo`: `a.md`."]
    assert any("not open any more" in text for text in told)


@pytest.mark.parametrize("standing", [None, READS, Standing(can_read=False, is_moderator=True)])
async def test_who_moderates_the_log_channel_alone_decides_nothing(office, standing):
    await upload(office)
    (card,) = cards(office)
    if standing is not None:
        office.outbox.standings["mo", "town"] = standing
    for action in card.actions:
        for who in (MODERATOR, replace(ADMIN, user_id="mo")):
            assert await pressed(office, action, who, card.message_id)
    assert await office.documents() == []
    assert len(await office.reviews.waiting("discord:town")) == 1


async def test_the_owner_decides_anywhere_the_card_is(office):
    await upload(office)
    (card,) = cards(office)
    await pressed(office, card.actions[0], OWNER, card.message_id)
    assert await office.documents() == ["a.md"]


@pytest.mark.parametrize("channel", ["office", "elsewhere", "town-hall"])
async def test_a_copied_button_is_not_the_card(office, channel):
    await upload(office)
    (card,) = cards(office)
    office.outbox.standings["mo", "town"] = MODERATES
    where = ConversationRef(ChannelRef(Platform.DISCORD, channel))
    copied = await office.outbox.send(where, "copy")
    assert await pressed(office, card.actions[0], MODERATOR, copied, channel)
    assert await office.documents() == []


async def test_a_card_of_one_channel_decides_about_no_other(office):
    await upload(office)
    (card,) = cards(office)
    office.outbox.standings["mo", "town"] = MODERATES
    other = await office.reviews.hold("discord:other", "Eve", "discord:eve", [])
    assert await pressed(office, f"review:{other.token}:reject", MODERATOR, card.message_id)
    assert len(await office.reviews.waiting("discord:other")) == 1


async def test_decided_in_the_channel_itself_the_card_says_so(office):
    await upload(office)
    (card,) = cards(office)
    token = card.actions[0].split(":")[1]
    said = await office.types(f"/kb review {token} reject", MODERATOR)
    assert said.text == "Rejected by `Mo`: `a.md`."
    assert (card.text, card.menus) == ("Rejected by `Mo`: `a.md`.", ())
    (entry,) = await office.resources.moderation.audit.of_channel(TOWN)
    assert (entry.act, entry.author, entry.about) == ("rejected", "Mo", "a.md")


async def test_where_more_people_read_there_is_no_card(office):
    office.outbox.within["office", "town"] = False
    said = await upload(office)
    assert "Gates open at nine" in said.text
    assert cards(office) == []


async def test_where_it_cannot_be_said_who_reads_the_card_quotes_nothing(office):
    del office.outbox.within["office", "town"]
    await upload(office)
    (card,) = cards(office)
    assert "`a.md`" in card.text
    assert "Gates" not in card.text


async def test_a_log_channel_that_takes_nothing_leaves_the_card_in_the_channel(office):
    where = ConversationRef(ChannelRef(Platform.DISCORD, "office"))
    office.outbox.refuse("send", ForbiddenError(where))
    said = await upload(office)
    assert "Accept" in said.buttons


async def test_a_log_channel_that_is_the_channel_itself_changes_nothing(hall):
    await hall.channels.change(TOWN, "log_channel", "town")
    assert "Accept" in (await upload(hall)).buttons


async def test_a_private_thread_is_asked_about_like_a_channel(office):
    thread = ConversationRef(ChannelRef(Platform.DISCORD, "thread"))
    place = Place("thread", "Fair", is_restricted=True, parent=TOWN, is_thread=True)
    files = (attachment("a.md", "Secret gates."),)
    message = spoken("/kb add", MEMBER, attachments=files, conversation=thread, place=place)
    office.outbox.within["office", "thread"] = False
    said = await office.reply(message)
    assert "Secret gates" in said.text
    assert cards(office) == []


@pytest.mark.parametrize("error", [StorageFullError(), EmbeddingUnavailableError("bge")])
async def test_what_could_not_be_learnt_now_still_waits(hall, monkeypatch, error):
    said = await upload(hall)
    accept = said.buttons["Accept"]

    async def failing(*_arguments, **_options):
        raise error

    with monkeypatch.context() as patch:
        patch.setattr(hall.library, "add", failing)
        shown = await hall.press(accept, MODERATOR)
    assert "The upload still waits: try again." in shown
    assert "Gates open at nine" in shown
    (left,) = cards(hall, "town")
    assert accept in left.actions
    assert "Accepted by `Mo`." in await hall.press(accept, MODERATOR)
    assert await hall.documents() == ["a.md"]


async def test_what_can_never_be_learnt_does_not_wait_on(hall, tmp_path):
    said = await upload(hall)
    (held,) = await hall.reviews.waiting("discord:town")
    held.files[0].path.write_bytes(b"")
    shown = await hall.press(said.buttons["Accept"], MODERATOR)
    assert "Accepted by `Mo`." in shown
    assert await hall.reviews.waiting("discord:town") == ()


async def test_a_member_of_the_log_channel_is_told_who_may(office):
    await upload(office)
    (card,) = cards(office)
    office.outbox.standings["eve", "town"] = READS
    told = await pressed(office, card.actions[0], OTHER, card.message_id)
    assert told == "Only moderators may do that. Ask one of them."


async def test_what_is_purged_with_its_uploader_is_settled_on_the_card(office):
    await upload(office)
    (card,) = cards(office)
    said = await office.slash("kb purge", MODERATOR, member="ada")
    await office.press(next(iter(said.buttons.values())), MODERATOR)
    assert (card.text, card.menus) == ("Rejected by `Mo`: `a.md`.", ())
    entries = await office.resources.moderation.audit.of_channel(TOWN)
    assert [(one.act, one.about) for one in entries] == [("purged", "ada: 0 + 1")]
