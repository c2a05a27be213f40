"""Every kind of row goes when its time is over, and not before."""

from __future__ import annotations

from core.database import Database
from core.retention import Retention
from core.settings import PrivacySettings

DAY = 86_400
ROWS = {
    "exchanges": (
        "INSERT INTO exchanges (platform, channel_id, thread_id, message_id, author_id, speaker,"
        " question, answer, asked_at) VALUES ('discord', 'c', '', 'm', 'a', 'A', 'q', 'a', 0)"
    ),
    "inbox": (
        "INSERT INTO inbox (platform, channel_id, thread_id, message_id, author_id, state, digest,"
        " payload, sent_at, received_at)"
        " VALUES ('discord', 'c', '', 'm', 'a', 'done', 'd', '{}', 0, 0)"
    ),
    "feedback": (
        "INSERT INTO feedback (platform, channel_id, thread_id, message_id, author_id, verdict,"
        " question, answer, refused, given_at)"
        " VALUES ('discord', 'c', '', 'm', 'a', 'up', 'q', 'a', 0, 0)"
    ),
    "team_questions": "INSERT INTO team_questions VALUES ('discord', 'c', '', 'm', 'a', 0)",
    "audit": (
        "INSERT INTO audit (platform, channel_id, author_id, author, act, about, done_at)"
        " VALUES ('discord', 'c', 'a', 'A', 'removed', 'x', 0)"
    ),
    "confirmations": "INSERT INTO confirmations VALUES ('t', 'discord', 'c', 'a', '{}', 0)",
    "held_parts": "INSERT INTO held_parts VALUES ('discord', 'c', 'w', 'm', 'a', '{}', 0)",
    "console_sessions": "INSERT INTO console_sessions VALUES (x'00', 'ann', 0, 0)",
}
KEPT = {"exchanges": 3, "inbox": 3, "feedback": 5, "team_questions": 5, "audit": 7}


async def test_each_goes_after_its_own_time(tmp_path):
    now = 0.0
    async with Database.open(tmp_path / "l.db") as database:
        kept = PrivacySettings(history_days=3, feedback_days=5, audit_days=7)
        retention = Retention(database, kept, clock=lambda: now)
        async with database.transaction() as connection:
            for statement in ROWS.values():
                await connection.execute(statement)
        for day in range(9):
            now = day * DAY + 1.0
            await retention.prune()
            async with database.reader() as connection:
                there = {
                    table
                    for table in ROWS
                    if list(await connection.execute_fetchall(f"SELECT 1 FROM {table}"))
                }
            expected = {table for table, days in KEPT.items() if day < days}
            soon = {"confirmations", "console_sessions", "held_parts"}
            assert there == expected | (soon if day == 0 else set()), day


def test_by_default_it_is_what_the_documentation_promises():
    assert PrivacySettings() == PrivacySettings(30, 180, 365)
