"""The tasks that the dispatcher owns: replies in the making, and chores beside them."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Container
from typing import Final

from core.answering import Answering
from core.events import ConversationRef, IncomingMessage, Platform
from core.replies import Failed
from core.turns import Turn

STUCK_SECONDS: Final = 15.0
"""How long a task that was cancelled may take to end before we go on without it."""

_log = logging.getLogger(__name__)


class Run:
    """One reply in the making."""

    def __init__(
        self, message: IncomingMessage, turn: Turn | None, answering: Answering | None
    ) -> None:
        self.message: Final = message
        self.turn: Final = turn
        """Its place in line; None for what waits for nobody."""
        self.answering: Final = answering
        """None where the surface shows the reply itself."""
        self.failure: Failed | None = None
        self.task: asyncio.Task[None]

    def is_in(self, conversation: ConversationRef) -> bool:
        """Whether it was asked there, or is answered there."""
        is_moved = self.answering is not None and self.answering.is_in(conversation)
        return conversation == self.message.conversation or is_moved

    async def supersede(self) -> None:
        """End it; the caller goes on with its messages and its row."""
        if self.answering is not None:
            self.answering.superseded = True
        self.task.cancel()
        await asyncio.wait({self.task})


class Runs:
    """Keeps every task until it has ended, and gives its turn back then."""

    def __init__(self) -> None:
        self._replies: dict[asyncio.Task[None], Run] = {}
        self._kept: dict[tuple[ConversationRef, str], Run] = {}
        self._chores: dict[asyncio.Task[None], Turn | None] = {}

    @property
    def tasks(self) -> set[asyncio.Task[None]]:
        return {*self._replies, *self._chores}

    def kept(self, conversation: ConversationRef, message_id: str) -> Run | None:
        """The run that makes the answer to this message, where its row is kept."""
        run = self._kept.get((conversation, message_id))
        if run is not None:
            return run
        # It may have moved to a thread of its own meanwhile.
        here = (run for run in self._kept.values() if run.is_in(conversation))
        return next((run for run in here if run.message.message_id == message_id), None)

    def of(self, platforms: Container[Platform]) -> tuple[Run, ...]:
        """The runs whose rows are kept, of these platforms."""
        return tuple(
            run
            for run in self._kept.values()
            if run.message.conversation.channel.platform in platforms
        )

    def of_ours(self, conversation: ConversationRef, message_id: str) -> Run | None:
        """The run whose answer this message of ours is part of."""
        here = (run for run in self._kept.values() if run.is_in(conversation))
        return next(
            (run for run in here if run.answering and run.answering.consists_of(message_id)), None
        )

    async def noted(self) -> None:
        """Until every reply that was begun so far has its row, or needs none."""
        for run in tuple(self._replies.values()):
            if run.answering is not None:
                await run.answering.noted.wait()

    def any_in(self, conversation: ConversationRef) -> bool:
        """Whether a reply is being made there whose row is kept."""
        return any(run.is_in(conversation) for run in self._kept.values())

    def start(self, run: Run, work: Callable[[], Awaitable[None]]) -> None:
        """Begin a reply as a task of its own."""
        message = run.message
        name = f"reply {message.conversation} {message.message_id}"
        run.task = asyncio.create_task(_awaited(work), name=name)
        self._replies[run.task] = run
        if run.answering is not None:
            self._kept[message.conversation, message.message_id] = run
        run.task.add_done_callback(self._forget)

    def chore(
        self, work: Callable[[], Awaitable[None]], name: str, turn: Turn | None = None
    ) -> None:
        """Begin something that is no reply, when its turn comes."""

        async def in_turn() -> None:
            if turn is not None:
                await turn.reached.wait()
            await work()

        task = asyncio.create_task(in_turn(), name=name)
        self._chores[task] = turn
        task.add_done_callback(self._forget)

    def stop(self, conversation: ConversationRef, user_id: str | None) -> int:
        """Cancel the replies of a conversation, or one member's there, that have a turn."""
        found = [
            run
            for run in self._replies.values()
            if run.is_in(conversation)
            and user_id in (None, run.message.author.user_id)
            and run.turn is not None
        ]
        for run in found:
            run.task.cancel()
        return len(found)

    async def end(self, grace: float) -> None:
        """Cancel what waits for its turn, wait for the rest, then cancel that too."""
        for task, run in self._replies.items():
            if run.turn is not None and not run.turn.reached.is_set():
                task.cancel()
        if tasks := self.tasks:
            await asyncio.wait(tasks, timeout=grace)
        while tasks := self.tasks:
            for task in tasks:
                task.cancel()
            _done, stuck = await asyncio.wait(tasks, timeout=STUCK_SECONDS)
            if stuck:
                _log.error("still running after the end: %s", [task.get_name() for task in stuck])
                break

    def _forget(self, task: asyncio.Task[None]) -> None:
        # Here, since a task that is cancelled before its first step runs no `finally` of its own.
        run = self._replies.pop(task, None)
        if run is not None:
            if run.answering is not None:
                run.answering.noted.set()
            key = (run.message.conversation, run.message.message_id)
            if self._kept.get(key) is run:
                del self._kept[key]
        turn = self._chores.pop(task, None) if run is None else run.turn
        if turn is not None:
            turn.leave()
        if not task.cancelled() and (error := task.exception()) is not None:
            _log.error("nobody could be told", exc_info=error)


async def _awaited(work: Callable[[], Awaitable[None]]) -> None:
    await work()
