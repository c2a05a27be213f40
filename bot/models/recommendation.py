"""Which models suit this machine: for quality, for speed, and between."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

from bot.machine import Machine
from bot.models.catalogue import Recommended
from core.engines.memory import Device, MemoryPlan, Wishes, plan

Aim: TypeAlias = Literal["quality", "balanced", "fast"]

_BEARABLE: Final = 5.0
"""Tokens a second for one reader: about as fast as one reads."""
_AT_ONCE: Final = 50.0
"""So fast that nobody waits for the end of an answer."""
_EFFICIENCY: Final = 0.6
"""Of a memory's bandwidth, as engines reach it when one answer is written."""
_CARD_SLOTS: Final = 16
"""Of `llama_cpp`, whose slots share the computing more than those of `transformers`."""
_CPU_SLOTS: Final = 2
_CPU_CONTEXT: Final = 4096
_THREADS_THAT_HELP: Final = 4
"""Past it, cores wait for the same memory."""
_GIGABYTES_A_CORE: Final = 7.0
"""Of 4-bit weights that a core computes with in a second (measured with llama.cpp, AVX-512)."""
_MOST_ON_CPU: Final = 40.0
"""Gigabytes a second that few desktops' memories exceed under an engine's load."""


@dataclass(frozen=True, slots=True)
class Suitable:
    """A model that fits, and how it would do here."""

    model: Recommended
    plan: MemoryPlan
    tokens_a_second: float
    """For one reader alone; an estimate from the memory's bandwidth."""

    @property
    def on_card(self) -> bool:
        return self.plan.device.is_gpu


@dataclass(frozen=True, slots=True)
class Choice:
    """One of the three."""

    aim: Aim
    suitable: Suitable


def suitable(
    models: Iterable[Recommended], machine: Machine, ram_bandwidth: Callable[[], float]
) -> tuple[Suitable, ...]:
    """Every model that fits the card or, if none can use it, the memory; best first."""
    found = []
    memory = min(ram_bandwidth() * min(machine.cores, _THREADS_THAT_HELP), _MOST_ON_CPU)
    # Whichever is less: what memory gives, or what the cores can do with it.
    speed = min(memory, machine.cores * _GIGABYTES_A_CORE / _EFFICIENCY)
    for model in models:
        card = _card_for(model, machine)
        if card is not None:
            bandwidth = machine.card.bandwidth if machine.card else None
            made = _made(model, card, bandwidth or 300.0)
            if made.plan.fits:
                found.append(made)
                continue
        if model.engine == "llama_cpp":  # whole weights on a processor are too slow for anybody
            made = _made(model, machine.ram, speed)
            if made.plan.fits:
                found.append(made)
    return tuple(sorted(found, key=lambda one: -one.model.rank))


def choices(found: Iterable[Suitable], languages: Collection[str] = ("en", "zh")) -> list[Choice]:
    """Up to three, each another model, among those that write all of these languages.

    For quality the best that is not slower than one reads; for speed the best that is ready at
    once, else the fastest; between them the best of those that are faster than the first.
    """
    left = [one for one in found if set(languages) <= set(one.model.languages)]
    if not left:
        return []
    quality = _best(left, _BEARABLE)
    left.remove(quality)
    made = [Choice("quality", quality)]
    if left:
        fast = _best(left, max(_AT_ONCE, quality.tokens_a_second))
        left.remove(fast)
        between = [one for one in left if one.tokens_a_second > quality.tokens_a_second]
        if left:
            made.append(Choice("balanced", _by_rank(between) or _fastest(left)))
        made.append(Choice("fast", fast))
    return made


def _best(found: Collection[Suitable], enough: float) -> Suitable:
    fast = [one for one in found if one.tokens_a_second >= enough]
    return _by_rank(fast) or _fastest(found)


def _fastest(found: Collection[Suitable]) -> Suitable:
    return max(found, key=lambda one: one.tokens_a_second)


def _by_rank(found: Collection[Suitable]) -> Suitable | None:
    return max(found, key=lambda one: one.model.rank, default=None)


def _card_for(model: Recommended, machine: Machine) -> Device | None:
    card = machine.card
    if card is None or not (card.by_llama if model.engine == "llama_cpp" else card.by_torch):
        return None
    return card.device


def _made(model: Recommended, device: Device, bandwidth: float) -> Suitable:
    wishes = Wishes(
        slots=(_CARD_SLOTS if model.engine == "llama_cpp" else None)
        if device.is_gpu
        else _CPU_SLOTS,
        context=None if device.is_gpu else _CPU_CONTEXT,
        batch_tokens=128 if not device.is_gpu else 1024,
    )
    made = plan(device, model.shape, model.size_bytes, wishes)
    read = model.size_bytes * min(1.0, model.active / model.parameters)
    return Suitable(model, made, bandwidth * 1e9 * _EFFICIENCY / read)
