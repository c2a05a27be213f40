"""The data directory: whether it can be written, what is free, and who else works on it."""

from __future__ import annotations

import asyncio
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

from bot.checking.items import Item, Looked
from bot.checking.processes import somebody_else
from bot.models import wording
from core.language import Words


async def look(looked: Looked) -> list[Item]:
    """A file is written and taken away again; a folder that is not there is not made."""
    return await asyncio.to_thread(lambda: list(_found(looked)))


def _found(looked: Looked) -> Iterator[Item]:
    _, folder = looked.words, looked.config.data_dir
    reason = _why_not(folder)
    if reason is not None:
        text = _("Nothing can be stored in {folder}: {reason}", folder=folder, reason=reason)
        yield Item("failure", "disk", text, _('data_dir = "a folder that you may write to"'))
        return
    yield _room(looked, folder, _)
    if somebody_else(folder):
        text = _("Another process works on it: a running bot, or a command.")
        yield Item("ok", "disk", text)


def _room(looked: Looked, folder: Path, _: Words) -> Item:
    usage = shutil.disk_usage(_there(folder))
    percent = 100 * usage.free / usage.total
    least = looked.config.limits.min_free_disk_percent
    text = _(
        "Data lies in {folder}, {free} are free ({percent:.0f} %).",
        folder=folder,
        free=wording.gib_words(usage.free),
        percent=percent,
    )
    if percent >= least:
        return Item("ok", "disk", text)
    told = _("Nothing more is learnt below {least:.0f} %.", least=least)
    fix = _('Free some, or data_dir = "a folder on a larger disk"')
    return Item("failure", "disk", f"{text} {told}", fix)


def _why_not(folder: Path) -> str | None:
    """Why nothing can be written there; None where it can."""
    there = _there(folder)
    try:
        if there == folder:
            tempfile.TemporaryFile(dir=folder).close()
        elif not there.is_dir():
            return os.strerror(20)  # not a directory
        elif not os.access(there, os.W_OK | os.X_OK):
            return os.strerror(13)  # permission denied
    except OSError as error:
        return error.strerror or type(error).__name__
    return None


def _there(folder: Path) -> Path:
    """The folder, or the nearest one above it that is there."""
    return next((path for path in (folder, *folder.parents) if path.exists()), folder)
