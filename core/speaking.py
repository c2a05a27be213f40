"""Answering what nobody asked us: which messages, how reserved, and when to keep silent after all.

In a thread where somebody asked us they go on without mentioning us. Where a channel's admin chose
it, new posts and threads, or everything that reads as a question, is answered too: if the documents
clearly say it, and if nobody else helps. Of everything else nothing is kept.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from core.access import Access
from core.admission import Admission
from core.asking import goes_on, is_remark, reads_as_question
from core.channel_settings import UNASKED, ChannelSettings
from core.channels import Channels
from core.distance import EnginePlace, is_within
from core.events import (
    ChannelKind,
    ChannelRef,
    ConversationRef,
    IncomingMessage,
    InteractionRef,
    MessageRef,
    Trigger,
)
from core.inert import one_line
from core.permissions import Level, Rules, level_of
from core.ports import Refetched
from core.replies import Failed, ReplyEvent, Sources
from core.settings import SpeakingSettings
from core.unasked import Reserve
from knowledge_base.models import Legs

if TYPE_CHECKING:
    from knowledge_base.library import Library

NEW: Final = timedelta(minutes=15)
"""So long after it was opened, what its opener writes in a thread is what the thread is about."""
MOST_WAITS: Final = 5
"""However much an asker adds, so many times their last word is waited for."""
TRIES: Final = 5
"""For each answer that may be given unasked, so many questions are looked up."""
_HOUR: Final = 3600.0
LONGEST_TITLE: Final = 80


class Unasked:
    """A question that nobody put to us, until it is answered or left alone."""

    def __init__(self, message: IncomingMessage, *, gathers: bool) -> None:
        self.message = message
        self.gathers = gathers
        """Whether the asker may still be writing."""
        self.withdrawn = asyncio.Event()
        """Set when it is not ours to answer any more."""
        self._more = asyncio.Event()

    def add(self, message: IncomingMessage) -> None:
        """The asker goes on with the same question."""
        self.message = replace(self.message, text=f"{self.message.text}\n{message.text}")
        self._more.set()

    def withdraw(self) -> None:
        """Leave it alone."""
        self.withdrawn.set()

    async def gathered(self, seconds: float, closing: asyncio.Event) -> bool:
        """Wait for the asker's next message; False: there is nothing to wait for any more."""
        waits = [asyncio.ensure_future(own.wait()) for own in (self._more, self.withdrawn, closing)]
        try:
            await asyncio.wait(waits, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()
        came = self._more.is_set() and not self.withdrawn.is_set() and not closing.is_set()
        self._more.clear()
        self.gathers = came
        return came


@dataclass(frozen=True, slots=True)
class Documents:
    """What questions are answered from, who may see which of it, and what holds where."""

    library: Library
    access: Access
    channels: Channels
    embedder: EnginePlace = "local"
    """Where questions are embedded."""

    async def cover(self, message: IncomingMessage, least: float) -> bool:
        """Whether something is there that is surely about it."""
        settings = self.channels.of(message)
        relevance = max(least, settings.threshold or 0)
        legs = Legs.BOTH if is_within(self.embedder, settings.place) else Legs.LEXICAL
        scope = await self.access.scope_of(message)
        found = await self.library.search(
            scope, message.text, limit=1, legs=legs, threshold=relevance
        )
        return bool(found.passages) and not found.refused and found.relevance >= relevance


class Speaking:
    """Decides on every message that does not address us. Nothing of it is kept here but in memory
    while a question is under way."""

    def __init__(
        self,
        documents: Documents,
        admission: Admission,
        rules: Rules,
        reserve: Reserve,
        settings: SpeakingSettings,
        *,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.reserve: Final = reserve
        self.waits: Final = settings.second_message_seconds
        self._documents = documents
        self._channels = documents.channels
        self._admission = admission
        self._rules = rules
        self._settings = settings
        self._clock = clock
        self._tries: dict[ChannelRef, deque[float]] = {}
        self._under_way: dict[tuple[ConversationRef, str], Unasked] = {}

    def overhears(self, message: IncomingMessage) -> bool:
        """Whether a message that is not for us may concern us. Asks nobody, notes nothing."""
        settings = self._channels.of(message)
        if message.kind is not ChannelKind.GROUP or message.author.is_bot:
            return False
        if settings.speaks == "off" or settings.is_paused(self._clock()):
            return False
        if settings.speaks not in UNASKED and not message.place.is_thread:
            return False
        return level_of(message, self._rules, settings) > Level.BLOCKED

    async def judge(self, message: IncomingMessage) -> IncomingMessage | None:
        """The message as a question to us, asked (`REPLY`) or not (`UNASKED`); None: leave it be.

        One call at a time for each conversation, in the order of the messages.
        """
        if not self.overhears(message) or not await self._admission.serves(message):
            return None
        settings = self._channels.of(message)
        in_thread = message.place.is_thread
        has_asked = in_thread and await self.reserve.has_asked(*_who(message))
        if in_thread and not has_asked and self._helps(message, settings):
            await self._helped(message, settings)
            return None
        self._answered_by(message)
        if await self._was_met(message) or self._adds(message):
            return None
        if not message.text.strip() or _is_to_somebody(message):
            return None
        if in_thread and await self._is_over(message):
            return None
        wish = _further(message) if has_asked else _wish(message, settings)
        if wish is None or wish.trigger is not Trigger.UNASKED:
            return wish
        if not await self.reserve.has_room(_ref(wish), *self._limits):
            return None
        self._under_way[_who(wish)] = Unasked(wish, gathers=True)
        return wish

    def addressed(self, message: IncomingMessage) -> None:
        """Somebody turned to us: what they said before is a part of that, and no question apart."""
        unasked = self._under_way.get(_who(message))
        if unasked is not None and unasked.message.message_id != message.message_id:
            unasked.withdraw()

    def under_way(self, message: IncomingMessage) -> Unasked:
        """The question that was judged; one of an earlier run waits for nothing more."""
        unasked = self._under_way.get(_who(message))
        if unasked is None or unasked.message.message_id != message.message_id:
            unasked = self._under_way[_who(message)] = Unasked(message, gathers=False)
        return unasked

    def ended(self, message: IncomingMessage) -> None:
        """It was answered or left alone; in a thread of its own, perhaps."""
        for key, unasked in list(self._under_way.items()):
            same = unasked.message.message_id == message.message_id
            if same and key[0].channel == message.conversation.channel:
                del self._under_way[key]

    async def is_covered(self, message: IncomingMessage) -> bool:
        """Whether the documents say enough to think of an answer.

        Answers that are then not given cost as much as others: there is a limit to them as well.
        """
        now, channel = self._clock(), message.conversation.channel
        tries = self._tries.setdefault(channel, deque(maxlen=TRIES * self._limits[1] or 1))
        if len(tries) == tries.maxlen and now - tries[0] < _HOUR:
            return False
        tries.append(now)
        return await self._documents.cover(message, self._settings.relevance)

    async def may_say(self, unasked: Unasked) -> bool:
        """Whether to say the answer that there is now; if so, it is counted."""
        message = unasked.message
        if unasked.withdrawn.is_set() or not self.overhears(message):
            return False
        if message.place.is_thread and await self.reserve.is_helped(message.conversation):
            return False
        return await self.reserve.take(_ref(message), *self._limits)

    def worded(self, message: IncomingMessage) -> IncomingMessage:
        """A question that nobody put to us, with its thread's title where that belongs to it."""
        return _unasked(message, _with_title(message) if _opens(message) else message.text)

    def opens_thread(self, message: IncomingMessage) -> bool:
        """Whether to answer in a thread below the question: not in one, nor what continues."""
        return (
            message.kind is ChannelKind.GROUP
            and self._channels.of(message).answers_in == "thread"
            and not message.place.is_thread
            and message.conversation.thread_id is None
            and message.command is None
            and message.quoted is None
            and not isinstance(message.reply_to, InteractionRef)
            and bool(message.text.strip())
            and not message.text.lstrip().startswith("/")
        )

    @property
    def _limits(self) -> tuple[int, int]:
        return self._settings.thread_hourly, self._settings.channel_hourly

    def _helps(self, message: IncomingMessage, settings: ChannelSettings) -> bool:
        """Whether it is somebody's who helps here, in a thread that somebody else opened."""
        opening = message.place.opening
        if opening is not None and opening.opened_by == message.author.user_id:
            return False
        role = settings.helpers.role_id if settings.helpers is not None else None
        is_helper = role is not None and role in message.author.role_ids
        return is_helper or level_of(message, self._rules, settings) >= Level.MODERATOR

    async def _helped(self, message: IncomingMessage, settings: ChannelSettings) -> None:
        here = message.conversation
        for (conversation, _user), unasked in self._under_way.items():
            if conversation == here:
                unasked.withdraw()
        if settings.speaks in UNASKED or await self.reserve.has_asked(here):
            await self.reserve.helped(here)

    def _answered_by(self, message: IncomingMessage) -> None:
        """Somebody else replies to a question that is under way: it is in good hands."""
        if message.quoted is None:
            return
        for (conversation, user_id), unasked in self._under_way.items():
            is_meant = unasked.message.message_id == message.quoted.message_id
            if is_meant and conversation == message.conversation and user_id != _who(message)[1]:
                unasked.withdraw()

    def _adds(self, message: IncomingMessage) -> bool:
        """Whether it belongs to what its author began to ask; then it is joined to that."""
        unasked = self._under_way.get(_who(message))
        if unasked is None or not unasked.gathers or _is_to_somebody(message):
            return False
        if message.text.strip():
            unasked.add(message)
        return True

    async def _was_met(self, message: IncomingMessage) -> bool:
        """Whether that question is under way; or is dealt with where it stands, and a thread was
        opened below it."""
        above = ConversationRef(message.conversation.channel)
        for conversation in (message.conversation, above):
            known = self._under_way.get((conversation, message.author.user_id))
            if known is not None and known.message.message_id == message.message_id:
                return True
        if message.conversation == above or not _opens(message):
            return False
        return await self.reserve.has_spoken(MessageRef(above, message.message_id))

    async def _is_over(self, message: IncomingMessage) -> bool:
        return message.place.is_settled or await self.reserve.is_helped(message.conversation)


def is_answer(events: Iterable[ReplyEvent]) -> bool:
    """Whether a reply answers from a source: no refusal, no failure, nothing left open."""
    told: Sources | None = None
    for event in events:
        if isinstance(event, Failed):
            return False
        if isinstance(event, Sources):
            told = event
    return told is not None and not told.refused and any(own.cited for own in told.passages)


def asked_at(message: IncomingMessage) -> IncomingMessage:
    """A question as its platform knows it: where it stands, whatever thread was opened for it."""
    match message.reply_to:
        case MessageRef(conversation, message_id) if message_id == message.message_id:
            return replace(message, conversation=conversation, reply_to=None)
        case _:
            return message


def kept_as(message: IncomingMessage, now: Refetched) -> Refetched:
    """What became of a question, told of it as it is kept."""
    if not isinstance(now, IncomingMessage):
        return now
    if message.trigger is Trigger.UNASKED:
        return message  # What its asker said in pieces was put together.
    return replace(
        now, conversation=message.conversation, reply_to=message.reply_to, trigger=message.trigger
    )


def title_of(message: IncomingMessage) -> str:
    """What a thread for a question is called."""
    return one_line(message.text, LONGEST_TITLE)


def _further(message: IncomingMessage) -> IncomingMessage | None:
    """Who asked here before asks on; what they only tell is answered if it can be."""
    if goes_on(message.text):
        return replace(message, trigger=Trigger.REPLY)
    return None if is_remark(message.text) else _unasked(message, message.text)


def _wish(message: IncomingMessage, settings: ChannelSettings) -> IncomingMessage | None:
    text = _with_title(message) if _opens(message) else message.text
    match settings.speaks:
        case "questions":
            asks = reads_as_question(message.text) or (_opens(message) and reads_as_question(text))
        case "threads":
            asks = _opens(message) and not is_remark(text)
        case "off" | "addressed":
            asks = False
    return _unasked(message, text) if asks else None


def _unasked(message: IncomingMessage, text: str) -> IncomingMessage:
    # Its files are nobody's to read: the question has to do.
    return replace(message, trigger=Trigger.UNASKED, text=text, attachments=(), quoted=None)


def _opens(message: IncomingMessage) -> bool:
    """Whether it says what a new thread is about."""
    opening = message.place.opening
    if opening is None or opening.opened_by != message.author.user_id:
        return False
    return message.sent_at - opening.opened_at <= NEW


def _with_title(message: IncomingMessage) -> str:
    title = message.place.opening.title.strip() if message.place.opening is not None else ""
    return message.text if title in message.text else f"{title}\n{message.text}"


def _is_to_somebody(message: IncomingMessage) -> bool:
    quoted = message.quoted
    return message.text.lstrip().startswith(("@", "/", "!")) or (
        quoted is not None and quoted.author.user_id != message.author.user_id
    )


def _who(message: IncomingMessage) -> tuple[ConversationRef, str]:
    return message.conversation, message.author.user_id


def _ref(message: IncomingMessage) -> MessageRef:
    return MessageRef(message.conversation, message.message_id)
