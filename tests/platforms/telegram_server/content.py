"""What a bot may send: text and captions with entities, keyboards, replies, topics."""

from __future__ import annotations

from tests.platforms.telegram_server import markup, utf16
from tests.platforms.telegram_server.calls import Call
from tests.platforms.telegram_server.errors import bad_request
from tests.platforms.telegram_server.model import Chat, Message

MAX_TEXT = 4096
MAX_CAPTION = 1024
MAX_ENTITIES = 100
MAX_BUTTONS = 100
MAX_ROW = 8
MAX_CALLBACK_DATA = 64
_ACTIONS = ("callback_data", "url", "web_app", "switch_inline_query", "copy_text", "login_url")
_ENTITY_KINDS = frozenset(
    [
        "mention",
        "hashtag",
        "cashtag",
        "bot_command",
        "url",
        "email",
        "phone_number",
        "bold",
        "italic",
        "underline",
        "strikethrough",
        "spoiler",
        "blockquote",
        "expandable_blockquote",
        "code",
        "pre",
        "text_link",
        "text_mention",
        "custom_emoji",
        "date_time",
    ]
)


def formatted(call: Call, name: str, limit: int, too_long: str) -> tuple[str, list[dict]]:
    """Text or caption after parsing its entities, trimmed, of an allowed length."""
    raw = call.given.text(name)
    listed = call.given.data("entities" if name == "text" else "caption_entities")
    if mode := call.given.text("parse_mode"):
        text, entities = markup.parse(raw, mode)
    else:
        text, entities = raw, [_checked(raw, entity) for entity in listed or []]
    text, entities = utf16.trimmed(text, entities)
    if utf16.length(text) > limit:
        raise bad_request(too_long)
    return text, utf16.found(text, entities)[:MAX_ENTITIES]


def _checked(text: str, entity: object) -> dict:
    if not isinstance(entity, dict):
        raise bad_request("can't parse MessageEntity: expected an Object")
    if entity.get("type") not in _ENTITY_KINDS:
        raise bad_request("can't parse MessageEntity: unsupported type specified")
    offset, size = entity.get("offset"), entity.get("length")
    if not isinstance(offset, int) or not isinstance(size, int):
        raise bad_request("can't parse MessageEntity: Can't find field of type Number")
    end = utf16.length(text)
    if offset < 0 or size <= 0 or offset > end:
        raise bad_request("receive an entity with incorrect offset or length")
    if offset + size > end:
        raise bad_request(
            f"entity beginning at UTF-16 offset {offset} ends after the end of the text "
            f"at UTF-16 offset {end}"
        )
    if utf16.splits_a_letter(text, offset):
        raise bad_request(f"entity begins in a middle of a UTF-16 symbol at offset {offset}")
    if utf16.splits_a_letter(text, offset + size):
        raise bad_request(f"entity ends in a middle of a UTF-16 symbol at offset {offset + size}")
    if entity["type"] == "text_link" and not entity.get("url"):
        raise bad_request("can't parse MessageEntity: Can't find field \"url\"")
    return dict(entity)


def keyboard(call: Call) -> list[list[dict]] | None:
    """The inline keyboard passed; other kinds of keyboards are nothing here."""
    given = call.given.data("reply_markup")
    if not isinstance(given, dict) or "inline_keyboard" not in given:
        return None
    rows = [row for row in given["inline_keyboard"] if row]
    if sum(map(len, rows)) > MAX_BUTTONS or any(len(row) > MAX_ROW for row in rows):
        raise bad_request("reply markup is too long")
    for button in (button for row in rows for button in row):
        if not button.get("text"):
            raise bad_request("can't parse inline keyboard button: text is empty")
        if not any(action in button for action in _ACTIONS):
            raise bad_request(
                "can't parse inline keyboard button: Text buttons are unallowed in the "
                "inline keyboard"
            )
        data = button.get("callback_data")
        if data is not None and not 1 <= len(str(data).encode()) <= MAX_CALLBACK_DATA:
            raise bad_request("BUTTON_DATA_INVALID")
        if (url := button.get("url")) and not url.startswith(("http://", "https://", "tg://")):
            raise bad_request(f"inline keyboard button URL '{url}' is invalid: Wrong HTTP URL")
    return rows or None


def forced_reply(call: Call) -> dict | None:
    """How clients are told to open a reply; `selective`: those of whom the message names alone."""
    given = call.given.data("reply_markup")
    if not isinstance(given, dict) or not given.get("force_reply"):
        return None
    placeholder = given.get("input_field_placeholder")
    if placeholder is not None and not 1 <= len(placeholder) <= 64:
        raise bad_request("BUTTON_PLACEHOLDER_INVALID")
    return dict(given)


def topic(call: Call, chat: Chat) -> int | None:
    """The topic that a message goes to."""
    thread = call.given.integer("message_thread_id")
    if not thread:
        return None
    if thread in chat.topics:
        if chat.topics[thread].closed:
            raise bad_request("TOPIC_CLOSED")
        return thread
    is_thread_of_replies = chat.kind == "supergroup" and not chat.is_forum
    if is_thread_of_replies and thread in chat.messages:
        return None
    raise bad_request("message thread not found")


def replied(call: Call, chat: Chat, thread: int | None) -> tuple[Message | None, str | None]:
    """The message replied to, and the words quoted from it."""
    given = call.given.data("reply_parameters") or {}
    number = given.get("message_id") or call.given.integer("reply_to_message_id")
    if not number:
        return None, None
    message = chat.messages.get(int(number))
    if message is None or message.deleted:
        if given.get("allow_sending_without_reply") or call.given.flag(
            "allow_sending_without_reply"
        ):
            return None, None
        raise bad_request("message to be replied not found")
    quote = given.get("quote")
    if quote and quote not in message.text:
        raise bad_request("QUOTE_TEXT_INVALID")
    if chat.is_forum and message.topic != thread and thread is not None:
        return None, None  # a reply does not reach into another topic
    return message, quote
