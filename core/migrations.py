"""The schema of `lorekeeper.db` as a list of steps; a step that was released never changes."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Migration:
    """One step; its name, recorded when it has run, begins with its number."""

    name: str
    statements: tuple[str, ...]

    @property
    def number(self) -> int:
        return number_of(self.name)


def number_of(name: str) -> int:
    """The number in a migration's name: 3 for `m003_feedback`."""
    return int(name[1:4])


M001_TURNS_AND_INBOX = Migration(
    "m001_turns_and_inbox",
    (
        # A question and its answer are one row, so answers that end out of order cannot mix.
        # thread_id is '' for none: NULLs would be distinct in the unique key.
        """
        CREATE TABLE exchanges (
            exchange_id INTEGER PRIMARY KEY,
            platform TEXT NOT NULL,
            channel_id TEXT NOT NULL,
            thread_id TEXT NOT NULL,
            message_id TEXT NOT NULL,
            author_id TEXT NOT NULL,
            speaker TEXT NOT NULL,
            question TEXT NOT NULL,
            answer TEXT,
            interrupted INTEGER NOT NULL DEFAULT 0,
            refused INTEGER NOT NULL DEFAULT 0,
            quoted_id TEXT,
            asked_at REAL NOT NULL,
            answered_at REAL,
            cleared INTEGER NOT NULL DEFAULT 0,
            UNIQUE (platform, channel_id, thread_id, message_id)
        ) STRICT
        """,
        """
        CREATE INDEX exchanges_by_author
        ON exchanges (platform, channel_id, thread_id, author_id, asked_at)
        """,
        "CREATE INDEX exchanges_by_time ON exchanges (asked_at)",
        """
        CREATE TABLE answer_sources (
            exchange_id INTEGER NOT NULL REFERENCES exchanges ON DELETE CASCADE,
            number INTEGER NOT NULL,
            chunk_id INTEGER NOT NULL,
            cited INTEGER NOT NULL,
            relevance REAL NOT NULL,
            document TEXT NOT NULL,
            PRIMARY KEY (exchange_id, number)
        ) STRICT, WITHOUT ROWID
        """,
        # `payload` is what a restart needs to ask again; it is emptied when the answer is out.
        """
        CREATE TABLE inbox (
            inbox_id INTEGER PRIMARY KEY,
            platform TEXT NOT NULL,
            channel_id TEXT NOT NULL,
            thread_id TEXT NOT NULL,
            message_id TEXT NOT NULL,
            author_id TEXT NOT NULL,
            state TEXT NOT NULL
                CHECK (state IN ('received', 'answering', 'done', 'skipped')),
            digest TEXT NOT NULL,
            payload TEXT,
            sent_at REAL NOT NULL,
            received_at REAL NOT NULL,
            UNIQUE (platform, channel_id, thread_id, message_id)
        ) STRICT
        """,
        """
        CREATE INDEX inbox_open ON inbox (platform, inbox_id)
        WHERE state IN ('received', 'answering')
        """,
        """
        CREATE TABLE inbox_replies (
            inbox_id INTEGER NOT NULL REFERENCES inbox ON DELETE CASCADE,
            part INTEGER NOT NULL,
            kind TEXT NOT NULL CHECK (kind IN ('text', 'file')),
            platform TEXT NOT NULL,
            channel_id TEXT NOT NULL,
            message_id TEXT NOT NULL,
            PRIMARY KEY (inbox_id, kind, part)
        ) STRICT, WITHOUT ROWID
        """,
        """
        CREATE INDEX inbox_replies_by_message
        ON inbox_replies (platform, channel_id, message_id)
        """,
    ),
)

M004_COMMANDS = Migration(
    "m004_commands",
    (
        # What somebody is asked before it is done; the command stands ready under the token.
        """
        CREATE TABLE confirmations (
            token TEXT PRIMARY KEY,
            platform TEXT NOT NULL,
            channel_id TEXT NOT NULL,
            user_id TEXT NOT NULL,
            invocation TEXT NOT NULL,
            asked_at REAL NOT NULL
        ) STRICT
        """,
        # Uploads that wait for a moderator. Their files lie in a folder of that name.
        """
        CREATE TABLE reviews (
            token TEXT PRIMARY KEY,
            base TEXT NOT NULL,
            uploader TEXT NOT NULL,
            uploader_id TEXT NOT NULL,
            held_at REAL NOT NULL
        ) STRICT
        """,
        "CREATE INDEX reviews_by_base ON reviews (base, held_at)",
        """
        CREATE TABLE review_files (
            token TEXT NOT NULL REFERENCES reviews ON DELETE CASCADE,
            place INTEGER NOT NULL,
            name TEXT NOT NULL,
            size INTEGER NOT NULL,
            beginning TEXT NOT NULL,
            PRIMARY KEY (token, place)
        ) STRICT, WITHOUT ROWID
        """,
        # Messages that became documents: who wrote them may remove them, edits renew them.
        """
        CREATE TABLE taught_messages (
            platform TEXT NOT NULL,
            channel_id TEXT NOT NULL,
            message_id TEXT NOT NULL,
            base TEXT NOT NULL,
            name TEXT NOT NULL,
            author_id TEXT NOT NULL,
            author TEXT NOT NULL,
            link TEXT,
            written_at REAL,
            PRIMARY KEY (platform, channel_id, message_id, base)
        ) STRICT, WITHOUT ROWID
        """,
        "CREATE INDEX taught_messages_by_document ON taught_messages (base, name)",
    ),
)

MIGRATIONS: tuple[Migration, ...] = (M001_TURNS_AND_INBOX, M004_COMMANDS)
