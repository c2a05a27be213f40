"""Sorts of things that are told by what they look like: dates, deadlines, amounts of money.
Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from knowledge_base.terms import normalise


@dataclass(frozen=True, slots=True)
class Sort:
    """A sort of thing that is told by what it looks like."""

    asked: re.Pattern[str]
    """In a question, folded."""
    looks: tuple[re.Pattern[str], ...]
    """In a sentence, folded: all of them."""

    def shows(self, text: str) -> bool:
        folded = normalise(text)
        return all(pattern.search(folded) for pattern in self.looks)


_MONTHS: Final = (
    r"(?:jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?|"
    r"sept?(?:ember)?|oct(?:ober)?|nov(?:ember)?|dec(?:ember)?)"
)
_DATE: Final = re.compile(
    rf"\b\d{{1,2}}(?:st|nd|rd|th)?(?: of)? {_MONTHS}\b|\b{_MONTHS} \d{{1,2}}\b|\b{_MONTHS} "
    rf"\d{{4}}\b|"
    r"\b\d{4}-\d{1,2}-\d{1,2}\b|\b\d{1,2}[./]\d{1,2}[./]\d{2,4}\b|\d{1,4} ?年 ?\d{1,2} ?月|"
    r"\d{1,2} ?月(?: ?\d{1,2} ?[日号]|[初底中])|"
    r"[一二三四五六七八九十]{1,3}月[一二三四五六七八九十]{1,3}[日号]|月底|年底"
)
_SPAN: Final = re.compile(
    r"\d|\b(?:one|two|three|four|five|six|seven|eight|nine|ten|twelve|twenty|thirty|noon|midnight|"
    r"(?:first|second|third|fourth|fifth|last) (?:\w+ )?(?:day|week|month)|"
    r"(?:end|beginning|middle) of (?:the |each |every )?(?:day|week|month|quarter|term|year)|"
    r"(?:mon|tues|wednes|thurs|fri|satur|sun)day)\b|[一二两三四五六七八九十半]"
    r"(?:个|天|日|周|年|月|小时|工作日|星期|分钟)|(?:周|星期)[一二三四五六日天]"
)
_UNTIL: Final = re.compile(
    r"\b(?:deadline|due|no later than|not later than|at (?:the )?latest|until|till|"
    # Also as the head of a column: "Register by: 2026-09-01".
    r"by:? (?:noon|midnight|\d+\w*|\w+day|the (?:end|first|second|third|last|\d+\w*)|\w+ \d+\w*)|"
    r"within|in advance|ahead of|before|expires?|expiry|closing date|latest|"
    r"(?:entr(?:y|ies)|forms?|registrations?|applications?|bookings?|orders|nominations?|"
    r"submissions?)\b[^.;]{0,40}\bclos(?:e|es|ed|ing))\b|"
    r"截止|最迟|最晚|之前|以前|前须|前应|前可以|[日号天月底初旬末点]前|以内|之内|[天日周月年时钟]内|逾期|"
    r"过期|到期|提前|不晚于|期限|为限|前 ?\d{1,3} ?个?(?:天|日|周|月|小时|分钟|工作日|星期)|"
    r"\d{1,2}[:：]\d{2}前|不(?:得|能|可)?(?:超过|晚于|迟于) ?\d{1,2}[:：点]"
)
_MONEY: Final = re.compile(
    r"[$€£¥￥₩₹]\s?\d|\d\s?(?:€|\$|£)|\d(?:[.,]\d+)?\s?(?:crowns?|euros?|eur|dollars?|usd|pounds?|"
    r"gbp|"
    r"yuan|rmb|cents?|francs?|chf|yen|rupees?|kronor|kroner)\b|"
    r"\([^()]{0,40}(?:crowns?|euros?|eur|usd|dollars?|yuan|元)[^()]{0,40}\)\s*[:：]\s*\d|"
    r"\d(?:\.\d+)?\s?(?:元|块钱?|角|分钱|美元|欧元|英镑|港币|克朗|日元)|"
    r"[一二两三四五六七八九十百千万]+(?:元|块钱)"
)
_CLOCK: Final = re.compile(
    r"\b\d{1,2}:\d{2}\b|\b\d{1,2}\s?[ap]\.?m\b|\b(?:noon|midnight|o'clock)\b|\d{1,2}\s?[点时](?:\d|"
    r"半|整|至|到|$|\D)"
)
_PHONE: Final = re.compile(
    # Neither a date nor the years of a term.
    r"(?<![\d/.-])(?!\d{1,4}[-/]\d{1,2}[-/]\d{1,4}\b|(?:19|20)\d\d ?[-/] ?(?:19|20)?\d\d\b)"
    r"\+?\d[\d\s()/-]{5,}\d|\b\d{5,}\b"
)
_EMAIL: Final = re.compile(r"[\w.+-]+@[\w-]+\.[\w.]+")
_URL: Final = re.compile(r"https?://\S+|\bwww\.\S+")

SORTS: Final = (
    Sort(
        re.compile(r"deadlines?|due dates?|time limits?|cut-?offs?|截止(?:日期|时间)?|期限|时限"),
        (_UNTIL, _SPAN),
    ),
    Sort(re.compile(r"(?<!due )\bdates?\b|(?<!截止)日期"), (_DATE,)),
    Sort(
        re.compile(
            r"\b(?:fees?|prices?|costs?|charges?|amounts?|payments?|sums of money)\b|"
            r"费用|价格|收费|金额|价钱|花费|费率"
        ),
        (_MONEY,),
    ),
    Sort(
        re.compile(
            r"(?:opening|business|office|working) (?:hours|times)|\b(?:times|hours)\b|时间|时刻"
        ),
        (_CLOCK,),
    ),
    Sort(re.compile(r"\b(?:tele)?phone(?: number)?s?\b|电话(?:号码)?"), (_PHONE,)),
    Sort(re.compile(r"\be-?mails?(?: address(?:es)?)?\b|邮箱|邮件地址"), (_EMAIL,)),
    Sort(re.compile(r"\b(?:links?|urls?|web ?sites?|web pages?)\b|网址|链接|网站"), (_URL,)),
)


def is_sort(topic: str) -> bool:
    """Whether what is named is, or has in it, a sort that is told by its looks."""
    folded = normalise(topic)
    return any(sort.asked.search(folded) for sort in SORTS)
