"""What is kept of a person, as one JSON file for themselves.

Like forgetting it goes by columns, so that no table is left out: what a row says of them is in it.
Keys of buttons and forms are not: they let their holder act.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final, Protocol, TypeAlias

import aiosqlite

from core.access import private_base_of
from core.database import Database
from core.events import ChannelRef, MemberRef
from core.forgetting import tables_of_people, uploader_id
from core.replies import FileReply
from core.reviews import Reviews
from core.text import storable
from knowledge_base.models import BaseId, Document, KnowledgeBase
from knowledge_base.notes import MEDIA_TYPE, Note

Json: TypeAlias = "str | int | float | bool | list[Json] | dict[str, Json] | None"

FORMAT: Final = 1
_SECRET: Final = frozenset(("token", "digest"))
_ELSEWHERE: Final = frozenset(("confirmations",))
"""They hold nothing but what a button will do."""
_BELOW: Final[Mapping[str, tuple[str, str]]] = {
    "exchanges": ("answer_sources", "exchange_id"),
    "feedback": ("feedback_sources", "feedback_id"),
    "inbox": ("inbox_replies", "inbox_id"),
}
"""Rows that belong to a row, by its number."""


class Shelves(Protocol):
    """What is asked of the library."""

    async def bases(self) -> tuple[KnowledgeBase, ...]: ...

    async def documents(self, base: BaseId) -> tuple[Document, ...]: ...

    async def added_by(self, uploader_id: str) -> tuple[Document, ...]: ...

    async def note(self, document: Document) -> Note | None: ...


@dataclass(frozen=True, slots=True)
class Held:
    """How much is kept of somebody."""

    questions: int
    verdicts: int
    uploads: int


class Exporting:
    """Gathers it."""

    def __init__(
        self,
        database: Database,
        library: Shelves,
        reviews: Reviews,
        *,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._database = database
        self._library = library
        self._reviews = reviews
        self._clock = clock

    async def export(self, member: MemberRef, chat: ChannelRef | None = None) -> FileReply:
        """All of it; `chat` is their private chat, whose settings are theirs too."""
        now = datetime.fromtimestamp(self._clock(), UTC)
        gathered: dict[str, Json] = {
            "format": FORMAT,
            "person": uploader_id(member),
            "made_at": now.isoformat(timespec="seconds"),
            "records": await self._records(member),
            "summaries": await self._summaries(member),
            "private_settings": await self._settings(chat),
            "uploads": await self._uploads(member),
            "notes": await self._notes(member),
            "waiting_for_review": [
                {
                    "base": review.base,
                    "held_at": review.held_at.isoformat(),
                    "files": [file.name for file in review.files],
                }
                for review in await self._reviews.by(uploader_id(member))
            ],
        }
        data = json.dumps(gathered, ensure_ascii=False, indent=1, default=str).encode(
            "utf-8", "replace"
        )
        return FileReply(f"lorekeeper-{now:%Y-%m-%d}.json", "application/json", data)

    async def counts(
        self,
        member: MemberRef,
        channel: ChannelRef | None = None,
        homes: Collection[str] = (),
    ) -> Held:
        """How much there is, everywhere or in one channel with the bases that are its own."""
        key = (member.platform.value, storable(member.user_id))
        where = "" if channel is None else " AND channel_id = ?"
        place = () if channel is None else (storable(channel.channel_id),)
        async with self._database.reader() as connection:
            (questions,), (verdicts,) = [
                next(
                    iter(
                        await connection.execute_fetchall(
                            f"SELECT count(*) FROM {table} WHERE platform = ?"  # noqa: S608 - ours
                            f" AND author_id = ?{where}",
                            (*key, *place),
                        )
                    )
                )
                for table in ("exchanges", "feedback")
            ]
        documents = await self._library.added_by(uploader_id(member))
        if channel is not None:
            bases = {base.base_id for base in await self._library.bases() if base.name in homes}
            documents = tuple(one for one in documents if one.base_id in bases)
        return Held(int(questions), int(verdicts), len(documents))

    async def _records(self, member: MemberRef) -> dict[str, Json]:
        """Rows by table."""
        key = (member.platform.value, storable(member.user_id))
        found: dict[str, Json] = {}
        async with self._database.reader() as connection:
            for table, columns in (await tables_of_people(connection)).items():
                # What they asked is theirs; what others thought of the answer is not.
                own = [column for column in columns if column != "asker_id"] or list(columns)
                where = " OR ".join(f"{column} = ?" for column in own)
                rows = await _dicts(
                    connection,
                    f"SELECT * FROM {table} WHERE platform = ? AND ({where})",  # noqa: S608 - ours
                    (key[0], *[key[1]] * len(own)),
                )
                for row in rows if table in _BELOW else ():
                    below, number = _BELOW[table]
                    row[below] = [
                        *await _dicts(
                            connection,
                            f"SELECT * FROM {below} WHERE {number} = ?",  # noqa: S608 - our own
                            (int(str(row[number])),),
                        )
                    ]
                if rows and table not in _ELSEWHERE:
                    found[table] = [*rows]
        return found

    async def _summaries(self, member: MemberRef) -> list[Json]:
        """Of conversations, where they tell of their questions."""
        async with self._database.reader() as connection:
            return [
                *await _dicts(
                    connection,
                    "SELECT channel_id, thread_id, text, engine, made_at FROM summaries"
                    " WHERE platform = ? AND EXISTS (SELECT 1 FROM exchanges"
                    " WHERE exchanges.platform = summaries.platform"
                    " AND exchanges.channel_id = summaries.channel_id"
                    " AND exchanges.thread_id = summaries.thread_id"
                    " AND exchange_id BETWEEN covers_from AND covers_to AND author_id = ?)",
                    (member.platform.value, storable(member.user_id)),
                )
            ]

    async def _settings(self, chat: ChannelRef | None) -> dict[str, Json]:
        if chat is None:
            return {}
        async with self._database.reader() as connection:
            rows = await connection.execute_fetchall(
                "SELECT key, value FROM settings WHERE platform = ? AND level = 'channel'"
                " AND subject_id = ?",
                (chat.platform.value, storable(chat.channel_id)),
            )
        return {str(key): str(value) for key, value in rows}

    async def _uploads(self, member: MemberRef) -> list[Json]:
        bases = {base.base_id: base.name for base in await self._library.bases()}
        documents = {
            document.document_id: document
            for document in await self._library.added_by(uploader_id(member))
        }
        own = private_base_of(member)
        for base_id, name in bases.items():
            if name == own:
                for document in await self._library.documents(base_id):
                    documents[document.document_id] = document
        return [
            {
                "base": bases.get(document.base_id, ""),
                "name": document.name,
                "size": document.size,
                "sha256": document.sha256,
                "passages": document.passages,
                "added_at": document.added_at.isoformat(),
            }
            for document in documents.values()
            if document.media_type != MEDIA_TYPE
        ]

    async def _notes(self, member: MemberRef) -> list[Json]:
        found: list[Json] = []
        for document in await self._library.added_by(uploader_id(member)):
            note = await self._library.note(document)
            if note is not None:
                found.append(
                    {
                        "question": note.question,
                        "answer": note.answer,
                        "written_at": note.written_at.isoformat(),
                        "expires_at": note.expires_at.isoformat() if note.expires_at else None,
                        "link": note.link,
                    }
                )
        return found


async def _dicts(
    connection: aiosqlite.Connection, statement: str, parameters: tuple[str | int, ...]
) -> list[dict[str, Json]]:
    async with connection.execute(statement, parameters) as cursor:
        names = [str(column[0]) for column in cursor.description or ()]
        rows = await cursor.fetchall()
    return [
        {name: value for name, value in zip(names, row, strict=True) if name not in _SECRET}
        for row in rows
    ]
