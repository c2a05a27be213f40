"""Attacks on the isolation of channels, over a real library and real rows."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from core.access import home_of, is_attachable
from core.database import Database
from core.errors import (
    AmbiguousChannelError,
    NotAdminThereError,
    NotAllowedError,
    NotReadableError,
    RestrictedBaseError,
    UnknownChannelError,
    WrongPlaceError,
)
from core.events import (
    ActionPressed,
    Asked,
    ChannelRef,
    IncomingMessage,
    MemberRef,
    Place,
    Platform,
)
from core.moves import Moves, move_channel
from core.permissions import Rules, listed
from knowledge_base.errors import NoSuchDocumentError
from knowledge_base.library import Library
from knowledge_base.models import AddState, ChunkId
from tests.support.libraries import add_text, open_library
from tests.support.places import (
    NOWHERE,
    RESTRICTED,
    Places,
    Town,
    as_admin,
    open_places,
    posted,
    said,
    whispered,
)

OWNER = MemberRef(Platform.DISCORD, "owner")


@dataclass
class World:
    """A town with two servers, and somebody who teaches it."""

    folder: Path
    database: Database
    library: Library
    town: Town
    places: Places

    async def teach(self, message: Asked, secret: str) -> ChunkId:
        """A file whose text is the secret, uploaded where the message is."""
        home = home_of(message)
        assert home is not None
        base = await self.library.ensure_base(home)
        await add_text(
            self.library, base.base_id, self.folder, f"{secret}.txt", f"The secret is {secret}."
        )
        result = await self.library.search(
            (await self.places.access.scope_of(message)), f"secret {secret}"
        )
        return result.passages[0].chunk.chunk_id

    async def found(self, message: Asked) -> set[str]:
        """The names of all secrets that somebody can come upon there."""
        scope = await self.places.access.scope_of(message)
        result = await self.library.search(scope, "What is the secret?", limit=50, threshold=0.0)
        return {passage.document.name.removesuffix(".txt") for passage in result.passages}

    async def seen_again(self, message: Asked, chunk: ChunkId) -> bool:
        """Whether "Sources" shows a passage to who asks there."""
        scope = await self.places.access.scope_of(message)
        return await self.library.passage(scope, chunk) is not None

    async def saw(self, *messages: Asked) -> None:
        for message in messages:
            await self.places.sightings.saw(message)


@pytest.fixture
async def world(tmp_path):
    town = Town()
    outboxes = {Platform.DISCORD: town, Platform.TELEGRAM: town}
    async with (
        Database.open(tmp_path / "lorekeeper.db") as database,
        open_library(tmp_path / "knowledge") as library,
    ):
        rules = Rules(frozenset({OWNER}))
        places = open_places(database, library, outboxes, rules)
        yield World(tmp_path, database, library, town, places)


async def test_another_channel_of_the_same_server_sees_nothing(world):
    chunk = await world.teach(said("alpha"), "apple")
    assert await world.found(said("alpha", user="eve")) == {"apple"}
    assert await world.found(said("beta")) == set()
    assert not await world.seen_again(said("beta"), chunk)


async def test_a_channel_of_the_same_name_on_another_server_sees_nothing(world):
    general = Place(channel_name="general", server_name="Town")
    chunk = await world.teach(said("1", place=general), "apple")
    twin = said("2", server="s2", place=general)
    assert await world.found(twin) == set()
    assert not await world.seen_again(twin, chunk)


async def test_names_decide_nothing_where_somebody_uses_or_attaches(world):
    general = Place(channel_name="general", server_name="Town")
    await world.teach(said("1", place=general), "apple")
    await world.saw(said("1", place=general), said("2", user="eve", server="s2", place=general))
    world.town.readers = {"2": {"eve"}}
    world.town.admins = {"2": {"eve"}}
    # Eve was seen in her own "general" alone, so that is the one she names.
    used = await world.places.sharing.use(whispered("eve"), "general")
    assert used.channel.channel_id == "2"
    assert await world.found(whispered("eve")) == set()
    with pytest.raises(UnknownChannelError):
        await world.places.sharing.use(whispered("eve"), "1")
    with pytest.raises(UnknownChannelError):
        await world.places.sharing.attach(as_admin(said("2", user="eve", server="s2")), "1")


async def test_a_name_that_two_channels_have_is_asked_back(world):
    general = Place(channel_name="general", server_name="Town")
    await world.saw(said("1", place=general), said("2", server="s2", place=general))
    with pytest.raises(AmbiguousChannelError) as caught:
        await world.places.sharing.use(whispered(), "#General")
    assert len(caught.value.available) == 2


async def test_topics_and_public_threads_share_the_channels_documents_and_no_others(world):
    await world.teach(posted("-100", topic="7"), "apple")
    assert await world.found(posted("-100", topic="8")) == {"apple"}
    assert await world.found(posted("-200", topic="7")) == set()
    await world.teach(said("alpha", thread="t1"), "pear")
    assert await world.found(said("alpha", thread="t2")) == {"pear"}
    assert await world.found(said("t1")) == set()


async def test_what_a_private_thread_learns_stays_there(world):
    thread = said("thread", place=Place(parent=ChannelRef(Platform.DISCORD, "alpha")))
    chunk = await world.teach(thread, "apple")
    await world.teach(said("alpha"), "pear")
    assert await world.found(thread) == {"apple", "pear"}
    assert await world.found(said("alpha")) == {"pear"}
    assert not await world.seen_again(said("alpha"), chunk)
    await world.saw(as_admin(thread), as_admin(said("alpha")))
    world.town.admins = {"thread": {"ada"}, "alpha": {"ada"}}
    with pytest.raises(RestrictedBaseError):
        await world.places.sharing.attach(as_admin(said("alpha")), "thread")


async def test_a_private_thread_sees_what_its_channel_learnt_restricted_only_while_it_is(world):
    await world.teach(said("staff", place=RESTRICTED), "apple")
    thread = said("thread", place=Place(parent=ChannelRef(Platform.DISCORD, "staff")))
    world.town.readers = {"staff": {"ada"}}
    assert await world.found(thread) == set()
    world.town.restricted = {"staff"}
    assert await world.found(thread) == {"apple"}
    world.town.readers = {}
    assert await world.found(thread) == set()


async def test_the_servers_base_is_never_fed_by_a_channel_on_its_own(world):
    for message in (said("alpha"), said("staff", place=RESTRICTED)):
        await world.teach(message, message.conversation.channel.channel_id)
    assert await world.found(said("beta")) == set()


async def test_only_who_manages_the_server_shares_with_it_and_only_by_name(world):
    staff = as_admin(said("staff", place=RESTRICTED))
    await world.teach(staff, "apple")
    await world.teach(staff, "pear")
    with pytest.raises(NotAdminThereError):
        await world.places.sharing.share(staff, "apple.txt", "server")
    with pytest.raises(NotAllowedError):
        await world.places.sharing.share(said("staff", place=RESTRICTED), "apple.txt", "server")
    chief = as_admin(said("staff", place=RESTRICTED), of_server=True)
    await world.places.sharing.share(chief, "apple.txt", "server")
    assert await world.found(said("beta")) == {"apple"}
    assert await world.found(said("beta", server="s2")) == set()
    with pytest.raises(WrongPlaceError):
        await world.places.sharing.share(as_admin(posted("-100")), "x.txt", "server")


async def test_a_channel_can_do_without_its_servers_base(world):
    chief = as_admin(said("alpha"), of_server=True)
    await world.teach(chief, "apple")
    await world.places.sharing.share(chief, "apple.txt", "server")
    assert await world.found(said("beta")) == {"apple"}
    await world.places.channels.change(ChannelRef(Platform.DISCORD, "beta"), "server_base", "no")
    assert await world.found(said("beta")) == set()


async def test_a_base_is_attached_only_by_who_administers_both_ends(world):
    await world.teach(said("alpha"), "apple")
    mine = as_admin(said("beta", server="s2"))
    await world.saw(said("alpha"), mine)
    world.town.readers = {"alpha": {"ada"}}
    with pytest.raises(NotAdminThereError) as caught:
        await world.places.sharing.attach(mine, "alpha")
    assert not caught.value.unknown
    world.town.silent = {"alpha"}
    with pytest.raises(NotAdminThereError) as caught:
        await world.places.sharing.attach(mine, "alpha")
    assert caught.value.unknown
    world.town.silent, world.town.admins = set(), {"alpha": {"ada"}}
    with pytest.raises(NotAllowedError):
        await world.places.sharing.attach(said("beta", server="s2"), "alpha")
    assert await world.found(mine) == set()
    attached = await world.places.sharing.attach(mine, "alpha")
    assert (attached.title, attached.by) == ("alpha", "ada")
    assert await world.found(mine) == {"apple"}
    assert await world.found(said("gamma", server="s2")) == set()


async def test_either_end_ends_an_attachment(world):
    await world.teach(said("alpha"), "apple")
    giver, taker = as_admin(said("alpha")), as_admin(said("beta"))
    await world.saw(giver, taker)
    world.town.admins = {"alpha": {"ada"}}
    for undone_at, name in ((taker, "alpha"), (giver, "beta")):
        await world.places.sharing.attach(taker, "alpha")
        assert await world.found(taker) == {"apple"}
        with pytest.raises(NotAllowedError):
            await world.places.sharing.detach(said("alpha", user="eve"), name)
        assert await world.places.sharing.detach(undone_at, name) == name
        assert await world.found(taker) == set()
    with pytest.raises(UnknownChannelError):
        await world.places.sharing.detach(taker, "alpha")


async def test_a_restricted_channel_is_attached_nowhere_also_not_by_the_owner(world):
    await world.teach(said("staff", place=RESTRICTED), "apple")
    await world.saw(said("staff", place=RESTRICTED), said("beta"))
    world.town.admins, world.town.restricted = {"staff": {"ada"}}, {"staff"}
    with pytest.raises(RestrictedBaseError):
        await world.places.sharing.attach(as_admin(said("beta")), "staff")
    world.town.silent = {"staff"}
    with pytest.raises(RestrictedBaseError):
        await world.places.sharing.attach(said("beta", user="owner"), "staff")


async def test_a_row_that_binds_a_base_that_may_not_be_serves_nobody(world):
    await world.teach(said("staff", place=RESTRICTED), "apple")
    await world.teach(whispered("eve"), "pear")
    for name in ("discord:restricted:staff", "discord:@eve"):
        base = await world.library.base(name)
        beta = ChannelRef(Platform.DISCORD, "beta")
        await world.places.bindings.attach(base.base_id, beta, OWNER)
    assert await world.found(said("beta")) == set()


async def test_a_private_chat_gives_a_group_nothing_and_a_group_gives_it_nothing(world):
    chunk = await world.teach(whispered("ada"), "apple")
    await world.teach(said("alpha"), "pear")
    assert await world.found(said("alpha")) == {"pear"}
    assert await world.found(whispered("ada")) == {"apple"}
    assert await world.found(whispered("eve")) == set()
    assert not await world.seen_again(said("alpha"), chunk)
    assert not await world.seen_again(whispered("eve"), chunk)
    with pytest.raises(WrongPlaceError):
        await world.places.sharing.attach(whispered("ada"), "alpha")


async def test_a_member_shares_from_their_private_chat_only_where_they_are_admin(world):
    await world.teach(whispered("ada"), "apple")
    await world.saw(said("alpha"))
    with pytest.raises(NotAdminThereError):
        await world.places.sharing.share(whispered("ada"), "apple.txt", "alpha")
    world.town.admins = {"alpha": {"ada"}}
    await world.places.sharing.share(whispered("ada"), "apple.txt", "alpha")
    assert await world.found(said("alpha")) == {"apple"}
    await world.saw(said("alpha", user="eve"))
    world.town.admins = {"alpha": {"eve"}}
    with pytest.raises(NoSuchDocumentError):
        await world.places.sharing.share(whispered("eve"), "apple.txt", "alpha")


async def test_a_private_chat_uses_a_channel_while_its_member_can_read_it(world):
    await world.teach(said("alpha"), "apple")
    await world.saw(said("alpha"), said("alpha", user="eve"))
    with pytest.raises(NotReadableError):
        await world.places.sharing.use(whispered("eve"), "alpha")
    world.town.readers = {"alpha": {"ada", "eve"}}
    await world.places.sharing.use(whispered("eve"), "alpha")
    assert await world.found(whispered("eve")) == {"apple"}
    assert await world.found(whispered("ada")) == set()
    asked = len(world.town.asked)
    await world.found(whispered("eve"))
    assert len(world.town.asked) == asked + 1, "asked anew for every question"


async def test_a_former_member_is_refused_at_the_next_question_and_at_the_sources(world):
    chunk = await world.teach(said("alpha"), "apple")
    await world.saw(said("alpha", user="eve"))
    world.town.readers = {"alpha": {"eve"}}
    await world.places.sharing.use(whispered("eve"), "alpha")
    assert await world.seen_again(whispered("eve"), chunk)
    world.town.readers = {}
    with pytest.raises(NotReadableError) as caught:
        await world.seen_again(whispered("eve"), chunk)
    assert not caught.value.unknown
    # Told once; from then on the private chat is the member's own again.
    assert await world.found(whispered("eve")) == set()
    assert await world.places.sharing.in_use(whispered("eve")) is None


@pytest.mark.parametrize("entry", ["role:muted", "server:s1", "channel:alpha"])
async def test_whom_a_list_shuts_out_of_a_place_it_serves_nowhere_else(world, entry):
    await world.teach(said("alpha"), "apple")
    await world.saw(said("alpha"))
    world.town.readers, world.town.roles = {"alpha": {"ada"}}, {"ada": {"muted"}}
    await world.places.sharing.use(whispered(), "alpha")
    assert await world.found(whispered()) == {"apple"}
    rules = Rules(blocked=listed([f"discord:{entry}"]))
    outboxes = {Platform.DISCORD: world.town}
    world = replace(world, places=open_places(world.database, world.library, outboxes, rules))
    with pytest.raises(NotReadableError):
        await world.found(whispered())
    assert await world.found(whispered()) == set()
    with pytest.raises(NotReadableError):
        await world.places.sharing.use(whispered(), "alpha")


async def test_where_the_platform_cannot_say_nothing_is_shown(world):
    await world.teach(posted("-100"), "apple")
    await world.saw(posted("-100"))
    world.town.silent = {"-100"}
    mine = whispered(platform=Platform.TELEGRAM)
    with pytest.raises(NotReadableError) as caught:
        await world.places.sharing.use(mine, "-100")
    assert caught.value.unknown
    world.town.silent, world.town.readers = set(), {"-100": {"ada"}}
    await world.places.sharing.use(mine, "-100")
    assert await world.found(mine) == {"apple"}
    world.town.silent = {"-100"}
    with pytest.raises(NotReadableError):
        await world.found(mine)
    world.town.silent = set()
    assert await world.found(mine) == {"apple"}
    assert await world.places.sharing.unuse(mine)
    assert await world.found(mine) == set()


async def test_a_channel_that_is_made_public_no_longer_serves_what_it_learnt_restricted(world):
    chunk = await world.teach(said("staff", place=RESTRICTED), "apple")
    await world.teach(said("staff", place=RESTRICTED), "pear")
    assert await world.found(said("staff", place=RESTRICTED)) == {"apple", "pear"}
    now_public = said("staff", user="eve")
    assert await world.found(now_public) == set()
    assert not await world.seen_again(now_public, chunk)
    await world.teach(now_public, "plum")
    assert await world.found(now_public) == {"plum"}
    admin = as_admin(said("staff"))
    assert {own.name for own in await world.places.sharing.withheld(admin)} == {
        "apple.txt",
        "pear.txt",
    }
    with pytest.raises(NotAllowedError):
        await world.places.sharing.share(now_public, "apple.txt")
    await world.places.sharing.share(admin, "apple.txt")
    assert await world.found(now_public) == {"apple", "plum"}
    assert await world.found(said("staff", place=RESTRICTED)) == {"apple", "pear", "plum"}


async def test_sharing_within_a_restricted_channel_reaches_nobody_outside(world):
    """Its open base may serve other channels since the time when all of its server saw it."""
    mine = as_admin(said("beta"))
    await world.saw(said("staff"), mine)
    world.town.admins = {"staff": {"ada"}}
    await world.places.sharing.attach(mine, "staff")
    closed = as_admin(said("staff", place=RESTRICTED))
    await world.teach(closed, "apple")
    shared = await world.places.sharing.share(closed, "apple.txt")
    assert shared.added.state is AddState.UNCHANGED
    assert await world.found(said("beta", user="eve")) == set()


async def test_a_private_chat_does_not_outlive_the_restriction_of_the_channel_it_uses(world):
    await world.teach(said("staff", place=RESTRICTED), "apple")
    await world.saw(said("staff", user="eve", place=RESTRICTED))
    world.town.readers, world.town.restricted = {"staff": {"eve"}}, {"staff"}
    await world.places.sharing.use(whispered("eve"), "staff")
    assert await world.found(whispered("eve")) == {"apple"}
    # Made public, and nobody has written there since.
    world.town.restricted = set()
    assert await world.found(whispered("eve")) == set()


@pytest.mark.parametrize(
    "forged",
    ["restricted:staff", "@eve", "server:s1", "discord:staff", "staff\n", "../staff", "shared", ""],
)
async def test_no_id_reaches_another_base(world, forged):
    await world.teach(said("staff", place=RESTRICTED), "apple")
    await world.teach(whispered("eve"), "pear")
    chief = as_admin(said("alpha"), of_server=True)
    await world.teach(chief, "plum")
    await world.places.sharing.share(chief, "plum.txt", "server")
    for message in (
        said(forged, server=None),
        said(forged, server="s2"),
        said("beta", server=f"s2:{forged}"),
        said("beta", server="s2", place=Place(parent=ChannelRef(Platform.DISCORD, forged))),
        whispered(forged),
    ):
        assert await world.found(message) == set(), message
        named = replace(message, bases=("discord:@eve", "discord:restricted:staff"))
        assert await world.found(named) == set()


@pytest.mark.parametrize(
    "name", ["discord:@eve", "discord:restricted:1", "discord:server:9", "samples", "telegram:@1"]
)
async def test_bases_that_are_not_for_other_places_are_not_attachable(world, name):
    assert not is_attachable(name)
    await world.library.ensure_base(name)
    with pytest.raises(UnknownChannelError):
        await world.places.sharing.attach(said("beta", user="owner"), name)


async def test_only_owners_attach_a_base_by_its_name(world):
    base = await world.library.ensure_base("handbook")
    await add_text(world.library, base.base_id, world.folder, "apple.txt", "The secret is apple.")
    with pytest.raises(UnknownChannelError):
        await world.places.sharing.attach(as_admin(said("beta")), "handbook")
    await world.places.sharing.attach(said("beta", user="owner"), "handbook")
    assert await world.found(said("beta")) == {"apple"}
    assert await world.found(said("gamma")) == set()


async def test_an_anonymous_admin_has_no_other_end(world):
    await world.teach(posted("-200"), "apple")
    anonymous = as_admin(posted("-100", user="-100"))
    await world.saw(anonymous)
    with pytest.raises(UnknownChannelError):
        await world.places.sharing.attach(anonymous, "-200")


async def test_a_press_is_judged_where_it_is_made_and_by_whom(world):
    chunk = await world.teach(said("alpha"), "apple")

    def press(message: IncomingMessage) -> ActionPressed:
        return ActionPressed(
            message.conversation,
            "m1",
            "sources",
            message.author,
            message.kind,
            server_id=message.server_id,
            place=message.place,
        )

    assert await world.seen_again(press(said("alpha", user="eve")), chunk)
    for elsewhere in (said("beta"), said("alpha2", server="s2"), whispered("ada")):
        assert not await world.seen_again(press(elsewhere), chunk)


async def test_a_migrated_chat_takes_all_of_its_own_along_and_leaves_nothing(world):
    old, new = ChannelRef(Platform.TELEGRAM, "-1"), ChannelRef(Platform.TELEGRAM, "-1001")
    chunk = await world.teach(posted("-1"), "apple")
    await world.teach(posted("-2"), "pear")
    await world.saw(posted("-1"), as_admin(posted("-2")))
    world.town.admins = {"-1": {"ada"}, "-2": {"ada"}, "-1001": {"ada"}}
    world.town.readers = {"-1001": {"ada"}, "-1": {"ada"}}
    await world.places.sharing.attach(as_admin(posted("-1")), "-2")
    await world.places.sharing.attach(as_admin(posted("-2")), "-1")
    await world.places.sharing.use(whispered(platform=Platform.TELEGRAM), "-1")
    await world.places.channels.change(old, "persona", "Be brief.")
    async with world.database.transaction() as connection:
        await move_channel(connection, old, new)
    assert await world.places.moves.finish() == 1
    assert await world.found(posted("-1001")) == {"apple", "pear"}
    assert await world.seen_again(posted("-1001"), chunk)
    assert await world.found(posted("-2")) == {"apple", "pear"}
    assert await world.found(whispered(platform=Platform.TELEGRAM)) == {"apple", "pear"}
    assert world.places.channels.of(posted("-1001")).persona == "Be brief."
    assert world.places.channels.of(posted("-1")).persona == ""
    assert await world.found(posted("-1")) == set()
    assert await world.places.moves.finish() == 0


async def test_a_move_that_was_interrupted_is_finished_at_the_next_start(world):
    old, new = ChannelRef(Platform.TELEGRAM, "-1"), ChannelRef(Platform.TELEGRAM, "-1001")
    await world.teach(posted("-1"), "apple")
    async with world.database.transaction() as connection:
        await move_channel(connection, old, new)
    # Killed here; and then somebody teaches before the names have followed.
    await world.teach(posted("-1001"), "plum")
    assert await world.found(posted("-1001")) == {"plum"}
    again = open_places(world.database, world.library)
    assert await again.moves.finish() == 1
    assert await world.found(posted("-1001")) == {"apple", "plum"}
    assert await world.found(posted("-2")) == set()


async def test_who_else_knows_a_bases_name_is_told_also_after_a_kill(world):
    old, new = ChannelRef(Platform.TELEGRAM, "-1"), ChannelRef(Platform.TELEGRAM, "-1001")
    await world.teach(posted("-1"), "apple")
    async with world.database.transaction() as connection:
        await move_channel(connection, old, new)
    assert await world.library.rename("telegram:-1", "telegram:-1001")
    # Killed here, before the others were told.
    told = []

    async def renamed(before: str, after: str) -> None:
        told.append((before, after))

    moves = Moves(
        world.database, world.library, world.places.bindings, world.places.channels, renamed
    )
    assert await moves.finish() == 1
    assert ("telegram:-1", "telegram:-1001") in told
    assert await world.found(posted("-1001")) == {"apple"}


async def test_the_same_ids_on_two_platforms_are_two_places(world):
    await world.teach(said("7", server=None), "apple")
    assert await world.found(posted("7")) == set()
    await world.teach(whispered("7"), "pear")
    assert await world.found(whispered("7", Platform.TELEGRAM)) == set()
    assert await world.found(replace(said("7"), place=NOWHERE, server_id=None)) == {"apple"}
