"""Questions about the conversation itself: what was said, what somebody missed. Pure.

No document answers them. Of a group nothing is known but what was addressed to us, and that is
said; of the asker's own conversation, what was asked is listed.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from core.inert import inert
from core.inquiry import Inquiry
from core.language import Words
from core.links import Addresses, without_links
from core.summaries import is_told
from core.whole import chinese, english

_LONGEST: Final = 80
"""Characters; whoever writes more than that means something in particular."""
_SHOWN: Final = 200
"""Characters of a question that is listed."""
_ENDS: Final = re.compile(r"(?i)(?:[\s.!?。！？~～…,，]|\b(?:please|pls|thanks)\b|谢谢)+$")
_PEOPLE: Final = (
    r"(?:we|they|you|people|folks|everyone|everybody|(?:the )?others|all of us|you all|you guys)"
)
_SAYING: Final = (
    r"(?:say|said|saying|talk(?:ed|ing)? about|discuss(?:ed|ing)?|chat(?:ted|ting)? about)"
)
_TALK: Final = r"(?:chat|conversation|discussion|thread|messages|dialogue|debate)"
_WHERE: Final = (
    r"(?: (?:here|above|so far|today|yesterday|earlier|before|first|lately|recently|just now|"
    r"this (?:morning|week)|while i was (?:away|gone|out|asleep|offline)|"
    rf"in (?:here|this|the) ?(?:{_TALK}|channel|group|server)?)){{0,3}}"
)
_ENGLISH: Final = re.compile(
    rf"what (?:have i|had i|did i|i) miss(?:ed)?{_WHERE}|"
    rf"(?:catch|fill) me (?:up|in)(?: (?:on|with) (?:this|the|our|that) (?:{_TALK}|channel|group))?"
    rf"{_WHERE}|"
    r"(?:summari[sz]e|sum up|recap|tl;?dr(?: of)?|(?:a )?(?:summary|recap) of)"
    r" (?:(?:this|the|our|today's|yesterday's|whole|entire|last|recent) ){0,3}"
    rf"{_TALK}{_WHERE}|"
    r"(?:(?:summari[sz]e|sum up|recap|tell me) )?what (?:did |have |has |were |was )?"
    rf"{_PEOPLE}(?: (?:have|were|was|been)){{0,2}} {_SAYING}{_WHERE}|"
    rf"what (?:did|have) i (?:ask|asked|say|said)(?: you)?{_WHERE}",
    re.IGNORECASE,
)
_WHO_ZH: Final = (
    r"(?:我们|大家|他们|你们|群里面?|本群|这个群|频道里?|这里|这儿|今天|昨天|刚才|刚刚|之前|上面|"
    r"最近|这次|这段|那段|在|都|的)"
)
_SAID_ZH: Final = r"(?:聊|说|讨论|谈|谈论)(?:了|过|的是|到|的)?(?:些|一些|都是)?(?:什么|啥|哪些)"
_CHINESE: Final = re.compile(
    r"我?(?:刚才|之前|今天|昨天)?(?:错过|漏掉|漏看)了?(?:些|一些)?(?:什么|啥|哪些)(?:消息|内容)?|"
    r"(?:总结|概括|归纳|回顾|梳理|小结|概述)(?:一下|下)?"
    rf"{_WHO_ZH}{{0,5}}(?:聊天(?:记录|内容)?|对话|讨论|消息|谈话|聊的|说的(?:话)?|{_SAID_ZH})(?:的?内容)?|"
    rf"{_WHO_ZH}{{1,5}}{_SAID_ZH}|"
    r"我(?:刚才|刚刚|之前|最先|一开始|今天|都){0,2}问(?:了|过)(?:你)?(?:些|一些)?(?:什么|啥|哪些)"
    r"(?:问题)?"
)


def asks_of_talk(text: str) -> bool:
    """Whether nothing else is asked for."""
    bare = _ENDS.sub("", text.strip())
    if not bare or len(bare) > _LONGEST:
        return False
    return any(
        pattern.fullmatch(candidate) is not None
        for form, pattern in ((english, _ENGLISH), (chinese, _CHINESE))
        for candidate in (bare, form.POLITE.sub("", bare))
    )


def told(question: Inquiry) -> str:
    """What we know of it."""
    _ = question.words
    return "\n\n".join("\n".join(part) for part in _parts(question, _) if part)


def _parts(question: Inquiry, _: Words) -> Iterator[list[str]]:
    is_ours = _is_ours(question)
    asked = [
        f"- {inert(turn.speaker)}: {inert(turn.text, _SHOWN)}"
        # In a group the turns are the asker's own.
        if turn.speaker and is_ours
        else f"- {inert(turn.text, _SHOWN)}"
        for turn in question.turns
        if turn.role == "user"
    ]
    if not is_ours:
        yield [
            _(
                "I do not read along here: I know only what is addressed to me, so I cannot tell "
                "what others said. `/privacy` says what I keep."
            )
        ]
        if asked:
            yield [_("What you asked me lately:"), *asked]
        return
    if question.recap is not None:
        said = without_links(question.recap.text, Addresses.of([], ()), _("(link removed)"))
        yield [_("What was said before, as the model sums it up:"), said]
    if asked:
        yield [_("What was asked here last:"), *asked]
    elif question.recap is None:
        yield [
            _(
                "Nothing was asked here yet that I still know of. `/privacy` says how long I keep "
                "what is."
            )
        ]


def _is_ours(question: Inquiry) -> bool:
    """Whether the conversation is the context: a private chat, a thread, or what a program sent."""
    return is_told(question.message) or question.message.context is not None
