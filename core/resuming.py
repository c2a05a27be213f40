"""After a time in which we heard nothing: what is owed is answered, what has changed is mended."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Collection, Sequence
from contextlib import ExitStack
from dataclasses import replace
from functools import partial
from typing import Final, assert_never

from core.amending import Amending
from core.answering import Earlier
from core.database import Database
from core.events import (
    IncomingMessage,
    InteractionRef,
    MessageDeleted,
    MessageEdited,
    Platform,
    Trigger,
    origin_of,
)
from core.hooks import Hooks
from core.inbox import DurableInbox, Owed
from core.packing import digest_of
from core.ports import Gone, Refetched, Unknown
from core.replies import SentMessage
from core.replying import Replying
from core.settings import DispatcherSettings
from core.speaking import asked_at, kept_as
from knowledge_base.errors import StorageBusyError
from knowledge_base.leases import locked

RESUMING: Final = "resuming.lock"
"""Beside the database; whoever holds it works off what an earlier run left owed."""
ASKING_SECONDS: Final = 20.0
"""How long platforms are asked about what is owed, before it is answered as it was stored."""
AT_ONCE: Final = 4
"""So many questions are asked about side by side."""
MOST: Final = 200
"""So many of the latest questions are looked at again."""

_UNKNOWN: Final = Unknown()
_log = logging.getLogger(__name__)


class Resuming:
    """Goes on where an earlier run, or an earlier session, ended."""

    def __init__(
        self,
        replying: Replying,
        amending: Amending,
        inbox: DurableInbox,
        database: Database,
        settings: DispatcherSettings,
        hooks: Hooks,
    ) -> None:
        self._replying = replying
        self._amending = amending
        self._inbox = inbox
        self._database = database
        minutes = max(settings.edit_window_minutes, settings.answer_missed_minutes)
        self._back_seconds = minutes * 60
        self._refetch = hooks.refetch
        self._speaking = hooks.speaking
        self._hooks = hooks
        self._lease = ExitStack()
        self._leased = False
        self._looking: dict[Platform, bool] = {}

    def close(self) -> None:
        """Leave what is owed to others."""
        self._lease.close()

    async def resume(self, platforms: Collection[Platform]) -> int:
        """See `Dispatcher.resume`."""
        if not await self.may_resume():
            _log.warning("another process serves this data directory: what is owed is left to it")
            return 0
        # A platform that was lost in between is reached by another outbox now: what is under way
        # still holds the old one, and would be answered a second time beside it.
        await asyncio.gather(*(run.supersede() for run in self._replying.runs.of(platforms)))
        owed = await self._inbox.owed(platforms)
        standing = await self._as_they_stand(owed, ASKING_SECONDS)
        # In order of arrival: that is the order of the answers.
        return sum([await self._go_on(*each) for each in zip(owed, standing, strict=True)])

    def look_again(self, platform: Platform) -> None:
        """Mend what became of recent questions meanwhile. Returns at once."""
        if platform in self._looking:
            self._looking[platform] = True  # Once more after this time.
            return
        self._looking[platform] = False
        self._replying.chore(partial(self._look_again, platform), "looking again")

    async def _go_on(self, owed: Owed, now: Refetched) -> bool:
        """Whether an answer was begun."""
        asked = owed.message
        match now:
            case Gone():
                self._amending.deleted(MessageDeleted(origin_of(asked), asked.message_id))
                return False
            case Unknown():
                message, is_lost = asked, owed.had_attachments
            case IncomingMessage():
                message, is_lost = self._as_taken(now, asked), False
            case _:
                assert_never(now)
        is_another = digest_of(message) != digest_of(asked)
        message, sent = _reachable(message, owed.sent)
        answering = self._replying.answering(message, Earlier(owed.inbox_id, sent, is_another))
        missed = self._replying.is_missed(asked)
        if missed or is_lost:
            silently = missed and not owed.sent
            self._replying.chore(partial(answering.give_up, silently=silently), "giving up")
            return False
        if is_another:
            await self._inbox.receive_again(owed.inbox_id, message)
        self._replying.start(answering)
        return True

    async def _look_again(self, platform: Platform) -> None:
        try:
            again = True
            while again:
                self._looking[platform] = False
                await self._mend(platform)
                await self._retell(platform)
                again = self._looking[platform]
        finally:
            del self._looking[platform]

    async def _mend(self, platform: Platform) -> None:
        since = self._replying.clock() - self._back_seconds
        recent = await self._inbox.recent(platform, since, MOST)
        standing = await self._as_they_stand(recent, None)
        for kept, now in zip(recent, standing, strict=True):
            asked = kept.message
            match now:
                case Gone():
                    self._amending.deleted(MessageDeleted(origin_of(asked), asked.message_id))
                case IncomingMessage():
                    if digest_of(self._as_taken(now, asked)) != digest_of(asked):
                        now = replace(now, conversation=origin_of(asked))
                        self._amending.edited(MessageEdited(now))
                case Unknown():
                    pass
                case _:
                    assert_never(now)

    async def _retell(self, platform: Platform) -> None:
        """Messages that became documents may have been edited or deleted too."""
        taught, refetch, changed = self._hooks.taught, self._hooks.refetch, self._hooks.changed
        if taught is None or refetch is None or changed is None:
            return
        for known in await taught(platform):
            if self._replying.closing.is_set():
                return
            # In line with what is told of it just now: what was asked for earlier is older.
            turn = self._amending.lines.line_up((known.conversation, known.message_id))
            try:
                await turn.reached.wait()
                match await refetch(known):
                    case Gone():
                        await changed(MessageDeleted(known.conversation, known.message_id))
                    case IncomingMessage(edited_at=edited_at) as now if edited_at is not None:
                        await changed(MessageEdited(now))
                    case IncomingMessage() | Unknown():
                        pass
            finally:
                turn.leave()

    def _as_taken(self, now: IncomingMessage, asked: IncomingMessage) -> IncomingMessage:
        """Why a question was taken does not change with its words; how it was worded does."""
        if now.trigger is not Trigger.AMBIENT:
            return now
        if asked.trigger is Trigger.UNASKED and self._speaking is not None:
            return self._speaking.worded(now)
        return replace(now, trigger=asked.trigger)

    async def _as_they_stand(
        self, questions: Sequence[Owed], patience: float | None
    ) -> list[Refetched]:
        """What their platforms say of them; what was not said in time is unknown."""
        side_by_side = asyncio.Semaphore(AT_ONCE)

        async def ask(question: Owed) -> Refetched:
            async with side_by_side:
                if self._refetch is None or self._replying.closing.is_set():
                    return _UNKNOWN
                asked = question.message
                return kept_as(asked, await self._refetch(asked_at(asked)))

        tasks = [asyncio.create_task(ask(one), name="looking at it again") for one in questions]
        try:
            if tasks:
                await asyncio.wait(tasks, timeout=patience)
        finally:
            late = [task for task in tasks if not task.done()]
            for task in late:
                task.cancel()
            if late:
                await asyncio.wait(late)
        return [_UNKNOWN if task.cancelled() else task.result() for task in tasks]

    async def may_resume(self) -> bool:
        """Whether what an earlier run left is ours, and not another process's."""
        # Two processes would both answer what one of them is to answer.
        if not self._leased:
            lock = locked(self._database.path.with_name(RESUMING), 0)
            try:
                await asyncio.to_thread(self._lease.enter_context, lock)
            except StorageBusyError:
                return False
            self._leased = True
        return True


def _reachable(
    message: IncomingMessage, sent: tuple[SentMessage, ...]
) -> tuple[IncomingMessage, tuple[SentMessage, ...]]:
    """How the rest of an answer reaches its asker, and what is there of it to go on with."""
    match message.reply_to:
        case InteractionRef(is_private=True):
            # By its own way and no other: in the channel everybody would see it.
            return message, ()
        case InteractionRef() if sent:
            return replace(message, reply_to=None), sent
        case _:
            return message, sent
