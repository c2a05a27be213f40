"""The stored rows and files, looked over without changing any."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Final, Literal, TypeAlias

from bot.checking.items import Item, Looked
from bot.checking.rows import reading
from core import migrations
from core.counts import bases_of, documents_of
from core.language import Words
from knowledge_base import schema
from knowledge_base.copying import damage_in
from knowledge_base.originals import Originals
from knowledge_base.rows import Rows

Age: TypeAlias = Literal["older", "same", "newer"]

_KNOWLEDGE: Final = "knowledge.db"
_FILES: Final = ("lorekeeper.db", _KNOWLEDGE)
_INTERRUPT: Final = sqlite3.SQLITE_INTERRUPT
_RESTORE: Final = "python -m bot restore BACKUP"


async def look(looked: Looked) -> list[Item]:
    """Both databases, then what the bases have outside them."""
    return await asyncio.to_thread(lambda: list(_found(looked)))


def _found(looked: Looked) -> Iterator[Item]:
    _, folder = looked.words, looked.config.data_dir
    files = [path for name in _FILES if (path := folder / name).exists()]
    if not files:
        yield Item("ok", "data", _("There is no data yet: the first start makes it."))
    for path in files:
        yield from _file(path, _)


def _file(path: Path, _: Words) -> Iterator[Item]:
    try:
        with reading(path) as connection:
            age = _age(connection, path.name)
            items = list(_version(path, age, _))
            if damage_in(connection):
                items.append(_damaged(path, _))
            elif path.name == _KNOWLEDGE and age == "same":
                items += _bases(connection, path.parent, _)
    except sqlite3.Error as error:
        yield _unread(path, error, _)
        return
    yield from items or [Item("ok", "data", _("{file} is in order.", file=path.name))]


def _age(connection: sqlite3.Connection, name: str) -> Age:
    """Beside this program: each of the two files keeps its version in its own way."""
    if name == _KNOWLEDGE:
        written = int(connection.execute("PRAGMA user_version").fetchone()[0])
        newer, older = written > len(schema.MIGRATIONS), written < len(schema.MIGRATIONS)
    else:
        done = {row[0] for row in connection.execute("SELECT name FROM migrations")}
        known = {migration.name for migration in migrations.MIGRATIONS}
        newer, older = bool(done - known), bool(known - done)
    return "newer" if newer else "older" if older else "same"


def _unread(path: Path, error: sqlite3.Error, _: Words) -> Item:
    if getattr(error, "sqlite_errorcode", 0) & 0xFF == _INTERRUPT:
        text = _("{file} is too large for a quick look.", file=path.name)
        return Item("warning", "data", text, "python -m bot kb verify")
    if isinstance(error, sqlite3.OperationalError):
        text = _("{file} cannot be opened: {reason}", file=path.name, reason=str(error))
        return Item("failure", "data", text, _('data_dir = "a folder that you may write to"'))
    return _damaged(path, _)


def _damaged(path: Path, _: Words) -> Item:
    return Item("failure", "data", _("{file} is damaged.", file=path.name), _RESTORE)


def _version(path: Path, age: Age, _: Words) -> Iterator[Item]:
    if age == "newer":
        text = _("{file} was written by a newer Lorekeeper than this one.", file=path.name)
        yield Item("failure", "data", text, "pip install --upgrade lorekeeper")
    elif age == "older":
        text = _(
            "{file} is of an older version: the next start brings it up to date.", file=path.name
        )
        yield Item("ok", "data", text)


def _bases(connection: sqlite3.Connection, folder: Path, _: Words) -> list[Item]:
    connection.execute("BEGIN")
    rows, items, documents = Rows(connection), [], 0
    originals = Originals(folder / "originals")
    bases = rows.bases.all()
    for base in bases:
        held = rows.documents.live(base.base_id)
        documents += len(held)
        gone = [one.name for one in held if not originals.path(one.sha256).exists()]
        torn = rows.counts.torn_documents(base.base_id)
        totals = rows.counts.totals(base.base_id)
        expected = sum(
            span.count for span in rows.documents.live_spans(base.base_id) if span.embedded
        )
        vectors = totals.vector_bytes // (4 * base.dimension) if base.dimension else expected
        if torn or vectors != expected:
            text = _("{base}: passages are missing of what was stored.", base=base.name)
            items.append(Item("failure", "data", text, _RESTORE))
        if gone:
            text = _("{base}: the original of {name} is missing.", base=base.name, name=gone[0])
            items.append(Item("warning", "data", text, _("Add it again: python -m bot kb add")))
    lost = [name for name in rows.files.names() if not (folder / "indexes" / name).exists()]
    if lost:
        text = _("Files of the index are missing: they are made anew from the rows.")
        items.append(Item("warning", "data", text, "python -m bot kb rebuild"))
    if not items:
        text = _(
            "All is in order: {bases}, {documents}.",
            bases=bases_of(len(bases), _),
            documents=documents_of(documents, _),
        )
        items.append(Item("ok", "data", text))
    return items
