"""A channel whose questions can go to helpers: a real chat, with buttons, over one outbox."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from dataclasses import replace

from core.actions import Actions, Judge
from core.channels import Channels
from core.chat import Chat
from core.database import Database
from core.dispatcher import Dispatcher
from core.engines.choice import EngineChoice
from core.engines.extractive import ExtractiveEngine
from core.engines.queued import QueuedEngine
from core.events import ActionPressed, InteractionRef, Platform
from core.history import History
from core.hooks import Hooks
from core.knowledge import Knowledge
from core.permissions import Rules, level_of
from core.ports import Capabilities
from core.prompts import Prompts
from core.settings import ChatSettings, DispatcherSettings, EngineSettings
from core.team import Team
from tests.support.messages import author, conversation, group
from tests.support.places import open_places
from tests.support.recording_outbox import RecordingOutbox
from tests.support.scripted_engine import ScriptedEngine
from tests.support.shelf import Shelf

CAN = Capabilities(
    max_text=2000,
    edit_interval_private=0,
    edit_interval_group=0,
    can_deduplicate=True,
    can_buttons=True,
)
UNKNOWN = "Who repairs bicycles?"
INTERACTION = InteractionRef(Platform.DISCORD, "i1")
TOWN = conversation().channel
RULES = Rules()


class Office:
    """A channel "town" whose questions can go to helpers in "office"."""

    def __init__(self, folder, outbox=None):
        self.folder = folder
        self.now = 1_000_000.0
        self.outbox = outbox or RecordingOutbox(CAN)
        self.shelf = Shelf()
        self.shelf.put("discord:town", "garden.md", "The gate of the garden does open at nine.")

    @asynccontextmanager
    async def running(self):
        async with Database.open(self.folder / "lorekeeper.db") as database:
            self.history = History(database)
            queued = QueuedEngine.of(ScriptedEngine("It opens at nine [1]."), EngineSettings())
            quoting = QueuedEngine.of(ExtractiveEngine(self.shelf.quote), EngineSettings())
            places = open_places(database, self.shelf)
            self.channels: Channels = places.channels
            await self.channels.load()
            chat = Chat(
                Knowledge(self.shelf, places.access, places.channels),
                EngineChoice({"scripted": queued}, "scripted", quoting),
                History(database),
                Prompts(),
                ChatSettings(passages=2),
            )
            outboxes = {Platform.DISCORD: self.outbox}
            actions = Actions(
                database,
                self.shelf,
                outboxes,
                Judge(places.access.scope_of, lambda asked: level_of(asked, RULES)),
                team=Team(database, self.channels, outboxes, clock=lambda: self.now),
            )
            self.dispatcher = Dispatcher(
                lambda message, _stop: chat.answer(message),
                outboxes,
                database,
                DispatcherSettings(grace_seconds=5),
                hooks=Hooks(action=actions.pressed, migrated=places.moves.migrated),
            )
            try:
                yield self
            finally:
                await self.dispatcher.drain(0)
                for queue in (queued, quoting):
                    await queue.aclose()

    async def helped_by(self, helpers="office @77"):
        await self.channels.change(TOWN, "helpers", helpers)

    async def idle(self):
        while tasks := self.dispatcher._runs.tasks:
            await asyncio.wait(tasks)

    async def ask(self, text=UNKNOWN, message_id="q1", **options):
        """Our message that answers."""
        before = set(self.outbox.messages)
        place = options.pop("place", None)
        message = group(text, message_id, **options)
        self.dispatcher.submit(message if place is None else replace(message, place=place))
        await self.idle()
        (ours,) = set(self.outbox.messages) - before
        return self.outbox.messages[ours]

    async def press(self, action, ours, *, user="ada", **facts):
        """What the one who pressed gets to see of it."""
        before = len(self.outbox.revealed)
        who = facts.pop("who", author(user))
        event = ActionPressed(conversation(), ours, action, who, interaction=INTERACTION)
        self.dispatcher.submit(replace(event, **facts))
        await self.idle()
        return "\n".join(shown.text for shown in self.outbox.revealed[before:])

    @property
    def posts(self):
        """What stands where the helpers read."""
        return [shown for shown in self.outbox.messages.values() if shown.channel == "office"]
