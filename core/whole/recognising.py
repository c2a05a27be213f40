"""Questions about the whole of something, told from ordinary ones without a model. Pure.

It says what is wanted and which words name the document; whether there is such a document is found
out afterwards (`core.whole.naming`), and where there is none, the question is an ordinary one.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from core.whole import chinese, english
from core.whole.kinds import Kind
from core.whole.sorts import SORTS
from knowledge_base.terms import normalise

_LONGEST: Final = 160
"""Characters; a longer text tells something, and what it wants is not said in these few forms. The
patterns take time with the square of the length, or more."""
_LONGEST_HAN: Final = 120
_BLANKS: Final = re.compile(r"\s+")
_HAN: Final = re.compile(r"[\u3400-\u9fff]")
_ENDS: Final = re.compile(
    r"(?i)[\s.!?。！？~～…]+$|,? (?:please|pls|thanks|thank you)\W*$|(?:谢谢)\W*$"
)

_WITHIN: Final = re.compile(
    r"(?i)\s(?:(?:mentioned|named|given|listed|stated|contained|described|found|set out)\s+)?"
    r"(?:in|from|of|within|across|inside|by)\s|\s(?:that|which)\s(?:stand|are|appear)\sin\s"
)
_NO_TOPIC: Final = re.compile(
    r"(?i)(?:about|of (?:it|them|this|that|us|you)|it|that|this|them|the time|day|night|in all|"
    r"right|good|else|other|others|your|you|i|we)\b(?! (?:deadlines|dates|fees))"
)
_IS_SENTENCE: Final = re.compile(
    r"(?i)\b(?:is|are|was|were|be|do|does|did|can|could|may|might|must|should|shall|will|would|has|"
    r"have|had|get|gets|need|needs|when|why|how|who|whom|want|said|think|day long)\b"
)
_SAID: Final = re.compile(
    r"(?i)\b(?:(?:conversation|chat|discussion|discussed|thread|dialogue|debate|messages?)(?!\.\w)|"
    r"(?:we|i|you|they|he|she|everybody|everyone|somebody|people) (?:\w+ )?(?:said|wrote|talked|"
    r"discussed|decided|asked)|last (?:hour|week|day|few)|so far|yesterday|above|meeting today|"
    r"(?:your|the|that|previous|last) (?:answer|reply|response))\b|"
    r"对话|聊天|讨论|刚才|刚刚|上面|以上|我们[说聊讲]|群里|消息|会话|聊的|说的话|你的回答|"
    r"上一?个回答|前面"
)

_EVERYTHING: Final = re.compile(
    r"(?i)\beverything\b|\b(?:every|each) (?:\w+ ){0,2}(?:document|file|doc|pdf|text)\b|"
    r"\ball\b.*\b(?:documents|files|docs|pdfs|texts|sources|uploads)\b|\bknowledge ?base\b|"
    r"(?:所有|全部)的?(?:\w{0,4}的)?(?:文件|文档|资料|材料|文章|附件)|每一?[份个篇](?:文件|文档|资料)|知识库"
)
_NO_DOCUMENT: Final = ("other", "topic", "sort")
"""Groups of a pattern: the second document, what is to be listed, a known sort of it."""
_POINTS: Final = re.compile(
    r"(?i)(?:it|this|that|these|those|them|all (?:of )?(?:this|that|it)|the above|它们?|这个?|"
    r"那个?|这些|那些|此)?"
)
_GENERIC_EN: Final = re.compile(
    r"(?i)(?<![\w.-])(?:this|that|these|those|the|it|its|them|a|an|my|our|your|of|in|from|for|on|"
    r"attached|uploaded|above|latest|newest|last|new|old|older|newer|previous|current|recent|whole|"
    r"entire|full|complete|all|every|each|"
    r"both|two|single|content|contents|documents?|files?|docs?|pdfs?|papers?|texts?|articles?|"
    r"reports?|uploads?|pages?|things?|ones?|everything|attachments?|spreadsheets?|tables?|slides?|"
    r"presentations?|books?|texts|please|here|there|above|called|named|titled|just|only|channel|"
    r"channel's|knowledge|base|have|has|i|we|you|sent|shared|posted|added|up)(?![\w.-]*\w)"
)
_GENERIC_ZH: Final = re.compile(
    r"这|那|该|此|本|其|整|全|的|所有|全部|每|[一两二几]?[个份篇本页段张]|个|份|篇|文件|文档|文章|"
    r"资料|材料|附件|全文|内容|"
    r"现在的?|当前|目前|旧|新|老|原来|以前|之前|上传|发|刚|最新|最近|最后|里面?|中间?|内|它们?|"
    r"我们?|你们?|下|一下|请|名为|叫做?|叫|两|二|知识库"
)


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a question wants, and of what."""

    kind: Kind
    of: str = ""
    """The words that name the document; empty where none do."""
    other: str = ""
    """Of a comparison, the words for the second; empty where the first stand for both."""
    topic: str = ""
    """Of `ALL`: what is to be listed."""
    strictly: bool = False
    """Many ordinary questions read the same: only a document's very name makes it one of these."""


def wanted(text: str) -> tuple[Wanted, ...]:
    """What a text may want of whole documents, the likeliest first; nothing: it is ordinary."""
    asked = _BLANKS.sub(" ", text).strip()
    asked = asked.strip(" \"“”'‘’*_")
    is_chinese = _HAN.search(asked) is not None
    if not asked or len(asked) > (_LONGEST_HAN if is_chinese else _LONGEST):
        return ()
    bare = _ENDS.sub("", asked)
    forms = chinese if is_chinese else english
    readings = (*chinese.READINGS, *english.READINGS) if is_chinese else english.READINGS
    found: list[Wanted] = []
    for candidate in dict.fromkeys((bare, forms.POLITE.sub("", bare))):
        for kind, strictly, pattern in readings:
            match = pattern.fullmatch(candidate)
            if match is not None:
                found += _read(kind, match.groupdict(), strictly=strictly)
    return tuple(dict.fromkeys(found))


def is_generic(words: str) -> bool:
    """Whether words name a document without saying which: "this file", 「这份文档」."""
    return not _core(words)


def is_everything(words: str) -> bool:
    """Whether no document is left out: "all documents", 「知识库」."""
    return _EVERYTHING.search(words) is not None and is_generic(words)


def points(words: str) -> bool:
    """Whether they only point at something, which may be anything that was said: "it", 「这个」."""
    return _POINTS.fullmatch(words.strip()) is not None


def core_of(words: str) -> str:
    """The words without those that any document may be called by."""
    return _core(words)


def _read(kind: Kind, groups: dict[str, str | None], *, strictly: bool) -> list[Wanted]:
    other, topic, sort = (_trimmed(groups.get(name) or "") for name in _NO_DOCUMENT)
    # Every other group of a pattern is one way in which it names the document.
    of = _trimmed(
        next((own for name, own in groups.items() if own and name not in _NO_DOCUMENT), "")
    )
    if sort:
        is_known = any(known.asked.fullmatch(normalise(sort)) for known in SORTS)
        return [Wanted(kind, of, topic=sort, strictly=strictly)] if is_known else []
    if any(_SAID.search(part) for part in (of, other, topic)):
        return []
    if kind is Kind.COMPARISON:
        is_whole = other or groups.get("both")
        return [Wanted(kind, of, other, strictly=strictly)] if of and is_whole else []
    if kind is not Kind.ALL:
        return [Wanted(kind, of, strictly=strictly)]
    if not topic or _NO_TOPIC.match(topic) or (strictly and _IS_SENTENCE.search(topic)):
        return []
    splits = [Wanted(kind, of, topic=topic)]
    if not of:
        # From the last on: "all dates of the exam in rules.pdf".
        splits[:0] = [
            Wanted(kind, _trimmed(topic[place.end() :]), topic=_trimmed(topic[: place.start()]))
            for place in reversed(list(_WITHIN.finditer(topic)))
        ]
    return [split for split in splits if split.topic]


def _trimmed(words: str) -> str:
    return words.strip(" ,;:，；：、。.?!？！\"“”'‘’「」《》*_")


def _core(words: str) -> str:
    left = _GENERIC_EN.sub(" ", words.casefold())
    left = _GENERIC_ZH.sub(" ", left)
    return " ".join(re.sub(r"(?:^|\s)(?:的|里|中|内|'s|s)(?=\s|$)", " ", left).split())
