"""What the local Telegram refuses, and how: as the real one does."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator

import aiohttp
import pytest
from aiohttp import web
from telegram import Bot, BotCommand, BotCommandScopeChat, MessageEntity, Update
from telegram.error import (
    BadRequest,
    Conflict,
    EndPointNotFound,
    Forbidden,
    InvalidToken,
    NetworkError,
    RetryAfter,
)

from tests.platforms.telegram_server.calls import ServerOptions
from tests.platforms.telegram_server.clients import plain_bot
from tests.platforms.telegram_server.flood import UNLIMITED, FloodLimits
from tests.platforms.telegram_server.people import Attached
from tests.platforms.telegram_server.server import FakeTelegram


@pytest.fixture
async def telegram() -> AsyncGenerator[FakeTelegram]:
    async with FakeTelegram(limits=UNLIMITED) as server:
        yield server


@pytest.fixture
async def bot(telegram) -> AsyncGenerator[Bot]:
    async with plain_bot(telegram) as bot:
        yield bot


async def test_get_me_tells_of_privacy_mode_and_a_bad_token_is_unauthorized(telegram, bot):
    assert bot.bot.can_read_all_group_messages is False
    wrong = Bot("4200000001:AAwrong", telegram.api_base_url, telegram.file_base_url)
    with pytest.raises(InvalidToken):
        await wrong.initialize()
    await wrong.shutdown()
    assert telegram.log[-1].description == "Unauthorized"


async def test_updates_come_again_until_an_offset_confirms_them(telegram, bot):
    ada = telegram.user("Ada")
    for text in ("one", "two", "three"):
        ada.say(ada.private, text)
    first = await bot.get_updates(timeout=0)
    assert [update.message.text for update in first] == ["one", "two", "three"]
    again = await bot.get_updates(offset=first[1].update_id, timeout=0)
    assert [update.message.text for update in again] == ["two", "three"]
    assert len(await bot.get_updates(offset=-1, timeout=0)) == 1
    assert len(await bot.get_updates(timeout=0)) == 1
    assert await bot.get_updates(offset=first[2].update_id + 1, timeout=0) == ()


async def test_only_updates_that_were_asked_for_are_kept(telegram, bot):
    ada, bob = telegram.user("Ada"), telegram.user("Bob")
    group = telegram.supergroup("Readers", ada)
    ada.promote_bot(group)
    bob.join(group)
    kinds = [
        next(iter(update.to_dict().keys() - {"update_id"}))
        for update in await bot.get_updates(timeout=0)
    ]
    assert kinds == ["my_chat_member", "message"]
    await bot.get_updates(offset=-1, timeout=0, allowed_updates=["chat_member"])
    bob.leave(group)
    last = (await bot.get_updates(timeout=0))[-1]
    assert last.chat_member.new_chat_member.status == "left"


async def test_a_second_poller_throws_the_first_out(telegram, bot):
    first = asyncio.create_task(bot.get_updates(timeout=20))
    await telegram.wait_for(lambda: telegram.bot.updates.is_polled)
    async with plain_bot(telegram) as other:
        second = asyncio.create_task(other.get_updates(timeout=20))
        with pytest.raises(Conflict, match="terminated by other getUpdates"):
            await first
        telegram.user("Ada").start()
        assert len(await second) == 1


async def test_a_webhook_is_pushed_to_again_until_it_accepts(telegram, bot):
    received: list[tuple[str, int]] = []
    done = asyncio.Event()

    async def take(request: web.Request) -> web.Response:
        update = Update.de_json(await request.json(), bot)
        received.append((update.message.text, len(received)))
        assert request.headers["X-Telegram-Bot-Api-Secret-Token"] == "hush"
        if len(received) == 3:
            done.set()
        return web.Response(status=500 if len(received) == 1 else 200)

    application = web.Application()
    application.router.add_post("/hook", take)
    runner = web.AppRunner(application)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    address = f"http://127.0.0.1:{runner.addresses[0][1]}/hook"
    await bot.set_webhook(address, secret_token="hush")
    with pytest.raises(Conflict, match="webhook is active"):
        await bot.get_updates(timeout=0)
    ada = telegram.user("Ada")
    ada.say(ada.private, "one")
    ada.say(ada.private, "two")
    await asyncio.wait_for(done.wait(), 10)
    assert [text for text, _ in received] == ["one", "one", "two"]
    await bot.delete_webhook()
    assert (await bot.get_webhook_info()).url == ""
    await runner.cleanup()


@pytest.mark.parametrize(
    ("mode", "text", "said"),
    [
        ("MarkdownV2", "a. b", "Character '.' is reserved and must be escaped with the precedi"),
        ("MarkdownV2", "*bold", "Can't find end of Bold entity at byte offset 0"),
        ("MarkdownV2", "[x](http://a", "Can't find end of a URL at byte offset 3"),
        ("MarkdownV2", "中`code", "Can't find end of Code entity at byte offset 3"),
        ("HTML", "<p>x</p>", 'Unsupported start tag "p" at byte offset 0'),
        ("HTML", "<b>x</i>", 'Unmatched end tag at byte offset 4, expected "</b>", found "</i>"'),
        ("HTML", "<b>x", 'Can\'t find end tag corresponding to start tag "b"'),
        ("HTML", "1 < 2", "Unclosed start tag at byte offset 2"),
        ("Markdown", "a_b", "Can't find end of the entity starting at byte offset 1"),
    ],
)
async def test_malformed_markup_is_a_parse_error(telegram, bot, mode, text, said):
    ada = telegram.user("Ada")
    ada.start()
    with pytest.raises(BadRequest):
        await bot.send_message(ada.user_id, text, parse_mode=mode)
    assert telegram.log[-1].description.startswith(f"Bad Request: can't parse entities: {said}")


async def test_well_formed_markup_becomes_entities(telegram, bot):
    ada = telegram.user("Ada")
    ada.start()
    sent = await bot.send_message(
        ada.user_id,
        "😀 *b_i_* `c` [t](https://x.org/\\)a) ||s||\n>q\n>r\nx\\.",
        parse_mode="MarkdownV2",
    )
    assert sent.text == "😀 bi c t s\nq\nr\nx."
    found = {entity.type: sent.parse_entity(entity) for entity in sent.entities}
    assert found == {
        "bold": "bi",
        "italic": "i",
        "code": "c",
        "text_link": "t",
        "spoiler": "s",
        "blockquote": "q\nr",
    }
    html = (
        '<b>b &lt;</b><pre><code class="language-py">x</code></pre>'
        "<blockquote expandable>q</blockquote>"
    )
    sent = await bot.send_message(ada.user_id, html, parse_mode="HTML")
    assert [entity.type for entity in sent.entities] == ["bold", "pre", "expandable_blockquote"]
    assert sent.entities[1].language == "py"


async def test_given_entities_must_lie_in_the_text(telegram, bot):
    ada = telegram.user("Ada")
    ada.start()
    for offset, size in ((0, 9), (-1, 2), (1, 2), (7, 1)):
        with pytest.raises(BadRequest):
            await bot.send_message(
                ada.user_id, "😀 bold", entities=[MessageEntity("bold", offset, size)]
            )
    sent = await bot.send_message(ada.user_id, "😀 bold \n", entities=[MessageEntity("bold", 3, 6)])
    assert (sent.text, sent.entities[0].length) == ("😀 bold", 4)


async def test_lengths_are_counted_in_utf16_units(telegram, bot):
    ada = telegram.user("Ada")
    ada.start()
    await bot.send_message(ada.user_id, "😀" * 2048)
    with pytest.raises(BadRequest, match="essage is too long"):
        await bot.send_message(ada.user_id, "😀" * 2048 + "a")
    with pytest.raises(BadRequest, match="caption is too long"):
        await bot.send_document(ada.user_id, b"x", filename="x.txt", caption="字" * 1025)
    with pytest.raises(BadRequest, match="essage text is empty"):
        await bot.send_message(ada.user_id, "  \n ")


async def test_an_edit_must_change_something_of_ones_own(telegram, bot):
    ada = telegram.user("Ada")
    question = ada.start()
    sent = await bot.send_message(ada.user_id, "*a*", parse_mode="Markdown")
    await sent.edit_text("a")
    with pytest.raises(BadRequest, match="essage is not modified"):
        await sent.edit_text(" a ")
    with pytest.raises(BadRequest, match="can't be edited"):
        await bot.edit_message_text("x", ada.user_id, question.message_id)
    await sent.delete()
    with pytest.raises(BadRequest, match="essage to edit not found"):
        await sent.edit_text("b")
    with pytest.raises(BadRequest, match="essage to delete not found"):
        await sent.delete()


async def test_keyboards_have_limits(telegram, bot):
    ada = telegram.user("Ada")
    ada.start()

    async def send(*rows: list[dict]) -> str:
        answer = await _raw(
            telegram,
            "sendMessage",
            chat_id=ada.user_id,
            text="x",
            reply_markup={"inline_keyboard": list(rows)},
        )
        return answer.get("description", "")

    assert await send([{"text": "a", "callback_data": "é" * 32}]) == ""
    assert await send([{"text": "a", "callback_data": "é" * 33}]) == (
        "Bad Request: BUTTON_DATA_INVALID"
    )
    assert "too long" in await send([{"text": "a", "callback_data": "a"}] * 9)
    assert "too long" in await send(*[[{"text": "a", "callback_data": "a"}]] * 101)
    assert "unallowed" in await send([{"text": "a"}])


async def _raw(telegram: FakeTelegram, method: str, **parameters: object) -> dict:
    """A call without the library, for what the library would not send."""
    address = f"{telegram.api_base_url}{telegram.token}/{method}"
    async with (
        aiohttp.ClientSession() as session,
        session.post(address, json=parameters) as answer,
    ):
        return await answer.json()


async def test_who_was_never_met_cannot_be_written_to(telegram, bot):
    ada = telegram.user("Ada")
    with pytest.raises(Forbidden, match="can't initiate conversation"):
        await bot.send_message(ada.user_id, "hello")
    with pytest.raises(BadRequest, match="hat not found"):
        await bot.send_message(-100, "hello")
    group = telegram.supergroup("Readers", ada, with_bot=False)
    with pytest.raises(Forbidden, match="not a member of the supergroup"):
        await bot.send_message(group.chat_id, "hello")


async def test_members_and_administrators_are_told_and_the_bot_can_leave(telegram, bot):
    ada, bob, eve = telegram.user("Ada"), telegram.user("Bob"), telegram.user("Eve")
    group = telegram.supergroup("Readers", ada, bob)
    ada.promote(group, bob, anonymous=True)
    administrators = await bot.get_chat_administrators(group.chat_id)
    assert [(each.user.id, each.status) for each in administrators] == [
        (ada.user_id, "creator"),
        (bob.user_id, "administrator"),
    ]
    assert (await bot.get_chat_member(group.chat_id, eve.user_id)).status == "left"
    group.hides_members = True
    with pytest.raises(BadRequest, match="ember list is inaccessible"):
        await bot.get_chat_member(group.chat_id, eve.user_id)
    ada.promote_bot(group)
    assert (await bot.get_chat_member(group.chat_id, eve.user_id)).status == "left"
    assert (await bot.get_chat(group.chat_id)).title == "Readers"
    await bot.leave_chat(group.chat_id)
    with pytest.raises(Forbidden, match="not a member"):
        await bot.send_message(group.chat_id, "hello")


async def test_commands_are_checked_and_the_narrowest_menu_is_shown(telegram, bot):
    ada, bob = telegram.user("Ada", language="zh"), telegram.user("Bob")
    group = telegram.supergroup("Readers", ada, bob)
    await bot.set_my_commands([BotCommand("help", "Help")])
    await bot.set_my_commands([BotCommand("bangzhu", "帮助")], language_code="zh")
    await bot.set_my_commands([BotCommand("kb", "x")], scope=BotCommandScopeChat(group.chat_id))
    assert telegram.commands_of(ada, ada.private) == ["bangzhu"]
    assert telegram.commands_of(bob, bob.private) == ["help"]
    assert telegram.commands_of(bob, group) == ["kb"]
    for name, text in (("Help", "x"), ("a-b", "x"), ("a" * 33, "x"), ("help", "")):
        answer = await _raw(
            telegram, "setMyCommands", commands=[{"command": name, "description": text}]
        )
        assert "INVALID" in answer["description"]
    answer = await _raw(telegram, "setMyCommands", commands=[], language_code="english")
    assert answer["description"] == "Bad Request: invalid language code specified"


@pytest.mark.filterwarnings("ignore:.*`retry_after` will be of type")  # the library's own
async def test_a_group_takes_so_many_messages_and_edits_a_minute():
    async with FakeTelegram(limits=FloodLimits(group=(3, 60))) as telegram:
        ada = telegram.user("Ada")
        group, other = telegram.supergroup("One", ada), telegram.supergroup("Two", ada)
        async with plain_bot(telegram) as bot:
            sent = await bot.send_message(group.chat_id, "0")
            await sent.edit_text("1")
            await sent.edit_text("2")
            with pytest.raises(RetryAfter):
                await sent.edit_text("3")
            with pytest.raises(RetryAfter):
                await bot.send_message(group.chat_id, "too early")
            await bot.send_message(other.chat_id, "another group")
            assert (telegram.flood_violations, telegram.bot.flood.disregarded) == (2, 1)
            telegram.flood(other, 5)
            with pytest.raises(RetryAfter):
                await bot.send_message(other.chat_id, "imposed")
        assert telegram.flood_violations == 2
        assert telegram.log[-1].status == 429


async def test_drafts_are_for_private_chats_and_may_be_stopped(telegram, bot):
    ada = telegram.user("Ada")
    group = telegram.supergroup("Readers", ada)
    ada.start()
    with pytest.raises(BadRequest):
        await bot.send_message_draft(group.chat_id, 7, "half")
    await bot.send_message_draft(ada.user_id, 7, "half an ans", api_kwargs={"can_stop": True})
    assert ada.private.drafts_shown == {7: "half an ans"}
    await bot.get_updates(offset=-1, timeout=0, allowed_updates=["stopped_message_generation"])
    ada.stop_draft()
    stopped = (await bot.get_updates(timeout=0))[-1].api_kwargs["stopped_message_generation"]
    assert (stopped["draft_id"], stopped["chat"]["id"]) == (7, ada.user_id)
    await bot.send_message(ada.user_id, "half an answer")
    assert ada.private.drafts_shown == {}


async def test_rich_messages_exist_on_newer_servers_alone(telegram, bot):
    ada = telegram.user("Ada")
    ada.start()
    rich = {"chat_id": ada.user_id, "rich_message": {"markdown": "# Title\n\ntext"}}
    await bot.do_api_request("sendRichMessage", api_kwargs=rich)
    assert ada.private.shown[-1].text == "# Title\n\ntext"
    telegram.options = ServerOptions(version=(10, 0))
    with pytest.raises(EndPointNotFound):
        await bot.do_api_request("sendRichMessage", api_kwargs=rich)


async def test_an_ephemeral_message_is_for_one_member_who_just_pressed(telegram, bot):
    ada, bob = telegram.user("Ada"), telegram.user("Bob")
    group = telegram.supergroup("Readers", ada, bob)
    keyboard = {"inline_keyboard": [[{"text": "Sources", "callback_data": "sources"}]]}
    sent = await bot.send_message(group.chat_id, "See", reply_markup=keyboard)
    shown = group.messages[sent.message_id]

    async def whisper(receiver: int, query: str = "") -> dict:
        to = {"receiver_user_id": receiver, "callback_query_id": query}
        return await _raw(
            telegram,
            "sendMessage",
            chat_id=group.chat_id,
            text="psst",
            ephemeral_message_parameters=to,
        )

    press = ada.push_button(shown, "Sources")
    assert (await whisper(ada.user_id))["description"] == "Bad Request: CHAT_ADMIN_REQUIRED"
    assert not (await whisper(bob.user_id, press.query_id))["ok"]
    answer = (await whisper(ada.user_id, press.query_id))["result"]
    assert (answer["message_id"], answer["receiver_user"]["id"]) == (0, ada.user_id)
    assert telegram.whispers(group, ada)[0].text == "psst"
    assert telegram.transcript(group) == "bot> See [Sources]\n"


async def test_outages_and_lost_answers_are_network_errors(telegram, bot):
    ada = telegram.user("Ada")
    ada.start()
    telegram.faults.fail("sendMessage")
    with pytest.raises(NetworkError, match="Bad Gateway"):
        await bot.send_message(ada.user_id, "x")
    telegram.faults.lose_answer("sendMessage")
    with pytest.raises(NetworkError):
        await bot.send_message(ada.user_id, "done, but who knows")
    assert ada.private.shown[-1].text == "done, but who knows"
    async with telegram.outage():
        with pytest.raises(NetworkError):
            await bot.send_message(ada.user_id, "x")
    await bot.send_message(ada.user_id, "back")


async def test_a_server_of_ones_own_gives_out_large_files_as_paths(tmp_path):
    options = ServerOptions(download_limit=None, local_folder=tmp_path)
    async with FakeTelegram(options=options) as telegram, plain_bot(telegram) as bot:
        ada = telegram.user("Ada")
        sent = ada.say(ada.private, files=[Attached("a.txt", b"abc", claimed_size=30_000_000)])
        file = await bot.get_file(sent.files[0].file_id)
        assert file.file_path.endswith(".txt")
        assert [path.read_bytes() for path in tmp_path.iterdir()] == [b"abc"]
