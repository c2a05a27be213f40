"""Requests that share the steps of one model: the library's continuous batching, guarded.

The library's generation thread dies of any error, with every request in it. Here that fails the
request at fault alone where memory ran out; the others go on from their last token in a new life.
"""

from __future__ import annotations

import asyncio
import itertools
import logging
from collections.abc import Iterable, Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Final

from core.engines.transformers_life import OPENING_ERRORS, BatchPlan, Life, memory_ran_out
from core.engines.transformers_sampling import Sampling
from core.errors import EngineError, EngineMemoryError, EngineUnavailableError
from core.shielding import to_the_end

if TYPE_CHECKING:
    from transformers import PreTrainedModel
    from transformers.generation.continuous_batching.requests import GenerationOutput

_log = logging.getLogger(__name__)

_LEAST_STEP: Final = 32


class Ask:
    """One request: what it wants, and what it was told so far."""

    def __init__(self, prompt: Sequence[int], limit: int, sampling: Sampling) -> None:
        self.prompt = list(prompt)
        self.limit = limit
        self.keywords = sampling.keywords()
        self.said: list[int] = []
        self.key = ""
        """Its name in the present life of the batch."""
        self.settled = asyncio.Event()
        """Set when the engine holds nothing of it any more."""
        self._read = 0
        self._failure: EngineError | None = None
        self._changed = asyncio.Event()

    async def tokens(self) -> list[int]:
        """The tokens since the last call; none when all were given. Raises what it failed of."""
        while self._read == len(self.said):
            if self._failure is not None:
                raise self._failure
            if self.settled.is_set():
                return []
            self._changed.clear()
            await self._changed.wait()
        new = self.said[self._read :]
        self._read = len(self.said)
        return new

    async def wait(self) -> None:
        """Until the engine holds nothing of it any more."""
        await self.settled.wait()

    def hear(self, tokens: Iterable[int]) -> None:
        """Take new tokens."""
        self.said.extend(tokens)
        self._changed.set()

    def settle(self, failure: EngineError | None = None) -> None:
        """Nothing more will come."""
        self._failure = self._failure or failure
        self.settled.set()
        self._changed.set()


class Batch:
    """Takes requests at any time and gives each its tokens as they are made.

    Bound to one event loop. `start` before anything else, `aclose` at the end.
    """

    def __init__(
        self, name: str, model: PreTrainedModel, plan: BatchPlan, ends: frozenset[int]
    ) -> None:
        self._name = name
        self._model = model
        self._ends = sorted(ends)
        self.plan = plan
        self._asks: dict[str, Ask] = {}
        self._names = itertools.count()
        self._life: Life | None = None
        self._keeper: asyncio.Task[None] | None = None
        self._closed = False
        self._frail = False
        """True after a death until a request was served to its end."""

    async def start(self) -> None:
        """Raises what the library raises where the cache cannot be made."""
        self._life = await self._open()
        self._keeper = asyncio.create_task(self._keep(), name=f"keeper of {self._name}")

    def submit(self, prompt: Sequence[int], limit: int, sampling: Sampling) -> Ask:
        """At most `limit` tokens after this prompt; both must fit the plan's context window.

        Raises `EngineUnavailableError` once it is closed or given up.
        """
        if self._closed:
            raise EngineUnavailableError(self._name)
        ask = Ask(prompt, limit, sampling)
        self._hand_over(ask)
        return ask

    async def release(self, ask: Ask) -> None:
        """Stop computing for it, and return when the engine is rid of it, come what may."""
        if not ask.settled.is_set():
            if self._life is None:  # between two lives, nothing is computed
                self._settle(ask)
            else:
                self._life.cancel(ask.key)
            await to_the_end(ask.wait())

    async def aclose(self) -> None:
        """Break off every request and end the thread."""
        self._closed = True
        for ask in self._asks.values():
            ask.settle(EngineUnavailableError(self._name))
        self._asks.clear()
        if self._life is not None:
            self._life.stop()
        if self._keeper is not None:
            await to_the_end(_ended(self._keeper))

    async def _open(self) -> Life:
        life = Life(self._model, self.plan, self._cancelled)
        await to_the_end(life.open())
        return life

    def _hand_over(self, ask: Ask) -> None:
        """Give a request to the batch, or leave it to the next life where this one is ending."""
        ask.key = str(next(self._names))
        self._asks[ask.key] = ask
        if self._life is not None:
            self._life.add(
                ask.key,
                ask.prompt + ask.said,
                ask.limit - len(ask.said),
                self._ends,
                ask.keywords,
                partial(self._heard, ask, ask.key, len(ask.said)),
            )

    def _heard(self, ask: Ask, key: str, before: int, output: GenerationOutput) -> None:
        """The library's news of a request: all tokens since it was handed over."""
        if self._asks.get(key) is not ask:
            return
        if output.error is None:
            ask.hear(output.generated_tokens[len(ask.said) - before :])
            if output.is_finished():
                self._frail = False
                self._settle(ask)
        elif self._life is not None and self._life.alive:
            _log.error("%s refused a request: %s", self._name, output.error)
            self._settle(ask, EngineUnavailableError(self._name))
        # Else the thread is dying: its keeper decides what becomes of whom.

    def _cancelled(self, key: str) -> None:
        """The library is rid of a request that was cancelled."""
        if (ask := self._asks.get(key)) is not None:
            self._settle(ask)

    def _settle(self, ask: Ask, failure: EngineError | None = None) -> None:
        self._asks.pop(ask.key, None)
        if self._life is not None:
            self._life.forget(ask.key)
        ask.settle(failure)

    async def _keep(self) -> None:
        """Wait for the thread's end; begin a new life where it was not asked for."""
        while self._life is not None:
            error = await self._life.over()
            leaving, self._life = self._life.leaving, None
            for ask in [ask for key, ask in self._asks.items() if key in leaving]:
                self._settle(ask)
            if self._closed:
                return
            await self._mend(error)

    async def _mend(self, error: BaseException | None) -> None:
        if memory_ran_out(error):
            self._give_up_the_largest()
        else:
            # Its traceback is in the log already, by the library.
            _log.error("%s: the generation thread died: %r", self._name, error)
            self._fail_all()
            if self._frail:
                self._closed = True
                _log.error("%s died twice in a row and is off", self._name)
                return
            self._frail = True
        try:
            self._life = await self._open()
        except OPENING_ERRORS:
            self._closed = True
            _log.exception("%s cannot be started again and is off", self._name)
            self._fail_all()
            return
        if self._closed:  # meanwhile
            self._life.stop()
        for ask in list(self._asks.values()):
            self._asks.pop(ask.key)
            self._hand_over(ask)

    def _give_up_the_largest(self) -> None:
        """Fail the request that asks for most in a step: one whose prompt is being read, if any."""
        slots, step = self.plan.slots, self.plan.step_tokens
        if step <= max(_LEAST_STEP, slots):  # no step is smaller: the cache is what gives way
            slots = max(1, slots * 3 // 4)
        step = max(_LEAST_STEP, slots, step // 2)
        self.plan = replace(self.plan, slots=slots, step_tokens=step)
        largest = max(
            self._asks.values(),
            key=lambda ask: (not ask.said, len(ask.prompt) + len(ask.said)),
            default=None,
        )
        _log.warning(
            "%s ran out of memory; it goes on with %s slots and %s tokens a step",
            self._name,
            slots,
            step,
        )
        if largest is not None:
            self._settle(largest, EngineMemoryError(self._name, len(largest.prompt)))

    def _fail_all(self) -> None:
        for ask in list(self._asks.values()):
            self._settle(ask, EngineUnavailableError(self._name))


async def _ended(task: asyncio.Task[None]) -> None:
    await task
