from __future__ import annotations

from dataclasses import replace

import pytest

from core.database import Database
from core.errors import UnknownChannelError
from core.events import ChannelRef, MemberRef, Place, Platform, ServerRef
from core.sightings import SeenChannel, Sightings, forget_sightings, named
from tests.support.places import RESTRICTED, posted, said, whispered

ADA = MemberRef(Platform.DISCORD, "ada")
TOWN = ChannelRef(Platform.DISCORD, "town")


@pytest.fixture
async def database(tmp_path):
    async with Database.open(tmp_path / "lorekeeper.db") as database:
        yield database


async def test_a_channel_is_kept_as_it_was_last_seen(database):
    sightings = Sightings(database)
    await sightings.saw(said("town", place=RESTRICTED))
    renamed = said("town", place=Place(channel_name="plaza", server_name="Spain"))
    await sightings.saw(renamed)
    seen = await sightings.channel(TOWN)
    assert seen == SeenChannel(TOWN, "plaza", ServerRef(Platform.DISCORD, "s1"), "Spain")
    assert seen.title == "Spain / plaza"
    # Back and forth within a day, seen by the same member.
    await sightings.saw(said("town", place=RESTRICTED))
    again = await sightings.channel(TOWN)
    assert again is not None
    assert again.is_restricted


async def test_members_are_listed_the_channels_where_they_were_seen(database):
    sightings = Sightings(database)
    await sightings.saw(said("town"))
    await sightings.saw(said("other", user="eve"))
    await sightings.saw(posted("-100"))
    assert [own.name for own in await sightings.channels_of(ADA)] == ["town"]
    assert [own.name for own in await sightings.channels_on(Platform.DISCORD)] == ["other", "town"]
    server = ServerRef(Platform.DISCORD, "s1")
    assert len(await sightings.channels_in(server)) == 2
    assert await sightings.is_known(ADA, server)
    assert not await sightings.is_known(ADA, ServerRef(Platform.DISCORD, "s2"))


async def test_a_private_chat_leaves_no_trace_and_who_wants_is_forgotten(database):
    sightings = Sightings(database)
    await sightings.saw(whispered("ada"))
    assert await sightings.channels_of(ADA) == ()
    await sightings.saw(said("town"))
    async with database.transaction() as connection:
        await forget_sightings(connection, ADA)
    assert await sightings.channels_of(ADA) == ()


@pytest.mark.parametrize("table", ["channel_members", "channels"])
async def test_who_was_forgotten_is_met_anew_at_once(database, table):
    """By a wish or with the whole place, in this process or another."""
    sightings = Sightings(database)
    await sightings.saw(said("town"))
    async with database.transaction() as connection:
        await connection.execute(f"DELETE FROM {table}")
    await sightings.saw(said("town"))
    assert [own.name for own in await sightings.channels_of(ADA)] == ["town"]


async def test_a_place_is_greeted_once(database):
    sightings = Sightings(database)
    assert await sightings.greet(said("town"))
    assert not await sightings.greet(said("town", user="eve"))
    assert await sightings.greet(whispered("eve"))
    assert not await Sightings(database).greet(whispered("eve"))


@pytest.mark.parametrize("typed", ["town", "#Town", "<#1>", "1", " spain / TOWN "])
def test_a_channel_is_named_by_name_number_or_mention(typed):
    server = ServerRef(Platform.DISCORD, "s1")
    town = SeenChannel(replace(TOWN, channel_id="1"), "town", server, "Spain")
    other = SeenChannel(replace(TOWN, channel_id="2"), "other", server, "Spain")
    assert named(typed, [town, other]) is town


def test_a_name_that_nobody_has_brings_the_nearest():
    with pytest.raises(UnknownChannelError) as caught:
        named("twon", [SeenChannel(TOWN, "town")])
    assert caught.value.near == ("town",)
