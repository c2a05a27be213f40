"""What a model's own config says about the memory it takes."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

_NESTED: Final = ("text_config", "llm_config", "language_config")
"""Where a config of a model that also sees keeps what concerns its language model."""
_ALIASES: Final[Mapping[str, tuple[str, ...]]] = {
    "layers": ("num_hidden_layers", "n_layer", "num_layers"),
    "hidden": ("hidden_size", "n_embd", "d_model"),
    "heads": ("num_attention_heads", "n_head"),
    "kv_heads": ("num_key_value_heads", "multi_query_group_num", "num_kv_heads"),
    "head_size": ("head_dim", "kv_channels"),
    "feed_forward": ("intermediate_size", "ffn_hidden_size", "n_inner"),
    "vocabulary": ("vocab_size", "padded_vocab_size"),
    "window": ("max_position_embeddings", "seq_length", "n_positions", "max_sequence_length"),
    "experts": ("num_experts", "n_routed_experts", "num_local_experts"),
    "expert_feed_forward": ("moe_intermediate_size",),
    "shared_experts": ("n_shared_experts",),
    "shared_feed_forward": ("shared_expert_intermediate_size",),
    "dense_layers": ("first_k_dense_replace",),
    "sliding_window": ("sliding_window", "attention_chunk_size"),
}
LARGEST: Final = 1 << 26
"""Of any figure of a config that is not broken: windows of ten million tokens are the largest."""
MOST_LAYERS: Final = 1 << 14


class UnknownShapeError(Exception):
    """The config lacks what the arithmetic needs."""

    def __init__(self, missing: str) -> None:
        super().__init__(missing)
        self.missing = missing


@dataclass(frozen=True, slots=True)
class ModelShape:
    """The figures that decide about memory. Counts of parameters, not bytes."""

    window: int
    """Tokens it was trained to read."""
    layers: int
    hidden: int
    vocabulary: int
    embedding_parameters: int
    """Input and output embeddings, which quantisation leaves in 16 bits."""
    other_parameters: int
    full_layers: int
    """Layers whose cache grows with every token."""
    sliding_layers: int
    sliding_window: int
    """Tokens that the cache of a sliding layer holds at most."""
    cached_per_layer: int
    """Numbers that a layer keeps of one token: keys and values, or their compressed form."""
    state_per_slot: int
    """Numbers that layers with a fixed state (linear attention) keep of one request."""
    cached_per_sliding_layer: int = 0
    """The same as `cached_per_layer` where sliding layers differ from full ones; else 0."""

    @property
    def parameters(self) -> int:
        """Of the language model; what sees or hears beside it is not counted."""
        return self.embedding_parameters + self.other_parameters

    def cache_numbers(self, context: int) -> int:
        """Numbers that the cache of one request of so many tokens holds."""
        sliding = min(context, self.sliding_window) if self.sliding_layers else 0
        slid = self.sliding_layers * sliding
        return (
            self.full_layers * context * self.cached_per_layer
            + slid * (self.cached_per_sliding_layer or self.cached_per_layer)
            + self.state_per_slot
        )


def read_shape(folder: Path) -> ModelShape:
    """The shape of the model in this folder, from its `config.json`.

    Raises `UnknownShapeError`; `OSError` and `ValueError` where the file is missing or broken.
    """
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    if not isinstance(config, dict):
        raise UnknownShapeError("config.json")
    return shape_of(config)


def shape_of(config: Mapping[str, object]) -> ModelShape:
    """The shape that a config in the manner of transformers describes.

    Raises `UnknownShapeError` with the key that is missing. Norms, biases and routers are left
    out: together they are below a thousandth of a model.
    """
    figures = _Figures(_language_config(config))
    layers, hidden = figures.need("layers", MOST_LAYERS), figures.need("hidden")
    heads = figures.need("heads")
    head_size = figures.find("head_size") or hidden // heads
    kv_heads = figures.find("kv_heads") or heads
    kinds = figures.kinds(layers)
    compressed = figures.number("kv_lora_rank")
    embedded = figures.need("vocabulary") * hidden
    # Gemma 4: the last layers use what earlier ones have cached, and full ones have other heads.
    caching = kinds[: max(0, layers - figures.number("num_kv_shared_layers"))]
    own_size = figures.number("global_head_dim") or head_size
    own_heads = figures.number("num_global_key_value_heads") or kv_heads
    cached_full = compressed + figures.number("qk_rope_head_dim")
    full, sliding = kinds.count("full"), kinds.count("sliding")
    # A gate on what attention puts out is as large as its queries.
    gated = 3 if figures.is_set("attn_output_gate") else 2
    attention = hidden * head_size * (gated * heads + 2 * kv_heads)
    return sound(
        ModelShape(
            window=figures.need("window"),
            layers=layers,
            hidden=hidden,
            vocabulary=figures.need("vocabulary"),
            embedding_parameters=embedded
            if figures.is_set("tie_word_embeddings")
            else 2 * embedded,
            other_parameters=(
                (full + sliding) * attention
                + kinds.count("fixed") * figures.linear_parameters(hidden)
                + figures.feed_forward_parameters(layers, hidden)
            ),
            full_layers=caching.count("full"),
            sliding_layers=caching.count("sliding"),
            # One that is not told is as long as the context: too much memory, not too little.
            sliding_window=figures.find("sliding_window") or figures.need("window"),
            cached_per_layer=cached_full if compressed else 2 * own_heads * own_size,
            state_per_slot=kinds.count("fixed") * figures.linear_state(),
            cached_per_sliding_layer=2 * kv_heads * head_size if caching.count("sliding") else 0,
        )
    )


def sound(shape: ModelShape) -> ModelShape:
    """The same; raises `UnknownShapeError` where nothing says what a token takes in the cache."""
    if shape.cache_numbers(1) < 1:
        raise UnknownShapeError(_ALIASES["kv_heads"][0])
    return shape


@dataclass(frozen=True, slots=True)
class _Figures:
    """A config's numbers under the names that its family uses."""

    config: Mapping[str, object]

    def number(self, key: str) -> int:
        value = self.config.get(key)
        return value if isinstance(value, int) and not isinstance(value, bool) else 0

    def is_set(self, key: str) -> bool:
        return self.config.get(key) is True

    def find(self, name: str) -> int:
        return next((found for key in _ALIASES[name] if (found := self.number(key))), 0)

    def need(self, name: str, most: int = LARGEST) -> int:
        if 0 < (found := self.find(name)) <= most:
            return found
        raise UnknownShapeError(_ALIASES[name][0])

    def kinds(self, layers: int) -> list[str]:
        """What each layer's cache does: grows in full, slides, or has a fixed size."""
        listed = self.config.get("layer_types")
        if isinstance(listed, list) and len(listed) == layers:
            return [_kind(str(kind)) for kind in listed]
        window, pattern = self.number("sliding_window"), self.number("sliding_window_pattern")
        if window and pattern:
            return ["sliding" if (layer + 1) % pattern else "full" for layer in range(layers)]
        # A window without a list slides everywhere, unless the family says that it is not used.
        slides = window and self.config.get("use_sliding_window", True) is True
        return ["sliding" if slides else "full"] * layers

    def feed_forward_parameters(self, layers: int, hidden: int) -> int:
        """Gated: three matrices. Of experts all are counted, for all lie in memory."""
        experts = self.find("experts")
        if not experts:
            return layers * 3 * hidden * self.need("feed_forward")
        each = self.find("expert_feed_forward") or self.need("feed_forward")
        shared = self.find("shared_feed_forward") or self.find("shared_experts") * each
        dense = self.find("dense_layers")
        return (
            3
            * hidden
            * ((layers - dense) * (experts * each + shared) + dense * self.find("feed_forward"))
        )

    def linear_state(self) -> int:
        """Numbers that one layer of linear attention keeps: a matrix for each of its heads.

        Twice as many as there are, for they are kept in 32 bits where the cache has 16.
        """
        return 2 * (
            self.number("linear_num_value_heads")
            * self.number("linear_value_head_dim")
            * self.number("linear_key_head_dim")
        )

    def linear_parameters(self, hidden: int) -> int:
        keys = self.number("linear_num_key_heads") * self.number("linear_key_head_dim")
        values = self.number("linear_num_value_heads") * self.number("linear_value_head_dim")
        return hidden * (2 * keys + 3 * values)


def _language_config(config: Mapping[str, object]) -> Mapping[str, object]:
    for key in _NESTED:
        nested = config.get(key)
        if isinstance(nested, dict):
            # What both parts share, such as tied embeddings, may stand outside.
            return {**config, **nested}
    return config


def _kind(listed: str) -> str:
    if "sliding" in listed or "chunked" in listed or "local" in listed:
        return "sliding"
    return "fixed" if "linear" in listed or "mamba" in listed or "conv" in listed else "full"
