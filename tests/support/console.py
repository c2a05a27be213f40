"""The console over an inbox that plays a script, with a database of its own and no library."""

from __future__ import annotations

from bot.adapters.web.parts import Parts
from bot.adapters.web.talks import Talks
from core.database import Database
from knowledge_base.models import BaseId, Chunk, ChunkId, Passage, Scope
from tests.support.scripted_inbox import ScriptedInbox


async def bases() -> list[str]:
    """The last one is a member's own."""
    return ["shared", "samples", "telegram:@456"]


async def _nothing_seen(_asked: object) -> Scope:
    return Scope(frozenset())


class NoPassages:
    """Nothing is there any more."""

    async def passage(self, scope: Scope, chunk: ChunkId) -> Passage | None:
        return None

    async def passages(
        self, base: BaseId, name: str, start: int = 0, most: int = 20
    ) -> tuple[Chunk, ...]:
        return ()


def scripted_parts(inbox: ScriptedInbox, database: Database) -> Parts:
    return Parts(inbox, bases, Talks(database, NoPassages(), _nothing_seen), lambda: "scripted")
