"""Telegram's updates as events of the core. Pure: what has to be asked for is handed in."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from telegram import CallbackQuery, Chat, ChatMember, ChatMemberUpdated, Message, Update, User
from telegram.constants import ChatType

from bot.adapters.telegram.addressing import Said, said
from bot.adapters.telegram.attachments import RemoteFile, file_of
from bot.adapters.telegram.rich import rich_words
from core.events import (
    ActionPressed,
    Attachment,
    Author,
    ChannelKind,
    ChannelMigrated,
    ChannelRef,
    ConversationRef,
    IncomingEvent,
    IncomingMessage,
    InteractionRef,
    Joined,
    Left,
    MessageEdited,
    Opening,
    Place,
    Platform,
    Quoted,
    Trigger,
)
from core.solved import is_solved

NOTHING: Final = "-"
"""The action of a button that only labels a row."""
STOP: Final = "stop"
_GROUPS: Final = (ChatType.GROUP, ChatType.SUPERGROUP)
_EVERY_BOTS: Final = frozenset({"start", "help", "settings"})
"""Commands that Telegram asks every bot to have: in a group of several they name none."""


@dataclass(frozen=True, slots=True)
class Viewpoint:
    """Who we are, what we are known for, and how a file of Telegram's becomes an attachment."""

    me: User
    commands: frozenset[str]
    """First words of our commands."""
    attachment: Callable[[RemoteFile], Attachment]


def event_of(
    update: Update, view: Viewpoint, administrators: frozenset[int] = frozenset()
) -> IncomingEvent | None:
    """What an update tells us; None where it is nothing to us.

    `administrators` are those of the chat, ourselves among them where we are one.
    """
    match update:
        case Update(message=Message() as message):
            return migration_of(message) or message_of(message, view, administrators)
        case Update(edited_message=Message() as message):
            edited = message_of(message, view, administrators)
            return MessageEdited(edited) if edited is not None else None
        case Update(callback_query=CallbackQuery() as query):
            return _press(query, administrators)
        case Update(my_chat_member=ChatMemberUpdated() as change):
            return _membership(change)
        case _:
            return _stopped(update.api_kwargs.get("stopped_message_generation"))


def channel_ref(chat_id: int) -> ChannelRef:
    """A chat as the core knows it."""
    return ChannelRef(Platform.TELEGRAM, str(chat_id))


def message_of(
    message: Message, view: Viewpoint, administrators: frozenset[int] = frozenset()
) -> IncomingMessage | None:
    """A member's message; None for what bots, channels and Telegram itself write."""
    chat = message.chat
    author = _author(message, administrators)
    if author is None or chat.type not in (ChatType.PRIVATE, *_GROUPS):
        return None
    spoken = said(message, view.me)
    private = chat.type == ChatType.PRIVATE
    trigger = _trigger(message, spoken, view, view.me.id in administrators)
    found = file_of(message)
    quoted = _quoted(message, view)
    if not spoken.text and found is None:
        # A sticker or a voice message: an answer is due where it can be meant for nobody else.
        content = message.text or message.effective_attachment
        if not (private and content) and not spoken.mentions_us:
            return None
    sender = message.from_user
    return IncomingMessage(
        conversation=conversation_of(message),
        kind=ChannelKind.PRIVATE if private else ChannelKind.GROUP,
        trigger=trigger,
        message_id=str(message.message_id),
        author=author,
        text=_known(spoken, view),
        sent_at=message.date,
        attachments=(view.attachment(found),) if found is not None else (),
        quoted=quoted,
        locale=sender.language_code if sender is not None else None,
        server_id=None if private else str(chat.id),
        place=_place(message),
        edited_at=message.edit_date,
    )


def conversation_of(message: Message) -> ConversationRef:
    """A chat, or a topic in it. Replies outside of topics carry a thread id too: no topic's."""
    topic = message.message_thread_id if message.is_topic_message else None
    return ConversationRef(channel_ref(message.chat.id), str(topic) if topic else None)


def migration_of(message: Message) -> ChannelMigrated | None:
    """The new id of a chat, told in the old chat as well as in the new one."""
    here = message.chat.id
    if message.migrate_to_chat_id:
        return ChannelMigrated(channel_ref(here), channel_ref(message.migrate_to_chat_id))
    if message.migrate_from_chat_id:
        return ChannelMigrated(channel_ref(message.migrate_from_chat_id), channel_ref(here))
    return None


def is_inside(member: ChatMember) -> bool:
    """Whether somebody with this status is in the chat."""
    if member.status == ChatMember.RESTRICTED:
        return bool(getattr(member, "is_member", False))
    return member.status in (ChatMember.OWNER, ChatMember.ADMINISTRATOR, ChatMember.MEMBER)


def _trigger(message: Message, spoken: Said, view: Viewpoint, administrates: bool) -> Trigger:
    if message.chat.type == ChatType.PRIVATE:
        return Trigger.PRIVATE
    answered = message.reply_to_message
    replies = _real(message, answered) and answered is not None and _is_ours(answered, view.me)
    if spoken.command_for is not None and spoken.command_for != str(view.me.username).lower():
        return Trigger.MENTION if spoken.mentions_us else Trigger.AMBIENT
    if spoken.command is not None and spoken.command in (*view.commands, "start"):
        named = spoken.command_for is not None or spoken.mentions_us or replies
        # In privacy mode Telegram hands a bare command to the bot that spoke last: to us.
        hears_all = administrates or bool(view.me.can_read_all_group_messages)
        if named or not hears_all or spoken.command not in _EVERY_BOTS:
            return Trigger.COMMAND
    if spoken.mentions_us or spoken.command_for is not None:
        return Trigger.MENTION
    return Trigger.REPLY if replies else Trigger.AMBIENT


def _known(spoken: Said, view: Viewpoint) -> str:
    """The text; Telegram's own first command asks for help where we have none of that name."""
    if spoken.command == "start" and "start" not in view.commands:
        return "/help"
    return spoken.text


def _author(message: Message, administrators: frozenset[int]) -> Author | None:
    chat, sender, sender_chat = message.chat, message.from_user, message.sender_chat
    if message.is_automatic_forward:
        return None
    if sender_chat is not None and chat.type in _GROUPS:
        if sender_chat.id != chat.id:
            return None  # a channel that speaks
        name = message.author_signature or chat.title or ""
        return Author(str(chat.id), name, is_channel_admin=True, is_moderator=True)
    if sender is None or sender.is_bot:
        return None
    return _person(sender, administrators)


def _person(user: User, administrators: frozenset[int]) -> Author:
    rights = user.id in administrators
    return Author(
        str(user.id),
        user.full_name,
        is_bot=user.is_bot,
        is_channel_admin=rights,
        is_moderator=rights,
    )


def _quoted(message: Message, view: Viewpoint) -> Quoted | None:
    """The message that this one replies to, narrowed to what was picked out of it."""
    picked = message.quote.text if message.quote is not None else None
    answered = message.reply_to_message
    if not _real(message, answered) or answered is None:
        if picked is None or message.external_reply is None:
            return None
        # From another chat: there is no id that would mean something here.
        return Quoted("", Author("", ""), picked)
    found = file_of(answered)
    return Quoted(
        str(answered.message_id),
        _quoted_author(answered),
        picked or answered.text or answered.caption or rich_words(answered),
        (view.attachment(found),) if found is not None else (),
        answered.date,
        answered.link,
    )


def _real(message: Message, answered: Message | None) -> bool:
    """Whether a reply is one: in a topic every message "replies" to what opened the topic."""
    if answered is None or answered.forum_topic_created is not None:
        return False
    return not (message.is_topic_message and answered.message_id == message.message_thread_id)


def _is_ours(message: Message, me: User) -> bool:
    return message.from_user is not None and message.from_user.id == me.id


def _quoted_author(message: Message) -> Author:
    if message.sender_chat is not None:
        name = message.author_signature or message.sender_chat.effective_name or ""
        return Author(str(message.sender_chat.id), name)
    if message.from_user is None:
        return Author("", "")
    return _person(message.from_user, frozenset())


def _place(message: Message) -> Place:
    title = message.chat.title or ""
    opening = _opening(message)
    return Place(
        channel_name=title,
        server_name=title,
        is_thread=conversation_of(message).thread_id is not None,
        opening=opening,
        is_settled=opening is not None and is_solved(opening.title),
    )


def _opening(message: Message) -> Opening | None:
    """How its topic began, which Telegram tells with what replies to nothing else there."""
    first = message.reply_to_message
    if not message.is_topic_message or first is None or first.forum_topic_created is None:
        return None
    by = _quoted_author(first).user_id
    return Opening(first.forum_topic_created.name, by, first.date)


def _press(query: CallbackQuery, administrators: frozenset[int]) -> ActionPressed | None:
    message = query.message
    if message is None or not query.data or query.data == NOTHING:
        return None
    private = message.chat.type == ChatType.PRIVATE
    # Of a message that is too old Telegram tells no more than its chat and its id: not its topic.
    whole = message if isinstance(message, Message) else None
    here = ConversationRef(channel_ref(message.chat.id))
    title = message.chat.title or ""
    return ActionPressed(
        conversation_of(whole) if whole is not None else here,
        str(message.message_id),
        query.data,
        _person(query.from_user, administrators),
        ChannelKind.PRIVATE if private else ChannelKind.GROUP,
        InteractionRef(Platform.TELEGRAM, query.id),
        query.from_user.language_code,
        None if private else str(message.chat.id),
        _place(whole) if whole is not None else Place(title, title),
    )


def _membership(change: ChatMemberUpdated) -> Joined | Left | None:
    chat: Chat = change.chat
    if chat.type not in _GROUPS:
        return None
    was, now = is_inside(change.old_chat_member), is_inside(change.new_chat_member)
    if was == now:
        return None
    if not now:
        return Left(Platform.TELEGRAM, str(chat.id))
    return Joined(
        Platform.TELEGRAM,
        str(chat.id),
        chat.title or "",
        _person(change.from_user, frozenset()),
        ConversationRef(channel_ref(chat.id)),
        change.from_user.language_code,
        str(change.from_user.id),
    )


def _stopped(stopped: object) -> ActionPressed | None:
    """The Stop button of a draft (Bot API 10.3), which the library does not know yet."""
    match stopped:
        case {"chat": {"id": int(chat_id)}, "draft_id": int(draft_id), **rest}:
            topic = rest.get("message_thread_id")
            conversation = ConversationRef(channel_ref(chat_id), str(topic) if topic else None)
            author = Author(str(chat_id), "")
            return ActionPressed(conversation, str(draft_id), STOP, author, ChannelKind.PRIVATE)
        case _:
            return None
