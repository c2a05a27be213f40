from __future__ import annotations

import tempfile
from dataclasses import replace
from pathlib import Path

import pytest

from core.access import home_of, homes_of
from core.database import Database
from core.events import ChannelKind, ChannelRef, ConversationRef, Place, Platform
from tests.support.messages import group, private
from tests.support.places import RESTRICTED, open_places
from tests.support.shelf import Shelf


@pytest.fixture
def shelf() -> Shelf:
    """Every kind of base there is."""
    shelf = Shelf()
    for name in (
        "shared",
        "samples",
        "discord:town",
        "discord:elsewhere",
        "discord:@ada",
        "discord:@eve",
        "telegram:town",
        "telegram:@ada",
    ):
        shelf.put(name, "a.md", f"text of {name}")
    return shelf


async def names(shelf: Shelf, message) -> set[str]:
    with tempfile.TemporaryDirectory() as folder:
        async with Database.open(Path(folder) / "lorekeeper.db") as database:
            scope = await open_places(database, shelf).access.scope_of(message)
    return {base.name for base in await shelf.bases() if base.base_id in scope.bases}


def at(message, platform: Platform, channel: str | None = None, thread: str | None = None):
    place = ChannelRef(platform, channel or message.conversation.channel.channel_id)
    return replace(message, conversation=ConversationRef(place, thread))


async def test_a_channel_is_answered_from_its_own_base_and_the_shared_one(shelf):
    assert await names(shelf, group("?")) == {"discord:town", "shared"}


async def test_a_thread_shares_its_channels_base(shelf):
    assert await names(shelf, group("?", thread="77")) == {"discord:town", "shared"}


async def test_a_private_chat_is_answered_from_the_members_own_base(shelf):
    assert await names(shelf, private("?")) == {"discord:@ada", "shared"}


async def test_the_same_id_on_another_platform_is_another_channel(shelf):
    assert await names(shelf, at(group("?"), Platform.TELEGRAM)) == {"telegram:town", "shared"}


async def test_bases_that_do_not_exist_yet_are_absent(shelf):
    assert await names(shelf, at(group("?"), Platform.DISCORD, "new")) == {"shared"}
    assert await names(Shelf(), group("?")) == set()


@pytest.mark.parametrize(
    "channel",
    [
        "@ada",
        "town\n",
        " town",
        "town ",
        "ＴＯＷＮ",
        "town\u200b",
        "elsewhere:town",
        ":@ada",
        "../shared",
        "",
        "*",
        "%",
        "1 OR 1=1",
        "x" * 500,
        "＠ada",
    ],
)
async def test_no_channel_id_reaches_a_base_of_somebody_else(shelf, channel):
    message = replace(
        group("?"), conversation=ConversationRef(ChannelRef(Platform.DISCORD, channel))
    )
    assert await names(shelf, message) == {"shared"}


@pytest.mark.parametrize("user", ["ada\n", "@ada", "eve:ada", "", "ada ", "*"])
async def test_no_user_id_reaches_the_base_of_another_member(shelf, user):
    message = private("?")
    message = replace(message, author=replace(message.author, user_id=user))
    assert await names(shelf, message) == {"shared"}


async def test_a_group_whose_id_is_a_members_does_not_open_that_members_base(shelf):
    message = replace(group("?"), conversation=ConversationRef(ChannelRef(Platform.DISCORD, "ada")))
    assert await names(shelf, message) == {"shared"}


async def test_a_chat_platform_that_names_bases_is_not_believed(shelf):
    asked = replace(group("?"), bases=("discord:@eve", "samples", "discord:elsewhere"))
    assert await names(shelf, asked) == {"discord:town", "shared"}
    asked = replace(private("?"), bases=("discord:@eve",))
    assert await names(shelf, asked) == {"discord:@ada", "shared"}


async def test_chat_channels_never_see_the_samples(shelf):
    for message in (group("?"), private("?")):
        assert "samples" not in await names(shelf, message)
    assert await names(shelf, at(group("?"), Platform.DISCORD, "samples")) == {"shared"}


@pytest.mark.parametrize("platform", [Platform.TERMINAL, Platform.WEB, Platform.API])
async def test_the_operators_surfaces_ask_what_was_picked(shelf, platform):
    message = at(private("?"), platform, "local")
    assert await names(shelf, replace(message, bases=("discord:town",))) == {"discord:town"}
    assert await names(shelf, replace(message, bases=("nowhere",))) == set()
    assert await names(shelf, message) == {"shared"}


@pytest.mark.parametrize("platform", [Platform.TERMINAL, Platform.WEB, Platform.API])
async def test_a_members_own_base_is_for_who_runs_the_bot_and_no_other_eyes(shelf, platform):
    asked = replace(
        at(private("?"), platform, "local"), bases=("discord:@eve", "discord:town", "telegram:@ada")
    )
    assert await names(shelf, asked) == {"discord:town"}
    assert homes_of(replace(asked, bases=("discord:@eve",))) == ()
    operator = replace(asked, author=replace(asked.author, is_channel_admin=True))
    assert await names(shelf, operator) == set(asked.bases)
    assert homes_of(operator) == asked.bases


@pytest.mark.parametrize("own", ["handbook", "shared"])
async def test_samples_serve_until_the_operator_has_filled_a_base_of_their_own(own):
    message = at(private("?"), Platform.TERMINAL, "local")
    shelf = Shelf()
    shelf.put("samples", "a.md", "text")
    await shelf.ensure_base(own)
    assert "samples" in await names(shelf, message)
    shelf.put(own, "a.md", "text")
    assert "samples" not in await names(shelf, message)


def test_what_is_taught_goes_to_the_place_where_it_is_taught():
    assert home_of(group("?")) == "discord:town"
    assert home_of(group("?", thread="77")) == "discord:town"
    assert home_of(private("?")) == "discord:@ada"
    terminal = at(private("?"), Platform.TERMINAL, "local")
    assert home_of(terminal) == "shared"
    assert home_of(replace(terminal, bases=("handbook", "shared"))) == "handbook"
    assert home_of(at(group("?"), Platform.DISCORD, "@ada")) is None


def test_a_private_chat_is_told_by_its_kind_not_by_its_id():
    message = replace(private("?"), kind=ChannelKind.GROUP)
    assert home_of(message) == "discord:dm-ada"


def test_what_fewer_people_see_is_taught_to_a_base_of_its_own():
    closed = replace(group("?"), place=RESTRICTED)
    assert homes_of(closed) == ("discord:restricted:town", "discord:town")
    thread = replace(
        at(group("?"), Platform.DISCORD, "77"),
        place=Place(parent=ChannelRef(Platform.DISCORD, "town")),
    )
    assert home_of(thread) == "discord:restricted:77"
    assert homes_of(private("?")) == ("discord:@ada",)
