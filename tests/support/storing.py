"""A store by itself, and documents as short as tests want them."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from knowledge_base import claims, documents
from knowledge_base.claims import Claim, Holder
from knowledge_base.documents import MadeBy
from knowledge_base.models import ChunkDraft, ParsedDocument, Upload
from knowledge_base.store import Store
from knowledge_base.terms import pack_terms, terms_of
from knowledge_base.versions import Committed

NOW = datetime(2026, 5, 4, 12, tzinfo=UTC)
HASHES = MadeBy("hash", "hashes")


def open_store(folder: Path, busy_seconds: float = 5.0) -> Store:
    return Store.open(folder / "knowledge.db", busy_seconds, lambda: NOW)


def parsed(*texts: str) -> ParsedDocument:
    drafts = (ChunkDraft(text, None, 1, pack_terms(terms_of(text))) for text in texts)
    return ParsedDocument("text/plain", None, tuple(drafts))


def vectors(count: int, dimension: int = 4) -> np.ndarray:
    return np.eye(dimension, dtype=np.float32)[np.arange(count) % dimension]


def claim(store: Store, base: int, name: str, sha256: str, holder: str = "me") -> object:
    own = Holder(holder, lambda _: True)
    return claims.claim(store, base, Upload(name, Path(name)), sha256, 10, own)


def put(store: Store, base: int, name: str, sha256: str, *texts: str) -> Committed:
    claimed = claim(store, base, name, sha256)
    assert isinstance(claimed, Claim)
    return documents.commit(store, claimed, parsed(*texts), vectors(len(texts)), HASHES)
