"""A data directory as a bot leaves it, for backups to be made of."""

from __future__ import annotations

import asyncio
import sqlite3
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

from core.database import Database
from core.events import MessageRef
from core.reviews import HeldFile, Reviews
from tests.support.libraries import add_text, open_library
from tests.support.messages import conversation

DOCUMENTS = {
    "gate.txt": "The harbour gate opens at nine.",
    "keeper.txt": "The lighthouse keeper is called Amara.",
    "港口.txt": "港口大门上午九点开门。",
}


async def furnish(data: Path, scratch: Path) -> None:
    """Documents, one that rests, a question with its answer, and an upload that waits."""
    async with open_library(data) as library:
        base = (await library.ensure_base("harbour")).base_id
        for name, text in DOCUMENTS.items():
            await add_text(library, base, scratch, name, text)
        await add_text(library, base, scratch, "old.txt", "The ferry no longer runs.")
        await library.remove(base, "old.txt", "batch")
    held = scratch / "held.txt"
    held.write_text("This upload waits.")
    async with Database.open(data / "lorekeeper.db") as database:
        await ask(database, "7001", "When does the gate open?")
        reviews = Reviews(database, data / "reviews")
        origin = MessageRef(conversation(), "1")
        files = [HeldFile("held.txt", 18, "This upload waits.", held)]
        await reviews.hold("harbour", "Ada", "discord:7001", files, origin)


async def ask(database: Database, author_id: str, question: str) -> None:
    """A row as a question leaves it."""
    async with database.transaction() as connection:
        await connection.execute(
            "INSERT INTO exchanges (platform, channel_id, thread_id, message_id, author_id,"
            " speaker, question, answer, asked_at) VALUES ('discord', '4001', '', ?, ?, 'Ada', ?,"
            " 'At nine.', ?)",
            (f"{author_id}-{question}", author_id, question, datetime.now(UTC).timestamp()),
        )


async def forget_later(data: Path, user_id: str) -> None:
    """On record that somebody asks to be forgotten now."""
    async with (
        Database.open(data / "lorekeeper.db") as database,
        database.transaction() as connection,
    ):
        await connection.execute(
            "INSERT INTO forgotten"
            " (platform, user_id, uploads, asked_at, done_at, scrubbed, heard_until)"
            " VALUES ('discord', ?, 0, ?, 1, 1, 5)",
            (user_id, datetime.now(UTC).timestamp()),
        )


def rows(database: Path, statement: str) -> list[tuple[object, ...]]:
    """What a statement finds."""
    with closing(sqlite3.connect(database)) as connection:
        return connection.execute(statement).fetchall()


def furnished(folder: Path) -> Path:
    """As `furnish`, outside any loop; the data directory."""
    (folder / "scratch").mkdir()
    asyncio.run(furnish(folder / "data", folder / "scratch"))
    return folder / "data"
