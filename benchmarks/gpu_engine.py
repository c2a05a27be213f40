"""(u) The `transformers` engine on a card: random weights of the Llama-3-8B shape in bfloat16.

Members ask at once, each a prompt of 1,500 tokens of its own, and get 256 tokens through queue and
stream. Beside them in the same run: plain `generate`, one question after another; the library's
own `generate_batch` with the same cache; a copy within the card's memory, for the limit that
reading the weights sets. All of it once more under a cap of memory. `--tiny` shows on a CPU that
everything runs; its figures mean nothing.

    python -m benchmarks.gpu_engine --out figures.json
"""

from __future__ import annotations

import argparse
import asyncio
import json
import math
import platform
import statistics
import sys
import time
from collections.abc import Sequence
from contextlib import aclosing
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from benchmarks.pairing import percentile, say
from benchmarks.random_models import (
    LARGE,
    TINY,
    Shape,
    engine_of,
    library_answers,
    library_batching,
    messages,
    prompts,
    random_model,
)
from core.engines.base import EngineDelta, EngineFinished, GenerationOptions
from core.engines.queue import Asker
from core.engines.queued import QueuedEngine
from core.engines.transformers_life import BatchPlan
from core.events import ChannelRef, Platform
from core.settings import EngineSettings

if TYPE_CHECKING:
    from transformers import PreTrainedModel

GIB: Final = 1 << 30
RESERVE_GIB: Final = 2.0
"""For what a step computes with, and the library's own buffers."""
ALONE: Final = 4
"""Questions that plain `generate` is timed on; it takes one at a time, so more tell nothing new."""


@dataclass(frozen=True, slots=True)
class Work:
    """What is measured with."""

    shape: Shape
    device: str
    prompt: int
    answer: int
    members: tuple[int, ...]
    cap_gib: float


@dataclass(frozen=True, slots=True)
class Figures:
    """One load: tokens a second in all, seconds to the first token, decoding of one member."""

    members: int
    slots: int
    tokens_a_second: float
    first_median: float
    first_p95: float
    decoding: float
    """Tokens a second that a member sees after the first."""


async def ask(
    queued: QueuedEngine, member: int, prompt: list[int], answer: int
) -> tuple[float, float]:
    """Seconds to the first words, and to the end."""
    asker = Asker(ChannelRef(Platform.TERMINAL, str(member)), str(member))
    options = GenerationOptions(max_tokens=answer, temperature=0.0)
    start, first = time.perf_counter(), math.nan
    async with aclosing(queued.generate(messages(prompt), options, asker)) as events:
        async for event in events:
            if isinstance(event, EngineDelta) and math.isnan(first):
                first = time.perf_counter() - start
            elif isinstance(event, EngineFinished):
                assert event.usage.completion_tokens == answer
    return first, time.perf_counter() - start


async def load_of(queued: QueuedEngine, work: Work, members: int, seed: int) -> Figures:
    """All members ask at the same moment."""
    asked = prompts(members, work.prompt, work.shape.vocabulary, seed)
    start = time.perf_counter()
    times = await asyncio.gather(
        *(ask(queued, n, prompt, work.answer) for n, prompt in enumerate(asked))
    )
    seconds = time.perf_counter() - start
    firsts = [first for first, _end in times]
    return Figures(
        members,
        queued.engine.slots,
        members * work.answer / seconds,
        statistics.median(firsts),
        percentile(firsts, 0.95),
        statistics.median((work.answer - 1) / (end - first) for first, end in times),
    )


def plan_for(work: Work, slots: int) -> BatchPlan:
    window = work.prompt + work.answer + 64
    step = 2048 if work.device == "cuda" else 256
    return BatchPlan(slots, window, step_tokens=max(step, slots))


def slots_under(work: Work, model: PreTrainedModel) -> int:
    """How many members at once the cap leaves cache for; all where there is no card."""
    most = max(work.members)
    if work.device != "cuda":
        return most
    shape, plan = work.shape, plan_for(work, most)
    token = 2 * 2 * shape.layers * shape.key_value_heads * (shape.hidden // shape.heads)
    free = work.cap_gib * GIB - weights_of(model) - RESERVE_GIB * GIB
    slots = most
    while slots > 1:
        sized = replace(plan, slots=slots)
        tokens = sized.pages * sized.page_tokens
        mask = 2 * sized.step_tokens * (tokens + sized.step_tokens)
        if tokens * token + mask <= free:
            break
        slots -= 1
    return slots


def weights_of(model: PreTrainedModel) -> int:
    return sum(weights.numel() * weights.element_size() for weights in model.parameters())


async def ours(model: PreTrainedModel, work: Work, slots: int) -> list[Figures]:
    figures = []
    async with engine_of(model, plan_for(work, slots), work.answer) as engine:
        queued = QueuedEngine.of(engine, EngineSettings(request_timeout_seconds=3600))
        await load_of(queued, work, 1, seed=999)  # what is compiled and allocated once
        for members in work.members:
            figures.append(await load_of(queued, work, members, seed=members))
            told(figures[-1])
        await queued.aclose()
    return figures


def told(one: Figures) -> None:
    say(
        f"  {one.members:3d} members, {one.slots} slots: {one.tokens_a_second:8.1f} tokens/s; "
        f"first token {one.first_median:.2f} s (95 %: {one.first_p95:.2f} s); "
        f"each {one.decoding:.1f}/s"
    )


def one_by_one(model: PreTrainedModel, work: Work) -> float:
    """Tokens a second of plain `generate`."""
    import torch

    generate: Any = model.generate
    asked = prompts(ALONE + 1, work.prompt, work.shape.vocabulary, 5)
    start = 0.0
    for number, prompt in enumerate(asked):
        if number == 1:  # the first is for what is done once
            start = time.perf_counter()
        ids = torch.tensor([prompt], device=model.device)
        made = generate(
            ids,
            attention_mask=torch.ones_like(ids),
            max_new_tokens=work.answer,
            min_new_tokens=work.answer,
            do_sample=False,
        )
        assert made.shape[1] == work.prompt + work.answer
    return ALONE * work.answer / (time.perf_counter() - start)


def batched(model: PreTrainedModel, work: Work) -> dict[int, float]:
    """Tokens a second of the library's own batch generation, without queue and streams."""
    manager = library_batching(model, plan_for(work, max(work.members)))
    manager.start()
    rates = {}
    try:
        library_answers(manager, prompts(1, work.prompt, work.shape.vocabulary, 998), work.answer)
        for members in work.members:
            asked = prompts(members, work.prompt, work.shape.vocabulary, 7000 + members)
            start = time.perf_counter()
            library_answers(manager, asked, work.answer)
            rates[members] = members * work.answer / (time.perf_counter() - start)
    finally:
        manager.stop(block=True, hard_stop=True)
    return rates


def bandwidth(device: str) -> float:
    """Bytes a second that the device's memory moves: half of a copy reads, half of it writes."""
    import torch

    size = 4 * GIB if device == "cuda" else GIB // 16
    source = torch.empty(size, dtype=torch.uint8, device=device)
    target = torch.empty_like(source)
    best = math.inf
    for _ in range(5):
        synchronise(device)
        start = time.perf_counter()
        target.copy_(source)
        synchronise(device)
        best = min(best, time.perf_counter() - start)
    return 2 * size / best


def synchronise(device: str) -> None:
    import torch

    if device == "cuda":
        torch.cuda.synchronize()


def versions(device: str) -> dict[str, str]:
    import torch
    import transformers

    named = {
        "python": platform.python_version(),
        "torch": str(torch.__version__),
        "transformers": str(transformers.__version__),
        "device": torch.cuda.get_device_name() if device == "cuda" else "cpu",
        "cuda": str(torch.version.cuda),
    }
    say("; ".join(f"{name} {value}" for name, value in named.items()))
    return named


def compared(model: PreTrainedModel, work: Work, figures: Sequence[Figures]) -> dict[str, float]:
    """The figures beside what they are measured against."""
    rates = {one.members: one.tokens_a_second for one in figures}
    plain = one_by_one(model, work)
    say(f"  plain generate, one after another: {plain:.1f} tokens/s")
    moved = bandwidth(work.device)
    limit = moved / weights_of(model)
    alone = figures[0].decoding
    say(f"  memory moves {moved / 1e9:.0f} GB/s: at most {limit:.1f} tokens/s of one member")
    found = {"plain": plain, "bandwidth": moved, "share of the bandwidth limit": alone / limit}
    for members, library in batched(model, work).items():
        found[f"generate_batch {members}"] = library
        found[f"ours over generate_batch {members}"] = rates[members] / library
        found[f"ours over plain {members}"] = rates[members] / plain
    for name, value in found.items():
        say(f"  {name}: {value:.3f}")
    return found


async def measured(work: Work) -> dict[str, object]:
    import torch

    report: dict[str, object] = {"versions": versions(work.device)}
    model = random_model(work.shape, work.device, torch.bfloat16)
    say(f"weights: {weights_of(model) / GIB:.2f} GiB, without a cap:")
    free = await ours(model, work, max(work.members))
    report["free"] = [asdict(one) for one in free]
    report["compared"] = await asyncio.to_thread(compared, model, work, free)
    if work.device == "cuda":
        total = torch.cuda.get_device_properties(0).total_memory
        torch.cuda.empty_cache()
        torch.cuda.set_per_process_memory_fraction(min(1.0, work.cap_gib * GIB / total))
    say(f"under a cap of {work.cap_gib:g} GiB:")
    capped = await ours(model, work, slots_under(work, model))
    report["capped"] = [asdict(one) for one in capped]
    return report


def main() -> int:
    """Whatever the figures are, they are told: 0."""
    import torch

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tiny", action="store_true", help="a tiny model on the CPU")
    parser.add_argument("--members", default=None, help="such as 1,8,32,64")
    parser.add_argument("--cap-gib", type=float, default=22.0)
    parser.add_argument("--out", type=Path, help="a file for the figures, as JSON")
    given = parser.parse_args()
    tiny = given.tiny or not torch.cuda.is_available()
    if tiny and not given.tiny:
        say("no CUDA card: the tiny model on the CPU; its figures mean nothing")
    counts = given.members or ("1,4,8" if tiny else "1,8,32,64")
    work = Work(
        shape=TINY if tiny else LARGE,
        device="cpu" if tiny else "cuda",
        prompt=150 if tiny else 1500,
        answer=16 if tiny else 256,
        members=tuple(int(count) for count in counts.split(",")),
        cap_gib=given.cap_gib,
    )
    report = asyncio.run(measured(work))
    if given.out is not None:
        given.out.write_text(json.dumps(report, indent=1), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
