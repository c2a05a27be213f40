"""The memory plan of the configured engines, and the configuration that follows from it."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass, replace
from functools import partial
from typing import Final, Literal, TypeAlias

from bot.errors import ConfigError, Problem
from bot.machine import Machine, computes_in_bf16, look
from bot.model_sizes import (
    BITS_OF,
    Files,
    embedder_bytes,
    embedders_bytes,
    files_of,
    reranker_bytes,
)
from bot.settings import Config
from core.engines.gguf import BrokenGgufError
from core.engines.memory import (
    GIB,
    Device,
    MemoryPlan,
    Part,
    Precision,
    Wishes,
    plan,
    weight_bytes,
)
from core.engines.shape import UnknownShapeError
from core.language import Words, words
from core.settings import EngineSettings

log = logging.getLogger(__name__)

Unplanned: TypeAlias = Literal["remote", "none", "missing", "broken", "shape"]
"""Why there is no plan: it runs elsewhere, it needs no memory worth counting, its files are not
there or broken, or their config lacks what the arithmetic needs."""

_CPU_SLOTS: Final = {"llama_cpp": 2, "transformers": 4}
"""On a processor more at once only makes everybody wait longer."""
_CPU_CONTEXT: Final = 4096
_BATCH_SPARE_BITS: Final = 19
"""Bits of a number in the cache of `transformers`: 16, a tenth to spare, and its column of the
mask."""
_CACHE_BITS: Final = {"f16": 16.0, "q8_0": 8.5, "q4_0": 4.5}
"""With the scale that each block of 32 numbers carries."""
_LLAMA_BATCH: Final = 128
_MOST_OF_RAM: Final = 0.9


@dataclass(frozen=True, slots=True)
class PlannedEngine:
    """An engine of the configuration with its plan."""

    section: str
    kind: str
    settings: EngineSettings
    """As configured; where it does not fit the card, with the processor as its device."""
    plan: MemoryPlan | None = None
    unplanned: Unplanned | None = None
    moved: bool = False
    """It was to run on the card and does not fit there."""
    needed: int = 0
    """Bytes of its weights and of what computing takes, without any cache."""
    detail: str = ""
    """Of what is unplanned: a file or a key."""
    share: float | None = None
    """Of the card's memory, what this process may take by now."""


@dataclass(frozen=True, slots=True)
class Beside:
    """What wants the card beside engines, in bytes."""

    embedders: int = 0
    reranker: int = 0


@dataclass(frozen=True, slots=True)
class Planned:
    """The whole plan."""

    engines: tuple[PlannedEngine, ...]
    embedder_bytes: int
    embedder_moved: bool
    """The embedder wanted the card and leaves it to answers."""
    reranker_moved: bool = False
    """Likewise."""


def kind_of(engine: EngineSettings) -> str:
    """What `auto` stands for: the configured model, else the engine that needs none."""
    if engine.kind != "auto":
        return engine.kind
    if engine.addresses:
        return "openai"
    if engine.model:
        return "llama_cpp" if engine.model.endswith((".gguf", "bundled")) else "transformers"
    return "extractive"


def planned(config: Config, machine: Machine) -> Planned:
    """Fit everything that the configuration puts into this process on what there is."""
    on_card = machine.card is not None and machine.card.by_torch
    wants = Beside()
    if on_card and config.embedding.device != "cpu":
        wants = Beside(embedders_bytes(config), reranker_bytes(config))
    engines: list[PlannedEngine] = []
    displaced: set[Part] = set()
    taken = taken_ram = 0
    counted = False
    for section, settings in _engines(config):
        beside = Beside() if counted else wants
        made = _planned(section, settings, _less(machine, taken, taken_ram), beside)
        plan_of_it = made.plan
        if plan_of_it is not None and plan_of_it.device.is_gpu:
            share = (taken + plan_of_it.budget) / plan_of_it.device.total_bytes
            made = replace(made, share=min(1.0, share))
            taken += plan_of_it.used
            displaced.update(plan_of_it.displaced)
            counted = True
        elif plan_of_it is not None:
            taken_ram += plan_of_it.used
        engines.append(made)
    return Planned(
        tuple(engines),
        embedder_bytes(config.embedding),
        Part.EMBEDDER in displaced,
        Part.RERANKER in displaced,
    )


def enforced(config: Config, machine: Machine) -> tuple[Config, Planned]:
    """The configuration with slots, context and devices as planned; notices go to the log.

    Raises `ConfigError` where a model fits nowhere, with what would fit.
    """
    whole = planned(config, machine)
    by_section = {one.section: one for one in whole.engines}
    for one in whole.engines:
        if one.plan is not None and not one.plan.fits and _may_fit(one.plan.device, one.needed):
            log.warning("%s: %s", one.section, too_large(one, words("en")))
        elif one.plan is not None and not one.plan.fits:
            raise ConfigError(Problem("", None, f"{one.section}.model", partial(too_large, one)))
        if one.moved:
            log.warning("%s: %s", one.section, moved_words(one, words("en")))
    embedding = config.embedding
    if whole.embedder_moved:
        embedding = replace(embedding, device="cpu")
        log.warning("the embedder runs on the processor: the card's memory goes to answers")
    if whole.reranker_moved:
        log.warning("the reranker runs on the processor: the card's memory goes to answers")
    return (
        replace(
            config,
            engine=_settled(by_section.get("engine"), config.engine),
            engines={
                name: _settled(by_section.get(f"engines.{name}"), engine)
                for name, engine in config.engines.items()
            },
            embedding=embedding,
            reranker_device="cpu" if whole.reranker_moved else config.reranker_device,
        ),
        whole,
    )


async def settled(config: Config) -> Config:
    """The configuration as this machine can bear it. Raises `ConfigError`."""
    local = [engine for _, engine in _engines(config) if kind_of(engine) in _CPU_SLOTS]
    if not local:
        return config
    made, _ = await asyncio.to_thread(lambda: enforced(config, look()))
    return made


def too_large(engine: PlannedEngine, _: Words) -> str:
    """Why a model fits nowhere, and what does."""
    needed, held = _gib(engine.needed), _gib(engine.plan.budget if engine.plan else 0)
    if engine.kind == "transformers" and engine.settings.quantization == "none":
        return _(
            "{needed} are needed for this model alone and {held} are free for it. What fits: "
            'quantization = "4bit", its GGUF file, or a smaller one: '
            "python -m bot models recommend",
            needed=needed,
            held=held,
        )
    return _(
        "{needed} are needed for this model alone and {held} are free for it. What fits: a file "
        "of fewer bits, or a smaller one: python -m bot models recommend",
        needed=needed,
        held=held,
    )


def moved_words(engine: PlannedEngine, _: Words) -> str:
    """What to say of a model that runs on the processor because the card is too small."""
    if engine.kind == "transformers":
        return _(
            "this model needs {needed} and does not fit the card: it runs on the processor, "
            'slowly. quantization = "4bit" or a GGUF file may fit',
            needed=_gib(engine.needed),
        )
    return _(
        "this model needs {needed} and does not fit the card: it runs on the processor, slowly. "
        "A GGUF file of fewer bits may fit",
        needed=_gib(engine.needed),
    )


def is_hub_id(engine: PlannedEngine) -> bool:
    """Whether what it names is fetched from a hub where it is not here."""
    model = str(engine.settings.model)
    is_path = model.startswith((".", "/", "~"))
    return engine.kind == "transformers" and model.count("/") == 1 and not is_path


def _engines(config: Config) -> list[tuple[str, EngineSettings]]:
    named = [(f"engines.{name}", engine) for name, engine in config.engines.items()]
    if named and kind_of(config.engine) == "extractive":
        return named
    return [("engine", config.engine), *named]


def _less(machine: Machine, taken: int, taken_ram: int) -> Machine:
    card = machine.card
    if card is not None:
        left = max(0, card.device.free_bytes - taken)
        card = replace(card, device=replace(card.device, free_bytes=left))
    ram = replace(machine.ram, free_bytes=max(0, machine.ram.free_bytes - taken_ram))
    return replace(machine, ram=ram, card=card)


def _planned(
    section: str, settings: EngineSettings, machine: Machine, beside: Beside
) -> PlannedEngine:
    kind = kind_of(settings)
    if kind not in _CPU_SLOTS:
        why: Unplanned = "remote" if kind == "openai" else "none"
        return PlannedEngine(section, kind, settings, unplanned=why)
    try:
        files = files_of(settings)
    except FileNotFoundError as error:
        missing = str(error.filename or settings.model)
        return PlannedEngine(section, kind, settings, unplanned="missing", detail=missing)
    except UnknownShapeError as error:
        return PlannedEngine(section, kind, settings, unplanned="shape", detail=error.missing)
    except (OSError, ValueError, BrokenGgufError) as error:
        return PlannedEngine(section, kind, settings, unplanned="broken", detail=str(error))
    card = _card_for(kind, settings, machine)
    if card is not None:
        on_card = _made(section, settings, card, files, beside)
        if on_card.plan is not None and on_card.plan.fits:
            return on_card
        on_cpu = replace(settings, device="cpu")
        return replace(_made(section, on_cpu, machine.ram, files, Beside()), moved=True)
    return _made(section, settings, machine.ram, files, Beside())


def _card_for(kind: str, settings: EngineSettings, machine: Machine) -> Device | None:
    if machine.card is None or settings.device == "cpu" or settings.gpu_layers == 0:
        return None
    usable = machine.card.by_llama if kind == "llama_cpp" else machine.card.by_torch
    return machine.card.device if usable else None


def _made(
    section: str, settings: EngineSettings, device: Device, files: Files, beside: Beside
) -> PlannedEngine:
    kind = kind_of(settings)
    is_cpu = not device.is_gpu
    weights = _weights(kind, settings, files, is_gpu=device.is_gpu)
    wishes = Wishes(
        slots=settings.max_concurrent or (_CPU_SLOTS[kind] if is_cpu else None),
        context=settings.context_window or (_CPU_CONTEXT if is_cpu else None),
        batch_tokens=_LLAMA_BATCH if is_cpu or kind == "llama_cpp" else 2048,
        embedder_bytes=beside.embedders,
        reranker_bytes=beside.reranker,
        cap_bytes=_cap(settings, device),
    )
    bits = _BATCH_SPARE_BITS if kind == "transformers" else _CACHE_BITS[settings.cache_type]
    made = plan(device, files.shape, weights, wishes, bits)
    needed = made.used - made.slots * made.slot_bytes
    return PlannedEngine(section, kind, settings, made, needed=needed)


def _may_fit(device: Device, needed: int) -> bool:
    """Memory that others hold now may be free in a moment; a card's is not waited for."""
    return not device.is_gpu and needed <= _MOST_OF_RAM * device.total_bytes


def _cap(settings: EngineSettings, device: Device) -> int | None:
    if settings.memory_share is None or not device.is_gpu:
        return None
    return int(settings.memory_share * device.total_bytes)


def _weights(kind: str, settings: EngineSettings, files: Files, *, is_gpu: bool) -> int:
    if kind == "llama_cpp" or not files.bytes_on_disk:
        return files.bytes_on_disk or weight_bytes(files.shape, Precision.BF16)
    if settings.quantization != "none":
        precision = Precision.INT8 if settings.quantization == "8bit" else Precision.INT4
        return weight_bytes(files.shape, precision)
    wanted = BITS_OF.get(settings.dtype, 16 if is_gpu or computes_in_bf16() else 32)
    if str(settings.model).endswith(".gguf"):  # transformers unpacks what it reads
        return files.shape.parameters * wanted // 8
    return (
        files.bytes_on_disk * wanted // files.stored_bits
        if files.stored_bits
        else (files.bytes_on_disk)
    )


def _settled(one: PlannedEngine | None, configured: EngineSettings) -> EngineSettings:
    """Slots and context as planned. `transformers` takes its slots from the plan where it loads."""
    if one is None or one.plan is None:
        return configured
    return replace(
        one.settings,
        max_concurrent=max(1, one.plan.slots),
        context_window=one.plan.context,
        memory_share=one.share if one.kind == "transformers" else None,
    )


def _gib(size: int) -> str:
    return f"{size / GIB:.1f} GiB"
