"""Updates that are pushed: taken once they are in the core's hands, and from Telegram alone."""

from __future__ import annotations

import asyncio
import logging
import socket

import aiohttp
import pytest
from pydantic import SecretStr

from bot.adapters.telegram.webhook import SECRET_HEADER
from core.events import IncomingMessage
from core.ports import UnreachableError
from tests.platforms.telegram_server.server import FakeTelegram
from tests.support.telegram import NotedEvents, listener_for, listening

SECRET = "pushes-say-this"


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _pushed(**settings: object) -> dict[str, object]:
    port = _free_port()
    return {
        "webhook_url": f"http://127.0.0.1:{port}/telegram",
        "webhook_port": port,
        "webhook_secret": SecretStr(SECRET),
        **settings,
    }


async def test_what_is_pushed_is_heard_and_nothing_is_polled():
    async with FakeTelegram() as telegram:
        ada = telegram.user("Ada")
        async with listening(listener_for(telegram, **_pushed())) as (_, inbox):
            await telegram.wait_for(lambda: telegram.bot.updates.webhook_url)
            ada.say(ada.private, "who wrote this?")
            await inbox.message("who wrote this?")
            await telegram.wait_for(lambda: not telegram.bot.updates.pending)
        assert telegram.bot.updates.polls == 0
        assert "chat_member" in telegram.bot.updates.allowed


async def test_what_came_while_nobody_listened_is_pushed_at_the_next_start():
    async with FakeTelegram() as telegram:
        ada, settings = telegram.user("Ada"), _pushed()
        async with listening(listener_for(telegram, **settings)):
            await telegram.wait_for(lambda: telegram.bot.updates.webhook_url)
        ada.say(ada.private, "anybody there?")
        async with listening(listener_for(telegram, **settings)) as (_, inbox):
            await inbox.message("anybody there?")


@pytest.mark.parametrize("headers", [{}, {SECRET_HEADER: "guessed"}])
async def test_a_push_without_the_secret_is_refused(headers):
    settings = _pushed()
    async with FakeTelegram() as telegram:
        ada = telegram.user("Ada")
        async with listening(listener_for(telegram, **settings)) as (_, inbox):
            await telegram.wait_for(lambda: telegram.bot.updates.webhook_url)
            forged = b'{"update_id": 1, "message": {"message_id": 1, "date": 0, "text": "hi"}}'
            assert await _post(settings["webhook_url"], forged, **headers) == 403
            ada.say(ada.private, "hello")
            await inbox.message("hello")
            assert len(inbox.of(IncomingMessage)) == 1


async def _post(url: object, data: bytes, **headers: str) -> int:
    async with (
        aiohttp.ClientSession(headers=headers) as session,
        session.post(str(url), data=data) as answer,
    ):
        return answer.status


@pytest.mark.parametrize("body", [b"{", b"[]", b'{"update_id": 7, "message": {"date": "x"}}'])
async def test_a_push_that_cannot_be_read_does_not_come_for_ever(body, caplog):
    settings = _pushed()
    async with FakeTelegram() as telegram, listening(listener_for(telegram, **settings)):
        await telegram.wait_for(lambda: telegram.bot.updates.webhook_url)
        headers = {SECRET_HEADER: SECRET}
        assert await _post(settings["webhook_url"], body, **headers) == 200
    assert "cannot be read" in caplog.text


async def test_a_push_is_confirmed_only_when_it_is_handed_over():
    async with FakeTelegram() as telegram:
        ada = telegram.user("Ada")
        group = telegram.supergroup("Readers", ada)
        async with listening(listener_for(telegram, **_pushed())) as (_, inbox):
            await telegram.wait_for(lambda: telegram.bot.updates.webhook_url)
            async with telegram.faults.hold("getChatAdministrators"):
                ada.say(group, "@lorekeeper_bot hello")
                await telegram.wait_for(lambda: telegram.faults.waiting["getchatadministrators"])
                assert telegram.bot.updates.pending
            await inbox.message("hello")
            await telegram.wait_for(lambda: not telegram.bot.updates.pending)


async def test_polling_takes_the_webhook_away():
    async with FakeTelegram() as telegram:
        ada = telegram.user("Ada")
        async with listening(listener_for(telegram, **_pushed())):
            await telegram.wait_for(lambda: telegram.bot.updates.webhook_url)
        async with listening(listener_for(telegram)) as (_, inbox):
            ada.say(ada.private, "hello")
            await inbox.message("hello")
        assert telegram.bot.updates.webhook_url == ""


async def test_an_address_that_is_taken_is_tried_again_later(caplog):
    settings = _pushed()
    async with FakeTelegram() as telegram:
        with socket.socket() as other:
            other.bind(("127.0.0.1", int(str(settings["webhook_port"]))))
            other.listen()
            async with listener_for(telegram, **settings) as listener:
                with pytest.raises(UnreachableError, match="webhook"):
                    await listener.listen(NotedEvents())


async def test_what_keeps_telegram_away_is_told_once(caplog, monkeypatch):
    monkeypatch.setattr("bot.adapters.telegram.webhook.LOOK_SECONDS", 0.01)
    caplog.set_level(logging.WARNING)
    async with FakeTelegram() as telegram, listening(listener_for(telegram, **_pushed())):
        await telegram.wait_for(lambda: telegram.bot.updates.webhook_url)
        telegram.bot.updates.last_error = "Connection refused"
        asked = len(telegram.calls("getWebhookInfo"))
        await telegram.wait_for(lambda: len(telegram.calls("getWebhookInfo")) > asked + 3)
    told = [record for record in caplog.records if "does not reach" in record.getMessage()]
    assert len(told) == 1


async def test_a_webhook_that_somebody_else_took_over_ends_the_listening(monkeypatch):
    monkeypatch.setattr("bot.adapters.telegram.webhook.LOOK_SECONDS", 0.01)
    async with FakeTelegram() as telegram, listener_for(telegram, **_pushed()) as listener:
        task = asyncio.create_task(listener.listen(NotedEvents()))
        await telegram.wait_for(lambda: telegram.bot.updates.webhook_url)
        await telegram.bot.updates.set_webhook("https://elsewhere.example", "", drop=False)
        with pytest.raises(UnreachableError):
            await task
