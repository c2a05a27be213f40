"""What a reply looks like as one text: while it grows, and as it is to stay. Pure."""

from __future__ import annotations

import math
import re
import sys
from typing import Final, assert_never
from urllib.parse import quote, urlsplit

from core.language import Words
from core.links import without_pings
from core.replies import (
    CitedPassage,
    Failed,
    Notice,
    Progress,
    Queued,
    Sources,
    TextDelta,
    TextReplaced,
)
from core.text import clip, escape_markdown, split_message
from knowledge_base.notes import MEDIA_TYPE

WRITING: Final = "▌"
"""At the end of a message that is still being written."""
HEADING_LENGTH: Final = 60
OPENING_LENGTH: Final = 1200
"""How much of an answer that goes as a file stands in the chat."""
_HOST: Final = re.compile(r"[A-Za-z0-9.:\[\]-]+", re.ASCII)


class Draft:
    """Takes events in; gives the text to show out."""

    def __init__(self, words: Words, *, markdown: bool, longest: int = 6000) -> None:
        """An answer of more than `longest` characters is shown as its beginning."""
        self.mark: Final = WRITING
        self.stopped = False
        self._words = words
        self._longest = longest
        self._name = escape_markdown if markdown else _plain
        self._markdown = markdown
        self._body = ""
        self._status = ""
        self._notices: list[str] = []
        self._sources: Sources | None = None
        self._failure = ""

    def take(
        self,
        event: TextDelta | TextReplaced | Notice | Progress | Queued | Sources | Failed,
    ) -> None:
        match event:
            case TextDelta(text):
                self._body += text
                self._status = ""
            case TextReplaced(text):
                self._body = text
                self._status = ""
            case Notice(text):
                self._notices.append(text)
            case Queued(position, eta_seconds):
                self._status = self._queued(position, eta_seconds)
            case Progress(stage, done, total):
                self._status = self._progress(stage, done, total)
            case Sources():
                self._sources = event
            case Failed(text):
                self._failure = text
            case _:
                assert_never(event)

    def unfold(self) -> None:
        """All of it stands in the chat, however long it is."""
        self._longest = sys.maxsize

    @property
    def worth_showing(self) -> bool:
        """Whether there is anything to open a message with."""
        return bool(self._body.strip() or self._status)

    def growing(self) -> str:
        """The text so far with the mark, or how far work has come before there is any."""
        body = self._body.strip()
        if not body:
            return self._status
        if len(body) > self._longest:
            # No more parts are opened that the end would take away again.
            return f"{self._opening()}\n\n{self.mark}"
        if self._status:
            # Work that goes on after a first outcome, as with several files.
            return f"{body}\n\n{self._status}"
        # Within a fence that is still open the mark would stand in the code, which is right.
        return f"{body} {self.mark}"

    def final(self) -> str:
        """The whole: text, failure, the mark of a stop, remarks, sources; empty if nothing is."""
        _ = self._words
        said = self._body.strip()
        if self.overlong is not None:
            said = self._opening() + "\n\n" + _("The whole answer is in the file.")
        body = [said, self._failure, _("[stopped]") if self.stopped else ""]
        below = [*self._notices, self._sources_block()]
        return "\n\n".join(piece for piece in body + below if piece)

    @property
    def overlong(self) -> str | None:
        """The whole of an answer that is too long for the chat, with its sources."""
        body = self._body.strip()
        if len(body) <= self._longest:
            return None
        return "\n\n".join(piece for piece in (body, self._sources_block()) if piece) + "\n"

    def _opening(self) -> str:
        """The beginning, cut where a message would be cut, its fences closed."""
        first, *rest = split_message(self._body.strip(), min(OPENING_LENGTH, self._longest))
        return f"{first}\n\n…" if rest else first

    def _queued(self, position: int, eta_seconds: float | None) -> str:
        _ = self._words
        if eta_seconds is None:
            return _("Waiting: number {position} in the queue.", position=position)
        return _(
            "Waiting: number {position} in the queue, about {seconds} s.",
            position=position,
            seconds=max(1, math.ceil(eta_seconds)),
        )

    def _progress(self, stage: str, done: int, total: int | None) -> str:
        _ = self._words
        if total:
            share = min(100, done * 100 // total)
            return _("{name}: {text}", name=stage, text=f"{done}/{total} ({share} %)")
        return _("{name}: {text}", name=stage, text=done) if done else f"{stage}…"

    def _sources_block(self) -> str:
        if self._sources is None or self._sources.refused:
            return ""
        cited = [self._source(source) for source in self._sources.passages if source.cited]
        return "\n".join([self._words("Sources:"), *cited]) if cited else ""

    def _source(self, source: CitedPassage) -> str:
        _ = self._words
        passage = source.passage
        document = passage.document
        if document.media_type == MEDIA_TYPE and document.uploader:
            named = _("answered by {name}", name=self._name(document.uploader))
        else:
            named = self._name(document.name)
        told = self._linked(document.source, named)
        place = ""
        if passage.chunk.page is not None:
            place = _("p. {page}", page=passage.chunk.page)
        elif passage.chunk.heading is not None:
            place = without_pings(self._name(clip(passage.chunk.heading, HEADING_LENGTH)))
        if place:
            told = _("{document}, {place}", document=told, place=place)
        if passage.is_measured:
            percent = round(passage.relevance * 100)
            told = _("{name} ({percent} %)", name=told, percent=percent)
        return f"[{source.number}] {told}"

    def _linked(self, source: str | None, named: str) -> str:
        """What a document is called, leading to where it was fetched from."""
        target = link_target(source) if source else ""
        if not target:
            return without_pings(named)
        # In pointed brackets nothing is unfolded below the message.
        return f"[{without_pings(named)}](<{target}>)" if self._markdown else target


def link_target(address: str) -> str:
    """The address of a page so that nothing in it is markup; empty for what is none."""
    try:
        split = urlsplit(address)
        named = split.scheme in ("http", "https") and split.hostname
        host = split.netloc.encode("idna").decode("ascii") if named else ""
    except ValueError:  # of a bracket, or of letters that no host has
        return ""
    if not _HOST.fullmatch(host):
        return ""
    path = quote(split.path, safe="/%:;,=+!$&'~-._")
    query = f"?{quote(split.query, safe='/%:;,=+!$&?~-._')}" if split.query else ""
    return f"{split.scheme}://{host}{path}{query}"


def _plain(name: str) -> str:
    return " ".join(name.split())
