"""Which letters of a passage a question's terms stand in, as the lexical leg compares them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

import numpy as np

from knowledge_base.terms import normalise, terms_of, word_spans

Span = tuple[int, int]

_PAIRED: Final = re.compile(
    r"[\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff\u3040-\u30ff\u31f0-\u31ff"
    r"\uff66-\uff9d\uac00-\ud7af\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff]+"
)
"""Scripts in which pairs of letters are compared, since no blank ends a word."""
_SLIGHT: Final = frozenset(
    re.findall(
        "[a-z]+",
        "a an and are as at be by can did do does for from had has have he her his how i if "
        "in is it its many may me much must my no not of on or our she should so tell than "
        "that the their them there these they this to us was we were what when where which "
        "who whose why will with would you your",
    )
)
"""English words that say nothing of what is asked."""


def matches(question: str, text: str) -> tuple[Span, ...]:
    """Where the question's words, or what is one term with them, stand in the text: in order,
    apart from each other. Pure."""
    spans = sorted({*_words(question, text), *_pairs(question, text)})
    joined: list[Span] = []
    for start, end in spans:
        if joined and start <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(end, joined[-1][1]))
        else:
            joined.append((start, end))
    return tuple(joined)


def _words(question: str, text: str) -> Iterator[Span]:
    asked = [question[start:end] for start, end in word_spans(question)]
    said = [word for word in asked if not _PAIRED.search(word)]
    telling = [word for word in said if normalise(word) not in _SLIGHT] or said
    wanted = terms_of(" ".join(telling)).hashes
    if not len(wanted):
        return
    for start, end in word_spans(text):
        word = text[start:end]
        if _PAIRED.search(word) or normalise(word) in _SLIGHT.difference(map(normalise, telling)):
            continue
        if np.isin(terms_of(word).hashes, wanted).any():
            yield start, end


def _pairs(question: str, text: str) -> Iterator[Span]:
    runs = [normalise(run) for run in _PAIRED.findall(question)]
    pairs = {run[at : at + 2] for run in runs for at in range(len(run) - 1)}
    singles = {run for run in runs if len(run) == 1}
    if not pairs and not singles:
        return
    for run in _PAIRED.finditer(text):
        letters = [normalise(letter) for letter in run.group()]
        for at, letter in enumerate(letters):
            if letter in singles:
                yield run.start() + at, run.start() + at + 1
            if "".join(letters[at : at + 2]) in pairs:
                # One letter may stand for two.
                yield run.start() + at, min(run.start() + at + 2, run.end())
