"""Files of this machine as attachments, for the surfaces that run on it."""

from __future__ import annotations

import asyncio
import shutil
import uuid
from pathlib import Path

from core.errors import AttachmentTooLargeError
from core.events import Attachment


def local_file(path: Path) -> Attachment:
    """The file as if it had come with a message. Raises `OSError` where there is none."""
    size = path.stat().st_size

    async def save(destination: Path, limit: int) -> None:
        if size > limit:
            raise AttachmentTooLargeError(path.name, limit, "knowledge.max_file_mb")
        await asyncio.to_thread(shutil.copyfile, path, destination)

    return Attachment(uuid.uuid4().hex, path.name, "application/octet-stream", size, save)
