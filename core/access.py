"""Who may see which bases: the one maker of a `Scope` for people's questions.

A base's name says whose it is: "shared" is the operator's for everybody, "discord:123" a channel's
own, "telegram:@456" a member's private one. What a platform sends as an id is checked before a name
is made of it, so that no channel can call itself into another's base.
"""

from __future__ import annotations

import re
from typing import Final, Protocol

from core.events import ChannelKind, IncomingMessage
from knowledge_base.errors import NoSuchBaseError
from knowledge_base.models import BaseId, BaseStatistics, KnowledgeBase, Scope

SHARED: Final = "shared"
"""The operator's own base for all channels."""
SAMPLES: Final = "samples"
"""Documents of the first run: for the operator's surfaces, never for a chat channel."""

# Discord's and Telegram's ids are numbers, groups' negative. No "@", ":" or look-alikes of them.
_ID: Final = re.compile(r"-?[A-Za-z0-9_][A-Za-z0-9_-]{0,63}", re.ASCII)


class Bases(Protocol):
    """What access asks of the library."""

    async def base(self, name: str) -> KnowledgeBase: ...

    async def bases(self) -> tuple[KnowledgeBase, ...]: ...

    async def statistics(self, base: BaseId) -> BaseStatistics: ...


def home_of(message: IncomingMessage) -> str | None:
    """The base that uploads and corrections from this place go to; None: it can have none.

    A thread shares its channel's. On the operator's surfaces it is the first base that was picked.
    """
    platform = message.conversation.channel.platform
    if platform.is_operators:
        return message.bases[0] if message.bases else SHARED
    if message.kind is ChannelKind.PRIVATE:
        user_id = message.author.user_id
        return f"{platform.value}:@{user_id}" if _ID.fullmatch(user_id) else None
    channel_id = message.conversation.channel.channel_id
    return f"{platform.value}:{channel_id}" if _ID.fullmatch(channel_id) else None


async def scope_of(message: IncomingMessage, library: Bases) -> Scope:
    """The bases that this message may be answered from; those that do not exist yet are absent."""
    if message.conversation.channel.platform.is_operators:
        names = message.bases or (SHARED, *await _samples(library))
    else:
        # `bases` is for the operator's surfaces; a chat message that carries some is not believed.
        home = home_of(message)
        names = (SHARED,) if home is None else (home, SHARED)
    found = [await _base_id(name, library) for name in names]
    return Scope(frozenset(base for base in found if base is not None))


async def _samples(library: Bases) -> tuple[str, ...]:
    """The samples, until the operator has filled a base of their own making."""
    for base in await library.bases():
        if base.name in (SHARED, SAMPLES) or ":" in base.name:
            continue
        if (await library.statistics(base.base_id)).documents:
            return ()
    return (SAMPLES,)


async def _base_id(name: str, library: Bases) -> BaseId | None:
    try:
        base = await library.base(name)
    except NoSuchBaseError:
        return None
    return base.base_id if base.name == name else None
