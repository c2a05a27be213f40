"""What newer servers offer: drafts (9.3), rich messages (10.1), ephemeral messages (10.2)."""

from __future__ import annotations

import time
from collections.abc import Callable

from tests.platforms.telegram_server import content, ephemeral, rich
from tests.platforms.telegram_server.api_messages import new_message, post
from tests.platforms.telegram_server.calls import Call, Method
from tests.platforms.telegram_server.errors import bad_request, not_found
from tests.platforms.telegram_server.model import Chat

CAN_STOP = (10, 3)


def _since(version: tuple[int, int], method: Callable[[Call], object]) -> Method:
    """A method that servers before a version do not know."""

    def versioned(call: Call) -> object:
        if call.options.version < version:
            raise not_found()
        return method(call)

    return versioned


def _draft_target(call: Call) -> Chat:
    chat = call.target()
    if chat.kind != "private":
        raise bad_request("TEXTDRAFT_PEER_INVALID")
    if not call.given.integer("draft_id"):
        raise bad_request("draft_id must be non-zero")
    content.topic(call, chat)
    return chat


def _drafted(call: Call, chat: Chat, text: str) -> bool:
    call.bot.flood.spend(chat.chat_id, "draft")
    draft_id = call.given.integer("draft_id")
    chat.drafts.append((draft_id, text))
    chat.drafts_shown[draft_id] = text
    can_stop = call.given.flag("can_stop") and call.options.version >= CAN_STOP
    chat.stoppable = (draft_id, call.given.integer("message_thread_id")) if can_stop else None
    call.world.changes.announce()
    return True


def send_message_draft(call: Call) -> bool:
    chat = _draft_target(call)
    text, _ = content.formatted(call, "text", content.MAX_TEXT, "message is too long")
    return _drafted(call, chat, text)


def send_rich_message(call: Call) -> dict:
    chat = call.target()
    text, blocks = rich.given_rich(call)
    message = new_message(call, chat)
    message.text, message.rich = text, blocks
    return post(call, message)


def send_rich_message_draft(call: Call) -> bool:
    chat = _draft_target(call)
    return _drafted(call, chat, rich.given_rich(call)[0])


def edit_ephemeral_text(call: Call) -> bool:
    message = ephemeral.named(call)
    text, entities = content.formatted(call, "text", content.MAX_TEXT, "MESSAGE_TOO_LONG")
    message.text, message.entities = text, entities
    message.keyboard = content.keyboard(call)
    message.texts.append(text)
    message.edits += 1
    message.edit_date = int(time.time())
    call.world.changes.announce()
    return True


def edit_ephemeral_markup(call: Call) -> bool:
    message = ephemeral.named(call)
    message.keyboard = content.keyboard(call)
    message.edits += 1
    call.world.changes.announce()
    return True


def delete_ephemeral(call: Call) -> bool:
    ephemeral.named(call).deleted = True
    call.world.changes.announce()
    return True


METHODS: dict[str, Method] = {
    "sendMessageDraft": _since((9, 3), send_message_draft),
    "sendRichMessage": _since(rich.SINCE, send_rich_message),
    "sendRichMessageDraft": _since(rich.SINCE, send_rich_message_draft),
    "editEphemeralMessageText": _since(ephemeral.SINCE, edit_ephemeral_text),
    "editEphemeralMessageReplyMarkup": _since(ephemeral.SINCE, edit_ephemeral_markup),
    "deleteEphemeralMessage": _since(ephemeral.SINCE, delete_ephemeral),
}
