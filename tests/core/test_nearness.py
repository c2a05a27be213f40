"""Attacks on what may not leave the machine: every way into a base, the embedder being outside."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from core.access import owner_of
from core.agreeing import Nearness
from core.channels import Channels
from core.database import Database
from core.events import ChannelRef, MemberRef, Platform, ServerRef
from core.history import History
from core.inbox import DurableInbox
from core.notes import store
from core.sightings import Sightings
from knowledge_base.errors import KeptNearError
from knowledge_base.library import Library
from knowledge_base.models import Upload
from knowledge_base.notes import Note
from tests.support.hash_embeddings import HashEmbedder
from tests.support.libraries import SETTINGS, add_text, open_library
from tests.support.places import RESTRICTED, said, whispered
from tests.support.plain_reader import PlainReader

DISCORD = Platform.DISCORD
PRIVATE = "discord:@ada"
TOWN = ChannelRef(DISCORD, "town")


class Outside(HashEmbedder):
    """Somebody else's: what it hears has left the machine."""

    def __init__(self):
        super().__init__()
        self.heard: list[str] = []

    async def embed_documents(self, texts):
        self.heard += texts
        return await super().embed_documents(texts)

    async def embed_query(self, text):
        self.heard.append(text)
        return await super().embed_query(text)


@pytest.fixture
async def database(tmp_path):
    async with Database.open(tmp_path / "lorekeeper.db") as opened:
        yield opened


@pytest.fixture
def outside():
    return Outside()


@pytest.fixture
async def library(tmp_path, database, outside):
    async with open_library(tmp_path / "library", outside) as opened:
        opened.keeps_near(Nearness(database, "outside").may_embed)
        yield opened


async def test_whatever_the_way_nothing_private_is_embedded_before_its_member_agrees(
    tmp_path, database, library, outside
):
    base = await library.ensure_base(PRIVATE)
    shared = await library.ensure_base("shared")
    added = await add_text(library, shared.base_id, tmp_path, "open.md", "Everybody may know.")
    outside.heard.clear()
    file = tmp_path / "secret.md"
    file.write_text("My secret.", "utf-8")
    note = Note("Who?", "My secret.", "Ada", "discord:ada", datetime.now(UTC))
    ways = (
        library.add(base.base_id, Upload("secret.md", file, "Ada", "discord:ada")),
        library.copy(added.document, base.base_id),
        store(library, base, note, "note"),
    )
    for way in ways:
        with pytest.raises(KeptNearError) as caught:
            await way
        assert (caught.value.base, caught.value.embedder) == (PRIVATE, "hash")
    with pytest.raises(KeptNearError):
        # Of a folder of vectors a sample is embedded before there is a base.
        await library.require_near("discord:@eve")
    assert outside.heard == []
    assert await library.documents(base.base_id) == ()

    # The message with which she adds something is on record before it is dealt with.
    await DurableInbox(database).receive(whispered("ada"))
    chat = whispered("ada").conversation.channel
    await Channels(database).change(chat, "place", "outside")
    await add_text(library, base.base_id, tmp_path, "secret.md", "My secret.")
    assert any("secret" in heard for heard in outside.heard)
    outside.heard.clear()
    # Taken back, it holds at once.
    await Channels(database).change(chat, "place", "local")
    with pytest.raises(KeptNearError):
        await add_text(library, base.base_id, tmp_path, "more.md", "Another secret.")
    assert outside.heard == []


async def test_rebuilding_gives_a_private_base_no_vectors(tmp_path, database, outside):
    async with Library.open(tmp_path / "library", None, SETTINGS, reader=PlainReader()) as bare:
        base = (await bare.ensure_base(PRIVATE)).base_id
        await add_text(bare, base, tmp_path, "secret.md", "My secret.")
    async with open_library(tmp_path / "library", outside) as library:
        library.keeps_near(Nearness(database, "outside").may_embed)
        assert (await library.rebuild(base)).documents == 1
        assert outside.heard == []
        library.keeps_near(Nearness(database, "local").may_embed)
        assert (await library.rebuild(base)).vectors == 1


async def test_a_group_that_somebody_opened_opens_nobodys_private_base(database):
    # She asked there before it was seen as a group; now it is.
    await History(database).append_question(said("town", user="ada"))
    await Sightings(database).saw(said("town", user="ada"))
    await Channels(database).change(TOWN, "place", "outside")
    nearness = Nearness(database, "outside")
    assert not await nearness.may_embed(PRIVATE)
    assert await nearness.may_embed("discord:town")


async def test_a_channels_base_goes_as_far_as_the_channel_its_parent_and_server_let_it(database):
    await Sightings(database).saw(said("town", place=RESTRICTED))
    server = ServerRef(DISCORD, "s1")
    own, outside = Nearness(database, "own"), Nearness(database, "outside")
    for base in ("discord:town", "discord:restricted:town", "discord:server:s1"):
        assert await own.may_embed(base)
        assert not await outside.may_embed(base)
    await Channels(database).change(server, "place", "local")
    for base in ("discord:town", "discord:restricted:town", "discord:server:s1"):
        assert not await own.may_embed(base)
    await Channels(database).change(TOWN, "place", "outside")
    assert await outside.may_embed("discord:restricted:town")
    assert not await outside.may_embed("discord:server:s1")


async def test_the_operators_bases_go_where_the_operator_put_the_embedder(database):
    nearness = Nearness(database, "outside")
    assert await nearness.may_embed("shared")
    assert await nearness.may_embed("handbook")
    # Names that nobody made are nobody's to open.
    assert not await nearness.may_embed("discord:@a:b")
    assert not await nearness.may_embed("nowhere:1")


@pytest.mark.parametrize(
    ("base", "owner"),
    [
        ("discord:@5", MemberRef(DISCORD, "5")),
        ("telegram:-100", ChannelRef(Platform.TELEGRAM, "-100")),
        ("discord:restricted:5", ChannelRef(DISCORD, "5")),
        ("discord:server:5", ServerRef(DISCORD, "5")),
        ("shared", None),
        ("discord:@server:5", None),
        ("else:5", None),
    ],
)
def test_the_name_of_a_base_says_whose_it_is(base, owner):
    assert owner_of(base) == owner
