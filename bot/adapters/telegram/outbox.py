"""What the bot says on Telegram: messages, edits, drafts, files, and what only one person sees."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime
from typing import Final, TypeVar

from telegram import (
    Bot,
    InputFile,
    LinkPreviewOptions,
    Message,
    MessageEntity,
    ReplyParameters,
)
from telegram.constants import ChatAction
from telegram.error import BadRequest, Forbidden, InvalidToken, NetworkError, TelegramError

from bot.adapters.telegram.administrators import Administrators
from bot.adapters.telegram.calls import Calls, is_unchanged, is_unparsable
from bot.adapters.telegram.keyboards import keyboard
from bot.adapters.telegram.presses import LONGEST_ALERT, Press, Presses
from bot.adapters.telegram.render import Rendered, length, plain, quotation, render
from bot.adapters.telegram.translate import channel_ref
from core.errors import DeliveryError, ForbiddenError
from core.events import ChannelRef, ConversationRef, InteractionRef, MessageRef, ReplyTo
from core.language import words
from core.ports import Capabilities, Standing
from core.replies import Menu
from core.text import split_message, utf16_length

MOST_TEXT: Final = 4096
_EPHEMERAL_SECONDS: Final = 15.0
"""Until how long after a press what is sent for it may be shown to the presser alone."""
_MOST_OPEN: Final = 200
_NO_PREVIEW: Final = LinkPreviewOptions(is_disabled=True)

T = TypeVar("T")
_log = logging.getLogger(__name__)


def capabilities(
    group_messages_per_minute: int, max_download: int | None, max_upload: int
) -> Capabilities:
    """What Telegram can do, within the budget that the operator gives a group."""
    return Capabilities(
        max_text=MOST_TEXT,
        count=length,
        max_download=max_download,
        max_upload=max_upload,
        can_buttons=True,
        can_draft=True,
        edit_interval_private=1.0,
        edit_interval_group=60 / group_messages_per_minute,
    )


class TelegramOutbox:
    """Sends through the Bot API."""

    def __init__(
        self,
        bot: Bot,
        can: Capabilities,
        calls: Calls,
        presses: Presses,
        administrators: Administrators,
    ) -> None:
        self._bot = bot
        self._can = can
        self._calls = calls
        self._presses = presses
        self._administrators = administrators
        # What an older server lacks is found out once.
        self._drafts = True
        self._without_drafts: set[int] = set()
        self._ephemeral = True
        self._open: dict[tuple[ConversationRef, int], str] = {}

    @property
    def capabilities(self) -> Capabilities:
        return self._can

    async def send(
        self,
        to: ConversationRef,
        text: str,
        *,
        reply_to: ReplyTo | None = None,
        key: str | None = None,
        menus: Sequence[Menu] = (),
    ) -> str:
        sent = await self._send(to, render(text), text, self._reply(reply_to), menus)
        return str(sent.message_id)

    async def edit(
        self, to: ConversationRef, message_id: str, text: str, *, menus: Sequence[Menu] = ()
    ) -> None:
        async def request(chat_id: int, shown: Rendered) -> None:
            try:
                await self._bot.edit_message_text(
                    shown.text,
                    chat_id,
                    int(message_id),
                    entities=_entities(shown),
                    link_preview_options=_NO_PREVIEW,
                    reply_markup=keyboard(menus),
                )
            except BadRequest as error:
                if not is_unchanged(error):
                    raise

        await self._shown(to, render(text), text, request)

    async def delete(self, to: ConversationRef, message_id: str) -> None:
        await self._calls.make(
            to, lambda chat_id: self._bot.delete_message(chat_id, int(message_id))
        )

    async def send_file(
        self,
        to: ConversationRef,
        filename: str,
        data: bytes,
        *,
        reply_to: ReplyTo | None = None,
        key: str | None = None,
    ) -> str:
        reply = self._reply(reply_to)
        sent = await self._calls.make(
            to,
            lambda chat_id: self._bot.send_document(
                chat_id,
                InputFile(data, filename),
                message_thread_id=_topic(to),
                reply_parameters=reply,
                disable_content_type_detection=True,
            ),
        )
        return str(sent.message_id)

    async def typing(self, to: ConversationRef) -> None:
        await self._calls.make(
            to,
            lambda chat_id: self._bot.send_chat_action(
                chat_id, ChatAction.TYPING, message_thread_id=_topic(to)
            ),
        )

    async def draft(self, to: ConversationRef, answers: str, text: str) -> bool:
        draft_id = int(answers) if answers.isdecimal() else 0
        if not self._drafts or not draft_id:
            return False

        async def request(chat_id: int, shown: Rendered) -> bool:
            if chat_id in self._without_drafts:
                return False
            try:
                await self._bot.send_message_draft(
                    chat_id,
                    draft_id,
                    shown.text,
                    message_thread_id=_topic(to),
                    entities=_entities(shown),
                    api_kwargs={"can_stop": True},
                )
            except InvalidToken:
                # What a server says of a method that it does not know.
                self._drafts = False
                return False
            except BadRequest as error:
                if is_unparsable(error):
                    raise
                self._without_drafts.add(chat_id)
                return False
            except NetworkError as error:
                _log.debug("a draft was not shown: %s", error)
            return True

        return await self._shown(to, render(text), text, request)

    async def reveal(self, to: InteractionRef, text: str, *, menus: Sequence[Menu] = ()) -> None:
        press = self._presses.of(to.key)
        if press is None:
            _log.info("what was asked for by a press is not shown: it is too long ago")
            return
        alert = render(text).text
        short = not menus and utf16_length(alert) <= LONGEST_ALERT
        if short and await self._presses.answer(press, alert):
            return
        if self._stands_there(press, text):
            await self._presses.answer(press, words(press.locale)("Shown above already."))
            return
        await self._presses.answer(press)
        parts = split_message(text, MOST_TEXT, length)
        for part in parts:
            last = part is parts[-1]
            for_all = await self._reveal_part(press, part, menus if last else ())
            if for_all:
                self._note_open(press, text)

    async def direct(self, user_id: str) -> ConversationRef:
        to = ConversationRef(ChannelRef(channel_ref(0).platform, user_id))
        try:
            # The one way to ask: Telegram does not tell whether somebody has started us.
            await self.typing(to)
        except ForbiddenError:
            raise
        except DeliveryError as error:
            raise ForbiddenError(to) from error
        return to

    async def leave(self, server_id: str) -> None:
        to = ConversationRef(channel_ref(int(server_id)))

        async def request(chat_id: int) -> None:
            try:
                await self._bot.leave_chat(chat_id)
            except (BadRequest, Forbidden) as error:
                _log.info("not in the group any more: %s", error)

        await self._calls.make(to, request)

    async def is_member(self, user_id: str, channel: ChannelRef) -> bool | None:
        standing = await self.standing(user_id, channel)
        return standing.can_read if standing is not None else None

    async def standing(self, user_id: str, channel: ChannelRef) -> Standing | None:
        if channel.channel_id == user_id:
            return Standing(can_read=True, is_channel_admin=True)
        chat_id, member_id = int(channel.channel_id), int(user_id)
        if chat_id > 0:
            return Standing(can_read=False)
        try:
            administrators = await self._administrators.now(chat_id)
            if member_id in administrators:
                return Standing(can_read=True, is_channel_admin=True)
            # Of others Telegram tells reliably only where we are administrator.
            if self._bot.id not in administrators:
                return None
            is_inside = await self._administrators.is_inside(chat_id, member_id)
        except BadRequest as error:
            unknown = "user" in error.message.lower() or "participant" in error.message.lower()
            return Standing(can_read=False) if unknown else None
        except TelegramError as error:
            _log.info("Telegram does not say who is in a group: %s", error)
            return None
        return Standing(can_read=is_inside)

    async def _send(
        self,
        to: ConversationRef,
        shown: Rendered,
        source: str,
        reply: ReplyParameters | None,
        menus: Sequence[Menu],
        extra: dict[str, object] | None = None,
    ) -> Message:
        async def request(chat_id: int, shown: Rendered) -> Message:
            return await self._bot.send_message(
                chat_id,
                shown.text,
                entities=_entities(shown),
                link_preview_options=_NO_PREVIEW,
                message_thread_id=_topic(to),
                reply_parameters=reply,
                reply_markup=keyboard(menus),
                api_kwargs=extra,
            )

        return await self._shown(to, shown, source, request)

    async def _shown(
        self,
        to: ConversationRef,
        shown: Rendered,
        source: str,
        request: Callable[[int, Rendered], Awaitable[T]],
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

        return await self._calls.make(to, either)

    async def _reveal_part(self, press: Press, text: str, menus: Sequence[Menu]) -> bool:
        """Whether others see it too."""
        reply = _reply_parameters(press.message_id)
        if press.private:
            await self._send(press.conversation, render(text), text, reply, menus)
            return False
        shown = quotation(text)
        try:
            if not await self._whispered(press, shown, text, menus):
                await self._send(press.conversation, shown, text, reply, menus)
                return True
        except ForbiddenError:
            # We may not write there any more: the two of us may still have a chat.
            direct = await self.direct(str(press.user_id))
            await self._send(direct, render(text), text, None, menus)
            return False
        return not self._ephemeral

    async def _whispered(
        self, press: Press, shown: Rendered, source: str, menus: Sequence[Menu]
    ) -> bool:
        """Show it in the group to the one who pressed alone (Bot API 10.2).

        A server that knows nothing of this shows it to all: hence the folded quotation. Whether it
        was understood is seen by the answer.
        """
        if not self._ephemeral:
            return False
        parameters: dict[str, object] = {"receiver_user_id": press.user_id}
        if (datetime.now(UTC) - press.at).total_seconds() < _EPHEMERAL_SECONDS:
            parameters["callback_query_id"] = press.key
        # Bot API 10.2 takes the two by themselves, 10.3 as one object.
        extra = {**parameters, "ephemeral_message_parameters": parameters}
        reply = _reply_parameters(press.message_id)
        try:
            sent = await self._send(press.conversation, shown, source, reply, menus, extra)
        except ForbiddenError:
            raise
        except DeliveryError as error:
            if type(error) is not DeliveryError:
                raise
            return False
        self._ephemeral = "ephemeral_message_id" in sent.api_kwargs
        return True

    def _note_open(self, press: Press, text: str) -> None:
        self._open[press.conversation, press.message_id] = text
        if len(self._open) > _MOST_OPEN:
            del self._open[next(iter(self._open))]

    def _stands_there(self, press: Press, text: str) -> bool:
        """Whether all can see it already: a group's budget is not for saying things twice."""
        return self._open.get((press.conversation, press.message_id)) == text

    def _reply(self, reply_to: ReplyTo | None) -> ReplyParameters | None:
        match reply_to:
            case MessageRef(_, message_id) if message_id.isdecimal():
                return _reply_parameters(int(message_id))
            case InteractionRef(_, key) if (press := self._presses.of(key)) is not None:
                return _reply_parameters(press.message_id)
            case _:
                return None


def _reply_parameters(message_id: int) -> ReplyParameters:
    return ReplyParameters(message_id, allow_sending_without_reply=True)


def _topic(to: ConversationRef) -> int | None:
    return int(to.thread_id) if to.thread_id is not None else None


def _entities(shown: Rendered) -> list[MessageEntity]:
    return [
        MessageEntity(span.kind, span.offset, span.length, url=span.url, language=span.language)
        for span in shown.spans
    ]
