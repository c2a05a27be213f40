"""Writing index files, so that the next start reads them instead of every vector and word."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import astuple, replace
from pathlib import Path

from knowledge_base import lexical_files, segments
from knowledge_base.errors import StorageBusyError
from knowledge_base.index_files import Leg, SavedSegment
from knowledge_base.leases import locked
from knowledge_base.models import BaseId, chunk_id
from knowledge_base.offloop import blocking
from knowledge_base.open_base import Mapped, OpenBase
from knowledge_base.open_bases import OpenBases
from knowledge_base.rows import Rows
from knowledge_base.store import Store
from knowledge_base.term_segments import TermSegment
from knowledge_base.views import View

log = logging.getLogger(__name__)


@blocking
def write_snapshots(store: Store, bases: OpenBases, folder: Path) -> None:
    """Write the sealed segments that have no file yet; one process at a time does."""
    # What is made of the rows may be thrown away at any time, the folder with it.
    folder.mkdir(exist_ok=True)
    try:
        with locked(folder / "lock", wait_seconds=0):
            for base in bases.opened():
                _snapshot(store, base, folder)
            with store.read() as rows:
                wanted = rows.files.names()
            for path in folder.iterdir():
                if path.name not in wanted and path.name != "lock":
                    path.unlink(missing_ok=True)
    except StorageBusyError:
        log.info("another process is writing index files")


@blocking
def save_segments(
    store: Store, base_id: BaseId, told: Sequence[SavedSegment], fingerprint: str | None = None
) -> None:
    """Vouch for these files and for no others of the base; `fingerprint` made their vectors.

    For none, where something was erased since they were made, or the base has got the vectors of
    another embedder: these would be taken for its own.
    """
    with store.write() as connection:
        rows = Rows(connection)
        erased, base = rows.bases.erased(base_id), rows.bases.find(base_id)
        if any(segment.generation < erased for segment in told):
            return
        if told and (base is None or base.fingerprint != fingerprint):
            return
        connection.execute("DELETE FROM segments WHERE base_id = ?", (base_id,))
        connection.executemany(
            "INSERT INTO segments VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            [
                (
                    base_id,
                    s.leg,
                    s.low,
                    s.high,
                    s.generation,
                    *astuple(s.written),
                    s.kind,
                    s.count,
                )
                for s in told
            ],
        )


def _snapshot(store: Store, base: OpenBase, folder: Path) -> None:
    view = base.view
    if view is None:
        return
    dense, lexical = view.dense.segments, _worth_files(view.lexical.segments)
    with store.read() as rows:
        kept = {
            saved.written.file: saved for leg in Leg for saved in rows.files.of(base.base_id, leg)
        }
        stored = rows.bases.find(base.base_id)
        erased = rows.bases.erased(base.base_id)
        of_words = [_generation_of(view, part, base.base_id, rows) for part in lexical]
    if {segment.file for segment in dense} | {part.file for part in lexical} <= kept.keys():
        return
    if stored is None or stored.fingerprint != view.fingerprint or view.generation < erased:
        return
    reach = {
        Leg.DENSE: dense[-1].high if dense else 0,
        Leg.LEXICAL: lexical[-1].high if lexical else 0,
    }
    if any(saved.high > reach[saved.leg] for saved in kept.values()):
        return  # another process has sealed more than we know of
    mapped = Mapped()
    told: list[SavedSegment] = []
    for segment in dense:
        saved = kept.get(segment.file or "")
        if saved is None:
            saved = SavedSegment(
                Leg.DENSE, segment.low, segment.high, view.generation,
                segments.save(segment, folder), segment.kind, len(segment),
            )  # fmt: skip
            mapped.dense[segment] = segments.load(folder, saved)
        told.append(saved)
    low = 0
    for part, generation in zip(lexical, of_words, strict=True):
        saved = kept.get(part.file or "")
        if saved is None:
            saved = SavedSegment(
                Leg.LEXICAL, low, part.high, generation,
                lexical_files.save(part, folder), lexical_files.KIND, part.chunks,
            )  # fmt: skip
            mapped.lexical[part.arrays] = lexical_files.load(folder, saved)
        told.append(replace(saved, low=low))
        low = part.high
    save_segments(store, base.base_id, told, view.fingerprint)
    base.use_files(mapped)


def _generation_of(view: View, part: TermSegment, base_id: BaseId, rows: Rows) -> int:
    """Until when all that is alive has the words that stand in the part."""
    older = (view.lexical.older_in(part) - chunk_id(base_id, 0)).tolist()
    renamed = rows.documents.first_renamed(base_id, older) if older else None
    return view.generation if renamed is None else min(view.generation, renamed - 1)


def _worth_files(own: tuple[TermSegment, ...]) -> tuple[TermSegment, ...]:
    """All up to the last large one: the rest is read from the rows."""
    large = [at for at, segment in enumerate(own) if segment.chunks >= lexical_files.LEAST]
    return own[: large[-1] + 1] if large else ()
