"""What we say back. A streamed reply is an `AsyncGenerator[ReplyEvent, None]`."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from core.events import Invocation
from knowledge_base.models import Passage


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens, counted by the model's own tokenizer, unless `estimated`."""

    prompt_tokens: int
    completion_tokens: int
    estimated: bool = False


@dataclass(frozen=True, slots=True)
class TextDelta:
    """The next piece of the answer's Markdown."""

    text: str
    failed: bool = False
    """It says of a part of what was asked why it was not done; the rest may have been."""


@dataclass(frozen=True, slots=True)
class TextReplaced:
    """The whole text so far, mended: what was shown before is replaced by this."""

    text: str


@dataclass(frozen=True, slots=True)
class Notice:
    """A remark about the answer, shown beside it and not part of it."""

    text: str


@dataclass(frozen=True, slots=True)
class Progress:
    """How far long work has come; `total` is None while unknown."""

    stage: str
    done: int
    total: int | None


@dataclass(frozen=True, slots=True)
class Queued:
    """Place in the engine's queue, counted from 1, and the estimated wait."""

    position: int
    eta_seconds: float | None


@dataclass(frozen=True, slots=True)
class CitedPassage:
    """A passage under the number that the answer's markers use."""

    number: int
    passage: Passage
    cited: bool


@dataclass(frozen=True, slots=True)
class Sources:
    """The passages that the answer was given, by number; `refused`: none of them suffices."""

    passages: tuple[CitedPassage, ...]
    refused: bool = False
    unsaid: bool = False
    """Refused although some are about the question: none of them says what is asked."""


@dataclass(frozen=True, slots=True)
class FileReply:
    """A file to send."""

    filename: str
    media_type: str
    data: bytes


@dataclass(frozen=True, slots=True)
class Button:
    """Something to press; `action` comes back in `ActionPressed`, at most 40 ASCII characters."""

    action: str
    label: str
    style: Literal["plain", "good", "danger"] = "plain"


@dataclass(frozen=True, slots=True)
class Menu:
    """A row of buttons; with a label, one choice out of several (Discord: a select)."""

    buttons: tuple[Button, ...]
    label: str | None = None
    chosen: str | None = None
    """The action of the choice that holds now."""


@dataclass(frozen=True, slots=True)
class Actions:
    """What can be pressed below the reply; the last such event counts."""

    menus: tuple[Menu, ...]


@dataclass(frozen=True, slots=True)
class FormField:
    """One field of a form, in the language of who fills it in."""

    name: str
    """The option of the command that it becomes."""
    label: str
    """At most 45 letters."""
    kind: Literal["short", "long"] = "short"
    value: str = ""
    """What stands there already."""
    required: bool = True
    max_length: int = 1000
    """Letters; no platform takes more than 4,000."""
    settled: bool = False
    """What stands there will do: where fields are asked for one by one, this one is not."""


@dataclass(frozen=True, slots=True)
class Form:
    """What a command asks for before it runs: one to five fields, which become its options.

    Discord shows a dialog; where a platform has none, each field is asked for by a message.
    """

    title: str
    """At most 45 letters."""
    fields: tuple[FormField, ...]
    becomes: Invocation
    """The command that is run when it is filled in, with the options that are known already."""
    private: bool = False
    """What comes of it is for who filled it in alone, where a platform can show it so."""
    token: str = ""
    """Given when it is opened: by it the filled form is told apart, also after a restart."""


@dataclass(frozen=True, slots=True)
class Failed:
    """The reply ends with a sentence for the asker; the reference stands in the log."""

    text: str
    reference: str | None = None
    code: str = field(default="", compare=False)
    """For programs: which error it was, as `core.errors.code_of` names it."""


@dataclass(frozen=True, slots=True)
class Finished:
    """The reply is complete."""

    reason: Literal["stop", "length", "filter", "cancelled"]
    usage: Usage | None = None


@dataclass(frozen=True, slots=True)
class SentMessage:
    """A message of ours that is part of a reply; texts and files are counted apart, from 0."""

    kind: Literal["text", "file"]
    part: int
    message_id: str


ReplyEvent: TypeAlias = (
    TextDelta
    | TextReplaced
    | Notice
    | Progress
    | Queued
    | Sources
    | FileReply
    | Actions
    | Failed
    | Finished
)
