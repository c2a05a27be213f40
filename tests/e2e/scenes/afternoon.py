"""Two Discord servers and a Telegram supergroup with topics, and the twelve who meet there."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.e2e.scenes.knowledge import knowledge
from tests.e2e.scenes.places import DiscordPlace, Place, TelegramPlace
from tests.platforms.discord_server.limits import Limits, Rate
from tests.platforms.discord_server.server import FakeDiscord
from tests.platforms.telegram_server.flood import FloodLimits
from tests.platforms.telegram_server.model import Chat
from tests.platforms.telegram_server.server import FakeTelegram
from tests.support.reading_model import ReadingModel
from tests.support.scripted_server import scripted_server
from tests.support.serving import Serving, serving

MINUTE_SECONDS = 2.0
"""How long a flood minute lasts here."""
_GROUP_MESSAGES = 20


@dataclass(frozen=True, slots=True)
class Stage:
    """Who and what is there."""

    discord: FakeDiscord
    telegram: FakeTelegram
    bot: Serving
    model: ReadingModel
    general: DiscordPlace
    workshop: DiscordPlace
    elsewhere: DiscordPlace
    """A channel of another server, called general as well."""
    planning: TelegramPlace
    chatting: TelegramPlace
    """Another topic of the same group: it knows the same."""

    @property
    def places(self) -> list[Place]:
        return [self.general, self.workshop, self.elsewhere, self.planning, self.chatting]

    @property
    def teaching(self) -> list[Place]:
        """One of each that knows the same."""
        return self.places[:4]

    @property
    def group(self) -> Chat:
        return self.planning.chat


def _discord_places(discord: FakeDiscord) -> tuple[DiscordPlace, DiscordPlace, DiscordPlace]:
    names = ("Ada", "Ben", "Chloe", "大卫", "Eva", "Finn", "顾")
    people = {name: discord.person(name) for name in names}
    ada, ben, chloe, david, eva, finn, gu = people.values()
    harbour = discord.server("Harbour", owner=ada)
    orchard = discord.server("Orchard", owner=eva)
    for each in (ben, chloe, david):
        harbour.join(each)
    for each in (finn, gu, ben):
        orchard.join(each)
    first = {name: people[name] for name in ("Ada", "Ben", "Chloe", "大卫")}
    second = {name: people[name] for name in ("Eva", "Finn", "顾", "Ben")}
    ping = chloe.mention
    return (
        DiscordPlace(
            discord,
            harbour.channel("general"),
            first,
            knowledge("7:10", "413", "Maren Holt", "D-17", ("白毫银针", "三十六"), ping=ping),
        ),
        DiscordPlace(
            discord,
            harbour.channel("workshop"),
            first,
            knowledge("8:25", "527", "Tobias Lindqvist", "D-28", ("凤凰单丛", "四十八"), ping=ping),
        ),
        DiscordPlace(
            discord,
            orchard.channel("general"),
            second,
            knowledge("9:40", "638", "Ines Okafor", "D-39", ("六堡茶", "五十二"), ping=ping),
        ),
    )


def _telegram_places(telegram: FakeTelegram) -> tuple[TelegramPlace, TelegramPlace]:
    names = ("Ivan", "Mia", "小林", "Noor", "Omar")
    people = {name: telegram.user(name, f"{i}_of_us") for i, name in enumerate(names)}
    ivan, *others = people.values()
    group = telegram.supergroup("Observatory", ivan, *others, is_forum=True)
    # Else Telegram gives it only that file of an album which the caption mentions it under.
    ivan.promote_bot(group)
    taught = knowledge(
        "10:55", "742", "Pavel Brandt", "D-46", ("正山小种", "六十五"), ping="@user_of_us"
    )
    return tuple(  # type: ignore[return-value]
        TelegramPlace(telegram, group, ivan.open_topic(group, name), people, taught)
        for name in ("Planning", "闲聊")
    )


@asynccontextmanager
async def stage(folder: Path, *, privileged: tuple[str, ...]) -> AsyncGenerator[Stage]:
    """Everybody in their places, the bot ready."""
    limits = Limits(messages=Rate(5, 1), edits=Rate(5, 1))
    flood = FloodLimits(group=(_GROUP_MESSAGES, MINUTE_SECONDS))
    async with (
        FakeDiscord(limits=limits, privileged=privileged) as discord,
        FakeTelegram(limits=flood) as telegram,
        scripted_server() as server,
    ):
        model = ReadingModel(server, pause_seconds=0.01)
        discord_places = _discord_places(discord)
        telegram_places = _telegram_places(telegram)
        environ = {
            "LOREKEEPER__ENGINE__KIND": "openai",
            "LOREKEEPER__ENGINE__BASE_URL": server.address,
            # Everybody asks at once here, some in several channels.
            "LOREKEEPER__ENGINE__MAX_WAITING_PER_MEMBER": "20",
            "LOREKEEPER__DISCORD__EDIT_INTERVAL_SECONDS": "0.3",
            # A little under what the server takes: its clock is not ours.
            "LOREKEEPER__TELEGRAM__GROUP_MESSAGES_PER_MINUTE": str(_GROUP_MESSAGES - 4),
            "LOREKEEPER__TELEGRAM__GROUP_MINUTE_SECONDS": str(MINUTE_SECONDS + 0.5),
        }
        async with serving(folder, discord, telegram, **environ) as bot:
            yield Stage(discord, telegram, bot, model, *discord_places, *telegram_places)
