"""Engines in this process: whether their files and packages are there, and fit."""

from __future__ import annotations

import asyncio
import importlib.util
from collections.abc import Iterator
from pathlib import Path

from bot.checking import remote
from bot.checking.items import Item, Looked
from bot.models import wording
from bot.models.installed import models_folder
from bot.models.verification import verify
from bot.planning import PlannedEngine, is_hub_id, moved_words, too_large
from core.language import Words


async def look(looked: Looked) -> list[Item]:
    """All of them, in the order of the configuration; servers are asked."""
    found = await asyncio.gather(
        *(_looked_at(engine, looked) for engine in (await looked.local()).plan.engines)
    )
    return [item for items in found for item in items]


async def _looked_at(engine: PlannedEngine, looked: Looked) -> list[Item]:
    if engine.unplanned == "remote":
        return await remote.look(engine, looked)
    return await asyncio.to_thread(lambda: list(_engine(engine, looked)))


def _engine(engine: PlannedEngine, looked: Looked) -> Iterator[Item]:
    _ = looked.words
    model = str(engine.settings.model or "bundled")
    named = {"section": engine.section, "model": model}
    match engine.unplanned:
        case "none":
            text = _(
                "[{section}] quotes from the documents, without a model.", section=engine.section
            )
            yield Item("ok", "engine", text)
            return
        case "remote":
            return  # asked by itself
        case "missing":
            yield from _missing(engine, looked, model)
            return
        case "broken" | "shape":
            yield from _torn(engine, looked, model)
            return
        case None:
            pass
    yield from _packages(engine, looked)
    torn = list(_torn_files(engine, looked, model))
    yield from torn
    if engine.plan is not None and not engine.plan.fits:
        yield Item(
            "failure",
            "memory",
            _no_room(engine, model, _),
            _("python -m bot models recommend"),
        )
    elif engine.moved:
        yield Item(
            "warning",
            "memory",
            f"[{engine.section}] {moved_words(engine, _)}",
            'quantization = "4bit"' if engine.kind == "transformers" else "",
        )
    elif not torn:
        yield Item("ok", "engine", _("[{section}] runs {model} in this process.", **named))


def _missing(engine: PlannedEngine, looked: Looked, model: str) -> Iterator[Item]:
    _ = looked.words
    yield from _packages(engine, looked)
    text = _("[{section}] {model} is not here.", section=engine.section, model=model)
    if is_hub_id(engine):
        # It is fetched at the first start: no failure, but nothing to plan with.
        yield Item("warning", "engine", text, f"python -m bot models pull {model}")
    else:
        name = Path(model).parent.name if model.endswith(".gguf") else Path(model).name
        yield Item("failure", "engine", text, f"python -m bot models pull {name}")


def _torn(engine: PlannedEngine, looked: Looked, model: str) -> Iterator[Item]:
    _ = looked.words
    found = list(_torn_files(engine, looked, model))
    yield from found
    if found:
        return
    text = _(
        "[{section}] {model}: what memory it takes cannot be told from its config ({detail}).",
        section=engine.section,
        model=model,
        detail=engine.detail,
    )
    fix = _("Set max_concurrent and context_window yourself.")
    yield Item("warning", "memory", text, fix)


def _torn_files(engine: PlannedEngine, looked: Looked, model: str) -> Iterator[Item]:
    _ = looked.words
    path = Path(model).expanduser()
    if model == "bundled" or not path.exists():
        return
    inside = models_folder(looked.config) in path.parents
    name = path.parent.name if path.is_file() and inside else path.name
    for finding in verify(path, sums=False).findings:
        text = f"[{engine.section}] {wording.finding_words(finding, _)}"
        yield Item("failure", "engine", text, wording.mending_words(finding, name, _))


def _no_room(engine: PlannedEngine, model: str, _: Words) -> str:
    return _("{name}: {text}", name=f"[{engine.section}] {model}", text=too_large(engine, _))


def _packages(engine: PlannedEngine, looked: Looked) -> Iterator[Item]:
    _ = looked.words
    needed = dict.fromkeys(("torch", "transformers", "accelerate"), "local")
    if engine.kind != "transformers":
        needed = {"xllamacpp": ""}
    elif engine.settings.quantization != "none":
        needed["bitsandbytes"] = "quantized"
    for package, extra in needed.items():
        if importlib.util.find_spec(package) is None:
            text = _(
                "[{section}] needs the package {package}.", section=engine.section, package=package
            )
            fix = f'pip install "lorekeeper[{extra}]"' if extra else f"pip install {package}"
            yield Item("failure", "engine", text, fix)
            return
