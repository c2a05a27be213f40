"""An assistant over a real library and database, with people who type and press."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path

from core.access import Access
from core.assistant import Assistant
from core.bindings import Bindings
from core.channels import Channels
from core.commands.base import Resources
from core.confirmations import Confirmations
from core.database import Database
from core.engines.choice import EngineChoice
from core.engines.queued import QueuedEngine
from core.envoy import Envoy
from core.errors import AttachmentTooLargeError
from core.events import (
    ActionPressed,
    Attachment,
    Author,
    ChannelKind,
    ChannelRef,
    ConversationRef,
    IncomingMessage,
    InteractionRef,
    Invocation,
    MemberRef,
    Place,
    Platform,
    Trigger,
)
from core.feedback import Feedback
from core.forms import FORM, TOKEN, OpenForms
from core.gaps import Gaps
from core.history import History
from core.jobs import JobRows
from core.moderation import Moderation
from core.pacer import Pacers
from core.permissions import Rules
from core.ports import Lacking, Standing
from core.pressing import Pressing
from core.replies import Actions, Failed, Finished, Form, Menu, Notice, ReplyEvent, TextDelta
from core.reviews import Reviews
from core.settings import Disclosure, EngineSettings
from core.sharing import Sharing
from core.sightings import Sightings
from core.spend import Spending
from core.taught import TaughtMessages
from core.team_answers import TeamAnswers
from knowledge_base.library import Library
from knowledge_base.web import WebPages
from tests.support.libraries import open_library
from tests.support.own_data import own_data_of, unlimited
from tests.support.recording_outbox import QUICK, RecordingOutbox
from tests.support.scripted_engine import ScriptedEngine

MODERATOR = Author("mo", "Mo", is_moderator=True)
ADMIN = Author("ann", "Ann", is_channel_admin=True)
OWNER = Author("owner", "Olga")
MEMBER = Author("ada", "Ada")
OTHER = Author("eve", "Eve")


class Town(RecordingOutbox):
    """A platform that knows who stands how in which channel."""

    def __init__(self) -> None:
        super().__init__(replace(QUICK, can_buttons=True))
        self.standings: dict[tuple[str, str], Standing] = {}
        self.within: dict[tuple[str, str], bool] = {}
        self.lacks: list[Lacking] = []

    async def is_member(self, user_id, channel):
        standing = self.standings.get((user_id, channel.channel_id))
        return None if standing is None else standing.can_read

    async def standing(self, user_id, channel):
        return self.standings.get((user_id, channel.channel_id))

    async def is_within(self, channel, other):
        return self.within.get((channel.channel_id, other.channel_id))

    async def lacking(self, channel):
        return self.lacks


@dataclass
class Said:
    """One reply, as events and as a reader sees it."""

    events: list[ReplyEvent] = field(default_factory=list)

    @property
    def text(self) -> str:
        return "".join(e.text for e in self.events if isinstance(e, TextDelta | Failed)).strip()

    @property
    def failed(self) -> bool:
        return any(isinstance(event, Failed) for event in self.events)

    @property
    def menus(self) -> tuple[Menu, ...]:
        return next((e.menus for e in reversed(self.events) if isinstance(e, Actions)), ())

    @property
    def buttons(self) -> dict[str, str]:
        """Actions by their labels."""
        return {button.label: button.action for menu in self.menus for button in menu.buttons}

    @property
    def notices(self) -> list[str]:
        return [event.text for event in self.events if isinstance(event, Notice)]


class Hall:
    """Everything that commands work with, and a channel called "town" on one platform."""

    def __init__(
        self, library: Library, database: Database, folder: Path, disclosure: Disclosure
    ) -> None:
        self.library = library
        self.folder = folder
        self.database = database
        self.outbox = Town()
        outboxes = {Platform.DISCORD: self.outbox}
        rules = Rules(owners=frozenset({MemberRef(Platform.DISCORD, OWNER.user_id)}))
        queued = QueuedEngine.of(ScriptedEngine(), EngineSettings())
        small = QueuedEngine.of(ScriptedEngine(name="smollm2"), EngineSettings())
        self.engines = EngineChoice({"scripted": queued, "smollm2": small}, "scripted", queued)
        self.channels = Channels(database)
        self.sightings = Sightings(database)
        bindings = Bindings(database)
        self.access = Access(library, self.channels, self.sightings, bindings, outboxes)
        self.sharing = Sharing(library, self.access, self.sightings, bindings, outboxes, rules)
        self.reviews = Reviews(database, folder / "reviews")
        self.taught = TaughtMessages(database)
        self.spending = Spending(database)
        self.asked: list[IncomingMessage] = []
        self.resources = Resources(
            library=library,
            engines=self.engines,
            history=History(database),
            answer=self._answer,
            access=self.access,
            channels=self.channels,
            sightings=self.sightings,
            sharing=self.sharing,
            confirmations=Confirmations(database),
            reviews=self.reviews,
            taught=self.taught,
            forms=OpenForms(database),
            moderation=Moderation.over(
                database, folder / "reviews", self.channels, outboxes, Envoy(outboxes), rules
            ),
            gaps=Gaps(database, library),
            answers=TeamAnswers(database, outboxes),
            own_data=own_data_of(database, library, self.channels, folder, outboxes),
            limiting=unlimited(database, self.channels, rules, outboxes),
            disclosure=disclosure,
            max_file_mb=1,
            spending=self.spending,
            jobs=JobRows(database),
            feedback=Feedback(database),
        )
        self.assistant = Assistant(self.resources, rules)
        self._pacers = Pacers()
        self.pressing = Pressing(
            self.assistant.reply,
            outboxes,
            lambda event: self._pacers.of(
                event.conversation.channel, event.kind, self.outbox.capabilities
            ),
        )

    async def _answer(self, message: IncomingMessage) -> AsyncGenerator[ReplyEvent, None]:
        self.asked.append(message)
        yield TextDelta(f"You asked: {message.text}")
        yield Finished("stop")

    async def reply(self, message: IncomingMessage) -> Said:
        await self.sightings.saw(message)
        said = Said()
        async with aclosing(self.assistant.reply(message)) as events:
            async for event in events:
                said.events.append(event)
        return said

    async def types(self, text: str, author: Author = MEMBER, **facts: object) -> Said:
        """Somebody writes in the channel; `facts` are fields of the message."""
        return await self.reply(spoken(text, author, **facts))

    async def slash(self, command: str, author: Author = MEMBER, /, **options: object) -> Said:
        return await self.reply(
            replace(spoken("", author), command=Invocation(command, options))  # type: ignore[arg-type]
        )

    async def press(
        self,
        action: str,
        author: Author,
        *,
        channel: str = "town",
        text: str = "…",
        acknowledged: bool = True,
    ) -> str:
        """Somebody presses a button below a message of ours; what the message shows then."""
        where = ConversationRef(ChannelRef(Platform.DISCORD, channel))
        ours = await self.outbox.send(where, text)
        pressed = InteractionRef(Platform.DISCORD, f"press {ours}") if acknowledged else None
        kind = ChannelKind.PRIVATE if channel.startswith("dm-") else ChannelKind.GROUP
        server = "9" if kind is ChannelKind.GROUP else None
        event = ActionPressed(where, ours, action, author, kind, pressed, server_id=server)
        await self.pressing.pressed(event)
        return self.outbox.messages[ours].text

    async def opens(self, command: str, author: Author = MODERATOR, /, **facts: object) -> Form:
        """The form that a command opens; `options` and `message` are given by name."""
        options = facts.pop("options", {})
        message = spoken("", author, **{"command": Invocation(command, options), **facts})  # type: ignore[arg-type]
        form = await self.assistant.form_of(message)
        assert form is not None
        return form

    async def fills(
        self, form: Form, author: Author = MODERATOR, /, message_id: str = "f1", **values: str
    ) -> Said:
        """Somebody sends it off; what is not named stays as it stands."""
        written = {field.name: field.value for field in form.fields} | values
        invocation = Invocation(FORM, {TOKEN: form.token, **written})
        return await self.reply(spoken("", author, command=invocation, message_id=message_id))

    async def documents(self, base: str = "discord:town") -> list[str]:
        found = await self.library.ensure_base(base)
        return [own.name for own in await self.library.documents(found.base_id)]


def spoken(text: str, author: Author = MEMBER, **facts: object) -> IncomingMessage:
    """A message in the channel "town" of server 9."""
    message = IncomingMessage(
        ConversationRef(ChannelRef(Platform.DISCORD, "town")),
        ChannelKind.GROUP,
        Trigger.MENTION,
        "1",
        author,
        text,
        datetime.now(UTC),
        server_id="9",
        place=Place("town", "Fair"),
    )
    return replace(message, **facts)  # type: ignore[arg-type]


def whispered(text: str, author: Author = MEMBER, **facts: object) -> IncomingMessage:
    """The same in a private chat."""
    where = ConversationRef(ChannelRef(Platform.DISCORD, f"dm-{author.user_id}"))
    private = {"conversation": where, "kind": ChannelKind.PRIVATE, "trigger": Trigger.PRIVATE}
    return spoken(text, author, **{**private, "server_id": None, "place": Place(), **facts})


def attachment(
    name: str,
    text: str | bytes | None = None,
    *,
    size: int | None = None,
    media_type: str = "text/plain",
    fetched: list[str] | None = None,
) -> Attachment:
    """A file; what is fetched is noted."""

    async def save(path: Path, limit: int) -> None:
        if fetched is not None:
            fetched.append(name)
        if size is not None and size > limit:
            raise AttachmentTooLargeError(name, limit, "knowledge.max_file_mb")
        content = text if isinstance(text, bytes) else (text or f"Text of {name}.").encode()
        await asyncio.to_thread(path.write_bytes, content)

    return Attachment(f"id of {name}", name, media_type, size, save)


@asynccontextmanager
async def open_hall(
    folder: Path, disclosure: Disclosure | None = None, pages: WebPages | None = None
) -> AsyncIterator[Hall]:
    async with (
        Database.open(folder / "lorekeeper.db") as database,
        open_library(folder / "library", pages=pages) as library,
    ):
        hall = Hall(library, database, folder, disclosure or Disclosure())
        await hall.channels.load()
        yield hall
