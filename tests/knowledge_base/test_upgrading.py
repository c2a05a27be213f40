"""Knowledge bases of every earlier version open, are searched, and lose nothing."""

from __future__ import annotations

import shutil
import sqlite3
from collections import namedtuple
from contextlib import closing

import pytest

from knowledge_base.errors import NoRoomError, StoreTooNewError
from knowledge_base.schema import MIGRATIONS
from tests.support import kept_schemas
from tests.support.libraries import find, open_library, texts

EARLIER = kept_schemas.numbers("knowledge")


def test_every_earlier_schema_is_kept():
    missing = sorted(set(range(1, len(MIGRATIONS))) - set(EARLIER))
    assert missing == [], "python tools/keep_schemas.py keeps them"


@pytest.mark.parametrize("number", EARLIER)
async def test_an_earlier_knowledge_base_is_found_in_and_whole(number, tmp_path):
    old, new = tmp_path / "old", tmp_path / "new"
    kept_schemas.data_directory(1, number, old)
    path = old / "knowledge.db"
    columns = kept_schemas.columns(path)
    rows = kept_schemas.content(path, columns)
    del rows["calibrations"]  # Measured at the first question.
    async with open_library(old) as library:
        base = (await library.base("harbour")).base_id
        found = await find(library, base, "When does the harbour gate open?")
        assert texts(found)[0] == "The harbour gate opens at nine and closes at five."
        found = await find(library, base, "灯塔看守人")
        assert texts(found)[0].startswith("灯塔看守人名叫阿玛拉")
        verified = await library.verify(base)
        assert (verified.problems, verified.documents) == ((), 2)
        assert kept_schemas.content(path, {name: columns[name] for name in rows}) == rows
    async with open_library(new) as library:
        await library.ensure_base("harbour")
    assert kept_schemas.columns(path) == kept_schemas.columns(new / "knowledge.db")
    assert kept_schemas.indexes(path) == kept_schemas.indexes(new / "knowledge.db")
    if number < len(MIGRATIONS):
        copy = old / "before-upgrade" / f"knowledge-{number:03}.db"
        assert kept_schemas.content(copy, columns) == {**rows, "calibrations": []}


async def test_vectors_that_waited_for_others_wait_still(tmp_path):
    kept_schemas.data_directory(1, 12, tmp_path)
    waiting = (1, "another", b"vectors")
    path = tmp_path / "knowledge.db"
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("INSERT INTO next_vectors VALUES (?, ?, ?)", waiting)
    async with open_library(tmp_path):
        pass
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        assert connection.execute("SELECT * FROM next_vectors").fetchall() == [waiting]


async def test_without_room_for_a_copy_nothing_is_touched(tmp_path, monkeypatch):
    kept_schemas.write("knowledge", 2, tmp_path / "knowledge.db")
    before = kept_schemas.columns(tmp_path / "knowledge.db")
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(shutil, "disk_usage", lambda _folder: usage(1 << 30, 1 << 30, 1000))
    with pytest.raises(NoRoomError):
        async with open_library(tmp_path):
            pass
    assert kept_schemas.columns(tmp_path / "knowledge.db") == before


async def test_copies_that_a_killed_upgrade_left_unfinished_make_room_for_the_next(tmp_path):
    kept_schemas.write("knowledge", 2, tmp_path / "knowledge.db")
    copies = tmp_path / "before-upgrade"
    copies.mkdir()
    (copies / ".knowledge-002.db-0123abcd").write_bytes(b"half of it")
    async with open_library(tmp_path):
        pass
    assert [path.name for path in copies.iterdir()] == ["knowledge-002.db"]


async def test_a_newer_one_is_refused_with_the_version_that_wrote_it(tmp_path):
    async with open_library(tmp_path):
        pass
    with closing(sqlite3.connect(tmp_path / "knowledge.db", isolation_level=None)) as connection:
        connection.execute("PRAGMA user_version = 99")
        connection.execute("UPDATE written_by SET program = '3.1.4'")
    with pytest.raises(StoreTooNewError) as caught:
        async with open_library(tmp_path):
            pass
    assert (caught.value.written, caught.value.program) == (99, "3.1.4")
