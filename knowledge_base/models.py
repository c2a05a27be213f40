"""The values of a knowledge base: what goes in, what is stored and what a search gives back."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Final, NewType

from knowledge_base.problems import Problem

BaseId = NewType("BaseId", int)
DocumentId = NewType("DocumentId", int)
ChunkId = NewType("ChunkId", int)
"""`base << 32 | n`, where n counts the chunks of that base and is never given out twice."""

CHUNK_BITS = 32
PAGE_TYPE: Final = "text/x-lorekeeper-page"
"""HTML that was fetched from the web; only who fetched it says so."""
ENTRY_TYPE: Final = "text/x-lorekeeper-entry"
"""A title and a text that are one passage, as far as the embedder reads that at once; only who let
it be typed so says it."""


def chunk_id(base: BaseId, n: int) -> ChunkId:
    """The id of the n-th chunk of a base."""
    return ChunkId(base << CHUNK_BITS | n)


def base_of(chunk: ChunkId) -> BaseId:
    """The base that a chunk belongs to, read off its id."""
    return BaseId(chunk >> CHUNK_BITS)


@dataclass(frozen=True, slots=True)
class Scope:
    """The bases that one question may be answered from.

    For people's questions only `core.access` makes one; operator tools name their bases themselves.
    """

    bases: frozenset[BaseId]


class DocumentState(StrEnum):
    """Where a document stands; only READY ones are ever retrieved."""

    PENDING = "pending"
    READY = "ready"
    FAILED = "failed"
    REMOVED = "removed"


@dataclass(frozen=True, slots=True)
class KnowledgeBase:
    """One base: its own documents, its own embedder, its own index."""

    base_id: BaseId
    name: str
    fingerprint: str | None
    """Identity of the embedder that made its vectors; None until the first vector is stored."""
    dimension: int | None
    generation: int
    """Raised by every commit that changes what a search may find."""


@dataclass(frozen=True, slots=True)
class Document:
    """One stored file, as the base knows it."""

    document_id: DocumentId
    base_id: BaseId
    name: str
    state: DocumentState
    version: int
    sha256: str
    size: int
    media_type: str
    passages: int
    added_at: datetime
    uploader: str | None = None
    """Name of who added it, for people."""
    pages: int | None = None
    """None for formats without pages."""
    uploader_id: str | None = None
    """Who added it, as the caller tells people apart; names are not unique."""
    expires_at: datetime | None = None
    """From then on no search finds it."""
    source: str | None = None
    """Address of the page of the web that it was fetched from."""


@dataclass(frozen=True, slots=True)
class Unready:
    """Documents of a base that are not, or not wholly, found."""

    unfinished: tuple[Document, ...]
    """Being added just now, or broken off by the end of a process."""
    bare: frozenset[DocumentId]
    """Found by words alone: they have no vectors yet."""


@dataclass(frozen=True, slots=True)
class Upload:
    """A file on local disk that somebody wants added; it is read, never moved or changed."""

    name: str
    path: Path
    uploader: str | None = None
    uploader_id: str | None = None
    media_type: str | None = None
    """What it is, where the caller knows; else its content tells."""
    expires_at: datetime | None = None
    source: str | None = None
    """Address of the page of the web that it was fetched from."""
    rest: DocumentId | None = None
    """What it is brought back from; stored only where that still rests, and replacing nothing but
    what took its place."""
    batch: str | None = None
    """The act that it is added by: a version that it replaces rests under that, and can be brought
    back. None: that one is gone."""


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture that was decoded and written anew: nothing of the stranger's file is left in it."""

    path: Path
    media_type: str
    width: int
    height: int
    """Pixels, the right way up."""


@dataclass(frozen=True, slots=True)
class Section:
    """A run of text that a loader found under one heading and on one page."""

    text: str
    heading: str | None = None
    """Path of headings, outermost first, joined by " › "."""
    page: int | None = None
    """Counted from 1, as a reader of the document counts."""
    records: bool = False
    """True where each line stands for itself (a table row with its header)."""


@dataclass(frozen=True, slots=True)
class ChunkDraft:
    """A chunk before it is stored: what the splitter makes."""

    text: str
    heading: str | None
    page: int | None
    terms: bytes
    """Packed terms of text, heading and document name, see `knowledge_base.terms`."""


@dataclass(frozen=True, slots=True)
class ParsedDocument:
    """What the worker process makes of one file."""

    media_type: str
    pages: int | None
    chunks: tuple[ChunkDraft, ...]
    unread: tuple[int, ...] = ()
    """Pages that are pictures and were not read, because no OCR is installed."""


@dataclass(frozen=True, slots=True)
class FileText:
    """What a file says that is not stored."""

    sections: tuple[Section, ...]
    unread: tuple[int, ...] = ()
    """As of `ParsedDocument`."""


@dataclass(frozen=True, slots=True)
class Chunk:
    """What is stored: a piece of a document within the embedder's limit."""

    chunk_id: ChunkId
    document_id: DocumentId
    ordinal: int
    """Place in its document, counted from 0."""
    text: str
    heading: str | None
    page: int | None


@dataclass(frozen=True, slots=True)
class Hit:
    """A chunk found by one leg; the score's scale is that leg's own."""

    chunk_id: ChunkId
    score: float


UNMEASURED: Final = 1.0
"""The relevance of what nobody searched for, such as a file that is read whole: estimates are
never certain."""


@dataclass(frozen=True, slots=True)
class Passage:
    """A chunk with its document: what is quoted and cited."""

    chunk: Chunk
    document: Document
    relevance: float
    """Estimated probability that the passage answers the question, in [0, 1]."""
    dense: float | None = None
    """Raw cosine, where the dense leg looked."""
    lexical: float | None = None
    """Raw BM25, where the lexical leg looked."""

    @property
    def is_measured(self) -> bool:
        """Whether its relevance is an estimate, to be shown to people."""
        return self.relevance < UNMEASURED


class Legs(StrEnum):
    """Which ways of finding take part in a search."""

    DENSE = "dense"
    LEXICAL = "lexical"
    BOTH = "both"


@dataclass(frozen=True, slots=True)
class SearchResult:
    """Passages, best first; they are there also when the search would refuse."""

    passages: tuple[Passage, ...]
    refused: bool
    """True where no passage reaches the relevance threshold."""
    threshold: float
    lexical_only: bool = False
    """True where the dense leg could not serve (no embedder, or another one than the base's)."""
    about: float = 0.0
    """How probable it is that a passage is about the question, whether or not it says it."""
    looked_once: bool = False
    """True where a second look was wanted (`reranking`), and there was no time for it."""

    @property
    def relevance(self) -> float:
        """Of the best passage; 0 where there is none."""
        return max((passage.relevance for passage in self.passages), default=0.0)

    @property
    def is_unsaid(self) -> bool:
        """True where passages are about the question, and none of them says what is asked."""
        return self.refused and bool(self.passages) and self.about >= self.threshold

    @property
    def nearest(self) -> tuple[str, ...]:
        """Names of the documents found, best first, each once."""
        return tuple(dict.fromkeys(passage.document.name for passage in self.passages))


@dataclass(frozen=True, slots=True)
class Quotation:
    """A sentence of a passage, word for word, chosen because it fits a question.

    A row of a table may have the line before it that names the columns, wherever that stands.
    """

    passage: int
    """Index into the passages it was chosen from."""
    text: str
    start: int
    """Offset of the sentence in the passage's text."""
    score: float


class RestKind(StrEnum):
    """Why a document rests."""

    REMOVED = "removed"
    REPLACED = "replaced"
    """By a newer version of its name."""
    UNDONE = "undone"
    """By an older version, which was brought back."""


class AddState(StrEnum):
    """What adding a file came to."""

    ADDED = "added"
    REPLACED = "replaced"
    UNCHANGED = "unchanged"


@dataclass(frozen=True, slots=True)
class Added:
    """The outcome of a successful `Library.add`; by then it is durable and searchable."""

    document: Document
    state: AddState
    unread: tuple[int, ...] = ()
    """Pages that are pictures, of which nothing can be found."""
    gone: Document | None = None
    """What had the added file's name until now, where its new content is here already under another
    name, that of `document`: it was taken out."""


class Stage(StrEnum):
    """The stages of adding a file, in order."""

    READING = "reading"
    EMBEDDING = "embedding"
    STORING = "storing"


@dataclass(frozen=True, slots=True)
class IngestProgress:
    """How far one file has come within a stage; `total` is None while unknown."""

    stage: Stage
    done: int
    total: int | None


class Looked(StrEnum):
    """What a verification looks at, in order."""

    DATABASE = "database"
    """As a whole: nothing tells how far it has come."""
    PASSAGES = "passages"
    ORIGINALS = "originals"
    INDEX_FILES = "index files"


@dataclass(frozen=True, slots=True)
class Verification:
    """What `Library.verify` found in one base."""

    base: str
    documents: int
    passages: int
    vectors: int
    problems: tuple[Problem, ...]


@dataclass(frozen=True, slots=True)
class Extent:
    """What can be found in all bases together."""

    bases: int
    documents: int
    passages: int
    size: int
    """Bytes of the originals."""


@dataclass(frozen=True, slots=True)
class BaseStatistics:
    """Figures of one base for people."""

    base: str
    documents: int
    passages: int
    size: int
    """Bytes of the originals."""
    embedder: str | None
    dimension: int | None
    index: str
    """What serves the dense leg, such as "flat"."""
    reembedded: int = 0
    """Passages whose vectors of another model wait until all have some."""
