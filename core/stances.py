"""What the clauses of a text affirm and deny, each with its words.

Where that cannot be told (questions, "not all", two denials in one clause), a clause says neither.
A condition belongs to what holds under it, an exception to what it is taken from, and a question to
the yes or no behind it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Container, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from typing import Final

from core.numerals import (
    HAN,
    HAN_NUMERALS,
    WORD_NUMBERS,
    all_numbers,
    canonical,
    claimed_numbers,
    han_value,
    without_days,
)
from core.opposites import (
    FLIPPING,
    MAY,
    MUST,
    NOT,
    NOT_QUITE,
    ONLY,
    PARTLY,
    TURNED,
    WITHOUT,
    Sign,
    plain,
    signs,
)
from knowledge_base.sentences import sentences
from knowledge_base.terms import normalise

_FOCUS: Final = 2
_NEAR: Final = 1
_SHORT: Final = 3

_VERB: Final = (
    r"is|are|was|were|be|been|has|have|had|do|does|did|can|may|must|will|would|should|could|shall"
)
_BETWEEN: Final = re.compile(
    rf"[;()。—]|[,:](?=\s|[{HAN}]|$)|"
    r"\s(?=(?:but|if|unless|when|while|whereas|although|though|because|except|which|otherwise|"
    r"rather than|instead of|as long as|provided)\b)|"
    rf"\s(?=(?:and|or)\s(?:\w+\s){{0,3}}?(?:{_VERB}|not|never|no|opens?|closes?)\b)|"
    r"(?=但是?|而[且是]|否则|除非|如果)"
)
_HAS_VERB: Final = re.compile(rf"\b(?:{_VERB})\b")
_CONDITION: Final = re.compile(
    r"\W*(?:(?:but|and|or|only) )?(?:if|whether|when|whenever|in case|as long as|provided)\b|"
    r"[但而]?(?:如果|若|如(?!何|今|此)|假如|倘若|要是|只要|当)|.*(?:时|的话?)$"
)
_ASIDE: Final = re.compile(r"\W*(?:while|rather than|instead of|otherwise|else)\b|否则|不然")
_UNLESS: Final = re.compile(r"\W*(?:unless\b|除非)")
_EXCEPT: Final = re.compile(r"\W*(?:but )?(?:except|apart from|other than)\b|除(?!.*[还也])|.*除外")
_ANSWER: Final = re.compile(
    r"(?:(?:a|answer|答)\s*:\s*)?(?:(?P<yes>yes|是的?|对|可以|能|会|需要|有)|"
    r"(?P<no>no|不是|不可以|不能|不会|不行|不需要|不用|没有|否|不))(?:$|[,.!;。])"
)
_OPENING: Final = re.compile(r"\W*(?:(?:yes|no|是的?|不是?|对|答|问|a|q)\s*[,:]\s*)+")
_ASKS: Final = re.compile(r"\?[\"'”’」』)\s]*$|吗$")
_CELL: Final = re.compile(r"[^:]+:\s*(?:no|none|否|无)$")
_NUMBER: Final = rf"\d+(?:[:.,]\d+)*|{HAN_NUMERALS}|\b(?:{'|'.join(WORD_NUMBERS)})\b"
_NEXT_NUMBER: Final = re.compile(
    rf"[^\w\d,。]*(?:(?:the|of|about)\s+|[^\W\da-z]{{1,4}}?)?({_NUMBER})"
)
_NUMBER_BEFORE: Final = re.compile(rf"({_NUMBER})\D{{0,3}}$")
_OF_NOUN: Final = re.compile(rf"([^,的者]{{1,8}})(?:的(?=[{HAN}])|者)")
"""What a word that denies belongs to where that is no more than told of something: 未还的图书."""
_IS_NOT: Final = ("不是", "并非", "而非")
_RELATIVE: Final = re.compile(rf"\w (?:that|which|who) (?:(?:{_VERB}) )?(?:(?:also|yet|still) )?$")
_TURNED_NOUN: Final = re.compile(
    rf"not ({TURNED}) (?!(?:for|from|and|but|when|with|without|until|till|after|before|during|"
    r"unless|while|because|due|since|than|via|per)\b)[a-z]{3,}"
)
_SAID_OF: Final = re.compile(rf"\b(?:{_VERB}|remains?|stays?|seems?|becomes?|still) (?:\w+ly )?$")
_DENYING: Final = frozenset((NOT, NOT_QUITE, MAY, MUST))
_UNBOUND: Final = _DENYING | {PARTLY, ONLY, WITHOUT}
"""Axes that say something of the whole clause."""
_BARE: Final = frozenset(("not", "never", "no", "不"))
_IS_HAN: Final = re.compile(f"[{HAN}]")
_TIME: Final = re.compile(rf"\d|noon|midnight|中午|午夜|(?:{HAN_NUMERALS})[点时月日号]")
_RANGE: Final = re.compile(r"\d\S{0,2}\s*[-–—~～至到]\s*\S{0,2}\d|[至到]")
_BEING: Final = re.compile(r"\b(?:is|are|was|were|be|been|remains?|stays?|kept)\s+(?:\w+\s+)?$")
_PRONOUN: Final = re.compile(r"\W*(?:it|they|this|these|those|he|she|there|该|其|它|此)")

Tokens = Callable[[str], Iterator[str]]
Pole = tuple[str, str]
"""An axis, and what its opposites are said of."""


@dataclass(frozen=True, slots=True)
class Stance:
    """A clause: what it is about, and what it says of that."""

    words: frozenset[str]
    forms: frozenset[str]
    """The words, and its numbers in every form."""
    says: int | None = 1
    """1 for yes, -1 for no, None where that cannot be told."""
    focus: frozenset[str] = frozenset()
    """What it denies."""
    poles: frozenset[tuple[Pole, int]] = frozenset()
    lacking: frozenset[str] = frozenset()
    """What it denies of that which it is about: "guests who have not registered", 未登记的访客."""
    mode: str = ""
    """Whether it says what may be or what must be; of what it denies, what must not be or need not
    be."""
    is_only: bool = False
    is_exception: bool = False
    subject: str = ""
    """Its first word."""
    lent: frozenset[str] = frozenset()
    """Words of what it goes on with."""

    def turned(self) -> Stance:
        """The same denied."""
        flipped = frozenset(
            (pole, -value if pole[0] in FLIPPING and not pole[1] else value)
            for pole, value in self.poles
        )
        if flipped != self.poles or self.says is None:
            return replace(self, poles=flipped)
        return replace(self, says=-self.says)


def stances(text: str, tokens: Tokens) -> tuple[Stance, ...]:
    """The clauses of a text, which is not folded yet."""
    made: list[Stance] = []
    asked: list[Stance] = []
    before: frozenset[str] = frozenset()
    for sentence in sentences(text):
        folded = plain(normalise(sentence.text))
        if asked and (answer := _ANSWER.match(folded)):
            made[-len(asked) :] = asked if answer["yes"] else [one.turned() for one in asked]
        own = _clauses(_OPENING.sub("", folded, count=1).rstrip(" .。!"), tokens, before)
        asked = own if _ASKS.search(folded) else []
        made += [replace(one, says=None) for one in own] if asked else own
        before = frozenset().union(*(one.words for one in own))
    return tuple(made)


def _clauses(sentence: str, tokens: Tokens, before: frozenset[str]) -> list[Stance]:
    """Its clauses; what is said by way of exception is turned."""
    pieces = list(_pieces(sentence, tokens))
    made = [_stance(piece, tokens) for piece in pieces]
    if any(_UNLESS.match(piece) for piece in pieces):
        made = [replace(one, says=None) for one in made]
    for at, piece in enumerate(pieces):
        if _ASIDE.match(piece):
            made[at] = replace(made[at], says=None)
        elif _CONDITION.match(piece):
            _make_given(made, at)
    for at, piece in enumerate(pieces):
        host = at - 1 if at else 1
        if len(pieces) > 1 and (_EXCEPT.match(piece) or (at and _is_elliptic(piece))):
            turned = made[host].turned()
            made[at] = replace(
                made[at], says=turned.says, poles=turned.poles, focus=frozenset(),
                lent=made[host].words, is_exception=_EXCEPT.match(piece) is not None,
            )  # fmt: skip
            made[host] = replace(made[host], forms=made[host].forms - made[at].words)
        elif at:
            lent = frozenset() if _EXCEPT.match(pieces[0]) else made[0].words
            made[at] = replace(made[at], lent=lent)
        elif len(made[at].words) <= _SHORT or _PRONOUN.match(piece):
            made[at] = replace(made[at], lent=before)
    return made


def _make_given(made: list[Stance], at: int) -> None:
    """Adds a condition to what holds under it, and takes it for no statement of its own."""
    condition = made[at]
    is_after = at + 1 == len(made) or (at > 0 and not any(map(_IS_HAN.match, condition.words)))
    if len(made) > 1:
        host = at - 1 if is_after else at + 1
        made[host] = replace(
            made[host], lacking=made[host].lacking | _lacked(condition),
            words=made[host].words | condition.words,
            forms=made[host].forms | condition.forms, poles=made[host].poles | condition.poles,
        )  # fmt: skip
    made[at] = replace(condition, says=None)


def _lacked(condition: Stance) -> frozenset[str]:
    """What something lacks to which a condition applies."""
    return condition.lacking | (condition.focus if condition.says == -1 else frozenset())


def _pieces(sentence: str, tokens: Tokens) -> Iterator[str]:
    """What stands between commas and before some conjunctions; a fragment goes with the piece
    before it, and the first with the next."""
    made: list[str] = []
    first = ""
    for part in _BETWEEN.split(sentence):
        part = part.strip()
        if not part:
            continue
        if _is_whole(part, tokens) or (made and _CONDITION.match(made[-1])):
            made.append(f"{first} {part}".strip())
            first = ""
        elif made:
            made[-1] += f", {part}"
        else:
            first = f"{first} {part}".strip()
    yield from made or [first]


def _is_whole(part: str, tokens: Tokens) -> bool:
    """Whether it says something: it has a verb, as far as can be told, or is an exception."""
    return (
        _HAS_VERB.search(part) is not None
        or _EXCEPT.match(part) is not None
        or any(of.match(part) for of in (_CONDITION, _ASIDE, _UNLESS))
        or any(sign.axis.name for sign in signs(part))
        or len(set(tokens(part))) >= _SHORT
    )


def _is_elliptic(piece: str) -> bool:
    """Whether it denies what the clause before it says: "but dogs are not", "not on Sundays"."""
    found = [sign for sign in signs(piece) if sign.axis.name]
    if [sign.axis.name for sign in found] != [NOT] or _CELL.match(piece):
        return False
    denial = piece[found[0].start : found[0].end]
    after = piece[found[0].end :].strip()
    if denial not in _BARE:
        return False
    return not after or (_HAS_VERB.search(piece) is None and after[0].isascii())


def _stance(piece: str, tokens: Tokens) -> Stance:
    """What one clause says."""
    found = [sign for sign in signs(piece) if sign.axis.name]
    lacking = {sign: _aside(piece, sign, found, tokens) for sign in found}
    asides = {sign: words for sign, words in lacking.items() if words is not None}
    elements = list(_elements(piece, found, asides, tokens))
    denials, turned = _denials(elements)
    numbers = frozenset(claimed_numbers(piece))
    own = frozenset(element for element in elements if isinstance(element, str)) | numbers
    names = {sign.axis.name for sign in found}
    is_told = PARTLY not in names and len(denials) < 2
    is_told &= not any(
        sign.axis.name == NOT and sign not in asides and _is_of_noun(piece, sign) for sign in found
    )
    return Stance(
        own,
        own | frozenset(all_numbers(piece)),
        (-1 if denials else 1) if is_told else None,
        _focus(elements, denials[0]) if len(denials) == 1 else frozenset(),
        frozenset(_poles(piece, found, turned, tokens)),
        frozenset().union(*asides.values()),
        _mode(elements, denials) if is_told and ONLY not in names else "",
        is_only=ONLY in names,
        subject=next((one for one in elements if isinstance(one, str) and one[0] != "@"), ""),
    )


def _aside(piece: str, sign: Sign, found: Sequence[Sign], tokens: Tokens) -> frozenset[str] | None:
    """The words that a sign denies of a thing and not of what is said of it; None for any other."""
    if sign.value > 0 or sign.axis.name not in (NOT, NOT_QUITE, MAY, WITHOUT):
        return None
    if sign.axis.name == WITHOUT:
        return frozenset(islice(tokens(piece[sign.end :]), 1))
    following = next((one.start for one in found if one.start > sign.start), len(piece))
    if following <= sign.end + 1:
        return None  # "Not allowed" says more than that something lacks.
    if of_noun := _OF_NOUN.match(piece, sign.end):
        is_said_of_it = any(other.start >= of_noun.end() for other in found)
        is_aside = is_said_of_it and piece[sign.start : sign.end] not in _IS_NOT
        return frozenset(tokens(of_noun[1])) if is_aside else None
    if _RELATIVE.search(piece, 0, sign.start):
        return frozenset(islice(tokens(piece[sign.end : following]), _FOCUS))
    turned = _TURNED_NOUN.match(piece, sign.start)
    if turned and not _SAID_OF.search(piece, 0, sign.start):
        return frozenset(tokens(turned[1]))
    return None


def _mode(elements: Sequence[str | Sign], denials: Sequence[int]) -> str:
    """Whether it tells of what may or must be, or need not or must not."""
    found = [
        (at, one)
        for at, one in enumerate(elements)
        if isinstance(one, Sign) and one.axis.name in (MAY, MUST)
    ]
    if len({one.axis.name for _at, one in found}) != 1:
        return ""
    at, one = found[0]
    if denials and denials[0] > at + 2 * (one.axis.name == MUST):
        return ""  # "You must bring no food" is another "must".
    return one.axis.name


def _is_of_noun(piece: str, sign: Sign) -> bool:
    is_verb = piece[sign.start : sign.end] in _IS_NOT
    return not is_verb and _OF_NOUN.match(piece, sign.end) is not None


def _elements(
    piece: str, found: Sequence[Sign], asides: Container[Sign], tokens: Tokens
) -> Iterator[str | Sign]:
    """Its words and signs in order, without those said by the way; a sign of the whole clause is a
    word as well."""
    at = 0
    for sign in found:
        yield from tokens(without_days(piece[at : sign.start]))
        at = sign.end
        if sign in asides:
            continue
        yield sign
        if sign.axis.name in (MAY, MUST):
            yield "@modal"
        elif not sign.axis.bound_to and sign.axis.name not in _UNBOUND:
            yield f"@{sign.axis.name}"
    yield from tokens(without_days(piece[at:]))


def _denials(elements: Sequence[str | Sign]) -> tuple[list[int], set[Sign]]:
    """Where a clause denies; and the signs that a "not" before them turns into their opposite.
    A denial that follows another at once takes it back."""
    denials: list[int] = []
    turned: set[Sign] = set()
    for at, element in enumerate(elements):
        if isinstance(element, str) or element.value > 0 or element.axis.name not in _DENYING:
            continue
        after = (one for one in elements[at + 1 : at + 2 + _NEAR] if isinstance(one, Sign))
        near = next(after, None)
        if element.axis.name == NOT and near is not None and near.axis.name in FLIPPING:
            turned.add(near)
        elif denials and all(
            isinstance(one, str) and one[0] == "@" for one in elements[denials[-1] + 1 : at]
        ):
            denials.pop()
        else:
            denials.append(at)
    return denials, turned


def _focus(elements: Sequence[str | Sign], denial: int) -> frozenset[str]:
    """The words that follow a denial: two, or one in Han, where one holds more."""
    if isinstance(sign := elements[denial], Sign) and sign.is_of_each:
        return frozenset()
    found: list[str] = []
    for element in elements[denial + 1 :]:
        if isinstance(element, str) and len(found) < _FOCUS:
            found.append(element)
            if _IS_HAN.match(element):
                break
    return frozenset(found or [one for one in elements[:denial] if isinstance(one, str)][-1:])


def _poles(
    piece: str, found: Sequence[Sign], turned: set[Sign], tokens: Tokens
) -> Iterator[tuple[Pole, int]]:
    for sign in found:
        if sign.axis.name not in _UNBOUND:
            pole = _opening(piece, sign) or (sign.axis.name, _bound_to(piece, sign, tokens))
            yield pole, -sign.value if sign in turned else sign.value


def _opening(piece: str, sign: Sign) -> Pole | None:
    """The moment of it, for what opens or closes at a time rather than being open or closed."""
    if sign.axis.name != "open" or not _TIME.search(piece):
        return None
    if sign.value > 0:
        is_moment = piece[sign.start : sign.end] not in ("open", "opened")
    else:
        is_moment = not _BEING.search(piece, 0, sign.start)
    if not is_moment or _RANGE.search(piece):
        return None
    return "opening", _number_near(piece, sign)


def _bound_to(piece: str, sign: Sign, tokens: Tokens) -> str:
    """The number or the word beside a sign that is said of it alone."""
    if not sign.axis.bound_to:
        return ""
    if sign.axis.bound_to == "next":
        number = _NEXT_NUMBER.match(piece, sign.end)
        return _value(number[1]) if number else next(tokens(piece[sign.end :]), "")
    number = _NUMBER_BEFORE.search(piece, 0, sign.start)
    return _value(number[1]) if number else [*tokens(piece[: sign.start]), ""][-1]


def _number_near(piece: str, sign: Sign) -> str:
    number = re.search(f"({_NUMBER})", piece[sign.end :]) or re.search(rf"({_NUMBER})", piece)
    return _value(number[1]) if number else ""


def _value(number: str) -> str:
    if number in WORD_NUMBERS:
        return str(WORD_NUMBERS[number])
    value = canonical(number) if number[0].isdecimal() else str(han_value(number))
    return value.removesuffix(":00")
