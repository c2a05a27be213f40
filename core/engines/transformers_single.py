"""Requests one after another, for models that the library cannot batch: RWKV, Mamba, hybrids."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TYPE_CHECKING, Any

from core.engines.transformers_batch import Ask
from core.engines.transformers_life import BatchPlan, memory_ran_out
from core.engines.transformers_sampling import Sampling
from core.errors import EngineError, EngineMemoryError, EngineUnavailableError
from core.shielding import to_the_end

if TYPE_CHECKING:
    import torch
    from transformers import PreTrainedModel

_log = logging.getLogger(__name__)


class Single:
    """Takes what `Batch` takes, and has one slot. A stop takes effect after the token at work; a
    prompt is read in one go, and cannot be stopped meanwhile."""

    def __init__(
        self, name: str, model: PreTrainedModel, plan: BatchPlan, ends: frozenset[int]
    ) -> None:
        self._name = name
        self._model = model
        self._ends = sorted(ends)
        self.plan = plan
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="generation")
        self._stops: dict[Ask, threading.Event] = {}
        self._closed = False

    def submit(self, prompt: Sequence[int], limit: int, sampling: Sampling) -> Ask:
        """As of a batch; waits in this thread's line where another is being answered."""
        if self._closed:
            raise EngineUnavailableError(self._name)
        ask, stop = Ask(prompt, limit, sampling), threading.Event()
        self._stops[ask] = stop
        loop = asyncio.get_running_loop()
        work = loop.run_in_executor(self._thread, self._generate, ask, stop, loop)
        work.add_done_callback(partial(self._ended, ask))
        return ask

    async def release(self, ask: Ask) -> None:
        """Stop computing for it, and return when that is so."""
        if not ask.settled.is_set():
            self._stops[ask].set()
            await to_the_end(ask.wait())

    async def aclose(self) -> None:
        """Break off every request and end the thread."""
        self._closed = True
        for stop in self._stops.values():
            stop.set()
        for ask in list(self._stops):
            await to_the_end(ask.wait())
        await asyncio.to_thread(self._thread.shutdown)

    def _generate(self, ask: Ask, stop: threading.Event, loop: asyncio.AbstractEventLoop) -> None:
        import torch

        if stop.is_set():
            return
        model: Any = self._model
        temperature, top_p = ask.keywords["temperature"], ask.keywords["top_p"]
        drawn = {"do_sample": True, "temperature": temperature, "top_p": top_p, "top_k": 64}
        ids = torch.tensor([ask.prompt], device=self._model.device)
        torch.manual_seed(int(ask.keywords["seed"]))
        model.generate(
            ids,
            attention_mask=torch.ones_like(ids),
            max_new_tokens=ask.limit,
            eos_token_id=self._ends or None,
            pad_token_id=self._ends[0] if self._ends else 0,
            streamer=_Ear(lambda tokens: loop.call_soon_threadsafe(ask.hear, tokens)),
            stopping_criteria=[partial(_told_to_stop, stop)],
            **(drawn if temperature > 0.0 else {"do_sample": False}),
        )

    def _ended(self, ask: Ask, work: asyncio.Future[None]) -> None:
        self._stops.pop(ask, None)
        error = work.exception()
        failure: EngineError | None = None
        if self._closed:
            failure = EngineUnavailableError(self._name)
        elif memory_ran_out(error):
            failure = EngineMemoryError(self._name, len(ask.prompt))
            _free()
        elif error is not None:
            _log.error("%s failed", self._name, exc_info=error)
            failure = EngineUnavailableError(self._name)
        ask.settle(failure)


class _Ear:
    """What `generate` tells its tokens to; the first it tells is the prompt."""

    def __init__(self, hear: Callable[[list[int]], object]) -> None:
        self._hear = hear
        self._begun = False

    def put(self, value: torch.Tensor) -> None:
        if self._begun:
            self._hear(value.flatten().tolist())
        self._begun = True

    def end(self) -> None:
        """The thread's own end says so."""


def _told_to_stop(
    stop: threading.Event, ids: torch.Tensor, _scores: object, **_more: object
) -> torch.Tensor:
    import torch

    return torch.full((ids.shape[0],), stop.is_set(), dtype=torch.bool, device=ids.device)


def _free() -> None:
    import torch

    if torch.cuda.is_available():
        torch.cuda.empty_cache()
