"""Models in this process by torch and transformers, many requests to a step."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Final, Literal

from core.engines.base import (
    ChatMessage,
    EngineDelta,
    EngineEvent,
    EngineFinished,
    GenerationOptions,
)
from core.engines.detokenising import Detokeniser, StopStrings
from core.engines.transformers_batch import Batch
from core.engines.transformers_life import OPENING_ERRORS, BatchPlan, memory_ran_out
from core.engines.transformers_model import LoadedModel, load_model
from core.engines.transformers_progress import LoadProgress
from core.engines.transformers_sampling import Sampling
from core.engines.transformers_single import Single
from core.errors import ContextTooLongError, EngineUnavailableError, ModelNotLoadedError
from core.replies import Usage
from core.settings import EngineSettings
from core.shielding import to_the_end

_log = logging.getLogger(__name__)

_TEMPERATURE: Final = 0.2
"""Answers from passages are to stay with them."""
_TOP_P: Final = 0.95
_SLOTS: Final = {"cuda": 16, "cpu": 4}
_CONTEXT_WINDOW: Final = {"cuda": 8192, "cpu": 4096}
_STEP_TOKENS: Final = {"cuda": 2048, "cpu": 128}
"""On a CPU a step of more would hold up everybody's next word for a second."""
_SHARE_OF_FREE_MEMORY: Final = 0.8
"""Of a card's, for the cache; the rest is for what a step computes with."""


class TransformersEngine:
    """A model with several slots, made by `load`.

    A stop takes effect before the next step, which is one token or a part of a prompt: closing a
    stream waits for that.
    """

    def __init__(self, loaded: LoadedModel, batch: Batch | Single, longest_answer: int) -> None:
        """The batch has been started; its plan says how many requests it serves at once."""
        self._loaded = loaded
        self._batch = batch
        self._longest_answer = longest_answer
        # One thread: a tokenizer is not to be asked from two at once.
        self._tokenizing = ThreadPoolExecutor(1, thread_name_prefix=f"tokens {loaded.name}")
        self._closed = False

    @classmethod
    async def load(
        cls,
        settings: EngineSettings,
        threads: int,
        plan: BatchPlan | None = None,
        progress: LoadProgress = lambda _stage, _share: None,
    ) -> TransformersEngine:
        """Load the model in a thread; `progress` is called from there.

        The plan's context window is cut to what the model was trained on. Without a plan, slots
        and context window follow from the settings. Raises `ModelNotLoadedError`.
        """
        loaded = await asyncio.to_thread(load_model, settings, threads, progress)
        if loaded.fallback:
            _log.warning("%s runs on the CPU, slowly: there is no CUDA card", loaded.name)
        own = plan or _plan(settings, "cuda" if loaded.on_card else "cpu")
        own = replace(own, context_window=min(own.context_window, loaded.context_window))
        if plan is None and settings.max_concurrent is None and loaded.on_card:
            own = own.fitting(loaded.token_bytes, loaded.free_bytes * _SHARE_OF_FREE_MEMORY)
        batch = await _running(loaded, own)
        _log.info(
            "%s: %s slots of %s tokens, %s on %s",
            loaded.name,
            batch.plan.slots,
            batch.plan.context_window,
            loaded.model.dtype,
            loaded.model.device,
        )
        return cls(loaded, batch, settings.max_answer_tokens)

    @property
    def name(self) -> str:
        return self._loaded.name

    @property
    def context_window(self) -> int:
        return self._batch.plan.context_window

    @property
    def slots(self) -> int:
        return self._batch.plan.slots

    @property
    def accepts_images(self) -> bool:
        return False

    @property
    def trusted(self) -> bool:
        return True

    @property
    def quotes(self) -> bool:
        return False

    @property
    def languages(self) -> frozenset[str] | None:
        return None

    async def count_tokens(self, messages: Sequence[ChatMessage]) -> int:
        """Tokens of the prompt as the model's own chat template writes it."""
        tokens, _opened = await self._prompt(messages)
        return len(tokens)

    async def stream(
        self, messages: Sequence[ChatMessage], options: GenerationOptions
    ) -> AsyncGenerator[EngineEvent, None]:
        """Generate; what a template has opened already (a thought) comes first."""
        prompt, opened = await self._prompt(messages)
        room = self.context_window - len(prompt)
        if room < 1:
            raise ContextTooLongError(self.name, len(prompt), self.context_window)
        limit = min(options.max_tokens or self._longest_answer, room)
        text = Detokeniser(self._loaded.decode, self._loaded.hidden)
        stops = StopStrings((*options.stop, *self._loaded.template.stops))
        ask = self._batch.submit(prompt, limit, _sampling(options))
        try:
            while (tokens := await ask.tokens()) and not stops.reached:
                if piece := opened + stops.feed(text.feed(tokens)):
                    opened = ""
                    yield EngineDelta(piece)
        finally:
            await self._batch.release(ask)
        if rest := stops.feed(text.end()) + stops.end():
            yield EngineDelta(rest)
        ended = stops.reached or (bool(ask.said) and ask.said[-1] in self._loaded.ends)
        reason: Literal["stop", "length"] = "stop" if ended else "length"
        yield EngineFinished(reason, Usage(len(prompt), len(ask.said)))

    async def aclose(self) -> None:
        """Break off every request, end every thread, give the memory back."""
        self._closed = True
        await self._batch.aclose()
        await asyncio.to_thread(self._tokenizing.shutdown)

    async def _prompt(self, messages: Sequence[ChatMessage]) -> tuple[list[int], str]:
        if self._closed:
            raise EngineUnavailableError(self.name)
        work = asyncio.get_running_loop().run_in_executor(
            self._tokenizing, self._loaded.template.prompt, messages
        )
        return await work


async def _running(loaded: LoadedModel, plan: BatchPlan) -> Batch | Single:
    """What shares the model's steps among requests, or takes one at a time where nothing can."""
    batch = Batch(loaded.name, loaded.model, plan, loaded.ends)
    try:
        await to_the_end(batch.start())
    except OPENING_ERRORS as error:
        if memory_ran_out(error) and plan.slots > 1:
            fewer = replace(plan, slots=plan.slots * 3 // 4)
            _log.warning("%s: no memory for %s slots: %s", loaded.name, plan.slots, fewer.slots)
            del error, batch
            return await _running(loaded, fewer)
        if memory_ran_out(error):
            raise ModelNotLoadedError(loaded.name, "memory", str(error)[:400]) from error
        _log.warning("%s answers one at a time: %s", loaded.name, str(error).partition("\n")[0])
        return Single(loaded.name, loaded.model, replace(plan, slots=1), loaded.ends)
    except asyncio.CancelledError:
        await batch.aclose()
        raise
    return batch


def _plan(settings: EngineSettings, device: str) -> BatchPlan:
    return BatchPlan(
        slots=settings.max_concurrent or _SLOTS[device],
        context_window=settings.context_window or _CONTEXT_WINDOW[device],
        step_tokens=_STEP_TOKENS[device],
    )


def _sampling(options: GenerationOptions) -> Sampling:
    return Sampling(
        temperature=_TEMPERATURE if options.temperature is None else options.temperature,
        top_p=_TOP_P if options.top_p is None else options.top_p,
        seed=options.seed,
    )
