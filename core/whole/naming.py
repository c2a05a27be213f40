"""Which documents words mean: by their names, by their titles, nearly, or by asking back. Pure."""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping, Sequence
from enum import IntEnum
from typing import Final

from core.whole.recognising import core_of
from knowledge_base.models import Document, DocumentId
from knowledge_base.terms import normalise

_HAN_RUN: Final = re.compile(r"[\u3040-\u30ff\u3400-\u9fff]+")
_TOKEN: Final = re.compile(r"[\u3040-\u30ff\u3400-\u9fff]+|[^\W_\u3040-\u30ff\u3400-\u9fff]+")
_EXTENSION: Final = re.compile(r"\.[A-Za-z0-9]{1,8}$")
_ARTICLE: Final = re.compile(r"(?i)^\s*(?:the|our|my|your)\s+")
_LEAST_HAN: Final = 2
_LEAST_LETTERS: Final = 3
_LEAST_NEAR_HAN: Final = 4
"""Of which one may be another."""
_NEARLY: Final = 0.8
_HALF: Final = 0.5


class Fit(IntEnum):
    """How surely words mean a document."""

    NONE = 0
    PART = 1
    """They are a part of its name, or of its title."""
    MUCH = 2
    """They are at least half of it, or it is spelt nearly like them."""
    NAME = 3
    """They are its name, with or without what a file's name ends in."""


def fit(words: str, name: str, title: str = "") -> Fit:
    """How well words fit a document of that name and title."""
    asked, core = _plain(words), _plain(core_of(words))
    whole, stem = _plain(name), _plain(_EXTENSION.sub("", name))
    if not asked or not stem:
        return Fit.NONE
    # Where a file is called "report", "the report" is it, though any file may be called that.
    if {asked, core, _plain(_ARTICLE.sub("", words))} & {whole, stem}:
        return Fit.NAME
    best = max(_part(core, stem), _part(core, _plain(title)) if title else Fit.NONE)
    if best < Fit.MUCH and len(core) > _LEAST_LETTERS:
        near = (difflib.SequenceMatcher(None, core, own, autojunk=False) for own in (whole, stem))
        if any(own.real_quick_ratio() >= _NEARLY and own.ratio() >= _NEARLY for own in near):
            return Fit.MUCH
        if best is Fit.NONE and _nearly_part(core, stem):
            return Fit.PART
    return best


def fitting(
    words: str, documents: Sequence[Document], titles: Mapping[DocumentId, str], least: Fit
) -> tuple[Document, ...]:
    """Those that words mean best, if any do as surely as that; several: they fit equally well."""
    fits = [fit(words, one.name, titles.get(one.document_id, "")) for one in documents]
    best = max(fits, default=Fit.NONE)
    if best < max(least, Fit.PART):
        return ()
    return tuple(one for one, own in zip(documents, fits, strict=True) if own is best)


def named_in(text: str, documents: Sequence[Document]) -> tuple[Document, ...]:
    """The documents whose whole name, or all but its ending, stands in a text."""
    said = f" {_plain(text)} "
    raw = normalise(text)
    found: list[tuple[Document, str]] = []
    for one in documents:
        stem = _plain(_EXTENSION.sub("", one.name))
        is_long = len(stem) > _LEAST_LETTERS or (_HAN_RUN.search(stem) and len(stem) > 1)
        spaced = stem if _HAN_RUN.match(stem) else f" {stem} "
        if normalise(one.name) in raw or (is_long and spaced in said):
            found.append((one, stem))
    # A name that is a part of another one that stands there does not stand there itself.
    return tuple(
        one
        for one, stem in found
        if not any(stem != other and f" {stem} " in f" {other} " for _other, other in found)
    )


def _part(core: str, name: str) -> Fit:
    """Whether the words are a part of a name: all of them, whole."""
    if not core or not name:
        return Fit.NONE
    if core == name:
        return Fit.NAME
    held = total = 0
    tokens = _TOKEN.findall(name)
    letters = sum(map(_weight, tokens))
    for token in _TOKEN.findall(core):
        total += _weight(token)
        if _HAN_RUN.match(token):
            if len(token) < _LEAST_HAN or not any(token in own for own in tokens):
                return Fit.NONE
        elif not any(_same(token, own) for own in tokens):
            return Fit.NONE
        held += _weight(token)
    if not held or (held < _LEAST_LETTERS and not _HAN_RUN.search(core)):
        return Fit.NONE
    return Fit.MUCH if held >= _HALF * letters else Fit.PART


def _nearly_part(core: str, name: str) -> bool:
    """Whether the words are a part of a name but for one letter of each, or one Han of several."""
    tokens = _TOKEN.findall(name)
    return all(any(_is_near(token, own) for own in tokens) for token in _TOKEN.findall(core))


def _is_near(token: str, other: str) -> bool:
    if not _HAN_RUN.match(token):
        long = min(len(token), len(other)) > _LEAST_LETTERS
        near = difflib.SequenceMatcher(None, token, other, autojunk=False)
        return long and near.real_quick_ratio() >= _NEARLY and near.ratio() >= _NEARLY
    if len(token) < _LEAST_NEAR_HAN:
        return False
    ends = range(len(token), len(other) + 1)
    return any(
        sum(a != b for a, b in zip(token, other[end - len(token) : end], strict=True)) <= 1
        for end in ends
    )


def _same(token: str, other: str) -> bool:
    """A word, also in the other number."""
    return token == other or f"{token}s" == other or token == f"{other}s"


def _weight(token: str) -> int:
    """A character of Han says about as much as two letters."""
    return sum(2 if _HAN_RUN.match(letter) else 1 for letter in token)


def _plain(text: str) -> str:
    """Folded, in words: what separates them in file names does not matter."""
    spaced = re.sub(r"[\W_]+", " ", normalise(text)).strip()
    # Between Han no space says anything.
    return re.sub(r"(?<=[\u3040-\u30ff\u3400-\u9fff]) (?=[\u3040-\u30ff\u3400-\u9fff])", "", spaced)
