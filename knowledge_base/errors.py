"""Expected failures of a knowledge base.

KnowledgeError
├── NoSuchBaseError, NoSuchDocumentError
├── NotRestingError, NameTakenError: what was removed cannot be brought back
├── RejectedDocumentError: the file's fault
│   ├── UnsupportedFormatError    ├── EncryptedDocumentError   ├── EmptyDocumentError
│   ├── UnreadableDocumentError   ├── ScannedDocumentError     ├── UnsafeArchiveError
│   ├── InaccessibleFileError: not there, or not ours to read
│   ├── PageRefusedError, PageNotFetchedError: of the web
│   └── LimitExceededError: facts are the limit, its value and its configuration key
├── EmbeddingUnavailableError     ├── EmbedderMismatchError    ├── RerankerUnavailableError
├── KeptNearError
├── StorageBusyError, StorageFullError, StoreCorruptError, StoreTooNewError
├── NoRoomError: told before anything is written
└── InterruptedIngestError

An error carries facts; `core.explain` has the words.
"""

from __future__ import annotations

import errno
from typing import Final, Literal

FULL: Final = frozenset((errno.ENOSPC, errno.EDQUOT, errno.EFBIG))
"""What the system says of a disk, a quota or a file that takes no more."""


class KnowledgeError(Exception):
    """Something that a knowledge base expects to go wrong now and then."""


class NoSuchBaseError(KnowledgeError):
    """No base has this name."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.name = name


class NoSuchDocumentError(KnowledgeError):
    """No document of the base has this name."""

    def __init__(self, name: str, near: tuple[str, ...] = ()) -> None:
        super().__init__(name)
        self.name = name
        self.near = near


class NotRestingError(KnowledgeError):
    """Nothing of this name was removed that can be brought back."""

    def __init__(self, name: str, near: tuple[str, ...] = ()) -> None:
        super().__init__(name)
        self.name = name
        self.near = near


class NameTakenError(KnowledgeError):
    """Another document has the name of one that is to be brought back."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.name = name


class RejectedDocumentError(KnowledgeError):
    """A file that cannot become a document; the base is as it was before."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.name = name


class UnsupportedFormatError(RejectedDocumentError):
    """The content is of a type that no loader reads."""

    def __init__(self, name: str, media_type: str) -> None:
        super().__init__(name)
        self.media_type = media_type


class UnreadableDocumentError(RejectedDocumentError):
    """The type is known, but the file is broken; or its parser crashed."""

    def __init__(self, name: str, media_type: str) -> None:
        super().__init__(name)
        self.media_type = media_type


class InaccessibleFileError(RejectedDocumentError):
    """There is no such file, or this process may not read it."""


class NoRegularFileError(RejectedDocumentError):
    """It is a pipe, a socket or a device: reading it may never end."""


class EncryptedDocumentError(RejectedDocumentError):
    """The file needs a password."""


class EmptyDocumentError(RejectedDocumentError):
    """There is no text in the file."""


class ScannedDocumentError(RejectedDocumentError):
    """The file has pages, but they are pictures without a text layer."""


class UnsafeArchiveError(RejectedDocumentError):
    """An archive holds a member that points outside it (absolute name, `..`, a link)."""

    def __init__(self, name: str, member: str) -> None:
        super().__init__(name)
        self.member = member


class LimitExceededError(RejectedDocumentError):
    """A limit of the configuration was reached, named by its key."""

    def __init__(self, name: str, key: str, limit: int) -> None:
        super().__init__(name)
        self.key = key
        self.limit = limit


class PageRefusedError(RejectedDocumentError):
    """An address that no page is fetched from."""

    def __init__(
        self,
        name: str,
        reason: Literal["form", "scheme", "port", "credentials", "address", "redirects"],
    ) -> None:
        super().__init__(name)
        self.reason = reason


class PageNotFetchedError(RejectedDocumentError):
    """A page that could not be fetched; `status` where its server gave one."""

    def __init__(self, name: str, status: int | None = None, *, timed_out: bool = False) -> None:
        super().__init__(name)
        self.status = status
        self.timed_out = timed_out


class InterruptedIngestError(KnowledgeError):
    """The process ended while the file was being added."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.name = name


class EmbeddingUnavailableError(KnowledgeError):
    """The embedder cannot be loaded or does not answer."""

    def __init__(self, embedder: str) -> None:
        super().__init__(embedder)
        self.embedder = embedder


class RerankerUnavailableError(KnowledgeError):
    """The reranker cannot be loaded, or fails."""

    def __init__(self, reranker: str) -> None:
        super().__init__(reranker)
        self.reranker = reranker


class KeptNearError(KnowledgeError):
    """The texts of this base may not go as far as to the embedder."""

    def __init__(self, base: str, embedder: str) -> None:
        super().__init__(base, embedder)
        self.base = base
        self.embedder = embedder


class EmbedderMismatchError(KnowledgeError):
    """The base was made with another embedder than the one configured."""

    def __init__(self, base: str, stored: str, configured: str) -> None:
        super().__init__(base, stored, configured)
        self.base = base
        self.stored = stored
        self.configured = configured


class StorageBusyError(KnowledgeError):
    """Another process kept the database locked for longer than the wait allows."""


class StorageFullError(KnowledgeError):
    """The disk is full; nothing was acknowledged that is not stored."""


class StoreCorruptError(KnowledgeError):
    """The database file is damaged."""

    def __init__(self, path: str) -> None:
        super().__init__(path)
        self.path = path


class NoRoomError(KnowledgeError):
    """What is to be written would not fit; nothing was begun."""

    def __init__(self, folder: str, needed: int, free: int) -> None:
        super().__init__(folder, needed, free)
        self.folder = folder
        self.needed = needed
        self.free = free


class StoreTooNewError(KnowledgeError):
    """The data directory was written by a newer version of the program, where known: which."""

    def __init__(self, path: str, written: int, known: int, program: str | None = None) -> None:
        super().__init__(path, written, known, program)
        self.path = path
        self.written = written
        self.known = known
        self.program = program
