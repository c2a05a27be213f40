"""What the operator decided about people and places, as the configuration has it."""

from __future__ import annotations

from bot.errors import SETTINGS, ConfigError, Problem
from bot.settings import Config
from core.events import MemberRef, Platform
from core.language import Later
from core.permissions import Rules, listed


def owners_of(config: Config) -> frozenset[MemberRef]:
    """The owners as people on platforms. Raises `ConfigError` for one that names no platform."""
    platforms = {platform.value: platform for platform in Platform}
    found = set()
    for owner in config.owners:
        platform, _, user_id = owner.partition(":")
        if platform not in platforms or not user_id:
            wanted = Later('{entry!r} must read like "discord:123" or "telegram:456"', entry=owner)
            raise ConfigError(Problem(SETTINGS, None, "owners", wanted))
        found.add(MemberRef(platforms[platform], user_id))
    return frozenset(found)


def rules_of(config: Config) -> Rules:
    """What the operator decided about people and places. Raises `ConfigError`."""
    lists = {}
    for key, written in (("blocked", config.blocked), ("allowed", config.allowed)):
        try:
            lists[key] = listed(written)
        except ValueError as error:
            wanted = Later(
                '{entry!r} must read like "discord:123" or "discord:role:123"', entry=str(error)
            )
            raise ConfigError(Problem(SETTINGS, None, key, wanted)) from error
    return Rules(owners_of(config), lists["blocked"], lists["allowed"])
