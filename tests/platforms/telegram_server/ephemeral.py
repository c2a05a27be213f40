"""Messages for one member of a group (10.2): who may be sent one, and when."""

from __future__ import annotations

from tests.platforms.telegram_server.calls import Call
from tests.platforms.telegram_server.errors import bad_request
from tests.platforms.telegram_server.model import ADMINISTRATORS, Message

SINCE = (10, 2)
IN_PARAMETERS = (10, 3)
"""Since this version the receiver stands in `ephemeral_message_parameters`."""


def make_ephemeral(call: Call, message: Message) -> None:
    """Direct a message to one member, if one is named; older servers know nothing of that.

    An administrator bot may do so at any time, others only in answer to a press just made.
    """
    user_id, query_id = _receiver(call)
    if not user_id:
        return
    chat = message.chat
    if chat.kind not in ("group", "supergroup"):
        raise bad_request("PEER_ID_INVALID")
    if not chat.has(user_id):
        raise bad_request("USER_NOT_PARTICIPANT")
    if chat.status_of(call.bot.account.user_id) not in ADMINISTRATORS:
        press = call.bot.presses.get(query_id)
        late = press is None or call.world.clock() - press.at > call.options.callback_seconds
        if press is None or late or press.by.user_id != user_id:
            raise bad_request("CHAT_ADMIN_REQUIRED")
    message.ephemeral_for = chat.accounts[user_id]


def _receiver(call: Call) -> tuple[int, str]:
    if call.options.version >= IN_PARAMETERS:
        given = call.given.data("ephemeral_message_parameters") or {}
        return int(given.get("receiver_user_id", 0)), str(given.get("callback_query_id", ""))
    if call.options.version >= SINCE:
        return call.given.integer("receiver_user_id"), call.given.text("callback_query_id")
    return 0, ""


def named(call: Call) -> Message:
    """The ephemeral message that a call names by its three numbers."""
    chat = call.target()
    for message in chat.everything:
        receiver = message.ephemeral_for
        if (
            receiver is not None
            and not message.deleted
            and message.message_id == call.given.integer("ephemeral_message_id")
            and receiver.user_id == call.given.integer("receiver_user_id")
        ):
            return message
    raise bad_request("MESSAGE_ID_INVALID")
