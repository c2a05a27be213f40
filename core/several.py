"""Questions of two or three parts, told without a model: joined ones ("how long is the warranty and
who pays the shipping?") and those that compare ("日票和周票哪个便宜？"). Pure.

Each part is to be searched too, so that all of them are answered. It errs on the side of one: a
part that says too little by itself stays with the one before it, and what is not clearly of several
parts has none.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from core.evidence import content
from core.followup import Lean, lean_of, without_lead
from core.language import language_of

_MOST: Final = 3
_LONGEST: Final = 300
"""Characters; a longer text tells something too."""
_LONGEST_ALTERNATIVE: Final = 60
_OWN: Final = 2
"""Words of its own that a part in English says at least."""

_WH: Final = r"(?:who|whom|whose|what|when|where|which|why|how)"
_AUX: Final = r"(?:is|are|was|were|do|does|did|can|could|may|must|should|will|would|has|have|had)"
_SUBJECT: Final = r"(?:the|an?|i|you|we|they|he|she|it|this|that|these|those|people|one)"
"""Behind "what" or "how" it tells ("how it works") and does not ask ("how does it work")."""
_ASKS: Final = (
    rf"(?:(?:in|on|at|for|from|by|to|with|of|until|since|under|about)\s+)?(?:"
    rf"(?:who|whom|whose|what|which)(?:['’](?:s|re)\b|\b(?!\s+{_SUBJECT}\b)(?=\s+\w))|"
    rf"(?:when|where|why)(?:\s+{_AUX}\b|['’](?:s|re)\b)|"
    rf"how(?:\s+(?!{_SUBJECT}\b)[a-z]+){{0,4}}?\s+{_AUX}\b|"
    rf"how\s+(?:many|much)\s+(?!{_SUBJECT}\b)[a-z]+|how\s+to\s+[a-z]+)"
)
_OPENING: Final = re.compile(rf"(?i)^\W*(?:{_ASKS}|{_AUX}\s+\w+)")
_JOINT: Final = re.compile(
    rf"(?i)[\s,;?]*\b(?:and|but)\s+(?:also\s+|then\s+)?(?={_ASKS})|[;?]\s*(?={_ASKS})|"
    rf",\s*(?!which|who)(?={_ASKS})|"
    rf"[;?]\s*(?:(?:and|but)\s+)?(?={_AUX}\s+\w)|,\s*(?:and|but)\s+(?={_AUX}\s+\w)"
)
_WH_WORD: Final = re.compile(rf"(?i)\b{_WH}\b")
_EDGES: Final = " \t\n?？.。!！,，;；:："
_POLITE: Final = re.compile(
    r"(?i)^\W*(?:(?:hi|hello|hey|please|excuse me|sorry)\b[\s,.!]*)*(?:(?:(?:can|could|would|will) "
    r"(?:you|anyone|somebody|someone) (?:please )?tell (?:me|us)|(?:do|does) (?:you|anyone|anybody)"
    r" know|i(?: would|['’]d) like to know|(?:please )?tell me)\s*[,:]?\s+)?"
)
_INTRODUCES: Final = re.compile(r"(?i)\ban?\s+\w")
"""Speaks of something that was not spoken of before."""
_ATTRIBUTES: Final = re.compile(
    r"(?i)\b(?:prices?|costs?|fees?|(?:tele)?phone|numbers?|e-?mail|address|website|names?|sizes?|"
    r"colou?rs?|authors?|dates?|times?|deadlines?|(?:opening )?hours|ages?|height|weight|length|"
    r"width|population|capital|director|founder|owner|leader|title|purpose|reason|result|effect|"
    r"effects|difference|main|first|total|current|original|other|called|used|made|located|found)\b"
    r"|(?:电话|手机|联系|邮箱|地址|位置|网址|价格|费用|价钱|时间|日期|期限|名字|名称|作者|导演|主演|"
    r"主角|负责人|创始人|创办人|老板|人口|面积|首都|首府|结果|原因|目的|作用|特点|影响|区别|大小|"
    r"颜色|重量|高度|长度|年龄|性别|号码|方式|条件|要求|内容|其|具体|主要|最后|现在|目前|当时|一共|总共|往返|单程|全程|星期|周(?=几))"
)
"""What everything has one of: alone it asks for that of what was asked for before."""

_ZH_ASKS: Final = re.compile(
    r"什么|怎么|怎样|如何|为何|哪|(?<!好)几(?!乎|何|内亚)|多少|多[久长大远高重贵深宽]|谁|何[时处地]|啥|是否|"
    r"[能可]否|有没有|能不能|可不可以|是不是|会不会|要不要|需不需要|吗"
)
_ZH_JOINT: Final = re.compile(
    r"[，,；;。？?！!\s]*(?:以及|还有|另外|并且|同时)[，,]?|[，,；;。？?！!]+\s*|"
    r"(?<=[钱长久么吗里儿少天点大高远谁付])[和与]"
)
_ZH_POLITE: Final = re.compile(
    r"^\W*(?:(?:你好|您好|请问|请教|想问一下|想问下|问一下|我想知道|想知道|麻烦问下)[\s，,：:]*)+"
)
_ZH_GOES_ON: Final = re.compile(
    r"^(?:那么?|又|还|也|都|分别|大概|一般|后来|才|就|则|都)*(?:在|有|由|是|怎|什么|哪|[几多要需能可会被为用从到叫"
    r"属位谁如何应该得让使把给对与和跟占共并其他她它这那此])"
)
"""A clause without a subject of its own has that of the one before it."""

_ADJECTIVES: Final = (
    (r"cheap(?:er|est)|expensive|dear(?:er|est)|costly|affordable", "How much does {} cost?"),
    (r"long(?:er|est)|short(?:er|est)", "How long is {}?"),
    (r"high(?:er|est)|low(?:er|est)|tall(?:er|est)", "How high is {}?"),
    (r"big(?:ger|gest)|larg(?:er|est)|small(?:er|est)|spacious", "How large is {}?"),
    (r"fast(?:er|est)|quick(?:er|est)|slow(?:er|est)", "How fast is {}?"),
    (r"near(?:er|est)|clos(?:er|est)|farther|further|farthest", "How far is {}?"),
    (r"heav(?:ier|iest)|light(?:er|est)", "How heavy is {}?"),
    (r"old(?:er|est)|young(?:er|est)|newer|newest", "How old is {}?"),
    (r"earl(?:ier|iest)|later|latest", "When is {}?"),
    (r"better|best|safer|strong(?:er|est)|easier|warmer|quieter", "{}"),
)
"""What is compared, and what is asked of each for it."""
_ADJECTIVE: Final = (
    rf"(?:the\s+)?(?:(?:more|less|most|least)\s+[a-z]+|{'|'.join(own for own, _ in _ADJECTIVES)})"
)
_COMPARES: Final = (
    re.compile(
        r"(?i)^(?:which|what|who)\b(?P<pred>[^,:;?]{2,60})[,:;?]\s*(?P<all>[^:;?]+\bor\b[^:;?]+)$"
    ),
    re.compile(
        rf"(?i)^(?:which|what|who)\s+(?:one\s+)?(?P<pred>(?:is|are|was|were)\s+{_ADJECTIVE})\s+"
        r"(?P<all>[^:;?,]+\bor\b[^:;?,]+)$"
    ),
    re.compile(
        rf"(?i)^(?:is|are|was|were)\s+(?P<all>[^:;?]+?\bor\b[^:;?]+?)\s+(?P<pred>{_ADJECTIVE})$"
    ),
    re.compile(
        r"(?i)^(?:do|does|did)\s+(?P<all>[^:;?]+?\bor\b[^:;?]+?)\s+"
        r"(?P<pred>[a-z]+\s+(?:more|less|longer|most|least|longest))$"
    ),
    re.compile(
        rf"(?i)^(?:is|are|was|were)\s+(?P<x>[^,:;?]+?)\s+(?P<pred>{_ADJECTIVE})\s+than\s+"
        r"(?P<y>[^,:;?]+)$"
    ),
    re.compile(
        r"(?i)^(?:do|does|did)\s+(?P<x>[^,:;?]+?)\s+(?P<pred>[a-z]+\s+(?:more|less|longer))\s+"
        r"than\s+(?P<y>[^,:;?]+)$"
    ),
)
_OR: Final = re.compile(r"(?i)\s*,\s*(?:or\s+)?|\s+or\s+")
_TAIL: Final = re.compile(r"(?i)\s(?:of|at|in|on|for|from|to|with|by|during|per)\s.+$")

_ZH_ADJECTIVES: Final = (
    (r"便宜|贵|划算|省钱|实惠", "{}多少钱？"),
    (r"长|短|久", "{}多长？"),
    (r"高|低|矮", "{}多高？"),
    (r"大|小", "{}多大？"),
    (r"快|慢", "{}要多久？"),
    (r"远|近", "{}多远？"),
    (r"重|轻", "{}多重？"),
    (r"早|晚", "{}什么时候？"),
    (r"多|少", "{}有多少？"),
    (r"好|合适|方便|安全|耐用|值得", "{}"),
)
_ZH_ADJECTIVE: Final = rf"(?:{'|'.join(own for own, _ in _ZH_ADJECTIVES)})"
_ZH_ENDS: Final = r"(?:一?[些点]|得?多)?(?:吗|呢|么|啊|呀)?"
_ZH_COMPARES: Final = (
    re.compile(
        r"^(?P<all>[^，,；;？?]+?(?:[和与跟、]|还是)[^；;？?]+?)(?:相比|比起来|之间|之中|当中)?[\s，,：:]*"
        r"(?:哪一?[个种款家张样边项条台本间位辆]|谁)(?:的?价格)?(?:更|比较|最|要)*"
        rf"(?P<pred>{_ZH_ADJECTIVE}){_ZH_ENDS}$"
    ),
    re.compile(
        rf"^(?P<x>[^，,；;？?]+?)(?:更|比较)?(?:{_ZH_ADJECTIVE})?[，,\s]*还是(?P<y>[^，,；;？?]+?)"
        rf"(?:更|比较|最)?(?P<pred>{_ZH_ADJECTIVE}){_ZH_ENDS}$"
    ),
    re.compile(
        r"^(?P<x>[^，,；;？?]{2,}?)(?:是不是)?比(?![赛例较如分重亚特利萨])(?P<y>[^，,；;？?]{2,}?)(?:更|还|要)?"
        rf"(?P<pred>{_ZH_ADJECTIVE})(?:(?:一?[些点]|得?多)?[吗么])$"
    ),
)
_ZH_OR: Final = re.compile(r"[和与跟、，,]|还是")


@dataclass(frozen=True, slots=True)
class Part:
    """One of several things that are asked at once."""

    text: str
    """As it is searched for."""
    name: str
    """As the question has it."""


def parts_of(question: str) -> tuple[Part, ...]:
    """What is asked one by one, two or three; none where it is one question."""
    asked = without_lead(question)
    if len(asked) > _LONGEST:
        return ()
    chinese = language_of(asked) == "zh"
    mark = "？" if chinese else "?"
    bare = (_ZH_POLITE if chinese else _POLITE).sub("", asked, count=1).strip()
    found = _compared(bare.rstrip(" ?？。.!！"), chinese=chinese) or tuple(
        Part(f"{own}{mark}", own) for own in (_joined_zh(bare) if chinese else _joined(bare))
    )
    if not 2 <= len(found) <= _MOST or lean_of(found[0].text) is Lean.SURELY:
        return ()
    return found


def _joined(question: str) -> tuple[str, ...]:
    if not _OPENING.match(question):
        return ()
    parts = _gathered(question, _JOINT, bool, _stands)
    return parts if all(map(_asks_once, parts)) else ()


def _joined_zh(question: str) -> tuple[str, ...]:
    parts = _gathered(question, _ZH_JOINT, _asks_zh, _stands_zh)
    return parts if all(map(_asks_zh, parts)) else ()


def _gathered(
    question: str,
    joint: re.Pattern[str],
    asks: Callable[[str], bool],
    stands: Callable[[str], bool],
) -> tuple[str, ...]:
    """It cut at its joints, but not behind what asks nothing yet, nor before what leans on that."""
    joints = [found.span() for found in joint.finditer(question)]
    starts, ends = [0], []
    for number, (end, start) in enumerate(joints, start=1):
        following = joints[number][0] if number < len(joints) else len(question)
        if asks(question[starts[-1] : end]) and stands(question[start:following]):
            ends.append(end)
            starts.append(start)
    cuts = zip(starts, [*ends, len(question)], strict=True)
    return tuple(question[start:end].strip(_EDGES) for start, end in cuts)


def _asks_once(part: str) -> bool:
    return len(_WH_WORD.findall(part)) <= 1 and ("between" not in part or " and " in part)


def _stands(part: str) -> bool:
    """Whether it asks something that it says itself."""
    own = content(_ATTRIBUTES.sub(" ", part))
    enough = len(own) >= (1 if _INTRODUCES.search(part) else _OWN)
    return enough and lean_of(part) is not Lean.SURELY


def _asks_zh(part: str) -> bool:
    return _ZH_ASKS.search(part) is not None


def _stands_zh(part: str) -> bool:
    if _ZH_GOES_ON.match(part) or lean_of(part) is Lean.SURELY:
        return False
    return _asks_zh(part) and bool(content(_ATTRIBUTES.sub("的", part)))


def _compared(question: str, *, chinese: bool) -> tuple[Part, ...]:
    """What is compared, each asked for by itself."""
    found = next(
        filter(None, (way.match(question) for way in (_ZH_COMPARES if chinese else _COMPARES))),
        None,
    )
    if found is None:
        return ()
    said = found.groupdict()
    named = (
        (_ZH_OR if chinese else _OR).split(said["all"]) if "all" in said else (said["x"], said["y"])
    )
    named = [own.strip(_EDGES) for own in named]
    if not all(0 < len(own) <= _LONGEST_ALTERNATIVE for own in named):
        return ()
    whole = _with_head_zh(named) if chinese else _with_head(named)
    asked = _asked_of(said["pred"], chinese=chinese)
    return tuple(Part(asked.format(own), name) for own, name in zip(whole, named, strict=True))


def _asked_of(predicate: str, *, chinese: bool) -> str:
    """What is asked of each of those that are compared."""
    for adjective, asked in _ZH_ADJECTIVES if chinese else _ADJECTIVES:
        if re.search(adjective if chinese else rf"(?i)\b(?:{adjective})\b", predicate):
            return asked
    return "{} " + predicate.strip().replace("{", "{{").replace("}", "}}")


def _with_head(named: Sequence[str]) -> list[str]:
    """ "the day or the week ticket of the tram" says "ticket of the tram" of both."""
    last = named[-1]
    tail = found.group() if (found := _TAIL.search(last)) else ""
    words = last.removesuffix(tail).split()
    head = f" {words[-1]}" if len(words) > 2 else ""
    whole: list[str] = []
    for own in named[:-1]:
        bare = own.islower() and len(own.removeprefix("the ").split()) == 1
        whole.append(own + (head if bare else "") + ("" if _TAIL.search(own) else tail))
    return [*whole, last]


def _with_head_zh(named: Sequence[str]) -> list[str]:
    """「缆车的日票和周票」 are both of the cable car."""
    owner, of, _rest = named[0].partition("的")
    if not of:
        return list(named)
    return [named[0], *(own if "的" in own else f"{owner}的{own}" for own in named[1:])]
