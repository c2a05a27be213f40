"""Which part of a document is meant: its words, told from those for the document, and the section
that they fit. Pure.

Where nothing fits, or two sections fit as well, no part is meant: never a wrong one.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from core.numerals import HAN_NUMERALS
from core.ordinals import ORDINALS
from core.whole.headings import (
    KINDS,
    NUMERAL,
    Heading,
    Section,
    headings,
    number_of,
    same_kind,
    section,
)
from core.whole.naming import Fit, fit
from core.whole.recognising import is_generic
from knowledge_base.models import Passage
from knowledge_base.offloop import blocking
from knowledge_base.terms import normalise

_KIND: Final = r"(?:chapter|section|subsection|part|appendix|unit|lesson)"
_COUNTED: Final = (
    re.compile(
        rf"(?:the )?\b(?P<kind>{_KIND}|volume|article|clause) (?:no\.? ?|number )?"
        rf"(?P<n>{NUMERAL})(?!\w|\.\w)"
    ),
    re.compile(r"(?P<kind>§) ?(?P<n>\d{1,3}(?:\.\d{1,3})*)(?!\w|\.\w)"),
    re.compile(r"(?:the )?\b(?P<kind>appendix) (?P<n>[a-z])\b"),
    re.compile(
        rf"(?:the )?\b(?P<n>{'|'.join(ORDINALS)}|\d{{1,2}}(?:st|nd|rd|th))"
        r" (?P<kind>chapter|section|unit|lesson|article|appendix)\b"
    ),
    re.compile(
        rf"第 ?(?P<n>\d{{1,3}}(?:\.\d{{1,3}})?|{HAN_NUMERALS}) ?个?"
        r"(?P<kind>部分|单元|小节|[篇卷编章课讲节条])节?"
    ),
    re.compile(r"(?<![\d.])(?P<n>\d{1,3}(?:\.\d{1,3})+) ?(?P<kind>小节|节|章节)"),
    re.compile(rf"(?P<kind>附录) ?(?P<n>[a-z](?![a-z])|\d{{1,2}}|{HAN_NUMERALS})"),
)
_NAMED: Final = (
    re.compile(
        rf"(?:(?P<of>.+?)(?:'s|[:,])? )?(?:the |its )?{_KIND} (?:that (?:is|deals) )?"
        r"(?:on|about|regarding|concerning|called|named|titled|entitled|covering|with) (?P<name>.+)"
    ),
    re.compile(rf"(?:(?P<of>.+?)(?:'s|[:,])? )?(?:the )?{_KIND} [\"“‘'](?P<name>.+)"),
    re.compile(rf"(?:the )?(?P<name>.+?) {_KIND}(?: (?:of|in|from) (?P<of>.+))?"),
    re.compile(
        r"(?P<name>.+?)(?:的?(?:这|那|该)?一?个?(?:章节|小节|部分)|的?(?:这|那|该|这一|那一|一)[章节]|"
        r"[\"”」』》]的?[章节])"
    ),
)
_LATER: Final = re.compile(r" (?:of|in|from) ")
_BETWEEN_ZH: Final = re.compile(
    r"[\"“”「」『』《》]+|(?:里面|当中|[里中内])?的|里面|(?<=.)[里中](?=.)|有?关于|有关|讲到?|介绍|名为"
)
_EDGES: Final = re.compile(
    r"^(?:\W|(?:of|in|from|the|on|about|and|called|titled)\b|的|里|中)+|"
    r"(?:\W|'s|\b(?:of|in|from|the|on|about)|的|里面?|中)+$"
)
_HAN: Final = re.compile(r"[\u3040-\u30ff\u3400-\u9fff]")
_MOST_STEPS: Final = 3
_MOST_ALIKE: Final = 50
"""Headings that fit as well; among more no one is meant."""
_BARE_CALLED: Final = frozenset(("part", "chapter", "section", "article"))
"""What a heading with nothing but a number may be called."""


@dataclass(frozen=True, slots=True)
class Step:
    """ "Chapter 3" of "chapter 3, section 2"."""

    kind: str
    number: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Portion:
    """A part of a document as a question puts it."""

    steps: tuple[Step, ...] = ()
    """By their numbers, the outermost first."""
    name: str = ""
    """What its heading says."""
    of: str = ""
    """The words for the document; empty where there are none."""


def portions(words: str) -> tuple[Portion, ...]:
    """The ways to read words as naming a part of a document; none: they name no part."""
    folded = normalise(words).strip()
    steps, rest = _steps(folded)
    if len(steps) > _MOST_STEPS:
        return ()
    if steps:
        return tuple(dict.fromkeys(_with_rest(steps, rest)))
    return tuple(dict.fromkeys(_by_name(folded)))


@blocking
def find(portion: Portion, passages: Sequence[Passage]) -> tuple[Section, Fit] | None:
    """The one section that is meant, and how surely; None: none is, or several are."""
    known = headings(passages)
    if not portion.steps:
        return _called(portion.name, known, passages)
    found: Section | None = None
    for step in portion.steps:
        fitting = _counted(step, known if found is None else found.inner, found)
        found = _only(fitting, known, passages)
        if found is None:
            return None
    if found is None or (portion.name and _fit(portion.name, found.heading) < Fit.PART):
        return None
    return found, Fit.NAME


def _steps(folded: str) -> tuple[tuple[Step, ...], list[str]]:
    """The numbered parts, and the words around them."""
    found: list[tuple[int, Step]] = []
    rest = folded
    for pattern in _COUNTED:
        for match in pattern.finditer(rest):
            kind = same_kind("节" if match["kind"] == "章节" else match["kind"])
            written = match["n"]
            ordinal = ORDINALS.get(written) or re.sub(r"(?<=\d)(?:st|nd|rd|th)$", "", written)
            number = (ordinal,) if isinstance(ordinal, int) else number_of(ordinal)
            found.append((match.start(), Step(kind, number)))
        rest = pattern.sub(lambda match: "|" * len(match[0]), rest)
    found.sort(key=lambda own: (KINDS[own[1].kind], own[0]))
    pieces = (_EDGES.sub("", piece) for piece in rest.split("|"))
    return tuple(step for _at, step in found), [piece for piece in pieces if piece]


def _with_rest(steps: tuple[Step, ...], rest: Sequence[str]) -> Iterator[Portion]:
    """What stands beside a number is the document, or what the heading says."""
    match [piece for piece in rest if not is_generic(piece)]:
        case []:
            yield Portion(steps)
        case [one]:
            yield Portion(steps, of=one)
            yield Portion(steps, name=one)
        case [one, other]:
            yield Portion(steps, name=other, of=one)
            yield Portion(steps, name=one, of=other)


def _by_name(folded: str) -> Iterator[Portion]:
    for pattern in _NAMED:
        match = pattern.fullmatch(folded)
        if match is None:
            continue
        groups = match.groupdict()
        name, of = groups["name"], groups.get("of") or ""
        if is_generic(of):
            of = ""
        splits = [(name, of)]
        if not of:
            splits += [(name[: at.start()], name[at.end() :]) for at in _LATER.finditer(name)]
            splits += [(name[at.end() :], name[: at.start()]) for at in _BETWEEN_ZH.finditer(name)]
        for named, document in splits:
            bare = _EDGES.sub("", _BETWEEN_ZH.sub(" ", named) if document else named)
            bare = re.sub(r"^(?:有?关于|有关|名为|介绍|讲)", "", bare)
            if not is_generic(bare):
                yield Portion(name=bare, of="" if is_generic(document) else document)


def _counted(step: Step, known: Sequence[Heading], outer: Section | None) -> list[Heading]:
    """Those that have this number: among what is called so, else among what has a bare one."""
    numbers = {step.number}
    if outer is not None:
        numbers.add((*outer.heading.number, *step.number))
    same = [own for own in known if own.number and own.kind == step.kind]
    if not same and step.kind in _BARE_CALLED:
        same = [own for own in known if own.number and not own.kind]
        if len(step.number) == 1:
            same = _outermost(same, known)
    return [own for own in same if own.number in numbers]


def _outermost(numbered: Sequence[Heading], known: Sequence[Heading]) -> list[Heading]:
    """Those that divide the whole: "3." below another heading is the third of that alone."""
    counts = Counter(own.level for own in known)
    several = [level for level, count in counts.items() if count > 1]
    divides = min(several or counts, default=0)
    least = min(((own.level, own.rank) for own in numbered), default=(0, 0))
    return [own for own in numbered if (own.level, own.rank) == least and own.level <= divides]


def _called(
    name: str, known: Sequence[Heading], passages: Sequence[Passage]
) -> tuple[Section, Fit] | None:
    # What holds all the others is called what the document is called.
    whole = {own for own in known[:1] if all(own.holds(other) for other in known[1:])}
    some = [own for own in known if own not in whole or len(known) == 1]
    fits = [(_fit(name, own), own) for own in some]
    best = max((own for own, _heading in fits), default=Fit.NONE)
    if best is Fit.NONE:
        return None
    found = _only([heading for own, heading in fits if own is best], known, passages)
    return None if found is None else (found, best)


def _only(
    fitting: Sequence[Heading], known: Sequence[Heading], passages: Sequence[Passage]
) -> Section | None:
    """The one with text under it, or that holds all the others."""
    if len(fitting) > _MOST_ALIKE:
        return None
    sections = (section(own, known, passages) for own in fitting)
    found = [own for own in sections if own.says_anything]
    if not found or any(own.heading not in found[0].inner for own in found[1:]):
        return None
    return found[0]


def _fit(name: str, heading: Heading) -> Fit:
    if not set(_HAN.findall(name)) <= set(normalise(heading.title)):
        # Of a document's name and a section's the longer one is half of both.
        return Fit.NONE
    return max(fit(name, heading.title), fit(name, heading.name))
