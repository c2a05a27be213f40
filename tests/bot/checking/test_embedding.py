"""What `check` says of where the embedder runs."""

from __future__ import annotations

import pytest

from bot.checking import embedding
from bot.machine import Card, Machine
from bot.settings import Config
from core.engines.memory import GIB, Device
from knowledge_base import embedders
from knowledge_base.settings import EmbeddingSettings
from tests.support.hash_embeddings import HashEmbedder
from tests.support.looked import found

CARD = Card(Device("NVIDIA L4", True, 24 * GIB, 24 * GIB), True, False, 300.0)
WITH_CARD = Machine(Device("CPU", False, 16 * GIB, 8 * GIB), 2, CARD)


class Placed(HashEmbedder):
    """An embedder that runs somewhere."""

    def __init__(self, device: str) -> None:
        super().__init__()
        self.device = device


@pytest.mark.parametrize(
    ("device", "language", "text"),
    [
        ("cuda", "en", "[embedding] runs the bundled model on NVIDIA L4."),
        ("cuda", "zh_CN", "[embedding] 在 NVIDIA L4 上运行自带模型。"),
        ("cpu", "en", "[embedding] runs the bundled model, in both languages."),
    ],
)
async def test_it_says_where_the_bundled_model_runs(device, language, text, tmp_path, monkeypatch):
    async def opened(settings: EmbeddingSettings, proxy: str | None = None) -> Placed:
        return Placed(device)

    monkeypatch.setattr(embedders, "open_embedder", opened)
    items = await found(embedding.look, Config(data_dir=tmp_path), language, WITH_CARD)
    assert [(item.state, item.text) for item in items] == [("ok", text)]
