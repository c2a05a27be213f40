"""Group privacy mode: which messages of a group reach a bot that may not read everything."""

from __future__ import annotations

from tests.platforms.telegram_server import utf16
from tests.platforms.telegram_server.model import Account, Message


def is_meant_for(bot: Account, message: Message, *, is_only_bot: bool) -> bool:
    """Commands to the bot, replies to it and mentions of it; nothing else."""
    if message.reply_to is not None and message.reply_to.sender is bot:
        return True
    for entity in message.entities:
        covered = utf16.part(message.text, entity["offset"], entity["length"])
        match entity["type"]:
            case "mention":
                if covered[1:].lower() == str(bot.username).lower():
                    return True
            case "text_mention":
                if entity["user"]["id"] == bot.user_id:
                    return True
            case "bot_command":
                _, at, addressed = covered.partition("@")
                if addressed.lower() == str(bot.username).lower():
                    return True
                if not at and (is_only_bot or _spoke_last(bot, message)):
                    return True
    return False


def _spoke_last(bot: Account, message: Message) -> bool:
    """A bare command goes to the bot that wrote last in the group."""
    for earlier in reversed(message.chat.everything):
        if earlier.is_from_bot:
            return earlier.sender is bot
    return False
