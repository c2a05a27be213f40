from __future__ import annotations

from dataclasses import replace

from core.events import ChannelRef, ConversationRef, MemberRef, Platform
from core.permissions import Level, Rules, level_of
from tests.support.messages import group, private

NOBODY = Rules()


def admin(message):
    return replace(message, author=replace(message.author, is_channel_admin=True))


def on(message, platform: Platform):
    return replace(message, conversation=ConversationRef(ChannelRef(platform, "local")))


def test_who_asks_in_a_group_is_a_member():
    assert level_of(group("?"), NOBODY) is Level.MEMBER


def test_an_admin_of_a_channel_is_no_owner():
    assert level_of(admin(group("?")), NOBODY) is Level.CHANNEL_ADMIN


def test_everybody_administers_their_own_private_chat():
    assert level_of(private("?"), NOBODY) is Level.CHANNEL_ADMIN


def test_the_operators_own_surface_makes_an_owner_and_a_bare_api_call_does_not():
    assert level_of(admin(on(private("?"), Platform.TERMINAL)), NOBODY) is Level.OWNER
    assert level_of(on(private("?"), Platform.API), NOBODY) is Level.MEMBER


def test_owners_are_owners_everywhere_on_their_platform_and_nowhere_else():
    rules = Rules(owners=frozenset({MemberRef(Platform.DISCORD, "ada")}))
    assert level_of(group("?"), rules) is Level.OWNER
    assert level_of(on(group("?"), Platform.TELEGRAM), rules) is Level.MEMBER


def test_a_blocked_member_and_another_bot_are_not_served():
    rules = Rules(blocked=frozenset({MemberRef(Platform.DISCORD, "ada")}))
    assert level_of(private("?"), rules) is Level.BLOCKED
    bot = group("?")
    assert level_of(replace(bot, author=replace(bot.author, is_bot=True)), NOBODY) is Level.BLOCKED
