"""Hints that searches have read, in memory for the next."""

from __future__ import annotations

import threading
from collections import OrderedDict
from typing import Final

from knowledge_base.hints import Hints, hints_of
from knowledge_base.models import BaseId
from knowledge_base.offloop import blocking
from knowledge_base.rows import Rows


class HintShelf:
    """Of the bases asked last; one base's are read anew when something about them changed."""

    MOST_BASES: Final = 32
    MOST_BYTES: Final = 256 * 1024**2
    """Of their vectors together; one base's at least are kept."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._kept: OrderedDict[BaseId, tuple[int, str | None, Hints | None]] = OrderedDict()

    @blocking
    def of(self, rows: Rows, base: BaseId, fingerprint: str | None) -> Hints | None:
        """None where a base has none."""
        state = rows.hints.state(base)
        with self._lock:
            kept = self._kept.get(base)
            if kept is not None:
                self._kept.move_to_end(base)
        if kept is not None and kept[:2] == (state, fingerprint):
            return kept[2]
        known = rows.bases.find(base)
        found = rows.hints.of(base) if state and known is not None else ()
        hints = hints_of(found, fingerprint, (known.dimension or 0) if known else 0)
        made = hints if found else None
        with self._lock:
            self._kept[base] = (state, fingerprint, made)
            while len(self._kept) > 1 and (
                len(self._kept) > self.MOST_BASES or self._size > self.MOST_BYTES
            ):
                self._kept.popitem(last=False)
        return made

    @property
    def _size(self) -> int:
        return sum(hints.vectors.nbytes for *_state, hints in self._kept.values() if hints)
