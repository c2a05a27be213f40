"""Letting one place's documents serve another: who may, and what it takes.

Attaching a whole base, and sharing a document by name, both take somebody who administers both
ends: here as the platform told it with the message, there as it says when asked now.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Protocol

from core.access import (
    SAMPLES,
    SHARED,
    Access,
    Bases,
    is_attachable,
    open_base_of,
    restricted_base_of,
    server_base_of,
    taught_in,
)
from core.bindings import Bindings
from core.channels import server_of
from core.errors import (
    NotAdminThereError,
    NotAllowedError,
    RestrictedBaseError,
    UnknownChannelError,
    WrongPlaceError,
)
from core.events import Asked, ChannelKind, ChannelRef, MemberRef, Platform
from core.permissions import Level, Rules, administers_server, level_of
from core.ports import Outbox, Standing
from core.sightings import SeenChannel, Sightings, named, seen_channel
from knowledge_base.errors import NoSuchBaseError, NoSuchDocumentError
from knowledge_base.models import Added, BaseId, Document, KnowledgeBase

SERVER: Final = frozenset(("server", "服务器", "伺服器"))
"""Typed instead of a channel: the server's own base."""


class Shelves(Bases, Protocol):
    """What sharing asks of the library."""

    async def ensure_base(self, name: str) -> KnowledgeBase: ...

    async def documents(self, base: BaseId) -> tuple[Document, ...]: ...

    async def document(self, base: BaseId, name: str) -> Document | None: ...

    async def near_names(self, bases: Sequence[BaseId], name: str) -> tuple[str, ...]: ...

    async def copy(
        self, document: Document, base: BaseId, *, batch: str | None = None
    ) -> Added: ...


@dataclass(frozen=True, slots=True)
class AttachedBase:
    """A base that serves this channel besides its own."""

    base: KnowledgeBase
    title: str
    by: str
    """The id of who attached it."""
    at: datetime


@dataclass(frozen=True, slots=True)
class Shared:
    """What sharing came to: `title` is the place that has the document now too."""

    added: Added
    title: str


class Sharing:
    """The substance of `/kb use`, `attach`, `detach` and `share`."""

    def __init__(
        self,
        library: Shelves,
        access: Access,
        sightings: Sightings,
        bindings: Bindings,
        outboxes: Mapping[Platform, Outbox],
        rules: Rules,
    ) -> None:
        self._library = library
        self._access = access
        self._sightings = sightings
        self._bindings = bindings
        self._outboxes = outboxes
        self._rules = rules

    async def known(self, asked: Asked) -> tuple[SeenChannel, ...]:
        """The channels that somebody can name: where they were seen; for an owner, all."""
        if level_of(asked, self._rules) is Level.OWNER:
            return await self._sightings.channels_on(asked.conversation.channel.platform)
        return await self._sightings.channels_of(_member(asked))

    async def in_use(self, asked: Asked) -> SeenChannel | None:
        """The channel that this private chat uses, whether or not its member can still read it."""
        used = await self._bindings.used_by(_member(asked))
        return None if used is None else await self._sightings.channel(used) or SeenChannel(used)

    async def use(self, asked: Asked, typed: str) -> SeenChannel:
        """Answer this private chat from a channel too, while its member can read it.

        Raises `WrongPlaceError`, `UnknownChannelError`, `AmbiguousChannelError`,
        `NotReadableError`.
        """
        if asked.kind is not ChannelKind.PRIVATE:
            raise WrongPlaceError("private")
        seen = named(typed, await self.known(asked))
        await self._access.require_readable(_member(asked), seen)
        await self._bindings.use(_member(asked), seen.channel)
        return seen

    async def unuse(self, asked: Asked) -> bool:
        """Back to the member's own documents; False where that is so already."""
        return await self._bindings.unuse(_member(asked))

    async def attach(self, asked: Asked, typed: str) -> AttachedBase:
        """Answer this channel from another one's base too, or (owners) from one by its name.

        Raises `WrongPlaceError`, `NotAllowedError`, `UnknownChannelError`,
        `AmbiguousChannelError`, `NotAdminThereError`, `RestrictedBaseError`.
        """
        self._require_here(asked)
        base = await self._other(asked, typed)
        await self._bindings.attach(base.base_id, asked.conversation.channel, _member(asked))
        return next(own for own in await self.attached(asked) if own.base.base_id == base.base_id)

    async def attached(self, asked: Asked) -> tuple[AttachedBase, ...]:
        """What serves this channel besides its own, as people name it."""
        held = {base.base_id: base for base in await self._library.bases()}
        found: list[AttachedBase] = []
        for row in await self._bindings.attached_to(asked.conversation.channel):
            base = held.get(row.base_id)
            if base is not None and is_attachable(base.name):
                found.append(AttachedBase(base, await self._title(base), row.by, row.at))
        return tuple(found)

    async def detach(self, asked: Asked, typed: str) -> str:
        """Undo `attach`, from either end; the other end's title.

        Raises `WrongPlaceError`, `NotAllowedError`, `UnknownChannelError`.
        """
        self._require_here(asked)
        channel = asked.conversation.channel
        for own in await self.attached(asked):
            if typed.strip() in (own.base.name, own.title):
                await self._bindings.detach(own.base.base_id, channel)
                return own.title
        # The channels that this one's base serves are its admins' business too.
        seen = named(typed, await self._both_ways(asked))
        for giver, taker in ((seen.channel, channel), (channel, seen.channel)):
            base = await self._base(open_base_of(giver))
            if base is not None and await self._bindings.detach(base.base_id, taker):
                return seen.title
        raise UnknownChannelError(typed)

    async def withheld(self, asked: Asked) -> tuple[Document, ...]:
        """What a channel learnt while fewer people could see it, now that all of its server can.

        Nobody is answered from that, until `share` gives single documents free.
        """
        if asked.kind is ChannelKind.PRIVATE or asked.place.is_restricted or asked.place.parent:
            return ()
        base = await self._base(restricted_base_of(asked.conversation.channel))
        return () if base is None else await self._library.documents(base.base_id)

    async def share(self, asked: Asked, document: str, where: str = "") -> Shared:
        """Give one document of this place, by its name, to another channel, or to the server.

        Without `where`: to this channel, whoever can see it. It is a copy: what is done with the
        original later does not reach it. Raises `NoSuchDocumentError`, what `attach` raises and
        what `Library.add` raises.
        """
        if level_of(asked, self._rules) < Level.CHANNEL_ADMIN:
            raise NotAllowedError(Level.CHANNEL_ADMIN.key)
        name, title = await self._target(asked, where.strip())
        found = await self._own_document(asked, document)
        if name is None:
            raise NoSuchBaseError(title)
        base = await self._library.ensure_base(name)
        copied = await self._library.copy(found, base.base_id, batch=uuid.uuid4().hex)
        return Shared(copied, title)

    async def _own_document(self, asked: Asked, name: str) -> Document:
        found = [await self._base(home) for home in taught_in(asked)]
        bases = [base.base_id for base in found if base is not None]
        for base in bases:
            document = await self._library.document(base, name)
            if document is not None:
                return document
        raise NoSuchDocumentError(name, await self._library.near_names(bases, name))

    async def _target(self, asked: Asked, where: str) -> tuple[str | None, str]:
        """The name of the base that a document goes to, and what people call it."""
        if where.casefold() in SERVER:
            server = server_of(asked)
            if server is None:
                raise WrongPlaceError("server")
            if not administers_server(asked, level_of(asked, self._rules)):
                raise NotAdminThereError(asked.place.server_name, unknown=False)
            return server_base_of(server), asked.place.server_name
        if not where:
            if asked.kind is ChannelKind.PRIVATE:
                raise WrongPlaceError("group")
            seen = seen_channel(asked)
            if asked.place.is_restricted:
                # Its open base may serve other channels, attached when all of its server saw it.
                return restricted_base_of(seen.channel), seen.title
            return _open_or_thread(seen), seen.title
        seen = named(where, await self.known(asked))
        standing = await self._require_admin(asked, seen)
        if standing is not None and standing.is_restricted:
            return restricted_base_of(seen.channel), seen.title
        return _open_or_thread(seen), seen.title

    async def _other(self, asked: Asked, typed: str) -> KnowledgeBase:
        """The base that is to be attached, of which the asker was found to be in charge."""
        wanted = typed.strip()
        if level_of(asked, self._rules) is Level.OWNER and wanted not in (SHARED, SAMPLES):
            base = await self._base(wanted) if ":" not in wanted else None
            if base is not None:
                return base
        seen = named(wanted, await self.known(asked))
        if seen.channel == asked.conversation.channel:
            raise UnknownChannelError(wanted)
        standing = await self._require_admin(asked, seen)
        is_restricted = seen.is_restricted if standing is None else standing.is_restricted
        name = open_base_of(seen.channel)
        if is_restricted or seen.parent is not None or name is None:
            raise RestrictedBaseError(seen.title)
        return await self._library.ensure_base(name)

    async def _require_admin(self, asked: Asked, seen: SeenChannel) -> Standing | None:
        """Raises `NotAdminThereError`, unless the asker administers that channel right now."""
        member = _member(asked)
        outbox = self._outboxes.get(member.platform)
        standing = None if outbox is None else await outbox.standing(member.user_id, seen.channel)
        if level_of(asked, self._rules) is Level.OWNER:
            return standing
        if standing is None or not (standing.is_channel_admin or standing.is_server_admin):
            raise NotAdminThereError(seen.title, unknown=standing is None)
        return standing

    async def require_admin(self, asked: Asked, seen: SeenChannel) -> None:
        """Raises `NotAdminThereError`, unless the asker administers that channel right now."""
        await self._require_admin(asked, seen)

    def _require_here(self, asked: Asked) -> None:
        if asked.kind is not ChannelKind.GROUP:
            raise WrongPlaceError("group")
        if level_of(asked, self._rules) < Level.CHANNEL_ADMIN:
            raise NotAllowedError(Level.CHANNEL_ADMIN.key)

    async def _both_ways(self, asked: Asked) -> tuple[SeenChannel, ...]:
        """Channels that this one's base serves, and those it is served from."""
        base = await self._base(open_base_of(asked.conversation.channel))
        served = await self._bindings.places_of(base.base_id) if base is not None else ()
        refs = {row.channel for row in served}
        refs |= {seen.channel for seen in await self.known(asked)}
        found = [await self._sightings.channel(ref) or SeenChannel(ref) for ref in refs]
        return tuple(found)

    async def _title(self, base: KnowledgeBase) -> str:
        """A channel's title where the base is a channel's, else the base's name."""
        platform, _, channel_id = base.name.rpartition(":")
        for own in Platform:
            if own.value == platform:
                seen = await self._sightings.channel(ChannelRef(own, channel_id))
                return base.name if seen is None else seen.title
        return base.name

    async def _base(self, name: str | None) -> KnowledgeBase | None:
        try:
            return None if not name else await self._library.base(name)
        except NoSuchBaseError:
            return None


def _member(asked: Asked) -> MemberRef:
    return MemberRef(asked.conversation.channel.platform, asked.author.user_id)


def _open_or_thread(seen: SeenChannel) -> str | None:
    """Where a document goes that is given to a place by name: a private thread has one base."""
    own = restricted_base_of if seen.parent is not None else open_base_of
    return own(seen.channel)
