"""The words in which models say that the documents do not hold an answer, in both languages. Pure.

They are looked for at the beginning of a text that is folded (`knowledge_base.terms.normalise`) and
on one line. A list like this is never whole; what it misses is shown as an answer, and marked.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from core.phrases import BEYOND, any_of, maybe, onwards, run, text_end, then, up_to, word_end

_WORD: Final = run(str.isalnum, 1, 20)
_MARKS: Final = run(lambda letter: letter in " ,.:;!-、。", 0, 4)

# English. What is named "may claim" is a claim about a document where it names a passage.

_THING: Final = then(
    any_of("document", "passage", "source", "text", "context", "excerpt", "material"), maybe("s")
)
_THE: Final = then(
    any_of("the", "these", "those", "your", "my", "our", "this", "any of the", "any"),
    " ",
    up_to(2, any_of("provided", "given", "available", "above", "following", "retrieved"), " "),
    maybe(_WORD, " "),
    _THING,
    maybe(" ", any_of("provided", "given", "above", "here", "i have", "you provided", "available")),
)
_NONE_OF_THEM: Final = then(
    any_of("no", "none of the", "none of these", "neither of the"),
    " ",
    maybe(_WORD, " "),
    _THING,
    maybe(" here"),
    " ",
)
_NOT: Final = any_of(
    *("do not", "does not", "did not", "don't", "doesn't", "didn't"),
    *("cannot", "can't", "can not"),
)
_HOW: Final = any_of(
    "explicitly", "directly", "actually", "specifically", "clearly", "seem to", "appear to"
)
_SAY: Final = any_of(
    *("say", "said", "state", "stated", "mention", "mentioned", "specify", "specified", "tell"),
    *("answer", "answered", "indicate", "indicated", "explain", "explained", "clarify"),
)
_SAYS: Final = any_of(
    *("says", "states", "mentions", "specifies", "tells", "answers", "indicates", "explains", _SAY)
)
_HOLD: Final = then(
    any_of("contain", "include", "provide", "hold", "give", "address", "cover", "describe"),
    maybe(any_of("ed", "es", "d", "s")),
)
_FACTS: Final = any_of("information", "info", "details", "detail", "mention", "answer")
_ANY: Final = up_to(
    2,
    any_of("any", "enough", "sufficient", "specific", "relevant", "such", "that", "this", "the"),
    " ",
)
_POLITE: Final = any_of(
    *("my apologies", "i apologize", "i apologise"),
    *("unfortunately", "regrettably", "sadly", "hello", "hi", "no", "answer", "the answer is"),
    then(
        maybe(any_of("i'm", "i am", "we're", "we are"), " "),
        maybe(any_of("very", "so", "really"), " "),
        any_of("sorry", "afraid"),
        maybe(" to say"),
    ),
    then(any_of("according to", "based on", "from", "in"), " ", _THE),
)
_LEAD: Final = up_to(
    3,
    _POLITE,
    maybe(" for ", any_of("the", "any"), " ", any_of("inconvenience", "confusion")),
    _MARKS,
    maybe(any_of("but", "that"), " "),
)
_DENIES: Final = any_of(
    then(_THE, " ", _NOT, maybe(" ", _HOW), " ", _SAY, word_end),
    then(_THE, " ", any_of("say nothing", "says nothing"), word_end),
    then(_NONE_OF_THEM, _SAYS, word_end),
    then("nothing in ", _THE, " ", _SAYS, word_end),
    then(
        any_of("it", "this", "that", "the answer"),
        maybe(" information"),
        any_of(" is not ", " isn't "),
        maybe(_HOW, " "),
        any_of("said", "stated", "mentioned", "specified", "given", "found", "provided"),
        any_of(" in ", " by "),
        _THE,
    ),
    then(
        any_of("not found", "not mentioned", "not stated", "not specified"),
        maybe(" in ", _THE),
        text_end,
    ),
    then(any_of("i don't know", "i do not know"), word_end),
)
_MAY_CLAIM: Final = any_of(
    then(_THE, " ", _NOT, " ", maybe(_HOW, " "), _HOLD, word_end),
    then(_THE, " ", _NOT, " have ", _ANY, _FACTS, word_end),
    then(_NONE_OF_THEM, _HOLD, word_end),
    then(
        any_of("there is no ", "there is nothing ", "there was no ", "there's no "),
        maybe(_WORD, " "),
        any_of(
            then(_FACTS, any_of(" about", " on", " of", " regarding", " in", text_end)),
            *("about", "regarding"),
        ),
        word_end,
    ),
    then(
        any_of(
            then(any_of("i ", "we "), any_of(_NOT, "could not", "couldn't")),
            then(
                any_of("i'm", "we're", "i am", "i was", "we are", "we were"),
                any_of(" unable to", " not able to"),
            ),
        ),
        " ",
        any_of(
            then(any_of("find", "see", "have", "locate"), " ", _ANY, maybe("an "), _FACTS),
            then("find ", any_of("it", "this", "that"), any_of(" in", " anywhere")),
            *("answer", "determine", "tell"),
        ),
        word_end,
    ),
)

# Chinese, without spaces.

_SOME: Final = run(lambda letter: letter not in ",。:", 0, 10)
_MATTER: Final = run(lambda letter: letter not in ",。;[", 1, 30)
_ZH_THING: Final = then(
    any_of("资料", "文档", "文件", "段落", "材料", "文中", "原文", "来源", "上下文"),
    maybe(any_of("里面", "之中", "当中", "中", "里", "内", "上")),
)
_ZH_THE: Final = then(
    up_to(
        4,
        any_of(
            *("所提供的", "提供的", "所给出的", "所给的", "给出的", "给定的", "所找到的", "找到的"),
            *(
                "检索到的",
                "现有的",
                "现有",
                "已有的",
                "已有",
                "以上的",
                "以上",
                "上述",
                "这些",
                "相关",
            ),
            *("所有", "该", "本", "您", "你", "的"),
        ),
    ),
    _ZH_THING,
)
_ZH_ADVERBS: Final = up_to(2, any_of("都", "均", "也", "并", "似乎", "暂时", "暂", "目前"))
_ZH_NOT: Final = any_of("没有", "没能", "没", "未能", "未曾", "未", "不曾", "无")
_ZH_HOW: Final = up_to(
    2,
    any_of("有", "明确", "直接", "具体", "明文", "详细", "任何", "相关的", "相关", "足够的", "地"),
)
_ZH_SAY: Final = any_of(
    *(
        "说明",
        "说到",
        "说",
        "提到",
        "提及",
        "写明",
        "写到",
        "写",
        "指出",
        "记载",
        "注明",
        "交代",
        "回答",
    ),
    *("信息", "内容", "答案", "描述"),
)
_ZH_HOLD: Final = any_of("提供", "给出", "包含", "包括", "涉及", "规定")
_ZH_FACTS: Final = any_of("信息", "资讯", "内容", "资料", "说明", "记载", "描述", "答案", "规定")
_ZH_POLITE: Final = any_of(
    *("答案是", "答案", "答", "回答", "您好", "你好", "目前", "可惜"),
    then(
        up_to(2, any_of("我", "很", "非常", "十分", "真的")),
        any_of("抱歉", "对不起", "遗憾", "不好意思"),
    ),
    then(
        any_of("根据", "依据", "按照", "基于"),
        _SOME,
        any_of(_ZH_THING, "内容", "信息"),
        maybe(any_of("来看", "看")),
    ),
    then(any_of("从", "在"), _ZH_THE, maybe(any_of("来看", "看"))),
)
_ZH_LEAD: Final = up_to(
    3, _ZH_POLITE, _MARKS, maybe(any_of("但是", "但", "不过")), maybe(any_of("我", "并"))
)
_ZH_DENIES: Final = any_of(
    then(_ZH_THE, _ZH_ADVERBS, _ZH_NOT, _ZH_HOW, _ZH_SAY),
    then(
        _ZH_ADVERBS,
        any_of("没有", "没", "未"),
        any_of("找到", "提及", "提到", "说明"),
        _ZH_HOW,
        maybe(_ZH_FACTS),
        text_end,
    ),
    then(maybe("我"), "不知道", text_end),
)
_ZH_MAY_CLAIM: Final = any_of(
    then(_ZH_THE, _ZH_ADVERBS, any_of(_ZH_NOT, "不"), _ZH_HOW, _ZH_HOLD),
    then(_ZH_ADVERBS, _ZH_NOT, any_of("提到", "提及")),
    then(
        maybe(_ZH_THE),
        _ZH_ADVERBS,
        _ZH_NOT,
        _ZH_HOW,
        maybe(any_of("找到", "查到", "看到", "提到", "提供", "包含")),
        maybe(any_of("关于", "有关", "对于", "对"), _MATTER, "的"),
        _ZH_HOW,
        _ZH_FACTS,
    ),
    then(
        maybe("我"),
        any_of("无法", "不能"),
        maybe(any_of("从", "根据", "在"), _SOME, _ZH_THING),
        any_of("找到", "得知", "确定", "判断", "回答", "获知", "知道", "得出"),
    ),
)


@dataclass(frozen=True, slots=True)
class Denial:
    """That nothing is said, at the beginning of a sentence."""

    rest: str
    """What the sentence says behind it."""
    may_claim: bool
    """With a passage named for it, it is a claim about a document."""


def denial_in(folded: str) -> Denial | None:
    """The denial that a folded text begins with."""
    return _looked_for(folded)[0]


def may_become_denial(folded: str) -> bool:
    """Whether a text that goes on like this may yet begin with one."""
    return _looked_for(folded)[1]


@lru_cache(maxsize=16)
def _looked_for(folded: str) -> tuple[Denial | None, bool]:
    # One text is asked about several times while it is judged.
    found: Denial | None = None
    is_open = False
    for text, lead, denies, may_claim in (
        (folded, _LEAD, _DENIES, _MAY_CLAIM),
        (folded.replace(" ", ""), _ZH_LEAD, _ZH_DENIES, _ZH_MAY_CLAIM),
    ):
        starts = lead(text, 0)
        for phrase in (denies, may_claim):
            ends = onwards(phrase, text, starts)
            is_open = is_open or BEYOND in ends
            end = max(ends, default=BEYOND)
            if found is None and end > BEYOND:
                found = Denial(text[end:], phrase is may_claim)
    return found, is_open
