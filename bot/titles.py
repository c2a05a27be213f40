"""Bases by the names that people know: a channel's by the channel's, a server's by the server's."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from bot.adapters.web.shelves import Shelf, shelved
from bot.parts import find_base
from bot.settings import Config
from core.access import owner_of
from core.database import Database
from core.language import Words
from core.sightings import Sightings
from knowledge_base.errors import NoSuchBaseError
from knowledge_base.library import Library
from knowledge_base.models import KnowledgeBase


async def titles_of(config: Config, bases: Sequence[KnowledgeBase], _: Words) -> Mapping[str, str]:
    """What people call each base, by its name; the operator's own are called as they are named."""
    if all(owner_of(base.name) is None for base in bases):
        return {base.name: base.name for base in bases}
    async with Database.open(config.data_dir / "lorekeeper.db") as database:
        return {shelf.name: _title(shelf, _) for shelf in await shelved(bases, Sightings(database))}


async def find_called(config: Config, library: Library, called: str, _: Words) -> KnowledgeBase:
    """The base of that name, or the only one that people call so. Raises `NoSuchBaseError`."""
    try:
        return await find_base(library, called)
    except NoSuchBaseError:
        bases = await library.bases()
        titles = await titles_of(config, bases, _)
        wanted = called.strip().casefold()
        found = [base for base in bases if titles[base.name].casefold() == wanted]
        if len(found) == 1:
            return found[0]
        raise


def _title(shelf: Shelf, _: Words) -> str:
    match shelf.kind:
        case "channel" | "server":
            return f"{shelf.place} ({shelf.platform})"
        case "restricted":
            where = _("{channel}, what fewer can see", channel=shelf.place)
            return f"{where} ({shelf.platform})"
        case "private":
            member = f"{shelf.platform}:{shelf.place}"
            return _("a member's own documents: {member}", member=member)
        case _:
            return shelf.name
