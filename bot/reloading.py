"""SIGHUP: the configuration is read again, and what can change in a running bot is put to use.

What cannot be used changes nothing: the old settings stay, the log and the owners are told why.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, fields, is_dataclass, replace
from typing import Final

from bot.errors import ConfigError
from bot.settings import Config
from bot.wording import own_words
from core.inert import inert
from core.language import Words
from core.shielding import to_the_end

Use = Callable[[Config], None]
"""Puts a section of the new configuration to use."""

_WITHOUT: Final = frozenset(("remarks",))
_LONGEST: Final = 400
"""Characters of a problem: it names its key, its line and what to do."""
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Applied:
    """What came of a new configuration: keys that hold from now on, and those that wait."""

    used: tuple[str, ...]
    waiting: tuple[str, ...]


class Reloading:
    """Knows the configuration that holds."""

    def __init__(
        self,
        config: Config,
        load: Callable[[], Config],
        uses: Mapping[str, Use],
        tell: Callable[[str], Awaitable[object]],
    ) -> None:
        """`uses`: by the key, or the section, that it takes. `tell` reaches the owners."""
        self.config = config
        self._load = load
        self._uses = uses
        self._tell = tell
        self._told_of_trouble = False

    async def reload(self) -> Applied | None:
        """Read it again; None where it cannot be used."""
        try:
            new = await asyncio.to_thread(self._load)
        except ConfigError as error:
            _log.error("the configuration cannot be used, the old one stays: %s", error)
            await self._tell_trouble(error)
            return None
        changed = tuple(changes(self.config, new))
        used = tuple(key for key in changed if self._use_of(key) is not None)
        for use in {self._use_of(key): key for key in used}:
            if use is not None:
                use(new)
        waiting = tuple(key for key in changed if key not in used)
        self.config = _mixed(self.config, new, used)
        _log.info("the configuration was read again; in use from now on: %s", _listed(used))
        if waiting:
            _log.warning("changed, but only after a restart: %s", _listed(waiting))
        applied = Applied(used, waiting)
        if self._told_of_trouble:
            await self._tell_recovery(applied)
        return applied

    @asynccontextmanager
    async def listening(self, asked: asyncio.Event) -> AsyncGenerator[None, None]:
        """Read it again whenever the event is set, until this is left."""

        async def again() -> None:
            while True:
                await asked.wait()
                asked.clear()
                await self.reload()

        task = asyncio.create_task(again(), name="reload")
        try:
            yield
        finally:
            task.cancel()
            await to_the_end(_ended(task))

    async def _tell_trouble(self, error: ConfigError) -> None:
        _, first = own_words(self.config), error.problems[0]
        told = _(
            "⚠️ The changed configuration cannot be used, so I go on with the old one: {problem}",
            problem=inert(first.told(_), _LONGEST),
        )
        if more := len(error.problems) - 1:
            told += " " + _("(and {count} more, which the log names)", count=more)
        await self._tell(told)
        self._told_of_trouble = True

    async def _tell_recovery(self, applied: Applied) -> None:
        """Whoever heard of the trouble hears that it is over."""
        _ = own_words(self.config)
        said = [_("✅ The configuration can be used again.")]
        if applied.used:
            said.append(_("In use from now on: {keys}.", keys=_keys(applied.used, _)))
        if applied.waiting:
            said.append(_("Only after a restart: {keys}.", keys=_keys(applied.waiting, _)))
        await self._tell(" ".join(said))
        self._told_of_trouble = False

    def _use_of(self, key: str) -> Use | None:
        return self._uses.get(key) or self._uses.get(key.partition(".")[0])


def changes(old: object, new: object, path: str = "") -> Iterator[str]:
    """The keys whose values differ."""
    if is_dataclass(old) and type(old) is type(new):
        for field in fields(old):
            if field.name not in _WITHOUT:
                below = f"{path}.{field.name}" if path else field.name
                yield from changes(getattr(old, field.name), getattr(new, field.name), below)
    elif old != new:
        yield path


def _mixed(old: Config, new: Config, used: tuple[str, ...]) -> Config:
    """What holds now: of the new one only what was put to use."""
    for key in used:
        section, _, name = key.partition(".")
        part = replace(getattr(old, section), **{name: getattr(getattr(new, section), name)})
        old = replace(old, **{section: part})
    return old


def _keys(keys: tuple[str, ...], _: Words) -> str:
    return _(", ").join(map(inert, keys))


def _listed(keys: tuple[str, ...]) -> str:
    return ", ".join(keys) or "nothing"


async def _ended(task: asyncio.Task[None]) -> None:
    await asyncio.wait({task})
    if not task.cancelled() and task.exception() is not None:
        _log.error("the configuration is not read again any more", exc_info=task.exception())
