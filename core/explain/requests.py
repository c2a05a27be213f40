"""What people ask for, and cannot have."""

from __future__ import annotations

from typing import assert_never

from core import errors as core_errors
from core.explain.base import duration, explain, near, says
from core.inert import inert, one_line
from core.language import N_, Words


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
def _bad_question(error: core_errors.BadQuestionError, _: Words) -> str:
    return _(
        "Line {line} is no question whose answer is known. Write `question | document | words of "
        "the answer`, and `question | -` where the documents do not say it; one a line, or `;;` "
        "between them.",
        line=error.line,
    )


@explain.register
def _not_allowed(error: core_errors.NotAllowedError, _: Words) -> str:
    level = {
        "member": _("members"),
        "uploader": _("people who may upload"),
        "moderator": _("moderators"),
        "channel_admin": _("admins of this channel"),
        "owner": _("owners of this bot"),
    }.get(error.needs, error.needs)
    return _("Only {level} may do that. Ask one of them.", level=level)


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
    return _.plural(
        "There is {count} document here, which is as many as there may be (`{key}`). Remove it "
        "first.",
        "There are {count} documents here, which is as many as there may be (`{key}`). Remove some "
        "first.",
        error.limit,
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
def _delivery_rate_limited(error: core_errors.DeliveryRateLimitedError, _: Words) -> str:
    return _(
        "The platform lets me write again in {wait}. Wait for it.",
        wait=duration(error.retry_after, _),
    )


# Those whose class says it all.
explain.register(
    core_errors.DiskLowError,
    says(N_("My disk is nearly full: I learn nothing more until whoever runs me makes room.")),
)
explain.register(
    core_errors.DeliveryError, says(N_("My message could not be delivered. Try again."))
)
explain.register(
    core_errors.ForbiddenError,
    says(N_("I may not write there. Somebody who administers the channel can allow it.")),
)
explain.register(
    core_errors.ChannelGoneError, says(N_("That channel or message does not exist any more."))
)
explain.register(
    core_errors.ConversationMovedError,
    says(N_("This chat goes on under another id: what was written before stays as it is.")),
)
explain.register(core_errors.UserError, says(N_("That did not work. `/help` says what does.")))
explain.register(
    core_errors.NoLongerOpenError,
    says(N_("That question is not open any more. Send the command again.")),
)
explain.register(
    core_errors.NotYoursError,
    says(N_("That is for whoever was asked. Send the command yourself.")),
)
