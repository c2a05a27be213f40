BEGIN TRANSACTION;
CREATE TABLE answer_sources (
            exchange_id INTEGER NOT NULL REFERENCES exchanges ON DELETE CASCADE,
            number INTEGER NOT NULL,
            chunk_id INTEGER NOT NULL,
            cited INTEGER NOT NULL,
            relevance REAL NOT NULL,
            document TEXT NOT NULL,
            PRIMARY KEY (exchange_id, number)
        ) STRICT, WITHOUT ROWID
        ;
INSERT INTO "answer_sources" VALUES(1,1,4294967296,1,0.75,'harbour.txt');
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
        ;
INSERT INTO "exchanges" VALUES(1,'discord','4001','','9001','7001','speaker','When does the harbour gate open? 港口几点开门？','The harbour gate opens at nine. 港口九点开门。',0,0,'quoted id',1772366400.0,1772366400.0,0);
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
        ;
INSERT INTO "feedback" VALUES(1,'discord','4001','','9001','7001','up','When does the harbour gate open?','At nine.',0,1772366400.0);
CREATE TABLE feedback_sources (
            feedback_id INTEGER NOT NULL REFERENCES feedback ON DELETE CASCADE,
            number INTEGER NOT NULL,
            chunk_id INTEGER NOT NULL,
            cited INTEGER NOT NULL,
            relevance REAL NOT NULL,
            document TEXT NOT NULL,
            PRIMARY KEY (feedback_id, number)
        ) STRICT, WITHOUT ROWID
        ;
INSERT INTO "feedback_sources" VALUES(1,1,4294967296,1,0.75,'harbour.txt');
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
        ;
INSERT INTO "inbox" VALUES(1,'discord','4001','','9001','7001','done','digest',NULL,1772366400.0,1772366400.0);
CREATE TABLE inbox_replies (
            inbox_id INTEGER NOT NULL REFERENCES inbox ON DELETE CASCADE,
            part INTEGER NOT NULL,
            kind TEXT NOT NULL CHECK (kind IN ('text', 'file')),
            platform TEXT NOT NULL,
            channel_id TEXT NOT NULL,
            message_id TEXT NOT NULL,
            PRIMARY KEY (inbox_id, kind, part)
        ) STRICT, WITHOUT ROWID
        ;
INSERT INTO "inbox_replies" VALUES(1,0,'text','discord','4001','9001');
CREATE TABLE migrations (name TEXT PRIMARY KEY, applied_at TEXT NOT NULL) STRICT;
INSERT INTO "migrations" VALUES('m001_turns_and_inbox','2026-03-01T12:00:00+00:00');
INSERT INTO "migrations" VALUES('m002_feedback','2026-03-01T12:00:00+00:00');
CREATE INDEX exchanges_by_author
        ON exchanges (platform, channel_id, thread_id, author_id, asked_at)
        ;
CREATE INDEX exchanges_by_time ON exchanges (asked_at);
CREATE INDEX inbox_open ON inbox (platform, inbox_id)
        WHERE state IN ('received', 'answering')
        ;
CREATE INDEX inbox_replies_by_message
        ON inbox_replies (platform, channel_id, message_id)
        ;
CREATE INDEX feedback_by_time ON feedback (given_at);
CREATE INDEX feedback_by_author ON feedback (platform, author_id);
COMMIT;
