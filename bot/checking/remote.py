"""Engines on servers: whether each is there, takes our key and has the model."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from bot.checking.items import Item, Looked
from bot.checking.reach import Answer, UnansweredError, ask, is_near, trouble_words, way_of
from bot.planning import PlannedEngine
from core.distance import host_of, place_of
from core.language import N_, Words

_MOST_NAMED = 5
_PLACES: Mapping[str, str] = {
    "local": N_("on this machine"),
    "own": N_("on a machine of yours"),
    "outside": N_("outside: used where a channel lets its questions go outside"),
}


async def look(engine: PlannedEngine, looked: Looked) -> list[Item]:
    """Each server is asked for the list of its models, which costs nothing."""
    found = await asyncio.gather(
        *(_server(address, engine, looked) for address in engine.settings.addresses)
    )
    return [item for items in found for item in items]


async def _server(address: str, engine: PlannedEngine, looked: Looked) -> list[Item]:
    _, settings = looked.words, engine.settings
    way = way_of(engine.section, settings.proxy, looked.config.network.proxy)
    key = settings.api_key
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    try:
        answer = await ask(f"{address.rstrip('/')}/models", way, headers=headers)
    except UnansweredError as error:
        text, fix = trouble_words(error, _)
        if is_near(address) and error.trouble == "refused":
            fix = _("Start the server, or {line}", line=f'base_url = "{address}"')
        return [Item("failure", "engine", f"[{engine.section}] {text}", fix)]
    return _told(address, engine, answer, _)


def _told(address: str, engine: PlannedEngine, answer: Answer, _: Words) -> list[Item]:
    section, host = engine.section, host_of(address)
    if answer.status in (401, 403):
        text = _("[{section}] {host} does not take the key.", section=section, host=host)
        return [Item("failure", "engine", text, f'[{section}] api_key_env = "VARIABLE"')]
    if answer.status >= 500:
        text = _(
            "[{section}] {host} answers with an error ({status}).",
            section=section,
            host=host,
            status=answer.status,
        )
        return [Item("failure", "engine", text, _("Look at that server's own log."))]
    place = place_of(engine.settings.place, [address])
    text = _(
        "[{section}] {host} answers in {took}, {place}.",
        section=section,
        host=host,
        took=f"{answer.seconds * 1000:.0f} ms",
        place=_(_PLACES[place]),
    )
    served = _models(answer)
    return [Item("ok", "engine", text), *_model(engine, host, served, _)]


def _models(answer: Answer) -> dict[str, int | None]:
    """Names with the longest context that the server tells; empty where it lists none."""
    listed = answer.value("data")
    found: dict[str, int | None] = {}
    for one in listed if isinstance(listed, list) else ():
        if isinstance(one, dict) and isinstance(one.get("id"), str):
            longest = one.get("max_model_len")
            found[one["id"]] = longest if isinstance(longest, int) else None
    return found


def _model(engine: PlannedEngine, host: str, served: dict[str, int | None], _: Words) -> list[Item]:
    """A server that lists nothing is not doubted: some do not."""
    section, model = engine.section, engine.settings.model
    if not served:
        return []
    if model is None:
        fix = f'[{section}] model = "{next(iter(served))}"'
        text = _("[{section}] names no model; {host} has several.", section=section, host=host)
        return [Item("warning", "engine", text, fix)] if len(served) > 1 else []
    if model not in served:
        text = _(
            "[{section}] {host} has no model {model}; it has {names}.",
            section=section,
            host=host,
            model=model,
            names=", ".join(list(served)[:_MOST_NAMED]),
        )
        return [Item("failure", "engine", text, f'[{section}] model = "{next(iter(served))}"')]
    longest, wanted = served[model], engine.settings.context_window
    if longest is None or wanted is None or wanted <= longest:
        return []
    text = _(
        "[{section}] {host} takes {longest} tokens at most, not {wanted}.",
        section=section,
        host=host,
        longest=longest,
        wanted=wanted,
    )
    return [Item("warning", "engine", text, f"[{section}] context_window = {longest}")]
