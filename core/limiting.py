"""Whether somebody may ask or add just now; told to them alone, once before and once when it bites.

Moderators are exempt where they moderate, and so are the operator's own surfaces: the console is
the operator's, and keys of programs have limits of their own.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from core.allowances import Allowances
from core.channels import Channels
from core.envoy import Envoy
from core.errors import QuotaExceededError
from core.events import (
    Asked,
    ChannelKind,
    IncomingMessage,
    InteractionRef,
    MemberRef,
    Trigger,
)
from core.explain import duration, explain
from core.language import Words
from core.permissions import Level, Rules, level_of
from core.quota import Allowed, Refused, Ruling

_ADDRESSED: Final = (Trigger.PRIVATE, Trigger.MENTION, Trigger.REPLY)


@dataclass(frozen=True, slots=True)
class Ruled:
    """Whether to go on, and what to say beside the answer. Where it is no, all is said."""

    may: bool
    notice: str = ""


class Limiting:
    """Asks `Allowances`, and tells what they say."""

    def __init__(
        self, allowances: Allowances, envoy: Envoy, channels: Channels, rules: Rules
    ) -> None:
        self.allowances: Final = allowances
        self._envoy = envoy
        self._channels = channels
        self._rules = rules

    async def question(self, message: IncomingMessage, _: Words) -> Ruled:
        """Count a question. Raises `QuotaExceededError` where the reply is to tell it."""
        if self._is_exempt(message):
            return Ruled(may=True)
        ruling = await self.allowances.ask(_member(message), _id_of(message))
        return await self._ruled(message, ruling, _)

    async def file(self, message: IncomingMessage, place: int, size: int, _: Words) -> bool:
        """Count the file at that place of a message; whether to take it. Raises as `question`."""
        if self._is_exempt(message):
            return True
        file_id = f"{_id_of(message)}/{place}"
        ruling = await self.allowances.upload(_member(message), file_id, size)
        ruled = await self._ruled(message, ruling, _)
        if ruled.notice:
            await self._envoy.say(message.conversation, ruled.notice, kind=ChannelKind.PRIVATE)
        return ruled.may

    def is_silenced(self, asked: Asked) -> bool:
        """Whether a question of somebody who was told that they asked enough; nothing of it is
        stored, and nothing said."""
        if not isinstance(asked, IncomingMessage) or asked.trigger not in _ADDRESSED:
            return False
        more = asked.command or asked.attachments or asked.quoted or asked.text.lstrip()[:1] == "/"
        if more or isinstance(asked.reply_to, InteractionRef):
            return False
        return self.allowances.is_blocked(_member(asked)) and not self._is_exempt(asked)

    def _is_exempt(self, asked: Asked) -> bool:
        if asked.conversation.channel.platform.is_operators:
            return True
        level = level_of(asked, self._rules, self._channels.of(asked))
        # In private everybody administers, but only themselves.
        moderates = asked.kind is ChannelKind.GROUP and level >= Level.MODERATOR
        return moderates or level is Level.OWNER

    async def _ruled(self, message: IncomingMessage, ruling: Ruling, _: Words) -> Ruled:
        member = _member(message)
        if isinstance(ruling, Allowed):
            return await self._warned(message, ruling.nearly, _)
        first = await self.allowances.first_time(member, ruling, "refused")
        error = QuotaExceededError(ruling.budget, ruling.limit, ruling.wait)
        told = explain(error, _) or ""
        if isinstance(message.reply_to, InteractionRef):
            # A platform that shows a command's waiting has it answered each time.
            await self._envoy.reveal(message.reply_to, told)
            return Ruled(may=False)
        if not first:
            return Ruled(may=False)
        if message.kind is ChannelKind.PRIVATE or not await self._envoy.tell(member, told):
            raise error
        return Ruled(may=False)

    async def _warned(self, message: IncomingMessage, nearly: Refused | None, _: Words) -> Ruled:
        member = _member(message)
        if nearly is None or not await self.allowances.first_time(member, nearly, "nearly"):
            return Ruled(may=True)
        told = _nearly(nearly, _)
        if message.kind is ChannelKind.PRIVATE:
            return Ruled(may=True, notice=told)
        await self._envoy.tell(member, told)
        return Ruled(may=True)


def _nearly(nearly: Refused, _: Words) -> str:
    wait = duration(nearly.wait, _)
    match nearly.budget:
        case "questions":
            return _.plural(
                "You have nearly asked the {count} question that I answer one person at a stretch. "
                "There is room again in {wait}.",
                "You have nearly asked the {count} questions that I answer one person at a "
                "stretch. There is room again in {wait}.",
                nearly.limit,
                wait=wait,
            )
        case "daily_questions":
            return _.plural(
                "You have nearly asked the {count} question a day that I answer one person.",
                "You have nearly asked the {count} questions a day that I answer one person.",
                nearly.limit,
            )
        case "daily_uploads":
            return _.plural(
                "You have nearly sent the {count} file a day that I take from one person.",
                "You have nearly sent the {count} files a day that I take from one person.",
                nearly.limit,
            )
        case "daily_upload_mb":
            return _(
                "You have nearly sent the {limit} MB a day that I take from one person.",
                limit=nearly.limit,
            )


def _member(asked: Asked) -> MemberRef:
    return MemberRef(asked.conversation.channel.platform, asked.author.user_id)


def _id_of(message: IncomingMessage) -> str:
    return f"{message.conversation.channel.channel_id}/{message.message_id}"
