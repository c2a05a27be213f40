"""One memory plan: what goes on the device, what gives way, and how many answers fit at once.

Arithmetic alone: nothing is loaded and no device is asked, so that every case can be tested and
printed before anything is tried.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from core.engines.shape import ModelShape

GIB: Final = 1024**3
_USABLE: Final = 0.94
"""Of a card's memory: allocators lose a few per cent between their blocks."""
_RUNTIME_BYTES: Final = 640 * 1024**2
"""What the CUDA runtime and its libraries take in a process, before any tensor."""
_ACTIVATIONS_PER_TOKEN: Final = 24
"""Numbers of the hidden size that are alive at once for each token of a batch."""
_CONTEXT: Final = 8192
"""Tokens of a slot where nothing is set: question, passages, history and answer with room."""
_SMALLEST_CONTEXT: Final = 2048
_ENOUGH_SLOTS: Final = 4
"""Below this, embedder and reranker leave the card to answers."""
_MOST_SLOTS: Final = 64
"""Past it a batch gives little more, and each of its members waits longer for a word."""


class Precision(StrEnum):
    """How weights lie in memory."""

    FP32 = "fp32"
    BF16 = "bf16"
    INT8 = "int8"
    INT4 = "int4"


_BITS: Final = {
    Precision.FP32: 32.0,
    Precision.BF16: 16.0,
    Precision.INT8: 8.5,
    Precision.INT4: 4.5,
}
"""A parameter's bits, with the scales that blocks of quantised ones carry."""


class Part(StrEnum):
    """What takes memory on the device."""

    WEIGHTS = "weights"
    CACHE = "cache"
    RESERVE = "reserve"
    EMBEDDER = "embedder"
    RERANKER = "reranker"


@dataclass(frozen=True, slots=True)
class Device:
    """Where a model may run."""

    name: str
    is_gpu: bool
    total_bytes: int
    free_bytes: int

    @property
    def budget(self) -> int:
        """Bytes that a plan may use."""
        share = _USABLE if self.is_gpu else 0.7  # the system and everything else live in RAM too
        return min(self.free_bytes, int(self.total_bytes * share))


@dataclass(frozen=True, slots=True)
class Wishes:
    """What the operator set, and what else wants the device; None is left to the plan."""

    slots: int | None = None
    context: int | None = None
    batch_tokens: int = 1024
    """Tokens that one step of the engine reads at most."""
    embedder_bytes: int = 0
    reranker_bytes: int = 0
    cap_bytes: int | None = None
    """Take no more than this, however much there is."""


@dataclass(frozen=True, slots=True)
class MemoryPlan:
    """Which part takes how much, and how many answers of which length fit."""

    device: Device
    budget: int
    parts: tuple[tuple[Part, int], ...]
    """On the device."""
    displaced: tuple[Part, ...]
    """What wanted the device and goes to the CPU, in the order in which it left."""
    slots: int
    context: int
    slot_bytes: int
    """Cache of one slot."""
    wanted_slots: int | None = None
    wanted_context: int | None = None

    @property
    def used(self) -> int:
        """Bytes on the device in all."""
        return sum(size for _, size in self.parts)

    @property
    def fits(self) -> bool:
        """False where not even one short answer fits beside the weights."""
        return self.slots > 0

    @property
    def fraction(self) -> float:
        """The share of the device's memory that this process may take."""
        return min(1.0, self.budget / self.device.total_bytes)


def weight_bytes(shape: ModelShape, precision: Precision) -> int:
    """Bytes of the weights. Quantisation leaves the embeddings in 16 bits."""
    bits = _BITS[precision]
    return int(shape.other_parameters * bits / 8 + shape.embedding_parameters * max(bits, 16.0) / 8)


def plan(
    device: Device, shape: ModelShape, weights: int, wishes: Wishes, cache_bits: float = 16
) -> MemoryPlan:
    """Fit a model of `weights` bytes and what stands beside it on the device.

    What does not fit leaves the device in this order: the reranker, the embedder, slots, length of
    context; at last the model itself, which the caller sees from `fits`. Slots and context that
    were set are kept where they fit and lowered where they do not.
    """
    budget = min(device.budget, wishes.cap_bytes or device.budget)
    fixed = weights + reserve(device, shape, wishes.batch_tokens)
    window = min(wishes.context or _CONTEXT, shape.window)
    enough = wishes.slots or _ENOUGH_SLOTS

    def slot(context: int) -> int:
        return int(shape.cache_numbers(context) * cache_bits / 8)

    def made(beside: tuple[tuple[Part, int], ...], context: int) -> MemoryPlan:
        left = budget - fixed - sum(size for _, size in beside)
        room = max(0, left // slot(context))
        slots = min(room, wishes.slots or _MOST_SLOTS)
        kept = {part for part, _ in beside}
        return MemoryPlan(
            device=device,
            budget=budget,
            parts=(
                (Part.WEIGHTS, weights),
                (Part.CACHE, slots * slot(context)),
                (Part.RESERVE, fixed - weights),
                *beside,
            ),
            displaced=tuple(part for part, _ in reversed(_beside(wishes)) if part not in kept),
            slots=slots,
            context=context,
            slot_bytes=slot(context),
            wanted_slots=wishes.slots,
            wanted_context=wishes.context,
        )

    for beside in _ever_less(wishes):
        if (whole := made(beside, window)).slots >= enough:
            return whole
    alone = [made((), context) for context in _ever_shorter(window)]
    return next((found for found in alone if found.fits), alone[-1])


def reserve(device: Device, shape: ModelShape, batch_tokens: int) -> int:
    """Bytes for the runtime and for the numbers of one step, the largest of which are logits."""
    runtime = _RUNTIME_BYTES if device.is_gpu else 0
    step = batch_tokens * shape.hidden * _ACTIVATIONS_PER_TOKEN * 2
    logits = min(batch_tokens, 2 * _MOST_SLOTS) * shape.vocabulary * 4
    return runtime + step + logits


def _beside(wishes: Wishes) -> tuple[tuple[Part, int], ...]:
    wanted = ((Part.EMBEDDER, wishes.embedder_bytes), (Part.RERANKER, wishes.reranker_bytes))
    return tuple((part, size) for part, size in wanted if size)


def _ever_less(wishes: Wishes) -> Iterator[tuple[tuple[Part, int], ...]]:
    beside = _beside(wishes)
    for kept in range(len(beside), -1, -1):
        yield beside[:kept]


def _ever_shorter(context: int) -> Iterator[int]:
    yield context
    while context > _SMALLEST_CONTEXT:
        context = max(context // 2, _SMALLEST_CONTEXT)
        yield context
