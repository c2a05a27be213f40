"""`/kb export` and `/kb import`: a place's own documents as one file, and back."""

from __future__ import annotations

import asyncio
from typing import Final

from core.audit import Act
from core.commands.base import MEGABYTE, CommandContext, Replies
from core.commands.ingesting import require_place, told
from core.commands.learning import check, temporary_folder
from core.commands.places import home, uploader_id
from core.commands.sizes import size_of
from core.errors import BadArgumentsError, UserError
from core.events import Attachment
from core.filenames import file_name
from core.inert import inert
from core.replies import FileReply, Progress, TextDelta
from knowledge_base.errors import KnowledgeError
from knowledge_base.models import AddState, Upload

LARGEST: Final = 9 * MEGABYTE
"""Of a file that every platform takes."""
_MOST_TOLD: Final = 10


async def export(context: CommandContext) -> Replies:
    """The originals of this place's own base with a manifest, as a zip."""
    _ = context.words
    base = await home(context)
    uploaders = context.options.get("uploaders") is True
    yield Progress(_("packing"), 0, None)
    async with temporary_folder() as folder:
        path = folder / "base.zip"
        bundled = await context.resources.library.export(base, path, uploaders=uploaders)
        if bundled.documents == 0:
            yield TextDelta(_("There are no documents here yet."))
            return
        if bundled.size > LARGEST:
            yield TextDelta(
                _(
                    "The file would have {size}, which is too much for a chat. Whoever runs this "
                    "bot gets it with `python -m bot kb export`.",
                    size=size_of(bundled.size),
                )
            )
            return
        data = await asyncio.to_thread(path.read_bytes)
    sent = context.message.sent_at
    await context.resources.moderation.audit.note(
        context.message, Act.EXPORTED, str(bundled.documents)
    )
    yield TextDelta(
        _.plural(
            "{count} document, as it was added; `/kb import` takes the file in anywhere.",
            "{count} documents, as they were added; `/kb import` takes the file in anywhere.",
            bundled.documents,
        )
    )
    if bundled.missing:
        names = _(", ").join(inert(name) for name in bundled.missing[:_MOST_TOLD])
        yield TextDelta("\n" + _("Their files are gone or damaged: {names}.", names=names))
    yield FileReply(f"lorekeeper-{sent:%Y-%m-%d}.zip", "application/zip", data)


async def take_in(context: CommandContext) -> Replies:
    """Add the documents of an exported base to this place's own; nothing newer is replaced."""
    _ = context.words
    given = _given(context)
    check(given, context.resources.max_file_mb)
    base = await home(context)
    library = context.resources.library
    async with temporary_folder() as folder:
        yield Progress(_("downloading"), 0, None)
        path = folder / "base.zip"
        await given.save(path, context.resources.max_file_mb * MEGABYTE)
        try:
            async with library.bundle(Upload(file_name(given.filename), path)) as entries:
                counts = dict.fromkeys(_OUTCOMES, 0)
                failed: list[str] = []
                for place, (entry, file) in enumerate(entries):
                    yield Progress(_("importing"), place, len(entries))
                    # Whose a document is follows from who brings it, not from what a file says.
                    own = entry.brought_by(uploader_id(context.member))
                    try:
                        await require_place(context, base, Upload(own.name, file))
                        added = await library.restore(base.base_id, (own, file), batch=context.act)
                    except (KnowledgeError, UserError) as error:
                        failed.append(told(error, _).strip())
                        continue
                    counts[added.state if added else None] += 1
        except KnowledgeError as error:
            yield TextDelta(told(error, _), failed=True)
            return
    total = sum(counts.values())
    await context.resources.moderation.audit.note(context.message, Act.IMPORTED, str(total))
    yield TextDelta(
        _(
            "Imported: {added} new, {replaced} newer than here, {unchanged} here already, {kept} "
            "older than here and left out.",
            added=counts[AddState.ADDED],
            replaced=counts[AddState.REPLACED],
            unchanged=counts[AddState.UNCHANGED],
            kept=counts[None],
        )
    )
    if failed:
        yield TextDelta("\n" + "\n".join(failed[:_MOST_TOLD]), failed=True)
        if len(failed) > _MOST_TOLD:
            yield TextDelta("\n" + _("… and {count} more.", count=len(failed) - _MOST_TOLD))


_OUTCOMES: Final[tuple[AddState | None, ...]] = (*AddState, None)


def _given(context: CommandContext) -> Attachment:
    """The file of the message or option, or of the message replied to."""
    message = context.message
    files = [value for value in context.options.values() if isinstance(value, Attachment)]
    files += message.attachments
    if not files and message.quoted is not None:
        files += message.quoted.attachments
    if len(files) != 1:
        raise BadArgumentsError(context.command.name, context.command.usage)
    return files[0]
