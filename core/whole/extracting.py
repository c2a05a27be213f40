"""What can be told of whole documents in their own words, without a model. Pure.

Everything here is a sentence, a row or a heading as it stands in a passage, with the passage that
it stands in.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from core.evidence import content
from core.whole.sorts import SORTS
from knowledge_base.models import Passage
from knowledge_base.sentences import sentences
from knowledge_base.terms import normalise

SEPARATOR: Final = " › "
"""Between headings, as the loaders write paths of them."""
_LONGEST_HEADING: Final = 80
_STEM: Final = 5
"""Letters that words on the same have in common, however they end."""
_WORD: Final = re.compile(r"[^\W_\u3040-\u30ff\u3400-\u9fff]+")
_HAN: Final = re.compile(r"[\u3040-\u30ff\u3400-\u9fff]")
_ABOUT: Final = re.compile(
    r"(?i)^.*?\b(?:about|on|regarding|concerning|relating to|to do with)\s+(?:the\s+)?|"
    r"^(?:有关|关于|涉及)|"
    r"的?(?:内容|信息|规定|规则|条款|要求|事项|说明|句子|资料|部分|地方)$"
)
"""What of a topic says only that there is one."""
_FEW: Final = 3
"""Beginnings of pages that together say little."""
_LEAST_SAID: Final = 4
"""Letters of a line that says something."""
_ALIKE: Final = 0.5
"""Share of words that two sentences on the same have in common."""
_ROW: Final = re.compile(r"^[^:;\n]{1,60}: \S.*; [^:;\n]{1,60}: ")
_PAGE_LINE: Final = re.compile(
    r"(?i)^\W*(?:page|p\.|第)?\s*\d{1,4}\s*(?:(?:of|/|／|共)\s*\d{1,4}\s*)?页?\W*$"
)
"""What stands at the foot of a page, which says nothing."""
_ENDED: Final = re.compile(r"[.!?…。！？；;:：,，、]\W*$")
_CLOSED: Final = re.compile(r"[.!?…。！？；;:：]\W*$")
_NUMBERED: Final = re.compile(
    r"^(?:#{1,6}\s+|\d{1,3}(?:\.\d{1,3}){0,3}[.)、]?\s*(?=\D)|"
    r"[（(]?[一二三四五六七八九十]{1,3}[)）、.．]\s*|"
    r"第[一二三四五六七八九十百\d]{1,4}[章节条部分篇]\s*)"
)


@dataclass(frozen=True, slots=True)
class Quote:
    """A piece of a passage, word for word."""

    text: str
    passage: int
    """Index of the passage that it stands in."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A section of a document: what it is called, where it begins, how it opens."""

    title: str
    """Empty where the document has no headings."""
    opening: Quote | None
    passage: int
    depth: int


@dataclass(frozen=True, slots=True)
class Listing:
    """All of something."""

    quotes: tuple[Quote, ...]
    by_words: bool
    """They hold the words asked for; else what such a thing looks like."""


@dataclass(frozen=True, slots=True)
class Difference:
    """What two texts say differently, and what only one of them says."""

    pairs: tuple[tuple[Quote, Quote], ...]
    only_first: tuple[Quote, ...]
    only_second: tuple[Quote, ...]
    same: int
    """Sentences that stand in both."""

    @property
    def are_akin(self) -> bool:
        """Whether one may be a version of the other: much of the smaller is in the larger."""
        common = self.same + len(self.pairs)
        least = min(len(self.only_first), len(self.only_second)) + common
        return common > 0 and common >= 0.3 * least


def outline(passages: Sequence[Passage]) -> tuple[Entry, ...]:
    """The sections in their order; without any heading the passages, or pages, themselves."""
    found = list(_sections(passages))
    if len(found) > 1:
        return tuple(found)
    return tuple(_by_opening(passages))


def shortened(entries: Sequence[Entry], most: int) -> tuple[Entry, ...]:
    """At most so many: the deepest sections go first, of each the last."""
    places = sorted(zip(_ranks(entries), range(len(entries)), strict=True))[:most]
    return tuple(entries[place] for place in sorted(place for _rank, place in places))


def _ranks(entries: Sequence[Entry]) -> Iterator[tuple[int, int]]:
    """The depth of each, and its place among its own section's."""
    counts: dict[int, int] = {}
    for entry in entries:
        counts = {depth: count for depth, count in counts.items() if depth <= entry.depth}
        counts[entry.depth] = counts.get(entry.depth, 0) + 1
        yield entry.depth, counts[entry.depth]


def all_of(topic: str, passages: Sequence[Passage]) -> Listing:
    """Every sentence and row that speaks of something, or shows what such a thing looks like."""
    kinds = [kind for kind in SORTS if kind.asked.search(normalise(topic))]
    quotes = list(_quotes(passages))
    if kinds:
        shown = [own for own in quotes if any(kind.shows(own.text) for kind in kinds)]
        rest = _Asked.of(_without_kinds(topic))
        about = [own for own in shown if rest.is_in(_with_heading(own, passages))]
        return Listing(_each_once(about or shown), by_words=False)
    # "Things about bees" need not stand there: bees do.
    for own in dict.fromkeys((topic, _ABOUT.sub("", topic))):
        held = _that_hold(_Asked.of(own), quotes, passages)
        if held:
            return Listing(_each_once(held), by_words=True)
    return Listing((), by_words=True)


def _that_hold(
    asked: _Asked, quotes: Sequence[Quote], passages: Sequence[Passage]
) -> Sequence[Quote]:
    """Those with the words in them, else those that stand under them."""
    if asked.empty:
        return ()
    held = [own for own in quotes if asked.is_in(own.text)]
    return held or [own for own in quotes if asked.is_in(_with_heading(own, passages))]


def difference(first: Sequence[Passage], second: Sequence[Passage]) -> Difference:
    """What is not the same in two documents."""
    ours, theirs = list(_quotes(first)), list(_quotes(second))
    known = Counter(_folded(own.text) for own in theirs)
    only_ours: list[Quote] = []
    for own in ours:
        folded = _folded(own.text)
        if known[folded] > 0:
            known[folded] -= 1
        else:
            only_ours.append(own)
    same = len(ours) - len(only_ours)
    only_theirs = []
    for own in reversed(theirs):
        folded = _folded(own.text)
        if known[folded] > 0:
            known[folded] -= 1
            only_theirs.append(own)
    only_theirs.reverse()
    pairs = _paired(only_ours, only_theirs)
    of_ours, of_theirs = {a for a, _b in pairs}, {b for _a, b in pairs}
    return Difference(
        tuple((only_ours[a], only_theirs[b]) for a, b in pairs),
        tuple(own for n, own in enumerate(only_ours) if n not in of_ours),
        tuple(own for n, own in enumerate(only_theirs) if n not in of_theirs),
        same,
    )


def _paired(ours: Sequence[Quote], theirs: Sequence[Quote]) -> list[tuple[int, int]]:
    """Sentences on the same, each once, the likest first; in the order of the first text."""
    by_token: dict[str, list[int]] = {}
    held = [content(own.text) for own in theirs]
    for n, tokens in enumerate(held):
        for token in tokens:
            by_token.setdefault(token, []).append(n)
    likes: list[tuple[float, int, int]] = []
    for n, own in enumerate(ours):
        tokens = content(own.text)
        shared = Counter(other for token in tokens for other in by_token.get(token, ())[:200])
        for other, count in shared.most_common(5):
            like = count / max(len(tokens), len(held[other]), 1)
            if like >= _ALIKE:
                likes.append((-like, n, other))
    taken_ours: set[int] = set()
    taken_theirs: set[int] = set()
    pairs = []
    for _like, n, other in sorted(likes):
        if n not in taken_ours and other not in taken_theirs:
            taken_ours.add(n)
            taken_theirs.add(other)
            pairs.append((n, other))
    return sorted(pairs)


def _sections(passages: Sequence[Passage]) -> Iterator[Entry]:
    """By the headings of passages, and by the lines in them that are headings; each once."""
    seen: set[str] = set()
    for index, passage in enumerate(passages):
        path = passage.chunk.heading or ""
        # A heading above others may have no words of its own, and so no passage.
        titles = path.split(SEPARATOR)
        depth = len(titles) - 1
        found = [(SEPARATOR.join(titles[: n + 1]), title, n) for n, title in enumerate(titles)]
        openings: list[Quote | None] = [None] * len(found)
        for block in _blocks(passage.chunk.text):
            heading = heading_of(block)
            if heading is None:
                openings[-1] = openings[-1] or _first_quote(block, index)
            else:
                below = f"{path}{SEPARATOR}{heading}" if path else heading
                found.append((below, heading, depth + bool(path)))
                openings.append(None)
        for (place, title, level), opening in zip(found, openings, strict=True):
            if title and place not in seen:
                seen.add(place)
                yield Entry(title, opening, index, level)


def _by_opening(passages: Sequence[Passage]) -> Iterable[Entry]:
    """By pages, or passages; where these are few by paragraphs, else by sentences."""
    for ways in (_page_openings, _paragraph_openings):
        found = list(ways(passages))
        if len(found) >= _FEW:
            break
    else:
        found = list(_quotes(passages)) or found
    return [Entry("", quote, quote.passage, 0) for quote in found]


def _page_openings(passages: Sequence[Passage]) -> Iterator[Quote]:
    page: int | None = None
    for index, passage in enumerate(passages):
        if passage.chunk.page is not None and passage.chunk.page == page:
            continue
        page = passage.chunk.page
        quotes = (_first_quote(block, index) for block in _blocks(passage.chunk.text))
        first = next(filter(None, quotes), None)
        if first is not None:
            yield first


def _paragraph_openings(passages: Sequence[Passage]) -> Iterator[Quote]:
    for index, passage in enumerate(passages):
        quotes = (_first_quote(block, index) for block in _blocks(passage.chunk.text))
        yield from filter(None, quotes)


def _blocks(text: str) -> list[str]:
    blocks = (block.strip() for block in re.split(r"\n[^\S\n]*\n", text))
    return [block for block in blocks if block and not _PAGE_LINE.match(block)]


def heading_of(block: str) -> str | None:
    """What a block of one short line is called, where it reads as a heading."""
    if "\n" in block or len(block) > _LONGEST_HEADING or _PAGE_LINE.match(block):
        return None
    bare = _NUMBERED.sub("", block).strip()
    if not bare or (_ENDED.search(block) and not block.startswith("#")) or _ROW.match(block):
        return None
    numbered = bare != block
    has_clause = re.search(r"[,，;；]|\b(?:is|are|was|must|may|can|will)\b", bare)
    if not numbered and has_clause:
        return None
    return block.lstrip("#").strip()


def _first_quote(block: str, index: int) -> Quote | None:
    for piece in _pieces(block):
        if len(piece) >= _LEAST_SAID and heading_of(piece) is None:
            return Quote(piece, index)
    return None


def _quotes(passages: Sequence[Passage]) -> Iterator[Quote]:
    """Every sentence and row, headings left out; one that goes on on the next page is one."""
    begun: Quote | None = None
    for index, passage in enumerate(passages):
        found = [Quote(piece, index) for piece in _said_in(passage.chunk.text)]
        if begun is not None:
            if found and _goes_on(passages[begun.passage], passage):
                gap = "" if _HAN.match(begun.text[-1]) else " "
                found[0] = Quote(f"{begun.text}{gap}{found[0].text}", begun.passage)
            else:
                found.insert(0, begun)
            begun = None
        if found and passage.chunk.page is not None and _is_open(found[-1].text):
            begun = found.pop()
        yield from found
    if begun is not None:
        yield begun


def says_anything(text: str) -> bool:
    """Whether there is more in a text than headings."""
    return next(_said_in(text), None) is not None


def _said_in(text: str) -> Iterator[str]:
    for block in _blocks(text):
        if heading_of(block) is None:
            yield from (piece for piece in _pieces(block) if len(piece) >= _LEAST_SAID)


def _is_open(piece: str) -> bool:
    """Whether a sentence has no end yet; what looks like a row has none."""
    return _CLOSED.search(piece) is None and not _ROW.match(piece) and "; " not in piece


def _goes_on(before: Passage, after: Passage) -> bool:
    """Whether a page begins in the middle of what the page before it said."""
    first, second = before.chunk, after.chunk
    is_next = second.page is not None and second.page == (first.page or 0) + 1
    return is_next and first.heading == second.heading


def _pieces(block: str) -> Iterator[str]:
    """Rows of a table each by itself, else sentences."""
    lines = block.split("\n")
    if sum(bool(_ROW.match(line)) for line in lines) * 2 >= len(lines):
        yield from (line.strip() for line in lines if line.strip())
    else:
        yield from (" ".join(own.text.split()) for own in sentences(block))


def _each_once(quotes: Iterable[Quote]) -> tuple[Quote, ...]:
    seen: dict[str, Quote] = {}
    for own in quotes:
        seen.setdefault(_folded(own.text), own)
    return tuple(seen.values())


def _folded(text: str) -> str:
    return re.sub(r"[\s*_#`]+", " ", normalise(text)).strip()


def _with_heading(quote: Quote, passages: Sequence[Passage]) -> str:
    """Its words with those of what it stands under."""
    return f"{passages[quote.passage].chunk.heading or ''}\n{quote.text}"


@dataclass(frozen=True, slots=True)
class _Asked:
    """What is to be listed, as it is looked for: whole words, and pairs of Han characters."""

    words: tuple[str, ...]
    pairs: frozenset[str]

    @classmethod
    def of(cls, topic: str) -> _Asked:
        folded = normalise(topic)
        words = (word for word in _WORD.findall(folded) if content(word))
        pairs = frozenset(token for token in content(topic) if _HAN.match(token))
        return cls(tuple(dict.fromkeys(words)), pairs)

    @property
    def empty(self) -> bool:
        return not self.words and not self.pairs

    def is_in(self, text: str) -> bool:
        """Whether a text has all of it; words also in the other number, long ones otherwise
        inflected."""
        if self.pairs and not self.pairs <= content(text):
            return False
        held = frozenset(_WORD.findall(normalise(text))) if self.words else frozenset()
        return all(any(_same(word, other) for other in held) for word in self.words)


def _same(word: str, other: str) -> bool:
    if word == other or f"{word}s" == other or word == f"{other}s":
        return True
    stem = word[: max(_STEM, len(word) - 3)]
    return len(word) >= _STEM and len(other) >= _STEM and other.startswith(stem)


def _without_kinds(topic: str) -> str:
    folded = normalise(topic)
    for kind in SORTS:
        folded = kind.asked.sub(" ", folded)
    return folded
