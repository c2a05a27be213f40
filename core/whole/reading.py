"""Reading through: a text in parts that an engine takes at once, notes on each part, fewer notes.

Parts are read in the background lane, so only while nobody waits, and given up and begun anew when
somebody comes. What a note says is held against the part at once: a sentence that the part does not
support goes no further.
"""

from __future__ import annotations

import asyncio
import logging
import re
import time
from collections.abc import AsyncGenerator, Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from core.attribution import attribute
from core.citations import without_unknown_markers
from core.engines.base import ChatMessage, GenerationOptions
from core.engines.idle import undisturbed
from core.engines.queue import Asker
from core.engines.queued import QueuedEngine
from core.errors import ContextTooLongError, EngineError, EngineTimeoutError, QueueFullError
from core.reasoning import without_reasoning
from core.replies import Usage
from core.whole.tasks import Note, Task
from knowledge_base.models import Passage
from knowledge_base.sentences import sentences

MOST_TOKENS: Final = 6000
"""Of a part: what is longer is read less carefully, however much the engine takes at once."""
NOTE_TOKENS: Final = 400
"""Of the notes on a part, at most."""
_NOTHING: Final = frozenset(("-", "–", "—", "none", "none.", "无", "无。", "没有", "没有。", "n/a"))
CONDENSING_SECONDS: Final = 60.0
"""For making notes fewer, also where reading took all the time there was."""
_MOST_ROUNDS: Final = 4
_UNSUPPORTED: Final = "\ue000"
"""Stands behind a sentence that nothing supports; no text of people has it."""
_MARKER: Final = re.compile(r"(?P<space>[ \t]*)\[(?P<n>\d{1,6})\]")
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Part:
    """Passages that are read at once, with the numbers that they have in the whole."""

    numbered: tuple[tuple[int, Passage], ...]


@dataclass(slots=True)
class Budget:
    """What one question may take."""

    parts: int
    """How many are read at most."""
    until: float
    """The moment, by `clock`, at which reading ends."""
    clock: Callable[[], float] = time.monotonic

    @property
    def seconds(self) -> float:
        """What is left."""
        return max(0.0, self.until - self.clock())


@dataclass(slots=True)
class Read:
    """What came of reading so far."""

    notes: list[Note] = field(default_factory=list)
    covered: int = 0
    """Passages, from the first on."""
    in_time: bool = True
    usage: Usage = field(default_factory=lambda: Usage(0, 0))

    def used(self, usage: Usage) -> None:
        self.usage = Usage(
            self.usage.prompt_tokens + usage.prompt_tokens,
            self.usage.completion_tokens + usage.completion_tokens,
            self.usage.estimated or usage.estimated,
        )


class Reader:
    """Lets engines read. The first that can does; where it fails, the next goes on."""

    def __init__(
        self, writers: Sequence[QueuedEngine], task: Task, asker: Asker, budget: Budget
    ) -> None:
        """At least one writer; the asker is in the background lane."""
        self._writers = list(writers)
        self._task = task
        self._asker = asker
        self._budget = budget

    @property
    def served(self) -> QueuedEngine:
        """Who reads now."""
        return self._writers[0]

    @property
    def writers(self) -> tuple[QueuedEngine, ...]:
        """Who reads now, and who would go on."""
        return tuple(self._writers)

    async def parts(self, passages: Sequence[Passage], most: int, first: int = 1) -> list[Part]:
        """The passages in order in at most so many parts, each as large as can be.

        Numbers count from `first`. A passage that alone is too long is several parts. Raises
        `ContextTooLongError` where a sentence is.
        """
        found: list[Part] = []
        at, guess = 0, len(passages)
        while at < len(passages) and len(found) < most:
            count = await self._fitting(passages, at, guess, first)
            if count:
                found.append(Part(tuple(_numbered(passages, at, count, first))))
            else:
                count = 1
                pieces = await self._pieces(first + at, passages[at])
                found += [Part(((first + at, piece),)) for piece in pieces]
            at += count
            # The next is about as large.
            guess = max(1, count)
        return found

    async def fits_at_once(self, passages: Sequence[Passage], answer_tokens: int) -> bool:
        """Whether the answer can be made of all passages without notes."""
        prompt = self._task.direct(list(enumerate(passages, 1)))
        engine = self.served.engine
        answer = min(answer_tokens, max(1, engine.context_window // 3))
        size = await engine.count_tokens(prompt)
        return size <= min(MOST_TOKENS, engine.context_window - answer)

    async def read(self, parts: Sequence[Part], found: Read) -> AsyncGenerator[int, None]:
        """Take notes; after each part, how many are done. `found` grows meanwhile.

        Raises `EngineError` where no engine goes on; what was read until then is in `found`.
        """
        for done, part in enumerate(parts, 1):
            passages = [passage for _number, passage in part.numbered]
            try:
                async with asyncio.timeout(self._budget.seconds):
                    said = await self._said(self._task.part(part.numbered), found)
            except TimeoutError:
                found.in_time = False
                return
            offset = part.numbered[0][0] - 1
            note = await asyncio.to_thread(supported, said, passages, self._task.question, offset)
            if note:
                found.notes.append(Note(note))
            found.covered = part.numbered[-1][0]
            yield done

    async def condensed(self, notes: Sequence[Note], room: int, found: Read) -> list[Note]:
        """Fewer notes, until they are at most `room` tokens. Raises `EngineError`."""
        seconds = max(self._budget.seconds, CONDENSING_SECONDS)
        try:
            async with asyncio.timeout(seconds):
                return await self._condensed(notes, room, found)
        except TimeoutError as error:
            raise EngineTimeoutError(self.served.engine.name, seconds) from error

    async def _condensed(self, notes: Sequence[Note], room: int, found: Read) -> list[Note]:
        kept = list(notes)
        for _round in range(_MOST_ROUNDS):
            if await self._size(kept) <= room:
                return kept
            groups = await self._groups(kept, room)
            kept = []
            for group in groups:
                kept += [note for note in group if note.is_title]
                said = await self._said(self._task.condensing(group), found)
                kept += [Note(said.strip())] if said.strip() else []
        raise ContextTooLongError(self.served.engine.name, await self._size(kept), room)

    async def _said(self, prompt: tuple[ChatMessage, ...], found: Read) -> str:
        """What an engine says when it is left in peace."""
        while True:
            served = self.served
            options = GenerationOptions(self._most(served), 0.0)
            try:
                served.check()
                await served.queue.quiet()
                text, usage = await undisturbed(served, prompt, options, self._asker)
            except QueueFullError:
                raise
            except EngineError as error:
                if len(self._writers) == 1 or isinstance(error, ContextTooLongError):
                    raise
                _log.warning("an engine did not go on reading: %r", error)
                del self._writers[0]
                continue
            if usage is not None:
                found.used(usage)
                is_cut = usage.completion_tokens >= self._most(served)
                return _cleaned(text, is_cut=is_cut)
            # Whoever came is handed the slot before this asks for it again.
            await asyncio.sleep(0)

    def _most(self, served: QueuedEngine) -> int:
        return min(NOTE_TOKENS, max(1, served.engine.context_window // 4))

    async def _fitting(self, passages: Sequence[Passage], at: int, guess: int, first: int) -> int:
        """How many passages from `at` on are read at once: the most that fit, found by halving; 0:
        not even the first does."""
        engine = self.served.engine
        limit = min(MOST_TOKENS, engine.context_window - self._most(self.served))

        async def size(count: int) -> int:
            return await engine.count_tokens(
                self._task.part(list(_numbered(passages, at, count, first)))
            )

        low, high = 0, len(passages) - at
        tried = min(guess, high)
        # A text of thousands of passages is not counted whole, only to be told that it is long.
        while tried > 1 and sum(len(p.chunk.text) for p in passages[at : at + tried]) > 6 * limit:
            tried = max(1, tried // 2)
        while low < high:
            if await size(tried) <= limit:
                low = tried
                tried = min(
                    high, max(tried + 1, (low + high + 1) // 2 if high < 2 * low else low * 2)
                )
            else:
                high = tried - 1
                tried = max(1, (low + high + 1) // 2)
        return low

    async def _pieces(self, number: int, passage: Passage) -> list[Passage]:
        """A passage in pieces of whole sentences that are each read at once."""
        engine = self.served.engine
        counted = await engine.count_tokens(self._task.part(((number, passage),)))
        limit = engine.context_window - self._most(self.served)
        if counted <= limit:
            return [passage]
        text = passage.chunk.text
        ends = [sentence.end for sentence in sentences(text)]
        if len(ends) < 2:
            raise ContextTooLongError(engine.name, counted, limit)
        middle = ends[len(ends) // 2 - 1]
        halves = (replace(passage.chunk, text=part) for part in (text[:middle], text[middle:]))
        return [
            piece
            for half in halves
            for piece in await self._pieces(number, replace(passage, chunk=half))
        ]

    async def _groups(self, notes: Sequence[Note], room: int) -> list[list[Note]]:
        groups: list[list[Note]] = [[]]
        for note in notes:
            full = groups[-1] and await self._size([*groups[-1], note]) > room
            # What is said of two documents stays apart.
            if full or (note.is_title and groups[-1]):
                groups.append([])
            groups[-1].append(note)
        return groups

    async def _size(self, notes: Sequence[Note]) -> int:
        return await self.served.engine.count_tokens(self._task.from_notes(notes))


def supported(said: str, passages: Sequence[Passage], question: str, offset: int = 0) -> str:
    """The sentences of a text that the passages support, one a line, with their numbers settled.

    The text counts the passages from `offset + 1` on, and so does what comes of it.
    """
    if said.strip().casefold() in _NOTHING:
        return ""
    known = range(offset + 1, offset + len(passages) + 1)
    local = _shifted(without_unknown_markers(said, known), -offset)
    # One call for all: what a passage holds is found out once.
    settled = attribute(local, passages, question, f" {_UNSUPPORTED}").text
    kept: list[str] = []
    for line in settled.splitlines():
        pieces = _sentences(line)
        for place, piece in enumerate(pieces):
            following = pieces[place + 1] if place + 1 < len(pieces) else ""
            text = piece.strip(f" {_UNSUPPORTED}")
            is_held = not piece.endswith(_UNSUPPORTED) and not following.startswith(_UNSUPPORTED)
            if is_held and text.strip(" -*•"):
                kept.append(_shifted(text, offset))
    return "\n".join(kept)


def _sentences(line: str) -> list[str]:
    """The sentences of a line, each with the markers that stand behind its full stop."""
    pieces: list[str] = []
    for sentence in sentences(line):
        is_mark = not _MARKER.sub("", sentence.text).strip(f" {_UNSUPPORTED}")
        if is_mark and pieces:
            pieces[-1] += f" {sentence.text}"
        else:
            pieces.append(sentence.text)
    return pieces


def _shifted(text: str, by: int) -> str:
    """The text with the numbers of its markers moved."""
    return _MARKER.sub(lambda match: f"{match['space']}[{int(match['n']) + by}]", text)


def _numbered(
    passages: Sequence[Passage], at: int, count: int, first: int
) -> list[tuple[int, Passage]]:
    return [(first + n, passages[n]) for n in range(at, min(at + count, len(passages)))]


def _cleaned(text: str, *, is_cut: bool) -> str:
    """Without what a model thinks, what it says again, and a last sentence that it did not end."""
    said = without_reasoning(text).strip()
    if is_cut:
        *whole, last = [sentence.start for sentence in sentences(said)] or [0]
        said = said[:last] if whole else said
    return "\n".join(dict.fromkeys(line.strip() for line in said.splitlines()))
