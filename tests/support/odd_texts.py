"""Texts that tokenizers disagree about: empty, long, of several scripts, of unknown characters."""

from __future__ import annotations

TEXTS = [
    "The harbour opens at six.",
    "港口六点开放。今天天气很好，我们去公园。",
    "x" * 300,
    "😀😀 emoji ✓ ﬁ ① ＡＢＣ",
    "  two  spaces\n\nlines\ttab ",
    "词" * 900,
    "",
    "<s> hi </s> <pad>",
    "مرحبا بالعالم",
    "long " * 700,
]
