"""What the owner looks after: whether the bases asked here are sound, and their indexes anew."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Final, TypeAlias

from core.access import SHARED, homes_of
from core.commands.base import CommandContext, Replies
from core.commands.ingesting import STAGES
from core.commands.places import bases_of, require_near, title_of
from core.counts import documents_of, passages_of, vectors_of
from core.replies import Progress, TextDelta
from core.verified import told
from knowledge_base.models import KnowledgeBase, Stage, Verification

_MOST_LISTED: Final = 20

_Steps: TypeAlias = "AsyncGenerator[Progress | Verification, None]"


async def verify(context: CommandContext) -> Replies:
    """Hold the parts of every base that is asked here against each other."""
    verify = context.resources.library.verify
    found = [await verify(base.base_id) for base in await bases_of(context)]
    yield TextDelta(_told(context, found))


async def rebuild(context: CommandContext) -> Replies:
    """Make indexes anew, with vectors where some are missing, then check.

    Raises `EmbedderTooFarError`. What belongs to other channels is rebuilt there: whether it may go
    to the embedder is settled there too.
    """
    require_near(context)
    message = context.message
    own = (SHARED, *homes_of(message))
    is_operators = message.conversation.channel.platform.is_operators
    bases = [base for base in await bases_of(context) if is_operators or base.name in own]
    found: list[Verification] = []
    for base in bases:
        async with aclosing(_rebuilt(context, base)) as steps:
            async for step in steps:
                if isinstance(step, Verification):
                    found.append(step)
                else:
                    yield step
    yield TextDelta(_told(context, found))


async def _rebuilt(context: CommandContext, base: KnowledgeBase) -> _Steps:
    """How far it has come, and last what was found. Leaving early cancels it."""
    stage = f"{title_of(context, base.name)}: {context.words(STAGES[Stage.EMBEDDING])}"
    news: asyncio.Queue[tuple[int, int] | None] = asyncio.Queue()
    rebuild = context.resources.library.rebuild
    making = asyncio.create_task(
        rebuild(base.base_id, lambda done, total: news.put_nowait((done, total))),
        name=f"rebuild {base.base_id}",
    )
    making.add_done_callback(lambda _task: news.put_nowait(None))
    try:
        while (done := await news.get()) is not None:
            yield Progress(stage, *done)
        yield making.result()
    finally:
        making.cancel()
        await asyncio.wait({making})


def _told(context: CommandContext, found: list[Verification]) -> str:
    _ = context.words
    lines: list[str] = []
    for each in found:
        lines.append(
            _(
                "{base}: {documents}, {passages}, {vectors}.",
                base=title_of(context, each.base),
                documents=documents_of(each.documents, _),
                passages=passages_of(each.passages, _),
                vectors=vectors_of(each.vectors, _),
            )
        )
        lines += [f"- {told(problem, _)}" for problem in each.problems[:_MOST_LISTED]]
        if len(each.problems) > _MOST_LISTED:
            lines.append(_("… and {count} more.", count=len(each.problems) - _MOST_LISTED))
    if not lines:
        return _("There are no documents here yet.")
    if any(each.problems for each in found):
        lines.append(_("Something is wrong. `/kb rebuild` makes the indexes anew; what it leaves, "
                       "a backup or adding the document again mends."))  # fmt: skip
    else:
        lines.append(_("Nothing is wrong."))
    return "\n".join(lines)
