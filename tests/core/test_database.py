"""One writer, readers beside it, and what survives."""

from __future__ import annotations

import asyncio
import sqlite3
import time

import pytest

from core.database import Database
from core.migrations import MIGRATIONS, Migration
from knowledge_base.errors import StorageBusyError, StoreCorruptError, StoreTooNewError

NOTES = Migration("m900_notes", ("CREATE TABLE notes (text TEXT NOT NULL) STRICT",))
SCHEMA = (*MIGRATIONS, NOTES)


@pytest.fixture
async def database(tmp_path):
    async with Database.open(tmp_path / "data" / "lorekeeper.db", migrations=SCHEMA) as opened:
        yield opened


async def write(database, text):
    async with database.transaction() as connection:
        await connection.execute("INSERT INTO notes VALUES (?)", (text,))


async def notes(database):
    async with database.reader() as connection:
        rows = await connection.execute_fetchall("SELECT text FROM notes ORDER BY rowid")
        return [row[0] for row in rows]


async def test_what_a_transaction_left_is_there_for_readers_and_after_reopening(tmp_path):
    path = tmp_path / "lorekeeper.db"
    async with Database.open(path, migrations=SCHEMA) as database:
        await write(database, "kept")
        assert await notes(database) == ["kept"]
    async with Database.open(path, migrations=SCHEMA) as database:
        assert await notes(database) == ["kept"]


async def test_an_error_rolls_everything_back(database):
    async def fail():
        async with database.transaction() as connection:
            await connection.execute("INSERT INTO notes VALUES ('half')")
            raise KeyError

    with pytest.raises(KeyError):
        await fail()
    await write(database, "whole")
    assert await notes(database) == ["whole"]


async def test_a_transaction_of_one_task_never_commits_anothers_half(database):
    ready, go = asyncio.Event(), asyncio.Event()

    async def fails_late():
        async with database.transaction() as connection:
            await connection.execute("INSERT INTO notes VALUES ('half')")
            ready.set()
            await go.wait()
            raise KeyError

    failing = asyncio.create_task(fails_late())
    await ready.wait()
    writing = asyncio.create_task(write(database, "whole"))
    assert await notes(database) == []
    go.set()
    with pytest.raises(KeyError):
        await failing
    await writing
    assert await notes(database) == ["whole"]


async def test_a_cancellation_anywhere_leaves_all_or_nothing_and_a_working_writer(database):
    async def pair(number):
        async with database.transaction() as connection:
            await connection.execute("INSERT INTO notes VALUES (?)", (f"{number}a",))
            await connection.execute("INSERT INTO notes VALUES (?)", (f"{number}b",))

    for number in range(60):
        task = asyncio.create_task(pair(number))
        for _ in range(number % 12):
            await asyncio.sleep(0)
        if number % 5 == 4:
            await asyncio.sleep(0.0005)
        task.cancel()
        await asyncio.wait({task})
    await write(database, "last")
    kept = await notes(database)
    assert kept[-1] == "last"
    assert all(
        first[:-1] == second[:-1] for first, second in zip(kept[:-1:2], kept[1::2], strict=True)
    )


async def test_a_reader_sees_one_state_until_it_is_left_and_cannot_write(database):
    async with database.reader() as connection:
        assert list(await connection.execute_fetchall("SELECT count(*) FROM notes")) == [(0,)]
        await write(database, "later")
        assert list(await connection.execute_fetchall("SELECT count(*) FROM notes")) == [(0,)]
        with pytest.raises(sqlite3.OperationalError, match="readonly"):
            await connection.execute("DELETE FROM notes")
    assert await notes(database) == ["later"]


async def test_more_readers_than_connections_wait_for_each_other(database):
    await write(database, "one")
    assert await asyncio.gather(*(notes(database) for _ in range(50))) == [["one"]] * 50


async def test_the_file_is_set_up_for_durability_and_forgetting(database):
    async with database.transaction() as connection:
        found = [
            next(iter(await connection.execute_fetchall(f"PRAGMA {name}")))[0]
            for name in ("journal_mode", "synchronous", "foreign_keys", "secure_delete")
        ]
    assert found == ["wal", 2, 1, 1]


async def test_each_migration_runs_once_also_when_several_open_at_once(tmp_path):
    path = tmp_path / "lorekeeper.db"

    async def open_and_write(number):
        async with Database.open(path, migrations=SCHEMA) as database:
            await write(database, str(number))

    await asyncio.gather(*(open_and_write(number) for number in range(6)))
    async with Database.open(path, migrations=SCHEMA) as database, database.reader() as connection:
        names = await connection.execute_fetchall("SELECT name FROM migrations ORDER BY name")
        assert [row[0] for row in names] == [migration.name for migration in SCHEMA]
        assert len(await notes(database)) == 6


async def test_a_migration_that_fails_leaves_nothing_of_itself(tmp_path):
    path = tmp_path / "lorekeeper.db"
    broken = Migration("m901_broken", ("CREATE TABLE half (x)", "no sql"))
    with pytest.raises(sqlite3.OperationalError):
        async with Database.open(path, migrations=(*SCHEMA, broken)):
            pass
    async with Database.open(path, migrations=SCHEMA) as database, database.reader() as connection:
        tables = await connection.execute_fetchall("SELECT 1 FROM sqlite_master WHERE name='half'")
        assert list(tables) == []


async def test_a_file_of_a_newer_program_is_refused_and_untouched(tmp_path):
    path = tmp_path / "lorekeeper.db"
    async with Database.open(path, migrations=SCHEMA) as database:
        await write(database, "from the future")
    before = path.read_bytes()
    with pytest.raises(StoreTooNewError) as caught:
        async with Database.open(path):
            pass
    assert (caught.value.written, caught.value.known) == (900, MIGRATIONS[-1].number)
    assert path.read_bytes() == before


async def test_a_damaged_file_is_told_as_such(tmp_path):
    path = tmp_path / "lorekeeper.db"
    path.write_bytes(b"this is no database" * 100)
    with pytest.raises(StoreCorruptError):
        async with Database.open(path):
            pass


async def test_another_process_that_keeps_the_file_locked_is_waited_for_within_bounds(tmp_path):
    path = tmp_path / "lorekeeper.db"
    async with Database.open(path, busy_seconds=0.1, migrations=SCHEMA) as database:
        other = sqlite3.connect(path, isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(StorageBusyError):
            await write(database, "blocked")
        other.execute("ROLLBACK")
        other.close()
        await write(database, "free")
        assert await notes(database) == ["free"]


async def test_the_loop_goes_on_while_the_database_works(database):
    slow = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1000000)"

    async def work():
        async with database.reader() as connection:
            await connection.execute_fetchall(f"{slow} SELECT sum(i) FROM n")

    task = asyncio.create_task(work())
    turns, spent = 0, time.thread_time()
    while not task.done():
        await asyncio.sleep(0.001)
        turns += 1
    # The loop's own thread worked next to nothing: the query ran in another.
    assert time.thread_time() - spent < 0.05 + turns * 0.001
    assert turns > 1
