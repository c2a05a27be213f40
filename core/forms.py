"""Forms that somebody fills in: kept until they are sent off, owner-checked, also after a restart.

A filled form arrives as the command `FORM` with its token; the command that it becomes is then run
as if its options had been typed, with the permissions that hold at that moment.
"""

from __future__ import annotations

import asyncio
import json
import secrets
import time
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass, replace
from typing import Final
from weakref import WeakValueDictionary

import aiosqlite

from core.database import Database
from core.errors import NoLongerOpenError, NotYoursError
from core.events import Attachment, ChannelRef, ConversationRef, Invocation, MemberRef
from core.history import key_of
from core.replies import Form, FormField
from core.text import storable

FORM: Final = "form"
"""The command that a filled form comes as; its options are `TOKEN` and the fields by name."""
TOKEN: Final = "token"  # noqa: S105 - the name of an option
MOST_FIELDS: Final = 5
LONGEST_TITLE: Final = 45
LONGEST_LABEL: Final = 45
LONGEST_VALUE: Final = 4000
OPEN_SECONDS: Final = 30 * 60
"""How long somebody may take to fill a form in."""
_KEPT_SECONDS: Final = 24 * 3600
"""How long a form that was sent off is known as such."""
_TOKEN_BYTES: Final = 8


@dataclass(frozen=True, slots=True)
class AskedField:
    """A form that is filled in field by field, at the field that a member was asked for."""

    form: Form
    field: FormField
    filled: Mapping[str, str]
    taken_by: str | None
    """The message that sent the form off; empty where it was given up."""
    is_fresh: bool

    def is_open(self, message_id: str) -> bool:
        """Whether that message may still write in it."""
        return self.is_fresh and self.taken_by in (None, message_id)

    def next(self, filled: Mapping[str, str]) -> FormField | None:
        """What is to be asked for when so much is written."""
        open_fields = (one for one in self.form.fields if not one.settled)
        return next((one for one in open_fields if one.name not in filled), None)


class OpenForms:
    """Forms under tokens; each is for one member in one channel, and is sent off once."""

    def __init__(self, database: Database, *, clock: Callable[[], float] = time.time) -> None:
        self._database = database
        self._clock = clock
        self._asking: WeakValueDictionary[tuple[ConversationRef, MemberRef], asyncio.Lock] = (
            WeakValueDictionary()
        )

    async def open(self, form: Form, conversation: ConversationRef, member: MemberRef) -> Form:
        """The form under a token. Of forms that were not sent off, a member has a few at most."""
        token = secrets.token_hex(_TOKEN_BYTES)
        opened = replace(form, token=token)
        now = self._clock()
        async with self._database.transaction() as connection:
            await connection.execute(
                "DELETE FROM forms WHERE opened_at < ?", (now - _KEPT_SECONDS,)
            )
            await connection.execute(
                "INSERT INTO forms (token, platform, channel_id, thread_id, user_id, form,"
                " opened_at) VALUES (?, ?, ?, ?, ?, ?, ?)",
                (token, *key_of(conversation), storable(member.user_id), _packed(form), now),
            )
        return opened

    async def take(
        self,
        token: str,
        values: Mapping[str, str],
        channel: ChannelRef,
        member: MemberRef,
        message_id: str,
    ) -> Invocation:
        """The command that the filled form becomes, to be run now, for this message alone.

        A message that a restart brings again gets it again. Values of fields that the form does not
        have are left out. Raises `NoLongerOpenError`, and `NotYoursError` for anybody but who
        opened it.
        """
        async with self._database.transaction() as connection:
            rows = list(
                await connection.execute_fetchall(
                    "SELECT user_id, form, filled, taken_by FROM forms WHERE token = ?"
                    " AND platform = ? AND channel_id = ? AND opened_at >= ?",
                    (
                        storable(token),
                        channel.platform.value,
                        storable(channel.channel_id),
                        self._clock() - OPEN_SECONDS,
                    ),
                )
            )
            if not rows or rows[0][3] not in (None, message_id):
                raise NoLongerOpenError
            user_id, packed, filled, _ = rows[0]
            if user_id != member.user_id:
                raise NotYoursError
            await connection.execute(
                "UPDATE forms SET taken_by = ? WHERE token = ?",
                (storable(message_id), storable(token)),
            )
        form = _unpacked(packed)
        standing = {field.name: field.value for field in form.fields if field.settled}
        written = {**standing, **json.loads(filled), **values}
        return Invocation(form.becomes.name, {**form.becomes.options, **filled_in(form, written)})

    async def held(self, token: str, channel: ChannelRef, member: MemberRef) -> Form | None:
        """A form that this member opened there; None: it is too long ago, or somebody else's."""
        async with self._database.reader() as connection:
            rows = await connection.execute_fetchall(
                "SELECT form FROM forms WHERE token = ? AND platform = ? AND channel_id = ?"
                " AND user_id = ? AND opened_at >= ?",
                (
                    storable(token),
                    channel.platform.value,
                    storable(channel.channel_id),
                    storable(member.user_id),
                    self._clock() - OPEN_SECONDS,
                ),
            )
            return next((_unpacked(packed) for (packed,) in rows), None)

    # Field by field

    async def prompted(
        self, token: str, field: str, prompt_id: str, filled: Mapping[str, str]
    ) -> None:
        """That field is asked for by that message; this is written so far."""
        async with self._database.transaction() as connection:
            rows = await connection.execute_fetchall(
                "SELECT prompts FROM forms WHERE token = ?", (storable(token),)
            )
            for (prompts,) in rows:
                asked = {**json.loads(prompts), storable(prompt_id): field}
                await connection.execute(
                    "UPDATE forms SET prompts = ?, filled = ? WHERE token = ? AND taken_by IS NULL",
                    (json.dumps(asked), _json(filled), storable(token)),
                )

    async def written(self, token: str, filled: Mapping[str, str]) -> None:
        """So much is written."""
        async with self._database.transaction() as connection:
            await connection.execute(
                "UPDATE forms SET filled = ? WHERE token = ? AND taken_by IS NULL",
                (_json(filled), storable(token)),
            )

    @asynccontextmanager
    async def asking(
        self, conversation: ConversationRef, member: MemberRef
    ) -> AsyncGenerator[None, None]:
        """While a message that asks that member is sent and noted: who is quick replies to it
        before it is known which message that was."""
        key = (conversation, member)
        lock = self._asking.get(key)
        if lock is None:
            lock = self._asking[key] = asyncio.Lock()
        async with lock:
            yield

    async def asked(
        self, conversation: ConversationRef, member: MemberRef, prompt_id: str
    ) -> AskedField | None:
        """What this message of ours asks that member for; None: it asks them for nothing."""
        async with self.asking(conversation, member), self._database.reader() as connection:
            rows = await connection.execute_fetchall(
                "SELECT token, form, filled, prompts, taken_by, opened_at FROM forms"
                " WHERE platform = ? AND channel_id = ? AND thread_id = ? AND user_id = ?",
                (*key_of(conversation), storable(member.user_id)),
            )
            for token, packed, filled, prompts, taken_by, opened_at in rows:
                name = json.loads(prompts).get(prompt_id)
                form = replace(_unpacked(packed), token=token)
                field = next((one for one in form.fields if one.name == name), None)
                if field is None:
                    continue
                fresh = opened_at >= self._clock() - OPEN_SECONDS
                return AskedField(form, field, json.loads(filled), taken_by, is_fresh=fresh)
        return None

    async def give_up(self, conversation: ConversationRef, member: MemberRef) -> int:
        """Nobody waits any more for what a member began to fill in there; the number of forms."""
        async with self.asking(conversation, member), self._database.transaction() as connection:
            cursor = await connection.execute(
                "UPDATE forms SET taken_by = '' WHERE platform = ? AND channel_id = ?"
                " AND thread_id = ? AND user_id = ? AND taken_by IS NULL"
                " AND prompts <> '{}' AND opened_at >= ?",
                (
                    *key_of(conversation),
                    storable(member.user_id),
                    self._clock() - OPEN_SECONDS,
                ),
            )
            return cursor.rowcount


async def drop_forms(connection: aiosqlite.Connection, old: ChannelRef) -> None:
    """What was being filled in is given up: under a new id its messages are not there."""
    await connection.execute(
        "DELETE FROM forms WHERE platform = ? AND channel_id = ?",
        (old.platform.value, old.channel_id),
    )


def filled_in(form: Form, values: Mapping[str, str]) -> dict[str, str]:
    """What was written, of the form's own fields, each at most as long as it may be. Pure."""
    return {
        field.name: storable(values[field.name]).strip()[: field.max_length]
        for field in form.fields
        if field.name in values
    }


def _json(values: Mapping[str, str]) -> str:
    return json.dumps({name: storable(value) for name, value in values.items()})


def _packed(form: Form) -> str:
    options = {
        name: storable(value) if isinstance(value, str) else value
        for name, value in form.becomes.options.items()
        if not isinstance(value, Attachment)
    }
    return json.dumps(
        {
            "title": storable(form.title),
            "fields": [
                {k: storable(v) if isinstance(v, str) else v for k, v in asdict(field).items()}
                for field in form.fields
            ],
            "becomes": {"name": form.becomes.name, "options": options},
            "private": form.private,
        }
    )


def _unpacked(packed: str) -> Form:
    stored = json.loads(packed)
    becomes = stored["becomes"]
    return Form(
        stored["title"],
        tuple(FormField(**field) for field in stored["fields"]),
        Invocation(becomes["name"], becomes["options"]),
        stored["private"],
    )
