"""Who the bot is and how its updates reach it."""

from __future__ import annotations

from tests.platforms.telegram_server.calls import Call, Method


def get_me(call: Call) -> dict:
    bot = call.bot
    return bot.account.json() | {
        "can_join_groups": True,
        "can_read_all_group_messages": not bot.privacy_mode,
        "supports_inline_queries": False,
        "can_connect_to_business": False,
        "has_main_web_app": False,
        "has_topics_enabled": bot.has_topics,
    }


def _allow(call: Call) -> None:
    allowed = call.given.data("allowed_updates")
    if allowed is not None:  # left out: as it was
        call.bot.updates.allowed = list(allowed)


async def get_updates(call: Call) -> list[dict]:
    if not call.bot.updates.webhook_url:
        _allow(call)
    return await call.bot.updates.poll(
        call.given.integer("offset"),
        call.given.integer("limit", 100),
        min(call.given.integer("timeout"), 50),
    )


async def set_webhook(call: Call) -> bool:
    _allow(call)
    await call.bot.updates.set_webhook(
        call.given.text("url"),
        call.given.text("secret_token"),
        drop=call.given.flag("drop_pending_updates"),
    )
    return True


async def delete_webhook(call: Call) -> bool:
    await call.bot.updates.set_webhook("", "", drop=call.given.flag("drop_pending_updates"))
    return True


def get_webhook_info(call: Call) -> dict:
    updates = call.bot.updates
    info: dict = {
        "url": updates.webhook_url,
        "has_custom_certificate": False,
        "pending_update_count": len(updates.pending),
    }
    if updates.last_error:
        info["last_error_message"] = updates.last_error
    if updates.allowed:
        info["allowed_updates"] = updates.allowed
    return info


def close(call: Call) -> bool:
    return True


METHODS: dict[str, Method] = {
    "getMe": get_me,
    "getUpdates": get_updates,
    "setWebhook": set_webhook,
    "deleteWebhook": delete_webhook,
    "getWebhookInfo": get_webhook_info,
    "close": close,
    "logOut": close,
}
