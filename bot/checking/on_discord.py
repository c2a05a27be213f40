"""Discord: whether the token opens it, and what the application may read."""

from __future__ import annotations

import asyncio
from typing import Final

from bot.checking.items import Item, Looked
from bot.checking.reach import Answer, UnansweredError, ask, trouble_words, way_of
from bot.checking.settings_in_need import needing_content
from core.events import Platform
from core.language import Words

# https://discord.com/developers/docs/resources/application#application-object-application-flags
_CONTENT: Final = 1 << 18 | 1 << 19
_AGENT: Final = "DiscordBot (https://lorekeeper.invalid, 1)"
_INTENT: Final = "Developer Portal → Bot → Message Content Intent"
_FEW_LOGINS: Final = 5


async def look(looked: Looked) -> list[Item]:
    """Logs in by REST alone: no session of the gateway is used up."""
    _, settings = looked.words, looked.config.discord
    if settings.token is None:
        return [Item("ok", "discord", _("Discord is off: it has no token."))]
    way = way_of("discord", settings.proxy, looked.config.network.proxy)
    base = settings.api_base_url.rstrip("/")
    headers = {
        "Authorization": f"Bot {settings.token.get_secret_value()}",
        "User-Agent": _AGENT,
    }
    try:
        me = await ask(f"{base}/users/@me", way, headers=headers)
        if me.status != 200:
            return [_refused(me.status, _)]
        gateway = await ask(f"{base}/gateway/bot", way, headers=headers)
        application = await ask(f"{base}/applications/@me", way, headers=headers)
    except UnansweredError as error:
        text, fix = trouble_words(error, _)
        told = _("Whether Discord takes the token cannot be told. {reason}", reason=text)
        return [Item("failure", "discord", told, fix)]
    text = _("Discord: logged in as {name}.", name=me.value("username"))
    items = [Item("ok", "discord", text), *_logins(gateway, _)]
    return items + await _intents(looked, application)


def _refused(status: int, _: Words) -> Item:
    if status in (401, 403):
        text = _("Discord does not take the token.")
        fix = _(
            "Developer Portal → Bot → Reset Token, then DISCORD_TOKEN=… (or discord.token_file)"
        )
        return Item("failure", "discord", text, fix)
    text = _("Discord answers the log-in with an error ({status}).", status=status)
    return Item("failure", "discord", text, "https://discordstatus.com")


def _logins(gateway: Answer, _: Words) -> list[Item]:
    left = gateway.value("session_start_limit", "remaining")
    if not isinstance(left, int) or left > _FEW_LOGINS:
        return []
    text = _.plural(
        "Discord allows {count} more log-in today.",
        "Discord allows {count} more log-ins today.",
        left,
    )
    fix = _("Find out what restarts the bot so often; wait until tomorrow.")
    return [Item("warning", "discord", text, fix)]


async def _intents(looked: Looked, application: Answer) -> list[Item]:
    _, wanted = looked.words, looked.config.discord.message_content
    flags = application.value("flags")
    if not isinstance(flags, int):
        return []
    granted = bool(flags & _CONTENT)
    if wanted and not granted:
        text = _(
            "discord.message_content is on, and Discord does not grant the intent: the bot starts "
            "without it, and reads only what addresses it."
        )
        return [Item("warning", "intents", text, _INTENT)]
    if wanted:
        return [Item("ok", "intents", _("Discord grants the message content intent."))]
    need = await asyncio.to_thread(needing_content, looked.config.data_dir, Platform.DISCORD)
    if need is None:
        return [Item("ok", "intents", _("No privileged intent of Discord's is needed."))]
    text = _(
        "{keys} in {places} need to read every message, and discord.message_content is off: there "
        "the bot reads only what addresses it.",
        keys=", ".join(need.keys),
        places=need.named,
    )
    fix = "discord.message_content = true"
    return [Item("warning", "intents", text, fix if granted else f"{fix}   # + {_INTENT}")]
