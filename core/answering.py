"""A kept question on its way to its answer: row, turn, delivery, end."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final

from core.delivery import Delivery
from core.errors import DeliveryError, ForbiddenError
from core.events import ChannelKind, IncomingMessage
from core.inbox import DurableInbox, InboxId, InboxState
from core.inert import inert
from core.language import Words, language_of, words
from core.posting import Sent, Way
from core.replies import Failed, ReplyEvent, SentMessage
from core.shielding import to_the_end
from core.turns import Turn

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
    ) -> None:
        self.message: Final = message
        self.superseded = False
        """True when whoever cancels this sees to the messages and to the row."""
        self._words = words
        self._inbox = inbox
        self._way = way
        self._earlier = earlier
        self._inbox_id = earlier.inbox_id if earlier is not None else None
        self._delivery: Delivery | None = None

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
                await self.give_up(silently=True)
                return
            if self._inbox_id is None:
                return
            if turn is not None:
                await turn.reached.wait()
            if closing.is_set():
                return
            delivery = self._open(self._inbox_id)
            await self._inbox.begin(self._inbox_id)
            await self._deliver(delivery, consume)
            await self._inbox.finish(self._inbox_id)
        except asyncio.CancelledError:
            if not self.superseded:
                await to_the_end(self._stop(closing), patience=LAST_SECONDS)
            raise
        except DeliveryError as error:
            # Nobody can be told there: that is what failed.
            _log.warning("reply not delivered", exc_info=True)
            if isinstance(error, ForbiddenError):
                await self._tell_privately()
            if self._inbox_id is not None:
                await self._inbox.finish(self._inbox_id)

    async def give_up(self, *, silently: bool) -> None:
        """A question of an earlier run stays without an answer: say so, or only note it."""
        if silently and self._inbox_id is not None:
            await self._inbox.finish(self._inbox_id, InboxState.SKIPPED)
        else:
            _ = self._words
            lost = _("I was restarted while working on this. Please send it again.")
            await self.tell(Failed(lost))

    async def tell(self, failed: Failed) -> None:
        """End the reply with a sentence, as far as the platform still takes it."""
        if self._inbox_id is None:
            return
        delivery = self._delivery or self._open(self._inbox_id)
        delivery.show(failed)
        try:
            await delivery.settle()
        except DeliveryError:
            _log.warning("failure not delivered", exc_info=True)
        await self._inbox.finish(self._inbox_id)

    async def _note(self, admits: Admits) -> bool:
        if not await admits(self.message):
            return False
        if self._inbox_id is None:
            self._inbox_id = await self._inbox.receive(self.message)
        return True

    async def _tell_privately(self) -> None:
        """Where we may not write, the asker would wait for ever."""
        if self.message.kind is ChannelKind.PRIVATE:
            return
        _ = self._words
        name = self.message.place.channel_name
        text = (
            _("I may not write in {channel}, so I could not answer you there.", channel=inert(name))
            if name
            else _("I may not write where you asked me, so I could not answer you there.")
        )
        outbox = self._way.outbox
        try:
            where = await outbox.direct(self.message.author.user_id)
            await outbox.send(where, text)
        except DeliveryError:
            _log.info("nor could the asker be told privately", exc_info=True)

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
        if shown or not closing.is_set():
            await self._inbox.finish(self._inbox_id)


async def _ended(task: asyncio.Task[None]) -> None:
    await asyncio.wait({task})
    if not task.cancelled():
        task.exception()  # Read, lest it is reported twice where the delivery failed as well.
