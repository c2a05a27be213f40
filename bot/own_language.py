"""In which language the operator is spoken to, where nothing but the shell may know it."""

from __future__ import annotations

import os

from core.language import Words, words

_VARIABLES = ("LC_ALL", "LC_MESSAGES", "LANG")


def words_in(language: str = "auto") -> Words:
    """Sentences in that language; "auto": in the one of the shell."""
    if language != "auto":
        return words(language)
    locale = next((os.environ[name] for name in _VARIABLES if os.environ.get(name)), "en")
    return words(locale.partition(".")[0])
