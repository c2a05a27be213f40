"""Pictures that come with questions, made ready for an engine that sees; none of them is kept."""

from __future__ import annotations

import asyncio
import math
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from core.attachments import SECONDS, temporary_folder
from core.engines.base import PIXELS_PER_TOKEN, ChatImage
from core.errors import AttachmentTooLargeError, UserError
from core.events import Attachment
from core.explain import explain
from core.filenames import file_name
from core.inert import inert
from core.language import Words
from knowledge_base.errors import KnowledgeError
from knowledge_base.models import Upload

if TYPE_CHECKING:
    from knowledge_base.library import Library

LARGEST_SIDE: Final = 1568
"""Pixels. Models make larger pictures smaller by themselves; sending them only costs."""
_SMALLEST_SIDE: Final = 448
_SHARE: Final = 2
"""Pictures may take one part in so many of what a model reads at once."""
_FETCHED_AT_ONCE: Final = 4
"""By all questions together: so many originals lie on the disk, at most."""
_FILE_LIMIT: Final = "knowledge.max_file_mb"
"""What those who fetch files call the limit that they were given."""
_MEGABYTE: Final = 1 << 20


@dataclass(frozen=True, slots=True)
class Seen:
    """What an engine is shown, and what the asker is told of the rest."""

    images: tuple[ChatImage, ...] = ()
    notices: tuple[str, ...] = ()


class Pictures:
    """Fetches pictures and has them redrawn in the worker process, so many a question."""

    def __init__(self, library: Library, most: int, max_mb: int) -> None:
        self._library = library
        self._most = most
        self._limit = max_mb * _MEGABYTE
        self._turns = asyncio.Semaphore(_FETCHED_AT_ONCE)

    @asynccontextmanager
    async def shown(
        self, attachments: Sequence[Attachment], context_window: int, _: Words
    ) -> AsyncGenerator[Seen, None]:
        """The pictures as files that are there until the context is left.

        Files and not bytes: hundreds of questions may wait for a slot, and only those that have
        one need their pictures in memory.
        """
        if not attachments:
            yield Seen()
            return
        images: list[ChatImage] = []
        notices: list[str] = []
        taken = attachments[: self._most]
        side = side_for(len(taken), context_window)
        async with temporary_folder() as folder:
            for number, attachment in enumerate(taken):
                try:
                    images.append(await self._drawn(attachment, folder / str(number), side))
                except (UserError, KnowledgeError) as error:
                    notices.append(explain(error, _) or "")
                except TimeoutError:
                    name = inert(attachment.filename)
                    notices.append(_("{name} did not arrive in time; send it again.", name=name))
            if len(attachments) > self._most:
                notices.append(
                    _.plural(
                        "I looked at the first picture only.",
                        "I looked at the first {count} pictures only.",
                        self._most,
                    )
                )
            yield Seen(tuple(images), tuple(notices))

    async def _drawn(self, attachment: Attachment, folder: Path, side: int) -> ChatImage:
        name = file_name(attachment.filename)
        if attachment.size is not None and attachment.size > self._limit:
            raise self._too_large(attachment)
        await asyncio.to_thread(folder.mkdir)
        original, drawn = folder / "original", folder / "drawn.jpg"
        async with self._turns:
            try:
                async with asyncio.timeout(SECONDS):
                    await attachment.save(original, self._limit)
            except AttachmentTooLargeError as error:
                if error.key != _FILE_LIMIT:
                    raise  # the platform's own limit
                raise self._too_large(attachment) from error
            picture = await self._library.redraw(Upload(name, original), drawn, side)
            await asyncio.to_thread(original.unlink)
        return ChatImage(picture.path, picture.media_type, picture.width, picture.height, name)

    def _too_large(self, attachment: Attachment) -> AttachmentTooLargeError:
        return AttachmentTooLargeError(attachment.filename, self._limit, "chat.max_picture_mb")


def side_for(count: int, context_window: int) -> int:
    """Pixels that each of so many pictures may be wide and high, for a model to read them all."""
    tokens = context_window / _SHARE / max(1, count)
    side = int(math.sqrt(tokens * PIXELS_PER_TOKEN))
    return max(_SMALLEST_SIDE, min(LARGEST_SIDE, side))
