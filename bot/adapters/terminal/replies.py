"""A reply as it comes together, whoever looks at it and however."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import aclosing
from typing import Literal, TypeAlias, assert_never

from core.events import IncomingMessage
from core.ports import Inbox
from core.replies import (
    Actions,
    CitedPassage,
    Failed,
    FileReply,
    Finished,
    Menu,
    Notice,
    Progress,
    Queued,
    ReplyEvent,
    Sources,
    TextDelta,
    TextReplaced,
    Usage,
)

Outcome: TypeAlias = Literal["answered", "refused", "length", "filter", "cancelled", "failed"]


class Reply:
    """What has come of a reply so far."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._began = clock()
        self.text = ""
        self.status: Progress | Queued | None = None
        """What it waits for or works on now."""
        self.notices: list[str] = []
        self.files: list[FileReply] = []
        self.sources: tuple[CitedPassage, ...] = ()
        self.refused = False
        self.is_answer = True
        """False where a command says that nothing below its reply can be judged or opened."""
        self.menus: tuple[Menu, ...] = ()
        """What can be pressed below it."""
        self.usage: Usage | None = None
        self.failure: Failed | None = None
        self.finished: str | None = None
        self.first_text_seconds: float | None = None
        self.seconds = 0.0

    @property
    def outcome(self) -> Outcome:
        """How it ended; "answered" also where only a command was carried out."""
        if self.failure is not None:
            return "failed"
        match self.finished:
            case "length" | "filter" | "cancelled" as reason:
                return reason
            case _:
                return "refused" if self.refused else "answered"

    def take(self, event: ReplyEvent) -> None:
        """Add what has come."""
        self.seconds = self._clock() - self._began
        match event:
            case TextDelta(delta):
                self._say(self.text + delta)
            case TextReplaced(whole):
                self._say(whole)
            case Progress() | Queued():
                self.status = event
            case Notice(text):
                self.notices.append(text)
            case Sources(passages, refused):
                self.sources, self.refused = passages, refused
            case FileReply():
                self.files.append(event)
            case Actions(menus):
                self.menus, self.is_answer = menus, bool(menus)
            case Failed():
                self.failure = event
            case Finished(reason, usage):
                self.finished, self.usage = reason, usage
            case _:
                assert_never(event)

    def _say(self, text: str) -> None:
        self.text, self.status = text, None
        if self.first_text_seconds is None and text:
            self.first_text_seconds = self.seconds


async def ask(inbox: Inbox, message: IncomingMessage) -> Reply:
    """The reply to a message, once it is complete."""
    reply = Reply()
    async with aclosing(inbox.stream(message)) as events:
        async for event in events:
            reply.take(event)
    return reply
