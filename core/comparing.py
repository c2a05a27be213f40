"""The words of a text as they are compared: without endings, and Han by pairs of characters.

Texts are folded (`knowledge_base.terms.normalise`).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from core.numerals import HAN, HAN_NUMBER, WORD_NUMBERS

_STEM: Final = 5
_ENDING: Final = re.compile(r"(?<=...)(?:ings?|e[sd]|s|e|d|ly)$")

_RUN: Final = re.compile(rf"[{HAN}\u3040-\u30ff]+|[^\W\d_{HAN}\u3040-\u30ff]+")
HAN_RUN: Final = re.compile(rf"[{HAN}\u3040-\u30ff]")
_HAN_GRAMMAR: Final = re.compile(
    r"[的了是在和与与及也都就着把被让为于以之而或吗呢吧啊这那它]|可以|需要|根据|文档|资料|段落"
)
GRAMMAR: Final = frozenset(
    re.findall(
        r"\w+",
        "a an the and or but if so as of in on at to by for from with into than then that this "
        "these those there here it its is are was were be been being am do does did done has have "
        "had having will would can could may might must shall should not no yes also only just "
        "very i you he she we they me him her us them my your his our their who whom whose which "
        "what when where why how all any some each both more most such other own same too s t d ll "
        "re ve according document documents passage passages source sources based provided "
        "information mentioned states stated says pm clock",
    )
)


def script(tokens: frozenset[str]) -> str | None:
    """ "han" or "letters", whichever most words are in; None where there are none."""
    han = sum(bool(HAN_RUN.match(token)) for token in tokens)
    if not tokens:
        return None
    return "han" if han * 2 > len(tokens) else "letters"


def names_in(folded: str) -> Iterator[str]:
    """Words in letters, a plural like its singular."""
    for run in _RUN.findall(folded):
        if len(run) > 1 and not HAN_RUN.match(run):
            yield run[:-1] if len(run) > 3 and run.endswith("s") else run


def compared(folded: str) -> Iterator[str]:
    """Words without endings, and pairs of Han characters; words of grammar left out."""
    for run in _RUN.findall(folded):
        if not HAN_RUN.match(run):
            if run not in GRAMMAR and run not in WORD_NUMBERS:
                yield _ENDING.sub("", run)[:_STEM]
            continue
        for part in _HAN_GRAMMAR.split(HAN_NUMBER.sub("的", run)):
            yield from (part[n : n + 2] for n in range(len(part) - 1))


def han_runs(folded: str) -> Iterator[str]:
    for run in _RUN.findall(folded):
        if HAN_RUN.match(run):
            parts = _HAN_GRAMMAR.split(HAN_NUMBER.sub("的", run))
            yield from (part for part in parts if len(part) > 1)
