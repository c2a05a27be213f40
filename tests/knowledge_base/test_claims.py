"""Claims: the same bytes are added once, whoever dies over it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from knowledge_base import claims, documents
from knowledge_base.catalogue import ensure_base
from knowledge_base.claims import Claim, Claimed, Held, Holder
from knowledge_base.models import Upload
from knowledge_base.store import Store
from tests.support.storing import HASHES, claim, open_store, parsed, vectors


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = open_store(tmp_path)
    yield opened
    opened.close()


def test_the_same_bytes_are_claimed_by_one(store: Store) -> None:
    base = ensure_base(store, "one").base_id
    first = claim(store, base, "a.txt", "aa")
    assert isinstance(first, Claim)
    assert claim(store, base, "b.txt", "aa") == Claimed(first.document_id)
    documents.commit(store, first, parsed("x"), vectors(1), HASHES)
    known = claim(store, base, "b.txt", "aa")
    assert isinstance(known, Held)
    assert (known.document.name, known.outdated) == ("a.txt", None)


def test_a_name_that_comes_to_stand_for_bytes_that_are_there_loses_its_older_ones(
    store: Store,
) -> None:
    base = ensure_base(store, "one").base_id
    for name, sha256 in (("a.txt", "aa"), ("b.txt", "bb")):
        own = claim(store, base, name, sha256)
        assert isinstance(own, Claim)
        documents.commit(store, own, parsed("x", "y"), vectors(2), HASHES)
    known = claim(store, base, "b.txt", "aa")
    assert isinstance(known, Held)
    assert known.outdated is not None
    assert known.outdated.document.name == "b.txt"
    assert known.outdated.removed == ((2, 2),)
    with store.read() as rows:
        assert [document.name for document in rows.documents.live(base)] == ["a.txt"]
        assert rows.bases.generation(base) == known.outdated.generation == 3


def test_another_base_claims_the_same_bytes_for_itself(store: Store) -> None:
    one, two = ensure_base(store, "one").base_id, ensure_base(store, "two").base_id
    assert isinstance(claim(store, one, "a.txt", "aa"), Claim)
    assert isinstance(claim(store, two, "a.txt", "aa"), Claim)


def test_the_claim_of_the_dead_is_taken_over(store: Store) -> None:
    base = ensure_base(store, "one").base_id
    upload = Upload("a.txt", Path("a.txt"))
    claim(store, base, "a.txt", "aa", holder="dead")
    taken = claims.claim(store, base, upload, "aa", 10, Holder("me", lambda holder: holder == "me"))
    assert isinstance(taken, Claim)
    documents.commit(store, taken, parsed("x"), vectors(1), HASHES)


def test_a_released_claim_leaves_nothing(store: Store) -> None:
    base = ensure_base(store, "one").base_id
    first = claim(store, base, "a.txt", "aa")
    assert isinstance(first, Claim)
    deleted: list[str] = []
    claims.release(store, first, deleted.append)
    assert deleted == ["aa"]
    assert isinstance(claim(store, base, "a.txt", "aa"), Claim)


def test_releasing_what_was_committed_changes_nothing(store: Store) -> None:
    base = ensure_base(store, "one").base_id
    first = claim(store, base, "a.txt", "aa")
    assert isinstance(first, Claim)
    documents.commit(store, first, parsed("x"), vectors(1), HASHES)
    deleted: list[str] = []
    claims.release(store, first, deleted.append)
    assert deleted == []
    with store.read() as rows:
        assert len(rows.documents.live(base)) == 1


def test_what_the_dead_were_adding_is_marked(store: Store) -> None:
    base = ensure_base(store, "one").base_id
    claim(store, base, "a.txt", "aa", holder="dead")
    claim(store, base, "b.txt", "bb", holder="alive")
    assert claims.fail_interrupted(store, lambda holder: holder == "alive") == ("a.txt",)
    assert isinstance(claim(store, base, "a.txt", "aa"), Claim)
    assert isinstance(claim(store, base, "b.txt", "bb"), Claimed)
