"""Bases as people know them: a channel's by the channel's name, a server's by the server's."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

from bot.adapters.web.visitors import Visitor
from core.access import SAMPLES, SHARED, owner_of
from core.events import ChannelRef, MemberRef, Platform, ServerRef
from core.language import Words
from core.sightings import SeenChannel, Sightings
from knowledge_base.errors import NoSuchBaseError
from knowledge_base.library import Library
from knowledge_base.models import KnowledgeBase

Kind: TypeAlias = Literal["shared", "samples", "own", "channel", "restricted", "server", "private"]

_ORDER: Final[tuple[Kind, ...]] = (
    "shared", "own", "channel", "restricted", "server", "samples", "private",
)  # fmt: skip
_CHATS: Final = (Platform.DISCORD, Platform.TELEGRAM)


@dataclass(frozen=True, slots=True)
class Shelf:
    """A base with what people call it."""

    base: KnowledgeBase
    kind: Kind
    place: str = ""
    """The channel, the server or the member whose it is."""
    platform: str = ""

    @property
    def name(self) -> str:
        return self.base.name

    @property
    def is_operators(self) -> bool:
        """Whether it was made by name, and so can have another name, or go."""
        return self.kind == "own"

    def title(self, _: Words) -> str:
        platform = self.platform.capitalize()
        match self.kind:
            case "shared":
                return _("For everybody ({name})", name=self.name)
            case "samples":
                return _("Documents of the first run ({name})", name=self.name)
            case "own":
                return self.name
            case "channel":
                return f"{self.place} · {platform}"
            case "restricted":
                return _("{channel} · {platform} · fewer can see it", channel=self.place,
                         platform=platform)  # fmt: skip
            case "server":
                return _("{server} · {platform} · all of the server", server=self.place,
                         platform=platform)  # fmt: skip
            case "private":
                return _("A member's own: {member} · {platform}", member=self.place,
                         platform=platform)  # fmt: skip


async def shelved(bases: Iterable[KnowledgeBase], sightings: Sightings) -> tuple[Shelf, ...]:
    """These bases, by what was seen of the channels and servers whose they are."""
    seen = {own.channel: own for on in _CHATS for own in await sightings.channels_on(on)}
    servers = {own.server: own.server_name for own in seen.values() if own.server is not None}
    return tuple(_shelf(base, seen, servers) for base in bases)


class Shelves:
    """All bases that a visitor of the console may see."""

    def __init__(self, library: Library, sightings: Sightings) -> None:
        self._library = library
        self._sightings = sightings

    async def all(self, visitor: Visitor) -> tuple[Shelf, ...]:
        """The operator's first, members' own last, and those for operators alone."""
        bases = await self._library.bases()
        if all(base.name != SHARED for base in bases):
            bases = (await self._library.ensure_base(SHARED), *bases)
        shelves = await shelved(bases, self._sightings)
        return tuple(
            sorted(
                (shelf for shelf in shelves if _may_see(visitor, shelf)),
                key=lambda shelf: (_ORDER.index(shelf.kind), shelf.place, shelf.name),
            )
        )

    async def one(self, visitor: Visitor, name: object) -> Shelf:
        """The base of that name, whoever asks for it. Raises `NoSuchBaseError`."""
        for shelf in await self.all(visitor):
            if shelf.name == name:
                return shelf
        raise NoSuchBaseError(str(name))

    async def some(self, visitor: Visitor, names: Iterable[object]) -> tuple[Shelf, ...]:
        """Those of the names that there are, and that this visitor may see."""
        wanted = {name for name in names if isinstance(name, str)}
        return tuple(shelf for shelf in await self.all(visitor) if shelf.name in wanted)


def _may_see(visitor: Visitor, shelf: Shelf) -> bool:
    """What somebody taught in private is for whoever runs the bot, and for no other eyes."""
    return visitor.may_change or shelf.kind != "private"


def _shelf(
    base: KnowledgeBase,
    seen: dict[ChannelRef, SeenChannel],
    servers: dict[ServerRef, str],
) -> Shelf:
    owner = owner_of(base.name)
    match owner:
        case ChannelRef(platform, channel_id):
            found = seen.get(owner)
            kind: Kind = "restricted" if ":restricted:" in base.name else "channel"
            return Shelf(base, kind, found.title if found else channel_id, platform.value)
        case ServerRef(platform, server_id):
            return Shelf(base, "server", servers.get(owner) or server_id, platform.value)
        case MemberRef(platform, user_id):
            return Shelf(base, "private", user_id, platform.value)
        case None:
            if base.name in (SHARED, SAMPLES):
                return Shelf(base, "shared" if base.name == SHARED else "samples")
            return Shelf(base, "own")
