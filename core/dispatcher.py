"""Events become replies: owned tasks, one member's questions in order, an end for each."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from functools import partial
from typing import assert_never

from core.amending import Amending
from core.buttons import STOP
from core.database import Database
from core.errors import DeliveryError
from core.events import (
    ActionPressed,
    ChannelMigrated,
    ConversationRef,
    IncomingEvent,
    IncomingMessage,
    Interrupted,
    Joined,
    Left,
    MessageDeleted,
    MessageEdited,
    Platform,
)
from core.holding import Holding
from core.hooks import Hooks, Reply
from core.inbox import DurableInbox
from core.language import words
from core.ports import Outbox, Part
from core.replies import Finished, ReplyEvent
from core.replying import Replying
from core.resuming import Resuming
from core.settings import DispatcherSettings

_log = logging.getLogger(__name__)


class Dispatcher:
    """The inbox of every surface. Nothing it starts outlives `drain`."""

    def __init__(
        self,
        reply: Reply,
        outboxes: Mapping[Platform, Outbox],
        database: Database,
        settings: DispatcherSettings,
        *,
        hooks: Hooks | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._outboxes = outboxes
        self._settings = settings
        self._hooks = hooks = hooks or Hooks()
        self._inbox = inbox = DurableInbox(database, clock=clock)
        self._replying = Replying(reply, outboxes, inbox, settings, hooks, clock)
        self._amending = Amending(self._replying, inbox, database, settings, hooks, clock)
        self._resuming = Resuming(self._replying, self._amending, inbox, database, settings, hooks)
        self._holding = Holding(self._replying, inbox, database, clock=clock)
        self._runs = self._replying.runs
        self._closed = False

    def submit(self, event: IncomingEvent) -> None:
        """Take an event of a surface that has an outbox. Returns at once."""
        if self._closed:
            _log.warning("event after the end was dropped")
            return
        match event:
            case IncomingMessage():
                self._replying.take(event)
            case MessageEdited():
                self._amending.edited(event)
            case MessageDeleted():
                self._amending.deleted(event)
            case ChannelMigrated():
                self._amending.migrated(event)
            case ActionPressed():
                self._replying.press(partial(self._pressed, event), event)
            case Joined() | Left():
                if self._hooks.membership is not None:
                    self._replying.chore(partial(self._hooks.membership, event), "membership")
            case Interrupted(platform):
                self._resuming.look_again(platform)
            case _:
                assert_never(event)

    async def noted(self) -> None:
        """See `Inbox`."""
        await self._holding.noted()
        await self._runs.noted()

    def hold(self, part: Part) -> None:
        """See `Inbox`."""
        if not self._closed:
            self._holding.hold(part)

    def release(self, message: IncomingMessage, whole: str) -> None:
        """See `Inbox`."""
        if not self._closed:
            self._holding.release(message, whole)

    async def held(self, platform: Platform) -> Sequence[Part]:
        """See `Inbox`."""
        return await self._holding.held(platform) if await self._resuming.may_resume() else ()

    async def stream(self, message: IncomingMessage) -> AsyncGenerator[ReplyEvent, None]:
        """The reply for a surface that shows it itself; closing the generator cancels it.

        It waits for its turn like any other. No row is kept of it: with the surface its reader is
        gone too, and nobody could be answered later. A reply that is stopped ends with
        `Finished("cancelled")`.
        """
        if self._replying.closing.is_set():
            yield Finished("cancelled")
            return
        # Without a bound: a slow reader must not hold the engine's slot.
        shown: asyncio.Queue[ReplyEvent | None] = asyncio.Queue()
        run = self._replying.pull(message, shown.put_nowait)
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
        return self._replying.cancel(conversation, user_id)

    async def resume(self, platform: Platform | None = None) -> int:
        """Answer what an earlier run of the program still owes; the number of questions begun.

        The answers go into the messages that are already there, in the words that the questions
        have now; what was asked in a message that is gone is not answered. Call it for each
        platform before its surface listens; None: for all that have an outbox.
        """
        return await self._resuming.resume(self._outboxes if platform is None else (platform,))

    async def drain(self, grace: float | None = None) -> None:
        """Refuse new work, wait up to `grace` seconds, then stop what is left.

        A question that still waits for its turn, or of which nothing was shown, stays owed.
        """
        # Runs before the listeners close: replies in flight still need their connection.
        self._replying.closing.set()
        # What was handed in a moment ago takes its first step, and with it gets its row.
        await asyncio.sleep(0)
        await self._runs.end(self._settings.grace_seconds if grace is None else grace)
        self._closed = True
        self._resuming.close()

    def again(self, conversation: ConversationRef, message_id: str) -> bool:
        """Answer a past question anew, into the messages of its old answer. Returns at once.

        False where it is being answered, or nothing is any more. Nothing happens either where its
        words are not kept.
        """
        return not self._closed and self._amending.again(conversation, message_id)

    def withdraw(self, conversation: ConversationRef, message_id: str) -> None:
        """Take the answer to a question out, and what is remembered of it. Returns at once.

        The question stays where it is, and with it what was taught from it.
        """
        if not self._closed:
            self._amending.withdraw(conversation, message_id)

    async def _pressed(self, event: ActionPressed) -> None:
        event = await self._followed(event)
        if not await self._replying.admits(event):
            return
        if event.action != STOP:
            if self._hooks.action is not None:
                await self._hooks.action(event, self)
            return
        # Not by the rows: a message is there to be pressed before its row is on disk. A draft is
        # none of ours: it is pressed by the message that it answers.
        run = self._runs.of_ours(event.conversation, event.message_id) or self._runs.kept(
            event.conversation, event.message_id
        )
        if run is None:
            await self._remove_remnant(event)
            return
        if event.author.user_id == run.message.author.user_id or self._hooks.moderates(event):
            run.task.cancel()
        else:
            _ = words(event.locale)
            await self._replying.reveal(event, _("Only who asked and moderators can do that."))

    async def _remove_remnant(self, event: ActionPressed) -> None:
        """Take away what is part of no answer: opened in the instant in which we were killed."""
        here, ours = event.conversation, event.message_id
        is_message = event.interaction is not None
        if not is_message or self._runs.any_in(here):
            return  # It may be a message whose row is not written yet.
        if await self._inbox.behind(here, ours) is None:
            outbox = self._outboxes[here.channel.platform]
            with suppress(DeliveryError):
                await outbox.delete(here, ours)

    async def _followed(self, event: ActionPressed) -> ActionPressed:
        """A press below a message from before the channel moved counts where it moved to; one of
        which its platform does not name the topic, in that topic."""
        here, ours = event.conversation, event.message_id
        if self._runs.of_ours(here, ours) or await self._inbox.behind(here, ours) is not None:
            return event
        moved = await self._inbox.followed(here, ours)
        if moved is None:
            return event
        was, now = here.channel.channel_id, moved.conversation.channel.channel_id
        server_id = now if event.server_id == was else event.server_id
        return replace(
            event,
            conversation=moved.conversation,
            message_id=moved.message_id,
            server_id=server_id,
            place=replace(event.place, is_thread=moved.conversation.thread_id is not None),
        )
