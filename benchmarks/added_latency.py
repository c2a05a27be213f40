"""(e) What the pipeline adds to the models: message to engine, and message to first word.

The engine answers at once and the vectors are given, so everything that is measured is ours:
permission, history, search, prompt, queue, streaming, citations.
"""

from __future__ import annotations

import asyncio
import statistics
import tempfile
import time
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from datetime import UTC, datetime
from pathlib import Path

from benchmarks.corpus import GivenVectors, passages, write_documents
from benchmarks.pairing import measure, percentile, say, verdict
from core.access import Access
from core.assistant import Assistant
from core.bindings import Bindings
from core.channels import Channels
from core.chat import Chat
from core.commands.base import Resources
from core.confirmations import Confirmations
from core.database import Database
from core.dispatcher import Dispatcher
from core.engines.base import (
    ChatMessage,
    EngineDelta,
    EngineEvent,
    EngineFinished,
    GenerationOptions,
)
from core.engines.choice import EngineChoice
from core.engines.extractive import ExtractiveEngine
from core.engines.queued import QueuedEngine
from core.envoy import Envoy
from core.events import (
    Author,
    ChannelKind,
    ChannelRef,
    ConversationRef,
    IncomingMessage,
    Platform,
    Trigger,
)
from core.forms import OpenForms
from core.gaps import Gaps
from core.history import History
from core.knowledge import Knowledge
from core.moderation import Moderation
from core.permissions import Rules
from core.prompts import Prompts
from core.replies import TextDelta, Usage
from core.reviews import Reviews
from core.settings import ChatSettings, DispatcherSettings, EngineSettings
from core.sharing import Sharing
from core.sightings import Sightings
from core.taught import TaughtMessages
from core.team_answers import TeamAnswers
from knowledge_base.library import Library
from knowledge_base.models import Upload
from knowledge_base.settings import KnowledgeSettings
from tests.support.own_data import own_data_of, unlimited

PASSAGES = 2_000
QUESTIONS = 60
LIMIT_SECONDS = 0.050
SENTENCE = "The answer stands in the first passage, as the reader will see [1]. "


class InstantEngine:
    """Says one sentence at once, and remembers when it was asked."""

    name = "instant"
    context_window = 8192
    slots = 4
    accepts_images = False
    trusted = True
    quotes = False
    languages = None

    def __init__(self) -> None:
        self.asked_at = 0.0

    async def count_tokens(self, messages: Sequence[ChatMessage]) -> int:
        """A word is a token here."""
        return sum(len(message.text.split()) for message in messages)

    async def stream(
        self, messages: Sequence[ChatMessage], options: GenerationOptions
    ) -> AsyncGenerator[EngineEvent, None]:
        """Word by word, without a pause."""
        self.asked_at = time.perf_counter()
        for word in SENTENCE.split(" "):
            yield EngineDelta(word + " ")
        yield EngineFinished("stop", Usage(1, 1))

    async def aclose(self) -> None:
        """Nothing to close."""


async def main() -> bool:
    """Prints medians and 95th percentiles beside the limit; True where they hold."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        async with (
            Library.open(
                folder, GivenVectors(), KnowledgeSettings(relevance_threshold=0.0)
            ) as library,
            Database.open(folder / "lorekeeper.db") as database,
        ):
            base = (await library.ensure_base("shared")).base_id
            for file in write_documents(folder / "files", passages(PASSAGES), 500):
                await library.add(base, Upload(file.name, file))
            await library.snapshot()
            engine = InstantEngine()
            dispatcher = _dispatcher(library, database, engine)
            try:
                return await _measure(dispatcher, engine)
            finally:
                await dispatcher.drain(1.0)


def _dispatcher(library: Library, database: Database, engine: InstantEngine) -> Dispatcher:
    settings = EngineSettings()
    quoting = QueuedEngine.of(ExtractiveEngine(library.quote), settings)
    engines = EngineChoice(
        {"instant": QueuedEngine.of(engine, settings), "extractive": quoting}, "instant", quoting
    )
    history = History(database, group_minutes=30)
    channels, sightings, bindings = Channels(database), Sightings(database), Bindings(database)
    access = Access(library, channels, sightings, bindings, {})
    rules = Rules()
    knowledge = Knowledge(library, access, channels)
    chat = Chat(knowledge, engines, history, Prompts(None), ChatSettings())
    resources = Resources(
        library,
        engines,
        history,
        chat.answer,
        access,
        channels,
        sightings,
        Sharing(library, access, sightings, bindings, {}, rules),
        Confirmations(database),
        Reviews(database, database.path.parent / "reviews"),
        TaughtMessages(database),
        OpenForms(database),
        Moderation.over(database, database.path.parent, channels, {}, Envoy({}), rules),
        Gaps(database, library),
        TeamAnswers(database, {}),
        own_data_of(database, library, channels, database.path.parent),
        unlimited(database, channels, rules),
    )
    assistant = Assistant(resources, rules)
    return Dispatcher(assistant.reply, {}, database, DispatcherSettings())


async def _measure(dispatcher: Dispatcher, engine: InstantEngine) -> bool:
    questions = [" ".join(text.split()[:9]) + "?" for text in passages(QUESTIONS, seed=7)]
    to_engine: list[float] = []

    async def ours(pair: int) -> None:
        start = time.perf_counter()
        async with aclosing(dispatcher.stream(_message(pair, questions[pair]))) as events:
            async for event in events:
                if isinstance(event, TextDelta):
                    break
        to_engine.append(engine.asked_at - start)

    async def theirs(_pair: int) -> None:
        async with aclosing(engine.stream([], GenerationOptions())) as events:
            await anext(events)

    await ours(0)
    to_engine.clear()
    pairs = await measure(ours, theirs, QUESTIONS)
    added = [a - b for a, b in zip(pairs.ours, pairs.theirs, strict=True)]
    say(f"    message to engine, 95th percentile {percentile(to_engine, 0.95) * 1000:.1f} ms;"
        f" to the first word {percentile(added, 0.95) * 1000:.1f} ms")  # fmt: skip
    return verdict(
        "(e) message to engine, median seconds", statistics.median(to_engine), LIMIT_SECONDS
    ) & verdict(
        "(e) message to first word over the bare engine, median seconds",
        statistics.median(added),
        LIMIT_SECONDS,
    )


def _message(number: int, text: str) -> IncomingMessage:
    channel = ChannelRef(Platform.TERMINAL, f"bench-{number}")
    return IncomingMessage(
        ConversationRef(channel),
        ChannelKind.PRIVATE,
        Trigger.PRIVATE,
        str(number),
        Author("1", "bench"),
        text,
        datetime.now(UTC),
        bases=("shared",),
    )


if __name__ == "__main__":
    asyncio.run(main())
