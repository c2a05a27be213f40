"""All looks at once, told in their order."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import Final

from bot import output
from bot.checking import (
    configured,
    devices,
    embedding,
    engines,
    knowledge,
    network,
    on_discord,
    on_telegram,
    storage,
)
from bot.checking.items import MARKS, Item, Local, Look, Looked
from bot.checking.memory import plan_values, say_plan
from bot.errors import ConfigError
from bot.machine import look
from bot.own_language import words_in
from bot.planning import planned
from bot.settings import Config
from bot.wording import own_words
from core.language import Words

LOOKS: Final = (
    Look("configuration", 30, configured.look),
    Look("disk", 30, storage.look),
    Look("data", 120, knowledge.look),
    Look("device", 60, devices.look),
    Look("embedding", 180, embedding.look),
    Look("engine", 60, engines.look),
    Look("network", 60, network.look),
    Look("discord", 60, on_discord.look),
    Look("telegram", 60, on_telegram.look),
)
"""In the order in which they are told."""


async def check(config: Config, as_json: bool) -> int:
    """1 where something is wrong; what is only doubtful is told and no failure."""
    _ = own_words(config)
    found: list[Item] = []
    async with asyncio.TaskGroup() as group:
        measuring = group.create_task(_measured(config), name="measure this machine")
        looked = Looked(config, _, measuring)
        looks = [group.create_task(_bounded(one, looked), name=one.subject) for one in LOOKS]
        for one in looks:
            items = await one
            _tell(items, as_json)
            found += items
    for engine in measuring.result().plan.engines:
        if engine.plan is None:
            continue
        if as_json:
            output.emit(plan_values(engine))
        else:
            say_plan(engine, _)
    if not as_json:
        _sum_up(found, _)
    return int(any(item.state == "failure" for item in found))


def refused(error: ConfigError, as_json: bool) -> int:
    """The configuration cannot be used, so that nothing else can be looked at."""
    items = configured.problems(error, words_in(error.language))
    _tell(items, as_json)
    return 1


async def _measured(config: Config) -> Local:
    machine = await asyncio.to_thread(look)
    return Local(machine, await asyncio.to_thread(planned, config, machine))


async def _bounded(one: Look, looked: Looked) -> list[Item]:
    _ = looked.words
    try:
        async with asyncio.timeout(one.seconds):
            return await one.at(looked)
    except TimeoutError:
        text = _(
            "{subject}: no end of it after {seconds:.0f} seconds.",
            subject=one.subject,
            seconds=one.seconds,
        )
        return [
            Item("failure", one.subject, text, _("Run it again when the machine is less busy."))
        ]


def _tell(items: Iterable[Item], as_json: bool) -> None:
    for item in items:
        if as_json:
            output.emit(
                {
                    "state": item.state,
                    "subject": item.subject,
                    "text": item.text,
                    "fix": item.fix or None,
                }
            )
            continue
        output.say(f"{MARKS[item.state]} {item.text}")
        if item.fix:
            output.say(f"  → {item.fix}")


def _sum_up(found: list[Item], _: Words) -> None:
    failures = sum(item.state == "failure" for item in found)
    warnings = sum(item.state == "warning" for item in found)
    output.say()
    if not failures and not warnings:
        output.say(_("All is in order."))
        return
    output.say(_("{failures} wrong, {warnings} doubtful.", failures=failures, warnings=warnings))
