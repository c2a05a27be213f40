"""What is sent to a model: text that has an encoding."""

from __future__ import annotations

import re

_UNREADABLE = re.compile("[\x00\ud800-\udfff]")
"""Some tokenizers stop reading at NUL, and a lone surrogate has no UTF-8."""


def readable(text: str) -> str:
    """The text with blanks for what no model reads; never empty, which some servers refuse."""
    return _UNREADABLE.sub(" ", text) or " "
