"""Bases by the names that people know: a channel's by the channel's, a server's by the server's."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from bot.parts import find_base
from bot.settings import Config
from core.access import owner_of
from core.database import Database
from core.events import ChannelRef, MemberRef, Platform, ServerRef
from core.language import Words
from core.sightings import SeenChannel, Sightings
from knowledge_base.errors import NoSuchBaseError
from knowledge_base.library import Library
from knowledge_base.models import KnowledgeBase


async def titles_of(config: Config, bases: Sequence[KnowledgeBase], _: Words) -> Mapping[str, str]:
    """What people call each base, by its name; the operator's own are called as they are named."""
    seen: dict[ChannelRef, SeenChannel] = {}
    if any(owner_of(base.name) is not None for base in bases):
        async with Database.open(config.data_dir / "lorekeeper.db") as database:
            sightings = Sightings(database)
            for platform in (Platform.DISCORD, Platform.TELEGRAM):
                seen |= {own.channel: own for own in await sightings.channels_on(platform)}
    return {base.name: _title(base.name, seen, _) for base in bases}


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


def _title(name: str, seen: Mapping[ChannelRef, SeenChannel], _: Words) -> str:
    match owner_of(name):
        case ChannelRef(platform, channel_id) as channel:
            where = seen[channel].title if channel in seen else channel_id
            if ":restricted:" in name:
                where = _("{channel}, what fewer can see", channel=where)
            return f"{where} ({platform.value})"
        case ServerRef(platform, server_id) as server:
            named = (own.server_name for own in seen.values() if own.server == server)
            return f"{next(named, server_id) or server_id} ({platform.value})"
        case MemberRef(platform, user_id):
            member = f"{platform.value}:{user_id}"
            return _("a member's own documents: {member}", member=member)
        case None:
            return name
