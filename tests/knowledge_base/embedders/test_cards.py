"""What is done on a card, as far as it can be seen without one."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from knowledge_base.embedders import bundled, cards, open_embedder
from knowledge_base.embedders.base import Vectors
from knowledge_base.embedders.bundled import BundledEmbedder
from knowledge_base.embedders.cards import halving, has_card, placed
from knowledge_base.errors import EmbeddingUnavailableError
from knowledge_base.settings import EmbeddingSettings

needs_wheel = pytest.mark.skipif(not bundled.runs_here(), reason="no wheel or no AVX2")


class OutOfMemoryError(RuntimeError):
    """Named as torch names its own."""


class SmallCard:
    """Takes so many texts at once."""

    def __init__(self, room: int) -> None:
        self.room = room
        self.batches: list[int] = []

    def __call__(self, texts: Sequence[str], is_query: bool) -> Vectors:
        if len(texts) > self.room:
            raise OutOfMemoryError
        self.batches.append(len(texts))
        return np.array([[float(text)] for text in texts], dtype=np.float32)


def test_a_batch_that_does_not_fit_is_halved_until_it_does() -> None:
    card = SmallCard(room=3)
    vectors = halving(card)([str(n) for n in range(10)], False)
    assert vectors[:, 0].tolist() == list(range(10))
    assert card.batches == [2, 3, 2, 3]


def test_where_not_even_one_text_fits_it_is_told() -> None:
    with pytest.raises(OutOfMemoryError):
        halving(SmallCard(room=0))(["1", "2"], False)


def test_any_other_fault_is_not_tried_again() -> None:
    def broken(texts: Sequence[str], is_query: bool) -> Vectors:
        raise RuntimeError("no card")

    with pytest.raises(RuntimeError, match="no card"):
        halving(broken)(["1", "2"], False)


def test_a_model_that_does_not_fit_the_card_is_loaded_on_the_processor(
    caplog: pytest.LogCaptureFixture,
) -> None:
    def load(device: str) -> str:
        if device == "cuda":
            raise OutOfMemoryError
        return device

    assert placed(load, "cuda") == "cpu"
    assert "no room" in caplog.text


def test_what_else_keeps_a_model_from_loading_is_told() -> None:
    def load(device: str) -> str:
        raise RuntimeError(device)

    with pytest.raises(RuntimeError, match="cuda"):
        placed(load, "cuda")


def test_without_a_driver_torch_is_not_even_imported(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cards, "has_driver", lambda: False)
    monkeypatch.setitem(__import__("sys").modules, "torch", None)
    assert not has_card()


class Opened:
    """What `open_embedder` opens, without loading anything."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, *, card: bool, full: bool = False) -> None:
        self.device: str | None = None
        self._full = full
        monkeypatch.setattr("knowledge_base.embedders.has_card", lambda: card)
        monkeypatch.setattr(BundledEmbedder, "open", self._open)

    async def _open(self, threads: int | None, device: str = "cpu") -> None:
        if device == "cuda" and self._full:
            raise EmbeddingUnavailableError("full")
        self.device = device


@needs_wheel
@pytest.mark.parametrize(
    ("settings", "card", "device"),
    [
        (EmbeddingSettings(), True, "cuda"),
        (EmbeddingSettings(), False, "cpu"),
        (EmbeddingSettings(model="bundled"), True, "cuda"),
        (EmbeddingSettings(device="cpu"), True, "cpu"),
        (EmbeddingSettings(kind="bundled"), True, "cpu"),
        (EmbeddingSettings(kind="bundled", device="cuda"), True, "cuda"),
        (EmbeddingSettings(kind="bundled", device="cuda"), False, "cpu"),
    ],
)
async def test_the_bundled_model_takes_the_card_where_there_is_one(
    settings: EmbeddingSettings, card: bool, device: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened = Opened(monkeypatch, card=card)
    await open_embedder(settings)
    assert opened.device == device


@needs_wheel
async def test_a_card_that_is_full_leaves_the_bundled_model_to_the_processor(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    opened = Opened(monkeypatch, card=True, full=True)
    await open_embedder(EmbeddingSettings())
    assert opened.device == "cpu"
    assert "does not load on the card" in caplog.text
