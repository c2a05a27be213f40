"""The Discord surface under test: entered, listening, with an inbox that remembers."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Coroutine, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TypeVar

from pydantic import SecretStr

from bot.adapters.discord import Addressed, DiscordListener, Past
from bot.settings import DiscordSettings
from core.commands.base import Command, CommandContext, Option, Replies
from core.events import IncomingEvent, IncomingMessage, Interrupted, Platform
from core.permissions import Level
from core.ports import Part
from tests.platforms.discord_server.client import Shown
from tests.platforms.discord_server.server import FakeDiscord

E = TypeVar("E")


async def _nothing(context: CommandContext) -> Replies:
    raise AssertionError("the adapter runs no command")
    yield


COMMANDS = (
    Command(
        "ask",
        Level.MEMBER,
        "ask a question about the documents",
        _nothing,
        (
            Option("question", "what you want to know"),
            Option("private", "only you see the answer", required=False, kind="boolean"),
        ),
        message_menu="Ask about this",
        quotes=True,
    ),
    Command("help", Level.MEMBER, "what you can do here", _nothing),
    Command("kb search", Level.MEMBER, "search", _nothing, (Option("query", "what"),)),
    Command(
        "kb add",
        Level.UPLOADER,
        "learn files",
        _nothing,
        (Option("url", "a page", required=False),),
        takes_files=True,
        message_menu="Add to knowledge base",
    ),
    Command(
        "kb remove",
        Level.MODERATOR,
        "take a document out",
        _nothing,
        (Option("name", "the document's name", completes=True),),
    ),
    Command(
        "kb purge",
        Level.MODERATOR,
        "take out all of somebody's uploads",
        _nothing,
        (
            Option("since", "days back", required=False, kind="integer", choices=("1", "7")),
            Option("who", "the member", kind="member"),
        ),
    ),
    Command("pause", Level.MODERATOR, "be silent", _nothing),
    Command("settings", Level.CHANNEL_ADMIN, "how I behave here", _nothing),
    Command("model", Level.OWNER, "which model answers here", _nothing),
)


@dataclass
class HearingInbox:
    """Remembers what it is given; `hears` waits for an event."""

    events: list[IncomingEvent] = field(default_factory=list)
    _changed: asyncio.Condition = field(default_factory=asyncio.Condition)
    _news: set[asyncio.Task[None]] = field(default_factory=set)

    async def noted(self) -> None:
        """All that there is to it."""

    def hold(self, part: Part) -> None:
        raise AssertionError("it comes in one piece")

    def release(self, message: IncomingMessage, whole: str) -> None:
        raise AssertionError("it comes in one piece")

    async def held(self, platform: Platform) -> tuple[Part, ...]:
        return ()

    def submit(self, event: IncomingEvent) -> None:
        self.events.append(event)
        task = asyncio.create_task(self._tell())
        self._news.add(task)
        task.add_done_callback(self._news.discard)

    async def stream(self, message: IncomingMessage) -> AsyncGenerator[object, None]:
        raise AssertionError("push surfaces do not stream")
        yield

    async def hears(
        self, kind: type[E], where: Callable[[E], bool] = lambda _event: True, within: float = 10
    ) -> E:
        """The first event of this kind that there is or comes, taken out."""

        def found() -> E | None:
            return next((e for e in self.events if isinstance(e, kind) and where(e)), None)

        async with asyncio.timeout(within), self._changed:
            await self._changed.wait_for(lambda: found() is not None)
        event = found()
        assert event is not None
        self.events.remove(event)
        return event

    async def _tell(self) -> None:
        async with self._changed:
            self._changed.notify_all()


@dataclass
class NameCompleter:
    """Suggests from a list what begins as typed; remembers what it was asked."""

    names: Sequence[str] = ("fish.pdf", "filters.md", "pumps.txt")
    asked: list[IncomingMessage] = field(default_factory=list)

    async def complete(self, message: IncomingMessage, option: str, typed: str) -> Sequence[str]:
        self.asked.append(message)
        return [name for name in self.names if name.startswith(typed)]


@dataclass
class Surface:
    """A listener at work."""

    listener: DiscordListener
    inbox: HearingInbox
    completer: NameCompleter
    listening: asyncio.Task[None]

    @property
    def outbox(self):
        return self.listener.outbox

    async def asked(self, using: Coroutine[object, object, Shown]) -> Asked:
        """Somebody uses a command: what we hear, while they wait for the answer."""
        waiting = asyncio.ensure_future(using)
        return Asked(self, await self.inbox.hears(IncomingMessage), waiting)


@dataclass
class Asked:
    """A command that waits for its answer."""

    surface: Surface
    message: IncomingMessage
    waiting: asyncio.Future[Shown]

    async def answered(self, text: str = "Done.") -> tuple[str, Shown]:
        """Answer: the new message's id, and what the one who asked sees."""
        sent = await self.surface.outbox.send(
            self.message.conversation, text, reply_to=self.message.reply_to
        )
        return sent, await self.waiting


def settings_for(fake: FakeDiscord, **more: object) -> DiscordSettings:
    """The configuration that leads to the local Discord."""
    return DiscordSettings(token=SecretStr(fake.token), api_base_url=fake.api_base_url, **more)


@asynccontextmanager
async def surface(
    fake: FakeDiscord,
    *,
    commands: Sequence[Command] = COMMANDS,
    addressed: Addressed | None = None,
    **settings: object,
) -> AsyncGenerator[Surface, None]:
    """The surface, connected and listening."""
    completer, inbox = NameCompleter(), HearingInbox()
    made = DiscordListener(
        settings_for(fake, **settings), commands, completer, past=Past(addressed)
    )
    async with made as listener:
        listening = asyncio.create_task(listener.listen(inbox))
        try:
            await fake.connected()
            await inbox.hears(Interrupted)  # as whenever a session begins
            yield Surface(listener, inbox, completer, listening)
        finally:
            listening.cancel()
            await asyncio.wait({listening})
