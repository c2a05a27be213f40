"""Answers on whole documents that are made of their own words. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final

from core.inert import inert
from core.language import Words
from core.links import Addresses, without_links
from core.text import clip, escape_markdown
from core.whole.extracting import (
    Difference,
    Entry,
    Listing,
    Quote,
    all_of,
    difference,
    outline,
    shortened,
)
from core.whole.kinds import Kind
from knowledge_base.models import Passage

MOST_HEADINGS: Final = 80
"""Of an outline, which is asked for its headings."""
MOST_ENTRIES: Final = 30
"""Of sections with how they open, of all documents together."""
LEAST_ENTRIES: Final = 6
"""Of one document, however many there are."""
MOST_QUOTES: Final = 80
MOST_PAIRS: Final = 30
MOST_ALONE: Final = 15
_MOST_NAMES: Final = 8
_LONGEST_TITLE: Final = 120
_LONGEST_OPENING: Final = 240
_LONGEST_QUOTE: Final = 500
_MARKER: Final = re.compile(
    r"[\[【［〔](?=[^\[\]【】］〕\n]{0,12}\d[^\[\]【】］〕\n]{0,12}[\]】］〕])"
)
"""The opening bracket of whatever could be read as the number of a source."""


@dataclass(slots=True)
class Composed:
    """A text with the passages that its numbers mean."""

    text: str = ""
    passages: list[Passage] = field(default_factory=list)
    is_empty: bool = False
    """Nothing was found to be told."""

    def number(self, passage: Passage) -> int:
        """Its number; passages are counted as they come up."""
        for number, known in enumerate(self.passages, 1):
            if known.chunk.chunk_id == passage.chunk.chunk_id:
                return number
        self.passages.append(passage)
        return len(self.passages)


@dataclass(frozen=True, slots=True)
class Source:
    """A document that was looked through."""

    name: str
    passages: tuple[Passage, ...]


def composed(
    kind: Kind, sources: Sequence[Source], topic: str, _: Words, may_link: Sequence[str] = ()
) -> Composed:
    """What documents say themselves. May take a second for a thousand pages."""
    made = Composed()
    match kind:
        case Kind.ALL:
            _listed(made, sources, topic, _)
        case Kind.COMPARISON | Kind.VERSIONS:
            _compared(made, sources[0], sources[1], _)
        case Kind.SUMMARY | Kind.OUTLINE | Kind.INVENTORY:
            openings = kind is not Kind.OUTLINE
            whole = MOST_ENTRIES if openings else MOST_HEADINGS
            most = max(LEAST_ENTRIES, whole // max(1, len(sources)))
            pieces = [_outlined(made, own, _, most, openings=openings) for own in sources]
            made.text = "\n\n".join(pieces)
    leads_to = Addresses.of([own.chunk.text for own in made.passages], may_link)
    made.text = without_links(made.text, leads_to, _("(link removed)"))
    return made


def has_headings(passages: Sequence[Passage]) -> bool:
    """Whether an outline needs no model."""
    return any(entry.title for entry in outline(passages))


def are_akin(first: Sequence[Passage], second: Sequence[Passage]) -> bool:
    """Whether two texts are so alike that what differs can be told exactly, without a model."""
    return difference(first, second).are_akin


def _outlined(made: Composed, source: Source, _: Words, most: int, *, openings: bool) -> str:
    entries = outline(source.passages)
    shown = shortened(entries, most)
    lines = [_("{name}, by its sections:", name=inert(source.name))]
    least = min((entry.depth for entry in shown), default=0)
    lines += [
        "  " * min(3, entry.depth - least) + "- " + _entry(made, entry, source, _, openings)
        for entry in shown
    ]
    if len(entries) > len(shown):
        lines.append(_("… and {count} more.", count=len(entries) - len(shown)))
    return "\n".join(lines)


def _entry(made: Composed, entry: Entry, source: Source, _: Words, openings: bool) -> str:
    passage = source.passages[entry.passage]
    number = made.number(passage)
    told = ""
    if entry.title:
        told = f"**{escape_markdown(clip(' '.join(entry.title.split()), _LONGEST_TITLE))}**"
        if passage.chunk.page is not None and not openings:
            told = _("{text} ({facts})", text=told, facts=_("p. {page}", page=passage.chunk.page))
    if entry.opening is not None and (openings or not entry.title):
        opening = verbatim(clip(entry.opening.text, _LONGEST_OPENING))
        told = _("{name}: {text}", name=told, text=opening) if told else opening
    return f"{told} [{number}]"


def _listed(made: Composed, sources: Sequence[Source], topic: str, _: Words) -> None:
    found = [(own, all_of(topic, own.passages)) for own in sources]
    if not any(listing.quotes for _own, listing in found):
        made.is_empty = True
        made.text = _(
            "I looked through {names} and found no sentence about {topic}.",
            names=names_of([own.name for own in sources], _),
            topic=inert(topic),
        )
        return
    pieces = []
    left = MOST_QUOTES
    for own, listing in found:
        if listing.quotes:
            pieces.append(_quoted(made, own, listing, topic, left, _))
            left = max(1, left - len(listing.quotes))
    made.text = "\n\n".join(pieces)


def names_of(documents: Sequence[str], _: Words) -> str:
    """The documents by their names; of many, the first ones."""
    shown = _(", ").join(inert(name) for name in documents[:_MOST_NAMES])
    more = len(documents) - _MOST_NAMES
    return shown if more <= 0 else _("{names} and {count} more", names=shown, count=more)


def _quoted(
    made: Composed, source: Source, listing: Listing, topic: str, most: int, _: Words
) -> str:
    heading = _("What {name} says about {topic}:", name=inert(source.name), topic=inert(topic))
    shown = listing.quotes[:most]
    lines = [heading, *(f"- {_cited(made, source, quote)}" for quote in shown)]
    if len(listing.quotes) > len(shown):
        lines.append(_("… and {count} more.", count=len(listing.quotes) - len(shown)))
    return "\n".join(lines)


def _compared(made: Composed, first: Source, second: Source, _: Words) -> None:
    found = difference(first.passages, second.passages)
    ours, theirs = inert(first.name), inert(second.name)
    pieces = []
    if found.pairs:
        lines = [_("Said differently in {first} and {second}:", first=ours, second=theirs)]
        for one, other in found.pairs[:MOST_PAIRS]:
            said = _("{name}: {text}", name=ours, text=_cited(made, first, one))
            other_said = _("{name}: {text}", name=theirs, text=_cited(made, second, other))
            lines += [f"- {said}", f"  {other_said}"]
        lines += _more(found.pairs, MOST_PAIRS, _)
        pieces.append("\n".join(lines))
    if found.are_akin or max(len(found.only_first), len(found.only_second)) <= MOST_ALONE:
        pieces += _alone(made, found, first, second, _)
    else:
        # The first few of hundreds of sentences tell nothing of two texts on different things.
        pieces += [_outlined(made, own, _, MOST_ALONE, openings=True) for own in (first, second)]
    if not pieces:
        made.text = _("{first} and {second} say the same, sentence by sentence.",
                      first=ours, second=theirs)  # fmt: skip
        return
    if not found.pairs and not found.same:
        pieces.insert(0, _("{first} and {second} have no sentence in common.",
                           first=ours, second=theirs))  # fmt: skip
    made.text = "\n\n".join(pieces)


def _alone(
    made: Composed, found: Difference, first: Source, second: Source, _: Words
) -> Iterable[str]:
    for source, quotes in ((first, found.only_first), (second, found.only_second)):
        if quotes:
            lines = [_("Only in {name}:", name=inert(source.name))]
            lines += [f"- {_cited(made, source, quote)}" for quote in quotes[:MOST_ALONE]]
            lines += _more(quotes, MOST_ALONE, _)
            yield "\n".join(lines)


def _more(found: Sequence[object], most: int, _: Words) -> list[str]:
    return [_("… and {count} more.", count=len(found) - most)] if len(found) > most else []


def _cited(made: Composed, source: Source, quote: Quote) -> str:
    number = made.number(source.passages[quote.passage])
    return f"{verbatim(clip(quote.text, _LONGEST_QUOTE))} [{number}]"


def verbatim(text: str) -> str:
    """A text of a document on one line; a "[3]" of its own is not taken for a number of ours."""
    # A word joiner is seen by nobody, and by whoever looks for markers.
    return _MARKER.sub("\\g<0>\u2060", " ".join(text.split()))
