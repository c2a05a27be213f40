"""(t) The `transformers` engine on a CPU, random weights of the 135M shape in bfloat16.

Eight members at once through queue and engine, against eight `generate` calls one after another,
and against the library's own continuous batching with the same slots, cache and prompts.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
from contextlib import aclosing
from functools import partial
from typing import TYPE_CHECKING, Any

from benchmarks.pairing import measure, say, verdict
from benchmarks.random_models import (
    SMALL,
    engine_of,
    library_answers,
    library_batching,
    messages,
    prompts,
    random_model,
)
from core.engines.base import EngineFinished, GenerationOptions
from core.engines.queue import Asker
from core.engines.queued import QueuedEngine
from core.engines.transformers_life import BatchPlan
from core.events import ChannelRef, Platform
from core.settings import EngineSettings

if TYPE_CHECKING:
    from transformers import PreTrainedModel

MEMBERS = 8
PROMPT = 64
ANSWER = 40
PAIRS = 7
PLAN = BatchPlan(slots=MEMBERS, context_window=512, step_tokens=512)
LEAST_GAIN = 4.0
MOST_COST = 1.05


async def ask(queued: QueuedEngine, member: int, prompt: list[int], answer: int) -> int:
    """One member's question through the queue; how many tokens came."""
    asker = Asker(ChannelRef(Platform.TERMINAL, str(member)), str(member))
    options = GenerationOptions(max_tokens=answer, temperature=0.0)
    async with aclosing(queued.generate(messages(prompt), options, asker)) as events:
        async for event in events:
            if isinstance(event, EngineFinished):
                return event.usage.completion_tokens
    raise AssertionError


async def all_at_once(queued: QueuedEngine, answer: int, pair: int) -> None:
    """Every member at the same time."""
    asked = prompts(MEMBERS, PROMPT, SMALL.vocabulary, pair)
    counts = await asyncio.gather(*(ask(queued, n, p, answer) for n, p in enumerate(asked)))
    assert counts == [answer] * MEMBERS, counts


def one_by_one(model: PreTrainedModel, answer: int, pair: int) -> None:
    """The library's plain way."""
    import torch

    generate: Any = model.generate
    for prompt in prompts(MEMBERS, PROMPT, SMALL.vocabulary, pair):
        made = generate(
            torch.tensor([prompt]),
            attention_mask=torch.ones(1, PROMPT, dtype=torch.long),
            max_new_tokens=answer,
            do_sample=False,
        )
        assert made.shape[1] == PROMPT + answer


async def main(pairs: int = PAIRS, answer: int = ANSWER) -> bool:
    """Whether both limits hold."""
    import torch
    import transformers

    model = random_model(SMALL, "cpu", torch.bfloat16)
    threads = torch.get_num_threads()
    say(f"torch {torch.__version__}, transformers {transformers.__version__}, {threads} threads")
    manager = library_batching(model, PLAN)
    manager.start()
    try:
        async with engine_of(model, PLAN, answer) as engine:
            queued = QueuedEngine.of(engine, EngineSettings())
            ours = partial(all_at_once, queued, answer)

            async def bare(pair: int) -> None:
                asked = prompts(MEMBERS, PROMPT, SMALL.vocabulary, pair)
                await asyncio.to_thread(library_answers, manager, asked, answer)

            async def plain(pair: int) -> None:
                await asyncio.to_thread(one_by_one, model, answer, pair)

            await ours(-1)
            await bare(-1)
            cost = await measure(ours, bare, pairs)
            gain = await measure(plain, partial(_later, ours), pairs)
    finally:
        manager.stop(block=True, hard_stop=True)
    rate = MEMBERS * answer / sorted(cost.ours)[len(cost.ours) // 2]
    say(f"  {MEMBERS} members at once: {rate:.1f} tokens a second")
    say(f"  time against the library's batching: {cost.spread()}")
    say(f"  gain over one after another: {gain.spread()}")
    cheap = verdict("  time against the library's batching", cost.ratio, MOST_COST)
    fast = verdict("  gain over one after another", gain.ratio, LEAST_GAIN, at_least=True)
    return cheap and fast


async def _later(ours: Any, pair: int) -> None:
    """With prompts that were not asked before: what was read is not read again."""
    await ours(1000 + pair)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pairs", type=int, default=PAIRS)
    parser.add_argument("--answer", type=int, default=ANSWER)
    given = parser.parse_args()
    sys.exit(not asyncio.run(main(given.pairs, given.answer)))
