"""What was kept for its time goes when that is over; once a day, and at every start."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final

from core.accounts import IDLE_SECONDS, LONGEST_SECONDS
from core.confirmations import OPEN_SECONDS
from core.database import Database
from core.feedback import Feedback
from core.inbox import DurableInbox
from core.settings import PrivacySettings

_DAY: Final = 86_400
_HISTORY: Final = (
    ("exchanges", "asked_at"),
    ("opened_threads", "opened_at"),
    ("unasked_answers", "spoken_at"),
)
_FEEDBACK: Final = (
    ("team_questions", "asked_at"),
    ("team_cards", "asked_at"),
    ("team_answers", "written_at"),
)
_AUDIT: Final = (("audit", "done_at"), ("channel_members", "seen_at"))
"""Who was seen where is known as long: whoever has not been seen for a year is a stranger again."""


class Retention:
    """Lets go of rows by their age."""

    def __init__(
        self,
        database: Database,
        kept: PrivacySettings,
        *,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._database = database
        self._kept = kept
        self._clock = clock
        self._inbox = DurableInbox(database, clock=clock)
        self._feedback = Feedback(database, clock=clock)

    async def prune(self) -> int:
        """How many rows went of which people know: questions, verdicts, records of acts."""
        kept, now = self._kept, self._clock()
        gone = 0
        for tables, days in (
            (_HISTORY, kept.history_days),
            (_FEEDBACK, kept.feedback_days),
            (_AUDIT, kept.audit_days),
        ):
            async with self._database.transaction() as connection:
                for table, column in tables:
                    cursor = await connection.execute(
                        f"DELETE FROM {table} WHERE {column} < ?",  # noqa: S608 - our own names
                        (now - days * _DAY,),
                    )
                    gone += cursor.rowcount
        async with self._database.transaction() as connection:
            for table, column, seconds in (
                ("confirmations", "asked_at", OPEN_SECONDS),
                ("forms", "opened_at", _DAY),
                # Of a surface that is off: one that runs puts them together when it begins.
                ("held_parts", "held_at", _DAY),
                ("console_sessions", "seen_at", IDLE_SECONDS),
                ("console_sessions", "begun_at", LONGEST_SECONDS),
            ):
                await connection.execute(
                    f"DELETE FROM {table} WHERE {column} < ?",  # noqa: S608 - our own names
                    (now - seconds,),
                )
        # The rows of questions after the questions: they stay as long as those do.
        gone += await self._feedback.prune(kept.feedback_days)
        await self._inbox.prune(kept.history_days)
        return gone
