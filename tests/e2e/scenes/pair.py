"""One Discord channel and one Telegram group with a bot in both: for what holds on either."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from tests.e2e.scenes.knowledge import knowledge
from tests.e2e.scenes.places import DiscordPlace, Place, Reply, TelegramPlace
from tests.platforms.discord_server.limits import Limits, Rate
from tests.platforms.discord_server.server import FakeDiscord
from tests.platforms.telegram_server.flood import UNLIMITED
from tests.platforms.telegram_server.server import FakeTelegram

OWNER, MEMBER = "Ada", "Ben"
UNHURRIED = {"LOREKEEPER__TELEGRAM__GROUP_MESSAGES_PER_MINUTE": "1000"}
"""For a Telegram without flood limits."""
QUICK = Limits(messages=Rate(50, 1), edits=Rate(50, 1), typing=Rate(50, 1), overall=Rate(500, 1))


@dataclass(frozen=True, slots=True)
class Pair:
    """The same two people on both platforms."""

    discord: FakeDiscord
    telegram: FakeTelegram
    channel: DiscordPlace
    group: TelegramPlace

    @property
    def places(self) -> tuple[Place, Place]:
        return self.channel, self.group

    async def teach(self) -> None:
        """Three documents each; returns when they can be asked."""
        for place in self.places:
            await taught(place, await place.teach())


async def taught(place: Place, message: object) -> Reply:
    """Wait until all three documents of a message are learnt; the one reply that says so."""

    def outcome() -> Reply | None:
        found = (r for r in place.replies(message) if r.text.count("Added") == 3)
        return next(found, None)

    return await place.until(outcome)


@asynccontextmanager
async def pair(
    *others: str, privileged: tuple[str, ...], unhurried: bool = False
) -> AsyncGenerator[Pair]:
    """Two platforms with a place each; the bot comes later. `others`: further members.

    `privileged`: intents switched on at Discord; `unhurried`: it takes many messages at once too.
    """
    names = (OWNER, MEMBER, *others)
    limits = QUICK if unhurried else Limits()
    async with (
        FakeDiscord(privileged=privileged, limits=limits) as discord,
        FakeTelegram(limits=UNLIMITED) as telegram,
    ):
        on_discord = {name: discord.person(name) for name in names}
        server = discord.server("Harbour", owner=on_discord[OWNER])
        for name in names[1:]:
            server.join(on_discord[name])
        known = knowledge(
            "7:10",
            "413",
            "Maren Holt",
            "D-17",
            ("白毫银针", "三十六"),
            ping=on_discord[MEMBER].mention,
        )
        channel = DiscordPlace(discord, server.channel("general"), on_discord, known)
        on_telegram = {name: telegram.user(name, f"{name}_of_us") for name in names}
        chat = telegram.supergroup("Observatory", *on_telegram.values())
        on_telegram[OWNER].promote_bot(chat)
        other = knowledge(
            "10:55",
            "742",
            "Pavel Brandt",
            "D-46",
            ("正山小种", "六十五"),
            ping=f"@{on_telegram[MEMBER].account.username}",
        )
        yield Pair(
            discord,
            telegram,
            channel,
            TelegramPlace(telegram, chat, None, on_telegram, other),
        )
