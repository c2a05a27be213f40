"""What becomes of a question that cannot be answered where it was asked."""

from __future__ import annotations

import logging

from core.errors import DeliveryError
from core.events import ChannelKind, IncomingMessage, InteractionRef, MessageRef
from core.inert import inert
from core.language import Words
from core.ports import Outbox

_log = logging.getLogger(__name__)


async def dismiss(message: IncomingMessage, outbox: Outbox) -> None:
    """Nothing more will be said: a platform that shows a command's waiting ends it."""
    if not isinstance(message.reply_to, InteractionRef):
        return
    try:
        await outbox.dismiss(message.reply_to)
    except DeliveryError:
        _log.info("a command's waiting could not be ended", exc_info=True)


async def tell_unsure(message: IncomingMessage, outbox: Outbox, words: Words) -> None:
    """Whether somebody is served could not be found out: in private they would wait."""
    _ = words
    text = _("I could not find out just now whether I may answer you. Please ask again soon.")
    await say(message, outbox, text)


async def say(message: IncomingMessage, outbox: Outbox, text: str) -> None:
    """Something of which nothing can be kept."""
    try:
        if isinstance(message.reply_to, InteractionRef):
            await outbox.reveal(message.reply_to, text)
        else:
            asked = MessageRef(message.conversation, message.message_id)
            await outbox.send(message.conversation, text, reply_to=message.reply_to or asked)
    except DeliveryError:
        _log.info("nor could that be said", exc_info=True)


async def tell_privately(message: IncomingMessage, outbox: Outbox, words: Words) -> None:
    """Where we may not write, the asker would wait for ever."""
    if message.kind is ChannelKind.PRIVATE:
        return
    _ = words
    name = message.place.channel_name
    text = (
        _("I may not write in {channel}, so I could not answer you there.", channel=inert(name))
        if name
        else _("I may not write where you asked me, so I could not answer you there.")
    )
    try:
        where = await outbox.direct(message.author.user_id)
        await outbox.send(where, text)
    except DeliveryError:
        _log.info("nor could the asker be told privately", exc_info=True)
