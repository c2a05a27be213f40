"""Documents in and out: one transaction for each."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from knowledge_base import documents
from knowledge_base.catalogue import ensure_base
from knowledge_base.claims import Claim
from knowledge_base.documents import MadeBy
from knowledge_base.errors import (
    EmbedderMismatchError,
    NoSuchDocumentError,
    StorageFullError,
)
from knowledge_base.splitter import searched
from knowledge_base.store import Store
from knowledge_base.terms import pack_terms, terms_of
from tests.support.storing import HASHES, NOW, claim, open_store, parsed, put, vectors


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = open_store(tmp_path)
    yield opened
    opened.close()


def test_a_document_is_stored_whole(store: Store) -> None:
    base = ensure_base(store, "one")
    committed = put(store, base.base_id, "a.txt", "aa", "first", "second")
    with store.read() as rows:
        document = rows.documents.named(base.base_id, "a.txt")
        assert document == committed.document
        chunks = list(rows.chunks.of(document.document_id))
        stored = rows.vectors.of(document.document_id, 4)
        terms = list(rows.chunks.terms_between(base.base_id, 0, 100))
    assert [chunk.text for chunk in chunks] == ["first", "second"]
    assert [chunk.chunk_id for chunk in chunks] == [base.base_id << 32, base.base_id << 32 | 1]
    np.testing.assert_array_equal(stored, vectors(2))
    assert terms == [(0, pack_terms(terms_of("first"))), (1, pack_terms(terms_of("second")))]
    assert document.added_at == NOW


def test_a_new_version_takes_the_place_of_the_old(store: Store) -> None:
    base = ensure_base(store, "one").base_id
    old = put(store, base, "a.txt", "aa", "old one", "old two")
    new = put(store, base, "a.txt", "bb", "new")
    assert new.replaced is not None
    assert new.replaced.document_id == old.document.document_id
    assert new.document.version == 2
    assert new.removed == ((0, 2),)
    assert (new.first, new.generation) == (2, 2)
    with store.read() as rows:
        assert [d.sha256 for d in rows.documents.live(base)] == ["bb"]
        assert rows.counts.totals(base).chunks == 1
        changes = rows.documents.changes(base, after=1)
    assert [(span.first, span.count, span.live) for span in changes] == [
        (0, 2, False),
        (2, 1, True),
    ]


def test_numbers_of_chunks_are_never_given_out_twice(store: Store) -> None:
    base = ensure_base(store, "one").base_id
    put(store, base, "a.txt", "aa", "one", "two")
    documents.remove(store, base, "a.txt")
    assert put(store, base, "b.txt", "bb", "three").first == 2


def test_what_is_removed_leaves_the_disk(store: Store, tmp_path: Path) -> None:
    base = ensure_base(store, "one").base_id
    put(store, base, "a.txt", "aa", "a secret about marmalade")
    documents.remove(store, base, "a.txt")
    store.close()
    assert b"marmalade" not in (tmp_path / "knowledge.db").read_bytes()


def test_a_document_that_is_not_there_names_the_nearest(store: Store) -> None:
    base = ensure_base(store, "one").base_id
    put(store, base, "handbook.pdf", "aa", "text")
    with pytest.raises(NoSuchDocumentError) as raised:
        documents.remove(store, base, "handbok.pdf")
    assert raised.value.near == ("handbook.pdf",)


def test_a_base_keeps_its_embedder_for_as_long_as_it_has_vectors(store: Store) -> None:
    base = ensure_base(store, "one").base_id
    put(store, base, "a.txt", "aa", "x")
    other = claim(store, base, "b.txt", "bb")
    assert isinstance(other, Claim)
    for made_by, dimension in ((MadeBy("other", "Other"), 4), (HASHES, 3)):
        with pytest.raises(EmbedderMismatchError):
            documents.commit(store, other, parsed("y"), vectors(1, dimension), made_by)
    with store.read() as rows:
        assert len(rows.documents.live(base)) == 1
    documents.remove(store, base, "a.txt")
    documents.commit(store, other, parsed("y"), vectors(1, 3), MadeBy("other", "Other"))
    with store.read() as rows:
        assert rows.bases.embedder_name(base) == "Other"


def test_a_write_that_fails_leaves_nothing(store: Store) -> None:
    base = ensure_base(store, "one").base_id
    claimed = claim(store, base, "a.txt", "aa")
    assert isinstance(claimed, Claim)
    with pytest.raises(ValueError, match="vectors for"):
        documents.commit(store, claimed, parsed("one", "two"), vectors(1), HASHES)
    with store.read() as rows:
        assert rows.bases.generation(base) == 0
        assert rows.counts.totals(base).chunks == 0


def test_a_full_disk_is_told_and_nothing_is_half_there(store: Store) -> None:
    base = ensure_base(store, "one").base_id
    put(store, base, "a.txt", "aa", "x")
    pages = store._writer.execute("PRAGMA page_count").fetchone()[0]
    store._writer.execute(f"PRAGMA max_page_count = {pages + 4}")
    claimed = claim(store, base, "big.txt", "bb")
    assert isinstance(claimed, Claim)
    with pytest.raises(StorageFullError):
        documents.commit(store, claimed, parsed(*["long " * 2000] * 20), vectors(20), HASHES)
    store._writer.execute("PRAGMA max_page_count = 1000000")
    with store.read() as rows:
        assert [d.name for d in rows.documents.live(base)] == ["a.txt"]
        assert rows.counts.damage() == ()
    documents.commit(store, claimed, parsed("small"), vectors(1), HASHES)


def test_terms_of_an_older_version_are_made_anew(store: Store) -> None:
    base = ensure_base(store, "one").base_id
    put(store, base, "a.txt", "aa", "lighthouse keeper")
    with store.write() as connection:
        connection.execute("UPDATE terms SET terms = x'00'")
    with store.read() as rows:
        assert list(rows.chunks.terms_between(base, 0, 9)) == [
            (0, pack_terms(terms_of(searched("lighthouse keeper", None, "a.txt"))))
        ]
