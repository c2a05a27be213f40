"""Events become replies: owned tasks, one member's questions in order, an end for each."""

from __future__ import annotations

import asyncio
import logging
import secrets
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Hashable, Mapping
from contextlib import ExitStack, aclosing
from dataclasses import dataclass, field
from functools import partial
from typing import Final, TypeAlias, assert_never

from core.actions import Answers
from core.answering import Answering, Earlier, RowReceipts, words_for
from core.buttons import STOP
from core.database import Database
from core.errors import DeliveryError
from core.events import (
    ActionPressed,
    Asked,
    ChannelKind,
    ChannelMigrated,
    ChannelRef,
    ConversationRef,
    IncomingEvent,
    IncomingMessage,
    Joined,
    Left,
    MessageDeleted,
    MessageEdited,
    Platform,
    Trigger,
)
from core.feedback import Feedback, move_feedback
from core.history import History, move_exchanges
from core.inbox import DurableInbox, Entry, InboxState, digest_of, move_inbox
from core.language import Words, words
from core.moves import move_channel
from core.pacer import Pacers
from core.ports import Outbox
from core.posting import Way, take_back
from core.replies import Failed, Finished, ReplyEvent
from core.runs import Run, Runs
from core.settings import DispatcherSettings
from core.turns import Turn, Turns
from knowledge_base.errors import StorageBusyError
from knowledge_base.leases import locked

Stop: TypeAlias = Callable[[ConversationRef, str | None], int]
Reply: TypeAlias = Callable[[IncomingMessage, Stop], AsyncGenerator[ReplyEvent, None]]
"""The whole reply to a message; with the means to stop others, for the command that does."""

RESUMING: Final = "resuming.lock"
"""Beside the database; whoever holds it works off what an earlier run left owed."""

_log = logging.getLogger(__name__)


def moderates(event: ActionPressed) -> bool:
    """As far as the platform tells."""
    return event.author.is_channel_admin or event.author.is_moderator


@dataclass(frozen=True, slots=True)
class Hooks:
    """What the dispatcher leaves to others; None where there is nobody."""

    words: Callable[[IncomingMessage], Words] = words_for
    """The language of what delivery says by itself."""
    is_immediate: Callable[[IncomingMessage], bool] | None = None
    """Commands that wait for no turn, since they act on the reply that has it."""
    action: Callable[[ActionPressed, Answers], Awaitable[None]] | None = None
    """Every button but Stop, with the means to make answers anew and to take them out."""
    moderates: Callable[[ActionPressed], bool] = moderates
    """Whether somebody may stop the replies to others."""
    migrated: Callable[[ChannelRef, ChannelRef], Awaitable[None]] | None = None
    """Called when history and inbox have followed a channel to its new id."""
    membership: Callable[[Joined | Left], Awaitable[None]] | None = None
    """Called when the bot was added to a server or group, or taken out of it."""
    admits: Callable[[Asked], Awaitable[bool]] | None = None
    """Whether to deal with this at all; of what is not admitted, nothing is read or stored."""
    ambient: Callable[[IncomingMessage], IncomingMessage | None] | None = None
    """What to make of a message that does not address us; None: nothing."""
    changed: Callable[[MessageEdited | MessageDeleted], Awaitable[None]] | None = None
    """Told of every message that was edited or deleted, whoever it addressed."""
    refetch: Callable[[IncomingMessage], Awaitable[IncomingMessage | None]] | None = None
    """Gives a question of an earlier run its files again; None: they are gone."""
    pacers: Pacers = field(default_factory=Pacers)
    """Shared with who else writes in these channels."""


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
        self._reply = reply
        self._outboxes = outboxes
        self._database = database
        self._settings = settings
        self._hooks = hooks = hooks or Hooks()
        self._clock = clock
        self._inbox = DurableInbox(database, clock=clock)
        self._history = History(database, clock=clock)
        self._feedback = Feedback(database, clock=clock)
        self._turns = Turns()
        self._mending = Turns()
        self._pacers = hooks.pacers
        self._runs = Runs()
        self._closing = asyncio.Event()
        self._closed = False
        self._lease = ExitStack()
        self._leased = False

    def submit(self, event: IncomingEvent) -> None:
        """Take an event of a surface that has an outbox. Returns at once."""
        if self._closed:
            _log.warning("event after the end was dropped")
            return
        match event:
            case IncomingMessage():
                self._submit(event)
            case MessageEdited(message):
                turn = self._mending.line_up(_key(message))
                self._chore(partial(self._edited, message), "edit", turn)
            case MessageDeleted(conversation, message_id):
                turn = self._mending.line_up((conversation, message_id))
                self._chore(partial(self._deleted, event), "deletion", turn)
            case ChannelMigrated(old, new):
                self._chore(partial(self._migrated, old, new), "migration")
            case ActionPressed():
                self._runs.chore(partial(self._run, partial(self._pressed, event), event), "action")
            case Joined() | Left():
                if self._hooks.membership is not None:
                    self._chore(partial(self._hooks.membership, event), "membership")
            case _:
                assert_never(event)

    async def stream(self, message: IncomingMessage) -> AsyncGenerator[ReplyEvent, None]:
        """The reply for a surface that shows it itself; closing the generator cancels it.

        It waits for its turn like any other. No row is kept of it: with the surface its reader is
        gone too, and nobody could be answered later. A reply that is stopped ends with
        `Finished("cancelled")`.
        """
        if self._closing.is_set():
            yield Finished("cancelled")
            return
        # Without a bound: a slow reader must not hold the engine's slot.
        shown: asyncio.Queue[ReplyEvent | None] = asyncio.Queue()
        run = Run(message, self._line_up(message), None)
        work = partial(self._pull, run, shown.put_nowait)
        self._runs.start(run, partial(self._run, work, run))
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
        return self._runs.stop(conversation, user_id)

    async def resume(self, platform: Platform | None = None) -> int:
        """Answer what an earlier run of the program still owes; the number of questions begun.

        The answers go into the messages that are already there. Call it for each platform before
        its surface listens; None: for all that have an outbox.
        """
        if not await self._may_resume():
            _log.warning("another process serves this data directory: what is owed is left to it")
            return 0
        # A platform that was lost in between is reached by another outbox now: what is under way
        # still holds the old one, and would be answered a second time beside it.
        runs = self._runs.of(self._outboxes if platform is None else (platform,))
        await asyncio.gather(*(run.supersede() for run in runs))
        begun = 0
        for owed in await self._inbox.owed(self._outboxes if platform is None else (platform,)):
            message: IncomingMessage | None = owed.message
            if owed.had_attachments:
                refetch = self._hooks.refetch
                message = await refetch(owed.message) if refetch is not None else None
            missed = self._is_missed(owed.message)
            answering = self._answering(message or owed.message, Earlier(owed.inbox_id, owed.sent))
            if message is None or missed:
                silently = missed and not owed.sent
                self._chore(partial(answering.give_up, silently=silently), "giving up")
            else:
                self._answer(answering)
                begun += 1
        return begun

    async def drain(self, grace: float | None = None) -> None:
        """Refuse new work, wait up to `grace` seconds, then stop what is left.

        A question that still waits for its turn, or of which nothing was shown, stays owed.
        """
        # Runs before the listeners close: replies in flight still need their connection.
        self._closing.set()
        # What was handed in a moment ago takes its first step, and with it gets its row.
        await asyncio.sleep(0)
        await self._runs.end(self._settings.grace_seconds if grace is None else grace)
        self._closed = True
        self._lease.close()

    def again(self, conversation: ConversationRef, message_id: str) -> None:
        """Answer a past question anew, into the messages of its old answer. Returns at once.

        Nothing happens where its words are not kept any more, or where it is being answered.
        """
        if self._closed:
            return
        turn = self._mending.line_up((conversation, message_id))
        self._chore(partial(self._again, conversation, message_id), "again", turn)

    def _submit(self, message: IncomingMessage) -> None:
        if message.trigger is Trigger.AMBIENT:
            ambient = self._hooks.ambient
            meant = ambient(message) if ambient is not None else None
            if meant is None:
                return  # Of what is not addressed to us nothing is kept.
            message = meant
        if self._runs.kept(message.conversation, message.message_id) is not None:
            return
        if self._is_missed(message):
            self._chore(partial(self._skip, message), "skipping")
        else:
            self._answer(self._answering(message))

    def _answer(self, answering: Answering) -> None:
        run = Run(answering.message, self._line_up(answering.message), answering)
        work = partial(answering.run, self._admits, self._consume, run.turn, self._closing)
        self._runs.start(run, partial(self._run, work, run))

    async def _admits(self, asked: Asked) -> bool:
        return self._hooks.admits is None or await self._hooks.admits(asked)

    def _answering(self, message: IncomingMessage, earlier: Earlier | None = None) -> Answering:
        channel = message.conversation.channel
        outbox = self._outboxes[channel.platform]
        pacer = self._pacers.of(channel, message.kind, outbox.capabilities)
        words = self._hooks.words(message)
        way = Way(outbox, pacer, self._settings.longest_answer_characters)
        return Answering(message, words, self._inbox, way, earlier)

    def _is_missed(self, message: IncomingMessage) -> bool:
        age = self._clock() - message.sent_at.timestamp()
        return age > self._settings.answer_missed_minutes * 60

    async def _skip(self, message: IncomingMessage) -> None:
        if await self._admits(message):
            await self._inbox.receive(message, InboxState.SKIPPED)

    def _line_up(self, message: IncomingMessage) -> Turn | None:
        """A place in line, taken when the message comes; None for what waits for nobody."""
        is_immediate = self._hooks.is_immediate
        if is_immediate is not None and is_immediate(message):
            return None
        return self._turns.line_up(_line_of(message))

    def _chore(
        self, work: Callable[[], Awaitable[None]], name: str, turn: Turn | None = None
    ) -> None:
        self._runs.chore(partial(self._run, work), name, turn)

    async def _run(
        self, work: Callable[[], Awaitable[None]], on: Run | ActionPressed | None = None
    ) -> None:
        """The second and last broad catch of the program: what nobody expected."""
        try:
            await work()
        except Exception:  # noqa: BLE001 - one of the two that the program may have
            reference = secrets.token_hex(2).upper()
            _log.exception("unexpected failure", extra={"reference": reference})
            if on is None:
                return
            _ = self._hooks.words(on.message) if isinstance(on, Run) else words(on.locale)
            failure = Failed(
                _("Something went wrong on my side (reference {reference}).", reference=reference),
                reference,
            )
            if isinstance(on, ActionPressed):
                await self._reveal(on, failure.text)
                return
            on.failure = failure
            if on.answering is not None:
                await on.answering.tell(failure)

    async def _pull(self, run: Run, show: Callable[[ReplyEvent], None]) -> None:
        if run.turn is not None:
            await run.turn.reached.wait()
        await self._consume(run.message, show)

    async def _consume(self, message: IncomingMessage, show: Callable[[ReplyEvent], None]) -> None:
        """Hand every event of the reply over; the reply is closed when this returns."""
        limit = asyncio.timeout(self._settings.reply_seconds)
        try:
            async with limit, aclosing(self._reply(message, self.cancel)) as events:
                async for event in events:
                    show(event)
        except TimeoutError:
            if not limit.expired():
                raise
            _ = self._hooks.words(message)
            text = _("This took too long, so I stopped. Please ask again, or ask for less at once.")
            show(Failed(text))

    async def _edited(self, message: IncomingMessage) -> None:
        if self._hooks.changed is not None:
            await self._hooks.changed(MessageEdited(message))
        if message.trigger is Trigger.AMBIENT:
            return
        entry = await self._inbox.find(message.conversation, message.message_id)
        if entry is not None and not self._is_worth_an_edit(entry, message):
            return
        run = self._runs.kept(*_key(message))
        if run is None and entry is None:
            return
        if run is not None:
            await run.supersede()
            entry = await self._inbox.find(message.conversation, message.message_id)
        if entry is None:
            self._submit(message)
            return
        await self._inbox.receive_again(entry.inbox_id, message)
        self._answer(self._answering(message, Earlier(entry.inbox_id, entry.sent, is_another=True)))

    def _is_worth_an_edit(self, entry: Entry, message: IncomingMessage) -> bool:
        age = self._clock() - entry.received_at
        return (
            entry.state is not InboxState.SKIPPED
            and entry.digest != digest_of(message)
            and age <= self._settings.edit_window_minutes * 60
        )

    async def _deleted(self, event: MessageDeleted) -> None:
        if self._hooks.changed is not None:
            await self._hooks.changed(event)
        run = self._runs.kept(event.conversation, event.message_id)
        if run is not None:
            await run.supersede()
        # First what is ours to do: the platform may refuse, and a start must not answer it again.
        await self._history.remove(event.conversation, event.message_id)
        await self._feedback.remove(event.conversation, event.message_id)
        entry = await self._inbox.find(event.conversation, event.message_id)
        if entry is None:
            return
        await self._inbox.finish(entry.inbox_id)
        channel = event.conversation.channel
        outbox = self._outboxes[channel.platform]
        # Whether the channel is a group we know from the pacer it has, or assume.
        pacer = self._pacers.of(channel, ChannelKind.GROUP, outbox.capabilities)
        receipts = RowReceipts(self._inbox, entry.inbox_id)
        await take_back(entry.sent, event.conversation, outbox, pacer, receipts)

    async def _migrated(self, old: ChannelRef, new: ChannelRef) -> None:
        async with self._database.transaction() as connection:
            await move_channel(connection, old, new)
            await move_exchanges(connection, old, new)
            await move_inbox(connection, old, new)
            await move_feedback(connection, old, new)
        if self._hooks.migrated is not None:
            await self._hooks.migrated(old, new)

    async def _again(self, conversation: ConversationRef, message_id: str) -> None:
        if self._runs.kept(conversation, message_id) is not None:
            return
        kept = await self._inbox.kept(conversation, message_id)
        if kept is None:
            return
        message: IncomingMessage | None = None
        if kept.had_attachments and self._hooks.refetch is not None:
            message = await self._hooks.refetch(kept.message)
        message = message or kept.message
        await self._inbox.receive_again(kept.inbox_id, message)
        self._answer(self._answering(message, Earlier(kept.inbox_id, kept.sent, is_another=True)))

    async def _may_resume(self) -> bool:
        # Two processes would both answer what one of them is to answer.
        if not self._leased:
            lock = locked(self._database.path.with_name(RESUMING), 0)
            try:
                await asyncio.to_thread(self._lease.enter_context, lock)
            except StorageBusyError:
                return False
            self._leased = True
        return True

    async def _pressed(self, event: ActionPressed) -> None:
        if not await self._admits(event):
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
            return
        if event.author.user_id == run.message.author.user_id or self._hooks.moderates(event):
            run.task.cancel()
        else:
            _ = words(event.locale)
            await self._reveal(event, _("Only who asked and moderators can do that."))

    async def _reveal(self, event: ActionPressed, text: str) -> None:
        if event.interaction is None:
            return
        try:
            outbox = self._outboxes[event.conversation.channel.platform]
            await outbox.reveal(event.interaction, text)
        except DeliveryError:
            _log.info("nobody could be told about %r", event.action, exc_info=True)


def _key(message: IncomingMessage) -> tuple[ConversationRef, str]:
    return message.conversation, message.message_id


def _line_of(message: IncomingMessage) -> Hashable:
    """A private chat is one line; in a group every member has a line of their own."""
    if message.kind is ChannelKind.PRIVATE:
        return message.conversation
    return message.conversation, message.author.user_id
