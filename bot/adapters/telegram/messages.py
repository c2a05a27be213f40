"""Texts on their way to Telegram: without previews, into their topic, as rich as the server takes.

A text with tables or headings goes as a rich message; where the server takes none, with entities;
where it does not take these, as it was written.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Final, TypeVar

from telegram import Bot, LinkPreviewOptions, Message, MessageEntity, ReplyParameters
from telegram.error import BadRequest, EndPointNotFound

from bot.adapters.telegram.calls import Calls, is_about_the_place, is_unchanged, is_unparsable
from bot.adapters.telegram.keyboards import keyboard
from bot.adapters.telegram.render import Rendered, plain, render
from bot.adapters.telegram.rich import rich
from core.errors import ConversationMovedError
from core.events import ConversationRef
from core.replies import Menu

NO_PREVIEW: Final = LinkPreviewOptions(is_disabled=True)

_EDIT: Final = "editmessagetext"
"""The library has the method, but not without a text, and warns of its name; case is nothing to
Telegram."""

T = TypeVar("T")
_log = logging.getLogger(__name__)


class Messages:
    """Sends and edits texts."""

    def __init__(self, bot: Bot, calls: Calls) -> None:
        self._bot = bot
        self._calls = calls
        # What an older server lacks is found out once.
        self._knows_rich = True

    async def say(
        self,
        to: ConversationRef,
        text: str,
        reply: ReplyParameters | None,
        menus: Sequence[Menu],
        *,
        stays: bool = False,
    ) -> Message:
        """Send a text; `stays` as in `Calls.make`."""
        whole = render(text)

        async def request(chat_id: int, shown: Rendered) -> Message:
            parameters = {
                "message_thread_id": topic_of(to),
                "reply_parameters": reply_in(chat_id, to, reply),
                "reply_markup": keyboard(menus),
            }
            if shown is whole:
                sent = await self.richly("sendRichMessage", chat_id, text, parameters)
                if isinstance(sent, Message):
                    return sent
            return await self._plainly(chat_id, to, shown, reply, menus, None)

        return await self.show(to, whole, text, request, stays=stays)

    async def send(
        self,
        to: ConversationRef,
        shown: Rendered,
        source: str,
        reply: ReplyParameters | None,
        menus: Sequence[Menu],
        extra: dict[str, object] | None = None,
    ) -> Message:
        """Send a text with these entities; of `extra` the library knows nothing."""
        return await self.show(
            to,
            shown,
            source,
            lambda chat_id, shown: self._plainly(chat_id, to, shown, reply, menus, extra),
        )

    async def change(
        self, to: ConversationRef, message_id: str, text: str, menus: Sequence[Menu]
    ) -> None:
        """Let a message of ours say this. Raises `ConversationMovedError` where it was sent under
        an id that the chat had before."""
        number, whole = number_in(to, message_id), render(text)

        async def request(chat_id: int, shown: Rendered) -> None:
            buttons = keyboard(menus)
            parameters = {"message_id": number, "reply_markup": buttons}
            try:
                if shown is whole and await self.richly(_EDIT, chat_id, text, parameters):
                    return
                await self._bot.edit_message_text(
                    shown.text,
                    chat_id,
                    number,
                    entities=entities_of(shown),
                    link_preview_options=NO_PREVIEW,
                    reply_markup=buttons,
                )
            except BadRequest as error:
                if not is_unchanged(error):
                    raise

        await self.show(to, whole, text, request, stays=True)

    async def show(
        self,
        to: ConversationRef,
        shown: Rendered,
        source: str,
        request: Callable[[int, Rendered], Awaitable[T]],
        *,
        stays: bool = False,
    ) -> T:
        """Make a call with a text; without its formatting, where that is what is refused."""

        async def either(chat_id: int) -> T:
            try:
                return await request(chat_id, shown)
            except BadRequest as error:
                if not is_unparsable(error):
                    raise
                _log.warning("Telegram does not take the formatting of a message: %s", error)
                return await request(chat_id, plain(source))

        return await self._calls.make(to, either, stays=stays)

    async def richly(
        self, method: str, chat_id: int, text: str, parameters: Mapping[str, object]
    ) -> Message | bool | None:
        """Make a call with a rich message; None: the text needs none, or none is taken here."""
        html = rich(text) if self._knows_rich else None
        if html is None:
            return None
        given = {name: value for name, value in parameters.items() if value is not None}
        try:
            answer: Message | bool = await self._bot.do_api_request(
                method,
                {"chat_id": chat_id, "rich_message": {"html": html}, **given},
                return_type=Message,
            )
        except EndPointNotFound:
            self._knows_rich = False
            return None
        except BadRequest as error:
            if is_unchanged(error) or is_about_the_place(error):
                raise
            # An older server passes over what it does not know, and then misses a text.
            self._knows_rich = "text is empty" not in error.message.lower()
            _log.info("Telegram does not take a rich message: %s", error)
            return None
        return answer

    async def _plainly(
        self,
        chat_id: int,
        to: ConversationRef,
        shown: Rendered,
        reply: ReplyParameters | None,
        menus: Sequence[Menu],
        extra: dict[str, object] | None,
    ) -> Message:
        return await self._bot.send_message(
            chat_id,
            shown.text,
            entities=entities_of(shown),
            link_preview_options=NO_PREVIEW,
            message_thread_id=topic_of(to),
            reply_parameters=reply_in(chat_id, to, reply),
            reply_markup=keyboard(menus),
            api_kwargs=extra,
        )


def reply_parameters(message_id: int) -> ReplyParameters:
    """A reply; where the message is gone, a message all the same."""
    return ReplyParameters(message_id, allow_sending_without_reply=True)


def reply_in(
    chat_id: int, to: ConversationRef, reply: ReplyParameters | None
) -> ReplyParameters | None:
    """The reply, unless the chat has moved: under its new id the number is another message's."""
    return reply if str(chat_id) == to.channel.channel_id else None


def number_in(to: ConversationRef, message_id: str) -> int:
    """The number of a message there. Raises `ConversationMovedError` for one of another chat."""
    if not message_id.isdecimal():
        raise ConversationMovedError(to, to)
    return int(message_id)


def topic_of(to: ConversationRef) -> int | None:
    """The topic of a conversation, as Telegram counts them."""
    return int(to.thread_id) if to.thread_id is not None else None


def entities_of(shown: Rendered) -> list[MessageEntity]:
    """The formatting, as Telegram takes it."""
    return [
        MessageEntity(span.kind, span.offset, span.length, url=span.url, language=span.language)
        for span in shown.spans
    ]
