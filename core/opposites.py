"""Words that say yes or no, or one of two opposites, found in a text: "not", "closed", 禁止, 至少.

Texts are folded (`knowledge_base.terms.normalise`) and then `plain`. An expression belongs to an
axis and to one of its two ends; what only looks like one ("not only", 不仅) belongs to none.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from core.numerals import HAN, HAN_NUMERALS, WORD_NUMBERS

NOT: Final = "not"
PARTLY: Final = "partly"
"""Says neither yes nor no: "not all", 不一定."""
NOT_QUITE: Final = "not quite"
"""Denies no more than that it is wholly so: "not always"."""
MAY: Final = "may"
MUST: Final = "must"
ONLY: Final = "only"
WITHOUT: Final = "without"
"""Denies what something has, and no more."""
FLIPPING: Final = frozenset(("open", "charge", "include", "accept", "work", "bound", "order"))
"""Axes with nothing between their ends: not open is closed."""


@dataclass(frozen=True, slots=True)
class Axis:
    """Two opposites, in patterns: in each language those of yes, and those of no."""

    name: str
    yes: str = ""
    no: str = ""
    han_yes: str = ""
    han_no: str = ""
    bound_to: str = ""
    """What they are said of: "next" or "before" is what stands there, "" is the whole clause."""


@dataclass(frozen=True, slots=True)
class Sign:
    """One such expression in a text."""

    axis: Axis
    value: int
    start: int
    end: int
    is_of_each: bool = False
    """Whether it denies the same of several things: "neither"."""


_NUMBERS: Final = "|".join(WORD_NUMBERS)
_THEN_NUMBER: Final = rf"(?=\s*[€$£¥]?\s*(?:\d|(?:{_NUMBERS})\b))"
_HAN_THEN_NUMBER: Final = rf"(?=[^，。；、]{{0,4}}?(?:\d|{HAN_NUMERALS}))"
_HAN_AFTER_NUMBER: Final = rf"(?<=[\d%{HAN}])"

_REQUIRED: Final = "required|necessary|needed|obliged|mandatory|compulsory"

_AXES: Final = (
    Axis(
        "",  # none: they only look like it
        r"not (?:only|just|merely|simply|least|to mention)|no doubt|no matter|whether or not|"
        r"or not|if not|why not|can not (?:but|help)|nothing but|no\.?(?= ?\d)|no sooner|"
        r"a (?:few|little)|"
        r"as \w+ as(?: possible)?|(?:opening|closing) (?:hours?|times?|days?)|close (?:to|by)|"
        r"open[- ](?:air|source)|(?:free|spare) time|"
        r"free(?:ly| software| will| movement)|feels? free|"
        r"(?:in|of|from|until|since|by|late|early|mid|between|and|to)[ -]may"
        r"(?= \d| (?:and|to)\b|[,.;]|$)|"
        r"(?<=\d )may|may(?= \d)|above all|over (?:there|here)|under way|after all|"
        r"with (?:regard|respect)|(?:if|where(?:ver)?|when(?:ever)?) possible|"
        r"first of all|at first",
        han_yes=r"不[仅但只光单]是?(?!有)|不过(?![\d一二三四五六七八九十])|不断|不同|不少(?!于)|不久|不管|不论|无论|"
        r"不然|不如|不由得|不妨|不得了|不锈钢|不动产|不客气|不好意思|差不多|只不过|要不|是不是|能不能|可不可以|"
        r"有没有|会不会|要不要|需不需要|无[线限数非偿]|无人机|未来|是否|能否|可否|与否|莫非|不等|不[一已禁愧幸安便]|"
        r"没[收落]|[淹沉]没|毫?无疑[问义]?|前后|然后|先后|此后|目前|当前|日前|前[台往者来]|后[台者来]|开放(?:时间|日)|营业时间|"
        r"闭馆时间|可(?:能性|[是见靠口惜怕爱观谓乐])|能[力源量耗级人]|应[用急对付届聘有声邀]|需求|含[量义]|以[前后](?=的)",
    ),
    Axis(
        PARTLY,
        r"not (?!at all)(?:\w+ )?(?:all|both|too|as|so|very)|few|sometimes|occasionally",
        han_yes=r"(?:并非|不是)(?:所有|全部|每|都)|不一定|未必|不[全都太]|不够|不只|几乎(?![不没无])|有时|偶尔",
    ),
    Axis(
        NOT_QUITE,
        no=r"not(?= (?:\w+ )?(?:always|every\w*|necessarily|entirely|fully|completely|exactly|"
        r"quite))|hardly|rarely|seldom|scarcely|barely",
        han_no=r"不(?=完全|总是|经常|常)|几乎(?:不|没有?|无)|很少|极少",
    ),
    Axis(ONLY, r"only|solely|exclusively", han_yes=r"仅限?|只[有能限可供在对]|唯一|才[能可]"),
    Axis(
        "bound",
        rf"(?:(?:no|not) (?:less|fewer|shorter|younger|lower) than|at (?:the )?least|"
        rf"(?:a )?minimum(?: of)?|(?:more|longer|older|higher) than|over|above|"
        rf"exceed(?:s|ing|ed)?){_THEN_NUMBER}",
        rf"(?:(?:no|not|never) (?:more|longer|older|larger|higher|heavier) than|at (?:the )?most|"
        rf"up to|(?:a )?maximum(?: of)?|(?:not|never) (?:to )?exceed(?:s|ing)?|"
        rf"(?:less|fewer|younger|shorter|lower) than|under|below){_THEN_NUMBER}",
        rf"(?:不[少低短小]于|不下|至少|最少|起码|超过|[多高大长]于|年?满){_HAN_THEN_NUMBER}",
        rf"(?:不[超得]过?超?过|不[多高大长]于|至多|最多|最高|不足|[不未]满|[少低小短]于|"
        rf"限){_HAN_THEN_NUMBER}",
        bound_to="next",
    ),
    Axis(
        "bound",
        r"(?<=\d )(?:or|and) (?:more|over|older|above|longer)",
        r"(?<=\d )(?:or|and) (?:less|fewer|under|younger|below)",
        rf"{_HAN_AFTER_NUMBER}以上",
        rf"{_HAN_AFTER_NUMBER}(?:以下|以内|之内)",
        bound_to="before",
    ),
    Axis(
        "order",
        rf"after|later than|(?:no|not) (?:earlier than|before)|(?:from|since){_THEN_NUMBER}",
        r"before|prior to|earlier than|(?:no|not) (?:later than|after)|within|until|till",
        bound_to="next",
    ),
    Axis(
        "order",
        han_yes=r"之后|以后|(?<=[\d点日号天月年时分周住场后])后(?![\u3400-\u9fff]{0,1}[天年者台面])",
        han_no=r"之前|以前|(?<=[\d点日号天月年时分周住场])前(?![天年者台往面])",
        bound_to="before",
    ),
    Axis(
        "noon",
        r"(?:(?<=\d )|(?<=\d))p\.?m",
        r"(?:(?<=\d )|(?<=\d))a\.?m",
        bound_to="before",
    ),
    Axis(
        "noon",
        han_yes=rf"(?:下午|晚上?|傍晚|夜里|午后){_HAN_THEN_NUMBER}",
        han_no=rf"(?:上午|早上|早晨|清晨|凌晨){_HAN_THEN_NUMBER}",
        bound_to="next",
    ),
    Axis(WITHOUT, "with", "without"),
    Axis(
        "charge",
        r"charge[sd]?|charging|fees?|costs?|pay(?:s|ing|able|ment|ments)?|paid|chargeable",
        r"free of (?:any )?charge|for free|(?:costs?|pays?) nothing|complimentary|"
        r"(?:at )?no (?:\w+ )?(?:fee|charge)s?|(?:at )?no (?:extra |further )?costs?|"
        r"without (?:any )?(?:charge|payment|paying|cost)|(?<!-)free(?! of)",
        r"收费|付费|缴费|收取|自费|交费|付款|缴纳|交纳",
        r"免费|免收|无偿|免门?票",
    ),
    Axis(
        "open",
        r"open(?:s|ed|ing)?",
        r"close[sd]?|closing|shuts?",
        r"开放|开门|营业|开馆|开启|启用",
        r"关闭|闭馆|关门|停业|休馆|歇业|打烊|闭园|停用|禁用",
    ),
    Axis("include", r"includ(?:es?|ed)", r"exclud(?:es?|ed)", r"包括|包含", ""),
    Axis(
        "accept", r"accept(?:s|ed)?", r"refus(?:es?|ed)|reject(?:s|ed)?", r"接受|同意", r"拒绝|反对"
    ),
    Axis(
        "work",
        r"(?:switch|turn)(?:ed|s)? on|enabl(?:es?|ed)|succeed(?:s|ed)?|successful(?:ly)?",
        r"(?:switch|turn)(?:ed|s)? off|disabl(?:es?|ed)|fail(?:s|ed)?(?! to)|unsuccessful(?:ly)?",
        r"成功|有效",
        r"失败|无效",
    ),
    Axis(
        "growth",
        r"increas(?:es?|ed|ing)|ris(?:es?|ing|en)|rose|gr[eo]w(?:s|n|ing)?",
        r"decreas(?:es?|ed|ing)|declin(?:es?|ed|ing)|f[ae]ll(?:s|en|ing)?|dropp?(?:s|ed|ing)?|"
        r"reduc(?:es?|ed|ing)|shr[aiu]nk(?:s|ing)?",
        r"增加|上升|增长|提高|上涨|升高",
        r"减少|下降|降低|下跌",
    ),
    Axis("size", r"largest|biggest|highest|tallest", r"smallest|lowest", r"最[大高]", r"最[小低]"),
    Axis("length", r"longest", r"shortest", r"最长", r"最短"),
    Axis("age", r"oldest", r"youngest|newest", r"最[早老旧]", r"最[晚迟新]"),
    Axis("time", r"earliest|earlier", r"latest|later", r"提[前早]", r"推迟|延[后期迟]"),
    Axis("side", r"left", r"right", r"左(?=[侧边转拐手])", r"右(?=[侧边转拐手])"),
    Axis("inside", r"indoors?|inside", r"outdoors?|outside", r"室内", r"室外|户外"),
    Axis("pole", r"north(?:ern)?", r"south(?:ern)?", bound_to="next"),
    Axis("sunrise", r"east(?:ern)?", r"west(?:ern)?", bound_to="next"),
    Axis(
        "pole",
        han_yes=r"以?北(?=[部侧面边方岸区])",
        han_no="以?南(?=[部侧面边方岸区])",
        bound_to="before",
    ),
    Axis(
        "sunrise",
        han_yes="以?东(?=[部侧面边方岸区])",
        han_no="以?西(?=[部侧面边方岸区])",
        bound_to="before",
    ),
    Axis(
        MAY,
        rf"(?:may|might|can|could) (?:also )?(?:need|have|be (?:{_REQUIRED}))|"
        r"may|might|can|could|allow(?:s|ed|ing)?|permit(?:s|ted|ting)?|permissible|able to|"
        r"possible|welcome",
        r"(?:must|shall|may|can) (?:not|never)|forbidden|forbids?|blocked|"
        r"prohibit(?:s|ed|ing)?|banned|bans?|illegal|off limits",
        r"(?:可能|或)[还也]?(?:需要?|须)|可能(?!性)要?|可以?|允许|准许|许可|(?<![功性智节职才万太热动])能够?|欢迎|有权",
        r"禁止|严禁|不得(?!不)|不[准许宜](?!时)|不可(?!或缺|避免|分)以?|不能够?|不允许|谢绝|[请切]?勿|无权",
    ),
    Axis(
        MUST,
        r"must|shall|ha(?:ve|s|d) to|need(?:s|ed|ing)?(?: to)?|require[sd]?|mandatory|compulsory|"
        r"obligatory|necessary|obliged to",
        r"optional|voluntar(?:y|ily)",
        r"必须|务必|务须|须要?|需要?|应[当该]|(?<![适反供相效响对呼感])应(?=[在于由向自将按先提使保])|不得不|一定要",
        r"自愿|可选|选填|不必|不用|[无毋]须|[无毋]需要?|不需要?",
    ),
    Axis(
        NOT,
        no=r"no longer(?! than)|not|never|no|none|nobody|nothing|nowhere|neither|nor|"
        r"lack(?:s|ed|ing)?|fail(?:s|ed)? to",
        han_no=r"并[非不]|而非|[毫绝]无|[从绝毫]不|(?:从|尚|并)未曾?|未[能曾]|没能|不[曾再]|没有?|不[会是]?|无|未|毋|"
        r"缺[乏少]|暂停|停止",
    ),
)


def _compiled(*, han: bool) -> tuple[re.Pattern[str], tuple[tuple[Axis, int], ...]]:
    """One pattern of all, where what stands earlier in the table goes first; and what each of its
    groups stands for."""
    forms = [
        (pattern, axis, value)
        for axis in _AXES
        for pattern, value in (
            (axis.han_yes if han else axis.yes, 1),
            (axis.han_no if han else axis.no, -1),
        )
        if pattern
    ]
    whole = "|".join(f"({pattern})" for pattern, _axis, _value in forms)
    if not han:
        whole = rf"(?<![a-z'-])(?=[a-z])(?:{whole})(?![\w'])"
    return re.compile(whole), tuple((axis, value) for _pattern, axis, value in forms)


_LETTERS: Final = _compiled(han=False)
_HAN: Final = _compiled(han=True)
_ANY_HAN: Final = re.compile(f"[{HAN}]")
_OF_EACH: Final = ("neither",)
TURNED: Final = (
    r"able|available|authori[sz]ed|limited|necessary|safe|used|suitable|wanted|possible|valid|"
    r"accessible|legal|paid|refundable|renewable|transferable|registered|heated|licensed|insured|"
    r"furnished|occupied|supervised|accompanied|locked|damaged|opened|signed|marked"
)
"""What a syllable before it turns into its opposite."""
_SHORTENED: Final = (
    (re.compile(r"\bcan(?:'t|not)\b"), "can not"),
    (re.compile(r"\bwon't\b"), "will not"),
    (re.compile(r"n't\b"), " not"),
    (
        re.compile(rf"\b(?:un|in|im|il|non-?)(?=(?:{TURNED})\b)"),
        "not ",
    ),
    (re.compile(r"\bnot\b([^,;.]{0,40}?\b(?:until|till)\b)"), r"\1"),
    (re.compile(r"\bneither\b([^,;.]*?)\bnor\b"), r"neither\1&"),
)
_STILL: Final = re.compile(r"仍[然旧]|依[然旧]|已经|正常|已(?=[\u3400-\u9fff])")
"""Says no more than that it is so."""
_SAYS_NO: Final = re.compile(r"n't|\b(?:un|in|im|il|no|can)[a-z-]")


def plain(folded: str) -> str:
    """The text with "not" where a word holds it: can't, unavailable; none in "not until"."""
    folded = _STILL.sub("", folded.replace("’", "'"))
    if _SAYS_NO.search(folded) or "neither" in folded:
        for pattern, spelt in _SHORTENED:
            folded = pattern.sub(spelt, folded)
    return folded


def signs(text: str) -> Iterator[Sign]:
    """What stands in a plain text, in order."""
    found = list(_found(text, _LETTERS))
    if _ANY_HAN.search(text):
        found = sorted([*found, *_found(text, _HAN)], key=lambda sign: sign.start)
    yield from found


def _found(text: str, of: tuple[re.Pattern[str], tuple[tuple[Axis, int], ...]]) -> Iterator[Sign]:
    pattern, groups = of
    for match in pattern.finditer(text):
        axis, value = groups[(match.lastindex or 1) - 1]
        yield Sign(axis, value, *match.span(), is_of_each=match.group() in _OF_EACH)
