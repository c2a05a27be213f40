"""Which model the configuration names: written into its file, and put to use where that can be."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Final

from bot import config as configuration
from bot.errors import ConfigError
from bot.models.applying import apply, apply_embedder
from bot.models.errors import NotWrittenError
from bot.reloading import Applied
from bot.settings import Config
from core.inert import inert
from core.language import Words

BUNDLED: Final = "bundled"


class Choosing:
    """Writes the file; all else is the configuration's own."""

    def __init__(self, file: Path | None, reload: Callable[[], Awaitable[Applied | None]]) -> None:
        """`file`: as it was given at the start; None: the usual one. `reload` reads it anew."""
        self._file = file or Path(configuration.DEFAULT_FILE)
        self._reload = reload

    async def engine(self, name: str, path: Path, _: Words) -> str:
        """What answers from now on, or from the next start. Raises `NotWrittenError`."""
        kind = "llama_cpp" if path.suffix == ".gguf" else "transformers"
        kept = await self._written(partial(apply, self._file, kind, str(path), _now()))
        holds = await self._holds("engine", str(path))
        later = _("The bot answers with it after a restart.")
        return await self._told(name, kept, later, holds=holds, _=_)

    async def embedder(self, name: str, path: Path | None, _: Words) -> str:
        """The same of what makes vectors; None: the bundled one."""
        kind = BUNDLED if path is None else "sentence_transformers"
        model = None if path is None else str(path)
        kept = await self._written(partial(apply_embedder, self._file, kind, model, _now()))
        holds = await self._holds("embedding", model)
        later = _(
            "It makes the vectors after a restart of the bot. Then all bases are embedded anew in "
            "the background, and the old vectors serve until that is done."
        )
        return await self._told(name, kept, later, holds=holds, _=_)

    async def configured(self) -> Config | None:
        """What the file says now; None where it cannot be used."""
        file = self._file if self._file.exists() else None
        try:
            return await asyncio.to_thread(configuration.load, file)
        except ConfigError:
            return None

    async def _written(self, write: Callable[[], Path | None]) -> Path | None:
        try:
            return await asyncio.to_thread(write)
        except OSError as error:
            raise NotWrittenError(str(self._file), str(error.strerror)) from error
        except ConfigError as error:
            reason = error.problems[0].told if error.problems else ""
            raise NotWrittenError(str(self._file), reason) from error

    async def _holds(self, section: str, model: str | None) -> bool:
        """Whether what was written is what a start would take: the environment goes before it."""
        found = await self.configured()
        if found is None:
            return False
        if section == "engine":
            return found.engine.model == model and found.engine.kind != "extractive"
        embedding = found.embedding
        return embedding.model == model and (embedding.kind == BUNDLED) == (model is None)

    async def _told(
        self, name: str, kept: Path | None, later: str, *, holds: bool, _: Words
    ) -> str:
        lines = [_("{file} now names {model}.", file=inert(str(self._file)), model=inert(name))]
        if kept is not None:
            before = inert(str(kept))
            lines.append(_("As it was before, it is kept as {file}.", file=before))
        applied = await self._reload()
        if not holds:
            lines.append(_("But the environment says otherwise, and that goes before the file."))
        elif applied is None or applied.waiting:
            lines.append(later)
        return "\n\n".join(lines)


def _now() -> datetime:
    return datetime.now(UTC)
