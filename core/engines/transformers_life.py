"""One life of the library's continuous batching: from its cache to the end of its thread."""

from __future__ import annotations

import asyncio
import contextlib
import math
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from core.engines.transformers_sampling import BatchSampling

if TYPE_CHECKING:
    from transformers import PreTrainedModel
    from transformers.generation.continuous_batching.requests import GenerationOutput

_Library: TypeAlias = Any  # what the library leaves half typed; never leaves this module

_SPARE: Final = 0.1
"""Share of the cache beyond what all slots need; under it, kept prompts are thrown out."""
OPENING_ERRORS: Final = (
    RuntimeError, ValueError, TypeError, AttributeError, LookupError, MemoryError
)  # fmt: skip
"""What the library raises where it cannot batch a model or make its cache."""
_MEMORY_WORDS: Final = ("out of memory", "can't allocate memory", "not enough memory")


@dataclass(frozen=True, slots=True)
class BatchPlan:
    """What a batch may hold; the cache is made for all slots at their longest."""

    slots: int
    context_window: int
    step_tokens: int
    """Tokens that one step reads at most: a long prompt takes several, between which others' words
    come and a request can be stopped."""
    page_tokens: int = 64
    """Beginnings of prompts are shared in units of so many tokens."""

    def fitting(self, token_bytes: int, free_bytes: float) -> BatchPlan:
        """With as many of its slots as fit, at least one; a token's cache takes so many bytes."""
        slots = self.slots
        while slots > 1:
            sized = replace(self, slots=slots)
            # The mask has a column of two bytes for each token of the cache.
            column = token_bytes + 2 * self.step_tokens
            if sized.pages * self.page_tokens * column <= free_bytes:
                break
            slots -= 1
        return replace(self, slots=slots)

    @property
    def pages(self) -> int:
        """Pages of the cache."""
        needed = self.slots * math.ceil(self.context_window / self.page_tokens)
        return math.ceil(needed / (1.0 - _SPARE)) + 1


def memory_ran_out(error: BaseException | None) -> bool:
    """Whether a device or the machine had no memory left."""
    import torch

    if isinstance(error, torch.OutOfMemoryError | MemoryError):
        return True
    return isinstance(error, RuntimeError) and any(
        words in str(error).lower() for words in _MEMORY_WORDS
    )


class Life:
    """A manager of the library and the thread that waits for its end.

    Of what is private to the library only the scheduler is touched: nothing else tells when a
    cancelled request has left the batch.
    """

    def __init__(
        self, model: PreTrainedModel, plan: BatchPlan, cancelled: Callable[[str], None]
    ) -> None:
        self._model = model
        self._plan = plan
        self._told_cancelled = cancelled
        self._loop = asyncio.get_running_loop()
        self._opened: asyncio.Future[None] = self._loop.create_future()
        self._ended: asyncio.Future[BaseException | None] = self._loop.create_future()
        self.leaving: set[str] = set()
        """Requests that were cancelled and are not known to be gone."""
        self._manager: _Library = None
        self._stopped = False
        # A daemon, and so is the thread that it starts: a process that breaks off is not held up.
        self._thread = threading.Thread(target=self._run, name="generation", daemon=True)

    @property
    def alive(self) -> bool:
        """False as soon as the thread has begun to die."""
        manager = self._manager
        return (
            manager is not None
            and manager.background_thread_status.can_accept_new_requests() is None
        )

    async def open(self) -> None:
        """Make the cache and start the thread. Raises what the library raises."""
        self._thread.start()
        await self._opened

    async def over(self) -> BaseException | None:
        """Wait for the thread's end, and give what it died of."""
        error = await self._ended
        self._thread.join()  # it has said its last word
        return error

    def add(
        self,
        key: str,
        tokens: list[int],
        limit: int,
        ends: Sequence[int],
        keywords: Mapping[str, float | int],
        told: Callable[[GenerationOutput], None],
    ) -> None:
        """Line a request up; where the thread is dying, nobody hears of it."""
        manager = self._manager
        if manager is None:
            return
        # First: the library's own order would lose the first token now and then.
        manager.register_result_handler(key, told)
        manager.add_request(
            tokens,
            request_id=key,
            max_new_tokens=limit,
            streaming=True,
            eos_token_id=list(ends) or [-1],
            **keywords,
        )

    def cancel(self, key: str) -> None:
        """Take a request out before the next step; `cancelled` is called when that is done."""
        self.leaving.add(key)
        if self._manager is not None:
            self._manager.cancel_request(key)

    def forget(self, key: str) -> None:
        """Drop what the library keeps of a request for ever when it was cancelled."""
        self.leaving.discard(key)
        if self._manager is not None:
            self._manager.output_router.result_handlers.pop(key, None)

    def stop(self) -> None:
        """Ask the thread to end after the step at work; `over` returns when it has."""
        self._stopped = True
        if (manager := self._manager) is not None:
            status = manager.background_thread_status
            status.request_stop(status.HARD_STOP, 0)
            manager.cancel_request("")  # wakes it where it waits for work

    def _run(self) -> None:
        try:
            self._live()
        finally:  # whatever happened: nobody is to wait for a thread that is gone
            self._tell(_settled, self._opened, None, RuntimeError("the thread died"))
            self._tell(_settled, self._ended, None, None)

    def _live(self) -> None:
        try:
            manager = self._made()
        except OPENING_ERRORS as error:
            self._tell(_settled, self._opened, None, error)
            return
        self._manager = manager
        manager.start()
        thread = manager._generation_thread
        self._tell(_settled, self._opened, None, None)
        if self._stopped:
            self.stop()
        thread.join()
        died_of = manager.background_thread_status.fatal_error
        _let_go(died_of)
        self._manager = None
        manager.stop(block=False)  # frees the cache
        del manager, thread
        self._tell(_settled, self._ended, died_of, None)

    def _made(self) -> _Library:
        import transformers

        library: _Library = transformers
        model: _Library = self._model
        plan = self._plan
        manager = model.init_continuous_batching(
            # Greedy for the library: `BatchSampling` has chosen by then.
            generation_config=library.GenerationConfig(do_sample=False, eos_token_id=-1),
            continuous_batching_config=library.ContinuousBatchingConfig(
                page_size=plan.page_tokens,
                num_blocks=plan.pages,
                max_batch_tokens=max(plan.step_tokens, plan.slots),
                max_requests_per_batch=plan.slots,
                safety_margin=_SPARE,
            ),
        )
        manager.logit_processor = BatchSampling(always=model.device.type != "cpu")
        manager.warmup()  # makes the cache here and now, where a failure has one to tell
        self._watch(manager)
        return manager

    def _watch(self, manager: _Library) -> None:
        """Tell of requests that were cancelled once they are out of the batch."""
        scheduler = manager.batch_processor.scheduler
        cancel, clear = scheduler.set_request_cancellation, scheduler.clear_cancelled_requests
        taken: list[str] = []

        def cancelling(key: str) -> None:
            taken.append(key)
            cancel(key)

        def clearing() -> object:
            states = clear()
            for key in taken:
                self._tell(self._told_cancelled, key)
            taken.clear()
            return states

        scheduler.set_request_cancellation = cancelling
        scheduler.clear_cancelled_requests = clearing

    def _tell(self, told: Callable[..., None], *given: object) -> None:
        with contextlib.suppress(RuntimeError):  # the loop is closed: nobody listens any more
            self._loop.call_soon_threadsafe(told, *given)


def _let_go(error: BaseException | None) -> None:
    """Forget the frames that an error passed: they hold the cache that is to be freed."""
    while error is not None:
        error.__traceback__ = None
        error = error.__cause__ or error.__context__


def _settled(
    future: asyncio.Future[Any], result: BaseException | None, error: Exception | None
) -> None:
    if future.done():
        return
    if error is not None:
        future.set_exception(error)
    else:
        future.set_result(result)
