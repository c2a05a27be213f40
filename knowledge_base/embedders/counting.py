"""Tokens of many texts at once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from knowledge_base.embedders.text import readable

if TYPE_CHECKING:
    from knowledge_base.embedders.base import TokenizerSpec
    from knowledge_base.embedders.batching import Count


def batch_counter(spec: TokenizerSpec) -> Count | None:
    """Counts what the embedder reads of each text, on several cores; what it cuts off does not
    count. None where no tokenizer is at hand."""
    if spec.kind != "tokenizers":
        return None
    from tokenizers import Tokenizer

    # Not the model's own, which must not be used by two threads at once.
    tokenizer = Tokenizer.from_file(str(spec.path))
    tokenizer.no_truncation()
    tokenizer.no_padding()

    def count(texts: Sequence[str]) -> list[int]:
        clean = [readable(text) for text in texts]
        read = tokenizer.encode_batch_fast(clean, add_special_tokens=False)
        return [min(len(one) + spec.overhead, spec.max_tokens) for one in read]

    return count
