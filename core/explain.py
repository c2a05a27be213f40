"""Errors into words. Nothing else in the program tells a person what went wrong.

One function for each class, in the language of the `Words` it is given; the house test finds a
class that has none. What is to be done comes with it, and the configuration key where there is one.
"""

from __future__ import annotations

import errno
import math
from collections.abc import Callable
from functools import singledispatch
from typing import Final, assert_never

from core import errors as core_errors
from core.inert import inert, one_line
from core.language import N_, Words
from knowledge_base import errors as kb_errors

_OLD_OFFICE: Final = {
    "application/msword": ".docx",
    "application/vnd.ms-powerpoint": ".pptx",
}


@singledispatch
def explain(_error: Exception, _: Words) -> str | None:
    """The sentence for an expected error; None for one that nobody expected."""
    return None


def _says(sentence: str) -> Callable[[Exception, Words], str]:
    return lambda _error, _: _(sentence)


def near(names: tuple[str, ...], _: Words) -> str:
    """A list of names for a person, at most three."""
    return _(", ").join(inert(name) for name in names[:3])


@explain.register
def _of_the_system(error: OSError, _: Words) -> str | None:
    """A disk that takes no more may show anywhere."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
        return explain(kb_errors.StorageFullError(), _)
    return None


@explain.register
def _unknown_command(error: core_errors.UnknownCommandError, _: Words) -> str:
    if error.near:
        return _(
            "There is no command {name}. Did you mean {near}?",
            name=inert(error.name),
            near=near(error.near, _),
        )
    return _(
        "There is no command {name}. `/help` lists what you can do here.", name=inert(error.name)
    )


@explain.register
def _bad_arguments(error: core_errors.BadArgumentsError, _: Words) -> str:
    return _(
        "That is not how this command is used. Use it like this: `{usage}`.", usage=error.usage
    )


@explain.register
def _not_allowed(error: core_errors.NotAllowedError, _: Words) -> str:
    level = {
        "member": _("members"),
        "uploader": _("people who may upload"),
        "moderator": _("moderators"),
        "channel_admin": _("admins of this channel"),
        "owner": _("the owner of this bot"),
    }.get(error.needs, error.needs)
    return _("Only {level} may do that. Ask one of them.", level=level)


@explain.register
def _no_such_engine(error: core_errors.NoSuchEngineError, _: Words) -> str:
    return _(
        "There is no model {name} here. You can choose from: {names}.",
        name=inert(error.name),
        names=_(", ").join(inert(name) for name in error.available),
    )


@explain.register
def _attachment_too_large(error: core_errors.AttachmentTooLargeError, _: Words) -> str:
    return _(
        "{name} is larger than the {limit:.0f} MB that are read (`{key}`); send a smaller file.",
        name=inert(error.filename),
        limit=error.limit_bytes / 1_000_000,
        key=error.key,
    )


@explain.register
def _unsupported_attachment(error: core_errors.UnsupportedAttachmentError, _: Words) -> str:
    return _(
        "I cannot read {name}: files of the type {type} are not supported.",
        name=inert(error.filename),
        type=inert(error.media_type),
    )


@explain.register
def _attachment_gone(error: core_errors.AttachmentGoneError, _: Words) -> str:
    return _("I cannot get {name} again; send it anew.", name=inert(error.filename))


@explain.register
def _quota_exceeded(error: core_errors.QuotaExceededError, _: Words) -> str:
    wait = duration(error.retry_after, _)
    match error.budget:
        case "daily_questions":
            return _.plural(
                "I answer one person {count} question a day, so that there is time for everybody. "
                "Ask again in {wait}.",
                "I answer one person {count} questions a day, so that there is time for everybody. "
                "Ask again in {wait}.",
                error.limit,
                wait=wait,
            )
        case "daily_uploads":
            return _.plural(
                "I take {count} file a day from one person. Send more in {wait}.",
                "I take {count} files a day from one person. Send more in {wait}.",
                error.limit,
                wait=wait,
            )
        case "daily_upload_mb":
            return _(
                "I take {limit} MB a day from one person. Send more in {wait}.",
                limit=error.limit,
                wait=wait,
            )
        case _:
            return _.plural(
                "I answer one person {count} question at a stretch, so that there is time for "
                "everybody. Ask again in {wait}.",
                "I answer one person {count} questions at a stretch, so that there is time for "
                "everybody. Ask again in {wait}.",
                error.limit,
                wait=wait,
            )


@explain.register
def _base_full(error: core_errors.FullBaseError, _: Words) -> str:
    if error.key == "limits.base_mb":
        return _(
            "The documents here fill the {limit} MB that they may (`{key}`). Remove some first.",
            limit=error.limit,
            key=error.key,
        )
    return _(
        "There are {limit} documents here, which is as many as there may be (`{key}`). Remove some "
        "first.",
        limit=error.limit,
        key=error.key,
    )


@explain.register
def _unknown_setting(error: core_errors.UnknownSettingError, _: Words) -> str:
    if error.near:
        return _(
            "There is no setting {name}. Did you mean {near}?",
            name=inert(error.name),
            near=near(error.near, _),
        )
    return _("There is no setting {name}. `/settings` shows them all.", name=inert(error.name))


@explain.register
def _bad_setting(error: core_errors.BadSettingError, _: Words) -> str:
    if not error.available:
        return _("{value} is no value for {name}.", value=inert(error.value), name=error.name)
    return _(
        "{value} is no value for {name}; it takes: {available}.",
        value=inert(error.value),
        name=error.name,
        available=_(", ").join(inert(value) for value in error.available),
    )


@explain.register
def _wrong_place(error: core_errors.WrongPlaceError, _: Words) -> str:
    match error.wanted:
        case "private":
            return _("That works in a private chat with me. Write to me there.")
        case "group":
            return _("That works in a group's channel. Say it there.")
        case "server":
            return _("That works only in a server with several channels; there is none here.")
        case _:
            assert_never(error.wanted)


@explain.register
def _unknown_channel(error: core_errors.UnknownChannelError, _: Words) -> str:
    if error.near:
        return _(
            "I have not seen you in a channel {name}. Did you mean {near}?",
            name=inert(error.name),
            near=near(error.near, _),
        )
    return _(
        "I have not seen you in a channel {name}. Write to me there once, then try again.",
        name=inert(error.name),
    )


@explain.register
def _ambiguous_channel(error: core_errors.AmbiguousChannelError, _: Words) -> str:
    return _(
        "Several channels are called {name}. Take the number instead of the name: {available}.",
        name=inert(error.name),
        available=_(", ").join(inert(name) for name in error.available),
    )


@explain.register
def _not_readable(error: core_errors.NotReadableError, _: Words) -> str:
    if error.unknown:
        return _(
            "I cannot ask the platform now whether you can read {name}, so I do not answer from "
            "it. In a Telegram group I must be an administrator for that. `/kb unuse` goes back "
            "to your own documents.",
            name=inert(error.name),
        )
    return _("You cannot read {name}, so I do not answer from it here.", name=inert(error.name))


@explain.register
def _not_admin_there(error: core_errors.NotAdminThereError, _: Words) -> str:
    if error.unknown:
        return _(
            "I cannot ask the platform now whether you administer {name}, so I changed nothing.",
            name=inert(error.name),
        )
    return _(
        "That takes somebody who administers both ends, and you do not administer {name}.",
        name=inert(error.name),
    )


@explain.register
def _restricted_base(error: core_errors.RestrictedBaseError, _: Words) -> str:
    return _(
        "Not everybody can see {name}, so its documents are not attached elsewhere. Share single "
        "ones by name: `/kb share`.",
        name=inert(error.name),
    )


@explain.register
def _bad_base_name(error: core_errors.BadBaseNameError, _: Words) -> str:
    return _(
        "A knowledge base cannot be called, or is not renamed from, {name}. Take letters, digits "
        "and hyphens, at most 40.",
        name=inert(error.name),
    )


@explain.register
def _wrong_time(error: core_errors.WrongTimeError, _: Words) -> str:
    return _(
        "I do not understand the time {value}. Write a date (2026-05-01) or a span (7d, 24h).",
        value=inert(error.value),
    )


@explain.register
def _no_such_member(error: core_errors.NoSuchMemberError, _: Words) -> str:
    if error.near:
        return _(
            "{name} may be several people: {near}. Reply to a message of theirs with this command.",
            name=inert(error.name),
            near=near(error.near, _),
        )
    return _("{name} has taught me nothing here.", name=inert(error.name))


@explain.register
def _prompt_template(error: core_errors.PromptTemplateError, _: Words) -> str:
    if not error.line:
        return _(
            "{where}: there is no file answer.LANGUAGE.jinja in this folder "
            "(`chat.prompt_folder`).",
            where=one_line(error.path),
        )
    where = f"{one_line(error.path)}:{error.line}"
    if error.unknown:
        known = (
            _("Did you mean {near}?", near=near(error.near, _))
            if error.near
            else _("A template knows passages, question, history, persona and today.")
        )
        return _("{where}: the template uses {name}, which does not exist.", where=where,
                 name=inert(error.unknown)) + " " + known  # fmt: skip
    if error.missing:
        return _(
            "{where}: the template never uses {names}; without it no question can be answered.",
            where=where,
            names=_(", ").join(inert(name) for name in error.missing),
        )
    return _("{where}: this is not a valid template.", where=where)


@explain.register
def _too_many_readers(error: core_errors.TooManyReadersError, _: Words) -> str:
    return _(
        "People can read {name} who cannot read this channel. Choose one that only those read who "
        "can read this one too.",
        name=inert(error.name),
    )


@explain.register
def _engine_error(error: core_errors.EngineError, _: Words) -> str:
    return _("The model {engine} did not answer. Try again.", engine=inert(error.engine))


@explain.register
def _engine_unavailable(error: core_errors.EngineUnavailableError, _: Words) -> str:
    if error.target:
        return _(
            "The model {engine} is not answering ({target}). Try again later; whoever runs this "
            "bot finds the reason in its log and the settings under `[engine]`.",
            engine=inert(error.engine),
            target=inert(error.target),
        )
    return _(
        "The model {engine} is not answering. Try again later; whoever runs this bot finds the "
        "reason in its log and the settings under `[engine]`.",
        engine=inert(error.engine),
    )


@explain.register
def _model_not_loaded(error: core_errors.ModelNotLoadedError, _: Words) -> str:
    names = {"engine": inert(error.engine), "detail": inert(error.detail)}
    match error.problem:
        case "extra":
            return _(
                "The model {engine} needs a part that is not installed: "
                "`pip install lorekeeper[{detail}]`.",
                **names,
            )
        case "missing":
            return _(
                "There is no model {engine} ({detail}). `engine.model` takes a folder, a .gguf "
                "file or a hub id.",
                **names,
            )
        case "broken":
            return _("The model {engine} cannot be read: {detail}", **names)
        case "architecture":
            return _(
                "The model {engine} cannot run here ({detail}). Serve it with a program that knows "
                "it and set `engine.base_url`, or use its .gguf file.",
                **names,
            )
        case "template":
            return _("The chat template of {engine} cannot be used: {detail}", **names)
        case "no_template":
            return _(
                "The model {engine} comes without a chat template. Name a file with one: "
                "`engine.chat_template`.",
                **names,
            )
        case "memory":
            return _(
                "The model {engine} does not fit ({detail}). Take a smaller one, or less of it: "
                "`engine.quantization`, `engine.max_concurrent`, `engine.context_window`.",
                **names,
            )
        case _:
            assert_never(error.problem)


@explain.register
def _engine_memory(error: core_errors.EngineMemoryError, _: Words) -> str:
    return _(
        "The memory of the model {engine} ran out over your question ({tokens} tokens). Ask a "
        "shorter one, or try again when fewer people ask.",
        engine=inert(error.engine),
        tokens=error.tokens,
    )


@explain.register
def _engine_rate_limited(error: core_errors.EngineRateLimitedError, _: Words) -> str:
    if error.retry_after is None:
        return _("The model {engine} is overloaded. Try again in a moment.",
                 engine=inert(error.engine))  # fmt: skip
    return _(
        "The model {engine} is overloaded. Try again in {wait}.",
        engine=inert(error.engine),
        wait=duration(error.retry_after, _),
    )


@explain.register
def _context_too_long(error: core_errors.ContextTooLongError, _: Words) -> str:
    return _(
        "Your question is too long for the model {engine}: {tokens} tokens, and it reads {limit} "
        "(`engine.context_window`). Ask a shorter one.",
        engine=inert(error.engine),
        tokens=error.tokens,
        limit=error.limit,
    )


@explain.register
def _engine_refused(error: core_errors.EngineRefusedError, _: Words) -> str:
    return _(
        "The model {engine} refused this request. Try other words.", engine=inert(error.engine)
    )


@explain.register
def _engine_access(error: core_errors.EngineAccessError, _: Words) -> str:
    return _(
        "The server of the model {engine} does not accept my key. Whoever runs this bot finds it "
        "under `engine.api_key`.",
        engine=inert(error.engine),
    )


@explain.register
def _engine_broke_off(error: core_errors.EngineBrokeOffError, _: Words) -> str:
    return _(
        "The model {engine} broke off here: this is not the whole answer. Ask again; if it stays "
        "away, another answers.",
        engine=inert(error.engine),
    )


@explain.register
def _engine_budget(error: core_errors.EngineBudgetError, _: Words) -> str:
    if error.period == "day":
        return _("What may be spent on the model {engine} today is used up.",
                 engine=inert(error.engine))  # fmt: skip
    return _("What may be spent on the model {engine} this month is used up.",
             engine=inert(error.engine))  # fmt: skip


@explain.register
def _embedder_too_far(error: core_errors.EmbedderTooFarError, _: Words) -> str:
    return _(
        "I learn nothing here: what is taught would be turned into numbers at {host}, and what is "
        "said here stays nearer (`/settings place`).",
        host=inert(error.host),
    )


@explain.register
def _engine_too_far(error: core_errors.EngineTooFarError, _: Words) -> str:
    if error.place == "own":
        return _(
            "The model {engine} runs on another machine, and what is asked here stays on this one "
            "(`/settings place`).",
            engine=inert(error.engine),
        )
    return _(
        "The model {engine} runs outside, at somebody else's, and what is asked here does not go "
        "there (`/settings place`).",
        engine=inert(error.engine),
    )


@explain.register
def _engine_timeout(error: core_errors.EngineTimeoutError, _: Words) -> str:
    return _(
        "The model {engine} took longer than {wait} (`engine.request_timeout_seconds`). Try again, "
        "or ask something shorter.",
        engine=inert(error.engine),
        wait=duration(error.seconds, _),
    )


@explain.register
def _queue_full(error: core_errors.QueueFullError, _: Words) -> str:
    if error.key.endswith("per_member"):
        return _(
            "You have {waiting} questions waiting already. Ask again when one is answered.",
            waiting=error.waiting,
        )
    if error.key.endswith("per_channel"):
        return _(
            "{waiting} questions of this channel are waiting already. Try again in a few minutes.",
            waiting=error.waiting,
        )
    return _(
        "{waiting} questions are waiting already, which is as many as I keep (`{key}`). "
        "Try again in a few minutes.",
        waiting=error.waiting,
        key=error.key,
    )


@explain.register
def _delivery_rate_limited(error: core_errors.DeliveryRateLimitedError, _: Words) -> str:
    return _(
        "The platform lets me write again in {wait}. Wait for it.",
        wait=duration(error.retry_after, _),
    )


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


def duration(seconds: float, _: Words) -> str:
    """A time for a person, rounded up."""
    if seconds <= 90:
        whole = max(1, math.ceil(seconds))
        return _.plural("{count} second", "{count} seconds", whole)
    if seconds <= 90 * 60:
        return _.plural("{count} minute", "{count} minutes", math.ceil(seconds / 60))
    return _.plural("{count} hour", "{count} hours", math.ceil(seconds / 3600))


# Those whose class says it all.
explain.register(
    core_errors.DiskLowError,
    _says(N_("My disk is nearly full: I learn nothing more until whoever runs me makes room.")),
)
explain.register(
    core_errors.DeliveryError, _says(N_("My message could not be delivered. Try again."))
)
explain.register(
    core_errors.ForbiddenError,
    _says(N_("I may not write there. Somebody who administers the channel can allow it.")),
)
explain.register(
    core_errors.ChannelGoneError, _says(N_("That channel or message does not exist any more."))
)
explain.register(
    core_errors.ConversationMovedError,
    _says(N_("This chat goes on under another id: what was written before stays as it is.")),
)
explain.register(core_errors.UserError, _says(N_("That did not work. `/help` says what does.")))
explain.register(
    core_errors.NoLongerOpenError,
    _says(N_("That question is not open any more. Send the command again.")),
)
explain.register(
    core_errors.NotYoursError,
    _says(N_("That is for whoever was asked. Send the command yourself.")),
)
explain.register(
    kb_errors.KnowledgeError, _says(N_("The knowledge base could not do that. Try again."))
)
explain.register(
    kb_errors.StorageBusyError,
    _says(N_("Another process is writing to the database for too long. Try again in a moment.")),
)
explain.register(
    kb_errors.StorageFullError,
    _says(N_("The disk is full; nothing was changed. Free some space and try again.")),
)
