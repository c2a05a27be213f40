"""A closer look at what a search found: how near each passage comes to every word of a question.

One vector of a passage tells what it is about. Vectors of its tokens tell whether each word of the
question has something near it there, in whatever language (late interaction; Khattab and Zaharia
2020). To read a passage so costs about a tenth of a second. So it is done where the search is in
doubt, for a few passages, within a budget of time, and what was read is remembered.
"""

from __future__ import annotations

import asyncio
import logging
import threading
from collections import OrderedDict
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from itertools import takewhile
from typing import Final, Protocol

import numpy as np
from numpy.typing import NDArray

from knowledge_base.calibration import SHIPPED
from knowledge_base.embedders.text import readable
from knowledge_base.models import Chunk, Passage
from knowledge_base.splitter import embedded
from knowledge_base.terms import script_of

log = logging.getLogger(__name__)

LOOKED_AT: Final = 8
"""Passages that are read for one question, where the search finds so many."""
DOUBT: Final = (0.1, 0.9)
"""Where the search is surer than that, of yes or of no, its word holds."""
LOADING_SECONDS: Final = 3.0
"""How long the first question in doubt waits for the model, which takes one or two; later ones are
served by what was loaded meanwhile."""
_AT_ONCE: Final = 2
_LEAST_READ: Final = 2
_LEAST_ABROAD: Final = 4
"""Of two or three documents on different subjects one stands out whatever it says."""
_REMEMBERED_BYTES: Final = 64 * 1024**2
_QUESTIONS_KEPT: Final = 16
"""What is searched for is quoted for next."""
_LEAST_CHANCE: Final = 1e-6
_WORST: Final = 0.25
_COMMON: Final = 0.5
"""Tokens of unrelated texts are nearer each other in one language than in another."""
_SPOKEN: Final = 0.5
"""From where on the bases are held to speak the question's language."""

Floats = NDArray[np.float32]
Weights = NDArray[np.float64]


class TokenReader(Protocol):
    """Unit vectors of tokens, one a row; may be asked by several threads."""

    def query(self, text: str) -> Floats: ...

    def passage(self, text: str) -> Floats: ...

    def places(self, text: str) -> Sequence[int]:
        """Where in a passage the last character of each of its tokens stands."""
        ...


@dataclass(frozen=True, slots=True, eq=False)
class Read:
    """A passage's tokens, each number in a byte."""

    codes: NDArray[np.int8]
    scales: Floats

    @classmethod
    def of(cls, vectors: Floats) -> Read:
        scales = np.abs(vectors).max(axis=1, initial=0.0).clip(1e-9) / 127
        return cls(np.round(vectors / scales[:, None]).astype(np.int8), scales.astype(np.float32))

    @property
    def size(self) -> int:
        return int(self.codes.nbytes + self.scales.nbytes)

    def part(self, tokens: NDArray[np.bool_]) -> Read:
        """Of some of its tokens."""
        return Read(self.codes[tokens], self.scales[tokens])

    def near(self, question: Floats) -> Nearness:
        """From the cosines of the nearest token here to each token of the question."""
        if not len(self.codes) or not len(question):
            return Nearness(0.0, 0.0)
        cosines = (question @ self.codes.T.astype(np.float32)) * self.scales
        nearest = np.sort(cosines.max(axis=1))
        worst = nearest[: max(1, int(_WORST * len(nearest)))]
        return Nearness(float(nearest.mean()), float(worst.mean()))


@dataclass(frozen=True, slots=True)
class Nearness:
    """How near a passage comes to the words of a question."""

    mean: float
    least: float
    """To those of the worst quarter: what the passage lacks shows there."""


@dataclass(frozen=True, slots=True)
class ClosenessModel:
    """Log-odds that a passage says what is asked, as a sum of what speaks for it."""

    weights: tuple[float, float, float]
    """Of the columns of its signs."""
    bias: float
    leaning: float = 0.0
    """Set by hand: below 0, a question is rather refused than answered in doubt; above, the other
    way round."""

    def of(self, signs: Weights) -> Weights:
        """Of passages with these signs, shape (passages,)."""
        found: Weights = signs @ np.array(self.weights) + self.bias + self.leaning
        return found


LEARNT: Final = ClosenessModel((0.78, 5.17, 17.94), bias=-2.22, leaning=-0.5)
"""For `signs`."""
LEARNT_ACROSS: Final = ClosenessModel((0.67, 32.47, 51.71), bias=-2.21, leaning=0.3)
"""For `signs_across`."""


def signs(relevance: Sequence[float], near: Sequence[Nearness]) -> Weights:
    """Of at least two passages, shape (passages, 3): the log-odds that the search found, the least
    nearness without `_COMMON` of that of the passage that lacks most, and how far it stands out."""
    least = np.array([own.least for own in near])
    return np.column_stack([_odds(relevance), least - _COMMON * least.min(), _stand(least)])


def signs_across(relevance: Sequence[float], near: Sequence[Nearness]) -> Weights:
    """The same of passages in another language than the question's: the log-odds, how far the mean
    nearness stands out, and how far it is above the mean of all the others. By itself it says
    little: languages differ in it."""
    mean = np.array([own.mean for own in near])
    above = (mean - mean.mean()) * len(mean) / (len(mean) - 1)
    return np.column_stack([_odds(relevance), _stand(mean), above])


def _odds(relevance: Sequence[float]) -> Weights:
    chances = np.clip(np.array(relevance, float), _LEAST_CHANCE, 1 - _LEAST_CHANCE)
    odds: Weights = np.log(chances / (1 - chances))
    return odds


def _stand(near: Weights) -> Weights:
    """How far each is above the best other one."""
    first = int(np.argmax(near))
    others = np.full(len(near), near[first])
    others[first] = np.delete(near, first).max()
    stand: Weights = near - others
    return stand


def closer(
    question: str,
    known: float,
    passages: Sequence[Passage],
    near: Sequence[Nearness],
) -> tuple[Passage, ...]:
    """The passages with what they are worth now, the likeliest first.

    `near` is that of the first of them; those that were not read come after them and are worth no
    more. `known`: the share of the question that the bases know. Passages in another language come
    less near, and are compared with one another alone: among them the nearest come first.
    """
    script = script_of(question)
    is_spoken = float(SHIPPED.knowing(np.array(known))) >= _SPOKEN
    read, rest = range(len(near)), range(len(near), len(passages))
    worth = np.array([passage.relevance for passage in passages])
    alike = [at for at in read if script_of(passages[at].chunk.text) in ("", script)]
    abroad = [at for at in read if at not in alike]
    if is_spoken and len(alike) >= _LEAST_READ:
        worth[alike] = _chances(LEARNT.of(signs(worth[alike].tolist(), [near[at] for at in alike])))
    elif not is_spoken:
        _order(worth, near, alike)
    if len(abroad) >= _LEAST_ABROAD:
        worth[abroad] = _chances(
            LEARNT_ACROSS.of(signs_across(worth[abroad].tolist(), [near[at] for at in abroad]))
        )
    _order(worth, near, abroad)
    worth[rest] = np.minimum(worth[rest], worth[: len(near)].min(initial=1.0))
    first = np.lexsort((-np.array([one.mean for one in near]), -worth[: len(near)]))
    return tuple(
        replace(passages[at], relevance=float(worth[at])) for at in (*first.tolist(), *rest)
    )


def _chances(odds: Weights) -> Weights:
    chances: Weights = 1 / (1 + np.exp(-odds))
    return chances


def _order(worth: Weights, near: Sequence[Nearness], group: Sequence[int]) -> None:
    """What the best of them is worth the nearest is worth."""
    worth[sorted(group, key=lambda at: -near[at].mean)] = np.sort(worth[list(group)])[::-1]


class CloseLook:
    """Reads passages closely, two at a time; the model is loaded with the first look."""

    def __init__(
        self,
        load: Callable[[], TokenReader],
        budget_seconds: float,
        remembered_bytes: int = _REMEMBERED_BYTES,
    ) -> None:
        self._load = load
        self._budget = budget_seconds
        self._room = remembered_bytes
        self._threads = ThreadPoolExecutor(_AT_ONCE, "close-look")
        self._loading = threading.Lock()
        self._lock = threading.Lock()
        """Of what is remembered."""
        self._model: TokenReader | None = None
        self._is_lost = False
        self._remembered: OrderedDict[str, Read] = OrderedDict()
        self._size = 0
        self._asked: OrderedDict[str, Floats] = OrderedDict()
        """Tokens of the questions that were looked at last."""

    async def at(
        self, question: str, known: float, passages: tuple[Passage, ...]
    ) -> tuple[tuple[Passage, ...], bool]:
        """What `closer` makes of the passages, and whether the time was too short for all."""
        best = max((passage.relevance for passage in passages), default=0.0)
        if not DOUBT[0] <= best <= DOUBT[1] or len(passages) < _LEAST_READ or self._is_lost:
            return passages, False
        model = await self._loaded()
        if model is None:
            return passages, not self._is_lost
        looked_at = passages[:LOOKED_AT]
        near = await self._read(model, readable(question), [own.chunk for own in looked_at])
        if len(near) < len(looked_at):
            log.debug("read %d of %d passages closely in time", len(near), len(looked_at))
        if len(near) < _LEAST_READ:
            return passages, True
        return closer(question, known, passages, near), len(near) < len(looked_at)

    async def _read(
        self, model: TokenReader, question: str, chunks: Sequence[Chunk]
    ) -> list[Nearness]:
        """Of the first chunks, as many as there is time for; what is begun then is remembered."""
        loop = asyncio.get_running_loop()
        looks: list[asyncio.Future[Nearness]] = []
        try:
            async with asyncio.timeout(self._budget):
                asked = await loop.run_in_executor(self._threads, model.query, question)
                self._asked[question] = asked
                self._asked.move_to_end(question)
                while len(self._asked) > _QUESTIONS_KEPT:
                    self._asked.popitem(last=False)
                looks = [
                    loop.run_in_executor(self._threads, self._near, model, asked, chunk)
                    for chunk in chunks
                ]
                await asyncio.wait(looks)
        except TimeoutError:
            pass
        finally:
            in_time = list(takewhile(asyncio.Future.done, looks))
            for look in looks:
                look.cancel()
        return [look.result() for look in in_time]

    async def nearness(self, question: str, parts: Sequence[tuple[Chunk, int, int]]) -> Floats:
        """How near parts of chunks, between two characters of each, come to the worst quarter of a
        question that was looked at, shape (parts,).

        Nothing is read for it: NaN where nothing was.
        """
        asked = self._asked.get(readable(question))
        if asked is None or self._model is None:
            return np.full(len(parts), np.nan, np.float32)
        return await asyncio.to_thread(self._near_parts, self._model, asked, parts)

    def _near_parts(
        self, model: TokenReader, asked: Floats, parts: Sequence[tuple[Chunk, int, int]]
    ) -> Floats:
        found = np.full(len(parts), np.nan, np.float32)
        places: dict[str, NDArray[np.int64]] = {}
        for row, (chunk, start, end) in enumerate(parts):
            text = embedded(chunk.text, chunk.heading)
            with self._lock:
                read = self._remembered.get(text)
            if read is None:
                continue
            if text not in places:
                places[text] = np.array(model.places(readable(text)), np.int64)
            at = places[text] - (len(text) - len(chunk.text))
            within = (at >= start) & (at < end)
            if within.any():
                found[row] = read.part(within).near(asked).least
        return found

    async def aclose(self) -> None:
        """Finish the passages being read, refuse the rest."""
        await asyncio.to_thread(self._threads.shutdown, wait=True, cancel_futures=True)

    async def _loaded(self) -> TokenReader | None:
        """The model; None where there is none, or none yet."""
        if self._model is None:
            loading = asyncio.get_running_loop().run_in_executor(self._threads, self._ready)
            await asyncio.wait({loading}, timeout=LOADING_SECONDS)
        return self._model

    def _near(self, model: TokenReader, question: Floats, chunk: Chunk) -> Nearness:
        text = embedded(chunk.text, chunk.heading)
        with self._lock:
            read = self._remembered.get(text)
        if read is None:
            read = Read.of(model.passage(readable(text)))
        with self._lock:
            if (before := self._remembered.pop(text, None)) is not None:
                self._size -= before.size
            # The last asked for comes last; the first go where there is no room.
            self._remembered[text] = read
            self._size += read.size
            while self._size > self._room and len(self._remembered) > 1:
                self._size -= self._remembered.popitem(last=False)[1].size
        return read.near(question)

    def _ready(self) -> None:
        with self._loading:
            if self._model is not None or self._is_lost:
                return
            try:
                self._model = self._load()
            except (OSError, ValueError):
                self._is_lost = True
                log.warning("what is found is not looked at closely", exc_info=True)
