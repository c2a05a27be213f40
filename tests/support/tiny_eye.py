"""A made-up image projector for the bundled model: it sees nothing, but takes what it is shown.

The format is GGUF 3 (ggml's docs/gguf.md), the model a LLaVA-style one of a single layer.
"""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np

WIDTH, HIDDEN, PATCH, SIDE, OUT = 32, 64, 16, 64, 576
TOKENS = (SIDE // PATCH) ** 2
"""Of a picture, however large it is."""
_ALIGNED = 32
_Value = bool | int | float | str | list[float]


def write_projector(path: Path) -> Path:
    """With weights that are the same each time."""
    numbers = np.random.default_rng(7)
    values: dict[str, _Value] = {
        "general.architecture": "clip",
        "clip.has_vision_encoder": True,
        "clip.projector_type": "mlp",
        "clip.use_gelu": True,
        "clip.vision.image_size": SIDE,
        "clip.vision.patch_size": PATCH,
        "clip.vision.embedding_length": WIDTH,
        "clip.vision.feed_forward_length": HIDDEN,
        "clip.vision.block_count": 1,
        "clip.vision.attention.head_count": 2,
        "clip.vision.projection_dim": OUT,
        "clip.vision.attention.layer_norm_epsilon": 1e-6,
        "clip.vision.image_mean": [0.5, 0.5, 0.5],
        "clip.vision.image_std": [0.5, 0.5, 0.5],
    }
    shapes: dict[str, tuple[int, ...]] = {
        "v.patch_embd.weight": (WIDTH, 3, PATCH, PATCH),
        "v.patch_embd.bias": (WIDTH,),
        "v.position_embd.weight": (TOKENS, WIDTH),
        **{f"v.blk.0.attn_{part}.weight": (WIDTH, WIDTH) for part in ("q", "k", "v", "out")},
        **{f"v.blk.0.attn_{part}.bias": (WIDTH,) for part in ("q", "k", "v", "out")},
        **{f"v.blk.0.{norm}.{part}": (WIDTH,) for norm in ("ln1", "ln2") for part in _BOTH},
        "v.blk.0.ffn_up.weight": (HIDDEN, WIDTH),
        "v.blk.0.ffn_up.bias": (HIDDEN,),
        "v.blk.0.ffn_down.weight": (WIDTH, HIDDEN),
        "v.blk.0.ffn_down.bias": (WIDTH,),
        "v.post_ln.weight": (WIDTH,),
        "v.post_ln.bias": (WIDTH,),
        "mm.0.weight": (OUT, WIDTH),
        "mm.0.bias": (OUT,),
        "mm.2.weight": (OUT, OUT),
        "mm.2.bias": (OUT,),
    }
    tensors = {
        name: (numbers.standard_normal(shape) * 0.05).astype("<f4")
        for name, shape in shapes.items()
    }
    head = b"GGUF" + struct.pack("<IQQ", 3, len(tensors), len(values))
    head += b"".join(_text(key) + _value(value) for key, value in values.items())
    at = 0
    for name, tensor in tensors.items():
        shape = tensor.shape[::-1]
        head += _text(name) + struct.pack(f"<I{len(shape)}QIQ", len(shape), *shape, 0, at)
        at += len(_padded(tensor.tobytes()))
    path.write_bytes(_padded(head) + b"".join(_padded(t.tobytes()) for t in tensors.values()))
    return path


_BOTH = ("weight", "bias")


def _text(text: str) -> bytes:
    return struct.pack("<Q", len(text)) + text.encode()


def _value(value: _Value) -> bytes:
    match value:
        case bool():
            return struct.pack("<I?", 7, value)
        case int():
            return struct.pack("<II", 4, value)
        case float():
            return struct.pack("<If", 6, value)
        case str():
            return struct.pack("<I", 8) + _text(value)
        case list():
            return struct.pack(f"<IIQ{len(value)}f", 9, 6, len(value), *value)


def _padded(content: bytes) -> bytes:
    return content + b"\0" * (-len(content) % _ALIGNED)
