"""Who may use the console: names with a role and a password, and the sessions of who logged in.

A password is kept as its scrypt digest with a salt of its own. A session's token has 256 random
bits and is kept as a plain digest: there is nothing to guess.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import hmac
import secrets
import time
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final, Literal, TypeAlias

from core.database import Database
from core.text import storable
from knowledge_base.errors import StorageBusyError, StorageFullError

Role: TypeAlias = Literal["operator", "viewer"]
ROLES: Final[tuple[Role, ...]] = ("operator", "viewer")
LEAST_LETTERS: Final = 8
"""Of a password."""
MOST_LETTERS: Final = 1000
LONGEST_NAME: Final = 64
IDLE_SECONDS: Final = 12 * 3600
"""A session that nobody used for so long has ended."""
LONGEST_SECONDS: Final = 7 * 86_400
"""And every session after this, however busy."""
_SEEN_SECONDS: Final = 60
"""How exactly the last use of a session is kept."""
_SALT_BYTES: Final = 16
_TOKEN_BYTES: Final = 32
_COST: Final = 1 << 15
_BLOCK: Final = 8
_MEMORY: Final = 128 * _COST * _BLOCK * 2


@dataclass(frozen=True, slots=True)
class Account:
    """Somebody who may log in."""

    name: str
    role: Role
    made_at: datetime
    author_id: str
    """By what whatever they do is known to be theirs. An account that is made again under a name
    of before has another."""


@dataclass(frozen=True, slots=True)
class Configured:
    """The operator's account that stands in the configuration."""

    name: str
    password: str = field(repr=False)


class Accounts:
    """Rows of accounts and sessions. Names are the same whatever the case of their letters."""

    def __init__(
        self,
        database: Database,
        configured: Configured | None = None,
        *,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._database = database
        self._configured = configured
        self._clock = clock

    async def start(self) -> None:
        """End the sessions of the configured account: its password may be another now."""
        async with self._database.transaction() as connection:
            await connection.execute("DELETE FROM console_sessions WHERE account = ''")

    async def make(self, name: str, role: Role, password: str) -> bool:
        """A new account; False where the name is taken.

        Raises `ValueError` for what `is_name` or `is_password` refuses.
        """
        if not is_name(name) or not is_password(password):
            raise ValueError(name)
        salt, digest = await _salted(password)
        async with self._database.transaction() as connection:
            cursor = await connection.execute(
                "INSERT OR IGNORE INTO console_accounts VALUES (?, ?, ?, ?, ?, ?, ?)",
                (name_key(name), name.strip(), role, salt, digest, self._clock(), _new_id(name)),
            )
            return cursor.rowcount == 1

    async def change_password(self, name: str, password: str) -> bool:
        """Another password; who is logged in under that name is not any longer. False: no such."""
        if not is_password(password):
            raise ValueError(name)
        salt, digest = await _salted(password)
        async with self._database.transaction() as connection:
            cursor = await connection.execute(
                "UPDATE console_accounts SET salt = ?, digest = ? WHERE account = ?",
                (salt, digest, name_key(name)),
            )
            await connection.execute(
                "DELETE FROM console_sessions WHERE account = ?", (name_key(name),)
            )
            return cursor.rowcount == 1

    async def remove(self, name: str) -> bool:
        """Take an account out with its sessions; False: there is none of that name."""
        async with self._database.transaction() as connection:
            await connection.execute(
                "DELETE FROM console_sessions WHERE account = ?", (name_key(name),)
            )
            cursor = await connection.execute(
                "DELETE FROM console_accounts WHERE account = ?", (name_key(name),)
            )
            return cursor.rowcount == 1

    async def all(self) -> tuple[Account, ...]:
        """Every account, by name."""
        async with self._database.reader() as connection:
            rows = await connection.execute_fetchall(
                "SELECT name, role, made_at, author_id FROM console_accounts ORDER BY account"
            )
        return tuple(_account(*row) for row in rows)

    async def has(self, name: str) -> bool:
        """Whether there is an account of that name, other than a configured one."""
        async with self._database.reader() as connection:
            rows = await connection.execute_fetchall(
                "SELECT 1 FROM console_accounts WHERE account = ?", (name_key(name),)
            )
        return bool(list(rows))

    async def exist(self) -> bool:
        """Whether there is any account, also a configured one."""
        if self._configured is not None:
            return True
        async with self._database.reader() as connection:
            return bool(list(await connection.execute_fetchall(
                "SELECT 1 FROM console_accounts LIMIT 1"
            )))  # fmt: skip

    async def verified(self, name: str, password: str) -> Account | None:
        """The account, where that is its password. A name that nobody has takes as long.

        A configured account comes before one of the same name.
        """
        own = self._configured
        if own is not None and name_key(own.name) == name_key(name):
            await asyncio.to_thread(_digest, password, bytes(_SALT_BYTES))
            matches = hmac.compare_digest(_typed(own.password), _typed(password))
            return _configured(own) if matches else None
        async with self._database.reader() as connection:
            rows = await connection.execute_fetchall(
                "SELECT salt, digest, name, role, made_at, author_id FROM console_accounts"
                " WHERE account = ?",
                (name_key(name),),
            )
        for salt, digest, *known in rows:
            given = await asyncio.to_thread(_digest, password, salt)
            return _account(*known) if hmac.compare_digest(given, digest) else None
        await asyncio.to_thread(_digest, password, bytes(_SALT_BYTES))
        return None

    async def begin(self, name: str) -> str:
        """A session of an account; returns its token, of which only a digest is kept."""
        token, now = secrets.token_urlsafe(_TOKEN_BYTES), self._clock()
        async with self._database.transaction() as connection:
            await connection.execute(
                "DELETE FROM console_sessions WHERE seen_at <= ? OR begun_at <= ?",
                (now - IDLE_SECONDS, now - LONGEST_SECONDS),
            )
            await connection.execute(
                "INSERT INTO console_sessions VALUES (?, ?, ?, ?)",
                (_token_digest(token), self._account_of(name), now, now),
            )
        return token

    async def session(self, token: str) -> Account | None:
        """Whose session that is; None where it has ended, or its account is gone."""
        digest, now = _token_digest(token), self._clock()
        async with self._database.reader() as connection:
            rows = list(
                await connection.execute_fetchall(
                    "SELECT console_sessions.account, seen_at, name, role, made_at, author_id"
                    " FROM console_sessions LEFT JOIN console_accounts USING (account)"
                    " WHERE token = ? AND seen_at > ? AND begun_at > ?",
                    (digest, now - IDLE_SECONDS, now - LONGEST_SECONDS),
                )
            )
        for account, seen_at, *known in rows:
            if account == "" and self._configured is not None:
                found = _configured(self._configured)
            elif known[0] is not None:
                found = _account(*known)
            else:
                return None
            if now - seen_at >= _SEEN_SECONDS:
                # That it cannot be noted now shuts nobody out: a full disk is looked after there.
                with contextlib.suppress(StorageFullError, StorageBusyError):
                    await self._note_use(digest, now)
            return found
        return None

    async def _note_use(self, digest: bytes, now: float) -> None:
        async with self._database.transaction() as connection:
            await connection.execute(
                "UPDATE console_sessions SET seen_at = ? WHERE token = ?", (now, digest)
            )

    async def end(self, token: str) -> None:
        """Log out."""
        async with self._database.transaction() as connection:
            await connection.execute(
                "DELETE FROM console_sessions WHERE token = ?", (_token_digest(token),)
            )

    def _account_of(self, name: str) -> str:
        own = self._configured
        return "" if own is not None and name_key(own.name) == name_key(name) else name_key(name)


def is_name(name: str) -> bool:
    """Whether an account can be called so."""
    return 0 < len(name.strip()) <= LONGEST_NAME and name.isprintable() and storable(name) == name


def is_password(password: str) -> bool:
    """Whether it is long enough, and no novel."""
    return LEAST_LETTERS <= len(password) <= MOST_LETTERS


def name_key(name: str) -> str:
    """By what a name is known, however it is written."""
    return storable(unicodedata.normalize("NFKC", name.strip()).casefold())


def _account(name: str, role: str, made_at: float, author_id: str) -> Account:
    # What another version may have written opens nothing.
    known: Role = "operator" if role == "operator" else "viewer"
    return Account(name, known, datetime.fromtimestamp(made_at, UTC), author_id)


def _configured(own: Configured) -> Account:
    return Account(own.name, "operator", datetime.fromtimestamp(0, UTC), own.name)


def _new_id(name: str) -> str:
    return f"{name_key(name)}-{secrets.token_hex(6)}"


async def _salted(password: str) -> tuple[bytes, bytes]:
    salt = secrets.token_bytes(_SALT_BYTES)
    return salt, await asyncio.to_thread(_digest, password, salt)


def _digest(password: str, salt: bytes) -> bytes:
    return hashlib.scrypt(
        _typed(password), salt=salt, n=_COST, r=_BLOCK, p=1, maxmem=_MEMORY, dklen=32
    )


def _typed(password: str) -> bytes:
    return unicodedata.normalize("NFKC", password).encode("utf-8", "surrogatepass")


def _token_digest(token: str) -> bytes:
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).digest()
