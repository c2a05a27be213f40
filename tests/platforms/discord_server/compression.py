"""Compression of what the gateway sends: one stream for the life of a connection."""

from __future__ import annotations

import importlib.util
import zlib
from collections.abc import Callable
from typing import TypeAlias

Compress: TypeAlias = Callable[[bytes], bytes]


def compressor(name: str | None) -> Compress | None:
    """What makes frames of a named stream; None: text frames. `ValueError` for an unknown one."""
    if name is None:
        return None
    if name == "zlib-stream":
        stream = zlib.compressobj()
        return lambda data: stream.compress(data) + stream.flush(zlib.Z_SYNC_FLUSH)
    if name == "zstd-stream" and importlib.util.find_spec("zstandard"):
        return _zstandard()
    raise ValueError(name)


def _zstandard() -> Compress:
    import zstandard

    stream = zstandard.ZstdCompressor().compressobj()
    return lambda data: stream.compress(data) + stream.flush(zstandard.COMPRESSOBJ_FLUSH_BLOCK)
