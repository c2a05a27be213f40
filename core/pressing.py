"""A press on a button of a command is that command, with who pressed as its asker.

So whoever presses goes through the same permissions, scopes and errors as whoever types; what the
button was shown for decides nothing. The outcome takes the place of the message that was pressed;
a refusal is for the one who pressed alone.
"""

from __future__ import annotations

import logging
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import aclosing
from datetime import UTC, datetime
from functools import partial
from typing import Final, TypeAlias

from core import buttons
from core.agreeing import AGREE
from core.commands import bases, helping, note_forms, pausing, reviewing, settling
from core.commands.choosing import SERVER
from core.commands.confirming import CANCEL, CONFIRM
from core.errors import (
    ChannelGoneError,
    DeliveryError,
    DeliveryRateLimitedError,
    ForbiddenError,
)
from core.events import ActionPressed, ChannelKind, IncomingMessage, Invocation, Platform, Trigger
from core.language import Words, words
from core.layout import Draft
from core.pacer import Pacer, Urgency
from core.ports import Capabilities, Outbox
from core.replies import Actions, Failed, FileReply, Finished, Menu, Progress, ReplyEvent
from core.text import clip

_log = logging.getLogger(__name__)

Run: TypeAlias = Callable[[IncomingMessage], AsyncGenerator[ReplyEvent, None]]
"""The whole reply to a message, as the assistant gives it."""


_CHOICES: Final[Mapping[str, tuple[str, Mapping[str, str]]]] = {
    settling.SET: ("settings", {}),
    settling.SET_SERVER: ("settings", {"where": SERVER}),
    settling.SETUP: (settling.SETUP_CHOICE, {}),
    settling.SETUP_SERVER: (settling.SETUP_CHOICE, {"where": SERVER}),
}
"""Menus of settings: the command behind them, and what they are chosen for."""


def invocation_of(action: str) -> Invocation | None:
    """The command that a button stands for; None where it is not one of ours. Pure."""
    kind, _, rest = action.partition(":")
    name, _, value = rest.partition(":")
    match kind:
        case _ if not name:
            return None
        case "agree" | "resume":
            return _chosen(kind, rest)
        case "confirm":
            return Invocation(CONFIRM, {"token": rest})
        case "cancel":
            return Invocation(CONFIRM, {"token": rest, "answer": CANCEL})
        case "review" if value:
            return Invocation(reviewing.VERDICT, {"upload": name, "verdict": value})
        case _ if kind in _CHOICES and value:
            command, where = _CHOICES[kind]
            return Invocation(command, {"name": name, "value": value, **where})
        case "use":
            return Invocation("kb use", {"channel": rest})
        case note_forms.NOTE | buttons.CORRECT | note_forms.GAP | note_forms.AGAIN:
            return note_forms.opened_by(kind, rest)
        case "answer":
            return Invocation(helping.BRING_ANSWER, {"token": name, "verdict": value})
        case _:
            return None


def _chosen(kind: str, rest: str) -> Invocation:
    """What somebody decided about a place."""
    if kind == AGREE:
        return Invocation(settling.AGREEMENT, {"place": rest})
    return Invocation("pause", {"minutes": 0, "where": rest})


KINDS: Final = (
    AGREE,
    CONFIRM,
    CANCEL,
    reviewing.REVIEW,
    settling.SET,
    settling.SET_SERVER,
    settling.SETUP,
    settling.SETUP_SERVER,
    pausing.RESUME,
    bases.USE,
    note_forms.NOTE,
    buttons.CORRECT,
    note_forms.GAP,
    note_forms.AGAIN,
    helping.BRING,
)
"""Beginnings of the actions that `Pressing` deals with."""
_BESIDE: Final = (AGREE,)
"""Those below an answer, which stays as it is: what comes of them is told beside it."""
_LONGEST_END: Final = 400
"""Characters of the end of a long outcome that are shown in any case."""


class Pressing:
    """Runs what was pressed, and shows what came of it."""

    def __init__(
        self,
        run: Run,
        outboxes: Mapping[Platform, Outbox],
        pacer_of: Callable[[ActionPressed], Pacer],
        *,
        words_of: Callable[[IncomingMessage], Words] | None = None,
    ) -> None:
        """`pacer_of` gives the channel's one pacer: these edits share its budget."""
        self._run = run
        self._outboxes = outboxes
        self._pacer_of = pacer_of
        self._words_of = words_of or (lambda message: words(message.locale))

    async def pressed(self, event: ActionPressed) -> None:
        """Do it. Raises `DeliveryError` where nobody can be told what came of it."""
        invocation = invocation_of(event.action)
        if invocation is None:
            _log.info("no such button: %.40r", event.action)
            return
        message = message_of(event, invocation)
        outbox = self._outboxes[event.conversation.channel.platform]
        shown = _Shown(event, outbox, self._pacer_of(event), self._words_of(message))
        async with aclosing(self._run(message)) as events:
            async for reply in events:
                await shown.take(reply)
        await shown.finish()


class _Shown:
    """The pressed message on its way to what it is to be."""

    def __init__(self, event: ActionPressed, outbox: Outbox, pacer: Pacer, words: Words) -> None:
        self._event = event
        self._outbox = outbox
        self._pacer = pacer
        self._words = words
        self._draft = Draft(words, markdown=outbox.capabilities.markup == "markdown")
        self._draft.unfold()  # Beside a message that was there already goes no file.
        self._menus: tuple[Menu, ...] = ()
        self._failure: Failed | None = None
        self._said = False

    async def take(self, reply: ReplyEvent) -> None:
        match reply:
            case Actions(menus):
                self._menus = menus
            case Finished() | FileReply():
                pass
            case Failed() if not self._said:
                self._failure = reply
            case _:
                self._said = True
                self._draft.take(reply)
                if isinstance(reply, Progress):
                    await self._glimpse()

    async def _glimpse(self) -> None:
        """Show how far it has come, where the budget allows it now."""
        may = self._pacer.ask(Urgency.SPARE)
        if not may.done():
            may.cancel()
            return
        try:
            with may.result():
                await self._edit(self._draft.growing(), ())
        except DeliveryRateLimitedError as error:
            self._pacer.pause(error.retry_after)
        except DeliveryError:
            _log.info("progress not shown", exc_info=True)

    async def finish(self) -> None:
        if self._failure is not None:
            await self._tell(self._failure.text)
        elif self._said and self._event.action.partition(":")[0] in _BESIDE:
            await self._tell(self._draft.final())
        elif self._said:
            await self._surely_edit(self._draft.final(), self._menus)

    async def _tell(self, text: str) -> None:
        """Say it to the one who pressed; to nobody else, whatever has become of the press."""
        event = self._event
        if event.interaction is not None:
            await self._outbox.reveal(event.interaction, text)
            return
        where = event.conversation
        if event.kind is not ChannelKind.PRIVATE:
            try:
                where = await self._outbox.direct(event.author.user_id)
            except ForbiddenError:
                _ = self._words
                text = _("I could not tell you in private what came of it. Please press again.")
        await self._outbox.send(where, text)

    async def _surely_edit(self, text: str, menus: tuple[Menu, ...]) -> None:
        try:
            await self._pacer.carry_out(partial(self._edit, text, menus))
        except ChannelGoneError:
            # Taken away meanwhile, or seen by one person alone: what was done still counts.
            await self._tell(_fitting(text, self._outbox.capabilities))

    async def _edit(self, text: str, menus: tuple[Menu, ...]) -> None:
        can = self._outbox.capabilities
        shown = _fitting(text, can) if text.strip() else "…"
        await self._outbox.edit(
            self._event.conversation,
            self._event.message_id,
            shown,
            menus=menus if can.can_buttons else (),
        )


def _fitting(text: str, can: Capabilities) -> str:
    """The text in one message: of a long one the beginning, and the end, which says what came of
    it."""
    if can.count(text) <= can.max_text:
        return text
    end = text[-_LONGEST_END:].partition("\n")[2] or text[-_LONGEST_END:]
    return f"{clip(text, can.max_text - can.count(end) - 3, can.count)}\n\n{end}"


def message_of(event: ActionPressed, invocation: Invocation) -> IncomingMessage:
    """The command that a press stands for, as given by who pressed."""
    return IncomingMessage(
        event.conversation,
        event.kind,
        Trigger.COMMAND,
        event.message_id,
        event.author,
        "",
        datetime.now(UTC),
        locale=event.locale,
        server_id=event.server_id,
        place=event.place,
        command=invocation,
        reply_to=event.interaction,
    )
