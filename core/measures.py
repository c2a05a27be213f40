"""Numbers with what they measure: money, time, length, weight. The 6 of "6 euros" are no dollars.

Texts are folded (`knowledge_base.terms.normalise`); only units that are surely such are known.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from core.numerals import HAN_NUMERALS, WORD_NUMBERS, canonical, han_value, ungrouped

_UNITS: Final = {
    "money": {
        "euro": "euros? eur € 欧元",
        "dollar": "dollars? usd $ 美元 美金",
        "pound": "pounds? gbp £ 英镑",
        "yen": "yen jpy 日元",
        "yuan": "yuan rmb cny ¥ 元 块",
        "crown": "crowns? 克朗",
    },
    "time": {
        "second": "seconds? 秒",
        "minute": "minutes? mins? 分钟",
        "hour": "hours? hrs? 小时 个小时 个钟头",
        "day": "days? 天 日内",
        "working day": "工作日 个工作日",
        "week": "weeks? 周 星期 个星期 礼拜 个礼拜",
        "month": "months? 个月",
        "year": "years? 年",
    },
    "length": {
        "mm": "mm millimet(?:re|er)s? 毫米",
        "cm": "cm centimet(?:re|er)s? 厘米",
        "m": "m met(?:re|er)s? 米 公尺",
        "km": "km kilomet(?:re|er)s? 公里 千米",
        "mile": "miles? 英里",
    },
    "weight": {
        "g": "g grams? 克",
        "kg": "kg kilos? kilograms? 公斤 千克",
        "t": "tonnes? tons? 吨",
        "jin": "斤",
    },
    "volume": {
        "ml": "ml millilit(?:re|er)s? 毫升",
        "l": "l lit(?:re|er)s? 升",
    },
    "area": {
        "m2": "m2 sqm 平方米",
        "km2": "km2 平方公里 平方千米",
        "ha": "ha hectares? 公顷",
        "mu": "亩",
    },
    "temperature": {"c": "°c 摄氏度", "f": "°f 华氏度"},
    "size": {"kb": "kb", "mb": "mb", "gb": "gb", "tb": "tb"},
    "share": {"%": "% percent"},
}
_OF: Final = {
    form: (kind, unit)
    for kind, units in _UNITS.items()
    for unit, forms in units.items()
    for form in forms.split()
}
_SIGNS: Final = "€$£¥"


def _one(form: str) -> str:
    if form in _SIGNS:
        return re.escape(form)
    return rf"{form}(?![^\W\d_])" if form.isascii() else form


_NUMBER: Final = rf"\d+(?:[.,]\d+)*|{HAN_NUMERALS}|\b(?:{'|'.join(WORD_NUMBERS)})\b"
_LONGEST_FIRST: Final = sorted(_OF, key=len, reverse=True)
_BEHIND: Final = re.compile(
    rf"(?P<number>{_NUMBER})[\s-]*"
    r"(?:(?:(?P<working>working|business|school)|calendar|full|whole)\s+)?"
    rf"(?:{'|'.join(f'(?P<u{n}>{_one(form)})' for n, form in enumerate(_LONGEST_FIRST))})"
)
_BEFORE: Final = re.compile(r"(?P<sign>[€$£¥])\s*(?P<number>\d+(?:[.,]\d+)*)")
_PERCENT: Final = re.compile(
    rf"百分之(?P<number>\d+(?:\.\d+)?|{HAN_NUMERALS})|"
    r"(?<![\d.,])(?P<first>\d+(?:[.,]\d+)*)(?=\s*(?:[-–—~～至到]|to|and|or)\s*[\d.,]+\s*(?:%|percent))"
)
_SHARE: Final = re.compile(rf"(?:{_NUMBER})[\s-]*(?:%|per\s?cent)")
_OF_SHARES: Final = re.compile(r"%|percent|per cent|百分|比例|占|率|share|rate|proportion")


def measures(folded: str) -> Iterator[tuple[str, str, str]]:
    """Each number with what kind of thing it measures, and the unit."""
    folded = ungrouped(folded)
    for match in _BEHIND.finditer(folded):
        form = _LONGEST_FIRST[int((match.lastgroup or "u0")[1:])]
        number = match["number"]
        if form == "年" and len(number) == 4:
            continue  # It names a year.
        kind, unit = _OF[form]
        yield _value(number), kind, "working day" if match["working"] and unit == "day" else unit
    for match in _BEFORE.finditer(folded):
        yield _value(match["number"]), *_OF[match["sign"]]
    for match in _PERCENT.finditer(folded):
        yield _value(match["number"] or match["first"]), "share", "%"


def without_shares(folded: str) -> str:
    """The text with blanks for numbers of per cent."""
    if not _OF_SHARES.search(folded):
        return folded
    return _SHARE.sub(" ", _PERCENT.sub(" ", folded))


def tells_shares(folded: str) -> bool:
    """Whether it speaks of per cent, be it in the head of a column."""
    return _OF_SHARES.search(folded) is not None


def _value(number: str) -> str:
    if number in WORD_NUMBERS:
        return str(WORD_NUMBERS[number])
    return canonical(number) if number[0].isdecimal() else str(han_value(number))
