"""Files of Telegram messages, fetched from the local server."""

from __future__ import annotations

import pytest
from telegram import Chat, Message, PhotoSize, Sticker

from bot.adapters.telegram.attachments import file_of
from bot.errors import FileNotFetchedError, HostedDownloadLimitError
from core.errors import AttachmentTooLargeError
from core.events import Attachment, IncomingMessage
from tests.platforms.telegram_server.people import Attached
from tests.platforms.telegram_server.server import FakeTelegram
from tests.support.messages import NOON
from tests.support.telegram import listener_for, listening


async def _received(file: Attached, save, **settings: object) -> None:
    """Let a member send a file, and do something with the attachment while the bot is there."""
    async with FakeTelegram() as telegram:
        ada = telegram.user("Ada")
        async with listening(listener_for(telegram, **settings)) as (_, inbox):
            ada.say(ada.private, files=[file])
            message = await inbox.one(IncomingMessage)
            await save(telegram, message.attachments[0])


async def test_nothing_is_fetched_before_it_is_wanted_and_then_all_of_it(tmp_path):
    content = bytes(range(256)) * 1024

    async def save(telegram: FakeTelegram, attachment: Attachment) -> None:
        assert telegram.calls("getFile") == []
        await attachment.save(tmp_path / "a", len(content))
        assert (tmp_path / "a").read_bytes() == content
        assert (attachment.filename, attachment.size) == ("手册.pdf", len(content))
        assert attachment.media_type == "application/pdf"

    await _received(Attached("手册.pdf", content, "application/pdf"), save)


async def test_a_file_over_our_limit_is_refused_before_it_is_asked_for(tmp_path):
    async def save(telegram: FakeTelegram, attachment: Attachment) -> None:
        with pytest.raises(AttachmentTooLargeError) as caught:
            await attachment.save(tmp_path / "a", 10)
        assert (caught.value.key, caught.value.limit_bytes) == ("knowledge.max_file_mb", 10)
        assert telegram.calls("getFile") == []

    await _received(Attached("a.txt", b"more than ten bytes"), save)


async def test_a_file_that_is_larger_than_it_claims_is_not_read_to_its_end(tmp_path):
    async def save(telegram: FakeTelegram, attachment: Attachment) -> None:
        with pytest.raises(AttachmentTooLargeError):
            await attachment.save(tmp_path / "a", 1000)
        assert (tmp_path / "a").stat().st_size <= 1000

    await _received(Attached("a.txt", b"x" * 500_000, claimed_size=500), save)


async def test_telegrams_own_limit_is_told_as_such(tmp_path):
    async def save(telegram: FakeTelegram, attachment: Attachment) -> None:
        with pytest.raises(HostedDownloadLimitError) as caught:
            await attachment.save(tmp_path / "a", 100_000_000)
        assert (caught.value.limit_bytes, caught.value.key) == (20 << 20, "telegram.local_mode")

    await _received(Attached("big.pdf", b"%PDF", claimed_size=21 * 1024 * 1024), save)


async def test_a_file_that_telegram_does_not_give_is_told_without_its_address(tmp_path):
    async def save(telegram: FakeTelegram, attachment: Attachment) -> None:
        telegram.faults.fail("getFile", 400, "Bad Request: file is temporarily unavailable")
        with pytest.raises(FileNotFetchedError) as caught:
            await attachment.save(tmp_path / "a", 1000)
        assert telegram.token not in str(caught.value)
        async with telegram.outage():
            with pytest.raises(FileNotFetchedError):
                await attachment.save(tmp_path / "a", 1000)

    await _received(Attached("a.txt", b"x"), save)


def photo(file_id: str, side: int, size: int) -> PhotoSize:
    return PhotoSize(file_id, file_id, side, side, file_size=size)


def test_of_a_photo_the_largest_that_telegram_gives_is_taken():
    sizes = [photo("small", 90, 900), photo("large", 1280, 9000), photo("huge", 9000, 21 << 20)]
    found = file_of(Message(1, NOON, Chat(1, "private"), photo=sizes))
    assert found is not None
    assert (found.file_id, found.media_type) == ("large", "image/jpeg")


def test_a_sticker_is_no_picture():
    sticker = Sticker("s", "s", 512, 512, is_animated=False, is_video=False, type="regular")
    assert file_of(Message(1, NOON, Chat(1, "private"), sticker=sticker)) is None


async def test_a_picture_that_is_quoted_can_be_fetched_again(tmp_path):
    async with FakeTelegram() as telegram:
        ada = telegram.user("Ada")
        async with listening(listener_for(telegram)) as (listener, inbox):
            shown = ada.say(ada.private, files=[Attached("a.jpg", b"\xff\xd8\xff", kind="photo")])
            ada.say(ada.private, "What is it?", reply_to=shown)
            again = await listener.refetch(await inbox.message("What is it?"))
            assert isinstance(again, IncomingMessage)
            assert again.quoted is not None
            await again.quoted.attachments[0].save(tmp_path / "a", 10)
            assert (tmp_path / "a").read_bytes() == b"\xff\xd8\xff"
