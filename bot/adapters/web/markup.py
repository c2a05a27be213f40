"""Text of others as HTML that can do nothing: no tag, no link, no image, no formula of theirs.

Answers, file names and passages pass through two parsers in the browser (the chat component's
Markdown, then its sanitizer). What leaves here has every sign that means something to either
written as a character reference: both show it and act on none of it.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from html import escape
from typing import Final, Literal, TypeAlias

from markdown_it import MarkdownIt
from markdown_it.renderer import RendererHTML
from markdown_it.token import Token
from markdown_it.utils import EnvType, OptionsDict

from core.language import Words
from core.layout import link_target
from core.replies import CitedPassage
from knowledge_base.models import Chunk
from knowledge_base.sentences import sentences

_NAMED: Final = re.compile(r"`([^`\n]+)`")
_MARKER = re.compile(r"\[(\d{1,3}(?:, ?\d{1,3})*)\]", re.ASCII)
_PLAIN_SIGNS = frozenset(" ,;?%\u00b7\u2013\u2014\u2026，。、；：？！“”‘’（）《》「」")


def plain(text: str) -> str:
    """The text as it stands; line ends become breaks."""
    return "<br>".join(map(_referenced, text.split("\n")))


def remark(text: str) -> str:
    """A sentence of ours in which names stand between backticks, as `core.inert` has them."""
    parts = _NAMED.split(text)
    return "".join(
        f"<code>{plain(part)}</code>" if place % 2 else plain(part)
        for place, part in enumerate(parts)
    )


def formatted(text: str, answer: str = "", numbers: Collection[int] = ()) -> str:
    """Markdown with its paragraphs, lists, tables, emphasis and code, and nothing that links.

    With `answer` (its question's id) the markers of those `numbers` open that passage.
    """
    cites = _Cites(answer, frozenset(numbers))
    html: str = _parser().render(_readable(text), {"cites": cites})
    return html.replace("\n", "")


@dataclass(frozen=True, slots=True)
class Around:
    """One source with what stands before and behind it in its document."""

    number: int
    before: Sequence[Chunk] = ()
    after: Sequence[Chunk] = ()


_WHEN: Final = "{when}"
Shows: TypeAlias = Literal["minute", "day", "recent"]
"""Day and minute; the day alone; the minute today, else the day."""


def moment(at: datetime, shows: Shows = "minute") -> str:
    """A time that the page's script tells in the browser's own zone; here it stands in UTC."""
    exact = at.astimezone(UTC)
    written = f"{exact:%Y-%m-%d}" if shows == "day" else f"{exact:%Y-%m-%d %H:%M} UTC"
    return f'<time datetime="{exact:%Y-%m-%dT%H:%M:%SZ}" data-shows="{shows}">{written}</time>'


def timed(sentence: str, at: datetime, shows: Shows = "minute") -> str:
    """A sentence with "{when}" in it, and the time in its place."""
    return plain(sentence).replace(plain(_WHEN), moment(at, shows))


def sources(
    found: Sequence[CitedPassage], answer: str, words: Words, around: Around | None = None
) -> str:
    """The passages that an answer had, the cited ones open, with what was quoted marked.

    With `around` that one alone is open, with its neighbours.
    """
    ordered = sorted(found, key=lambda source: (not source.cited, source.number))
    return "".join(_source(source, answer, words, around) for source in ordered)


def marked(text: str, quoted: Sequence[str]) -> str:
    """A passage with the sentences that the answer quotes marked."""
    spans = sorted((text.find(q), text.find(q) + len(q)) for q in quoted if q and q in text)
    html, at = [], 0
    for start, end in spans:
        if start < at:
            continue
        html += [plain(text[at:start]), "<mark>", plain(text[start:end]), "</mark>"]
        at = end
    return "".join([*html, plain(text[at:])])


def _source(source: CitedPassage, answer: str, words: Words, around: Around | None = None) -> str:
    _ = words
    passage = source.passage
    page = passage.chunk.page
    facts = [
        _("page {page}", page=page) if page is not None else "",
        passage.chunk.heading or "",
        _("relevance {percent}", percent=f"{passage.relevance:.0%}") if passage.is_measured else "",
    ]
    named = plain(passage.document.name)
    if passage.document.source and (target := link_target(passage.document.source)):
        # Of our own making: nothing in the address but what is quoted.
        there = escape(target, quote=True)
        named = f'<a href="{there}" target="_blank" rel="noopener noreferrer">{named}</a>'
    title = " · ".join([named, *(plain(fact) for fact in facts if fact)])
    quoted = _quoted(passage.chunk.text, answer) if source.cited else []
    is_open = source.cited if around is None else source.number == around.number
    before, after = "", ""
    if around is not None and is_open:
        before, after = _near(around.before), _near(around.after)
    return (
        f'<details class="source" id="source-{source.number}"{" open" if is_open else ""}>'
        f"<summary><b>&#91;{source.number}&#93;</b> {title}</summary>{before}"
        f"<blockquote>{marked(passage.chunk.text, quoted)}</blockquote>{after}</details>"
    )


def _near(chunks: Sequence[Chunk]) -> str:
    return "".join(f'<div class="near">{plain(chunk.text)}</div>' for chunk in chunks)


def _quoted(text: str, answer: str) -> list[str]:
    """The sentences of a passage that stand word for word in the answer."""
    said = "".join(answer.split())
    return [found.text for found in sentences(text) if "".join(found.text.split()) in said]


def _readable(text: str) -> str:
    return "".join(
        char if char == "\n" or char.isprintable() else " " if char.isspace() else ""
        for char in text
    )


def _referenced(text: str) -> str:
    return "".join(
        char if char.isalnum() or char in _PLAIN_SIGNS else f"&#{ord(char)};"
        for char in _readable(text)
    )


@dataclass(frozen=True, slots=True)
class _Cites:
    """Which markers of an answer can be opened; the page's script does what is pressed."""

    answer: str
    numbers: frozenset[int]

    def linked(self, text: str) -> str:
        html, at = [], 0
        for found in _MARKER.finditer(text):
            inside = [self._link(number) for number in found[1].split(",")]
            html += [_referenced(text[at : found.start()]), "&#91;", ", ".join(inside), "&#93;"]
            at = found.end()
        return "".join([*html, _referenced(text[at:])])

    def _link(self, written: str) -> str:
        number = int(written)
        if number not in self.numbers:
            return str(number)
        return f'<a class="cite" href="#cite-{self.answer}-{number}">{number}</a>'


class _InertRenderer(RendererHTML):
    """Writes what others wrote as character references."""

    def text(self, tokens: Sequence[Token], idx: int, options: OptionsDict, env: EnvType) -> str:
        cites = env.get("cites")
        if not isinstance(cites, _Cites) or not cites.answer:
            return _referenced(tokens[idx].content)
        return cites.linked(tokens[idx].content)

    def code_inline(
        self, tokens: Sequence[Token], idx: int, options: OptionsDict, env: EnvType
    ) -> str:
        return f"<code>{_referenced(tokens[idx].content)}</code>"

    def code_block(
        self, tokens: Sequence[Token], idx: int, options: OptionsDict, env: EnvType
    ) -> str:
        lines = tokens[idx].content.rstrip("\n").split("\n")
        # A blank line would end the block for the Markdown parser in the browser.
        return f"<pre><code>{'&#10;'.join(map(_referenced, lines))}</code></pre>"

    def fence(self, tokens: Sequence[Token], idx: int, options: OptionsDict, env: EnvType) -> str:
        return self.code_block(tokens, idx, options, env)


@cache
def _parser() -> MarkdownIt:
    parser = MarkdownIt(
        "commonmark",
        {"html": False, "linkify": False, "breaks": True},
        renderer_cls=_InertRenderer,
    )
    parser.enable("table")
    parser.disable(["link", "image", "autolink", "html_inline", "html_block", "reference"])
    return parser
