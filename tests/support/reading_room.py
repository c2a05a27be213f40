"""A chat over a real library and database, whose documents are asked about as wholes."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from core.chat import Chat
from core.database import Database
from core.engines.base import ChatEngine, ChatMessage
from core.engines.choice import EngineChoice
from core.engines.extractive import ExtractiveEngine
from core.engines.queued import QueuedEngine
from core.events import IncomingMessage
from core.history import History
from core.knowledge import Knowledge
from core.prompts import Prompts
from core.replies import Notice, Progress, ReplyEvent, Sources, TextDelta, TextReplaced
from core.settings import ChatSettings, EngineSettings
from core.whole.answering import Means, Whole
from core.whole.kept import KeptSummaries
from knowledge_base.library import Library
from knowledge_base.models import Document, Upload
from tests.support.libraries import open_library
from tests.support.places import Places, open_places
from tests.support.scripted_engine import Script, ScriptedEngine

_PASSAGE = re.compile(r'<passage number="(\d+)"[^>]*>\n(.*?)\n</passage>', re.DOTALL)
_MORE = " and very old" * 13
_NOTES = re.compile(r"<document>\n(.*?)\n</document>", re.DOTALL)


class Scholar(ScriptedEngine):
    """Says the first sentence of each passage that it reads, with its number; of notes, the notes.

    `scripts` goes before that: what to say to a request, by its number from 0.
    """

    def __init__(self, scripts: dict[int, Script] | None = None, **more: object) -> None:
        super().__init__("", **more)  # type: ignore[arg-type]
        self.scripts = scripts or {}

    def script_for(self, messages: Sequence[ChatMessage]) -> Script:
        script = self.scripts.get(self.asked)
        return script if script is not None else Script([self.told(messages[-1].text)])

    def told(self, text: str) -> str:
        notes = _NOTES.search(text)
        if notes is not None:
            return notes[1]
        found = _PASSAGE.findall(text)
        return "\n".join(f"{re.split(r'(?<=[.。])', body)[0]} [{n}]" for n, body in found)


@dataclass
class Room:
    """Who asks, and of what."""

    folder: Path
    library: Library
    database: Database
    places: Places
    history: History
    queues: list[QueuedEngine] = field(default_factory=list)
    seconds: float = 400.0
    clock: Callable[[], float] = lambda: 0.0

    async def put(
        self,
        base: str,
        name: str,
        text: str,
        uploader: str | None = None,
        uploader_id: str | None = None,
        batch: str | None = None,
    ) -> Document:
        """A document, whose paragraphs are its passages."""
        home = await self.library.ensure_base(base)
        path = self.folder / "given"
        await asyncio.to_thread(path.write_text, text, encoding="utf-8")
        return (
            await self.library.add(
                home.base_id, Upload(name, path, uploader, uploader_id, batch=batch)
            )
        ).document

    async def book(self, name: str, passages: int, base: str = "shared") -> Document:
        """One of so many passages; each says something of its own in two sentences."""
        return await self.put(
            base,
            name,
            "\n\n".join(
                f"Gate {n} of the garden opens at {n} o'clock sharp. It is {n} feet wide{_MORE}."
                for n in range(1, passages + 1)
            ),
        )

    def chat(self, *engines: ChatEngine, reading_parts: int = 12) -> Chat:
        """With no engine there are quotations alone."""
        quoting = QueuedEngine.of(ExtractiveEngine(self.library.quote), EngineSettings())
        queued = {engine.name: QueuedEngine.of(engine, EngineSettings()) for engine in engines}
        self.queues += [*queued.values(), quoting]
        known = queued or {"extractive": quoting}
        default = next(iter(known))
        fallbacks = {default: [name for name in known if name != default]}
        chosen = replace(ChatSettings(), reading_parts=reading_parts)
        kept = KeptSummaries(self.database, self.library)
        whole = Whole(
            Means(
                self.library,
                self.places.access,
                kept,
                chosen,
                200,
                seconds=self.seconds,
                clock=self.clock,
            )
        )
        knowledge = Knowledge(self.library, self.places.access, self.places.channels, whole=whole)
        choice = EngineChoice(known, default, quoting, fallbacks=fallbacks)
        return Chat(knowledge, choice, self.history, Prompts(), chosen, 200)

    async def ask(
        self, message: IncomingMessage, *engines: ChatEngine, reading_parts: int = 12
    ) -> Heard:
        heard = Heard()
        async with aclosing(
            self.chat(*engines, reading_parts=reading_parts).answer(message)
        ) as events:
            async for event in events:
                heard.events.append(event)
        return heard


@dataclass
class Heard:
    """The events of an answer."""

    events: list[ReplyEvent] = field(default_factory=list)

    @property
    def text(self) -> str:
        text = ""
        for event in self.events:
            match event:
                case TextDelta(more):
                    text += more
                case TextReplaced(whole):
                    text = whole
                case _:
                    pass
        return text

    @property
    def notices(self) -> str:
        return "\n".join(event.text for event in self.events if isinstance(event, Notice))

    @property
    def progress(self) -> list[tuple[int, int | None]]:
        return [(own.done, own.total) for own in self.events if isinstance(own, Progress)]

    @property
    def sources(self) -> Sources:
        return next(event for event in self.events if isinstance(event, Sources))

    @property
    def cited(self) -> list[tuple[int, str, str]]:
        """Number, document and the beginning of each passage that is cited."""
        return [
            (own.number, own.passage.document.name, own.passage.chunk.text[:12])
            for own in self.sources.passages
            if own.cited
        ]


@asynccontextmanager
async def open_room(folder: Path) -> AsyncIterator[Room]:
    async with (
        Database.open(folder / "lorekeeper.db") as database,
        open_library(folder) as library,
    ):
        room = Room(folder, library, database, open_places(database, library), History(database))
        try:
            yield room
        finally:
            for queue in room.queues:
                await queue.aclose()
