"""Hints of bases stay in memory while there is room for them."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np

from knowledge_base.hint_shelf import HintShelf
from knowledge_base.hints import Hint
from knowledge_base.models import BaseId
from knowledge_base.terms import pack_terms, terms_of


class StoredHints:
    """One hint for every base; counts how often it is read."""

    def __init__(self) -> None:
        self.reads = 0
        self.bases = self.hints = self

    def state(self, _base: BaseId) -> int:
        return 1

    def find(self, _base: BaseId) -> SimpleNamespace:
        return SimpleNamespace(dimension=4)

    def of(self, _base: BaseId) -> tuple[Hint, ...]:
        self.reads += 1
        vector = np.ones(4, "<f4").tobytes()
        return (Hint(1, pack_terms(terms_of("gate")), ("When?",), "e5", vector),)


def test_what_fits_is_read_once_and_the_base_asked_longest_ago_makes_room(monkeypatch):
    monkeypatch.setattr(HintShelf, "MOST_BYTES", 2 * 4 * 4)
    rows, shelf = StoredHints(), HintShelf()
    for base in (1, 2, 1, 2):
        assert shelf.of(rows, BaseId(base), "e5") is not None
    assert rows.reads == 2
    shelf.of(rows, BaseId(3), "e5")
    shelf.of(rows, BaseId(2), "e5")
    assert rows.reads == 3
    shelf.of(rows, BaseId(1), "e5")
    assert rows.reads == 4


def test_one_base_s_hints_are_kept_however_many(monkeypatch):
    monkeypatch.setattr(HintShelf, "MOST_BYTES", 0)
    rows, shelf = StoredHints(), HintShelf()
    shelf.of(rows, BaseId(1), "e5")
    shelf.of(rows, BaseId(1), "e5")
    assert rows.reads == 1
