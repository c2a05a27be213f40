"""`kb export` and `kb import` at the shell: a base as one file, and back."""

from __future__ import annotations

import asyncio
import sys
import uuid
from pathlib import Path

from bot import output
from bot.errors import ConfigError, Problem
from bot.parts import open_library
from bot.progress import AddProgress, CountBar, became
from bot.settings import Config
from bot.titles import find_called
from bot.wording import own_words, sentence
from core.counts import documents_of, passages_of
from core.language import Later, Words
from knowledge_base.errors import KnowledgeError, RejectedDocumentError
from knowledge_base.models import Upload
from knowledge_base.prebuilt import Prebuilt

_KEPT = "kept"


async def export(config: Config, base: str, path: Path, *, uploaders: bool, as_json: bool) -> int:
    """Write a base to a new zip; 1 where an original is missing."""
    if await asyncio.to_thread(path.exists):
        raise ConfigError(Problem("", None, "", Later("{path} is there already", path=path)))
    _ = own_words(config)
    async with open_library(config, embedding=False) as library:
        found = await find_called(config, library, base, _)
        with CountBar(_("writing {path}", path=path), quiet=as_json) as bar:
            bundled = await library.export(found, path, uploaders=uploaders, told=bar.show)
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
        output.say(
            _(
                "{path}: {documents}, {size} bytes",
                path=path,
                documents=documents_of(bundled.documents, _),
                size=bundled.size,
            )
        )
    for name in bundled.missing:
        output.tell(_("{name}: its original is gone or damaged", name=name))
    return 1 if bundled.missing else 0


async def take_in(config: Config, base: str, path: Path, *, agreed: bool, as_json: bool) -> int:
    """Add the documents of an exported base, or of a folder that LangChain wrote; each is reported
    as soon as it is durable. Where vectors cannot be taken over, it asks unless `agreed`."""
    if await asyncio.to_thread(path.is_dir):
        return await _prebuilt(config, base, path, agreed=agreed, as_json=as_json)
    say, failed, batch = own_words(config), False, uuid.uuid4().hex
    async with open_library(config) as library:
        found = await library.ensure_base(base)
        progress = AddProgress(say, quiet=as_json)
        try:
            with progress:
                async with library.bundle(Upload(path.name, path)) as entries:
                    for entry in entries:
                        name, state, error = entry[0].name, "failed", None
                        try:
                            with progress.file(name) as show:
                                added = await library.restore(found.base_id, entry, show, batch)
                            state = added.state.value if added else _KEPT
                        except KnowledgeError as problem:
                            error, failed = sentence(problem, say), True
                        if as_json:
                            output.emit({"document": name, "state": state, "error": error})
                        elif error:
                            output.tell(say("{name}: {text}", name=name, text=error))
                        else:
                            progress.say(became(state, name, say))
        except RejectedDocumentError as problem:
            output.tell(sentence(problem, say))
            return 1
    return 1 if failed else 0


async def _prebuilt(config: Config, base: str, path: Path, *, agreed: bool, as_json: bool) -> int:
    say, failed, batch = own_words(config), False, uuid.uuid4().hex
    async with open_library(config) as library:
        try:
            # A sample of it goes to the embedder before anything is added.
            await library.require_near(base)
            async with library.prebuilt(path) as folder:
                if not folder.is_same_embedder and not agreed and not await _agrees(folder, say):
                    output.tell(say("Nothing was imported; `--yes` imports without asking."))
                    return 1
                found = await library.ensure_base(base)
                progress = AddProgress(say, quiet=as_json)
                with progress:
                    for document in folder.documents:
                        state, error, passages = "failed", None, 0
                        try:
                            with progress.file(document.name) as show:
                                added = await library.adopt(
                                    found.base_id, folder, document, show, batch
                                )
                            state, passages = added.state.value, added.document.passages
                        except KnowledgeError as problem:
                            error, failed = sentence(problem, say), True
                        if as_json:
                            output.emit(
                                {
                                    "document": document.name,
                                    "state": state,
                                    "passages": passages,
                                    "error": error,
                                }
                            )
                        elif error:
                            output.tell(say("{name}: {text}", name=document.name, text=error))
                        else:
                            progress.say(became(state, document.name, say, passages))
        except KnowledgeError as problem:
            output.tell(sentence(problem, say))
            return 1
    return 1 if failed else 0


async def _agrees(folder: Prebuilt, _: Words) -> bool:
    """Told what it takes, whether whoever sits there wants it."""
    if folder.seconds is None:
        takes = _("no embedding model serves here: they will be found by words alone")
    else:
        takes = _("embedding them here takes about {time}", time=_long(folder.seconds, _))
    output.tell(
        _(
            "{documents}, {passages}; their vectors are of another embedding model: {takes}.",
            documents=documents_of(len(folder.documents), _),
            passages=passages_of(folder.passages, _),
            takes=takes,
        )
    )
    if not sys.stdin.isatty():
        return False
    answer = await asyncio.to_thread(input, _("Import them? [y/N] "))
    return answer.strip().lower() in ("y", "yes", "是")


def _long(seconds: float, _: Words) -> str:
    if seconds < 90:
        return f"{max(1, round(seconds))} s"
    if seconds < 5400:
        return _.plural("{count} minute", "{count} minutes", round(seconds / 60))
    return _("{hours} hours", hours=f"{seconds / 3600:.1f}")
