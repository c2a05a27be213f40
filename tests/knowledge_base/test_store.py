"""The store: one transaction for a document, and clear words for what goes wrong below."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

from knowledge_base.errors import (
    EmbedderMismatchError,
    NoSuchDocumentError,
    StorageBusyError,
    StorageFullError,
    StoreCorruptError,
    StoreTooNewError,
)
from knowledge_base.leases import Lease, locked
from knowledge_base.models import ChunkDraft, ParsedDocument, Upload
from knowledge_base.offloop import OnEventLoopError
from knowledge_base.schema import MIGRATIONS
from knowledge_base.splitter import searched
from knowledge_base.store import Claim, Claimed, Committed, Held, MadeBy, Store
from knowledge_base.terms import pack_terms, terms_of

NOW = datetime(2026, 5, 4, 12, tzinfo=UTC)
HASHES = MadeBy("hash", "hashes")


def open_store(folder: Path, busy_seconds: float = 5.0) -> Store:
    return Store.open(folder / "knowledge.db", busy_seconds, lambda: NOW)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = open_store(tmp_path)
    yield opened
    opened.close()


def parsed(*texts: str) -> ParsedDocument:
    drafts = (ChunkDraft(text, None, 1, pack_terms(terms_of(text))) for text in texts)
    return ParsedDocument("text/plain", None, tuple(drafts))


def vectors(count: int, dimension: int = 4) -> np.ndarray:
    return np.eye(dimension, dtype=np.float32)[np.arange(count) % dimension]


def claim(store: Store, base: int, name: str, sha256: str, holder: str = "me") -> object:
    return store.claim(base, Upload(name, Path(name)), sha256, 10, holder, lambda _: True)


def put(store: Store, base: int, name: str, sha256: str, *texts: str) -> Committed:
    claimed = claim(store, base, name, sha256)
    assert isinstance(claimed, Claim)
    return store.commit(claimed, parsed(*texts), vectors(len(texts)), HASHES)


def test_a_document_is_stored_whole(store: Store) -> None:
    base = store.ensure_base("one")
    committed = put(store, base.base_id, "a.txt", "aa", "first", "second")
    with store.read() as rows:
        document = rows.document_named(base.base_id, "a.txt")
        assert document == committed.document
        chunks = list(rows.chunks_of(document.document_id))
        stored = rows.vectors(document.document_id, 4)
        terms = list(rows.terms_between(base.base_id, 0, 100))
    assert [chunk.text for chunk in chunks] == ["first", "second"]
    assert [chunk.chunk_id for chunk in chunks] == [base.base_id << 32, base.base_id << 32 | 1]
    np.testing.assert_array_equal(stored, vectors(2))
    assert terms == [(0, pack_terms(terms_of("first"))), (1, pack_terms(terms_of("second")))]
    assert document.added_at == NOW


def test_a_base_is_made_once(store: Store) -> None:
    assert store.ensure_base("one") == store.ensure_base("one")
    assert store.ensure_base("two").base_id != store.ensure_base("one").base_id


def test_a_new_version_takes_the_place_of_the_old(store: Store) -> None:
    base = store.ensure_base("one").base_id
    old = put(store, base, "a.txt", "aa", "old one", "old two")
    new = put(store, base, "a.txt", "bb", "new")
    assert new.replaced is not None
    assert new.replaced.document_id == old.document.document_id
    assert new.document.version == 2
    assert new.removed == ((0, 2),)
    assert (new.first, new.generation) == (2, 2)
    with store.read() as rows:
        assert [d.sha256 for d in rows.documents(base)] == ["bb"]
        assert rows.totals(base).chunks == 1
        changes = rows.changes(base, after=1)
    assert [(span.first, span.count, span.live) for span in changes] == [
        (0, 2, False),
        (2, 1, True),
    ]


def test_numbers_of_chunks_are_never_given_out_twice(store: Store) -> None:
    base = store.ensure_base("one").base_id
    put(store, base, "a.txt", "aa", "one", "two")
    store.remove(base, "a.txt")
    assert put(store, base, "b.txt", "bb", "three").first == 2


def test_what_is_removed_leaves_the_disk(store: Store, tmp_path: Path) -> None:
    base = store.ensure_base("one").base_id
    put(store, base, "a.txt", "aa", "a secret about marmalade")
    store.remove(base, "a.txt")
    store.close()
    assert b"marmalade" not in (tmp_path / "knowledge.db").read_bytes()


def test_a_document_that_is_not_there_names_the_nearest(store: Store) -> None:
    base = store.ensure_base("one").base_id
    put(store, base, "handbook.pdf", "aa", "text")
    with pytest.raises(NoSuchDocumentError) as raised:
        store.remove(base, "handbok.pdf")
    assert raised.value.near == ("handbook.pdf",)


def test_the_same_bytes_are_claimed_by_one(store: Store) -> None:
    base = store.ensure_base("one").base_id
    first = claim(store, base, "a.txt", "aa")
    assert isinstance(first, Claim)
    assert claim(store, base, "b.txt", "aa") == Claimed(first.document_id)
    store.commit(first, parsed("x"), vectors(1), HASHES)
    known = claim(store, base, "b.txt", "aa")
    assert isinstance(known, Held)
    assert (known.document.name, known.outdated) == ("a.txt", None)


def test_a_name_that_comes_to_stand_for_bytes_that_are_there_loses_its_older_ones(
    store: Store,
) -> None:
    base = store.ensure_base("one").base_id
    for name, sha256 in (("a.txt", "aa"), ("b.txt", "bb")):
        own = claim(store, base, name, sha256)
        assert isinstance(own, Claim)
        store.commit(own, parsed("x", "y"), vectors(2), HASHES)
    known = claim(store, base, "b.txt", "aa")
    assert isinstance(known, Held)
    assert known.outdated is not None
    assert known.outdated.document.name == "b.txt"
    assert known.outdated.removed == ((2, 2),)
    with store.read() as rows:
        assert [document.name for document in rows.documents(base)] == ["a.txt"]
        assert rows.generation(base) == known.outdated.generation == 3


def test_another_base_claims_the_same_bytes_for_itself(store: Store) -> None:
    one, two = store.ensure_base("one").base_id, store.ensure_base("two").base_id
    assert isinstance(claim(store, one, "a.txt", "aa"), Claim)
    assert isinstance(claim(store, two, "a.txt", "aa"), Claim)


def test_the_claim_of_the_dead_is_taken_over(store: Store) -> None:
    base = store.ensure_base("one").base_id
    upload = Upload("a.txt", Path("a.txt"))
    claim(store, base, "a.txt", "aa", holder="dead")
    taken = store.claim(base, upload, "aa", 10, "me", lambda holder: holder == "me")
    assert isinstance(taken, Claim)
    store.commit(taken, parsed("x"), vectors(1), HASHES)


def test_a_released_claim_leaves_nothing(store: Store) -> None:
    base = store.ensure_base("one").base_id
    first = claim(store, base, "a.txt", "aa")
    assert isinstance(first, Claim)
    deleted: list[str] = []
    store.release(first, deleted.append)
    assert deleted == ["aa"]
    assert isinstance(claim(store, base, "a.txt", "aa"), Claim)


def test_releasing_what_was_committed_changes_nothing(store: Store) -> None:
    base = store.ensure_base("one").base_id
    first = claim(store, base, "a.txt", "aa")
    assert isinstance(first, Claim)
    store.commit(first, parsed("x"), vectors(1), HASHES)
    deleted: list[str] = []
    store.release(first, deleted.append)
    assert deleted == []
    with store.read() as rows:
        assert len(rows.documents(base)) == 1


def test_what_the_dead_were_adding_is_marked(store: Store) -> None:
    base = store.ensure_base("one").base_id
    claim(store, base, "a.txt", "aa", holder="dead")
    claim(store, base, "b.txt", "bb", holder="alive")
    assert store.fail_interrupted(lambda holder: holder == "alive") == ("a.txt",)
    assert isinstance(claim(store, base, "a.txt", "aa"), Claim)
    assert isinstance(claim(store, base, "b.txt", "bb"), Claimed)


def test_a_base_keeps_its_embedder_for_as_long_as_it_has_vectors(store: Store) -> None:
    base = store.ensure_base("one").base_id
    put(store, base, "a.txt", "aa", "x")
    other = claim(store, base, "b.txt", "bb")
    assert isinstance(other, Claim)
    for made_by, dimension in ((MadeBy("other", "Other"), 4), (HASHES, 3)):
        with pytest.raises(EmbedderMismatchError):
            store.commit(other, parsed("y"), vectors(1, dimension), made_by)
    with store.read() as rows:
        assert len(rows.documents(base)) == 1
    store.remove(base, "a.txt")
    store.commit(other, parsed("y"), vectors(1, 3), MadeBy("other", "Other"))
    with store.read() as rows:
        assert rows.embedder_name(base) == "Other"


def test_a_reader_sees_one_moment(store: Store) -> None:
    base = store.ensure_base("one").base_id
    put(store, base, "a.txt", "aa", "x")
    with store.read() as rows:
        assert rows.generation(base) == 1
        put(store, base, "b.txt", "bb", "y")
        assert rows.generation(base) == 1
        assert len(rows.documents(base)) == 1
    with store.read() as rows:
        assert rows.generation(base) == 2


def test_a_write_that_fails_leaves_nothing(store: Store) -> None:
    base = store.ensure_base("one").base_id
    claimed = claim(store, base, "a.txt", "aa")
    assert isinstance(claimed, Claim)
    with pytest.raises(ValueError, match="vectors for"):
        store.commit(claimed, parsed("one", "two"), vectors(1), HASHES)
    with store.read() as rows:
        assert rows.generation(base) == 0
        assert rows.totals(base).chunks == 0


def test_a_full_disk_is_told_and_nothing_is_half_there(store: Store) -> None:
    base = store.ensure_base("one").base_id
    put(store, base, "a.txt", "aa", "x")
    pages = store._writer.execute("PRAGMA page_count").fetchone()[0]
    store._writer.execute(f"PRAGMA max_page_count = {pages + 4}")
    claimed = claim(store, base, "big.txt", "bb")
    assert isinstance(claimed, Claim)
    with pytest.raises(StorageFullError):
        store.commit(claimed, parsed(*["long " * 2000] * 20), vectors(20), HASHES)
    store._writer.execute("PRAGMA max_page_count = 1000000")
    with store.read() as rows:
        assert [d.name for d in rows.documents(base)] == ["a.txt"]
        assert rows.damage() == ()
    store.commit(claimed, parsed("small"), vectors(1), HASHES)


def test_a_writer_that_waits_too_long_says_so(store: Store, tmp_path: Path) -> None:
    other = open_store(tmp_path, busy_seconds=0.05)
    with store.write(), pytest.raises(StorageBusyError):
        other.ensure_base("two")
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


def test_terms_of_an_older_version_are_made_anew(store: Store) -> None:
    base = store.ensure_base("one").base_id
    put(store, base, "a.txt", "aa", "lighthouse keeper")
    with store.write() as connection:
        connection.execute("UPDATE terms SET terms = x'00'")
    with store.read() as rows:
        assert list(rows.terms_between(base, 0, 9)) == [
            (0, pack_terms(terms_of(searched("lighthouse keeper", None, "a.txt"))))
        ]


async def test_nothing_of_it_runs_on_an_event_loop(store: Store) -> None:
    with pytest.raises(OnEventLoopError):
        store.ensure_base("one")
    with pytest.raises(OnEventLoopError), store.read():
        pass
    with pytest.raises(OnEventLoopError), store.write():
        pass


def test_a_lease_lives_as_long_as_its_process(tmp_path: Path) -> None:
    mine = Lease.take(tmp_path)
    code = (
        "import sys; from pathlib import Path; from knowledge_base.leases import Lease\n"
        "lease = Lease.take(Path(sys.argv[1])); print(lease.holder, flush=True); sys.stdin.read()"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", code, str(tmp_path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    other = process.stdout.readline().strip()
    assert mine.alive(other)
    assert mine.alive(mine.holder)
    assert not mine.alive("0" * 32)
    process.kill()
    process.communicate()
    assert not mine.alive(other)
    mine.sweep()
    assert [path.name for path in tmp_path.iterdir()] == [mine.holder]
    mine.release()


def test_a_lock_is_waited_for_and_then_told(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    with locked(path, 1.0), pytest.raises(StorageBusyError), locked(path, 0.05):
        pass
    with locked(path, 0.0):
        pass
