"""Telegram: whether the token opens it, what it may read in groups, and who else uses it."""

from __future__ import annotations

import asyncio
from typing import Final

from bot.checking.items import Item, Looked
from bot.checking.processes import somebody_else
from bot.checking.reach import Answer, UnansweredError, Way, ask, trouble_words, way_of
from bot.checking.settings_in_need import needing_content
from core.distance import host_of
from core.events import Platform
from core.language import Words

_LISTEN_SECONDS: Final = 3
"""Long enough for another poller to ask again, which then ends our asking."""
_PRIVACY: Final = "@BotFather: /setprivacy → Disable"


async def look(looked: Looked) -> list[Item]:
    """Logs in and asks; no update is confirmed, no webhook touched."""
    _, settings = looked.words, looked.config.telegram
    if settings.token is None:
        return [Item("ok", "telegram", _("Telegram is off: it has no token."))]
    way = way_of("telegram", settings.proxy, looked.config.network.proxy)
    base = f"{settings.api_base_url}{settings.token.get_secret_value()}"
    try:
        me = await ask(f"{base}/getMe", way)
        if me.status != 200:
            return [_refused(me.status, _)]
        hook = await ask(f"{base}/getWebhookInfo", way)
        rival = await _rival(looked, base, way, hook)
    except UnansweredError as error:
        text, fix = trouble_words(error, _)
        told = _("Whether Telegram takes the token cannot be told. {reason}", reason=text)
        return [Item("failure", "telegram", told, fix)]
    text = _("Telegram: logged in as @{name}.", name=me.value("result", "username"))
    items = [Item("ok", "telegram", text), *_webhook(looked, hook), *rival]
    return items + await _privacy(looked, me)


def _refused(status: int, _: Words) -> Item:
    if status in (401, 403, 404):
        text = _("Telegram does not take the token.")
        fix = _("@BotFather: /token, then TELEGRAM_TOKEN=… (or telegram.token_file)")
        return Item("failure", "telegram", text, fix)
    text = _("Telegram answers the log-in with an error ({status}).", status=status)
    return Item("failure", "telegram", text, _("Try again in a while."))


def _webhook(looked: Looked, hook: Answer) -> list[Item]:
    _, wanted = looked.words, looked.config.telegram.webhook_url
    held, failed = (
        str(hook.value("result", "url") or ""),
        hook.value("result", "last_error_message"),
    )
    if held and held != wanted:
        text = _(
            "Telegram pushes what is written to {host}, which is not what is configured here: does "
            "another program use this token? The next start takes it over.",
            host=host_of(held),
        )
        fix = _("@BotFather: /revoke where somebody else has the token; else nothing")
        return [Item("warning", "telegram", text, fix)]
    if held and failed:
        text = _("Telegram does not reach the webhook: {reason}", reason=str(failed)[:200])
        return [Item("warning", "telegram", text, _("See docs/telegram.md, section Webhook."))]
    return []


async def _rival(looked: Looked, base: str, way: Way, hook: Answer) -> list[Item]:
    """Whether another program fetches the updates; our own running bot is not disturbed."""
    _ = looked.words
    if hook.value("result", "url") or await asyncio.to_thread(
        somebody_else, looked.config.data_dir
    ):
        return []
    url = f"{base}/getUpdates?limit=1&timeout={_LISTEN_SECONDS}"
    answer = await ask(url, way, seconds=_LISTEN_SECONDS + 10)
    if answer.status != 409:
        return []
    text = _("Another program fetches this bot's messages with the same token.")
    fix = _("Stop the other one, or @BotFather: /revoke and use the new token here")
    return [Item("failure", "telegram", text, fix)]


async def _privacy(looked: Looked, me: Answer) -> list[Item]:
    _ = looked.words
    if me.value("result", "can_read_all_group_messages") is True:
        return [Item("ok", "privacy", _("Telegram lets the bot read all messages of its groups."))]
    need = await asyncio.to_thread(needing_content, looked.config.data_dir, Platform.TELEGRAM)
    if need is None:
        return [Item("ok", "privacy", _("Telegram's privacy mode is on; nothing needs it off."))]
    text = _(
        "{keys} in {places} need to read every message, and Telegram's privacy mode is on: there "
        "the bot reads only what addresses it.",
        keys=", ".join(need.keys),
        places=need.named,
    )
    fix = _("{line}; then take the bot out of the groups and add it again", line=_PRIVACY)
    return [Item("warning", "privacy", text, fix)]
