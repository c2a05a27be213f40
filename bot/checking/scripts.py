"""In which scripts the stored passages are written, and which an embedder reads."""

from __future__ import annotations

import sqlite3
from collections import Counter
from dataclasses import dataclass
from pathlib import Path, PurePath
from typing import Final

from bot.checking.rows import reading
from knowledge_base.calibration import Calibration
from knowledge_base.rows import Rows
from knowledge_base.schema import MIGRATIONS
from knowledge_base.terms import script_of

_SAMPLE: Final = 200
_LEAST_SHARE: Final = 0.1
_LEAST_TRUST: Final = 0.25
_BY_MEASURE: Final = 20
"""Passages from which on a base's own measurement is believed."""
_MANY: Final = ("multilingual", "bge-m3", "qwen3", "gte-multilingual", "jina-embeddings-v3")
_CHINESE: Final = ("-zh", "chinese", "m3e")
_ENGLISH: Final = ("-en", "minilm", "mpnet", "mxbai", "nomic-embed-text", "e5-", "gte-", "all-")


@dataclass(frozen=True, slots=True)
class Corpus:
    """What lies in one base."""

    base: str
    shares: dict[str, float]
    """Of the passages, by script: "LATIN", "HAN"."""
    fingerprint: str | None
    calibration: Calibration | None
    passages: int

    @property
    def scripts(self) -> tuple[str, ...]:
        """Those that a tenth of it and more is written in."""
        return tuple(name for name, share in self.shares.items() if share >= _LEAST_SHARE and name)

    def trust(self, script: str, fingerprint: str) -> float | None:
        """How far the embedder was found to read the script here; None: not measured with it."""
        measured = self.calibration
        if measured is None or measured.fingerprint != fingerprint or self.passages < _BY_MEASURE:
            return None
        return next((one.trust for one in measured.profiles if one.script == script), None)


def corpora(data_dir: Path) -> list[Corpus]:
    """Every base that has passages; none where the data is not there or of another version."""
    try:
        with reading(data_dir / "knowledge.db") as connection:
            version = connection.execute("PRAGMA user_version").fetchone()[0]
            if version != len(MIGRATIONS):
                return []
            connection.execute("BEGIN")
            return [one for one in _read(connection) if one.passages]
    except sqlite3.Error:
        return []  # the library's own item says why


def _read(connection: sqlite3.Connection) -> list[Corpus]:
    rows = Rows(connection)
    found = []
    for base in rows.bases.all():
        spans = [span for span in rows.documents.live_spans(base.base_id) if span.count]
        passages = sum(span.count for span in spans)
        numbers = [span.first + at for span in spans for at in range(span.count)]
        picked = numbers[:: max(1, len(numbers) // _SAMPLE)]
        ids = [base.base_id << 32 | number for number in picked]
        texts = (chunk.text for chunk in rows.chunks.by_id(ids).values())  # type: ignore[arg-type]
        counts = Counter(map(script_of, texts))
        shares = {script: count / max(1, len(picked)) for script, count in counts.items()}
        stored = rows.bases.calibration(base.base_id)
        found.append(Corpus(base.name, shares, base.fingerprint, _calibration(stored), passages))
    return found


def _calibration(stored: str | None) -> Calibration | None:
    try:
        return Calibration.from_json(stored) if stored else None
    except ValueError:
        return None


def reads(model: str | None, script: str) -> bool | None:
    """Whether a model of this name reads a script, as far as names tell; None: they do not."""
    name = PurePath(model or "multilingual").name.lower()
    if any(part in name for part in _MANY) or name == "bundled":
        return True
    if any(part in name for part in _CHINESE):
        return script == "HAN"
    if any(part in name for part in _ENGLISH):
        return script == "LATIN"
    return None


def is_blind(corpus: Corpus, script: str, model: str | None, fingerprint: str) -> bool:
    """Measured in this base where it was, else by the model's name."""
    trust = corpus.trust(script, fingerprint)
    if trust is not None:
        return trust < _LEAST_TRUST
    return reads(model, script) is False
