"""An hour of a bot's life in minutes: questions, uploads and removals without a break, broken
connections, restarts, kills, a full disk; and what the process takes meanwhile."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncGenerator, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from itertools import count, cycle
from pathlib import Path

from tests.e2e.scenes.knowledge import Fact
from tests.e2e.scenes.ledger import Ledger
from tests.e2e.scenes.pair import MEMBER, OWNER, UNHURRIED, Pair, pair
from tests.e2e.scenes.places import DiscordPlace, Place, TelegramPlace
from tests.platforms.discord_server.people import File
from tests.platforms.discord_server.state import Message as DiscordMessage
from tests.platforms.telegram_server.people import Attached
from tests.support.reading_model import ReadingModel
from tests.support.scripted_server import scripted_server
from tests.support.serving import Serving, serving
from tests.support.vitals import Vitals, vitals

PATIENT_SECONDS = 240.0
"""For whatever happens: it is nothing that is measured here, and machines are busy at times."""
STEADY = 0.7
"""Of the time passes without a restart: what grows is seen in one long life."""
WORDS = "Gulls rest on the wall in the morning wind. " * 60
_KEPT = 6
"""Files that a place has besides its own."""
_ROOM = 500_000
"""Bytes by which a file may grow while the disk is full."""
_OVER = ("Added", "already", "restarted", "again", "full")
"""How what was asked of it may end, when the process died meanwhile."""


@dataclass
class Soak:
    """One run; `seconds` is how long it goes on, `pause` how long after a round of questions."""

    both: Pair
    bot: Serving
    model: ReadingModel
    folder: Path
    seconds: float
    pause: float = 0.5
    ledger: Ledger = field(default_factory=Ledger)
    samples: list[Vitals] = field(default_factory=list)
    """Of the first, long life."""
    later: list[Vitals] = field(default_factory=list)
    """Each soon after a start."""
    shelves: dict[str, list[str]] = field(default_factory=dict)
    """What every place was told to have, by its name."""
    doubtful: set[str] = field(default_factory=set)
    """Files that nobody was told of: the process died meanwhile."""
    events: list[str] = field(default_factory=list)
    _numbers: Iterator[int] = field(default_factory=count)
    _begun: float = 0.0

    async def run(self) -> None:
        """All of it."""
        self._begun = asyncio.get_running_loop().time()
        for _round in self._until(STEADY):
            await self._steady_round()
        for trouble in cycle((self._killed, self._restarted, self._out_of_disk)):
            await trouble()
            await self._questions()
            self.later.append(await self._look())
            if self._passed >= 1 and len(set(self.events) & _TROUBLES) == len(_TROUBLES):
                break
        await self._answered()

    @property
    def _passed(self) -> float:
        return (asyncio.get_running_loop().time() - self._begun) / self.seconds

    def _until(self, part: float) -> Iterator[int]:
        """Numbers of rounds, at least four."""
        for number in count():
            if self._passed >= part and number >= 4:
                return
            yield number

    async def _steady_round(self) -> None:
        number = next(self._numbers)

        async def turn_of_a_shelf(place: Place) -> None:
            await self._uploaded(place, f"pier-{number}.txt", number)
            if len(self.shelves[str(place)]) > _KEPT:
                await self._removed(place)

        work = [self._questions()]
        if number % 2 == 0:
            work += map(turn_of_a_shelf, self.both.places)
        await asyncio.gather(*work)
        if number % 5 == 3:
            await self._cut_off(resumable=number % 2 == 0)
        await self._answered()
        await asyncio.sleep(self.pause)
        self.samples.append(await self._look())
        self._note("round")

    async def _questions(self) -> None:
        """Everybody asks, everywhere at once."""
        turn = len(self.ledger.questions)
        for place in self.both.places:
            for who in (OWNER, MEMBER):
                for _again in range(2):
                    facts = place.knowledge.facts
                    await self.ledger.ask(place, who, facts[turn % len(facts)])
                    turn += 1
        await self._answered()

    async def _answered(self) -> None:
        for question in self.ledger.questions[-40:]:
            try:
                await question.place.until(lambda now=question: now.is_answered, PATIENT_SECONDS)
            except TimeoutError:
                raise AssertionError(f"never answered: {question}") from None

    async def _upload(self, place: Place, name: str, text: str) -> object:
        match place:
            case DiscordPlace():
                mention = self.both.discord.bot.mention
                files = [File(name, text.encode())]
                return await place.people[OWNER].say(place.channel, mention, files=files)
            case TelegramPlace():
                mention = f"@{self.both.telegram.bot.account.username}"
                attached = [Attached(name, text.encode())]
                return place.people[OWNER].say(place.chat, mention, files=attached)
        raise AssertionError(place)

    async def _told(self, place: Place, message: object, *endings: str) -> str:
        """What came of something that is no question."""

        def ended() -> str | None:
            texts = [reply.text for reply in place.replies(message)]
            return next((t for t in texts if any(word in t for word in endings)), None)

        try:
            return await place.until(ended, PATIENT_SECONDS)
        except TimeoutError:
            shown = [reply.versions for reply in place.replies(message)]
            raise AssertionError(f"none of {endings} in {place}: {shown}") from None

    async def _uploaded(self, place: Place, name: str, number: int) -> None:
        """Told as added, it is known."""
        word = _word(number)
        message = await self._upload(
            place, name, f"The {word} lamp hangs at pier {number}.\n\n{WORDS}"
        )
        await self._told(place, message, "Added")
        self.shelves[str(place)].append(name)
        known = Fact(f"Where hangs the {word} lamp, at which pier?", f"pier {number}", name)
        await self.ledger.ask(place, MEMBER, known)

    async def _removed(self, place: Place) -> None:
        await self._answered()
        name = self.shelves[str(place)].pop(0)
        match place:
            case DiscordPlace():
                admin = place.people[OWNER]
                shown = await admin.slash(place.channel, "kb remove", name=name)
                await shown.until(lambda s: "Remove `" in s.text, PATIENT_SECONDS)
                question = shown.message
                assert isinstance(question, DiscordMessage)
                await admin.press(question, "Remove")
                await place.until(lambda: question.content.startswith("Removed"), PATIENT_SECONDS)
            case TelegramPlace():
                message = await place.ask(OWNER, f"/kb remove {name}")
                await self._told(place, message, "Remove ")
                (asked,) = place.replies(message)
                await place.push(OWNER, asked, "Remove")
                await self._told(place, message, "Removed")

    async def _cut_off(self, *, resumable: bool) -> None:
        """The connections break while people ask."""
        discord, telegram = self.both.discord, self.both.telegram
        channel, group = self.both.places
        # A member's next question waits for their last one, which would wait for the model.
        await self._answered()
        with self.model.held():
            half = await self.ledger.ask(channel, MEMBER, channel.knowledge.facts[0])
            await channel.until(lambda: half.begun, PATIENT_SECONDS)
            discord.drop_gateway(resumable=resumable)
            async with telegram.outage():
                await self.ledger.ask(group, MEMBER, group.knowledge.facts[1])
                await self.ledger.ask(channel, OWNER, channel.knowledge.facts[2])
                await asyncio.sleep(self.pause)
        await discord.connected(PATIENT_SECONDS)
        await self._answered()
        self._note("network loss")

    async def _killed(self) -> None:
        """In the middle of answers and of an upload."""
        number = next(self._numbers)
        uploads: list[tuple[Place, object, str]] = []
        await self._answered()
        with self.model.held():
            for place in self.both.places:
                half = await self.ledger.ask(place, MEMBER, place.knowledge.facts[number % 6])
                await place.until(lambda now=half: now.begun, PATIENT_SECONDS)
                half.was_killed = True
            for place in self.both.places:
                name = f"killed-{number}.txt"
                uploads.append((place, await self._upload(place, name, WORDS + str(number)), name))
            await asyncio.sleep(number % 7 * 0.05)
            await self.bot.kill()
        for place in self.both.places:
            await self.ledger.ask(place, OWNER, place.knowledge.facts[0])
        await self._back()
        for place, message, name in uploads:
            said = await self._told(place, message, *_OVER)
            if "Added" in said:
                self.shelves[str(place)].append(name)
            else:
                self.doubtful.add(name)
        self._note("kill")

    async def _restarted(self) -> None:
        assert await self.bot.stop() == 0
        for place in self.both.places:
            await self.ledger.ask(place, MEMBER, place.knowledge.facts[3])
        await self._back()
        self._note("restart")

    async def _out_of_disk(self) -> None:
        """No file of the process may grow for a while: what is uploaded then is refused."""
        import resource

        number = next(self._numbers)
        data = self.folder / "data"
        largest = max(path.stat().st_size for path in (*data.rglob("*"), self.folder / "bot.log"))
        _, most = resource.prlimit(self.bot.pid, resource.RLIMIT_FSIZE)
        resource.prlimit(self.bot.pid, resource.RLIMIT_FSIZE, (largest + _ROOM, most))
        large = WORDS * ((largest + 2 * _ROOM) // len(WORDS))
        refused = [
            (place, await self._upload(place, f"large-{number}.txt", large))
            for place in self.both.places
        ]
        for place, message in refused:
            await self._told(place, message, "disk is full")
        for place in self.both.places:
            fact = place.knowledge.facts[0]
            asked = await place.ask(MEMBER, fact.question)
            await self._told(place, asked, fact.answer, "disk is full")
        resource.prlimit(self.bot.pid, resource.RLIMIT_FSIZE, (most, most))
        await asyncio.gather(
            *(self._uploaded(place, f"after-{number}.txt", number) for place in self.both.places)
        )
        self._note("full disk")

    async def _back(self) -> None:
        await self.bot.start()
        await self.both.discord.connected(PATIENT_SECONDS)
        await self._answered()

    def _note(self, event: str) -> None:
        """For whoever looks on: the file grows as the run does."""
        self.events.append(event)
        seconds = asyncio.get_running_loop().time() - self._begun
        with (self.folder / "soak.log").open("a", encoding="utf-8") as told:
            told.write(f"{seconds:7.1f} s  {len(self.ledger.questions)} questions  {event}\n")

    async def _look(self) -> Vitals:
        told = self.folder / "tasks"
        told.unlink(missing_ok=True)
        os.kill(self.bot.pid, signal.SIGUSR1)
        async with asyncio.timeout(10):
            while not told.exists():  # noqa: ASYNC110 - another process makes it
                await asyncio.sleep(0.02)
        return vitals(
            self.bot.pid,
            self.folder / "data",
            at=asyncio.get_running_loop().time() - self._begun,
            done=len(self.ledger.questions),
            tasks=int(told.read_text(encoding="utf-8")),
        )


def _word(number: int) -> str:
    """One that nothing else begins with."""
    syllables = [f"{first}{second}" for first in "bdfgklmnprstvz" for second in "aeiou"]
    return f"{syllables[number % 70]}{syllables[number // 70 % 70]}dorn"


_TROUBLES = {"kill", "restart", "full disk"}


@asynccontextmanager
async def soak(
    folder: Path, seconds: float, *, privileged: tuple[str, ...] = (), pause: float = 0.5
) -> AsyncGenerator[Soak]:
    """A bot that has been taught in both places."""
    program = ("-m", "tests.support.soaked_bot", str(folder / "tasks"), "run")
    async with (
        pair(privileged=privileged, unhurried=True) as both,
        scripted_server() as server,
    ):
        environ = {
            "LOREKEEPER__ENGINE__KIND": "openai",
            "LOREKEEPER__ENGINE__BASE_URL": server.address,
            # What is removed goes at once, so that the disk shows what grows.
            "LOREKEEPER__KNOWLEDGE__REMOVED_REST_DAYS": "0",
            "LOREKEEPER__LIMITS__DAILY_UPLOADS": "0",
            "LOREKEEPER__LIMITS__DAILY_UPLOAD_MB": "0",
            "LOREKEEPER__ENGINE__MAX_WAITING_PER_MEMBER": "50",
        } | UNHURRIED
        model = ReadingModel(server)
        async with serving(folder, both.discord, both.telegram, program, **environ) as bot:
            await both.discord.connected(PATIENT_SECONDS)
            await both.teach()
            made = Soak(both, bot, model, folder, seconds, pause)
            made.shelves = {str(place): [] for place in both.places}
            yield made


def figures(samples: list[Vitals], of: Callable[[Vitals], float]) -> str:
    """Beginning, middle and end, for a report."""
    chosen = (samples[0], samples[len(samples) // 2], samples[-1])
    return " → ".join(f"{of(one):.0f}" for one in chosen)
