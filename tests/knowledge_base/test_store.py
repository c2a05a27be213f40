"""The store: what a transaction sees, and clear words for what goes wrong below."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from knowledge_base.catalogue import ensure_base
from knowledge_base.errors import (
    StorageBusyError,
    StoreCorruptError,
    StoreTooNewError,
)
from knowledge_base.offloop import OnEventLoopError
from knowledge_base.schema import MIGRATIONS
from knowledge_base.store import Store
from tests.support.storing import open_store, put


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = open_store(tmp_path)
    yield opened
    opened.close()


def test_a_base_is_made_once(store: Store) -> None:
    assert ensure_base(store, "one") == ensure_base(store, "one")
    assert ensure_base(store, "two").base_id != ensure_base(store, "one").base_id


def test_a_reader_sees_one_moment(store: Store) -> None:
    base = ensure_base(store, "one").base_id
    put(store, base, "a.txt", "aa", "x")
    with store.read() as rows:
        assert rows.bases.generation(base) == 1
        put(store, base, "b.txt", "bb", "y")
        assert rows.bases.generation(base) == 1
        assert len(rows.documents.live(base)) == 1
    with store.read() as rows:
        assert rows.bases.generation(base) == 2


def test_a_writer_that_waits_too_long_says_so(store: Store, tmp_path: Path) -> None:
    other = open_store(tmp_path, busy_seconds=0.05)
    with store.write(), pytest.raises(StorageBusyError):
        ensure_base(other, "two")
    other.close()


def test_a_damaged_file_is_called_damaged(tmp_path: Path) -> None:
    (tmp_path / "knowledge.db").write_bytes(b"this is no database at all" * 100)
    with pytest.raises(StoreCorruptError):
        open_store(tmp_path)


def test_a_file_of_a_later_version_is_refused(tmp_path: Path) -> None:
    open_store(tmp_path).close()
    connection = sqlite3.connect(tmp_path / "knowledge.db")
    connection.execute("PRAGMA user_version = 99")
    connection.close()
    with pytest.raises(StoreTooNewError) as raised:
        open_store(tmp_path)
    assert (raised.value.written, raised.value.known) == (99, len(MIGRATIONS))


def test_acknowledged_writes_are_synchronous(store: Store) -> None:
    settings = {
        name: store._writer.execute(f"PRAGMA {name}").fetchone()[0]
        for name in ("journal_mode", "synchronous", "foreign_keys", "secure_delete")
    }
    assert settings == {
        "journal_mode": "wal",
        "synchronous": 2,
        "foreign_keys": 1,
        "secure_delete": 1,
    }


async def test_nothing_of_it_runs_on_an_event_loop(store: Store) -> None:
    with pytest.raises(OnEventLoopError):
        ensure_base(store, "one")
    with pytest.raises(OnEventLoopError), store.read():
        pass
    with pytest.raises(OnEventLoopError), store.write():
        pass
