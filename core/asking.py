"""Whether something that nobody addressed to us reads as a question to everybody. No model; pure.

It errs on the side of silence: small talk, a question to somebody, or one about the chat itself is
none. What passes is still answered only where the documents clearly say something about it.
"""

from __future__ import annotations

import re
from typing import Final

_LONGEST: Final = 1500
"""A text of more characters tells something; who wants an answer to it can address us."""
_LEAST_WORDS: Final = 3
_LEAST_HAN: Final = 4

_NOT_SAID: Final = re.compile(
    r"(?s:```.*?(?:```|\Z))|`[^`\n]*`|^[^\S\n]*>.*$|https?://\S+", re.MULTILINE
)
"""Code, quoted lines and addresses; what stands in the lines around them was said."""
_TO_SOMEBODY: Final = re.compile(r"^\s*@\S")
_SENTENCE: Final = re.compile(r"[^.!?。！？;；\n]+[.!?。！？;；]*")
_WORD: Final = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)*|\d+")
_HAN: Final = re.compile(r"[\u3400-\u9fff]")

_GREETING: Final = re.compile(
    r"(?i)^\W*(?:(?:hi|hello|hey|hiya|good (?:morning|evening|afternoon|day)|dear)\b"
    r"(?: (?:all|everyone|everybody|folks|guys|there|team|people))?|(?:ok(?:ay)?|so|well|um+|btw|"
    r"sorry|excuse me|please|quick question|question|just wondering|one more thing)\b)[\s,.!:;-]*"
)
_ASKS: Final = re.compile(
    r"(?i)^\W*(?:(?:and|but|also|or|in|on|at|to|for|from|by|with|about|until|since|under) )?"
    r"(?:what|which|who|whom|whose|when|where|why|how)\b"
)
_ASKS_YES: Final = re.compile(
    r"(?i)^\W*(?:is|are|was|were|does|do|did|can|could|may|must|should|will|would|has|have|isn't|"
    r"aren't|doesn't|don't|didn't|can't|shouldn't|won't)\s+(?!you\b)\w+"
)
_INDIRECT: Final = re.compile(
    r"(?i)\b(?:(?:does|do) (?:anyone|anybody|someone|somebody) (?:here )?know\b|"
    r"(?:can|could|would) (?:anyone|anybody|someone|somebody) (?:here |please )*"
    r"(?:tell|explain|help)|"
    r"any (?:ideas?|hints?|clue|tips) (?:how|what|when|where|why|which|who|if|whether|on)\b|"
    r"(?:i (?:would|want|need|'d)|i'd) (?:like )?to know\b|i (?:don't|do not|can't) (?:know|find|"
    r"figure|see|understand) (?:out )?(?:how|what|when|where|why|which|who|if|whether)\b|"
    r"(?:i am|i'm|was|just) wondering (?:how|what|when|where|why|which|who|if|whether)\b|"
    r"(?:how|where|when|what) (?:do|can|should|does|could) (?:i|we|one|you) \w+)"
)
_TO_YOU: Final = re.compile(
    r"(?i)\b(?:are|were|did|have|will|would|do|can|could|don't|aren't|didn't) (?:you|u|y'all|ya)\b"
    r"|\b(?:you|your|yours|u|ur)\b\W*$|\bhow(?:'s| is| are) (?:it|you|everyone|everybody|things|"
    r"everything|life)\b|\bwhat(?:'s| is) (?:up|new|going on|wrong with you)\b"
)
_HOW_YOU: Final = re.compile(r"(?i)\b(?:how|where|when|what) (?:do|can|should|would|could) you \w+")
"""Meant for anybody: "How do you clean it?"."""
_SMALL: Final = re.compile(
    r"(?i)^\W*(?:who(?:'s| is| are)? (?:here|there|in|up|online|coming|joining|free|wants?)|"
    r"who (?:else|cares|knows|asked)|any(?:one|body)\b(?! know)|"
    r"is any(?:one|body) (?:here|there|online|around|up|free|else)|what the\b|what a\b|"
    r"how (?:about (?:that|we|you)|dare|come\W*$|(?:nice|cool|sad|funny|cute|rude))|why not|"
    r"what (?:if we|about you|do you (?:think|mean)|are you)|what\W*$|so what|guess what|"
    r"you know what|is (?:that|this|it) (?:so|true|you|right|a joke)\W*$|"
    r"can we (?:please )?(?:just )?(?:go|stop|talk|meet|play)|shall we|should we|may i\W*$)"
)

_ZH_ASKS: Final = re.compile(
    r"什么|怎么|怎样|如何|为什么|为何|哪[里儿个些种位天年次一款条]|何[时处]|几[点号个天次月年台]|多少|多[久长大远高重贵]"
    r"|谁|是否|能否|可否|有没有|能不能|可不可以|可以不可以|是不是|会不会|需不需要|要不要|该不该|啥|咋|请问|求问|"
    r"怎办|求助"
)
_ZH_ENDS: Final = re.compile(r"(?:吗|么|嘛|呢)\s*[？?。.！!~～]*\s*$")
_ZH_MARK: Final = re.compile(r"[？?]")
_ZH_TO_YOU: Final = re.compile(
    r"(?:^|[，,])\s*(?:你们?|您)(?!好)|(?:你们?|您)(?:觉得|说|看|在|呢|吃|睡|来|去|是谁|干|咋|怎么(?:了|看|想))"
)
_ZH_SMALL: Final = re.compile(
    r"^\W*(?:.{0,6}(?:在吗|在不在|在么|吃了吗|睡了吗|好吗|对吗|是吗|真的吗|对吧|行吗|可以吗|懂吗|知道吗|"
    r"怎么了|什么鬼|什么情况|干嘛|干啥|咋了|为什么呢?)|[这那]?是?什么(?:意思)?|有人(?:在|吗|一起|要).*|"
    r"谁(?:要|来|去|在|懂啊).*|怎么(?:这么|那么|会这样|可能|又).*|(?:这|那)(?:是)?什么(?:鬼|啊|呀|东西).*)"
    r"\s*[？?。.！!~～啊呀呢]*\s*$"
)
_ZH_STATES: Final = re.compile(
    r"(?:不管|无论|没什么|没啥|不知道为什么|什么都|怎么都|谁都|哪里都|多少有|没有什么|为什么不|看什么|说什么|"
    r"知道(?:了)?(?:怎么|什么)|告诉.{0,4}(?:怎么|什么))"
)
_ZH_BARE: Final = re.compile(
    r"怎么(?:办|[^\s，。]{1,8}$)|如何[^\s，。]{2,10}$|多少(?:钱|天|次)?$|是什么$|在哪(?:里|儿)?$|"
    r"有没有.{2,}$"
)
"""Without a question mark."""

_GOES_ON: Final = re.compile(
    r"(?i)^\W*(?:(?:and|or|but|so|then|also|what about|how about|same for|what|which|who|whose|"
    r"when|where|why|how|is|are|does|do|did|can|could|may|must|should|will|would)\b(?! (?:you|it) "
    r"(?:very much|works?)\b)|(?:please )?(?:tell|explain|show|list|give|describe|summari[sz]e|"
    r"compare|find|translate|help|say|quote|continue|go on|more|repeat|try)\b)"
)
_ZH_GOES_ON: Final = re.compile(
    r"^\W*(?:请|那么?|还有|另外|然后|如果|要是|告诉|解释|列出|说说|说明|介绍|总结|比较|详细|翻译|帮|再|继续|举)"
)
_REMARK: Final = re.compile(
    r"(?i)^\W*(?:(?:thanks?|thank you|thx|ty|cheers|ok(?:ay)?|k|great|nice|cool|perfect|awesome|"
    r"got it|i see|yes|yeah|yep|no|nope|nah|sure|good|fine|right|exactly|lol|haha+|wow|oh|ah|hm+|"
    r"sorry|never ?mind|nvm|bye|it works|that works|works|solved|fixed|done)\b|谢谢|多谢|感谢|好的|"
    r"好吧|可以了|懂了|明白|知道了|是的|对的|不是|没事|不用|算了|解决了|搞定|哈哈|再见|辛苦|"
    r"[好嗯哦啊行对](?:$|[\W啦了呢的]))"
)


def goes_on(text: str) -> bool:
    """Whether somebody who asked us a moment ago asks on; here we are whom they talk to."""
    said = _NOT_SAID.sub(" ", text).strip()
    if not said or _TO_SOMEBODY.match(said) or said[0] in "/!":
        return False
    if _REMARK.match(said):
        return reads_as_question(text)
    # From the end on: from the beginning, each of many marks would be followed to the end.
    last = re.search(r"\w", said[::-1])
    ending = said if last is None else said[len(said) - last.start() :]
    marked = re.search(r"[?？]", ending) and (
        len(_WORD.findall(said)) > 1 or len(_HAN.findall(said)) > 1
    )
    opens = _GOES_ON.match(said) or _ZH_GOES_ON.match(said) or _ZH_ENDS.search(said)
    return bool(marked or opens) or reads_as_question(text)


def is_remark(text: str) -> bool:
    """Whether it is thanks, a yes or a no, or hardly a word; said to somebody else, too."""
    said = _NOT_SAID.sub(" ", text).strip()
    if not said or _TO_SOMEBODY.match(said) or said[0] in "/!":
        return True
    short = len(_WORD.findall(said)) < _LEAST_WORDS and len(_HAN.findall(said)) < _LEAST_HAN
    return short or bool(_REMARK.match(said))


def reads_as_question(text: str) -> bool:
    """Whether one of its sentences asks for something that a document could say."""
    said = _NOT_SAID.sub(" ", text).strip()
    if not said or len(said) > _LONGEST or _TO_SOMEBODY.match(said) or said[0] in "/!":
        return False
    return any(_asks(match.group()) for match in _SENTENCE.finditer(said))


def _asks(sentence: str) -> bool:
    sentence = sentence.strip()
    if len(_HAN.findall(sentence)) >= 2:
        return _asks_zh(sentence)
    return _asks_en(sentence)


def _asks_en(sentence: str) -> bool:
    bare = sentence
    while (shorter := _GREETING.sub("", bare, count=1)) != bare:
        bare = shorter
    if len(_WORD.findall(bare)) < _LEAST_WORDS or _SMALL.search(bare):
        return False
    if _TO_YOU.search(bare) and not _HOW_YOU.search(bare) and not _INDIRECT.search(bare):
        return False
    if _INDIRECT.search(bare):
        return True
    return "?" in bare[-3:] and bool(_ASKS.search(bare) or _ASKS_YES.search(bare) or _late(bare))


def _late(sentence: str) -> bool:
    """The question stands behind a comma: "If it rains, where do we meet?"."""
    last = re.split(r"[,:]|\s[-–—]\s", sentence)[-1]
    if last == sentence:
        return False
    return bool(_ASKS.search(last) or _ASKS_YES.search(last))


def _asks_zh(sentence: str) -> bool:
    if len(_HAN.findall(sentence)) < _LEAST_HAN and not re.search(r"[A-Za-z0-9]{2}", sentence):
        return False
    polite = re.search(r"请问|求问|求助|谁知道|有人知道|有没有人知道", sentence)
    if _ZH_SMALL.search(sentence) and not polite:
        return False
    if _ZH_TO_YOU.search(sentence) and not polite:
        return False
    marked = bool(_ZH_MARK.search(sentence[-3:]))
    if _ZH_STATES.search(sentence) and not marked:
        return False
    if marked:
        return bool(_ZH_ASKS.search(sentence) or _ZH_ENDS.search(sentence))
    return bool(polite or _ZH_ENDS.search(sentence) or _ZH_BARE.search(sentence))
