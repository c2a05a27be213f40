"""Which models suit this machine: for quality, for speed, and between."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

from bot.machine import Machine
from bot.models.catalogue import Recommended
from core.engines.memory import Device, MemoryPlan, Wishes, plan

Aim: TypeAlias = Literal["quality", "balanced", "fast"]

_ENOUGH: Final[dict[Aim, float]] = {"quality": 6.0, "balanced": 20.0, "fast": 50.0}
"""Tokens a second for one reader: what can be borne, faster than one reads, at once."""
_EFFICIENCY: Final = 0.6
"""Of a memory's bandwidth, as engines reach it when one answer is written."""
_CARD_SLOTS: Final = 16
"""Of `llama_cpp`, whose slots share the computing more than those of `transformers`."""
_CPU_SLOTS: Final = 2
_CPU_CONTEXT: Final = 4096
_THREADS_THAT_HELP: Final = 4
"""Past it, cores wait for the same memory."""


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
    speed = ram_bandwidth() * min(machine.cores, _THREADS_THAT_HELP)
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


def choices(found: Iterable[Suitable]) -> tuple[Choice, ...]:
    """Up to three, each another model: the best that is fast enough for each aim."""
    left = list(found)
    made: list[Choice] = []
    for aim, enough in _ENOUGH.items():
        if not left:
            break
        fast = [one for one in left if one.tokens_a_second >= enough]
        best = fast[0] if fast else max(left, key=lambda one: one.tokens_a_second)
        made.append(Choice(aim, best))
        left.remove(best)
        # Each further choice is to be faster than the one before it.
        left = [one for one in left if one.tokens_a_second > best.tokens_a_second]
    return tuple(made)


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
