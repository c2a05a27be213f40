"""A kept question on its way to its answer: row, turn, delivery, end."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from typing import Final

from core.delivery import Delivery
from core.errors import DeliveryError, ForbiddenError
from core.events import (
    ChannelKind,
    ConversationRef,
    IncomingMessage,
    MessageRef,
    Trigger,
)
from core.inbox import DurableInbox, InboxId, InboxState
from core.language import Words, language_of, words
from core.posting import Sent, Way, take_back
from core.replies import Failed, ReplyEvent, SentMessage
from core.shielding import to_the_end
from core.speaking import MOST_WAITS, Speaking, Unasked, is_answer, title_of
from core.turns import Turn
from core.unanswerable import dismiss, say, tell_privately, tell_unsure
from knowledge_base.errors import StorageBusyError, StorageFullError

NOTING_SECONDS: Final = 5.0
"""How long finding out whether to answer may go on after a cancellation."""
LAST_SECONDS: Final = 5.0
"""How long the last edit of a reply that was stopped may take."""

Admits = Callable[[IncomingMessage], Awaitable[bool]]
"""Whether to deal with a message at all."""
Consume = Callable[[IncomingMessage, Callable[[ReplyEvent], None]], Awaitable[None]]
"""Hands over every event of the reply to a message."""

_log = logging.getLogger(__name__)


def words_for(message: IncomingMessage) -> Words:
    """By the platform's locale, else by the language of the message."""
    return words(message.locale or language_of(message.text))


class RowReceipts:
    """Keeps in the inbox's row which messages a reply consists of."""

    def __init__(self, inbox: DurableInbox, inbox_id: InboxId) -> None:
        self._inbox = inbox
        self._inbox_id = inbox_id

    @property
    def key(self) -> str | None:
        return str(self._inbox_id)

    async def sent(self, message: SentMessage) -> None:
        await self._inbox.sent(self._inbox_id, message)

    async def removed(self, message: SentMessage) -> None:
        await self._inbox.removed(self._inbox_id, message)


@dataclass(frozen=True, slots=True)
class Earlier:
    """What is there already of an answer: its row, and the messages that earlier runs sent."""

    inbox_id: InboxId
    sent: tuple[SentMessage, ...]
    is_another: bool = False
    """It answers other words, or is not wanted any more."""


class Answering:
    """One question; `run` returns when its answer is out or its row says that it is still owed."""

    def __init__(
        self,
        message: IncomingMessage,
        words: Words,
        inbox: DurableInbox,
        way: Way,
        earlier: Earlier | None = None,
        speaking: Speaking | None = None,
    ) -> None:
        self.message = message
        """The question as it stands: in the thread that was opened for it, if there is one."""
        self.noted: Final = asyncio.Event()
        """Set when its row is on disk, or it has none."""
        self.superseded = False
        """True when whoever cancels this sees to the messages and to the row."""
        self._words = words
        self._inbox = inbox
        self._way = way
        self._earlier = earlier
        self._speaking = speaking
        self._inbox_id = earlier.inbox_id if earlier is not None else None
        self._delivery: Delivery | None = None

    def is_in(self, conversation: ConversationRef) -> bool:
        """Whether it is given there: in a thread of its own, or where its channel moved to."""
        shown_in = self._delivery.to if self._delivery is not None else None
        return conversation in (self.message.conversation, shown_in)

    def consists_of(self, message_id: str) -> bool:
        """Whether this message of ours is part of the answer, sent now or by an earlier run."""
        if self._delivery is not None:
            return self._delivery.consists_of(message_id)
        sent = self._earlier.sent if self._earlier is not None else ()
        return any(message.message_id == message_id for message in sent)

    async def run(
        self, admits: Admits, consume: Consume, turn: Turn | None, closing: asyncio.Event
    ) -> None:
        """Note the question where it is admitted, wait for its turn, answer it.

        Cancelled while `closing`, a question of which nothing was shown stays owed: the next start
        answers it.
        """
        try:
            # To the end: its platform was told that we have it, so without a row it would be lost.
            if not await to_the_end(self._note(admits), patience=NOTING_SECONDS):
                self.noted.set()
                await self._turn_away()
            elif self._inbox_id is not None:
                self.noted.set()
                if turn is not None:
                    await turn.reached.wait()
                if not closing.is_set():
                    await self._answer(self._inbox_id, consume, closing)
        except asyncio.CancelledError:
            if not self.superseded:
                await to_the_end(self._stop(closing), patience=LAST_SECONDS)
            raise
        except DeliveryError as error:
            await self._undelivered(error)
        finally:
            if self._is_unasked and self._speaking is not None:
                self._speaking.ended(self.message)

    async def _answer(self, inbox_id: InboxId, consume: Consume, closing: asyncio.Event) -> None:
        if self._is_unasked:
            await self._volunteer(inbox_id, consume, closing)
            return
        await self._go_to_thread(inbox_id)
        delivery = self._open(inbox_id)
        await self._inbox.begin(inbox_id)
        await self._deliver(delivery, consume)
        await self._inbox.finish(inbox_id)

    async def _undelivered(self, error: DeliveryError) -> None:
        # Nobody can be told there: that is what failed.
        _log.warning("reply not delivered", exc_info=error)
        if self._is_unasked:
            await self._leave_alone()
            return
        if self._inbox_id is None and self.message.kind is ChannelKind.PRIVATE:
            await tell_unsure(self.message, self._way.outbox, self._words)
        elif isinstance(error, ForbiddenError):
            await tell_privately(self.message, self._way.outbox, self._words)
        await dismiss(self.message, self._way.outbox)
        if self._inbox_id is not None:
            await self._inbox.finish(self._inbox_id)

    async def give_up(self, *, silently: bool) -> None:
        """A question of an earlier run stays without an answer: say so, or only note it."""
        if self._is_unasked:
            await self._leave_alone()
        elif silently and self._inbox_id is not None:
            await self._inbox.finish(self._inbox_id, InboxState.SKIPPED)
        else:
            _ = self._words
            lost = _("I was restarted while working on this. Please send it again.")
            await self.tell(Failed(lost))

    async def tell(self, failed: Failed) -> None:
        """End the reply with a sentence, as far as the platform still takes it."""
        if self._is_unasked:
            await self._leave_alone()
            return
        if self._inbox_id is None:
            await say(self.message, self._way.outbox, failed.text)
            return
        delivery = self._delivery or self._open(self._inbox_id)
        delivery.show(failed)
        try:
            await delivery.settle()
            await self._inbox.finish(self._inbox_id)
        except DeliveryError:
            _log.warning("failure not delivered", exc_info=True)
            await self._inbox.finish(self._inbox_id)
        except (StorageBusyError, StorageFullError) as error:
            # The question stays owed: the next start answers it.
            _log.warning("what was said could not be noted: %r", error)

    async def _note(self, admits: Admits) -> bool:
        # Before all else: that its author was seen is noted by whoever admits it.
        if self._inbox_id is None and await self._inbox.was_forgotten(self.message):
            return False
        if not await admits(self.message):
            return False
        if self._inbox_id is None and not await self._has_thread():
            self._inbox_id = await self._inbox.receive(self.message)
        return True

    @property
    def _is_unasked(self) -> bool:
        return self.message.trigger is Trigger.UNASKED

    async def _has_thread(self) -> bool:
        """Whether the question came before, and has its answer in a thread of its own."""
        asked = MessageRef(self.message.conversation, self.message.message_id)
        return self._speaking is not None and await self._speaking.reserve.home(asked) is not None

    async def _go_to_thread(self, inbox_id: InboxId) -> None:
        """Answer in a thread of its own, where the channel wants that and the platform can."""
        speaking, message = self._speaking, self.message
        begun = self._earlier is not None and bool(self._earlier.sent)
        if speaking is None or begun or not speaking.opens_thread(message):
            return
        asked = MessageRef(message.conversation, message.message_id)
        try:
            home = await self._way.outbox.open_thread(asked, title_of(message))
        except DeliveryError:
            _log.info("no thread was opened: the answer stays in the channel", exc_info=True)
            return
        if home is not None:
            moved = replace(message, conversation=home, reply_to=asked)
            await self._inbox.receive_again(inbox_id, moved)
            await speaking.reserve.move(inbox_id, asked, home)
            self.message = moved

    async def _volunteer(self, inbox_id: InboxId, consume: Consume, closing: asyncio.Event) -> None:
        """Answer what nobody asked us, or leave no trace of it. Nothing is shown before that."""
        speaking = self._speaking
        if speaking is None:
            await self._leave_alone()
            return
        unasked = speaking.under_way(self.message)
        for _ in range(MOST_WAITS):
            if not unasked.gathers or not await unasked.gathered(speaking.waits, closing):
                break
            await self._inbox.receive_again(inbox_id, unasked.message)
        if closing.is_set():
            return
        self.message = unasked.message
        await self._inbox.begin(inbox_id)
        events = await self._thought(unasked, speaking, consume)
        if not is_answer(events) or not await speaking.may_say(unasked):
            await self._leave_alone()
            return
        await self._go_to_thread(inbox_id)
        delivery = self._open(inbox_id)
        for event in events:
            delivery.show(event)
        delivery.complete()
        await delivery.settle()
        await self._inbox.finish(inbox_id)

    async def _thought(
        self, unasked: Unasked, speaking: Speaking, consume: Consume
    ) -> Sequence[ReplyEvent]:
        """The whole reply; nothing where the documents say too little, or others answer."""
        events: list[ReplyEvent] = []
        if unasked.withdrawn.is_set() or not await speaking.is_covered(self.message):
            return events
        thinking = asyncio.ensure_future(consume(self.message, events.append))
        leaving = asyncio.ensure_future(unasked.withdrawn.wait())
        try:
            await asyncio.wait({thinking, leaving}, return_when=asyncio.FIRST_COMPLETED)
            if not thinking.done():
                return ()
        finally:
            leaving.cancel()
            thinking.cancel()
            await to_the_end(_ended(thinking))
        thinking.result()
        return events

    async def _leave_alone(self) -> None:
        """Of what nobody asked us nothing is kept, unless it was answered."""
        if self._inbox_id is None:
            return
        if self._delivery is not None and self._delivery.visible:
            await self._inbox.finish(self._inbox_id)
            return
        if self._earlier is not None and self._earlier.sent:
            receipts = RowReceipts(self._inbox, self._inbox_id)
            way, where = self._way, self.message.conversation
            try:
                await take_back(self._earlier.sent, where, way.outbox, way.pacer, receipts)
            except DeliveryError:
                _log.info("an answer that was begun could not be taken back", exc_info=True)
        await self._inbox.discard(self._inbox_id)

    async def _turn_away(self) -> None:
        """Whoever did not admit it has said why, if anybody is to know."""
        earlier = self._earlier
        if earlier is None:
            await dismiss(self.message, self._way.outbox)
        elif earlier.is_another:
            # An answer stands there, and is left as it is.
            await self._inbox.finish(earlier.inbox_id)
        else:
            await self.give_up(silently=not earlier.sent)

    def _open(self, inbox_id: InboxId) -> Delivery:
        earlier = self._earlier
        self._delivery = Delivery(
            self.message,
            self._way,
            self._words,
            RowReceipts(self._inbox, inbox_id),
            sent=Sent(earlier.sent, earlier.is_another) if earlier is not None else None,
        )
        return self._delivery

    async def _deliver(self, delivery: Delivery, consume: Consume) -> None:
        async def feed() -> None:
            try:
                await consume(self.message, delivery.show)
            finally:
                delivery.complete()

        feeding = asyncio.create_task(feed(), name=f"events of {self.message.message_id}")
        try:
            await delivery.paint()
        finally:
            # Before any last edit: the reply is closed and its engine's slot is free.
            feeding.cancel()
            await to_the_end(_ended(feeding))
        feeding.result()

    async def _stop(self, closing: asyncio.Event) -> None:
        if self._inbox_id is None:
            return
        delivery = self._delivery
        if delivery is not None:
            try:
                await delivery.stop()
            except DeliveryError:
                _log.warning("stop not shown", exc_info=True)
        shown = delivery is not None and delivery.visible
        if self._is_unasked and not closing.is_set():
            await self._leave_alone()
        elif shown or not closing.is_set():
            await self._inbox.finish(self._inbox_id)
            if not shown:
                await dismiss(self.message, self._way.outbox)


async def _ended(task: asyncio.Task[None]) -> None:
    await asyncio.wait({task})
    if not task.cancelled():
        task.exception()  # Read, lest it is reported twice where the delivery failed as well.
