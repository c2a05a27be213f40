"""Questions that lean on what was said before, recognised without a model.

A question that stands alone is searched alone. One that leans ("and on Sundays?", 「那周日呢？」)
is searched both alone and joined with what it follows: a wrong guess costs a search, not an answer.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from enum import IntEnum
from typing import Final

from core.events import Turn
from core.evidence import content
from core.language import language_of
from core.pictured import without_mark

_FURTHEST: Final = 3
"""How many questions back the one that stands alone is looked for."""
_LONGEST_JOINED: Final = 600

_FILLER: Final = re.compile(
    r"(?i)^\W*(?:(?:h+m+|u+m+|u+h+)\b[\s,.!…-]*|"
    r"(?:a+h+|o+h+|well|thanks|thank you|great|cool|yes|no)\b\s*[,.!…-]+\s*|"
    r"(?:嗯+|哦+|噢|啊|好的|谢谢|明白了)[\s，,。！!…]*)+(?=\S)"
)
"""What is said before a question, and says nothing of it."""
_OPENS: Final = re.compile(
    r"(?i)^\W*(?:and|but|or|so|then|also|plus|what about|how about|what else|anything else|"
    r"any other|same for|why not|how so|how come|for example|such as|really|"
    r"ok(?:ay)?,? (?:and|but|so)|in that case|if so|if not|otherwise|except|only)\b"
)
_POINTS: Final = re.compile(
    r"(?i)\b(?:it|its|it's|they|them|their|theirs|he|him|his|she|her|hers|there|those|these|"
    r"the (?:same|other|others|former|latter|first|second|last) ?(?:one|ones)?|"
    r"th(?:at|is)(?! (?:is|are|was)\b)|one of them|both|neither|either)\b"
)
_INTRODUCES: Final = re.compile(
    r"(?i)\b(?:is|are|was|were|will|if|when|how far is|how long does|does|did|can|how) it\b"
    r"(?= (?:allowed|possible|ok|okay|rain|rains|snow|snows|take|takes|necessary|required|true)\b)"
    r"|\b(?:is|are|was|were) there\b|\bthere (?:is|are|was|were)\b"
)
_ZH_OPENS: Final = re.compile(
    r"^\W*(?:那么?|那|还有|另外|此外|而且|然后|可是|但是?|不过|所以|如果(?:是|不是)?这样|为什么[？?]?$|"
    r"怎么说|除此之外|除了(?:这|那)|同样|再(?:问|说)|其中|其他|其余)"
)
_ZH_POINTS: Final = re.compile(
    r"它|他们|她们|他(?!人)|她|其(?=[的中他余])|这(?:个|些|里|种|样|位|家|边|本|次|儿|条|款|项)|"
    r"那(?:个|些|里|种|样|位|家|边|本|次|儿|条|款|项|时)|上面|上述|前面|刚才|刚刚|前者|后者|(?<!应)该(?![怎如不去来做付交])"
)
_ZH_ENDS: Final = re.compile(r"呢[？?。！!\s]*$")
_WORD: Final = re.compile(r"[^\W\d_]+|\d+")
_ASKS: Final = re.compile(
    r"(?i)\b(?:who|what|when|where|which|whose|how|why|is|are|do|does|can|may)\b"
)
_VERB: Final = re.compile(
    r"(?i)\b(?:is|are|was|were|do|does|did|can|could|may|must|should|will|would|has|have|had)\b"
)
_ZH_ALSO: Final = re.compile(r"也|一样|还(?![书款车钱给伞卡])")
_SHORT: Final = 3
"""Words of English up to which a question is taken for a part of one."""
_ZH_SHORT: Final = 5
"""The same in Chinese characters."""
_FRAGMENT: Final = 4
"""Words of English up to which a question without a verb is taken for a part of one."""
_ZH_ALSO_SHORT: Final = 8
"""Chinese characters up to which one that says "also" is."""


class Lean(IntEnum):
    """How surely a question needs an earlier one to be understood."""

    NOT = 0
    MAYBE = 1
    """It is short, and may be a part of a question or a whole one."""
    SURELY = 2


def lean_of(question: str) -> Lean:
    """Told by how the question opens and ends, what it points at, and how short it is."""
    text = _FILLER.sub("", question.strip())
    if language_of(text) in ("zh", "ja"):
        sure = _ZH_OPENS.search(text) or _ZH_ENDS.search(text) or _ZH_POINTS.search(text)
        most = _ZH_ALSO_SHORT if _ZH_ALSO.search(text) else _ZH_SHORT
        short = _han(text) <= most and not re.search(r"[A-Za-z0-9]", text)
    else:
        sure = _OPENS.search(text) or _POINTS.search(_INTRODUCES.sub("", text))
        words = len(_WORD.findall(text))
        fragment = words <= _FRAGMENT and bool(_ASKS.search(text)) and not _VERB.search(text)
        short = words < _SHORT or (words == _SHORT and not _ASKS.search(text)) or fragment
    if sure or (short and not content(text)):
        return Lean.SURELY
    return Lean.MAYBE if short else Lean.NOT


def joined(question: str, turns: Sequence[Turn]) -> str | None:
    """The question with what it follows put before it; None where it stands alone.

    What it follows are the questions before it, back to one that stands alone itself.
    """
    if lean_of(question) is Lean.NOT:
        return None
    before: list[str] = []
    for turn in reversed(turns):
        text = without_mark(turn.text).strip()
        if turn.role != "user" or not text:
            continue
        before.insert(0, text)
        if lean_of(text) is Lean.NOT or len(before) == _FURTHEST:
            break
    if not before:
        return None
    return " ".join([" ".join(before)[:_LONGEST_JOINED], question.strip()])


def _han(text: str) -> int:
    return sum("\u3400" <= letter <= "\u9fff" for letter in text)
