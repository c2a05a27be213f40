"""What knowledge bases and documents fail at."""

from __future__ import annotations

from typing import Final

from core.explain.base import explain, near, says
from core.inert import inert
from core.language import N_, Words
from knowledge_base import errors as kb_errors

_OLD_OFFICE: Final = {
    "application/msword": ".docx",
    "application/vnd.ms-powerpoint": ".pptx",
}


@explain.register
def _of_the_system(error: OSError, _: Words) -> str | None:
    """A disk that takes no more may show anywhere."""
    if error.errno in kb_errors.FULL:
        return explain(kb_errors.StorageFullError(), _)
    return None


@explain.register
def _no_such_base(error: kb_errors.NoSuchBaseError, _: Words) -> str:
    return _("There is no knowledge base {name}.", name=inert(error.name))


@explain.register
def _no_such_document(error: kb_errors.NoSuchDocumentError, _: Words) -> str:
    if error.near:
        return _(
            "There is no document {name}. Did you mean {near}?",
            name=inert(error.name),
            near=near(error.near, _),
        )
    return _("There is no document {name}. `/kb list` shows what there is.", name=inert(error.name))


@explain.register
def _not_resting(error: kb_errors.NotRestingError, _: Words) -> str:
    if error.near:
        return _(
            "No document {name} was removed here that can be brought back. Did you mean {near}?",
            name=inert(error.name),
            near=near(error.near, _),
        )
    return _(
        "No document {name} was removed here that can be brought back.", name=inert(error.name)
    )


@explain.register
def _name_taken(error: kb_errors.NameTakenError, _: Words) -> str:
    return _(
        "There is another document {name} now, which stays as it is. Remove that one first.",
        name=inert(error.name),
    )


@explain.register
def _rejected_document(error: kb_errors.RejectedDocumentError, _: Words) -> str:
    return _("{name} was not added.", name=inert(error.name))


@explain.register
def _unsupported_format(error: kb_errors.UnsupportedFormatError, _: Words) -> str:
    if error.media_type in _OLD_OFFICE:
        return _(
            "{name} is of the kind that Office wrote before 2007: open it in Word, PowerPoint, WPS "
            "or LibreOffice, save it as {suffix} or PDF, and send that.",
            name=inert(error.name),
            suffix=_OLD_OFFICE[error.media_type],
        )
    return _(
        "I cannot read {name}: its content is {type}, which is not supported; save it as PDF, text "
        "or an office document.",
        name=inert(error.name),
        type=inert(error.media_type),
    )


@explain.register
def _unreadable_document(error: kb_errors.UnreadableDocumentError, _: Words) -> str:
    return _(
        "I could not read {name}: the file ({type}) is damaged or incomplete; save it anew and "
        "send it again.",
        name=inert(error.name),
        type=inert(error.media_type),
    )


@explain.register
def _inaccessible_file(error: kb_errors.InaccessibleFileError, _: Words) -> str:
    return _("There is no file {name} that I may read.", name=inert(error.name))


@explain.register
def _no_regular_file(error: kb_errors.NoRegularFileError, _: Words) -> str:
    return _(
        "{name} is a pipe or a device, not a file: write what comes out of it to a file, and add "
        "that.",
        name=inert(error.name),
    )


@explain.register
def _encrypted_document(error: kb_errors.EncryptedDocumentError, _: Words) -> str:
    return _("{name} is protected by a password; send it without one.", name=inert(error.name))


@explain.register
def _empty_document(error: kb_errors.EmptyDocumentError, _: Words) -> str:
    return _("There is no text in {name}.", name=inert(error.name))


@explain.register
def _scanned_document(error: kb_errors.ScannedDocumentError, _: Words) -> str:
    return _(
        "{name} shows pictures and holds no text, and I do not read pictures: send a version with "
        "text. Whoever runs me can install the extra `ocr`.",
        name=inert(error.name),
    )


@explain.register
def _unsafe_archive(error: kb_errors.UnsafeArchiveError, _: Words) -> str:
    return _(
        "I did not unpack {name}: its entry {member} points outside the archive.",
        name=inert(error.name),
        member=inert(error.member),
    )


@explain.register
def _limit_exceeded(error: kb_errors.LimitExceededError, _: Words) -> str:
    return _(
        "{name} goes over a limit: `{key}` is {limit}; split the file, or have the limit raised.",
        name=inert(error.name),
        key=error.key,
        limit=error.limit,
    )


@explain.register
def _page_refused(error: kb_errors.PageRefusedError, _: Words) -> str:
    name = inert(error.name)
    match error.reason:
        case "address":
            return _(
                "I do not fetch {name}: it leads into a private network. Save the page and send "
                "it as a file.",
                name=name,
            )
        case "redirects":
            return _("I do not fetch {name}: it leads on and on. Send the address where it ends.",
                     name=name)  # fmt: skip
        case "port":
            return _("I do not fetch {name}: its port is not allowed (`knowledge.page_ports`).",
                     name=name)  # fmt: skip
        case "credentials":
            return _("I do not fetch {name}: take the name and password out of the address.",
                     name=name)  # fmt: skip
        case "scheme" | "form":
            return _("{name} is no address of a page: send one that begins with https:// or "
                     "http://.", name=name)  # fmt: skip


@explain.register
def _page_not_fetched(error: kb_errors.PageNotFetchedError, _: Words) -> str:
    name = inert(error.name)
    if error.timed_out:
        return _("{name} took longer than `knowledge.page_seconds` allows; try again later.",
                 name=name)  # fmt: skip
    if error.status is not None:
        return _(
            "{name} could not be fetched: its server answers with {status}. Save the page and "
            "send it as a file.",
            name=name,
            status=error.status,
        )
    return _("{name} could not be reached. See whether the address is right, or try again later.",
             name=name)  # fmt: skip


@explain.register
def _interrupted_ingest(error: kb_errors.InterruptedIngestError, _: Words) -> str:
    return _(
        "Adding {name} was interrupted and left nothing behind; add it again.",
        name=inert(error.name),
    )


@explain.register
def _kept_near(error: kb_errors.KeptNearError, _: Words) -> str:
    return _(
        "Nothing is added there: the embedding model {embedder} runs further out than what is said "
        "there may go (`/settings place`).",
        embedder=inert(error.embedder),
    )


@explain.register
def _embedding_unavailable(error: kb_errors.EmbeddingUnavailableError, _: Words) -> str:
    return _(
        "The embedding model {embedder} is not available, so nothing can be added now. Whoever "
        "runs this bot finds the settings under `[embedding]`.",
        embedder=inert(error.embedder),
    )


@explain.register
def _reranker_unavailable(error: kb_errors.RerankerUnavailableError, _: Words) -> str:
    return _(
        "The reranker {reranker} is not available, so what was found is not looked at again. "
        "Whoever runs this bot finds it under `[retrieval]`.",
        reranker=inert(error.reranker),
    )


@explain.register
def _embedder_mismatch(error: kb_errors.EmbedderMismatchError, _: Words) -> str:
    return _(
        "The knowledge base {base} was made with another embedding model ({stored}) than the one "
        "configured ({configured}). Set `[embedding]` back, or embed the base again.",
        base=inert(error.base),
        stored=inert(error.stored),
        configured=inert(error.configured),
    )


@explain.register
def _store_corrupt(error: kb_errors.StoreCorruptError, _: Words) -> str:
    return _("The database {path} is damaged. Restore it from a backup.", path=inert(error.path))


@explain.register
def _store_too_new(error: kb_errors.StoreTooNewError, _: Words) -> str:
    if error.program is not None:
        return _(
            "{path} was written by version {program} of this program (format {written}; this one "
            "knows {known}). Install that version again, or a newer one.",
            path=inert(error.path),
            program=inert(error.program),
            written=error.written,
            known=error.known,
        )
    return _(
        "{path} was written by a newer version of this program (format {written}; this one knows "
        "{known}). Install that version again.",
        path=inert(error.path),
        written=error.written,
        known=error.known,
    )


@explain.register
def _no_room(error: kb_errors.NoRoomError, _: Words) -> str:
    return _(
        "This needs {needed:.0f} MB in {folder}, and {free:.0f} MB are free. Nothing was changed. "
        "Free some space and try again.",
        folder=inert(error.folder),
        needed=error.needed / (1 << 20),
        free=error.free / (1 << 20),
    )


# Those whose class says it all.
explain.register(
    kb_errors.KnowledgeError, says(N_("The knowledge base could not do that. Try again."))
)
explain.register(
    kb_errors.StorageBusyError,
    says(N_("Another process is writing to the database for too long. Try again in a moment.")),
)
explain.register(
    kb_errors.StorageFullError,
    says(N_("The disk is full; nothing was changed. Free some space and try again.")),
)
