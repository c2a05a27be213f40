"""Messages and memberships as the Bot API writes them."""

from __future__ import annotations

import copy

from tests.platforms.telegram_server.model import Account, Chat, Message, Status, StoredFile

_RIGHTS = (
    "can_manage_chat",
    "can_delete_messages",
    "can_manage_video_chats",
    "can_restrict_members",
    "can_promote_members",
    "can_change_info",
    "can_invite_users",
    "can_post_stories",
    "can_edit_stories",
    "can_delete_stories",
)


def message_json(message: Message, *, nested: bool = False) -> dict:
    """A message; the one it replies to is inside, but not that one's own."""
    body: dict = {"message_id": message.message_id, "date": message.date}
    body["chat"] = message.chat.json()
    if message.sender is not None:
        body["from"] = message.sender.json()
    if message.sender_chat is not None:
        body["sender_chat"] = message.sender_chat.json()
    body.update(_thread(message))
    if message.edit_date is not None:
        body["edit_date"] = message.edit_date
    if message.origin is not None:
        body["forward_origin"] = message.origin
    if message.is_automatic_forward:
        body["is_automatic_forward"] = True
    if message.album is not None:
        body["media_group_id"] = message.album
    if message.ephemeral_for is not None:
        body |= {"ephemeral_message_id": message.message_id, "message_id": 0}
        body["receiver_user"] = message.ephemeral_for.json()
    body.update(_content(message))
    if message.keyboard:
        body["reply_markup"] = {"inline_keyboard": copy.deepcopy(message.keyboard)}
    if not nested:
        body.update(_replied(message))
    return body


def _replied(message: Message) -> dict:
    body: dict = {}
    replied = message.reply_to or _opening(message)
    if replied is not None and not replied.deleted:
        body["reply_to_message"] = message_json(replied, nested=True)
    if message.quote is not None and message.reply_to is not None:
        at = message.reply_to.text.find(message.quote)
        body["quote"] = {"text": message.quote, "position": max(at, 0), "is_manual": True}
    return body


def _opening(message: Message) -> Message | None:
    """In a topic of a forum, what replies to nothing replies to the message that opened it."""
    if message.topic is None or not message.chat.is_forum or message.service:
        return None
    return message.chat.messages.get(message.topic)


def _thread(message: Message) -> dict:
    if message.topic is not None:
        return {"message_thread_id": message.topic, "is_topic_message": True}
    if message.chat.kind == "supergroup" and not message.chat.is_forum:
        root = message
        while root.reply_to is not None:
            root = root.reply_to
        if root is not message:  # a thread of replies is not a topic
            return {"message_thread_id": root.message_id}
    return {}


def _content(message: Message) -> dict:
    if message.service:
        return dict(message.service)
    if message.rich is not None:
        return {"rich_message": message.rich}
    if not message.files:
        body: dict = {"text": message.text}
        if message.entities:
            body["entities"] = copy.deepcopy(message.entities)
        return body
    body = file_json(message.files[0])
    if message.text:
        body["caption"] = message.text
        if message.entities:
            body["caption_entities"] = copy.deepcopy(message.entities)
    return body


def file_json(stored: StoredFile) -> dict:
    base: dict = {
        "file_id": stored.file_id,
        "file_unique_id": stored.unique_id,
        "file_size": stored.size,
    }
    match stored.kind:
        case "photo":
            small = {**base, "file_id": stored.file_id + "s", "file_unique_id": "s", "width": 90}
            small |= {"height": 60, "file_size": min(stored.size, 1000)}
            return {"photo": [small, {**base, "width": 1280, "height": 853}]}
        case "voice" | "audio" | "video":
            base |= {"duration": 3, "mime_type": stored.media_type}
            if stored.kind == "video":
                base |= {"width": 640, "height": 480}
            return {stored.kind: base}
        case _:
            base |= {"file_name": stored.name, "mime_type": stored.media_type}
            return {"document": base}


def member_json(chat: Chat, account: Account, status: Status | None = None) -> dict:
    """A ChatMember of any status."""
    status = status or chat.status_of(account.user_id)
    body: dict = {"user": account.json(), "status": status}
    match status:
        case "creator":
            body["is_anonymous"] = account.user_id in chat.anonymous
        case "administrator":
            body |= dict.fromkeys(_RIGHTS, True)
            body |= {"is_anonymous": account.user_id in chat.anonymous, "can_be_edited": False}
            body["can_promote_members"] = False
        case "kicked":
            body["until_date"] = 0
        case "restricted":
            body |= dict.fromkeys(_PERMISSIONS, True) | {"is_member": True, "until_date": 0}
            body["can_send_messages"] = False
    return body


_PERMISSIONS = (
    "can_change_info",
    "can_invite_users",
    "can_pin_messages",
    "can_send_messages",
    "can_send_polls",
    "can_send_other_messages",
    "can_add_web_page_previews",
    "can_manage_topics",
    "can_send_audios",
    "can_send_documents",
    "can_send_photos",
    "can_send_videos",
    "can_send_video_notes",
    "can_send_voice_notes",
    "can_edit_tag",
    "can_react_to_messages",
)
