"""What a question about the whole comes to: what is to be read, or asked back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from core.events import Attachment
from core.whole.kinds import Kind
from core.whole.portions import Portion
from knowledge_base.models import Document


@dataclass(frozen=True, slots=True)
class Reading:
    """Documents that are to be read through, and what for."""

    kind: Kind
    documents: tuple[Document, ...]
    topic: str = ""
    is_plain: bool = False
    """Nothing is said of how it is to be told: anybody's like question has the same answer."""
    was_searched: bool = False
    """The question names no document; these are about it."""
    looked_through: int = 0
    """The question names no document; in so many it was looked for, and these show it."""
    portion: Portion | None = None
    """What of the document is meant, where it is not all of it."""


@dataclass(frozen=True, slots=True)
class Attached:
    """A file that came with the question is to be read through."""

    kind: Kind
    file: Attachment
    topic: str = ""


@dataclass(frozen=True, slots=True)
class Choice:
    """It may be about any of these: the asker is to say."""

    kind: Kind
    documents: tuple[Document, ...]
    unknown: str = ""
    """The asker named one that is not there."""
    of_two: bool = False
    """Two of them are wanted."""
    portion: Portion | None = None
    """What of it is meant, where it is not all of it."""


@dataclass(frozen=True, slots=True)
class Earlier:
    """A document is to be compared with the version before it."""

    document: Document
    twin: Document | None
    """One whose name differs in nothing that says what it is about."""


@dataclass(frozen=True, slots=True)
class Everything:
    """What there is at all is asked for."""


@dataclass(frozen=True, slots=True)
class Talk:
    """What was said in the conversation is asked for, and no document."""


Job: TypeAlias = Reading | Attached | Choice | Earlier | Everything | Talk
