"""Whether all that the configuration needs outside can be reached, and how far clocks agree."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from typing import Final
from urllib.parse import urlsplit

from bot.checking.items import Item, Looked
from bot.checking.reach import (
    Answer,
    UnansweredError,
    Way,
    ask,
    is_near,
    trouble_words,
    way_of,
)
from bot.model_sizes import cached
from bot.models.sources import HUGGING_FACE, MODELSCOPE
from bot.planning import Planned, is_hub_id
from bot.proxies import shown
from bot.settings import Config, DiscordSettings

_OFFICIAL: Final = DiscordSettings().api_base_url
_DISCORDS: Final = ("https://gateway.discord.gg", "https://cdn.discordapp.com")
_MOST_SKEW_SECONDS: Final = 60
_VARIABLES: Final = ("HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy")


@dataclass(frozen=True, slots=True)
class Destination:
    """A server that is needed, without a path."""

    origin: str
    way: Way


def destinations(config: Config, plan: Planned) -> list[Destination]:
    """Each once, in the order of the configuration; what is on this machine is left out."""
    found = dict.fromkeys(one for one in _needed(config, plan) if not is_near(one.origin))
    return list(found)


def _needed(config: Config, plan: Planned) -> Iterator[Destination]:
    common = config.network.proxy
    discord, telegram = config.discord, config.telegram
    if discord.token is not None:
        way = way_of("discord", discord.proxy, common)
        yield Destination(_origin(discord.api_base_url), way)
        if discord.api_base_url.rstrip("/") == _OFFICIAL:
            yield from (Destination(host, way) for host in _DISCORDS)
    if telegram.token is not None:
        way = way_of("telegram", telegram.proxy, common)
        yield Destination(_origin(telegram.api_base_url), way)
        yield Destination(_origin(telegram.file_base_url), way)
    for engine in plan.engines:
        way = way_of(engine.section, engine.settings.proxy, common)
        if engine.unplanned == "remote":
            yield from (Destination(_origin(one), way) for one in engine.settings.addresses)
    if config.embedding.base_url:
        way = way_of("embedding", config.embedding.proxy, common)
        yield Destination(_origin(config.embedding.base_url), way)
    if config.models.endpoint or _fetches(config, plan):
        source = HUGGING_FACE if config.models.source == "huggingface" else MODELSCOPE
        way = way_of("models", config.models.proxy, common)
        yield Destination(_origin(config.models.endpoint or source), way)


def _fetches(config: Config, plan: Planned) -> bool:
    """Whether the next start gets a model from a hub."""
    if any(one.unplanned == "missing" and is_hub_id(one) for one in plan.engines):
        return True
    embedding = config.embedding
    if embedding.base_url or embedding.kind == "openai" or not embedding.model:
        return False
    is_here = embedding.model == "bundled" or Path(embedding.model).expanduser().exists()
    return not is_here and cached(embedding.model) is None


def _origin(url: str) -> str:
    split = urlsplit(url)
    return f"{split.scheme}://{split.netloc}"


async def look(looked: Looked) -> list[Item]:
    """Every host is asked for its headers alone, all at once."""
    _ = looked.words
    wanted = destinations(looked.config, (await looked.local()).plan)
    answers = await asyncio.gather(*(_tried(one) for one in wanted))
    items = _unused_variable(looked)
    if not wanted:
        return [*items, Item("ok", "network", _("Nothing outside this machine is needed."))]
    for one, answer in zip(wanted, answers, strict=True):
        if isinstance(answer, UnansweredError):
            text, fix = trouble_words(answer, _)
            items.append(Item("failure", "network", text, fix))
            continue
        values = {"host": urlsplit(one.origin).netloc.rpartition("@")[2]}
        took = f"{answer.seconds * 1000:.0f} ms"
        if one.way.proxy is None:
            text = _("{host} answers in {took}.", took=took, **values)
        else:
            proxy = shown(one.way.proxy)
            text = _("{host} answers in {took} through {proxy}.", took=took, proxy=proxy, **values)
        items.append(Item("ok", "network", text))
    return items + _clock([one for one in answers if isinstance(one, Answer)], looked)


async def _tried(one: Destination) -> Answer | UnansweredError:
    try:
        return await ask(f"{one.origin}/", one.way, method="HEAD")
    except UnansweredError as error:
        return error


def _unused_variable(looked: Looked) -> list[Item]:
    """Everything of ours takes its proxy from the configuration alone: no half of it elsewhere."""
    _ = looked.words
    config = looked.config
    named = next((name for name in _VARIABLES if os.environ.get(name)), None)
    if named is None or config.network.proxy or config.models.proxy:
        return []
    text = _("{name} is set, and is not used: a proxy stands in the configuration.", name=named)
    return [Item("warning", "network", text, f'[network] proxy_env = "{named}"')]


def _clock(answers: list[Answer], looked: Looked) -> list[Item]:
    _ = looked.words
    now = datetime.now(UTC)
    apart = [(one.date - now).total_seconds() for one in answers if one.date is not None]
    # Rounded down to seconds by the server, and under way for a moment: half a minute is no news.
    if not apart or abs(median(apart)) <= _MOST_SKEW_SECONDS:
        return []
    text = _("This machine's clock is off by {count:.0f} seconds.", count=abs(median(apart)))
    return [Item("warning", "clock", text, "timedatectl set-ntp true")]
