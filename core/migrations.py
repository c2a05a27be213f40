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

M002_FEEDBACK = Migration(
    "m002_feedback",
    (
        # Words and numbers of the answer as it was judged: it may be made anew or be forgotten.
        # message_id is the question's, as in `exchanges`.
        """
        CREATE TABLE feedback (
            feedback_id INTEGER PRIMARY KEY,
            platform TEXT NOT NULL,
            channel_id TEXT NOT NULL,
            thread_id TEXT NOT NULL,
            message_id TEXT NOT NULL,
            author_id TEXT NOT NULL,
            verdict TEXT NOT NULL CHECK (verdict IN ('up', 'down')),
            question TEXT NOT NULL,
            answer TEXT NOT NULL,
            refused INTEGER NOT NULL,
            given_at REAL NOT NULL,
            UNIQUE (platform, channel_id, thread_id, message_id, author_id)
        ) STRICT
        """,
        "CREATE INDEX feedback_by_time ON feedback (given_at)",
        "CREATE INDEX feedback_by_author ON feedback (platform, author_id)",
        """
        CREATE TABLE feedback_sources (
            feedback_id INTEGER NOT NULL REFERENCES feedback ON DELETE CASCADE,
            number INTEGER NOT NULL,
            chunk_id INTEGER NOT NULL,
            cited INTEGER NOT NULL,
            relevance REAL NOT NULL,
            document TEXT NOT NULL,
            PRIMARY KEY (feedback_id, number)
        ) STRICT, WITHOUT ROWID
        """,
    ),
)

M003_CHANNELS = Migration(
    "m003_channels",
    (
        # What was chosen for a channel or for all of a server; what is absent is left as it comes.
        """
        CREATE TABLE settings (
            platform TEXT NOT NULL,
            level TEXT NOT NULL CHECK (level IN ('channel', 'server')),
            subject_id TEXT NOT NULL,
            key TEXT NOT NULL,
            value TEXT NOT NULL,
            PRIMARY KEY (platform, level, subject_id, key)
        ) STRICT, WITHOUT ROWID
        """,
        # `until` is null for "until told otherwise".
        """
        CREATE TABLE pauses (
            platform TEXT NOT NULL,
            level TEXT NOT NULL CHECK (level IN ('channel', 'server', 'all')),
            subject_id TEXT NOT NULL,
            until REAL,
            PRIMARY KEY (platform, level, subject_id)
        ) STRICT, WITHOUT ROWID
        """,
        # Channels as last seen, and who was seen there: for names and lists, never for access.
        """
        CREATE TABLE channels (
            platform TEXT NOT NULL,
            channel_id TEXT NOT NULL,
            name TEXT NOT NULL,
            server_id TEXT,
            server_name TEXT NOT NULL,
            parent_id TEXT,
            restricted INTEGER NOT NULL,
            seen_at REAL NOT NULL,
            PRIMARY KEY (platform, channel_id)
        ) STRICT, WITHOUT ROWID
        """,
        """
        CREATE TABLE channel_members (
            platform TEXT NOT NULL,
            user_id TEXT NOT NULL,
            channel_id TEXT NOT NULL,
            seen_at REAL NOT NULL,
            PRIMARY KEY (platform, user_id, channel_id)
        ) STRICT, WITHOUT ROWID
        """,
        """
        CREATE TABLE greetings (
            platform TEXT NOT NULL,
            channel_id TEXT NOT NULL,
            PRIMARY KEY (platform, channel_id)
        ) STRICT, WITHOUT ROWID
        """,
        # Bases of other places that a channel is answered from, by who administers both ends.
        """
        CREATE TABLE attached_bases (
            base_id INTEGER NOT NULL,
            platform TEXT NOT NULL,
            channel_id TEXT NOT NULL,
            attached_by TEXT NOT NULL,
            attached_at REAL NOT NULL,
            PRIMARY KEY (platform, channel_id, base_id)
        ) STRICT, WITHOUT ROWID
        """,
        # The channel that a member's private chat is answered from, if they can read it then.
        """
        CREATE TABLE used_channels (
            platform TEXT NOT NULL,
            user_id TEXT NOT NULL,
            channel_id TEXT NOT NULL,
            PRIMARY KEY (platform, user_id)
        ) STRICT, WITHOUT ROWID
        """,
        # Servers and groups that added us, and strangers who wrote to us.
        """
        CREATE TABLE admissions (
            platform TEXT NOT NULL,
            level TEXT NOT NULL CHECK (level IN ('server', 'member')),
            subject_id TEXT NOT NULL,
            name TEXT NOT NULL DEFAULT '',
            verdict TEXT NOT NULL DEFAULT 'pending'
                CHECK (verdict IN ('pending', 'admitted', 'refused')),
            decided_by TEXT,
            changed_at REAL NOT NULL,
            told INTEGER NOT NULL DEFAULT 0,
            left_at REAL,
            channel_id TEXT,
            thread_id TEXT,
            PRIMARY KEY (platform, level, subject_id)
        ) STRICT, WITHOUT ROWID
        """,
        # A channel's new id, until what lies outside this file has followed.
        """
        CREATE TABLE moves (
            platform TEXT NOT NULL,
            old_id TEXT NOT NULL,
            new_id TEXT NOT NULL,
            PRIMARY KEY (platform, old_id)
        ) STRICT, WITHOUT ROWID
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

M005_TEAM = Migration(
    "m005_team",
    (
        # Questions that went to the people who help: each once, and so many an hour and a day.
        # message_id is the question's, as in `exchanges`.
        """
        CREATE TABLE team_questions (
            platform TEXT NOT NULL,
            channel_id TEXT NOT NULL,
            thread_id TEXT NOT NULL,
            message_id TEXT NOT NULL,
            asker_id TEXT NOT NULL,
            asked_at REAL NOT NULL,
            PRIMARY KEY (platform, channel_id, thread_id, message_id)
        ) STRICT, WITHOUT ROWID
        """,
    ),
)

M006_FORMS = Migration(
    "m006_forms",
    (
        # Forms that somebody fills in. Where each field is a message of its own, prompts says
        # which message of ours asks for which, and filled what was written until then.
        """
        CREATE TABLE forms (
            token TEXT PRIMARY KEY,
            platform TEXT NOT NULL,
            channel_id TEXT NOT NULL,
            thread_id TEXT NOT NULL,
            user_id TEXT NOT NULL,
            form TEXT NOT NULL,
            filled TEXT NOT NULL DEFAULT '{}',
            prompts TEXT NOT NULL DEFAULT '{}',
            -- The message that sent it off: that one may come again after a restart, no other.
            taken_by TEXT,
            opened_at REAL NOT NULL
        ) STRICT
        """,
        "CREATE INDEX forms_by_member ON forms (platform, channel_id, thread_id, user_id)",
        # Where the helpers were asked, and what they answered until somebody brings it.
        """
        CREATE TABLE team_cards (
            platform TEXT NOT NULL,
            channel_id TEXT NOT NULL,
            thread_id TEXT NOT NULL,
            message_id TEXT NOT NULL,
            question_channel_id TEXT NOT NULL,
            question_thread_id TEXT NOT NULL,
            question_id TEXT NOT NULL,
            -- The message that leads to the question, and who asked it.
            told_at_id TEXT NOT NULL,
            asker TEXT NOT NULL,
            question TEXT NOT NULL,
            -- Whose base a note about it belongs to.
            base TEXT NOT NULL,
            asked_at REAL NOT NULL,
            PRIMARY KEY (platform, channel_id, thread_id, message_id)
        ) STRICT, WITHOUT ROWID
        """,
        """
        CREATE TABLE team_answers (
            token TEXT PRIMARY KEY,
            platform TEXT NOT NULL,
            channel_id TEXT NOT NULL,
            thread_id TEXT NOT NULL,
            -- The card, and the message that answers it.
            card_id TEXT NOT NULL,
            message_id TEXT NOT NULL,
            author_id TEXT NOT NULL,
            author TEXT NOT NULL,
            text TEXT NOT NULL,
            link TEXT,
            written_at REAL NOT NULL,
            brought INTEGER NOT NULL DEFAULT 0
        ) STRICT
        """,
        "CREATE INDEX team_answers_by_card"
        " ON team_answers (platform, channel_id, thread_id, card_id)",
    ),
)

M007_AUDIT = Migration(
    "m007_audit",
    (
        # What was done with a channel's knowledge and settings, and by whom; no words of messages.
        # channel_id is '' for what is done of no channel.
        """
        CREATE TABLE audit (
            audit_id INTEGER PRIMARY KEY,
            platform TEXT NOT NULL,
            channel_id TEXT NOT NULL,
            server_id TEXT,
            author_id TEXT NOT NULL,
            author TEXT NOT NULL,
            act TEXT NOT NULL,
            about TEXT NOT NULL,
            done_at REAL NOT NULL
        ) STRICT
        """,
        "CREATE INDEX audit_by_channel ON audit (platform, channel_id, done_at)",
        "CREATE INDEX audit_by_time ON audit (done_at)",
        # Where an upload that waits came from, and the card that shows it elsewhere.
        """
        CREATE TABLE review_places (
            token TEXT PRIMARY KEY REFERENCES reviews ON DELETE CASCADE,
            platform TEXT NOT NULL,
            channel_id TEXT NOT NULL,
            thread_id TEXT NOT NULL,
            message_id TEXT NOT NULL,
            card_channel_id TEXT,
            card_message_id TEXT
        ) STRICT
        """,
        # Who added us, or else who is in charge there: the one to tell how to begin.
        "ALTER TABLE admissions ADD COLUMN contact TEXT",
        # The questions to owners that are open.
        """
        CREATE TABLE admission_cards (
            platform TEXT NOT NULL,
            level TEXT NOT NULL,
            subject_id TEXT NOT NULL,
            owner_platform TEXT NOT NULL,
            owner_channel_id TEXT NOT NULL,
            message_id TEXT NOT NULL,
            PRIMARY KEY (owner_platform, owner_channel_id, message_id)
        ) STRICT, WITHOUT ROWID
        """,
        "CREATE INDEX admission_cards_by_subject ON admission_cards (platform, level, subject_id)",
    ),
)

M008_SPEAKING = Migration(
    "m008_speaking",
    (
        # The thread that we opened for a question; its row and its turn are kept under the thread.
        """
        CREATE TABLE opened_threads (
            platform TEXT NOT NULL,
            channel_id TEXT NOT NULL,
            message_id TEXT NOT NULL,
            thread_id TEXT NOT NULL,
            opened_at REAL NOT NULL,
            PRIMARY KEY (platform, channel_id, message_id)
        ) STRICT, WITHOUT ROWID
        """,
        # Answers that nobody asked us for, to count them; no words and nobody's name.
        """
        CREATE TABLE unasked_answers (
            platform TEXT NOT NULL,
            channel_id TEXT NOT NULL,
            thread_id TEXT NOT NULL,
            message_id TEXT NOT NULL,
            spoken_at REAL NOT NULL,
            PRIMARY KEY (platform, channel_id, thread_id, message_id)
        ) STRICT, WITHOUT ROWID
        """,
        # Threads in which somebody who helps has spoken.
        """
        CREATE TABLE helped_threads (
            platform TEXT NOT NULL,
            channel_id TEXT NOT NULL,
            thread_id TEXT NOT NULL,
            since REAL NOT NULL,
            PRIMARY KEY (platform, channel_id, thread_id)
        ) STRICT, WITHOUT ROWID
        """,
    ),
)

M009_KEYS = Migration(
    "m009_keys",
    (
        # Keys of programs; of the secret itself nothing is kept. A base is named by its number:
        # one of the same name that is made later is another.
        """
        CREATE TABLE api_keys (
            key_id TEXT PRIMARY KEY,
            label TEXT NOT NULL,
            salt BLOB NOT NULL,
            digest BLOB NOT NULL,
            plain INTEGER NOT NULL,
            rate INTEGER,
            made_at REAL NOT NULL,
            expires_at REAL,
            revoked_at REAL
        ) STRICT, WITHOUT ROWID
        """,
        """
        CREATE TABLE api_key_bases (
            key_id TEXT NOT NULL REFERENCES api_keys ON DELETE CASCADE,
            base_id INTEGER NOT NULL,
            PRIMARY KEY (key_id, base_id)
        ) STRICT, WITHOUT ROWID
        """,
    ),
)

M010_FORGETTING = Migration(
    "m010_forgetting",
    (
        # Whose the words are that a row of somebody else's repeats.
        "ALTER TABLE feedback ADD COLUMN asker_id TEXT",
        """
        UPDATE feedback SET asker_id = (SELECT author_id FROM exchanges
            WHERE exchanges.platform = feedback.platform
            AND exchanges.channel_id = feedback.channel_id
            AND exchanges.thread_id = feedback.thread_id
            AND exchanges.message_id = feedback.message_id)
        """,
        "CREATE INDEX feedback_by_asker ON feedback (platform, asker_id)",
        "ALTER TABLE team_cards ADD COLUMN asker_id TEXT",
        "CREATE INDEX exchanges_by_member ON exchanges (platform, author_id)",
        "CREATE INDEX inbox_by_member ON inbox (platform, author_id)",
        # Who asked to be forgotten: what was begun is finished, and what is brought back from a
        # backup is forgotten anew. `scrubbed`: nothing stands between the rows of the files.
        """
        CREATE TABLE forgotten (
            platform TEXT NOT NULL,
            user_id TEXT NOT NULL,
            uploads INTEGER NOT NULL,
            asked_at REAL NOT NULL,
            done_at REAL,
            scrubbed INTEGER NOT NULL DEFAULT 0,
            PRIMARY KEY (platform, user_id)
        ) STRICT, WITHOUT ROWID
        """,
        # What counts towards a member's limits, for a day: numbers, and no words.
        """
        CREATE TABLE uses (
            use_id INTEGER PRIMARY KEY,
            platform TEXT NOT NULL,
            user_id TEXT NOT NULL,
            kind TEXT NOT NULL CHECK (kind IN ('question', 'upload')),
            message_id TEXT NOT NULL,
            amount INTEGER NOT NULL,
            used_at REAL NOT NULL
        ) STRICT
        """,
        "CREATE INDEX uses_by_member ON uses (platform, user_id, kind, used_at)",
        "CREATE INDEX uses_by_time ON uses (used_at)",
        # What somebody was told of their limits, so that they are told it once.
        """
        CREATE TABLE limits_told (
            platform TEXT NOT NULL,
            user_id TEXT NOT NULL,
            notice TEXT NOT NULL,
            until REAL NOT NULL,
            PRIMARY KEY (platform, user_id, notice)
        ) STRICT, WITHOUT ROWID
        """,
    ),
)

M011_SPEND = Migration(
    "m011_spend",
    (
        # What engines with prices cost, in millionths of the operator's currency; a day is UTC's.
        """
        CREATE TABLE spend (
            day TEXT NOT NULL,
            engine TEXT NOT NULL,
            platform TEXT NOT NULL,
            server_id TEXT NOT NULL,
            user_id TEXT NOT NULL,
            requests INTEGER NOT NULL,
            prompt_tokens INTEGER NOT NULL,
            completion_tokens INTEGER NOT NULL,
            estimated INTEGER NOT NULL,
            micros INTEGER NOT NULL,
            PRIMARY KEY (day, engine, platform, server_id, user_id)
        ) STRICT, WITHOUT ROWID
        """,
        # Which shares of a cap the owners were told of, so that they are told once.
        """
        CREATE TABLE spend_told (
            engine TEXT NOT NULL,
            period TEXT NOT NULL,
            percent INTEGER NOT NULL,
            PRIMARY KEY (engine, period, percent)
        ) STRICT, WITHOUT ROWID
        """,
        # Private chats whose member was asked whether what is said there may leave the machine.
        """
        CREATE TABLE place_asked (
            platform TEXT NOT NULL,
            channel_id TEXT NOT NULL,
            asked_at REAL NOT NULL,
            PRIMARY KEY (platform, channel_id)
        ) STRICT, WITHOUT ROWID
        """,
    ),
)

M012_PAGES = Migration(
    "m012_pages",
    (
        # Of what was fetched from the web: its address, and what it is known to be.
        "ALTER TABLE review_files ADD COLUMN source TEXT",
        "ALTER TABLE review_files ADD COLUMN media_type TEXT",
    ),
)

M013_JOBS = Migration(
    "m013_jobs",
    (
        # Work that comes round: when it is due, whether it is paused, how its last run ended.
        """
        CREATE TABLE jobs (
            name TEXT PRIMARY KEY,
            cron TEXT NOT NULL,
            time_zone TEXT NOT NULL,
            paused INTEGER NOT NULL DEFAULT 0,
            due_at REAL,
            asked_at REAL,
            started_at REAL,
            ended_at REAL,
            outcome TEXT
                CHECK (outcome IN ('running', 'done', 'failed', 'stopped', 'interrupted')),
            detail TEXT NOT NULL DEFAULT '',
            reference TEXT NOT NULL DEFAULT '',
            runs INTEGER NOT NULL DEFAULT 0,
            failures INTEGER NOT NULL DEFAULT 0
        ) STRICT, WITHOUT ROWID
        """,
        # Which digest of its gaps a channel got last, so that none comes twice.
        """
        CREATE TABLE digests (
            platform TEXT NOT NULL,
            channel_id TEXT NOT NULL,
            due_at REAL NOT NULL,
            PRIMARY KEY (platform, channel_id)
        ) STRICT, WITHOUT ROWID
        """,
    ),
)

M014_SUMMARIES = Migration(
    "m014_summaries",
    (
        # What sums up the beginning of a conversation: its exchanges from one number to another.
        """
        CREATE TABLE summaries (
            platform TEXT NOT NULL,
            channel_id TEXT NOT NULL,
            thread_id TEXT NOT NULL,
            covers_from INTEGER NOT NULL,
            covers_to INTEGER NOT NULL,
            text TEXT NOT NULL,
            engine TEXT NOT NULL,
            tokens INTEGER NOT NULL,
            made_at REAL NOT NULL,
            PRIMARY KEY (platform, channel_id, thread_id)
        ) STRICT, WITHOUT ROWID
        """,
        # It must not outlive what it was made from, by whatever way that goes or changes.
        """
        CREATE TRIGGER summaries_follow_deletions AFTER DELETE ON exchanges
        BEGIN
            DELETE FROM summaries WHERE platform = OLD.platform AND channel_id = OLD.channel_id
            AND thread_id = OLD.thread_id AND OLD.exchange_id BETWEEN covers_from AND covers_to;
        END
        """,
        """
        CREATE TRIGGER summaries_follow_changes
        AFTER UPDATE OF question, answer, cleared ON exchanges
        WHEN OLD.answer IS NOT NULL AND (OLD.cleared <> NEW.cleared
            OR OLD.question <> NEW.question OR OLD.answer IS NOT NEW.answer)
        BEGIN
            DELETE FROM summaries WHERE platform = OLD.platform AND channel_id = OLD.channel_id
            AND thread_id = OLD.thread_id AND OLD.exchange_id BETWEEN covers_from AND covers_to;
        END
        """,
    ),
)

M015_CONSOLE = Migration(
    "m015_console",
    (
        # Who may use the console. `account` is the name without the case of its letters. The
        # account that the configuration names has sessions too, and no row of its own.
        """
        CREATE TABLE console_accounts (
            account TEXT PRIMARY KEY,
            name TEXT NOT NULL,
            role TEXT NOT NULL,
            salt BLOB NOT NULL,
            digest BLOB NOT NULL,
            made_at REAL NOT NULL
        ) STRICT, WITHOUT ROWID
        """,
        """
        CREATE TABLE console_sessions (
            token BLOB PRIMARY KEY,
            account TEXT NOT NULL,
            begun_at REAL NOT NULL,
            seen_at REAL NOT NULL
        ) STRICT, WITHOUT ROWID
        """,
        # What was measured, an hour a row: numbers alone, of nobody. `bucket` is the class of a
        # time, 0 where a figure has none.
        """
        CREATE TABLE hourly_figures (
            hour INTEGER NOT NULL,
            figure TEXT NOT NULL,
            bucket INTEGER NOT NULL,
            amount INTEGER NOT NULL,
            PRIMARY KEY (hour, figure, bucket)
        ) STRICT, WITHOUT ROWID
        """,
    ),
)

M016_ACCOUNT_IDS = Migration(
    "m016_account_ids",
    (
        # Whose conversations are whose. A name alone does not tell: an account that is made again
        # under a name of before is somebody else's. Those of before keep what they have.
        "ALTER TABLE console_accounts ADD COLUMN author_id TEXT NOT NULL DEFAULT ''",
        "UPDATE console_accounts SET author_id = name",
    ),
)

M017_WHOLE = Migration(
    "m017_whole",
    (
        # What sums up one version of a document, and the chunks that its numbers mean. Another
        # engine, language or prompt makes another one.
        """
        CREATE TABLE document_summaries (
            base_id INTEGER NOT NULL,
            document_id INTEGER NOT NULL,
            document TEXT NOT NULL,
            sha256 TEXT NOT NULL,
            language TEXT NOT NULL,
            engine TEXT NOT NULL,
            prompt TEXT NOT NULL,
            text TEXT NOT NULL,
            chunks TEXT NOT NULL,
            covered INTEGER NOT NULL,
            made_at REAL NOT NULL,
            PRIMARY KEY (base_id, document_id, language, engine)
        ) STRICT, WITHOUT ROWID
        """,
        "CREATE INDEX document_summaries_by_name ON document_summaries (base_id, document)",
    ),
)

M018_DIGESTS = Migration(
    "m018_digests",
    (
        # Whether a digest is known to be out, or was begun and cut off: then it is sent once more.
        "ALTER TABLE digests ADD COLUMN is_out INTEGER NOT NULL DEFAULT 1",
    ),
)

M019_HEARD_UNTIL = Migration(
    "m019_heard_until",
    (
        # The last moment, by the platform's clock, of which something of theirs was forgotten: a
        # platform that is asked for what was missed tells it anew.
        "ALTER TABLE forgotten ADD COLUMN heard_until REAL NOT NULL DEFAULT 0",
    ),
)

M020_HELD_PARTS = Migration(
    "m020_held_parts",
    (
        # A message that its platform hands over in parts (an album), until it is whole.
        """
        CREATE TABLE held_parts (
            platform TEXT NOT NULL,
            channel_id TEXT NOT NULL,
            whole TEXT NOT NULL,
            message_id TEXT NOT NULL,
            author_id TEXT NOT NULL,
            payload TEXT NOT NULL,
            held_at REAL NOT NULL,
            PRIMARY KEY (platform, channel_id, whole, message_id)
        ) STRICT, WITHOUT ROWID
        """,
    ),
)

M021_JOBS_SAID = Migration(
    "m021_jobs_said",
    (
        # How a run ended in each language that we have, as JSON: who reads it has their own.
        "ALTER TABLE jobs ADD COLUMN said TEXT NOT NULL DEFAULT '{}'",
    ),
)

MIGRATIONS: tuple[Migration, ...] = (
    M001_TURNS_AND_INBOX,
    M002_FEEDBACK,
    M003_CHANNELS,
    M004_COMMANDS,
    M005_TEAM,
    M006_FORMS,
    M007_AUDIT,
    M008_SPEAKING,
    M009_KEYS,
    M010_FORGETTING,
    M011_SPEND,
    M012_PAGES,
    M013_JOBS,
    M014_SUMMARIES,
    M015_CONSOLE,
    M016_ACCOUNT_IDS,
    M017_WHOLE,
    M018_DIGESTS,
    M019_HEARD_UNTIL,
    M020_HELD_PARTS,
    M021_JOBS_SAID,
)
