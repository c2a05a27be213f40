"""Events become replies: owned tasks, one member's questions in order, an end for each."""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections.abc import AsyncGenerator, Awaitable, Callable, Hashable, Mapping
from contextlib import aclosing
from enum import Enum
from typing import Final, TypeAlias

from core.database import Database
from core.events import (
    ChannelKind,
    ConversationRef,
    IncomingEvent,
    IncomingMessage,
    Platform,
)
from core.language import Words, language_of, words
from core.ports import Outbox
from core.replies import Failed, Finished, ReplyEvent
from core.settings import DispatcherSettings
from core.turns import Turn, Turns

Reply: TypeAlias = Callable[[IncomingMessage], AsyncGenerator[ReplyEvent, None]]

_log = logging.getLogger(__name__)


class Ending(Enum):
    """Why a reply was cancelled; decides what becomes of what it has shown."""

    STOPPED = "stopped"
    REPLACED = "replaced"
    DELETED = "deleted"


class Run:
    """One reply in the making."""

    def __init__(self, message: IncomingMessage, turn: Turn | None) -> None:
        self.message: Final = message
        self.turn: Final = turn
        self.ending = Ending.STOPPED
        self.task: asyncio.Task[None]
        self.failure: Failed | None = None

    @property
    def immediate(self) -> bool:
        return self.turn is None


def words_for(message: IncomingMessage) -> Words:
    """By the platform's locale, else by the language of the message."""
    return words(message.locale or language_of(message.text))


class Dispatcher:
    """The inbox of every surface. Nothing it starts outlives `drain`."""

    def __init__(
        self,
        reply: Reply,
        outboxes: Mapping[Platform, Outbox],
        database: Database,
        settings: DispatcherSettings,
        *,
        is_immediate: Callable[[IncomingMessage], bool] | None = None,
    ) -> None:
        self._reply = reply
        self._outboxes = outboxes
        self._database = database
        self._settings = settings
        self._is_immediate = is_immediate
        self._turns = Turns()
        self._runs: set[Run] = set()
        self._closing = False

    def submit(self, event: IncomingEvent) -> None:
        raise NotImplementedError

    async def stream(self, message: IncomingMessage) -> AsyncGenerator[ReplyEvent, None]:
        """The reply for a surface that shows it itself; closing the generator cancels it.

        It waits for its turn like any other. No row is kept of it: with the surface its reader is
        gone too, and nobody could be answered later. A reply that is stopped ends with
        `Finished("cancelled")`.
        """
        if self._closing:
            yield Finished("cancelled")
            return
        # Without a bound: a slow reader must not hold the engine's slot.
        shown: asyncio.Queue[ReplyEvent | None] = asyncio.Queue()
        run = self._start(message, lambda: self._consume(message, shown.put_nowait))
        run.task.add_done_callback(lambda _task: shown.put_nowait(None))
        try:
            while (event := await shown.get()) is not None:
                yield event
            if run.task.cancelled():
                yield Finished("cancelled")
            elif run.failure is not None:
                yield run.failure
        finally:
            run.task.cancel()
            await asyncio.wait({run.task})

    def cancel(self, conversation: ConversationRef, user_id: str | None = None) -> int:
        """Stop the replies of a conversation, or one member's there; the number stopped.

        What is immediate (the command that stops, above all) goes on.
        """
        found = [
            run
            for run in self._runs
            if run.message.conversation == conversation
            and user_id in (None, run.message.author.user_id)
            and not run.immediate
        ]
        for run in found:
            run.task.cancel()
        return len(found)

    async def drain(self, grace: float | None = None) -> None:
        """Refuse new work, wait up to `grace` seconds, then stop what is left."""
        # Runs before the listeners close: replies in flight still need their connection.
        self._closing = True
        tasks = {run.task for run in self._runs}
        if not tasks:
            return
        seconds = self._settings.grace_seconds if grace is None else grace
        _done, late = await asyncio.wait(tasks, timeout=seconds)
        for task in late:
            task.cancel()
        if late:
            await asyncio.wait(late)

    def _start(self, message: IncomingMessage, work: Callable[[], Awaitable[None]]) -> Run:
        # The place in line is taken now, not when the task first runs: order is order of arrival.
        immediate = self._is_immediate is not None and self._is_immediate(message)
        turn = None if immediate else self._turns.line_up(_line_of(message))
        run = Run(message, turn)
        run.task = asyncio.create_task(
            self._run(run, work), name=f"reply {message.conversation} {message.message_id}"
        )
        self._runs.add(run)
        run.task.add_done_callback(lambda _task: self._forget(run))
        return run

    def _forget(self, run: Run) -> None:
        # A task that is cancelled before its first step runs none of its own `finally`.
        self._runs.discard(run)
        if run.turn is not None:
            run.turn.leave()

    async def _run(self, run: Run, work: Callable[[], Awaitable[None]]) -> None:
        """The second and last broad catch of the program: what nobody expected of a reply."""
        try:
            if run.turn is not None:
                await run.turn.reached.wait()
            await work()
        except Exception:  # noqa: BLE001 - one of the two that the program may have
            reference = secrets.token_hex(2).upper()
            _log.exception("reply failed", extra={"reference": reference})
            _ = words_for(run.message)
            run.failure = Failed(
                _("Something went wrong on my side (reference {reference}).", reference=reference),
                reference,
            )

    async def _consume(self, message: IncomingMessage, show: Callable[[ReplyEvent], None]) -> None:
        """Hand every event of the reply over; the reply is closed when this returns."""
        limit = asyncio.timeout(self._settings.reply_seconds)
        try:
            async with limit, aclosing(self._reply(message)) as events:
                async for event in events:
                    show(event)
        except TimeoutError:
            if not limit.expired():
                raise
            show(Failed(_too_long(words_for(message))))


def _line_of(message: IncomingMessage) -> Hashable:
    """A private chat is one line; in a group every member has a line of their own."""
    if message.kind is ChannelKind.PRIVATE:
        return message.conversation
    return message.conversation, message.author.user_id


def _too_long(_: Words) -> str:
    return _("This took too long, so I stopped. Please ask again, or ask for less at once.")
