"""Many people in many chats who ask at once, of a bot whose engine answers from a script.

Every answer ends with words of its own, so that one that is cut short, mixed up or lost is seen.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.platforms.discord_server.server import FakeDiscord
from tests.platforms.telegram_server.server import FakeTelegram
from tests.support.scripted_server import DONE, Asked, Scripted, ScriptedServer, delta, usage
from tests.support.scripted_server import scripted_server as serving_scripts
from tests.support.serving import BOT, Serving, serving

CHANNELS_PER_SERVER = 10
PRICES = """# Berths

A visitor's berth costs 14 crowns a night, at whichever quay it lies. Boats over 12 metres lie at
the long quay. The keeper of the harbour counts the boats every evening and writes them down.

# 泊位

访客泊位每晚十四克朗，无论在哪个码头。超过十二米的船停在长码头。港口管理员每晚清点船只并记录下来。
"""
_QUAY = re.compile(r"(?:quay number|码头编号) (\d+)")


def question_of(number: int) -> str:
    """What the person of that number asks; every other one in Chinese."""
    if number % 2:
        return f"访客泊位每晚多少克朗？码头编号 {number}"
    return f"How much does a visitor's berth cost a night at quay number {number}?"


def ending_of(number: int) -> str:
    """What the answer to that question ends with."""
    return f"END-{number}-END"


@dataclass
class Asking:
    """One question and what became of it; moments are of the loop's clock."""

    number: int
    place: str
    """The chat that it is asked in."""
    ask: Callable[[str], Awaitable[None]]
    text: Callable[[], str | None]
    """The text of the answer as it stands; None where there is none."""
    is_settled: Callable[[], bool]
    """Whether what stands below the answer belongs to one that is complete."""
    count: Callable[[], tuple[int, int]]
    """Messages of the bot in reply, and edits of them."""
    is_typing_seen: Callable[[], bool]
    """Whether the chat was ever shown that the bot is writing."""
    asked_at: float = 0.0
    at_engine: float = 0.0

    @property
    def state(self) -> str:
        """How far it has come, for whoever waited for it in vain."""
        text = self.text()
        shown = "nothing" if text is None else f"{text[:40]!r} … {text[-40:]!r}"
        reached = "reached" if self.at_engine else "never reached"
        settled = text is not None and self.is_settled()
        return f"{self.number} in {self.place}: engine {reached}, shown {shown}, settled {settled}"

    @property
    def is_complete(self) -> bool:
        text = self.text()
        return text is not None and ending_of(self.number) in text and self.is_settled()


class Crowd:
    """Chats with their members, and the engine's script."""

    def __init__(
        self, discord: FakeDiscord, telegram: FakeTelegram, engine: ScriptedServer
    ) -> None:
        self.discord = discord
        self.telegram = telegram
        self.engine = engine
        self.askings: list[Asking] = []
        self.pieces = 24
        self.pause_seconds = 0.03
        self.held: asyncio.Event | None = None
        """While there is one and it is not set, the engine says nothing."""
        engine.script("/v1/chat/completions", self._answer)

    def people(self, chats: int, members: int) -> list[Asking]:
        """That many members in that many chats, half of them on either platform."""
        before = len(self.askings)
        for chat in range(chats):
            here = members // chats + (chat < members % chats)
            make = self._in_telegram if chat % 2 else self._in_discord
            self.askings += make(chat, range(len(self.askings), len(self.askings) + here))
        return self.askings[before:]

    async def ask(self, askings: Sequence[Asking]) -> None:
        """All of them, without waiting for one another."""
        loop = asyncio.get_running_loop()
        for asking in askings:
            asking.asked_at = loop.time()
            await asking.ask(question_of(asking.number))

    async def answered(self, askings: Sequence[Asking], within: float) -> None:
        """Wait until every answer is complete. AssertionError names those that are not."""
        owed = list(askings)
        try:
            async with asyncio.timeout(within):
                while owed:
                    # Looked at now and then: every change of 200 answers would be too often.
                    await asyncio.sleep(0.1)
                    owed = [asking for asking in owed if not asking.is_complete]
        except TimeoutError:
            left = "\n".join(asking.state for asking in owed)
            count = f"{len(owed)} of {len(askings)}"
            raise AssertionError(f"{count} not answered in {within} s:\n{left}") from None

    def _answer(self, asked: Asked) -> Scripted:
        said = asked.body["messages"][-1]["content"]
        number = int(_QUAY.findall(said)[-1])
        asking = self.askings[number]
        asking.at_engine = asyncio.get_running_loop().time()
        # In the question's language: who strays from it is asked once more.
        if number % 2:
            begins, filler = (
                "访客泊位每晚十四克朗 [1]。",
                [f"第{n}个词，" for n in range(self.pieces)],
            )
        else:
            begins = "A visitor's berth costs 14 crowns a night [1]. "
            filler = ["Then ", *(f"word{n} " for n in range(self.pieces))]
        words = [begins, *filler, ending_of(number), "."]
        stream = [*map(delta, words), delta(finish="stop"), usage(7, len(words)), DONE]
        hold = {} if self.held is None else {0: self.held}
        return Scripted(stream, pause_seconds=self.pause_seconds, hold=hold)

    def _in_discord(self, chat: int, numbers: range) -> list[Asking]:
        discord = self.discord
        if chat // 2 % CHANNELS_PER_SERVER == 0:
            self._server = discord.server(f"Server {chat}")
        server = self._server
        channel = server.channel(f"channel-{chat}")

        def asking(number: int) -> Asking:
            person = server.join(discord.person(f"Member {number}"))
            questions = []

            async def ask(text: str) -> None:
                questions.append(await person.say(channel, f"{discord.bot.mention} {text}"))

            def answers():
                replies = discord.world.answers.get(questions[0].id, []) if questions else []
                return [m for m in replies if m.author is discord.bot and not m.deleted]

            def is_settled() -> bool:
                rows = answers()[-1].components
                return any(item["custom_id"] == "up" for row in rows for item in row["components"])

            return Asking(
                number,
                f"Discord's channel-{chat}",
                ask,
                lambda: answers()[0].content if answers() else None,
                is_settled,
                lambda: (len(answers()), sum(message.edits for message in answers())),
                lambda: channel.id in discord.world.counters.typing,
            )

        return [asking(number) for number in numbers]

    def _in_telegram(self, chat: int, numbers: range) -> list[Asking]:
        telegram = self.telegram
        owner = telegram.user(f"Owner {chat}")
        people = {number: telegram.user(f"Member {number}") for number in numbers}
        group = telegram.supergroup(f"Group {chat}", owner, *people.values())

        def asking(number: int) -> Asking:
            person = people[number]
            questions = []

            async def ask(text: str) -> None:
                questions.append(person.say(group, f"@{telegram.bot.account.username} {text}"))

            def answers():
                return telegram.answers_to(questions[0]) if questions else []

            return Asking(
                number,
                f"Telegram's Group {chat}",
                ask,
                lambda: answers()[0].text if answers() else None,
                lambda: "👍" in answers()[-1].buttons,
                lambda: (len(answers()), sum(message.edits for message in answers())),
                lambda: "typing" in group.actions,
            )

        return [asking(number) for number in numbers]


@asynccontextmanager
async def crowd(
    folder: Path, *, program: Sequence[str] = BOT, **environ: str
) -> AsyncGenerator[tuple[Crowd, Serving]]:
    """A bot on both platforms with the default limits of both, a document for everybody.

    Without message content, as by default: everybody mentions it, and no budget depends on that.
    """
    (folder / "prices").mkdir()
    (folder / "prices" / "prices.md").write_text(PRICES, encoding="utf-8")
    async with FakeDiscord() as discord, FakeTelegram() as telegram, serving_scripts() as engine:
        made = Crowd(discord, telegram, engine)
        values = {
            "LOREKEEPER__KNOWLEDGE__FOLDERS": '{"shared": "prices"}',
            "LOREKEEPER__ENGINE__KIND": "openai",
            "LOREKEEPER__ENGINE__MODEL": "scripted",
            "LOREKEEPER__ENGINE__BASE_URL": engine.address,
            "LOREKEEPER__ENGINE__MAX_CONCURRENT": "16",
        }
        async with serving(folder, discord, telegram, program, **values | environ) as bot:
            yield made, bot
