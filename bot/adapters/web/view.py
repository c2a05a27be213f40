"""One reply as the console shows it: text, remarks and status, all of it inert HTML."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import assert_never

from bot.adapters.web import markup
from core.language import Words
from core.replies import (
    Actions,
    Failed,
    FileReply,
    Finished,
    Notice,
    Progress,
    Queued,
    ReplyEvent,
    Sources,
    TextDelta,
    TextReplaced,
)


@dataclass(slots=True)
class ReplyView:
    """A reply as far as it has come."""

    words: Words
    answer: str = ""
    """The id of its question, by which its citations are opened."""
    text: str = ""
    status: str = ""
    opening: list[str] = field(default_factory=list)
    """Remarks that came before the text, and are shown there."""
    notes: list[str] = field(default_factory=list)
    failure: str = ""
    sources: Sources = field(default_factory=lambda: Sources(()))

    def take(self, event: ReplyEvent) -> None:
        """Let the next event have its effect."""
        _ = self.words
        self.status = ""
        match event:
            case TextDelta(delta):
                self.text += delta
            case TextReplaced(whole):
                self.text = whole
            case Sources():
                self.sources = event
            case Notice(note) | FileReply(note):
                (self.notes if self.text else self.opening).append(note)
            case Progress() | Queued():
                self.status = self._status(event)
            case Failed(sentence):
                self.failure = sentence
            case Finished("cancelled"):
                self.notes.append(_("[stopped]"))
            case Finished() | Actions():
                pass
            case never:
                assert_never(never)

    def _status(self, event: Progress | Queued) -> str:
        _ = self.words
        if isinstance(event, Queued):
            wait = f" · {event.eta_seconds:.0f} s" if event.eta_seconds else ""
            return _("waiting, place {position}", position=event.position) + wait
        return f"{event.stage}: {event.done}" + (f"/{event.total}" if event.total else "")

    def html(self) -> str:
        """The bubble."""
        failed = f'<p class="failed">{markup.remark(self.failure)}</p>' if self.failure else ""
        numbers = [source.number for source in self.sources.passages]
        text = markup.formatted(self.text, self.answer, numbers)
        return (_remarks(self.opening) + text + _remarks(self.notes) + failed) or "…"

    def status_html(self) -> str:
        """The line below the conversation; empty where nothing is waited for."""
        return f'<p class="note">{markup.remark(self.status)}</p>' if self.status else ""

    def sources_html(self) -> str:
        """The passages of the answer."""
        return markup.sources(self.sources.passages, self.text, self.words)


def _remarks(notes: list[str]) -> str:
    return "".join(f'<p class="note">{markup.remark(note)}</p>' for note in notes)
