from __future__ import annotations

import re
from dataclasses import replace

import pytest

from core.channel_settings import ChannelSettings
from core.events import Author, ChannelRef, ConversationRef, MemberRef, Place, Platform
from core.permissions import (
    Level,
    Rules,
    administers_server,
    awaits_review,
    level_of,
    listed,
)
from tests.support.messages import group, private

NOBODY = Rules()


def admin(message):
    return replace(message, author=replace(message.author, is_channel_admin=True))


def on(message, platform: Platform, channel: str = "local"):
    return replace(message, conversation=ConversationRef(ChannelRef(platform, channel)))


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
    rules = Rules(blocked=listed(["discord:ada"]))
    assert level_of(private("?"), rules) is Level.BLOCKED
    bot = group("?")
    assert level_of(replace(bot, author=replace(bot.author, is_bot=True)), NOBODY) is Level.BLOCKED


def test_lists_name_people_roles_channels_and_servers():
    rules = Rules(
        blocked=listed(["discord:role:muted", "discord:channel:town", "discord:server:9"])
    )
    muted = replace(
        private("?"), author=replace(private("?").author, role_ids=frozenset({"muted"}))
    )
    assert level_of(muted, rules) is Level.BLOCKED
    assert level_of(on(muted, Platform.TELEGRAM), rules) is not Level.BLOCKED
    assert level_of(group("?"), rules) is Level.BLOCKED
    thread = replace(
        on(group("?"), Platform.DISCORD, "thread"),
        place=Place(parent=ChannelRef(Platform.DISCORD, "town")),
    )
    assert level_of(thread, rules) is Level.BLOCKED
    elsewhere = on(group("?"), Platform.DISCORD, "else")
    assert level_of(elsewhere, rules) is Level.MEMBER
    assert level_of(replace(elsewhere, server_id="9"), rules) is Level.BLOCKED


@pytest.mark.parametrize(
    "entry", ["", "ada", "discord:", ":ada", "irc:ada", "discord:guild:9", "discord::9"]
)
def test_a_list_that_does_not_read_is_refused(entry):
    with pytest.raises(ValueError, match=f"^{re.escape(entry)}$"):
        listed([entry])


def test_where_people_or_places_are_allowed_by_name_nobody_else_is_served():
    people = Rules(
        owners=frozenset({MemberRef(Platform.DISCORD, "boss")}), allowed=listed(["discord:ada"])
    )
    assert level_of(group("?"), people) is Level.MEMBER
    assert level_of(admin(group("?", user="eve")), people) is Level.BLOCKED
    assert level_of(group("?", user="boss"), people) is Level.OWNER
    places = Rules(allowed=listed(["discord:channel:town", "discord:server:9"]))
    assert level_of(group("?"), places) is Level.MEMBER
    elsewhere = on(group("?"), Platform.DISCORD, "else")
    assert level_of(elsewhere, places) is Level.BLOCKED
    assert level_of(replace(elsewhere, server_id="9"), places) is Level.MEMBER
    assert level_of(private("?"), places) is Level.CHANNEL_ADMIN


def test_who_teaches_is_the_channels_choice():
    review, everyone = ChannelSettings(teachers="review"), ChannelSettings(teachers="everyone")
    assert level_of(group("?"), NOBODY, ChannelSettings()) is Level.MEMBER
    assert level_of(group("?"), NOBODY, review) is Level.UPLOADER
    assert level_of(group("?"), NOBODY, everyone) is Level.UPLOADER
    assert awaits_review(Level.UPLOADER, review)
    assert not awaits_review(Level.UPLOADER, everyone)
    assert not awaits_review(Level.MODERATOR, review)


def test_moderators_and_admins_are_told_apart_and_a_bot_is_neither():
    message = group("?")
    moderator = replace(message, author=replace(message.author, is_moderator=True))
    assert level_of(moderator, NOBODY) is Level.MODERATOR
    server_admin = replace(message, author=replace(message.author, is_server_admin=True))
    assert level_of(server_admin, NOBODY) is Level.CHANNEL_ADMIN
    bot = replace(message, author=replace(admin(message).author, is_bot=True))
    assert level_of(bot, NOBODY) is Level.BLOCKED


def test_an_anonymous_admin_administers_that_group_and_is_no_owner():
    message = on(group("?"), Platform.TELEGRAM, "-100")
    anonymous = replace(message, author=Author("-100", "Group", is_channel_admin=True))
    assert level_of(anonymous, Rules(owners=frozenset())) is Level.CHANNEL_ADMIN


def test_a_server_is_administered_by_who_manages_it_whole():
    message = replace(group("?"), server_id="9")
    assert not administers_server(admin(message), Level.CHANNEL_ADMIN)
    whole = replace(message, author=replace(message.author, is_server_admin=True))
    assert administers_server(whole, Level.CHANNEL_ADMIN)
    assert not administers_server(replace(whole, server_id=None), Level.CHANNEL_ADMIN)
    assert not administers_server(replace(whole, server_id="town"), Level.CHANNEL_ADMIN)
