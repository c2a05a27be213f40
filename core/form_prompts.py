"""Forms where a platform has no dialogs: each field is asked for by a message, to be replied to."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Mapping
from typing import Final, TypeAlias

from core.events import (
    IncomingMessage,
    InteractionRef,
    Invocation,
    MemberRef,
    MessageRef,
    Platform,
)
from core.forms import FORM, TOKEN, AskedField, OpenForms
from core.inert import inert
from core.language import Words
from core.pacer import Pacer
from core.ports import Outbox
from core.replies import Form, FormField, TextDelta
from core.text import clip, escape_markdown

KEEP: Final = "."
"""Written for a field that stays as it stands."""
NOTHING: Final = "-"
"""Written for a field that is left empty."""
_LONGEST_SHOWN: Final = 600

PacerOf: TypeAlias = Callable[[IncomingMessage], Pacer]


class FormPrompts:
    """Asks for one field after the other. What is written is kept, so a restart loses nothing."""

    def __init__(
        self, forms: OpenForms, outboxes: Mapping[Platform, Outbox], pacer_of: PacerOf
    ) -> None:
        """`pacer_of` gives the channel's one pacer: what is asked shares its budget."""
        self._forms = forms
        self._outboxes = outboxes
        self._pacer_of = pacer_of

    def can_ask(self, message: IncomingMessage) -> bool:
        """Whether forms are filled in by replies there."""
        outbox = self._outboxes.get(message.conversation.channel.platform)
        return outbox is not None and outbox.capabilities.forms == "replies"

    async def begin(self, message: IncomingMessage, form: Form, _: Words) -> None:
        """Ask for the first field."""
        opened = await self._forms.open(form, message.conversation, member_of(message))
        first = next((one for one in opened.fields if not one.settled), opened.fields[0])
        await self._ask(message, opened, first, {}, _, titled=True)

    async def asked(self, message: IncomingMessage) -> AskedField | None:
        """What a message answers, if it replies to a field that its author was asked for."""
        quoted = message.quoted
        if quoted is None or message.command is not None or not self.can_ask(message):
            return None
        return await self._forms.asked(message.conversation, member_of(message), quoted.message_id)

    async def take(
        self, message: IncomingMessage, asked: AskedField, _: Words
    ) -> AsyncGenerator[TextDelta | Invocation, None]:
        """What to say to it; in the end the command, when nothing is left to be asked for."""
        form, field = asked.form, asked.field
        if not asked.is_open(message.message_id):
            yield TextDelta(_("I no longer wait for this. Please begin again."))
            return
        value, wrong = _value(field, message.text, _)
        if wrong is not None:
            yield TextDelta(wrong)
            return
        again = field.name in asked.filled
        filled = {**asked.filled, field.name: value}
        following = asked.next(filled)
        if following is None:
            await self._forms.written(form.token, filled)
            yield Invocation(FORM, {TOKEN: form.token})
        elif again:
            # An edit: what comes after it has been asked for already.
            await self._forms.written(form.token, filled)
        else:
            await self._ask(message, form, following, filled, _)

    async def _ask(
        self,
        message: IncomingMessage,
        form: Form,
        field: FormField,
        filled: Mapping[str, str],
        _: Words,
        *,
        titled: bool = False,
    ) -> None:
        outbox = self._outboxes[message.conversation.channel.platform]
        lines = [f"**{inert(form.title)}**"] if titled else []
        lines.append(_("{field}: reply to this message with it.", field=inert(field.label)))
        if field.value:
            shown = escape_markdown(clip(field.value, _LONGEST_SHOWN))
            lines += [f"> {shown}", _("`.` keeps it as it is.")]
        if not field.required:
            lines.append(_("`-` leaves it empty."))
        if titled:
            lines.append(_("`/stop` ends this."))
        can = outbox.capabilities
        text = clip("\n".join(lines), can.max_text, can.count)
        where, whom = message.conversation, member_of(message)

        async def asking() -> None:
            async with self._forms.asking(where, whom):
                prompt = await outbox.ask(
                    where, text, of=message.author, reply_to=_written(message)
                )
                await self._forms.prompted(form.token, field.name, prompt, filled)

        await self._pacer_of(message).carry_out(asking)


def member_of(message: IncomingMessage) -> MemberRef:
    """Who wrote it."""
    return MemberRef(message.conversation.channel.platform, message.author.user_id)


def _written(message: IncomingMessage) -> MessageRef | None:
    """What they wrote; a press is no message of theirs."""
    if isinstance(message.reply_to, InteractionRef):
        return None
    return MessageRef(message.conversation, message.message_id)


def _value(field: FormField, text: str, _: Words) -> tuple[str, str | None]:
    """What stands in the field now, or what is wrong with what was written."""
    written = text.strip()
    if written == KEEP and field.value:
        return field.value, None
    if written == NOTHING and not field.required:
        return "", None
    if not written:
        return "", _("I need words here. Please reply to the same message again.")
    if len(written) > field.max_length:
        return "", _(
            "That is too long: {limit} letters at most. Please reply to the same message again.",
            limit=field.max_length,
        )
    return written, None
