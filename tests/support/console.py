"""The console over an inbox that plays a script, with a database of its own and no library."""

from __future__ import annotations

from bot.adapters.web.parts import Parts, Shelved
from bot.adapters.web.shelves import Kind, Shelf
from bot.adapters.web.talks import Talks
from bot.adapters.web.visitors import Visitor
from core.database import Database
from knowledge_base.models import BaseId, Chunk, ChunkId, KnowledgeBase, Passage, Scope
from tests.support.scripted_inbox import ScriptedInbox


async def shelves(visitor: Visitor) -> list[Shelf]:
    """The last one is a member's own."""
    kinds: list[tuple[Kind, str, str]] = [
        ("shared", "shared", ""),
        ("samples", "samples", ""),
        ("private", "telegram:@456", "456"),
    ]
    made = [
        Shelf(KnowledgeBase(BaseId(number), name, None, None, 1), kind, place, "telegram")
        for number, (kind, name, place) in enumerate(kinds, start=1)
    ]
    return made if visitor.may_change else made[:2]


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


def scripted_parts(inbox: ScriptedInbox, database: Database, shelved: Shelved = shelves) -> Parts:
    return Parts(inbox, shelved, Talks(database, NoPassages(), _nothing_seen), lambda: "scripted")
