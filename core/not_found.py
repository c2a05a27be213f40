"""What an engine writes where no passage holds the answer, in whatever words it says so. Pure.

Our prompts ask for one sentence ("The documents do not say"); models put it in quotes, behind an
apology, with another verb. What goes on to answer all the same is an answer.
"""

from __future__ import annotations

import re
from typing import Final

from core.numerals import claimed_numbers
from knowledge_base.sentences import sentences
from knowledge_base.terms import normalise

_MARKER: Final = re.compile(r"\[\d+\]")
_HIDDEN: Final = re.compile(r"[\u200b-\u200f\u2060\ufeff]")
_DECORATION: Final = "*_`#>~|-–—•·\"'“”‘’«»「」『』【】〖〗《》()[]{}.,:;!。，：；！、 \t\r\n"
_THINGS: Final = r"(?:documents?|passages?|sources?|texts?|context|excerpts?|materials?)"
_SAYING: Final = (
    r"(?:say|says|said|state[sd]?|mention(?:s|ed)?|specif(?:y|ies|ied)|tells?|answer(?:s|ed)?|"
    r"indicates?|explains?|({other}contain(?:s|ed)?|includes?|provides?|holds?|gives?|"
    r"address(?:es)?|covers?|describes?))\b"
)
"""With a marker, what stands from `other` on may be a claim about a document."""
_NOT: Final = r"(?:do|does|did)(?:\s+not|n't|\s*n’t)|cannot|can't"
_ENGLISH: Final = re.compile(
    r"(?:(?:i(?:'m| am) )?(?:sorry|afraid)(?: to say)?(?: that)?|unfortunately|answer|"
    r"(?:according to|based on|from) (?:the|these) (?:\w+ )?" + _THINGS + r")?[\s,.:;!-]*(?:but )?"
    r"(?:"
    rf"(?:the|these|your|my|our) (?:\w+ ){{0,2}}?{_THINGS}"
    r"(?: (?:provided|given|above|here|i have))?"
    rf" (?:{_NOT})(?: (?:explicitly|directly|actually|specifically|clearly|seem to|appear to))?"
    rf" {_SAYING.format(other='?P<wide>')}"
    rf"|(?:no|none of the|neither of the) (?:\w+ )?{_THINGS} (?:here )?{_SAYING.format(other='?:')}"
    rf"|(?:it|this|that)(?: information)? is not (?:said|stated|mentioned|specified|given)"
    rf" in the (?:\w+ )?{_THINGS}"
    r"|not (?:found|mentioned|stated|specified)(?: in the (?:\w+ )?" + _THINGS + r")?[.!]*$"
    r"|there is no (?:\w+ )?information (?:about|on) "
    r")"
)
_CHINESE: Final = re.compile(
    r"(?:(?:很)?(?:抱歉|对不起|遗憾|不好意思)|答案?|回答|根据[^，,。]{0,10}(?:资料|文档|段落|文件|内容|信息))?"
    r"[\s，,。：:]*(?:但是?)?"
    r"(?:(?:所?(?:提供|给出|给定|找到|检索到)的|现有的?|已有的?|以上|上述|这些|相关|所有|该|本)*"
    r"(?:资料|文档|文件|段落|材料|文中|原文|来源)(?:里面|中|里|内|上)?"
    r"(?:都|均|也|并|似乎|暂)*(?:没有|没|未|未能|并未|不曾)(?:有)?"
    r"(?:明确|直接|具体|明文|详细|任何)*(?:地)?"
    r"(?:说明|说到|说|提到|提及|写明|写|指出|记载|注明|交代|回答|相关信息|相关内容|(?P<wide>提供|给出|包含|涉及))"
    r"|(?:未|没有|没)(?:找到|提及|提到|说明)(?:相关的?(?:信息|内容|资料))?[。.]*$)"
)
_GOES_ON: Final = re.compile(
    r"\b(?:but|however|though|although|yet|only|except|instead)\b|[;；]|但|不过|然而|只(?!有这)|仅|而是|可是"
)
_CLAUSE: Final = re.compile(r"[,，:：—]")


def is_not_found(sentence: str, asked: str = "") -> bool:
    """Whether a sentence says that nothing is said, and claims nothing besides: no other number
    than the question's, and nothing behind a "but"."""
    folded = _plain(_MARKER.sub("", sentence))
    opening = _opening(folded)
    if opening is None or (opening["wide"] and _MARKER.search(sentence)):
        return False
    rest = opening.string[opening.end() :]
    if _GOES_ON.search(rest):
        return False
    return not asked or set(claimed_numbers(rest)) <= set(claimed_numbers(normalise(asked)))


def says_not_found(text: str) -> bool:
    """Whether an answer begins with it and then names no passage for anything."""
    spans = sentences(_HIDDEN.sub("", text))
    # A mark or a label may stand alone before it.
    first = next((n for n, span in enumerate(spans) if _is_said(span.text)), None)
    if first is None:
        return False
    sentence = spans[first].text
    if not is_not_found(sentence) or any(_MARKER.search(span.text) for span in spans[first + 1 :]):
        return False
    clauses = _CLAUSE.split(sentence)
    return not (len(clauses) > 1 and _ends_cited(clauses[-1], clauses[0]))


def _ends_cited(last: str, first: str) -> bool:
    """Whether what follows the denial has a number in it and a passage for it."""
    return (
        _opening(_plain(first)) is not None
        and _MARKER.search(last) is not None
        and any(True for _ in claimed_numbers(_plain(_MARKER.sub("", last))))
    )


def _is_said(text: str) -> bool:
    return any(letter.isalpha() for letter in _MARKER.sub("", text))


def _opening(folded: str) -> re.Match[str] | None:
    return _ENGLISH.match(folded) or _CHINESE.match(folded.replace(" ", ""))


def _plain(text: str) -> str:
    """Folded, on one line, without what it is wrapped in."""
    folded = normalise(_HIDDEN.sub("", text)).replace("’", "'")
    return re.sub(r"\s+", " ", folded).strip(_DECORATION)
