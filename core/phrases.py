"""Phrases of which it is known, while a text comes in, whether it may still become one. Pure.

A regular expression says whether a text holds a phrase, and not whether it would with more letters.
A phrase here is a function: given a text and a place in it, it returns where the phrase may end,
and `BEYOND` among them where the text ends before the phrase does. All ways are followed at once.
"""

from __future__ import annotations

from collections.abc import Callable, Set
from typing import Final, TypeAlias

BEYOND: Final = -1

Phrase: TypeAlias = Callable[[str, int], Set[int]]
Part: TypeAlias = Phrase | str
"""A string stands for its own letters."""

_NOWHERE: Final[Set[int]] = frozenset()


def then(*parts: Part) -> Phrase:
    """One after the other."""
    phrases = [_phrase(part) for part in parts]

    def ends(text: str, start: int) -> Set[int]:
        reached: Set[int] = {start}
        for phrase in phrases:
            reached = onwards(phrase, text, reached)
            if not reached:
                break
        return reached

    return ends


def any_of(*parts: Part) -> Phrase:
    """One of them."""
    phrases = [part for part in parts if not isinstance(part, str)]
    words: dict[str, list[str]] = {}
    for part in parts:
        if isinstance(part, str):
            words.setdefault(part[:1], []).append(part)

    def ends(text: str, start: int) -> Set[int]:
        if start == len(text) and words:
            reached = {BEYOND}
        else:
            likely = words.get(text[start : start + 1], ())
            reached = {end for word in likely for end in _word_ends(word, text, start)}
        for phrase in phrases:
            reached |= phrase(text, start)
        return reached

    return ends


def up_to(times: int, *parts: Part) -> Phrase:
    """All of it, again and again, or not at all."""
    phrase = then(*parts)

    def ends(text: str, start: int) -> Set[int]:
        reached = latest = {start}
        for _ in range(times):
            latest = set(onwards(phrase, text, latest)) - reached
            if not latest:
                break
            reached = reached | latest
        return reached

    return ends


def maybe(*parts: Part) -> Phrase:
    """All of it or nothing."""
    return up_to(1, *parts)


def run(belongs: Callable[[str], bool], least: int, most: int) -> Phrase:
    """So many letters of a kind."""

    def ends(text: str, start: int) -> Set[int]:
        reached: set[int] = set()
        for end in range(start, start + most + 1):
            if end - start >= least:
                reached.add(end)
            if end >= len(text):
                reached.add(BEYOND)
                break
            if not belongs(text[end]):
                break
        return reached

    return ends


def word_end(text: str, start: int) -> Set[int]:
    """No letter follows."""
    return _NOWHERE if text[start : start + 1].isalnum() else {start}


def text_end(text: str, start: int) -> Set[int]:
    """Nothing follows."""
    return {start} if start == len(text) else _NOWHERE


def onwards(phrase: Phrase, text: str, starts: Set[int]) -> Set[int]:
    """Where it may end from any of these places."""
    reached: set[int] = set()
    for start in starts:
        reached |= {BEYOND} if start == BEYOND else phrase(text, start)
    return reached


def _phrase(part: Part) -> Phrase:
    if not isinstance(part, str):
        return part
    return lambda text, start: _word_ends(part, text, start)


def _word_ends(word: str, text: str, start: int) -> Set[int]:
    if text.startswith(word, start):
        return {start + len(word)}
    return {BEYOND} if word.startswith(text[start:]) else _NOWHERE
