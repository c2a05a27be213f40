BEGIN TRANSACTION;
CREATE TABLE admission_cards (
            platform TEXT NOT NULL,
            level TEXT NOT NULL,
            subject_id TEXT NOT NULL,
            owner_platform TEXT NOT NULL,
            owner_channel_id TEXT NOT NULL,
            message_id TEXT NOT NULL,
            PRIMARY KEY (owner_platform, owner_channel_id, message_id)
        ) STRICT, WITHOUT ROWID
        ;
INSERT INTO "admission_cards" VALUES('discord','server','subject id','discord','owner channel id','9001');
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
            thread_id TEXT, contact TEXT,
            PRIMARY KEY (platform, level, subject_id)
        ) STRICT, WITHOUT ROWID
        ;
INSERT INTO "admissions" VALUES('discord','server','subject id','name','admitted','decided by',1772366400.0,0,NULL,'4001','','contact');
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
CREATE TABLE api_key_bases (
            key_id TEXT NOT NULL REFERENCES api_keys ON DELETE CASCADE,
            base_id INTEGER NOT NULL,
            PRIMARY KEY (key_id, base_id)
        ) STRICT, WITHOUT ROWID
        ;
INSERT INTO "api_key_bases" VALUES('key id',1);
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
        ;
INSERT INTO "api_keys" VALUES('key id','label',X'0102',X'0102',0,0,1772366400.0,1772366400.0,1772366400.0);
CREATE TABLE attached_bases (
            base_id INTEGER NOT NULL,
            platform TEXT NOT NULL,
            channel_id TEXT NOT NULL,
            attached_by TEXT NOT NULL,
            attached_at REAL NOT NULL,
            PRIMARY KEY (platform, channel_id, base_id)
        ) STRICT, WITHOUT ROWID
        ;
INSERT INTO "attached_bases" VALUES(1,'discord','4001','attached by',1772366400.0);
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
        ;
INSERT INTO "audit" VALUES(1,'discord','4001','3001','7001','author','act','about',1772366400.0);
CREATE TABLE channel_members (
            platform TEXT NOT NULL,
            user_id TEXT NOT NULL,
            channel_id TEXT NOT NULL,
            seen_at REAL NOT NULL,
            PRIMARY KEY (platform, user_id, channel_id)
        ) STRICT, WITHOUT ROWID
        ;
INSERT INTO "channel_members" VALUES('discord','7001','4001',1772366400.0);
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
        ;
INSERT INTO "channels" VALUES('discord','4001','name','3001','server name','parent id',0,1772366400.0);
CREATE TABLE confirmations (
            token TEXT PRIMARY KEY,
            platform TEXT NOT NULL,
            channel_id TEXT NOT NULL,
            user_id TEXT NOT NULL,
            invocation TEXT NOT NULL,
            asked_at REAL NOT NULL
        ) STRICT
        ;
INSERT INTO "confirmations" VALUES('t0k3n','discord','4001','7001','{}',1772366400.0);
CREATE TABLE console_accounts (
            account TEXT PRIMARY KEY,
            name TEXT NOT NULL,
            role TEXT NOT NULL,
            salt BLOB NOT NULL,
            digest BLOB NOT NULL,
            made_at REAL NOT NULL
        , author_id TEXT NOT NULL DEFAULT '') STRICT, WITHOUT ROWID
        ;
CREATE TABLE console_sessions (
            token BLOB PRIMARY KEY,
            account TEXT NOT NULL,
            begun_at REAL NOT NULL,
            seen_at REAL NOT NULL
        ) STRICT, WITHOUT ROWID
        ;
CREATE TABLE digests (
            platform TEXT NOT NULL,
            channel_id TEXT NOT NULL,
            due_at REAL NOT NULL, is_out INTEGER NOT NULL DEFAULT 1,
            PRIMARY KEY (platform, channel_id)
        ) STRICT, WITHOUT ROWID
        ;
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
        ;
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
            given_at REAL NOT NULL, asker_id TEXT,
            UNIQUE (platform, channel_id, thread_id, message_id, author_id)
        ) STRICT
        ;
INSERT INTO "feedback" VALUES(1,'discord','4001','','9001','7001','up','When does the harbour gate open?','At nine.',0,1772366400.0,'7001');
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
CREATE TABLE forgotten (
            platform TEXT NOT NULL,
            user_id TEXT NOT NULL,
            uploads INTEGER NOT NULL,
            asked_at REAL NOT NULL,
            done_at REAL,
            scrubbed INTEGER NOT NULL DEFAULT 0, heard_until REAL NOT NULL DEFAULT 0,
            PRIMARY KEY (platform, user_id)
        ) STRICT, WITHOUT ROWID
        ;
INSERT INTO "forgotten" VALUES('discord','left-1',0,1772366400.0,1772366400.0,1,0.0);
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
        ;
INSERT INTO "forms" VALUES('t0k3n','discord','4001','','7001','{}','{}','{}','taken by',1772366400.0);
CREATE TABLE greetings (
            platform TEXT NOT NULL,
            channel_id TEXT NOT NULL,
            PRIMARY KEY (platform, channel_id)
        ) STRICT, WITHOUT ROWID
        ;
INSERT INTO "greetings" VALUES('discord','4001');
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
        ;
CREATE TABLE helped_threads (
            platform TEXT NOT NULL,
            channel_id TEXT NOT NULL,
            thread_id TEXT NOT NULL,
            since REAL NOT NULL,
            PRIMARY KEY (platform, channel_id, thread_id)
        ) STRICT, WITHOUT ROWID
        ;
INSERT INTO "helped_threads" VALUES('discord','4001','',1772366400.0);
CREATE TABLE hourly_figures (
            hour INTEGER NOT NULL,
            figure TEXT NOT NULL,
            bucket INTEGER NOT NULL,
            amount INTEGER NOT NULL,
            PRIMARY KEY (hour, figure, bucket)
        ) STRICT, WITHOUT ROWID
        ;
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
        , said TEXT NOT NULL DEFAULT '{}') STRICT, WITHOUT ROWID
        ;
CREATE TABLE limits_told (
            platform TEXT NOT NULL,
            user_id TEXT NOT NULL,
            notice TEXT NOT NULL,
            until REAL NOT NULL,
            PRIMARY KEY (platform, user_id, notice)
        ) STRICT, WITHOUT ROWID
        ;
INSERT INTO "limits_told" VALUES('discord','7001','notice',1772366400.0);
CREATE TABLE migrations (name TEXT PRIMARY KEY, applied_at TEXT NOT NULL) STRICT;
INSERT INTO "migrations" VALUES('m001_turns_and_inbox','2026-03-01T12:00:00+00:00');
INSERT INTO "migrations" VALUES('m002_feedback','2026-03-01T12:00:00+00:00');
INSERT INTO "migrations" VALUES('m003_channels','2026-03-01T12:00:00+00:00');
INSERT INTO "migrations" VALUES('m004_commands','2026-03-01T12:00:00+00:00');
INSERT INTO "migrations" VALUES('m005_team','2026-03-01T12:00:00+00:00');
INSERT INTO "migrations" VALUES('m006_forms','2026-03-01T12:00:00+00:00');
INSERT INTO "migrations" VALUES('m007_audit','2026-03-01T12:00:00+00:00');
INSERT INTO "migrations" VALUES('m008_speaking','2026-03-01T12:00:00+00:00');
INSERT INTO "migrations" VALUES('m009_keys','2026-03-01T12:00:00+00:00');
INSERT INTO "migrations" VALUES('m010_forgetting','2026-03-01T12:00:00+00:00');
INSERT INTO "migrations" VALUES('m011_spend','2026-03-01T12:00:00+00:00');
INSERT INTO "migrations" VALUES('m012_pages','2026-03-01T12:00:00+00:00');
INSERT INTO "migrations" VALUES('m013_jobs','2026-03-01T12:00:00');
INSERT INTO "migrations" VALUES('m014_summaries','2026-03-01T12:00:00');
INSERT INTO "migrations" VALUES('m015_console','2026-03-01T12:00:00');
INSERT INTO "migrations" VALUES('m016_account_ids','2026-03-01T12:00:00');
INSERT INTO "migrations" VALUES('m017_whole','2026-03-01T12:00:00');
INSERT INTO "migrations" VALUES('m018_digests','2026-03-01T12:00:00');
INSERT INTO "migrations" VALUES('m019_heard_until','2026-03-01T12:00:00');
INSERT INTO "migrations" VALUES('m020_held_parts','2026-03-01T12:00:00');
INSERT INTO "migrations" VALUES('m021_jobs_said','2026-03-01T12:00:00');
CREATE TABLE moves (
            platform TEXT NOT NULL,
            old_id TEXT NOT NULL,
            new_id TEXT NOT NULL,
            PRIMARY KEY (platform, old_id)
        ) STRICT, WITHOUT ROWID
        ;
INSERT INTO "moves" VALUES('discord','-100','-100200');
CREATE TABLE opened_threads (
            platform TEXT NOT NULL,
            channel_id TEXT NOT NULL,
            message_id TEXT NOT NULL,
            thread_id TEXT NOT NULL,
            opened_at REAL NOT NULL,
            PRIMARY KEY (platform, channel_id, message_id)
        ) STRICT, WITHOUT ROWID
        ;
INSERT INTO "opened_threads" VALUES('discord','4001','9001','',1772366400.0);
CREATE TABLE pauses (
            platform TEXT NOT NULL,
            level TEXT NOT NULL CHECK (level IN ('channel', 'server', 'all')),
            subject_id TEXT NOT NULL,
            until REAL,
            PRIMARY KEY (platform, level, subject_id)
        ) STRICT, WITHOUT ROWID
        ;
INSERT INTO "pauses" VALUES('discord','channel','subject id',1772366400.0);
CREATE TABLE place_asked (
            platform TEXT NOT NULL,
            channel_id TEXT NOT NULL,
            asked_at REAL NOT NULL,
            PRIMARY KEY (platform, channel_id)
        ) STRICT, WITHOUT ROWID
        ;
INSERT INTO "place_asked" VALUES('discord','4001',1772366400.0);
CREATE TABLE review_files (
            token TEXT NOT NULL REFERENCES reviews ON DELETE CASCADE,
            place INTEGER NOT NULL,
            name TEXT NOT NULL,
            size INTEGER NOT NULL,
            beginning TEXT NOT NULL, source TEXT, media_type TEXT,
            PRIMARY KEY (token, place)
        ) STRICT, WITHOUT ROWID
        ;
INSERT INTO "review_files" VALUES('t0k3n',1,'name',0,'beginning','source','media type');
CREATE TABLE review_places (
            token TEXT PRIMARY KEY REFERENCES reviews ON DELETE CASCADE,
            platform TEXT NOT NULL,
            channel_id TEXT NOT NULL,
            thread_id TEXT NOT NULL,
            message_id TEXT NOT NULL,
            card_channel_id TEXT,
            card_message_id TEXT
        ) STRICT
        ;
INSERT INTO "review_places" VALUES('t0k3n','discord','4001','','9001','card channel id','card message id');
CREATE TABLE reviews (
            token TEXT PRIMARY KEY,
            base TEXT NOT NULL,
            uploader TEXT NOT NULL,
            uploader_id TEXT NOT NULL,
            held_at REAL NOT NULL
        ) STRICT
        ;
INSERT INTO "reviews" VALUES('t0k3n','harbour','uploader','uploader id',1772366400.0);
CREATE TABLE settings (
            platform TEXT NOT NULL,
            level TEXT NOT NULL CHECK (level IN ('channel', 'server')),
            subject_id TEXT NOT NULL,
            key TEXT NOT NULL,
            value TEXT NOT NULL,
            PRIMARY KEY (platform, level, subject_id, key)
        ) STRICT, WITHOUT ROWID
        ;
INSERT INTO "settings" VALUES('discord','channel','subject id','passages','4');
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
        ;
INSERT INTO "spend" VALUES('2026-03-01','engine','discord','3001','7001',0,0,0,0,0);
CREATE TABLE spend_told (
            engine TEXT NOT NULL,
            period TEXT NOT NULL,
            percent INTEGER NOT NULL,
            PRIMARY KEY (engine, period, percent)
        ) STRICT, WITHOUT ROWID
        ;
INSERT INTO "spend_told" VALUES('engine','2026-03',0);
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
        ;
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
        ;
INSERT INTO "taught_messages" VALUES('discord','4001','9001','harbour','name','7001','author','link',1772366400.0);
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
        ;
INSERT INTO "team_answers" VALUES('t0k3n','discord','4001','','card id','9001','7001','author','text','link',1772366400.0,0);
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
            asked_at REAL NOT NULL, asker_id TEXT,
            PRIMARY KEY (platform, channel_id, thread_id, message_id)
        ) STRICT, WITHOUT ROWID
        ;
INSERT INTO "team_cards" VALUES('discord','4001','','9001','question channel id','','question id','told at id','asker','question','base',1772366400.0,'7001');
CREATE TABLE team_questions (
            platform TEXT NOT NULL,
            channel_id TEXT NOT NULL,
            thread_id TEXT NOT NULL,
            message_id TEXT NOT NULL,
            asker_id TEXT NOT NULL,
            asked_at REAL NOT NULL,
            PRIMARY KEY (platform, channel_id, thread_id, message_id)
        ) STRICT, WITHOUT ROWID
        ;
INSERT INTO "team_questions" VALUES('discord','4001','','9001','7001',1772366400.0);
CREATE TABLE unasked_answers (
            platform TEXT NOT NULL,
            channel_id TEXT NOT NULL,
            thread_id TEXT NOT NULL,
            message_id TEXT NOT NULL,
            spoken_at REAL NOT NULL,
            PRIMARY KEY (platform, channel_id, thread_id, message_id)
        ) STRICT, WITHOUT ROWID
        ;
INSERT INTO "unasked_answers" VALUES('discord','4001','','9001',1772366400.0);
CREATE TABLE used_channels (
            platform TEXT NOT NULL,
            user_id TEXT NOT NULL,
            channel_id TEXT NOT NULL,
            PRIMARY KEY (platform, user_id)
        ) STRICT, WITHOUT ROWID
        ;
INSERT INTO "used_channels" VALUES('discord','7001','4001');
CREATE TABLE uses (
            use_id INTEGER PRIMARY KEY,
            platform TEXT NOT NULL,
            user_id TEXT NOT NULL,
            kind TEXT NOT NULL CHECK (kind IN ('question', 'upload')),
            message_id TEXT NOT NULL,
            amount INTEGER NOT NULL,
            used_at REAL NOT NULL
        ) STRICT
        ;
INSERT INTO "uses" VALUES(1,'discord','7001','question','9001',0,1772366400.0);
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
CREATE INDEX reviews_by_base ON reviews (base, held_at);
CREATE INDEX taught_messages_by_document ON taught_messages (base, name);
CREATE INDEX forms_by_member ON forms (platform, channel_id, thread_id, user_id);
CREATE INDEX team_answers_by_card ON team_answers (platform, channel_id, thread_id, card_id);
CREATE INDEX audit_by_channel ON audit (platform, channel_id, done_at);
CREATE INDEX audit_by_time ON audit (done_at);
CREATE INDEX admission_cards_by_subject ON admission_cards (platform, level, subject_id);
CREATE INDEX feedback_by_asker ON feedback (platform, asker_id);
CREATE INDEX exchanges_by_member ON exchanges (platform, author_id);
CREATE INDEX inbox_by_member ON inbox (platform, author_id);
CREATE INDEX uses_by_member ON uses (platform, user_id, kind, used_at);
CREATE INDEX uses_by_time ON uses (used_at);
CREATE TRIGGER summaries_follow_deletions AFTER DELETE ON exchanges
        BEGIN
            DELETE FROM summaries WHERE platform = OLD.platform AND channel_id = OLD.channel_id
            AND thread_id = OLD.thread_id AND OLD.exchange_id BETWEEN covers_from AND covers_to;
        END;
CREATE TRIGGER summaries_follow_changes
        AFTER UPDATE OF question, answer, cleared ON exchanges
        WHEN OLD.answer IS NOT NULL AND (OLD.cleared <> NEW.cleared
            OR OLD.question <> NEW.question OR OLD.answer IS NOT NEW.answer)
        BEGIN
            DELETE FROM summaries WHERE platform = OLD.platform AND channel_id = OLD.channel_id
            AND thread_id = OLD.thread_id AND OLD.exchange_id BETWEEN covers_from AND covers_to;
        END;
CREATE INDEX document_summaries_by_name ON document_summaries (base_id, document);
COMMIT;
