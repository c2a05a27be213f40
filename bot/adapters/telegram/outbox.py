"""What the bot says on Telegram: messages, edits, drafts, files, and what only one person sees."""

from __future__ import annotations

import logging
from collections.abc import Sequence

from telegram import Bot, InputFile, ReplyParameters
from telegram.constants import ChatAction
from telegram.error import BadRequest, Forbidden, InvalidToken, NetworkError, TelegramError

from bot.adapters.telegram.administrators import Administrators
from bot.adapters.telegram.asking import Asking
from bot.adapters.telegram.calls import Calls, is_unchanged, is_unparsable, stays_for_good
from bot.adapters.telegram.messages import (
    Messages,
    entities_of,
    number_in,
    reply_in,
    reply_parameters,
    topic_of,
)
from bot.adapters.telegram.presses import Press, Presses
from bot.adapters.telegram.render import MOST_TEXT, Rendered, length, render
from bot.adapters.telegram.revealing import Revealing
from bot.adapters.telegram.translate import channel_ref
from core.errors import DeliveryError, ForbiddenError
from core.events import (
    Author,
    ChannelKind,
    ChannelRef,
    ConversationRef,
    InteractionRef,
    MessageRef,
    ReplyTo,
)
from core.pacer import Pacer, Pacers
from core.ports import Capabilities, Lacking, Standing
from core.replies import Menu

_log = logging.getLogger(__name__)

TAKEN_AWAY = "🗑"
"""What stands in place of a message that cannot be deleted any more."""
_SUPERGROUP = "-100"
"""How the id of a supergroup begins; the rest is its id in addresses."""


def capabilities(
    group_messages_per_minute: int,
    minute_seconds: float,
    max_download: int | None,
    max_upload: int,
) -> Capabilities:
    """What Telegram can do, within the budget that the operator gives a group."""
    return Capabilities(
        max_text=MOST_TEXT,
        count=length,
        max_download=max_download,
        max_upload=max_upload,
        can_buttons=True,
        can_draft=True,
        forms="replies",
        edit_interval_private=1.0,
        edit_interval_group=minute_seconds / group_messages_per_minute,
        edit_window_group=minute_seconds,
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
        pacers: Pacers,
    ) -> None:
        """`pacers` are the core's: what is shown because of a press takes part in their budgets."""
        self._bot = bot
        self._can = can
        self._calls = calls
        self._presses = presses
        self._administrators = administrators
        self._messages = Messages(bot, calls)
        self._asking = Asking(bot, calls)

        def pacer_of(press: Press) -> Pacer:
            kind = ChannelKind.PRIVATE if press.private else ChannelKind.GROUP
            return pacers.of(press.conversation.channel, kind, can)

        self._revealing = Revealing(self._messages, presses, self.direct, pacer_of)
        # What an older server lacks is found out once.
        self._drafts = True
        self._without_drafts: set[int] = set()

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
        mention: str | None = None,
    ) -> str:
        """Telegram has no roles: nobody is mentioned."""
        reply = self._reply(to, reply_to)
        sent = await self._messages.say(to, text, reply, menus, stays=key is not None)
        return str(sent.message_id)

    async def ask(
        self, to: ConversationRef, text: str, *, of: Author, reply_to: ReplyTo | None = None
    ) -> str:
        return await self._asking.ask(to, text, of, self._reply(to, reply_to))

    def link(self, message: MessageRef) -> str | None:
        """Messages of supergroups have addresses, which their members can open."""
        chat_id, to = message.conversation.channel.channel_id, message.conversation
        if not chat_id.startswith(_SUPERGROUP) or not message.message_id.isdecimal():
            return None
        parts = [chat_id.removeprefix(_SUPERGROUP), to.thread_id, message.message_id]
        return "https://t.me/c/" + "/".join(part for part in parts if part is not None)

    def message_at(self, channel: ChannelRef, link: str) -> MessageRef | None:
        """Telegram gives no message twice."""
        return None

    async def edit(
        self, to: ConversationRef, message_id: str, text: str, *, menus: Sequence[Menu] = ()
    ) -> None:
        await self._messages.change(to, message_id, text, menus)

    async def delete(self, to: ConversationRef, message_id: str) -> None:
        number = number_in(to, message_id)

        async def request(chat_id: int) -> None:
            try:
                await self._bot.delete_message(chat_id, number)
            except BadRequest as error:
                if not stays_for_good(error):
                    raise
                await self._empty(chat_id, number, error)

        await self._calls.make(to, request, stays=True)

    async def _empty(self, chat_id: int, number: int, refused: BadRequest) -> None:
        """Telegram takes nothing away that is older than two days: then its words and buttons go.
        Of a file there is nothing that could."""
        try:
            await self._bot.edit_message_text(TAKEN_AWAY, chat_id, number)
        except BadRequest as error:
            if not is_unchanged(error):
                raise refused from error

    async def send_file(
        self,
        to: ConversationRef,
        filename: str,
        data: bytes,
        *,
        reply_to: ReplyTo | None = None,
        key: str | None = None,
    ) -> str:
        reply = self._reply(to, reply_to)
        sent = await self._calls.make(
            to,
            lambda chat_id: self._bot.send_document(
                chat_id,
                InputFile(data, filename),
                message_thread_id=topic_of(to),
                reply_parameters=reply_in(chat_id, to, reply),
                disable_content_type_detection=True,
            ),
            stays=key is not None,
        )
        return str(sent.message_id)

    async def typing(self, to: ConversationRef) -> None:
        await self._calls.make(
            to,
            lambda chat_id: self._bot.send_chat_action(
                chat_id, ChatAction.TYPING, message_thread_id=topic_of(to)
            ),
        )

    async def draft(self, to: ConversationRef, answers: str, text: str) -> bool:
        draft_id = int(answers) if answers.isdecimal() else 0
        if not self._drafts or not draft_id:
            return False

        async def request(chat_id: int, shown: Rendered) -> bool:
            if chat_id in self._without_drafts:
                return False
            parameters = {
                "draft_id": draft_id,
                "message_thread_id": topic_of(to),
                "can_stop": True,
            }
            try:
                if await self._messages.richly("sendRichMessageDraft", chat_id, text, parameters):
                    return True
                await self._bot.send_message_draft(
                    chat_id,
                    draft_id,
                    shown.text,
                    message_thread_id=topic_of(to),
                    entities=entities_of(shown),
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

        return await self._messages.show(to, render(text), text, request)

    async def reveal(self, to: InteractionRef, text: str, *, menus: Sequence[Menu] = ()) -> None:
        await self._revealing.reveal(to.key, text, menus)

    async def dismiss(self, to: InteractionRef) -> None:
        """Telegram shows no waiting that lasts."""

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

    async def open_thread(self, question: MessageRef, title: str) -> ConversationRef | None:
        """A topic stands beside the others, not below a question: the answer stays where it was."""
        return None

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
            return Standing(can_read=True, is_channel_admin=True, is_moderator=True)
        chat_id, member_id = int(channel.channel_id), int(user_id)
        if chat_id > 0:
            return Standing(can_read=False)
        try:
            administrators = await self._administrators.now(chat_id)
            if member_id in administrators:
                return Standing(can_read=True, is_channel_admin=True, is_moderator=True)
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

    async def is_within(self, channel: ChannelRef, other: ChannelRef) -> bool | None:
        """Telegram does not tell who is in a group."""
        return True if channel == other else None

    async def lacking(self, channel: ChannelRef) -> Sequence[Lacking]:
        """What the group forbids its members, unless we administer it."""
        to = ConversationRef(channel)
        rights = await self._calls.make(to, self._administrators.withheld)
        if not rights:
            return ()
        return (Lacking(channel, "", tuple(rights)),)

    def _reply(self, to: ConversationRef, reply_to: ReplyTo | None) -> ReplyParameters | None:
        match reply_to:
            case MessageRef(there, _) if there.channel != to.channel:
                # Said before the chat moved: here the number is another message's.
                return None
            case MessageRef(_, message_id) if message_id.isdecimal():
                return reply_parameters(int(message_id))
            case InteractionRef(_, key) if (press := self._presses.of(key)) is not None:
                return reply_parameters(press.message_id)
            case _:
                return None
