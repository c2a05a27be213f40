"""What is kept of somebody, for themselves: as a file, or gone."""

from __future__ import annotations

from typing import Final

from core.commands.base import CommandContext, Replies
from core.commands.confirming import CANCEL, CONFIRM
from core.errors import BadArgumentsError, NotAllowedError, WrongPlaceError
from core.events import (
    ChannelKind,
    InteractionRef,
    Invocation,
    MemberRef,
    Platform,
)
from core.inert import inert
from core.permissions import Level
from core.replies import Actions, Button, Menu, TextDelta

_UPLOADS: Final = "uploads"
_USER: Final = "user"


async def export(context: CommandContext) -> Replies:
    """Everything that is kept of who asks, as one file for nobody else."""
    _ = context.words
    _require_person(context)
    message = context.message
    channel = message.conversation.channel
    private = message.kind is ChannelKind.PRIVATE
    file = await context.resources.own_data.exporting.export(
        context.member, channel if private else None
    )
    reply_to = message.reply_to
    is_hidden = isinstance(reply_to, InteractionRef) and reply_to.is_private
    if private or is_hidden or channel.platform.is_operators:
        yield TextDelta(_("This is what I keep of you:"))
        yield file
        return
    if await context.resources.own_data.hand(context.member, file):
        yield TextDelta(_("I sent it to you in private."))
    else:
        yield TextDelta(
            _("I cannot write to you in private. Open a chat with me and say `/export` there.")
        )


async def forget(context: CommandContext) -> Replies:
    """Erase what is kept of who asks; an owner, of anybody, also of who has left."""
    _ = context.words
    member = _meant(context)
    own = member == context.member
    if not context.confirmed:
        async for event in _ask(context, member, own=own):
            yield event
        return
    uploads = context.options.get(_UPLOADS) is True
    await context.resources.own_data.forgetting.forget(member, uploads=uploads)
    told = (
        _("Done: I have forgotten you.")
        if own
        else _("Done: {member} is forgotten.", member=inert(_written(member)))
    )
    yield Actions(())
    yield TextDelta(
        f"{told} "
        + _(
            "What was sent in the chat itself stays there until it is deleted there; backups "
            "forget it as they are renewed."
        )
    )


async def _ask(context: CommandContext, member: MemberRef, *, own: bool) -> Replies:
    _ = context.words
    held = await context.resources.own_data.exporting.counts(member)
    asked = _.plural("{count} question", "{count} questions", held.questions)
    files = _.plural("{count} file", "{count} files", held.uploads)
    whose = (
        _("This erases what I keep of you, for good: {asked} with their answers, 👍 and 👎, your "
          "notes and what was learnt from your messages, your private documents and settings. You "
          "have added {files} to other places: they can stay, without your name, or go too.",
          asked=asked, files=files)
        if own
        else _("This erases what I keep of {member}, for good: {asked} with their answers, 👍 and "
               "👎, notes and what was learnt from their messages, private documents and settings. "
               "They have added {files} to other places: they can stay, without a name, or go too.",
               member=inert(_written(member)), asked=asked, files=files)
    )  # fmt: skip
    yield TextDelta(whose)
    channel = context.message.conversation.channel
    tokens = {}
    for uploads in (False, True):
        options: dict[str, str | bool] = {_UPLOADS: uploads}
        if not own:
            options[_USER] = _written(member)
        invocation = Invocation(context.command.name, options)
        tokens[uploads] = await context.resources.confirmations.ask(
            channel, context.member, invocation
        )
    keep, drop = _("Erase, leave the files"), _("Erase, files too")
    if channel.platform.is_operators:
        for uploads, label in ((False, keep), (True, drop)):
            line = f"/{CONFIRM} {tokens[uploads]}"
            yield TextDelta("\n" + _("{what}: type `{line}`.", what=label, line=line))
        return
    buttons = (
        Button(f"{CONFIRM}:{tokens[False]}", keep, "danger"),
        Button(f"{CONFIRM}:{tokens[True]}", drop, "danger"),
        Button(f"{CANCEL}:{tokens[False]}", _("Cancel")),
    )
    yield Actions((Menu(buttons),))


def _meant(context: CommandContext) -> MemberRef:
    """Raises `NotAllowedError` where somebody else is meant by anybody but an owner."""
    named = context.text(_USER)
    if not named:
        _require_person(context)
        return context.member
    member = member_named(named, context.member.platform)
    if member is None:
        raise BadArgumentsError(context.command.name, context.command.usage)
    if member != context.member and context.level is not Level.OWNER:
        raise NotAllowedError(Level.OWNER.key)
    return member


def _require_person(context: CommandContext) -> None:
    """An anonymous administrator speaks as the group, which is nobody. Raises `WrongPlaceError`."""
    message = context.message
    if (
        message.kind is ChannelKind.GROUP
        and message.author.user_id == message.conversation.channel.channel_id
    ):
        raise WrongPlaceError("private")


def member_named(text: str, platform: Platform | None = None) -> MemberRef | None:
    """ "discord:123", or the number alone where the platform is known; None for anything else."""
    name, colon, user_id = text.strip().removeprefix("<@").removesuffix(">").partition(":")
    if not colon:
        return MemberRef(platform, name) if platform is not None and name else None
    if name not in set(Platform) or not user_id:
        return None
    return MemberRef(Platform(name), user_id.removeprefix("@"))


def _written(member: MemberRef) -> str:
    return f"{member.platform.value}:{member.user_id}"
