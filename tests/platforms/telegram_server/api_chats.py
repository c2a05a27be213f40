"""Chats, members, topics, commands and pressed buttons."""

from __future__ import annotations

import re

from tests.platforms.telegram_server.calls import Call, Method
from tests.platforms.telegram_server.errors import bad_request, forbidden
from tests.platforms.telegram_server.model import ADMINISTRATORS, Chat, Topic
from tests.platforms.telegram_server.payload import member_json

MAX_ALERT = 200
MAX_COMMANDS = 100
MAX_DESCRIPTION = 256
_COMMAND = re.compile(r"[a-z0-9_]{1,32}")
_SCOPES = {
    "default": (),
    "all_private_chats": (),
    "all_group_chats": (),
    "all_chat_administrators": (),
    "chat": ("chat_id",),
    "chat_administrators": ("chat_id",),
    "chat_member": ("chat_id", "user_id"),
}
_TOO_OLD = "query is too old and response timeout expired or query ID is invalid"


def _present(call: Call) -> Chat:
    """The chat named; the bot must be in it to ask."""
    chat = call.chat()
    if chat.kind != "private" and not chat.has(call.bot.account.user_id):
        if chat.status_of(call.bot.account.user_id) == "kicked":
            raise forbidden(f"bot was kicked from the {chat.kind} chat")
        raise bad_request("chat not found")
    return chat


def get_chat(call: Call) -> dict:
    chat = _present(call)
    body = chat.json() | {"accent_color_id": 2, "max_reaction_count": 11}
    body["accepted_gift_types"] = dict.fromkeys(
        (
            "unlimited_gifts",
            "limited_gifts",
            "unique_gifts",
            "premium_subscription",
            "gifts_from_channels",
        ),
        True,
    )
    if chat.linked is not None:
        body["linked_chat_id"] = chat.linked.chat_id
    if chat.hides_members:
        body["has_hidden_members"] = True
    if chat.kind in ("group", "supergroup"):
        allowed = ("can_send_messages", "can_send_documents", "can_send_photos")
        body["permissions"] = dict.fromkeys(allowed, True) | chat.permissions
    return body


def get_chat_member(call: Call) -> dict:
    chat = _present(call)
    user_id = call.given.integer("user_id")
    account = chat.accounts.get(user_id) or call.world.accounts.get(user_id)
    if account is None:
        raise bad_request("PARTICIPANT_ID_INVALID")
    if chat.kind == "private":
        return member_json(chat, account, "member")
    own = chat.status_of(call.bot.account.user_id)
    hidden = chat.hides_members or chat.kind == "channel"
    if hidden and own not in ADMINISTRATORS and chat.status_of(user_id) not in ADMINISTRATORS:
        raise bad_request("member list is inaccessible")
    return member_json(chat, account)


def get_chat_administrators(call: Call) -> list[dict]:
    chat = _present(call)
    if chat.kind == "private":
        raise bad_request("there are no administrators in the private chat")
    return [
        member_json(chat, chat.accounts[user_id])
        for user_id, status in chat.members.items()
        if status in ADMINISTRATORS
        and (not chat.accounts[user_id].is_bot or user_id == call.bot.account.user_id)
    ]


def get_chat_member_count(call: Call) -> int:
    chat = _present(call)
    return 2 if chat.kind == "private" else sum(chat.has(user_id) for user_id in chat.members)


def leave_chat(call: Call) -> bool:
    chat = _present(call)
    if chat.kind == "private":
        raise bad_request("chat member status can't be changed in private chats")
    call.world.move(chat, call.bot.account, "left", call.bot.account)
    return True


def create_forum_topic(call: Call) -> dict:
    chat = call.target()
    own = chat.status_of(call.bot.account.user_id)
    if chat.kind == "private" and call.bot.has_topics:
        pass
    elif not chat.is_forum:
        raise bad_request("the chat is not a forum")
    elif own not in ADMINISTRATORS:
        raise bad_request("not enough rights to create a topic")
    opened = call.world.open_topic(chat, call.bot.account, call.given.text("name"))
    return {"message_thread_id": opened.thread_id, "name": opened.name, "icon_color": 7322096}


def edit_forum_topic(call: Call) -> bool:
    found = call.target().topics.get(call.given.integer("message_thread_id"))
    if not isinstance(found, Topic):
        raise bad_request("message thread not found")
    found.name = call.given.text("name", found.name)
    return True


def answer_callback_query(call: Call) -> bool:
    press = call.bot.presses.get(call.given.text("callback_query_id"))
    now = call.world.clock()
    if press is None or press.answered or now - press.at > call.options.callback_seconds:
        raise bad_request(_TOO_OLD)
    text = call.given.text("text")
    if len(text) > MAX_ALERT:
        raise bad_request("MESSAGE_TOO_LONG")
    url = call.given.text("url")
    if url and not url.startswith(("https://t.me/", "tg://")):
        raise bad_request("URL_INVALID")
    press.answered, press.text, press.url = True, text, url
    press.show_alert = call.given.flag("show_alert")
    call.world.changes.announce()
    return True


def _scope(call: Call) -> tuple:
    scope = call.given.data("scope") or {"type": "default"}
    kind = scope.get("type")
    if kind not in _SCOPES:
        raise bad_request("can't parse BotCommandScope: Unsupported type specified")
    for name in _SCOPES[kind]:
        if name not in scope:
            raise bad_request(f"can't parse BotCommandScope: Can't find field \"{name}\"")
    if "chat_id" in _SCOPES[kind]:
        call.world.chat_for(call.bot, str(scope["chat_id"]))
    language = call.given.text("language_code")
    if language and not re.fullmatch(r"[a-z]{2}", language):
        raise bad_request("invalid language code specified")
    return (kind, *(int(scope[name]) for name in _SCOPES[kind]), language)


def set_my_commands(call: Call) -> bool:
    scope = _scope(call)
    commands = call.given.data("commands") or []
    if len(commands) > MAX_COMMANDS:
        raise bad_request("BOT_COMMANDS_TOO_MUCH")
    for command in commands:
        if not _COMMAND.fullmatch(str(command.get("command", ""))):
            raise bad_request("BOT_COMMAND_INVALID")
        if not 1 <= len(str(command.get("description", ""))) <= MAX_DESCRIPTION:
            raise bad_request("BOT_COMMAND_DESCRIPTION_INVALID")
    if commands:
        call.bot.commands[scope] = commands
    else:
        call.bot.commands.pop(scope, None)
    call.world.changes.announce()
    return True


def get_my_commands(call: Call) -> list[dict]:
    return call.bot.commands.get(_scope(call), [])


def delete_my_commands(call: Call) -> bool:
    call.bot.commands.pop(_scope(call), None)
    return True


def set_message_reaction(call: Call) -> bool:
    message = call.own_message(call.target(), "message to react not found")
    given = call.given.data("reaction") or []
    if len(given) > 1:
        raise bad_request("REACTIONS_TOO_MANY")
    message.reactions[call.bot.account.user_id] = [each.get("emoji", "") for each in given]
    call.world.changes.announce()
    return True


def note(call: Call) -> bool:
    """What is accepted and changes nothing here: descriptions, the menu button."""
    return True


METHODS: dict[str, Method] = {
    "getChat": get_chat,
    "getChatMember": get_chat_member,
    "getChatAdministrators": get_chat_administrators,
    "getChatMemberCount": get_chat_member_count,
    "leaveChat": leave_chat,
    "createForumTopic": create_forum_topic,
    "editForumTopic": edit_forum_topic,
    "answerCallbackQuery": answer_callback_query,
    "setMyCommands": set_my_commands,
    "getMyCommands": get_my_commands,
    "deleteMyCommands": delete_my_commands,
    "setMyDescription": note,
    "setMyShortDescription": note,
    "setChatMenuButton": note,
    "setMessageReaction": set_message_reaction,
}
