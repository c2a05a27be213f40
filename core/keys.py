"""Keys by which programs ask: made once, kept as a digest, scoped to bases, revoked at once.

A token is `lk-ID-SECRET`. The secret has 256 random bits, so that a fast keyed digest of it is as
good as a slow one: there is nothing to guess.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from core.database import Database
from core.text import storable
from knowledge_base.models import BaseId

_TOKEN: Final = re.compile(r"lk-([0-9a-f]{12})-([A-Za-z0-9_-]{43})", re.ASCII)
_SALT_BYTES: Final = 16
_SECRET_BYTES: Final = 32


@dataclass(frozen=True, slots=True)
class Key:
    """What a key lets a program do."""

    key_id: str
    label: str
    bases: frozenset[BaseId]
    plain: bool
    """May ask an engine without documents."""
    rate: int | None
    """Requests a minute; None: as configured."""
    made_at: datetime
    expires_at: datetime | None = None
    revoked_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Wanted:
    """A key that is to be made."""

    label: str
    bases: frozenset[BaseId]
    plain: bool = False
    rate: int | None = None
    expires_at: datetime | None = None


class Keys:
    """Rows of keys. Each use looks them up anew, so that what was revoked serves no more."""

    def __init__(self, database: Database, *, clock: Callable[[], float] = time.time) -> None:
        self._database = database
        self._clock = clock

    async def make(self, wanted: Wanted) -> tuple[Key, str]:
        """A new key with its token, which nobody can be told again."""
        if not wanted.bases and not wanted.plain:
            raise ValueError(wanted)
        key_id, secret = secrets.token_hex(6), secrets.token_urlsafe(_SECRET_BYTES)
        salt, now = secrets.token_bytes(_SALT_BYTES), self._clock()
        async with self._database.transaction() as connection:
            await connection.execute(
                "INSERT INTO api_keys (key_id, label, salt, digest, plain, rate, made_at,"
                " expires_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                (
                    key_id,
                    storable(wanted.label),
                    salt,
                    _digest(secret, salt),
                    wanted.plain,
                    wanted.rate,
                    now,
                    None if wanted.expires_at is None else wanted.expires_at.timestamp(),
                ),
            )
            await connection.executemany(
                "INSERT INTO api_key_bases VALUES (?, ?)",
                [(key_id, base) for base in sorted(wanted.bases)],
            )
        made = Key(
            key_id,
            storable(wanted.label),
            wanted.bases,
            wanted.plain,
            wanted.rate,
            datetime.fromtimestamp(now, UTC),
            wanted.expires_at,
        )
        return made, f"lk-{key_id}-{secret}"

    async def valid(self, token: str) -> Key | None:
        """The key that a token stands for; None where it is none, has expired or was revoked."""
        found = _TOKEN.fullmatch(token)
        if found is None:
            return None
        async with self._database.reader() as connection:
            rows = await connection.execute_fetchall(
                f"SELECT {_COLUMNS}, salt, digest FROM api_keys WHERE key_id = ?",  # noqa: S608
                (found[1],),
            )
        for *row, salt, digest in rows:
            if hmac.compare_digest(_digest(found[2], salt), digest):
                key = _key(row)
                return key if self._serves(key) else None
        return None

    async def all(self) -> tuple[Key, ...]:
        """Every key, also those that serve no more; the oldest first."""
        async with self._database.reader() as connection:
            rows = await connection.execute_fetchall(
                f"SELECT {_COLUMNS} FROM api_keys ORDER BY made_at, key_id"  # noqa: S608
            )
        return tuple(map(_key, rows))

    async def revoke(self, key_id: str) -> Key | None:
        """Let a key serve no more; None where there is none of this id that still did."""
        async with self._database.transaction() as connection:
            rows = await connection.execute_fetchall(
                "UPDATE api_keys SET revoked_at = ? WHERE key_id = ? AND revoked_at IS NULL"  # noqa: S608
                f" RETURNING {_COLUMNS}",
                (self._clock(), storable(key_id)),
            )
        return next(map(_key, rows), None)

    def _serves(self, key: Key) -> bool:
        now = self._clock()
        expired = key.expires_at is not None and key.expires_at.timestamp() <= now
        return key.revoked_at is None and not expired


_COLUMNS: Final = (
    "key_id, label, plain, rate, made_at, expires_at, revoked_at, (SELECT group_concat(base_id)"
    " FROM api_key_bases WHERE api_key_bases.key_id = api_keys.key_id)"
)


def id_in(given: str) -> str:
    """The id that somebody gave, also where they gave the whole token: the rest is no one's."""
    found = _TOKEN.fullmatch(given.strip())
    return found[1] if found is not None else given


def _digest(secret: str, salt: bytes) -> bytes:
    return hashlib.blake2b(secret.encode("ascii"), key=salt, digest_size=32).digest()


def _key(row: Iterable[object]) -> Key:
    key_id, label, plain, rate, made_at, expires_at, revoked_at, bases = row
    return Key(
        str(key_id),
        str(label),
        frozenset(BaseId(int(base)) for base in str(bases or "").split(",") if base),
        bool(plain),
        rate if isinstance(rate, int) else None,
        _time(made_at) or datetime.fromtimestamp(0, UTC),
        _time(expires_at),
        _time(revoked_at),
    )


def _time(seconds: object) -> datetime | None:
    return datetime.fromtimestamp(seconds, UTC) if isinstance(seconds, int | float) else None
