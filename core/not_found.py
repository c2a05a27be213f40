"""What an engine writes where no passage holds the answer, in whatever words it says so. Pure.

Our prompts ask for one sentence ("The documents do not say"); models put it in quotes, behind an
apology, with another verb. What goes on to answer all the same is an answer. The words themselves
stand in `core.denials`.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from enum import Enum, auto
from typing import Final

from core.denials import denial_in, may_become_denial
from core.numerals import claimed_numbers
from knowledge_base.sentences import Sentence, sentences
from knowledge_base.terms import normalise

_MARKER: Final = re.compile(r"\[\d+\]")
_HIDDEN: Final = re.compile(r"[\u200b-\u200f\u2060\ufeff]")
_WRAPPING: Final = re.compile(r"[*_`#>~|\"“”«»「」『』【】〖〗《》]")
_DECORATION: Final = "-–—•·'‘’()[]{}.,:;!。，：；！、 \t\r\n"
_GOES_ON: Final = re.compile(
    r"\b(?:but|however|though|although|yet|only|except|instead)\b|[;；]|但|不过|然而|只(?!有这)|仅|而是|可是"
)
_CLAUSE: Final = re.compile(r"[,，:：—]")


class Said(Enum):
    """What a text says, as far as it goes."""

    OPEN = auto()
    """It may still become either."""
    NOTHING = auto()
    SOMETHING = auto()


def is_not_found(sentence: str, asked: str = "") -> bool:
    """Whether a sentence says that nothing is said, and claims nothing besides: no other number
    than the question's, and nothing behind a "but"."""
    denial = denial_in(_plain(_MARKER.sub("", sentence)))
    if denial is None or (denial.may_claim and _MARKER.search(sentence)):
        return False
    if _GOES_ON.search(denial.rest):
        return False
    return not asked or set(claimed_numbers(denial.rest)) <= set(claimed_numbers(normalise(asked)))


def says_not_found(text: str) -> bool:
    """Whether an answer begins with it and then names no passage for anything."""
    return judged(text) is Said.NOTHING


def judged(text: str, *, so_far: bool = False) -> Said:
    """Whether a whole answer says that nothing is said, or one of which this is the beginning.

    Of a beginning that is known only with the sentence behind the denial, which may answer all the
    same; where that one turns or announces something ("However, …"), with the next.
    """
    spans = sentences(_HIDDEN.sub("", text))
    first, end = _head(spans)
    if first is None:
        return Said.SOMETHING
    if denial_in(_plain(_MARKER.sub("", first))) is None:
        return Said.OPEN if so_far else Said.SOMETHING
    behind = spans[end:]
    if not is_not_found(first) or any(_MARKER.search(span.text) for span in behind):
        return Said.SOMETHING
    clauses = _CLAUSE.split(first)
    if len(clauses) > 1 and _ends_cited(clauses[-1], clauses[0]):
        return Said.SOMETHING
    return Said.OPEN if so_far and not _has_ended(behind) else Said.NOTHING


def _head(spans: Sequence[Sentence]) -> tuple[str | None, int]:
    """What may say it, and where the sentences behind it begin: more than one, where a mark, a
    label or an apology stands alone before it, or a line ends within it. None: nothing does."""
    head = ""
    for end, span in enumerate(spans, 1):
        head = f"{head} {span.text}".lstrip()
        plain = _plain(_MARKER.sub("", head))
        if denial_in(plain) is not None:
            return head, end
        if not may_become_denial(plain):
            return None, end
    return head, len(spans)


def _has_ended(behind: Sequence[Sentence]) -> bool:
    """Whether a sentence behind the denial has come to its end, and the next one has begun."""
    said = [span.text for span in behind if _is_said(span.text)]
    return any(text[-1] not in ":：" and not _GOES_ON.search(normalise(text)) for text in said[:-1])


def _ends_cited(last: str, first: str) -> bool:
    """Whether what follows the denial has a number in it and a passage for it."""
    return (
        denial_in(_plain(first)) is not None
        and _MARKER.search(last) is not None
        and any(True for _ in claimed_numbers(_plain(_MARKER.sub("", last))))
    )


def _is_said(text: str) -> bool:
    return any(letter.isalpha() for letter in _MARKER.sub("", text))


def _plain(text: str) -> str:
    """Folded, on one line, without what it is wrapped in."""
    folded = normalise(_WRAPPING.sub("", _HIDDEN.sub("", text))).replace("’", "'")
    return re.sub(r"\s+", " ", folded).strip(_DECORATION)
