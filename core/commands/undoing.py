"""What was removed or replaced comes back, for as long as it rests."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from contextlib import aclosing
from functools import partial
from typing import TYPE_CHECKING

from core.access import homes_of
from core.audit import Act
from core.commands.base import CommandContext, Replies
from core.commands.ingesting import following, require_room_for, told
from core.commands.places import every_home, require_near
from core.errors import UserError
from core.inert import inert
from core.permissions import Level
from core.replies import TextDelta
from knowledge_base.errors import KnowledgeError, NotRestingError
from knowledge_base.models import Added, AddState, KnowledgeBase, RestKind

if TYPE_CHECKING:
    from knowledge_base.resting import Rest


def way_back(context: CommandContext) -> str:
    """A sentence on how a removal is undone; empty where it is for good."""
    _ = context.words
    days = context.resources.library.rest_days
    if not days:
        return ""
    if context.level < Level.MODERATOR:
        return _.plural(
            "Moderators can bring it back within {count} day, with `/kb undo`.",
            "Moderators can bring it back within {count} days, with `/kb undo`.",
            days,
        )
    return _.plural(
        "`/kb undo` brings it back within {count} day.",
        "`/kb undo` brings it back within {count} days.",
        days,
    )


async def undo(context: CommandContext) -> Replies:
    """Bring back what was removed or replaced last in this place, or one document by its name."""
    _ = context.words
    bases = {base.base_id: base for base in await every_home(context)}
    rests = await context.resources.library.resting(tuple(bases))
    readable = homes_of(context.message)
    shown = {rest.document.document_id for rest in rests
             if bases[rest.document.base_id].name in readable}  # fmt: skip
    name = context.text("name")
    if name:
        meant = _named(name, [rest for rest in rests if rest.document.document_id in shown])
    else:
        # What an undoing took the place of comes back by its name alone: asked for twice, it goes
        # further back.
        acts = [rest for rest in rests if rest.kind is not RestKind.UNDONE]
        meant = [rest for rest in acts if rest.batch == acts[0].batch]
    if not meant:
        days = context.resources.library.rest_days
        yield TextDelta(_.plural(
            "There is nothing here to bring back from the last {count} day.",
            "There is nothing here to bring back from the last {count} days.",
            days,
        ) if days else _("What is removed here is gone at once."))  # fmt: skip
        return
    require_near(context)
    back: list[str] = []
    for rest in meant:
        # What a channel learnt while fewer could see it is not named to everybody.
        title = rest.document.name if rest.document.document_id in shown else ""
        base = bases[rest.document.base_id]
        async with aclosing(_one(context, base, rest, title, back)) as events:
            async for event in events:
                yield event
    if back:
        about = back[0] if len(back) == 1 else str(len(back))
        await context.resources.moderation.audit.note(context.message, Act.UNDONE, about)


def _named(name: str, rests: Sequence[Rest]) -> list[Rest]:
    """The one of that name that was removed last. Raises `NotRestingError`."""
    for rest in rests:
        if rest.document.name == name:
            return [rest]
    names = sorted({rest.document.name for rest in rests})
    raise NotRestingError(name, tuple(difflib.get_close_matches(name, names, n=3, cutoff=0.5)))


async def _one(
    context: CommandContext, base: KnowledgeBase, rest: Rest, title: str, back: list[str]
) -> Replies:
    """`title`: its name, where that may be shown. What is back is noted in `back`."""
    _ = context.words
    shown = inert(title) if title else _("a document that fewer people can see")

    def outcome(added: Added, _seconds: float) -> str:
        if added.state is AddState.UNCHANGED:
            return _("{name} is here already; nothing was stored twice.", name=shown) + "\n"
        back.append(title or "…")
        came = _.plural(
            "Brought back {name} ({count} passage).", "Brought back {name} ({count} passages).",
            added.document.passages, name=shown,
        )  # fmt: skip
        if added.state is AddState.REPLACED and title:
            came += " " + _("`/kb undo` with its name brings back the version that it replaced.")
        return came + "\n"

    add = partial(context.resources.library.bring_back, rest)
    try:
        await require_room_for(context, base, rest.document.name, rest.document.size)
        async with aclosing(following(shown, add, outcome, _)) as events:
            async for event in events:
                yield event
    except (UserError, KnowledgeError) as error:
        failed = _("{name} could not be brought back.", name=shown) + "\n"
        yield TextDelta(told(error, _) if title else failed)
