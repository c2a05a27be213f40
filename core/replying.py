"""Replies in the making: each is a task with an owner, a place in line and an end."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Hashable, Mapping
from contextlib import aclosing
from functools import partial
from typing import Final

from core import tracing
from core.answering import Answering, Earlier
from core.errors import DeliveryError
from core.events import (
    ActionPressed,
    Asked,
    ChannelKind,
    ConversationRef,
    IncomingMessage,
    Platform,
    Trigger,
)
from core.explain import explain
from core.hooks import Hooks, Reply
from core.inbox import DurableInbox, InboxState
from core.language import words
from core.ports import Outbox
from core.posting import Way
from core.replies import Failed, ReplyEvent
from core.runs import Run, Runs
from core.settings import DispatcherSettings
from core.speaking import Speaking
from core.turns import Turn, Turns

_log = logging.getLogger(__name__)


class Replying:
    """Begins replies and chores; nothing that it begins is without an owner."""

    def __init__(
        self,
        reply: Reply,
        outboxes: Mapping[Platform, Outbox],
        inbox: DurableInbox,
        settings: DispatcherSettings,
        hooks: Hooks,
        clock: Callable[[], float],
    ) -> None:
        self.runs: Final = Runs()
        self.turns: Final = Turns()
        self.closing: Final = asyncio.Event()
        self.outboxes: Final = outboxes
        self._reply = reply
        self._inbox = inbox
        self._settings = settings
        self._hooks = hooks
        self.clock: Final = clock

    def take(self, message: IncomingMessage) -> None:
        """Answer a new message, or note that it came too late."""
        meant = self.meant(message)
        if meant is None:
            self._overhear(message)  # Of what is not addressed to us nothing is kept.
            return
        if message.trigger is not Trigger.AMBIENT and self._hooks.speaking is not None:
            self._hooks.speaking.addressed(message)
        self._begin(meant)

    def meant(self, message: IncomingMessage) -> IncomingMessage | None:
        """A message as it is taken; None: it is not for us."""
        if message.trigger is not Trigger.AMBIENT:
            return message
        ambient = self._hooks.ambient
        return ambient(message) if ambient is not None else None

    def _overhear(self, message: IncomingMessage) -> None:
        speaking = self._hooks.speaking
        if speaking is None or self.is_missed(message) or not speaking.overhears(message):
            return
        turn = self.turns.line_up(("overheard", message.conversation))
        self.chore(partial(self._judge, speaking, message), "overheard", turn)

    async def _judge(self, speaking: Speaking, message: IncomingMessage) -> None:
        meant = await speaking.judge(message)
        if meant is not None and not self._begin(meant):
            speaking.ended(meant)

    def _begin(self, message: IncomingMessage) -> bool:
        """Whether it is answered now."""
        if self.runs.kept(message.conversation, message.message_id) is not None:
            return False
        if self.is_missed(message):
            self.chore(partial(self._skip, message), "skipping")
            return False
        self.start(self.answering(message))
        return True

    def start(self, answering: Answering) -> None:
        """Begin to answer. Returns at once."""
        run = Run(answering.message, self._line_up(answering.message), answering)
        work = partial(answering.run, self.admits, self._consume, run.turn, self.closing)
        self.runs.start(run, partial(self._run, work, run))
        speaking = self._hooks.speaking
        if speaking is not None and answering.message.trigger is Trigger.UNASKED:
            # Else, cancelled before its first step, it would take in all that its asker says next.
            run.task.add_done_callback(lambda _task: speaking.ended(answering.message))

    def pull(self, message: IncomingMessage, show: Callable[[ReplyEvent], None]) -> Run:
        """Begin a reply whose events are handed over, and of which no row is kept."""
        run = Run(message, self._line_up(message), None)
        self.runs.start(run, partial(self._run, partial(self._pull, run, show), run))
        return run

    def answering(self, message: IncomingMessage, earlier: Earlier | None = None) -> Answering:
        """The answer to a message, on its way to where that was asked."""
        channel = message.conversation.channel
        outbox = self.outboxes[channel.platform]
        pacer = self._hooks.pacers.of(channel, message.kind, outbox.capabilities)
        words = self._hooks.words(message)
        way = Way(outbox, pacer, self._settings.longest_answer_characters)
        return Answering(message, words, self._inbox, way, earlier, self._hooks.speaking)

    def chore(
        self, work: Callable[[], Awaitable[None]], name: str, turn: Turn | None = None
    ) -> None:
        """Begin something that is no reply, when its turn comes."""
        self.runs.chore(partial(self._run, work), name, turn)

    def press(self, work: Callable[[], Awaitable[None]], event: ActionPressed) -> None:
        """Begin what somebody pressed; should it break, they are told."""
        self.runs.chore(partial(self._run, work, event), "action")

    async def admits(self, asked: Asked) -> bool:
        """Whether to deal with this at all."""
        return self._hooks.admits is None or await self._hooks.admits(asked)

    def is_missed(self, message: IncomingMessage) -> bool:
        """Whether it is too old to be answered."""
        age = self.clock() - message.sent_at.timestamp()
        return age > self._settings.answer_missed_minutes * 60

    async def reveal(self, event: ActionPressed, text: str) -> None:
        """Tell the one who pressed, as far as the platform can."""
        if event.interaction is None:
            return
        try:
            outbox = self.outboxes[event.conversation.channel.platform]
            await outbox.reveal(event.interaction, text)
        except DeliveryError:
            _log.info("nobody could be told about %r", event.action, exc_info=True)

    def cancel(self, conversation: ConversationRef, user_id: str | None = None) -> int:
        """Stop the replies of a conversation, or one member's there; the number stopped."""
        return self.runs.stop(conversation, user_id)

    async def _skip(self, message: IncomingMessage) -> None:
        if not await self._inbox.was_forgotten(message) and await self.admits(message):
            await self._inbox.receive(message, InboxState.SKIPPED)

    def _line_up(self, message: IncomingMessage) -> Turn | None:
        """A place in line, taken when the message comes; None for what waits for nobody."""
        is_immediate = self._hooks.is_immediate
        if is_immediate is not None and is_immediate(message):
            return None
        return self.turns.line_up(_line_of(message))

    async def _run(
        self, work: Callable[[], Awaitable[None]], on: Run | ActionPressed | None = None
    ) -> None:
        """The second and last broad catch of the program: what nobody expected."""
        match on:
            case Run(message=message):
                tracing.begin(message.conversation, message.message_id)
            case ActionPressed():
                tracing.begin(on.conversation, on.message_id)
        try:
            await work()
        except Exception as error:  # noqa: BLE001 - one of the two that the program may have
            reference = tracing.reference()
            is_expected = explain(error, words("en")) is not None
            if is_expected:
                _log.error("failed: %r", error, extra={"reference": reference})
            else:
                _log.exception("unexpected failure", extra={"reference": reference})
            if on is None:
                return
            _ = self._hooks.words(on.message) if isinstance(on, Run) else words(on.locale)
            lost = _(
                "Something went wrong on my side (reference {reference}).", reference=reference
            )
            failure = Failed(explain(error, _) or lost, None if is_expected else reference)
            if isinstance(on, ActionPressed):
                await self.reveal(on, failure.text)
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


def _line_of(message: IncomingMessage) -> Hashable:
    """A private chat is one line; in a group every member has a line of their own."""
    if message.kind is ChannelKind.PRIVATE:
        return message.conversation
    return message.conversation, message.author.user_id
