"""Files of this machine as attachments, for the surfaces that run on it."""

from __future__ import annotations

import asyncio
import errno
import shutil
import stat
import uuid
from pathlib import Path

from core.errors import AttachmentTooLargeError
from core.events import Attachment


def local_file(path: Path, known_as: str | None = None) -> Attachment:
    """The file as if it had come with a message. `known_as`: what it is, where we made it.

    Raises `OSError` where there is none, or what could be read without an end.
    """
    status = path.stat()
    if not stat.S_ISREG(status.st_mode):
        raise OSError(errno.EINVAL, "not a regular file", str(path))
    size = status.st_size

    async def save(destination: Path, limit: int) -> None:
        if size > limit:
            raise AttachmentTooLargeError(path.name, limit, "knowledge.max_file_mb")
        await asyncio.to_thread(shutil.copyfile, path, destination)

    return Attachment(uuid.uuid4().hex, path.name, "application/octet-stream", size, save, known_as)
