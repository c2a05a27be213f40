"""Sending, editing and deleting messages."""

from __future__ import annotations

import time

from tests.platforms.telegram_server import content, rich
from tests.platforms.telegram_server.calls import Call, Method
from tests.platforms.telegram_server.ephemeral import make_ephemeral
from tests.platforms.telegram_server.errors import bad_request
from tests.platforms.telegram_server.model import ADMINISTRATORS, Chat, Message
from tests.platforms.telegram_server.payload import message_json

_NOT_MODIFIED = (
    "message is not modified: specified new message content and reply markup are exactly "
    "the same as a current content and reply markup of the message"
)
_DELETE_SECONDS = 48 * 3600
CHAT_ACTIONS = frozenset(
    [
        "typing",
        "upload_photo",
        "record_video",
        "upload_video",
        "record_voice",
        "upload_voice",
        "upload_document",
        "choose_sticker",
        "find_location",
        "record_video_note",
        "upload_video_note",
    ]
)


def new_message(call: Call, chat: Chat) -> Message:
    """A message of the bot with its place, reply and keyboard, still without content."""
    keyboard = content.keyboard(call)
    thread = content.topic(call, chat)
    reply, quote = content.replied(call, chat, thread)
    if thread is None and reply is not None and chat.is_forum:
        thread = reply.topic
    message = Message(0, chat, int(time.time()), sender=call.bot.account)
    message.keyboard, message.topic = keyboard, thread
    message.forced = content.forced_reply(call)
    message.reply_to, message.quote = reply, quote
    if chat.kind == "channel":
        message.sender, message.sender_chat = None, chat
    return message


def post(call: Call, message: Message) -> dict:
    """Show it, if the flood limits allow."""
    chat = message.chat
    call.bot.flood.spend(chat.chat_id, chat.kind)
    make_ephemeral(call, message)
    message.message_id = call.world.new_id(chat)
    chat.drafts_shown.clear()
    chat.stoppable = None
    call.world.put(message)
    return message_json(message)


def send_message(call: Call) -> dict:
    chat = call.target()
    text, entities = content.formatted(call, "text", content.MAX_TEXT, "message is too long")
    if not text:
        raise bad_request("message text is empty")
    message = new_message(call, chat)
    message.text, message.entities = text, entities
    return post(call, message)


def _to_edit(call: Call) -> Message:
    message = call.own_message(call.target(), "message to edit not found")
    if message.sender is not call.bot.account and message.chat.kind != "channel":
        raise bad_request("message can't be edited")
    if message.forced is not None:
        # Only those without a keyboard, or with one of their own, can be.
        raise bad_request("message can't be edited")
    return message


def _edited(call: Call, message: Message, **new: object) -> dict:
    """Put new content in place; nothing new is an error, as is too much at once."""
    call.bot.flood.spend(message.chat.chat_id, message.chat.kind)
    if all(getattr(message, name) == value for name, value in new.items()):
        raise bad_request(_NOT_MODIFIED)
    for name, value in new.items():
        setattr(message, name, value)
    message.edits += 1
    message.edit_date = int(time.time())
    if "text" in new:
        message.texts.append(message.text)
    call.world.changes.announce()
    return message_json(message)


def edit_text(call: Call) -> dict:
    message = _to_edit(call)
    if message.files:
        raise bad_request("there is no text in the message to edit")
    if call.options.version >= rich.SINCE and "rich_message" in call.given:
        text, blocks = rich.given_rich(call)
        keyboard = content.keyboard(call)
        return _edited(call, message, text=text, entities=[], keyboard=keyboard, rich=blocks)
    text, entities = content.formatted(call, "text", content.MAX_TEXT, "MESSAGE_TOO_LONG")
    if not text:
        raise bad_request("message text is empty")
    keyboard = content.keyboard(call)
    return _edited(call, message, text=text, entities=entities, keyboard=keyboard, rich=None)


def edit_caption(call: Call) -> dict:
    message = _to_edit(call)
    if not message.files:
        raise bad_request("there is no caption in the message to edit")
    text, entities = content.formatted(
        call, "caption", content.MAX_CAPTION, "message caption is too long"
    )
    keyboard = content.keyboard(call)
    return _edited(call, message, text=text, entities=entities, keyboard=keyboard)


def edit_reply_markup(call: Call) -> dict:
    return _edited(call, _to_edit(call), keyboard=content.keyboard(call))


def delete(call: Call) -> bool:
    chat = call.target()
    message = call.own_message(chat, "message to delete not found")
    is_administrator = chat.status_of(call.bot.account.user_id) in ADMINISTRATORS
    is_old = message.date < time.time() - _DELETE_SECONDS
    is_own = message.sender is call.bot.account or chat.kind == "private"
    if not is_administrator and (not is_own or is_old):
        raise bad_request("message can't be deleted")
    message.deleted = True
    call.world.changes.announce()
    return True


def send_chat_action(call: Call) -> bool:
    chat = call.target()
    action = call.given.text("action")
    if action not in CHAT_ACTIONS:
        raise bad_request("wrong parameter action in request")
    content.topic(call, chat)
    chat.actions.append(action)
    call.world.changes.announce()
    return True


METHODS: dict[str, Method] = {
    "sendMessage": send_message,
    "editMessageText": edit_text,
    "editMessageCaption": edit_caption,
    "editMessageReplyMarkup": edit_reply_markup,
    "deleteMessage": delete,
    "sendChatAction": send_chat_action,
}
