"""Numbers, times of day and days of the week in a text, each in forms that can be compared.

Texts are folded (`knowledge_base.terms.normalise`); words and Han numerals count as digits do.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from decimal import Decimal
from typing import Final

HAN: Final = "\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
"""Characters, for a class of a pattern."""
_NUMBER: Final = re.compile(r"\d+(?::\d\d)+|\d+(?:[.,]\d+)*")
_GROUPED: Final = re.compile(r"(?<![\d.,:'-])[1-9]\d{0,2}(?:[ '’]\d{3})+(?![\d:'’-]| \d)")
_DASHED: Final = re.compile(r"(?<![\d.,:-])[1-9]\d{0,2}(?:-\d{3})+(?![\d:-])")
_MONTH_BEFORE: Final = re.compile(
    r"\b(?:jan|feb|mar|apr|may|june?|july?|aug|sept?|oct|nov|dec)[a-z]*\.? $"
)
_HALF_DAY: Final = re.compile(r"\s*(?P<pm>p\.?\s?m\b)|\s*(?P<am>a\.?\s?m\b)")
_UP_TO_TWENTY: Final = re.findall(
    r"\w+",
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen "
    "sixteen seventeen eighteen nineteen twenty",
)
_TENS: Final = ("thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety")
WORD_NUMBERS: Final = {word: number for number, word in enumerate(_UP_TO_TWENTY)} | {
    word: 10 * number for number, word in enumerate(_TENS, 3)
}
_NAMELESS: Final = frozenset(("one", "zero"))
"""Number words that are mostly none."""
_WORD_NUMBER: Final = re.compile(rf"\b(?:{'|'.join(WORD_NUMBERS)})\b")
_HAN_DIGITS: Final = {digit: value for value, digit in enumerate("零一二三四五六七八九")} | {
    "〇": 0,
    "两": 2,
}
_HAN_UNITS: Final = {"十": 10, "百": 100, "千": 1000, "万": 10_000}
HAN_NUMERALS: Final = "[零〇一二两三四五六七八九十百千万]+"
# A weekday ends before the number that follows it: 周五九点.
HAN_NUMBER: Final = re.compile(rf"(?:(?<=周)|(?<=星期)|(?<=礼拜))[一二三四五六]|{HAN_NUMERALS}")
_HAN_COUNTED: Final = re.compile(
    rf"(?:周|星期|礼拜)[一二三四五六]|第{HAN_NUMERALS}|"
    rf"(?P<number>{HAN_NUMERALS})(?=[个天元块月日号点人本次周年岁层楼名位张件台间%小时分钟公米])"
)
WEEKDAYS: Final = {
    name: number
    for number, names in enumerate(
        (
            ("monday", "周一", "星期一"),
            ("tuesday", "周二", "星期二"),
            ("wednesday", "周三", "星期三"),
            ("thursday", "周四", "星期四"),
            ("friday", "周五", "星期五"),
            ("saturday", "周六", "星期六"),
            ("sunday", "周日", "周天", "星期日", "星期天"),
        )
    )
    for name in names
}
_WEEKDAY: Final = re.compile("|".join(sorted(WEEKDAYS, key=len, reverse=True)))
_NAMED_DAY: Final = re.compile(rf"(?:{_WEEKDAY.pattern})s?")
_TO: Final = re.compile(r"s?\s*(?:to|through|till|until|[-–—~～至到])\s*")
_SEVERAL_DAYS: Final = (
    (re.compile(r"\bweekdays?\b|(?<![个\d])工作日|平日"), range(5)),
    (re.compile(r"\bweekends?\b|周末"), range(5, 7)),
    (re.compile(r"\b(?:daily|every day)\b|每天|每日|天天"), range(7)),
)
_HALF_PAST: Final = re.compile(rf"(\d{{1,2}}|{HAN_NUMERALS})[点时]半")
_MINUTES_PAST: Final = re.compile(
    rf"(\d{{1,2}}|{HAN_NUMERALS})[点时](\d{{1,2}}|{HAN_NUMERALS})"
    r"(?=分(?!钟)|(?!\d|[个天元块月日号人本年岁%小]))"
)
_TENTHS: Final = re.compile(
    rf"(\d+|{HAN_NUMERALS})[元块]([1-9一二三四五六七八九])[角毛]?(?!\d|[十百千万])"
)
_TIMES: Final = {
    "百": 100, "千": 1000, "万": 10_000, "亿": 100_000_000,
    "thousand": 1000, "million": 1_000_000, "billion": 1_000_000_000,
}  # fmt: skip
_LARGE: Final = re.compile(rf"(?<![\d.,:])(\d+(?:[.,]\d+)*)\s*({'|'.join(_TIMES)})s?(?![米克瓦])")
_HOUR: Final = re.compile(
    rf"(?P<pm>(?:下午|晚上?|傍晚|夜里?|午后)\s*)?(?P<hour>\d{{1,2}}|{HAN_NUMERALS})[点时]"
)
_NOON: Final = 12
_UNIT: Final = re.compile(rf"\s*([{HAN}]|[^\W\d_{HAN}]{{3,}})")


def claimed_numbers(folded: str) -> Iterator[str]:
    """Numbers that a sentence states; one form each."""
    folded = ungrouped(folded)
    for pattern, value in _COMPOUND:
        for match in pattern.finditer(folded):
            yield value(match)
        folded = pattern.sub(" ", folded)
    for match in _NUMBER.finditer(folded):
        yield canonical(match.group())
    for match in _WORD_NUMBER.finditer(folded):
        if match.group() not in _NAMELESS:
            yield str(WORD_NUMBERS[match.group()])
    for match in _HAN_COUNTED.finditer(folded):
        if match["number"] not in (None, "一"):
            yield str(han_value(match["number"]))
    for match in _WEEKDAY.finditer(folded):
        yield _day(WEEKDAYS[match.group()])


def all_numbers(folded: str) -> Iterator[str]:
    """Numbers that a passage holds, in every form in which a sentence may rightly state them."""
    yield from _forms(folded)
    joined = _DASHED.sub(lambda match: match.group().replace("-", ""), ungrouped(folded))
    if joined != folded:
        yield from _forms(joined)  # What looks like one number may be two.


def ungrouped(folded: str) -> str:
    """The text with its large numbers in one piece: 10 000, 1'234,56."""
    return _GROUPED.sub(_joined, folded)


def _joined(match: re.Match[str]) -> str:
    if _MONTH_BEFORE.search(match.string, max(0, match.start() - 12), match.start()):
        return match.group()
    return re.sub(r"[ '’]", "", match.group())


def _forms(folded: str) -> Iterator[str]:
    for pattern, value in _COMPOUND:
        for match in pattern.finditer(folded):
            number = value(match)
            yield number
            hour, _, minute = number.partition(":")
            if minute:
                yield from _clock_forms(int(hour), minute, pm=int(hour) < _NOON)
        if pattern in (_LARGE, _TENTHS):
            folded = pattern.sub(" ", folded)
    for match in _HOUR.finditer(folded):
        hours = _plain_value(match["hour"])
        yield from _clock_forms(hours, "", pm=match["pm"] is not None)
        yield f"{hours}:00"
    for match in _NUMBER.finditer(folded):
        number = canonical(match.group())
        yield number
        hour, _, minute = number.partition(":")
        half = _HALF_DAY.match(folded, match.end())
        if hour.isdigit() and len(hour) < 3:
            yield from _clock_forms(int(hour), minute, pm=bool(half and half["pm"]))
    for match in _WORD_NUMBER.finditer(folded):
        yield str(WORD_NUMBERS[match.group()])
    for match in HAN_NUMBER.finditer(folded):
        yield str(han_value(match.group()))
    yield from _days(folded)


def _days(folded: str) -> Iterator[str]:
    """Days of the week that a text names, those between two named ones included."""
    since: re.Match[str] | None = None
    for match in _WEEKDAY.finditer(folded):
        day = WEEKDAYS[match.group()]
        yield _day(day)
        if since is not None and _TO.fullmatch(folded, since.end(), match.start()):
            first = WEEKDAYS[since.group()]
            yield from (_day(number) for number in range(first, first + (day - first) % 7))
        since = match
    for pattern, days in _SEVERAL_DAYS:
        if pattern.search(folded):
            yield from map(_day, days)


def without_days(folded: str) -> str:
    """The text with blanks for the days of the week that it names."""
    return _NAMED_DAY.sub(" ", folded)


def _day(number: int) -> str:
    return f"day {number % 7}"


def _clock_forms(hour: int, minute: str, *, pm: bool) -> Iterator[str]:
    hours = {hour}
    if minute and 12 < hour < 24:
        hours.add(hour - 12)
    if pm and hour < 12:
        hours.add(hour + 12)
    for form in hours:
        if minute:
            yield f"{form}:{minute}"
        if minute in ("", "00"):
            yield str(form)
            yield f"{form}:00" if minute or pm else str(form)


def canonical(number: str) -> str:
    if ":" in number:
        return number.lstrip("0") if not number.startswith("0:") else number
    if re.fullmatch(r"\d{1,3}(?:,\d{3})+(?:\.\d+)?", number):
        number = number.replace(",", "")
    elif re.fullmatch(r"\d{1,3}(?:\.\d{3})+,\d+", number):
        number = number.replace(".", "")
    try:
        return f"{Decimal(number.replace(',', '.')).normalize():f}"
    except ArithmeticError:
        return number


def han_value(number: str) -> int:
    if not any(unit in number for unit in _HAN_UNITS):
        return int("".join(str(_HAN_DIGITS[digit]) for digit in number))
    total = section = digit = 0
    for letter in number:
        if letter in _HAN_DIGITS:
            digit = _HAN_DIGITS[letter]
        elif letter == "万":
            total, section, digit = (total + section + digit or 1) * 10_000, 0, 0
        else:
            section += (digit or 1) * _HAN_UNITS[letter]
            digit = 0
    return total + section + digit


def _plain_value(number: str) -> int:
    return int(number) if number.isdecimal() else han_value(number)


def _times(match: re.Match[str]) -> str:
    try:
        return f"{(Decimal(canonical(match[1])) * _TIMES[match[2]]).normalize():f}"
    except ArithmeticError:
        return match[1]


_COMPOUND: Final = (
    (_HALF_PAST, lambda match: f"{_plain_value(match[1])}:30"),
    (_MINUTES_PAST, lambda match: f"{_plain_value(match[1])}:{_plain_value(match[2]):02}"),
    (_TENTHS, lambda match: f"{_plain_value(match[1])}.{_plain_value(match[2])}"),
    (_LARGE, _times),
)
"""What several numerals say together: 九点半, 六元五角, 4.12万, 3 million."""


def _summed_up(folded: str) -> str:
    """The text with one number for what several numerals say together."""
    folded = ungrouped(folded)
    for pattern, value in _COMPOUND:
        at, pieces = 0, list[str]()
        for match in pattern.finditer(folded):
            pieces += (folded[at : match.start()], f"{value(match)} ")
            at = match.end()
        folded = "".join([*pieces, folded[at:]])
    return folded


def counted(folded: str) -> Iterator[tuple[str, str]]:
    """Numbers with the word behind them, times of day and days of the week."""
    folded = _summed_up(folded)
    for match in _NUMBER.finditer(folded):
        if ":" in match.group():
            yield canonical(match.group()), ":"
        elif unit := _UNIT.match(folded, match.end()):
            yield canonical(match.group()), unit[1]
    for match in _HAN_COUNTED.finditer(folded):
        if match["number"] not in (None, "一"):
            yield str(han_value(match["number"])), folded[match.end()]
    for match in _WEEKDAY.finditer(folded):
        yield _day(WEEKDAYS[match.group()]), "day"
