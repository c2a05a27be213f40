"""What an option of a command may be, while it is typed: only what the asker may use there."""

from __future__ import annotations

import asyncio
import logging
import sqlite3
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Final

from core.access import SAMPLES, SHARED, Access, homes_of
from core.channel_settings import DEFAULT, SETTINGS, setting_named
from core.commands import COMMANDS
from core.distance import EnginePlace
from core.engines.choice import EngineChoice
from core.errors import DeliveryError, UserError
from core.events import ChannelKind, IncomingMessage
from core.jobs import JobRows, JobState
from core.notes import SUFFIX
from core.permissions import Level
from core.sharing import Sharing
from knowledge_base.errors import KnowledgeError, NoSuchBaseError
from knowledge_base.models import BaseId
from knowledge_base.terms import normalise

if TYPE_CHECKING:
    from knowledge_base.library import Library

MOST: Final = 25
LONGEST: Final = 100
"""Letters of a value that platforms carry."""
SECONDS: Final = 2.5
"""After which nobody waits for suggestions any more: a platform gives three."""

_log = logging.getLogger(__name__)


def _anywhere(_message: IncomingMessage) -> EnginePlace:
    return "outside"


class Completions:
    """The `Completer` of the command table."""

    def __init__(
        self,
        library: Library,
        engines: EngineChoice,
        access: Access,
        sharing: Sharing,
        level: Callable[[IncomingMessage], Level],
        place: Callable[[IncomingMessage], EnginePlace] = _anywhere,
    ) -> None:
        """`place`: how far out the engines may be that are suggested."""
        self._library = library
        self._engines = engines
        self._access = access
        self._sharing = sharing
        self._level = level
        self._place = place
        self.jobs: JobRows | None = None
        """What comes round, where something does."""

    async def complete(self, message: IncomingMessage, option: str, typed: str) -> Sequence[str]:
        """At most 25 values, those that begin with what is typed first; none to who may not."""
        invocation = message.command
        command = next((c for c in COMMANDS if invocation and c.name == invocation.name), None)
        if command is None or invocation is None or self._level(message) < command.needs:
            return ()
        if not any(own.name == option and own.completes for own in command.options):
            return ()
        try:
            async with asyncio.timeout(SECONDS):
                values = await self._values(message, command.name, option, typed)
        except UserError:
            return ()
        except (DeliveryError, KnowledgeError, OSError, sqlite3.Error):
            # Among them that it took too long. Whoever types goes on without suggestions.
            _log.warning("nothing is suggested for %s of /%s", option, command.name, exc_info=True)
            return ()
        return matching(values, typed)

    async def _values(
        self, message: IncomingMessage, command: str, option: str, typed: str
    ) -> Iterable[str]:
        match command, option:
            case "help", "command":
                level = self._level(message)
                return [own.name for own in COMMANDS if own.needs <= level]
            case "settings", "name":
                return [setting.key for setting in SETTINGS]
            case "settings", "value":
                return self._setting_values(message)
            case "jobs", "name":
                return [state.name for state in await self._all_jobs()]
            case "model", "name":
                return self._engines.names_within(self._place(message))
            case _:
                return await self._stored_values(message, command, option, typed)

    async def _stored_values(
        self, message: IncomingMessage, command: str, option: str, typed: str
    ) -> Iterable[str]:
        match command, option:
            case "kb note", "note":
                return await self._own(message, typed, everybodys=True, end=SUFFIX)
            case "kb show", "name":
                scope = await self._access.scope_of(message)
                return await self._library.names(sorted(scope.bases), typed, limit=MOST)
            case ("kb remove", "name") | ("kb share", "document"):
                return await self._own(message, typed, everybodys=command == "kb share")
            case "kb undo", "name":
                bases = await self._homes(message)
                return [rest.document.name for rest in await self._library.resting(bases)]
            case "kb rename", "name":
                names = [base.name for base in await self._library.bases()]
                return [n for n in names if ":" not in n and n not in (SHARED, SAMPLES)]
            case "kb detach", "channel":
                return [own.title for own in await self._sharing.attached(message)]
            case "kb attach", "channel":
                return await self._channels(message)
            case "kb use", "channel" if message.kind is ChannelKind.PRIVATE:
                return ["none", *await self._channels(message)]
            case "kb share", "to":
                return ["server", *await self._channels(message)]
            case _:
                return []

    async def _own(
        self, message: IncomingMessage, typed: str, *, everybodys: bool, end: str = ""
    ) -> Sequence[str]:
        """Documents of this place's own; of those a member sees what they added themselves."""
        bases = await self._homes(message)
        member = f"{message.conversation.channel.platform.value}:{message.author.user_id}"
        everybodys = everybodys or self._level(message) >= Level.MODERATOR
        whose = None if everybodys else member
        return await self._library.names(bases, typed, limit=MOST, end=end, uploader_id=whose)

    async def _homes(self, message: IncomingMessage) -> list[BaseId]:
        bases = []
        for home in homes_of(message):
            with suppress(NoSuchBaseError):
                base = await self._library.base(home)
                if base.name == home:
                    bases.append(base.base_id)
        return bases

    async def _channels(self, message: IncomingMessage) -> list[str]:
        own = message.conversation.channel
        known = await self._sharing.known(message)
        return [seen.title for seen in known if seen.channel != own]

    async def _all_jobs(self) -> Sequence[JobState]:
        return () if self.jobs is None else await self.jobs.all()

    def _setting_values(self, message: IncomingMessage) -> Sequence[str]:
        options = message.command.options if message.command is not None else {}
        setting = setting_named(str(options.get("name", "")))
        if setting.key == "engine":
            return [*self._engines.names_within(self._place(message)), DEFAULT]
        return [*(choice.value for choice in setting.choices), DEFAULT]


def matching(values: Iterable[str], typed: str) -> tuple[str, ...]:
    """Values with the typed letters in them, those that begin with them first; each once."""
    wanted = normalise(typed).strip()
    held = [value for value in dict.fromkeys(values) if 0 < len(value) <= LONGEST]
    first = [value for value in held if normalise(value).strip().startswith(wanted)]
    rest = [value for value in held if wanted in normalise(value).strip() and value not in first]
    return tuple((first + rest)[:MOST])
