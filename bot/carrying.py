"""`kb export` and `kb import` at the shell: a base as one file, and back."""

from __future__ import annotations

import asyncio
from pathlib import Path

from bot import output
from bot.errors import ConfigError, Problem
from bot.parts import find_base, open_library
from bot.progress import AddProgress
from bot.settings import Config
from bot.wording import own_words, sentence
from knowledge_base.errors import KnowledgeError, RejectedDocumentError
from knowledge_base.models import Upload

_KEPT = "kept"


async def export(config: Config, base: str, path: Path, *, uploaders: bool, as_json: bool) -> int:
    """Write a base to a new zip; 1 where an original is missing."""
    if await asyncio.to_thread(path.exists):
        raise ConfigError(Problem("", None, "", f"{path} is there already"))
    async with open_library(config, embedding=False) as library:
        found = await find_base(library, base)
        bundled = await library.export(found, path, uploaders=uploaders)
    if as_json:
        output.emit(
            {
                "file": str(path),
                "documents": bundled.documents,
                "bytes": bundled.size,
                "missing": list(bundled.missing),
            }
        )
    else:
        output.say(f"{path}: {bundled.documents} documents, {bundled.size} bytes")
    for name in bundled.missing:
        output.tell(f"{name}: its original is gone or damaged")
    return 1 if bundled.missing else 0


async def take_in(config: Config, base: str, path: Path, *, as_json: bool) -> int:
    """Add the documents of an exported base; each is reported as soon as it is durable."""
    say, failed = own_words(config), False
    async with open_library(config) as library:
        found = await library.ensure_base(base)
        progress = AddProgress(quiet=as_json)
        try:
            with progress:
                async with library.bundle(Upload(path.name, path)) as entries:
                    for entry in entries:
                        name, state, error = entry[0].name, "failed", None
                        try:
                            with progress.file(name) as show:
                                added = await library.restore(found.base_id, entry, show)
                            state = added.state.value if added else _KEPT
                        except KnowledgeError as problem:
                            error, failed = sentence(problem, say), True
                        if as_json:
                            output.emit({"document": name, "state": state, "error": error})
                        elif error:
                            output.tell(f"{name}: {error}")
                        else:
                            progress.say(f"{state:<9}  {name}")
        except RejectedDocumentError as problem:
            output.tell(sentence(problem, say))
            return 1
    return 1 if failed else 0
