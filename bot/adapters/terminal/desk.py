"""What a conversation at the terminal works with, and what it takes besides the chats' commands."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TypeAlias

from bot.adapters.terminal.completion import Local
from core.events import IncomingMessage
from core.feedback import Verdict
from core.language import N_
from core.ports import Completer, Forms, Inbox

Judge: TypeAlias = Callable[[IncomingMessage, Verdict], Awaitable[bool]]
"""Notes what the person thinks of the latest answer; False where there is none."""
Remove: TypeAlias = Callable[[IncomingMessage], Awaitable[None]]
"""Takes out a question with its answer, and what is remembered of them."""
ListBases: TypeAlias = Callable[[], Awaitable[Sequence[str]]]

LOCAL: Final = (
    Local("sources", "/sources N", N_("the whole passage with this number")),
    Local("up", "/up", N_("the answer helped")),
    Local("down", "/down", N_("the answer did not help")),
    Local("again", "/again", N_("the last question is answered anew")),
    Local("correct", "/correct", N_("write what the answer should have been")),
    Local("delete", "/delete", N_("take out the last question and its answer")),
    Local("base", "/base [NAME...]", N_("which documents are asked here")),
    Local("quit", "/quit", N_("leave; so do Ctrl-D, and Ctrl-C twice")),
)


@dataclass(frozen=True, slots=True)
class Desk:
    """What a conversation at the terminal works with."""

    inbox: Inbox
    completer: Completer
    forms: Forms
    judge: Judge
    remove: Remove
    bases: ListBases
    history_file: Path
