"""Forgetting a person: everything that was kept of them, in every table and file.

What is begun is on record and is finished at the next start; what is brought back from a backup is
forgotten anew, see `Forgetting.again`. What others wrote stays theirs. Of what somebody did as a
moderator the record stays for its time, under their number alone; and the numbers that count
towards a member's limits stay for their day.
"""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Final, Protocol

import aiosqlite

from core.access import private_base_of
from core.channels import Channels
from core.database import Database
from core.events import ChannelRef, MemberRef, Platform
from core.packing import packed, unpacked
from core.reviews import Reviews
from core.text import storable
from knowledge_base.erasing import Documents, Doomed
from knowledge_base.models import BaseId, KnowledgeBase

KEPT_DAYS: Final = 400
"""How long it is known who was forgotten: backups are older by then."""
PEOPLE: Final = ("author_id", "user_id", "asker_id")
"""Columns that say, beside `platform`, whose a row is: such rows go."""
OTHERWISE: Final = {
    "audit": "the record of acts stays for its time, without the name",
    "forgotten": "this record itself",
    "uses": "limits hold for a day, forgotten or not",
    "limits_told": "as uses",
    "spend": "sums stay, nobody's; caps hold for the day",
}
"""Tables with such a column whose rows are dealt with by themselves, and why."""
_DAY: Final = 86_400
_RECENT_DAYS: Final = 3
_SHORT: Final = 4
"""Letters of a text that may stand anywhere by chance."""
_log = logging.getLogger(__name__)


class Erasing(Protocol):
    """What is asked of the library."""

    async def bases(self) -> tuple[KnowledgeBase, ...]: ...

    async def doomed(self, doomed: Doomed) -> Documents: ...

    async def erase(self, doomed: Doomed) -> Documents: ...

    async def scrub(self, *, thoroughly: bool = False) -> bool: ...


@dataclass(frozen=True, slots=True)
class Wish:
    """Somebody's wish to be forgotten."""

    member: MemberRef
    uploads: bool
    """Also what they added to the bases of others."""
    asked_at: float
    heard_until: float = 0
    """When they said, by the platform's clock, the last of what was forgotten: that and what they
    said before is not dealt with again, see `DurableInbox.was_forgotten`."""


async def _unknown(_member: MemberRef) -> ChannelRef | None:
    return None


class Forgetting:
    """Forgets people, one wish at a time."""

    def __init__(
        self,
        database: Database,
        library: Erasing,
        channels: Channels,
        reviews: Reviews,
        chat_with: Callable[[MemberRef], Awaitable[ChannelRef | None]] = _unknown,
        *,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """`chat_with` tells somebody's private chat, where its platform says."""
        self._database = database
        self._library = library
        self._channels = channels
        self._reviews = reviews
        self._chat_with = chat_with
        self._clock = clock

    async def forget(self, member: MemberRef, *, uploads: bool) -> None:
        """Erase what is kept of them; when this returns it is in no file, but for large ones, of
        which `prune` sees to the rest within a day."""
        await self.again(Wish(member, uploads, self._clock()))
        await self._scrub()

    async def again(self, wish: Wish) -> None:
        """Put it on record, and do it."""
        await put_on_record(self._database, (wish,))
        await self._erase(wish)
        async with self._database.transaction() as connection:
            await connection.execute(
                "UPDATE forgotten SET done_at = ? WHERE platform = ? AND user_id = ?",
                (self._clock(), *_key(wish.member)),
            )
        _log.info("somebody was forgotten")

    async def wishes(self, since: float = 0) -> tuple[Wish, ...]:
        """Who asked to be forgotten after that moment: what a backup of then must not bring back.

        Whoever restores one reads this before, and hands each wish to `again` afterwards.
        """
        return await self._wishes("asked_at >= ?", (since,))

    async def finish(self) -> int:
        """Do what an earlier run of the program left half done; how many wishes. At every start."""
        left = await self._wishes("done_at IS NULL", ())
        for wish in left:
            await self.again(wish)
        return len(left)

    async def prune(self) -> None:
        """Finish, and let nothing that was erased stand between the rows of large files either."""
        await self.finish()
        if await self._wishes("scrubbed = 0", ()):
            await self._scrub(thoroughly=True)
        wishes = await self._wishes("done_at IS NOT NULL", ())
        async with self._database.transaction() as connection:
            for wish in wishes:
                if wish.asked_at > self._clock() - _RECENT_DAYS * _DAY:
                    await _forget_spend(connection, wish.member, self._today)
            await connection.execute(
                "DELETE FROM forgotten WHERE asked_at < ?", (self._clock() - KEPT_DAYS * _DAY,)
            )

    async def _scrub(self, *, thoroughly: bool = False) -> None:
        wishes = await self._wishes("done_at IS NOT NULL AND scrubbed = 0", ())
        cleaned = await self._library.scrub(thoroughly=thoroughly)
        if not await self._database.scrub() or not cleaned:
            return
        async with self._database.transaction() as connection:
            await connection.executemany(
                "UPDATE forgotten SET scrubbed = 1 WHERE platform = ? AND user_id = ?"
                " AND asked_at = ?",
                [(*_key(wish.member), wish.asked_at) for wish in wishes],
            )

    @property
    def _today(self) -> str:
        """As spending is counted."""
        return datetime.fromtimestamp(self._clock(), UTC).date().isoformat()

    async def _wishes(self, where: str, parameters: tuple[float, ...]) -> tuple[Wish, ...]:
        async with self._database.reader() as connection:
            rows = await connection.execute_fetchall(
                "SELECT platform, user_id, uploads, asked_at, heard_until FROM forgotten"  # noqa: S608 - ours
                f" WHERE {where} ORDER BY asked_at",
                parameters,
            )
        return tuple(
            Wish(MemberRef(Platform(platform), user_id), bool(uploads), asked_at, heard_until)
            for platform, user_id, uploads, asked_at, heard_until in rows
        )

    async def _erase(self, wish: Wish) -> None:
        member = wish.member
        doomed = await self._doomed(wish)
        # What follows from documents goes while they can still be named; once more when they are
        # gone, for what was answered from them meanwhile. Rows that lead to what lies outside this
        # database go last: a process that dies in between finds them again.
        bases = {base.base_id: base.name for base in await self._library.bases()}
        gone: set[tuple[BaseId, str]] = set()
        for documents in (self._library.doomed, self._library.erase):
            names = await documents(doomed)
            gone.update(names)
            async with self._database.transaction() as connection:
                await _forget_derived(connection, names)
        for review in await self._reviews.by(uploader_id(member)):
            await self._reviews.close(review)
        chat = await self._chat_with(member)
        async with self._database.transaction() as connection:
            await connection.executemany(
                "DELETE FROM taught_messages WHERE base = ? AND name = ?",
                [(bases[base], storable(name)) for base, name in gone if base in bases],
            )
            await _forget_repeated(connection, member)
            await _forget_chats(connection, member, chat)
            await _forget_rows(connection, member)
            await _forget_name(connection, member)
            await _forget_spend(connection, member, self._today)
        await self._channels.load()

    async def _doomed(self, wish: Wish) -> Doomed:
        bases = {base.name: base.base_id for base in await self._library.bases()}
        own = private_base_of(wish.member)
        async with self._database.reader() as connection:
            rows = await connection.execute_fetchall(
                "SELECT base, name FROM taught_messages WHERE platform = ? AND author_id = ?",
                _key(wish.member),
            )
        # What they said is theirs, whoever had it learnt.
        said = frozenset((bases[base], str(name)) for base, name in rows if base in bases)
        private = frozenset({bases[own]}) if own is not None and own in bases else frozenset()
        return Doomed(uploader_id(wish.member), wish.uploads, private, said)


async def put_on_record(database: Database, wishes: Sequence[Wish]) -> None:
    """From now on they are to be done; `Forgetting.finish` does, at the next start at the latest.

    Whoever restores a backup hands it the wishes that were made since.
    """
    async with database.transaction() as connection:
        await connection.executemany(
            "INSERT INTO forgotten (platform, user_id, uploads, asked_at, heard_until)"
            " VALUES (?, ?, ?, ?, ?)"
            " ON CONFLICT DO UPDATE SET uploads = max(uploads, excluded.uploads),"
            " asked_at = excluded.asked_at, done_at = NULL, scrubbed = 0,"
            " heard_until = max(heard_until, excluded.heard_until)",
            [
                (*_key(wish.member), wish.uploads, wish.asked_at, wish.heard_until)
                for wish in wishes
            ],
        )


def uploader_id(member: MemberRef) -> str:
    """How documents know who added them."""
    return f"{member.platform.value}:{member.user_id}"


async def tables_of_people(connection: aiosqlite.Connection) -> dict[str, tuple[str, ...]]:
    """The tables whose rows say whose they are, with the columns that do."""
    found: dict[str, tuple[str, ...]] = {}
    tables = await connection.execute_fetchall(
        "SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name"
    )
    for (table,) in tables:
        rows = await connection.execute_fetchall("SELECT name FROM pragma_table_info(?)", (table,))
        columns = {str(name) for (name,) in rows}
        people = tuple(column for column in PEOPLE if column in columns)
        if people and "platform" in columns:
            found[str(table)] = people
    return found


async def _forget_derived(connection: aiosqlite.Connection, documents: Documents) -> None:
    """Answers to others that were made from what is erased lose their words; so do the records of
    who did what with it."""
    for base_id, name in documents:
        made_from = "chunk_id >> 32 = ? AND document = ?"
        key = (base_id, storable(name))
        for table, sources, own in (
            ("exchanges", "answer_sources", "exchange_id"),
            ("feedback", "feedback_sources", "feedback_id"),
        ):
            await connection.execute(
                f"UPDATE {table} SET answer = '' WHERE {own} IN"  # noqa: S608 - our own names
                f" (SELECT {own} FROM {sources} WHERE {made_from})",
                key,
            )
            await connection.execute(f"DELETE FROM {sources} WHERE {made_from}", key)  # noqa: S608
        await connection.execute(
            "DELETE FROM document_summaries WHERE base_id = ? AND document = ?", key
        )
        await connection.execute("UPDATE audit SET about = '' WHERE about = ?", (key[1],))


async def _forget_repeated(connection: aiosqlite.Connection, member: MemberRef) -> None:
    """What rows of others repeat of them: quoted in questions, filled into forms and cards."""
    key = _key(member)
    mentioned = f'%"user_id": {json.dumps(key[1])}%'
    rows = await connection.execute_fetchall(
        "SELECT inbox_id, state, payload FROM inbox WHERE platform = ? AND author_id <> ?"
        " AND payload LIKE ?",
        (*key, mentioned),
    )
    for inbox_id, state, payload in rows:
        kept = None
        if state in ("received", "answering"):
            message, _had_files = unpacked(payload)
            kept = packed(replace(message, quoted=None))
        await connection.execute(
            "UPDATE inbox SET payload = ? WHERE inbox_id = ?", (kept, inbox_id)
        )
    await connection.execute(
        "DELETE FROM held_parts WHERE platform = ? AND payload LIKE ?", (*key[:1], mentioned)
    )
    asked = await connection.execute_fetchall(
        "SELECT question FROM exchanges WHERE platform = ? AND author_id = ? AND question <> ''"
        " UNION SELECT question FROM feedback WHERE platform = ? AND asker_id = ?"
        " AND question <> ''",
        (*key, *key),
    )
    questions = [str(question) for (question,) in asked]
    forms = await connection.execute_fetchall("SELECT token, form, filled FROM forms")
    drafts = [
        (token,)
        for token, *written in forms
        if any(_says(json.loads(one), questions) for one in written)
    ]
    await connection.executemany("DELETE FROM forms WHERE token = ?", drafts)
    await connection.execute(
        "DELETE FROM confirmations WHERE platform = ? AND instr(invocation, ?) > 0", key
    )
    await connection.execute(
        "DELETE FROM team_answers WHERE (platform, channel_id, thread_id, card_id) IN"
        " (SELECT platform, channel_id, thread_id, message_id FROM team_cards"
        " WHERE platform = ? AND asker_id = ?)",
        key,
    )


def _says(value: object, texts: Sequence[str]) -> bool:
    """Whether one of the texts stands anywhere in a value of JSON."""
    if isinstance(value, str):
        return any(text == value or (len(text) > _SHORT and text in value) for text in texts)
    if isinstance(value, dict):
        return any(_says(below, texts) for below in value.values())
    return isinstance(value, list) and any(_says(below, texts) for below in value)


async def _forget_chats(
    connection: aiosqlite.Connection, member: MemberRef, chat: ChannelRef | None
) -> None:
    """What was chosen in their private chat, and that they were met there. Channels of groups are
    on record as seen; a private chat never is."""
    key = _key(member)
    rows = await connection.execute_fetchall(
        "SELECT channel_id FROM (SELECT platform, channel_id, author_id FROM exchanges"
        " UNION SELECT platform, channel_id, author_id FROM inbox)"
        " WHERE platform = ? AND author_id = ? AND channel_id NOT IN"
        " (SELECT channel_id FROM channels WHERE channels.platform = ?)",
        (*key, key[0]),
    )
    chats = {str(channel_id) for (channel_id,) in rows}
    if chat is not None:
        group = "SELECT 1 FROM channels WHERE platform = ? AND channel_id = ?"
        own_id = storable(chat.channel_id)
        if not list(await connection.execute_fetchall(group, (key[0], own_id))):
            chats.add(own_id)
    for channel_id in sorted(chats):
        for statement in (
            "DELETE FROM settings WHERE platform = ? AND level = 'channel' AND subject_id = ?",
            "DELETE FROM pauses WHERE platform = ? AND level = 'channel' AND subject_id = ?",
            "DELETE FROM greetings WHERE platform = ? AND channel_id = ?",
            "DELETE FROM place_asked WHERE platform = ? AND channel_id = ?",
        ):
            await connection.execute(statement, (key[0], channel_id))


async def _forget_rows(connection: aiosqlite.Connection, member: MemberRef) -> None:
    """Every row that says that it is theirs; threads and counts by their questions before that."""
    key = _key(member)
    # With its row goes what tells a question that came already from a new one.
    await connection.execute(
        "UPDATE forgotten SET heard_until = max(heard_until, coalesce("
        "(SELECT max(sent_at) FROM inbox WHERE platform = ? AND author_id = ?), 0))"
        " WHERE platform = ? AND user_id = ?",
        (*key, *key),
    )
    asked = "SELECT message_id FROM {} WHERE platform = ? AND author_id = ?"
    for table in ("opened_threads", "unasked_answers"):
        for questions in ("exchanges", "inbox"):
            await connection.execute(
                f"DELETE FROM {table} WHERE platform = ?"  # noqa: S608 - our own names
                f" AND message_id IN ({asked.format(questions)})",
                (key[0], *key),
            )
    for table, columns in (await tables_of_people(connection)).items():
        if table in OTHERWISE:
            continue
        for column in columns:
            await connection.execute(
                f"DELETE FROM {table} WHERE platform = ? AND {column} = ?",  # noqa: S608 - ours
                key,
            )


async def _forget_name(connection: aiosqlite.Connection, member: MemberRef) -> None:
    """Where only a number may stay, or nothing: records of acts, of who let whom in."""
    key = _key(member)
    await connection.execute(
        "UPDATE audit SET author = author_id WHERE platform = ? AND author_id = ?", key
    )
    written = uploader_id(member)
    await connection.execute(
        "DELETE FROM admissions WHERE platform = ? AND level = 'member' AND subject_id = ?"
        " AND verdict <> 'refused'",
        key,
    )
    # Who is shut out stays so.
    await connection.execute(
        "UPDATE admissions SET name = '' WHERE platform = ? AND level = 'member'"
        " AND subject_id = ?",
        key,
    )
    await connection.execute(
        "DELETE FROM admission_cards WHERE platform = ? AND level = 'member' AND subject_id = ?",
        key,
    )
    await connection.execute(
        "UPDATE admissions SET contact = NULL WHERE platform = ? AND contact = ?", key
    )
    await connection.execute(
        "UPDATE admissions SET decided_by = NULL WHERE decided_by IN (?, ?)", (written, key[1])
    )
    await connection.execute(
        "UPDATE attached_bases SET attached_by = '' WHERE platform = ? AND attached_by = ?", key
    )
    if (own := private_base_of(member)) is not None:
        # A job says which bases it found damaged; the name of theirs has their number in it.
        await connection.execute(
            "UPDATE jobs SET detail = '', said = '{}' WHERE instr(detail || said, ?) > 0",
            (storable(own),),
        )


async def _forget_spend(connection: aiosqlite.Connection, member: MemberRef, today: str) -> None:
    """What was spent for them becomes nobody's, from the day before on."""
    theirs = "platform = ? AND user_id = ? AND day < ?"
    await connection.execute(
        "INSERT INTO spend SELECT day, engine, platform, server_id, '', requests, prompt_tokens,"  # noqa: S608
        f" completion_tokens, estimated, micros FROM spend WHERE {theirs}"
        " ON CONFLICT DO UPDATE SET requests = requests + excluded.requests,"
        " prompt_tokens = prompt_tokens + excluded.prompt_tokens,"
        " completion_tokens = completion_tokens + excluded.completion_tokens,"
        " estimated = estimated + excluded.estimated, micros = micros + excluded.micros",
        (*_key(member), today),
    )
    await connection.execute(f"DELETE FROM spend WHERE {theirs}", (*_key(member), today))  # noqa: S608


def _key(member: MemberRef) -> tuple[str, str]:
    return member.platform.value, storable(member.user_id)
