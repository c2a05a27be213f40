"""Questions that lean on what was said before, recognised without a model.

A question that stands alone is searched alone. One that leans ("and on Sundays?", 「那周日呢？」)
is searched both alone and joined with what it follows: a wrong guess costs a search, not an answer.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from enum import IntEnum
from typing import Final

from core.courtesy import courtesy_of
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
    r"(?:嗯+|哦+|噢|啊|好的|谢谢|明白了|不(?:是的?|对)?(?=[\s，,。！!]))[\s，,。！!…]*)+(?=\S)"
)
"""What is said before a question, and says nothing of it."""
_CORRECTS: Final = re.compile(
    r"(?i)^\W*(?:(?:no|nope|sorry|actually|wait|not that)\b\W*)*"
    r"(?:i|we)(?:\s+meant?|(?:'m|\sam|\sare|\swas|\swere)\s+(?:asking|talking))\b"
    r"(?:\s+(?:to\s+ask|about|for|of))*\s*[,:]?\s*(?=\S)"
    r"|^\W*(?:(?:不(?:是|对)?|错了|抱歉|对不起)[\s，,。！!]*)*我(?:其实|刚才|是|想|要){0,3}"
    r"(?:问的是|说的是|指的是|的意思是|是问|是说)[\s：:，,]*(?=\S)"
)
"""What is said before what was meant, in place of what was understood."""
_COMPARES: Final = re.compile(
    r"(?i)^\W*(?:and |so |then )?which (?:one |of (?:them|these|those|the two) )?(?:is|are|was) "
    r"(?:the )?(?:more |less )?[a-z]+(?: one)?\W*$"
    r"|^\W*(?:那么?)?(?:(?:两[个者种家]|它俩|它们)(?:之?中|里)?)?(?:谁|哪(?:一)?[个种样家边张款项])"
    r"(?:更|比较|最)?(?:便宜|贵|早|晚|好|大|小|长|短|多|少|快|慢|近|远|划算|合适)(?:一?[些点])?[？?\s]*$"
)
"""What is asked of two answers that were given."""
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
    r"(?= (?:allowed|possible|ok|okay|rain|rains|snow|snows|take|takes|necessary|required|true|"
    r"costs? (?:\w+ )?to)\b)"
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
_HANGS: Final = re.compile(
    r"(?i)^\W*(?:until|till|for|from|at|by|in|on|to|with|since|under|after|before|up to) "
    r"(?:what|which|whom|when|where|how)\b"
)
"""How a question without a verb begins that hangs on the one before it: "until what age?"."""
_WHEN: Final = re.compile(
    r"(?i)\b(?:(?:mon|tues|wednes|thurs|fri|satur|sun|week|holi)days?|weekends?|today|tomorrow|"
    r"tonight|mornings?|afternoons?|evenings?)\b|(?:周|星期|礼拜)[一二三四五六日天末]|"
    r"今天|明天|后天|早上|上午|中午|下午|晚上|平时|平日|节假日"
)
"""A day is in every document: by that alone nothing is found."""
_ZH_ALSO: Final = re.compile(r"也|一样|还(?![书款车钱给伞卡])")
_SHORT: Final = 3
"""Words of English up to which a question is taken for a part of one."""
_ZH_SHORT: Final = 5
"""The same in Chinese characters."""
_FRAGMENT: Final = 4
"""Words of English up to which a question without a verb is taken for a part of one."""
_ENOUGH: Final = 2
"""Words of English from which on a question that points back may be found by its own."""
_ENOUGH_HAN: Final = 4
"""The same in pairs of Chinese characters."""
_COMPARED: Final = 2
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
    text = without_lead(question)
    if _COMPARES.search(text):
        return Lean.SURELY
    if language_of(text) in ("zh", "ja"):
        sure = any(sign.search(text) for sign in (_ZH_OPENS, _ZH_ENDS, _ZH_POINTS))
        most = _ZH_ALSO_SHORT if _ZH_ALSO.search(text) else _ZH_SHORT
        short = _han(text) <= most and not re.search(r"[A-Za-z0-9]", text)
    else:
        points = _POINTS.search(_INTRODUCES.sub("", text)) is not None
        sure = points or hangs(text) or _OPENS.search(text) is not None
        words = len(_WORD.findall(text))
        fragment = words <= _FRAGMENT and bool(_ASKS.search(text)) and not _VERB.search(text)
        short = words < _SHORT or (words == _SHORT and not _ASKS.search(text)) or fragment
    if sure or (short and not content(text)):
        return Lean.SURELY
    return Lean.MAYBE if short or is_correction(question) else Lean.NOT


def without_lead(question: str) -> str:
    """What is asked, without what is said before it."""
    text = question.strip()
    return _FILLER.sub("", _CORRECTS.sub("", text))


def is_correction(question: str) -> bool:
    """Whether it says what an earlier question meant."""
    return _CORRECTS.search(question.strip()) is not None


def may_stand(question: str) -> bool:
    """Whether it may be about something else, though it leans: "and a lost key?" may; "until what
    age?" and "and on Sundays?" hang on what they follow, and so does what points back and has
    hardly a word of its own ("is it free?")."""
    text = without_lead(question)
    own = content(_WHEN.sub(" ", text))
    han = sum(not word.isascii() for word in own)
    enough = len(own) - han >= _ENOUGH or han >= _ENOUGH_HAN
    points = _ZH_POINTS.search(text) or _POINTS.search(_INTRODUCES.sub("", text))
    return bool(own) and not hangs(text) and (enough or not points)


def hangs(text: str) -> bool:
    """Whether it asks for a part of what was asked before: "until what age?"."""
    return bool(_HANGS.search(text)) and not _VERB.search(text)


def compared(question: str, turns: Sequence[Turn]) -> tuple[str, ...]:
    """The last two questions that stand to be compared, each as it is to be searched; else none."""
    if not _COMPARES.search(without_lead(question)):
        return ()
    asked = [n for n, turn in enumerate(turns) if _asked(turn)][-_COMPARED:]
    if len(asked) < _COMPARED:
        return ()
    return tuple(joined(_asked(turns[n]), turns[:n]) or _asked(turns[n]) for n in asked)


def joined(question: str, turns: Sequence[Turn]) -> str | None:
    """The question with what it follows put before it; None where it stands alone."""
    before = followed(question, turns)
    return None if before is None else f"{before} {without_lead(question)}"


def followed(question: str, turns: Sequence[Turn]) -> str | None:
    """The questions before one that leans on them, back to one that stands alone itself; None
    where it stands alone, or nothing is before it."""
    if lean_of(question) is Lean.NOT:
        return None
    # What somebody meant takes the place of what they asked before that leaned on.
    furthest = 1 if is_correction(question) else _FURTHEST
    before: list[str] = []
    for turn in reversed(turns):
        text = _asked(turn)
        if not text:
            continue
        before.insert(0, without_lead(text))
        if lean_of(text) is Lean.NOT or len(before) == furthest:
            break
    if not before:
        return None
    return " ".join(before)[:_LONGEST_JOINED]


def _asked(turn: Turn) -> str:
    """What somebody asked; nothing where they only greeted or thanked."""
    text = without_mark(turn.text).strip() if turn.role == "user" else ""
    return "" if courtesy_of(text) is not None else text


def _han(text: str) -> int:
    return sum("\u3400" <= letter <= "\u9fff" for letter in text)
