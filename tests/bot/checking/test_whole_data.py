"""Data that is whole is not called damaged: whoever believes that brings an old backup back."""

from __future__ import annotations

import sqlite3
from contextlib import closing

from bot.checking import knowledge
from bot.settings import Config
from core.database import Database
from tests.support.looked import found, states


async def test_what_sqlite_mistakes_for_damage_is_none(tmp_path):
    """SQLite 3.40 says "NULL value in admission_cards.platform" of such a row."""
    path = tmp_path / "lorekeeper.db"
    async with Database.open(path):
        pass
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute(
            "INSERT INTO admission_cards VALUES"
            " ('discord', 'server', '9', 'discord', '4001', '5001')"
        )
    items = await found(knowledge.look, Config(data_dir=tmp_path))
    assert states(items) == [("ok", "data")]


async def test_a_page_that_was_overwritten_still_is_damage(tmp_path):
    path = tmp_path / "lorekeeper.db"
    async with Database.open(path):
        pass
    with path.open("rb+") as file:
        file.seek(4096 * 6)
        file.write(b"\xff" * 4096)
    items = await found(knowledge.look, Config(data_dir=tmp_path))
    assert states(items) == [("failure", "data")]
    assert "restore" in items[0].fix
