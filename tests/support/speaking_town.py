"""A dispatcher that may speak unasked, over real rows; documents know of pumps alone."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from core.admission import Admission
from core.admission_rows import Admissions
from core.belonging import Belonging
from core.database import Database
from core.dispatcher import Dispatcher
from core.envoy import Envoy
from core.events import (
    Author,
    ConversationRef,
    IncomingMessage,
    Opening,
    Place,
    Platform,
    Quoted,
    Trigger,
)
from core.gate import Gate
from core.history import History
from core.hooks import Hooks
from core.inbox import DurableInbox
from core.permissions import Rules
from core.ports import Capabilities
from core.replies import Finished, Sources, TextDelta
from core.settings import AdmissionSettings, DispatcherSettings, SpeakingSettings
from core.speaking import Speaking
from core.unasked import Reserve
from tests.support.messages import author, group
from tests.support.passages import cited
from tests.support.places import Places, open_places
from tests.support.recording_outbox import RecordingOutbox
from tests.support.shelf import Shelf

KNOWS_KEYS = Capabilities(
    max_text=2000, edit_interval_private=0, edit_interval_group=0, can_deduplicate=True
)
AT_ONCE = SpeakingSettings(second_message_seconds=0)
EVER = SpeakingSettings(second_message_seconds=3600)


def overheard(  # noqa: PLR0913 - all that a message can be
    text: str,
    message_id: str = "1",
    *,
    user: str = "ada",
    thread: str | None = None,
    opened_by: str | None = None,
    opened_ago: timedelta = timedelta(minutes=1),
    title: str = "Pumps",
    settled: bool = False,
    answers: tuple[str, str] | None = None,
    by: Author | None = None,
) -> IncomingMessage:
    """Something said in the channel "town" or a thread there, to nobody; `answers` is the id and
    the author of what it replies to."""
    now = datetime.now(UTC)
    opening = None if opened_by is None else Opening(title, opened_by, now - opened_ago)
    message = group(text, message_id, user=user, thread=thread, at=now)
    return replace(
        message,
        trigger=Trigger.AMBIENT,
        author=by or message.author,
        place=Place("town", is_thread=thread is not None, opening=opening, is_settled=settled),
        quoted=None if answers is None else Quoted(answers[0], author(answers[1]), "…"),
        server_id="s1",
    )


class PumpDocuments:
    """Covers what speaks of pumps."""

    def __init__(self, places: Places) -> None:
        self.channels = places.channels
        self.asked: list[str] = []

    async def cover(self, message: IncomingMessage, least: float) -> bool:
        self.asked.append(message.text)
        return "pump" in message.text.lower() or "泵" in message.text


@dataclass
class SpeakingTown:
    """All of it, with what the engine was asked."""

    database: Database
    outbox: RecordingOutbox
    places: Places
    speaking: Speaking
    documents: PumpDocuments
    dispatcher: Dispatcher
    answered: list[IncomingMessage]
    held: dict[str, asyncio.Event]

    async def idle(self) -> None:
        """Until everything that was submitted has come to its end."""
        while tasks := self.dispatcher._runs.tasks:
            await asyncio.wait(tasks)

    async def hear(self, *messages: IncomingMessage) -> None:
        """Each is dealt with before the next comes."""
        for message in messages:
            self.dispatcher.submit(message)
            await self.idle()

    async def until(self, condition: Callable[[], object]) -> None:
        async with asyncio.timeout(20):
            while not condition():  # noqa: ASYNC110 - what is watched knows no events
                await asyncio.sleep(0.001)

    async def rows(self) -> int:
        """Rows in all tables that could tell of members and their words."""
        tables = (
            "inbox", "exchanges", "channels", "channel_members", "greetings", "unasked_answers",
            "opened_threads", "helped_threads",
        )  # fmt: skip
        async with self.database.reader() as connection:
            found = [await connection.execute_fetchall(f"SELECT * FROM {t}") for t in tables]
        return sum(len(list(rows)) for rows in found)

    async def question(self, conversation: ConversationRef, message_id: str) -> str | None:
        kept = await DurableInbox(self.database).kept(conversation, message_id)
        return None if kept is None else kept.message.text

    @property
    def said(self) -> list[tuple[str, str | None, str | None]]:
        """What was posted: text, thread, and the message that it answers."""
        return [
            (shown.text, shown.thread, shown.answers) for shown in self.outbox.messages.values()
        ]


@asynccontextmanager
async def speaking_town(
    folder,
    *,
    speaks: str = "questions",
    settings: SpeakingSettings = AT_ONCE,
    rules: Rules | None = None,
    outbox: RecordingOutbox | None = None,
    policy: str = "open",
) -> AsyncGenerator[SpeakingTown, None]:
    rules = rules or Rules()
    async with Database.open(folder / "lorekeeper.db") as database:
        outbox = outbox or RecordingOutbox(KNOWS_KEYS)
        outboxes = {Platform.DISCORD: outbox}
        places = open_places(database, Shelf(), outboxes, rules)
        await places.channels.load()
        envoy = Envoy(outboxes, rules.owners)
        admission = Admission(
            Admissions(database),
            places.sightings,
            Belonging(places.sightings, outboxes),
            envoy,
            AdmissionSettings(policy=policy),
        )
        documents = PumpDocuments(places)
        speaking = Speaking(documents, admission, rules, Reserve(database), settings)
        history = History(database)
        answered: list[IncomingMessage] = []
        held: dict[str, asyncio.Event] = {}

        async def reply(message, stop):
            answered.append(message)
            if message.text in held:
                await held[message.text].wait()
            knows = await PumpDocuments(places).cover(message, 0)
            await history.append_question(message)
            yield TextDelta("Press the red knob." if knows else "I found nothing about this.")
            await history.append_answer(message, "…")
            yield Sources((cited(1, was_cited=knows),), refused=not knows)
            yield Finished("stop")

        gate = Gate(admission, places.channels, places.sightings, rules, envoy)
        dispatcher = Dispatcher(
            reply,
            outboxes,
            database,
            DispatcherSettings(grace_seconds=5),
            hooks=Hooks(admits=gate.admits, ambient=gate.taught, speaking=speaking),
        )
        town = SpeakingTown(
            database, outbox, places, speaking, documents, dispatcher, answered, held
        )
        channel = overheard("").conversation.channel
        await places.channels.change(channel, "speaks", speaks)
        try:
            yield town
        finally:
            await dispatcher.drain(0)
            assert not dispatcher._runs.tasks
