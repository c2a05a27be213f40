"""Databases of every earlier version open, keep what they hold, and are kept as they were."""

from __future__ import annotations

import asyncio
import shutil
import sqlite3
from collections import namedtuple
from contextlib import closing

import pytest

from core.database import Database
from core.migrations import MIGRATIONS
from knowledge_base import copying
from knowledge_base.errors import NoRoomError, StoreTooNewError
from knowledge_base.schema import PROGRAM
from tests.support import kept_schemas

EARLIER = kept_schemas.numbers("core")


def test_every_earlier_schema_is_kept():
    released = [migration.number for migration in MIGRATIONS]
    missing = sorted(set(released[:-1]) - set(EARLIER))
    assert missing == [], "python tools/keep_schemas.py keeps them"


@pytest.mark.parametrize("number", EARLIER)
async def test_an_earlier_database_is_brought_up_to_date_with_all_its_rows(number, tmp_path):
    path = tmp_path / "old" / "lorekeeper.db"
    kept_schemas.write("core", number, path)
    columns = kept_schemas.columns(path)
    rows = kept_schemas.content(path, columns)
    assert rows["exchanges"]
    async with Database.open(path):
        pass
    async with Database.open(tmp_path / "new" / "lorekeeper.db"):
        pass
    new = tmp_path / "new" / "lorekeeper.db"
    assert kept_schemas.columns(path) == kept_schemas.columns(new)
    assert kept_schemas.indexes(path) == kept_schemas.indexes(new)
    applied = rows.pop("migrations")
    assert kept_schemas.content(path, {name: columns[name] for name in rows}) == rows
    assert len(kept_schemas.content(path, columns)["migrations"]) == len(MIGRATIONS)
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("PRAGMA foreign_key_check").fetchall() == []
        assert connection.execute("SELECT program FROM written_by").fetchall() == [(PROGRAM,)]
    if number < len(MIGRATIONS):
        copy = path.parent / "before-upgrade" / f"lorekeeper-{number:03}.db"
        assert kept_schemas.content(copy, columns) == {**rows, "migrations": applied}


async def test_a_new_database_and_one_that_is_up_to_date_are_not_copied(tmp_path):
    for _ in range(2):
        async with Database.open(tmp_path / "lorekeeper.db"):
            pass
    assert not (tmp_path / "before-upgrade").exists()


async def test_without_room_for_a_copy_nothing_is_touched(tmp_path, monkeypatch):
    path = tmp_path / "lorekeeper.db"
    kept_schemas.write("core", 3, path)
    before = kept_schemas.columns(path)
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(shutil, "disk_usage", lambda _folder: usage(1 << 30, 1 << 30, 1000))
    with pytest.raises(NoRoomError) as caught:
        async with Database.open(path):
            pass
    assert caught.value.free == 1000
    assert caught.value.needed > copying.SPARE
    assert kept_schemas.columns(path) == before
    assert not (tmp_path / "before-upgrade").exists()


async def test_one_line_tells_from_which_version_to_which_and_where_the_copy_is(tmp_path, caplog):
    path = tmp_path / "lorekeeper.db"
    kept_schemas.write("core", 5, path)
    async with Database.open(path):
        pass
    (told,) = [record.getMessage() for record in caplog.records]
    assert f"format 5 to {len(MIGRATIONS)}, which takes about 1 s" in told
    assert "lorekeeper-005.db" in told


async def test_a_copy_is_kept_of_the_last_versions_alone_and_for_a_time_alone(tmp_path):
    for number in (2, 4, 6):
        path = tmp_path / "lorekeeper.db"
        path.unlink(missing_ok=True)
        kept_schemas.write("core", number, path)
        async with Database.open(path):
            pass
    folder = tmp_path / "before-upgrade"
    names = ["lorekeeper-004.db", "lorekeeper-006.db"]
    assert sorted(one.name for one in folder.iterdir()) == names
    written = (folder / names[0]).stat().st_mtime
    for days, gone in ((29, 0), (32, 2)):
        moment = written + days * 86_400
        assert await asyncio.to_thread(copying.prune_copies, tmp_path, moment) == gone


async def test_a_newer_database_is_refused_with_the_version_that_wrote_it(tmp_path):
    path = tmp_path / "lorekeeper.db"
    async with Database.open(path) as database, database.transaction() as connection:
        await connection.execute("INSERT INTO migrations VALUES ('m998_later', '2030')")
        await connection.execute("UPDATE written_by SET program = '3.1.4'")
    with pytest.raises(StoreTooNewError) as caught:
        async with Database.open(path):
            pass
    assert (caught.value.written, caught.value.program) == (998, "3.1.4")
