"""What models take: of their own on the disk, and of a card beside an engine."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from bot.settings import Config
from core.engines.gguf import parts_of, read_gguf, shape_of_gguf
from core.engines.shape import ModelShape, read_shape
from core.settings import EngineSettings
from knowledge_base.embedders.bundled import CARD_BYTES, model_file
from knowledge_base.settings import EmbeddingSettings

_EMBEDDER_BATCH_BYTES: Final = 512 * 1024**2
_RERANKER_BATCH_BYTES: Final = 256 * 1024**2
_WEIGHT_FILES: Final = ("*.safetensors", "pytorch_model*.bin")
BITS_OF: Final = {"float32": 32, "bfloat16": 16, "float16": 16}
"""Of a number, by the names that configurations give to its kind."""


@dataclass(frozen=True, slots=True)
class Files:
    """What lies on disk of a model."""

    shape: ModelShape
    bytes_on_disk: int
    stored_bits: int = 16
    """Of a number in them; 0 where they are quantised."""


def files_of(engine: EngineSettings) -> Files:
    """The shape and size of a model in this process.

    Raises `FileNotFoundError`, `OSError`, `ValueError`, `BrokenGgufError`, `UnknownShapeError`.
    """
    model = str(engine.model or "bundled")
    if model == "bundled":
        from core.engines.llama_cpp import bundled_model

        return _gguf(bundled_model())
    path = Path(model).expanduser()
    if model.endswith(".gguf"):
        return _gguf(path)
    folder = path if path.is_dir() else cached(model)
    if folder is None:
        raise FileNotFoundError(model)
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    return Files(read_shape(folder), weights_on_disk(folder), _stored_bits(config))


def cached(hub_id: str) -> Path | None:
    """The folder of a hub's model in the hub library's cache, if it is there."""
    home = Path(os.environ.get("HF_HOME") or "~/.cache/huggingface").expanduser()
    hub = Path(os.environ.get("HF_HUB_CACHE") or home / "hub")
    snapshots = hub / f"models--{hub_id.replace('/', '--')}" / "snapshots"
    found = [path.parent for path in snapshots.glob("*/config.json")]
    return max(found, key=lambda path: path.stat().st_mtime, default=None)


def weights_on_disk(folder: Path) -> int:
    """Bytes of a model's weights; where two formats lie there, of the first."""
    for pattern in _WEIGHT_FILES:
        files = [path for path in folder.glob(pattern) if not path.name.startswith("consolidated")]
        if files:
            return sum(path.stat().st_size for path in files)
    return 0


def embedder_bytes(settings: EmbeddingSettings) -> int:
    """What an embedder in this process and one batch of it take on a card; 0: it wants none."""
    if settings.base_url or settings.kind == "openai":
        return 0
    if settings.model in (None, "bundled"):
        wants_card = settings.kind == "auto" or settings.device == "cuda"
        return CARD_BYTES + _EMBEDDER_BATCH_BYTES if wants_card and model_file() else 0
    path = Path(str(settings.model)).expanduser()
    folder = path if path.is_dir() else cached(str(settings.model))
    if folder is None:
        return 0
    return weights_on_disk(folder) + _EMBEDDER_BATCH_BYTES


def embedders_bytes(config: Config) -> int:
    """The configured embedder, and former ones: they are loaded beside it for as long as bases
    have the vectors that they made."""
    from knowledge_base.embedders.recipe import recipe_of, settings_of
    from knowledge_base.former import recipes_in

    own = recipe_of(config.embedding)
    former = [
        settings_of(recipe, config.embedding)
        for recipe in recipes_in(config.data_dir)
        if recipe != own
    ]
    return sum(embedder_bytes(one) for one in (config.embedding, *former) if one is not None)


def reranker_bytes(config: Config) -> int:
    """What the reranker and one portion of its work take on a card; 0: there is none, or it is not
    here yet."""
    model = config.retrieval.reranker
    if model is None:
        return 0
    path = Path(model).expanduser()
    folder = path if path.is_dir() else cached(model)
    return weights_on_disk(folder) + _RERANKER_BATCH_BYTES if folder is not None else 0


def _gguf(path: Path) -> Files:
    head = read_gguf(path)
    size = sum(part.stat().st_size for part in parts_of(path))
    return Files(shape_of_gguf(head), size, 0)


def _stored_bits(config: Mapping[str, object]) -> int:
    nested = config.get("text_config")
    both: dict[str, object] = {**(nested if isinstance(nested, dict) else {}), **config}
    if both.get("quantization_config"):
        return 0
    stored = both.get("dtype") or both.get("torch_dtype")
    return BITS_OF.get(str(stored), 16)
