"""Discord: the gateway in, messages, files and menus out; slash commands from the core's table."""

from __future__ import annotations

from bot.adapters.discord.catching_up import Addressed, Past
from bot.adapters.discord.listener import DiscordListener

__all__ = ["Addressed", "DiscordListener", "Past"]
