"""What is asked before something is destroyed: a command waits for its asker's yes."""

from __future__ import annotations

import json
import secrets
import time
from collections.abc import Callable
from typing import Final

from core.database import Database
from core.errors import NoLongerOpenError, NotYoursError
from core.events import Attachment, ChannelRef, Invocation, MemberRef
from core.text import storable

OPEN_SECONDS: Final = 15 * 60
"""How long a question waits for its answer."""
_TOKEN_BYTES: Final = 8


class Confirmations:
    """Commands under short-lived tokens; each is for one member in one channel, and once."""

    def __init__(self, database: Database, *, clock: Callable[[], float] = time.time) -> None:
        self._database = database
        self._clock = clock

    async def ask(self, channel: ChannelRef, member: MemberRef, invocation: Invocation) -> str:
        """A token for the command as it will be run once the member agrees."""
        token = secrets.token_hex(_TOKEN_BYTES)
        options = {
            name: storable(value) if isinstance(value, str) else value
            for name, value in invocation.options.items()
            if not isinstance(value, Attachment)
        }
        now = self._clock()
        async with self._database.transaction() as connection:
            await connection.execute(
                "DELETE FROM confirmations WHERE asked_at < ?", (now - OPEN_SECONDS,)
            )
            await connection.execute(
                "INSERT INTO confirmations VALUES (?, ?, ?, ?, ?, ?)",
                (
                    token,
                    channel.platform.value,
                    storable(channel.channel_id),
                    storable(member.user_id),
                    json.dumps({"name": invocation.name, "options": options}),
                    now,
                ),
            )
        return token

    async def take(
        self, token: str, channel: ChannelRef, member: MemberRef, *, administers: bool = False
    ) -> Invocation:
        """The command, to be run now. The token goes with it: a second press finds nothing.

        `administers`: the member may answer for an anonymous administrator, who asks under the
        group's own id and presses under their own.

        Raises `NoLongerOpenError` where there is none, it is too old, or it was asked elsewhere;
        `NotYoursError`, which leaves it open, for anybody but who was asked.
        """
        async with self._database.transaction() as connection:
            rows = list(
                await connection.execute_fetchall(
                    "SELECT user_id, invocation FROM confirmations WHERE token = ?"
                    " AND platform = ? AND channel_id = ? AND asked_at >= ?",
                    (
                        storable(token),
                        channel.platform.value,
                        storable(channel.channel_id),
                        self._clock() - OPEN_SECONDS,
                    ),
                )
            )
            if not rows:
                raise NoLongerOpenError
            user_id, packed = rows[0]
            anonymous = user_id == channel.channel_id
            asker = MemberRef(channel.platform, user_id)
            if member != asker and not (anonymous and administers):
                raise NotYoursError
            await connection.execute(
                "DELETE FROM confirmations WHERE token = ?", (storable(token),)
            )
        stored = json.loads(packed)
        return Invocation(stored["name"], stored["options"])
