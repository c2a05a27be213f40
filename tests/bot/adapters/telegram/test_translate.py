"""Updates as Telegram sends them, through the library's own parser, as events."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from telegram import Update, User

from bot.adapters.telegram.attachments import RemoteFile
from bot.adapters.telegram.translate import Viewpoint, event_of
from core.events import (
    ActionPressed,
    Attachment,
    Author,
    ChannelKind,
    ChannelMigrated,
    ChannelRef,
    ConversationRef,
    IncomingMessage,
    InteractionRef,
    Joined,
    Left,
    MessageEdited,
    Place,
    Platform,
    Trigger,
)

ME = User(42, "Lore", is_bot=True, username="LoreBot", can_read_all_group_messages=False)
CURIOUS = User(42, "Lore", is_bot=True, username="LoreBot", can_read_all_group_messages=True)
ADA = {"id": 7, "is_bot": False, "first_name": "Ada", "last_name": "L", "language_code": "zh-hans"}
GROUP = {"id": -1001, "type": "supergroup", "title": "Readers"}
PRIVATE = {"id": 7, "type": "private", "first_name": "Ada"}
CHANNEL = {"id": -1009, "type": "channel", "title": "News"}
OUR_WORDS = {
    "message_id": 3,
    "date": 1_700_000_000,
    "chat": GROUP,
    "from": {"id": 42, "is_bot": True, "first_name": "Lore", "username": "LoreBot"},
    "text": "It was Bob.",
}


def _attachment(remote: RemoteFile) -> Attachment:
    async def save(path: object, limit: int) -> None:
        raise AssertionError("nothing is fetched here")

    return Attachment(remote.file_id, remote.filename, remote.media_type, remote.size, save)


def _event(update: dict[str, Any], me: User = ME, administrators: frozenset[int] = frozenset()):
    view = Viewpoint(me, frozenset({"ask", "help", "kb", "stop"}), _attachment)
    return event_of(Update.de_json({"update_id": 1, **update}, None), view, administrators)


def _said(text: str, /, *entities: tuple[str, str], **fields: Any) -> dict[str, Any]:
    """A message; each entity is its type and the text it covers."""
    found = []
    for kind, covered in entities:
        offset = len(text[: text.index(covered)].encode("utf-16-le")) // 2
        entity = {"type": kind, "offset": offset, "length": len(covered.encode("utf-16-le")) // 2}
        if kind == "text_mention":
            entity["user"] = {"id": 42, "is_bot": True, "first_name": "Lore"}
        found.append(entity)
    message = {"message_id": 5, "date": 1_700_000_000, "chat": GROUP, "from": ADA, "text": text}
    return {"message": {**message, "entities": found, **fields}}


def _heard(update: dict[str, Any], **options: Any) -> tuple[Trigger, str]:
    event = _event(update, **options)
    assert isinstance(event, IncomingMessage)
    return event.trigger, event.text


def test_a_message_in_a_group_has_all_that_the_core_wants_to_know():
    event = _event(_said("@LoreBot who?", ("mention", "@LoreBot")), administrators=frozenset({7}))
    author = Author("7", "Ada L", is_channel_admin=True, is_moderator=True)
    assert event == IncomingMessage(
        conversation=ConversationRef(ChannelRef(Platform.TELEGRAM, "-1001")),
        kind=ChannelKind.GROUP,
        trigger=Trigger.MENTION,
        message_id="5",
        author=author,
        text="who?",
        sent_at=datetime.fromtimestamp(1_700_000_000, UTC),
        locale="zh-hans",
        server_id="-1001",
        place=Place("Readers", "Readers"),
    )


@pytest.mark.parametrize(
    ("update", "heard"),
    [
        (_said("😀😀 @lorebot 你好", ("mention", "@lorebot")), (Trigger.MENTION, "😀😀 你好")),
        (_said("@LoreBot，谁写的？", ("mention", "@LoreBot")), (Trigger.MENTION, "谁写的？")),
        (_said("嘿 @LoreBot：谁？", ("mention", "@LoreBot")), (Trigger.MENTION, "嘿 谁？")),
        (_said("tell me, Lore", ("text_mention", "Lore")), (Trigger.MENTION, "tell me,")),
        (_said("@LoreBot2 who?", ("mention", "@LoreBot2")), (Trigger.AMBIENT, "@LoreBot2 who?")),
        (_said("ask @LoreBot by hand"), (Trigger.AMBIENT, "ask @LoreBot by hand")),
        (_said("nothing for us"), (Trigger.AMBIENT, "nothing for us")),
    ],
)
def test_a_mention_is_what_telegram_marks_as_one(update, heard):
    assert _heard(update) == heard


@pytest.mark.parametrize(
    ("update", "heard"),
    [
        (
            _said("/ask@LoreBot who?", ("bot_command", "/ask@LoreBot")),
            (Trigger.COMMAND, "/ask who?"),
        ),
        (_said("/ask who?", ("bot_command", "/ask")), (Trigger.COMMAND, "/ask who?")),
        (
            _said("/kb@LoreBot\nlist", ("bot_command", "/kb@LoreBot")),
            (Trigger.COMMAND, "/kb\nlist"),
        ),
        (_said("/kb list", ("bot_command", "/kb")), (Trigger.COMMAND, "/kb list")),
        (_said("/help", ("bot_command", "/help")), (Trigger.COMMAND, "/help")),
        (
            _said("/nonsense@LoreBot", ("bot_command", "/nonsense@LoreBot")),
            (Trigger.MENTION, "/nonsense"),
        ),
        (
            _said("/ask@OtherBot who?", ("bot_command", "/ask@OtherBot")),
            (Trigger.AMBIENT, "/ask@OtherBot who?"),
        ),
        (_said("/play", ("bot_command", "/play")), (Trigger.AMBIENT, "/play")),
        (
            _said("@LoreBot /kb list", ("mention", "@LoreBot")),
            (Trigger.COMMAND, "/kb list"),
        ),
    ],
)
def test_a_command_is_ours_by_its_name_or_by_ours(update, heard):
    assert _heard(update) == heard


def test_a_bare_help_where_we_read_everything_may_be_meant_for_another_bot():
    bare = _said("/help", ("bot_command", "/help"))
    assert _heard(bare, me=CURIOUS) == (Trigger.AMBIENT, "/help")
    assert _heard(bare, administrators=frozenset({42})) == (Trigger.AMBIENT, "/help")
    named = _said("/help@LoreBot", ("bot_command", "/help@LoreBot"))
    assert _heard(named, me=CURIOUS) == (Trigger.COMMAND, "/help")
    replied = _said("/help", ("bot_command", "/help"), reply_to_message=OUR_WORDS)
    assert _heard(replied, me=CURIOUS) == (Trigger.COMMAND, "/help")


def test_in_private_everything_is_for_us_and_start_asks_for_help():
    event = _event(_said("/start", ("bot_command", "/start"), chat=PRIVATE))
    assert isinstance(event, IncomingMessage)
    assert (event.trigger, event.text, event.server_id) == (Trigger.PRIVATE, "/help", None)
    assert event.kind is ChannelKind.PRIVATE
    assert _heard(_said("who?", chat=PRIVATE)) == (Trigger.PRIVATE, "who?")


def test_a_reply_to_us_brings_what_it_replies_to():
    event = _event(_said("sure?", reply_to_message=OUR_WORDS))
    assert (event.trigger, event.quoted.message_id) == (Trigger.REPLY, "3")
    assert (event.quoted.text, event.quoted.author.is_bot) == ("It was Bob.", True)
    assert event.quoted.link == "https://t.me/c/1/3"
    picked = {"quote": {"text": "Bob", "position": 7}}
    event = _event(_said("who?", reply_to_message=OUR_WORDS, **picked))
    assert event.quoted.text == "Bob"


def test_a_quotation_from_another_chat_has_its_text_and_no_id():
    elsewhere = {"origin": {"type": "hidden_user", "sender_user_name": "X", "date": 1}}
    event = _event(
        _said(
            "@LoreBot true?",
            ("mention", "@LoreBot"),
            external_reply=elsewhere,
            quote={"text": "the earth is flat", "position": 0},
        )
    )
    assert (event.quoted.message_id, event.quoted.text) == ("", "the earth is flat")


def test_a_file_that_is_replied_to_comes_along():
    document = {"file_id": "F", "file_unique_id": "U", "file_name": "a.pdf", "file_size": 9}
    replied = {**OUR_WORDS, "from": ADA, "text": None, "caption": "the rules", "document": document}
    event = _event(_said("/kb add", ("bot_command", "/kb"), reply_to_message=replied))
    assert event.quoted.text == "the rules"
    assert [file.filename for file in event.quoted.attachments] == ["a.pdf"]


def test_a_topic_tells_who_opened_it_when_and_how_it_is_called():
    opened = {
        **OUR_WORDS,
        "message_id": 2,
        "from": ADA,
        "forum_topic_created": {"name": "[solved] pumps", "icon_color": 1},
    }
    fields = {"message_thread_id": 2, "is_topic_message": True, "reply_to_message": opened}
    place = _event(_said("hello", **fields)).place
    assert place.opening is not None
    assert (place.opening.title, place.opening.opened_by) == ("[solved] pumps", str(ADA["id"]))
    assert place.opening.opened_at.timestamp() == OUR_WORDS["date"]
    assert place.is_settled
    assert _event(_said("hello")).place.opening is None


def test_topics_are_conversations_and_replies_elsewhere_are_none():
    opened = {**OUR_WORDS, "message_id": 2, "forum_topic_created": {"name": "T", "icon_color": 1}}
    fields = {"message_thread_id": 2, "is_topic_message": True, "reply_to_message": opened}
    event = _event(_said("hello", **fields))
    assert event.conversation.thread_id == "2"
    assert (event.trigger, event.quoted, event.place.is_thread) == (Trigger.AMBIENT, None, True)
    event = _event(_said("hello", message_thread_id=3, reply_to_message=OUR_WORDS))
    assert event.conversation.thread_id is None
    assert event.trigger is Trigger.REPLY


def test_captions_are_read_like_text_and_files_come_with_them():
    caption = {
        "text": None,
        "entities": None,
        "caption": "😀 @LoreBot add",
        "caption_entities": [{"type": "mention", "offset": 3, "length": 8}],
    }
    photo = [
        {"file_id": "small", "file_unique_id": "p1", "width": 9, "height": 9, "file_size": 5},
        {"file_id": "large", "file_unique_id": "p2", "width": 90, "height": 90, "file_size": 50},
    ]
    event = _event(_said("", **caption, photo=photo))
    assert (event.trigger, event.text) == (Trigger.MENTION, "😀 add")
    assert [(file.attachment_id, file.media_type) for file in event.attachments] == [
        ("large", "image/jpeg")
    ]
    document = {"file_id": "F", "file_unique_id": "U", "mime_type": "application/pdf"}
    event = _event(_said("", text=None, chat=PRIVATE, document=document))
    assert [file.filename for file in event.attachments] == ["document-U.pdf"]


def test_voice_is_no_file_and_is_answered_only_in_private():
    voice = {"file_id": "V", "file_unique_id": "v", "duration": 3}
    assert _event(_said("", text=None, voice=voice)) is None
    event = _event(_said("", text=None, voice=voice, chat=PRIVATE))
    assert (event.text, event.attachments) == ("", ())


@pytest.mark.parametrize(
    "update",
    [
        _said("x", **{"from": {"id": 9, "is_bot": True, "first_name": "Other"}}),
        _said("x", sender_chat=CHANNEL, **{"from": ADA}),
        _said("x", sender_chat=CHANNEL, is_automatic_forward=True),
        {"channel_post": {"message_id": 1, "date": 1, "chat": CHANNEL, "text": "@LoreBot"}},
        _said("", text=None, new_chat_title="New"),
        _said("", text=None, chat=PRIVATE, pinned_message=OUR_WORDS),
        {"a_new_kind_of_update": {}},
        {"stopped_message_generation": {"unheard": "of"}},
    ],
)
def test_bots_channels_forwards_and_service_messages_are_nothing_to_us(update):
    assert _event(update) is None


def test_an_anonymous_administrator_is_the_group_itself():
    update = _said(
        "@LoreBot hi",
        ("mention", "@LoreBot"),
        sender_chat=GROUP,
        author_signature="Boss",
        **{"from": {"id": 1087968824, "is_bot": True, "first_name": "Group"}},
    )
    author = _event(update).author
    assert author == Author("-1001", "Boss", is_channel_admin=True, is_moderator=True)


def test_an_edit_is_the_message_as_it_stands_now():
    message = _said("@LoreBot better", ("mention", "@LoreBot"))["message"]
    event = _event({"edited_message": {**message, "edit_date": 1_700_000_100}})
    assert isinstance(event, MessageEdited)
    assert (event.message.text, event.message.message_id) == ("better", "5")
    assert event.message.edited_at == datetime.fromtimestamp(1_700_000_100, UTC)


def test_a_migration_is_told_from_both_ends():
    old, new = ChannelRef(Platform.TELEGRAM, "-5"), ChannelRef(Platform.TELEGRAM, "-1001")
    basic = {"id": -5, "type": "group", "title": "Readers"}
    left = _said("", text=None, chat=basic, migrate_to_chat_id=-1001)
    arrived = _said("", text=None, migrate_from_chat_id=-5)
    assert _event(left) == _event(arrived) == ChannelMigrated(old, new)


def _changed(was: str, now: str, chat: dict[str, Any] = GROUP, **facts: Any) -> dict[str, Any]:
    user = {"id": 42, "is_bot": True, "first_name": "Lore"}
    rights = (
        "can_change_info can_invite_users can_pin_messages can_send_messages can_send_polls "
        "can_send_other_messages can_add_web_page_previews can_manage_topics can_send_audios "
        "can_send_documents can_send_photos can_send_videos can_send_video_notes "
        "can_send_voice_notes can_edit_tag can_react_to_messages"
    )
    restricted = dict.fromkeys(rights.split(), True)

    def member(status: str) -> dict[str, Any]:
        base = {"user": user, "status": status}
        if status == "kicked":
            return {**base, "until_date": 0}
        return {**base, **restricted, "until_date": 0, **facts} if status == "restricted" else base

    return {
        "my_chat_member": {
            "chat": chat,
            "from": ADA,
            "date": 1,
            "old_chat_member": member(was),
            "new_chat_member": member(now),
        }
    }


def test_being_added_and_removed():
    joined = _event(_changed("left", "member"))
    assert joined == Joined(
        Platform.TELEGRAM,
        "-1001",
        "Readers",
        Author("7", "Ada L"),
        ConversationRef(ChannelRef(Platform.TELEGRAM, "-1001")),
        "zh-hans",
        "7",
    )
    left = Left(Platform.TELEGRAM, "-1001")
    assert _event(_changed("member", "kicked")) == left
    assert _event(_changed("member", "restricted", is_member=False)) == left
    assert _event(_changed("member", "restricted", is_member=True)) is None
    assert _event(_changed("left", "member", PRIVATE)) is None
    assert _event(_changed("left", "member", CHANNEL)) is None


def test_a_press_names_button_message_and_who():
    query = {
        "id": "991",
        "from": ADA,
        "chat_instance": "1",
        "data": "sources",
        "message": {**OUR_WORDS, "message_thread_id": 2, "is_topic_message": True},
    }
    event = _event({"callback_query": query}, administrators=frozenset({7}))
    assert event == ActionPressed(
        ConversationRef(ChannelRef(Platform.TELEGRAM, "-1001"), "2"),
        "3",
        "sources",
        Author("7", "Ada L", is_channel_admin=True, is_moderator=True),
        ChannelKind.GROUP,
        InteractionRef(Platform.TELEGRAM, "991"),
        "zh-hans",
        "-1001",
        Place("Readers", "Readers", is_thread=True),
    )
    old = {"message_id": 3, "date": 0, "chat": PRIVATE}
    event = _event({"callback_query": {**query, "message": old}})
    assert (event.message_id, event.kind) == ("3", ChannelKind.PRIVATE)
    old = {"message_id": 3, "date": 0, "chat": OUR_WORDS["chat"]}
    event = _event({"callback_query": {**query, "message": old}})
    # Its topic is not told, its name is: it must not be taken for one without a name.
    assert event.conversation == ConversationRef(ChannelRef(Platform.TELEGRAM, "-1001"))
    assert event.place == Place("Readers", "Readers")
    assert _event({"callback_query": {**query, "data": "-"}}) is None
    assert _event({"callback_query": {**query, "message": None}}) is None


def test_the_stop_button_of_a_draft_is_pressed_on_the_question():
    stopped = {"chat": PRIVATE, "message_thread_id": 4, "draft_id": 5}
    event = _event({"stopped_message_generation": stopped})
    assert event == ActionPressed(
        ConversationRef(ChannelRef(Platform.TELEGRAM, "7"), "4"),
        "5",
        "stop",
        Author("7", ""),
        ChannelKind.PRIVATE,
    )
