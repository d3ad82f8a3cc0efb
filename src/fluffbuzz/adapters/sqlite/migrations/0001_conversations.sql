-- Conversations, the calls that made them, and what is remembered of endpoints.

CREATE TABLE sessions (
    id       TEXT PRIMARY KEY,
    title    TEXT NOT NULL,
    created  REAL NOT NULL,
    updated  REAL NOT NULL,
    model    TEXT NOT NULL,
    leaf     INTEGER,              -- of messages; NULL while the branch in use is empty
    messages INTEGER NOT NULL DEFAULT 0  -- kept by triggers, so that no listing has to count
) WITHOUT ROWID;

CREATE INDEX sessions_by_use ON sessions (updated, id);

-- The tree. Ids are never used twice (AUTOINCREMENT), and a parent is always older than its child: no cycles.
CREATE TABLE messages (
    id      INTEGER PRIMARY KEY AUTOINCREMENT,
    session TEXT NOT NULL REFERENCES sessions (id) ON DELETE CASCADE,
    parent  INTEGER REFERENCES messages (id),
    role    TEXT NOT NULL CHECK (role IN ('system', 'user', 'assistant', 'tool')),
    state   TEXT NOT NULL CHECK (state IN ('whole', 'streaming', 'cancelled', 'cut')),
    created REAL NOT NULL,
    model   TEXT NOT NULL DEFAULT '',
    folded  TEXT NOT NULL,         -- the searchable text without regard to case; before parts, which may be huge
    parts   TEXT NOT NULL,         -- JSON
    CHECK (parent < id)
);

CREATE INDEX messages_by_session ON messages (session);
CREATE INDEX messages_by_parent ON messages (parent);

CREATE TRIGGER messages_are_counted AFTER INSERT ON messages BEGIN
    UPDATE sessions SET messages = messages + 1 WHERE id = NEW.session;
END;

CREATE TRIGGER messages_are_discounted AFTER DELETE ON messages BEGIN
    UPDATE sessions SET messages = messages - 1 WHERE id = OLD.session;
END;

-- The tree only grows: what was said is not rewritten, but for an answer while it streams.
CREATE TRIGGER messages_are_kept BEFORE UPDATE OF id, session, parent, role, state, created, folded, parts ON messages
WHEN OLD.state <> 'streaming' OR NEW.id <> OLD.id OR NEW.session <> OLD.session OR NEW.parent IS NOT OLD.parent BEGIN
    SELECT RAISE(ABORT, 'a message that is whole is never changed');
END;

-- The index of all threes of characters, in which any part of a word is found. Answers enter it when they have ended.
CREATE VIRTUAL TABLE message_text USING fts5 (
    folded, content = 'messages', content_rowid = 'id', tokenize = 'trigram case_sensitive 1'
);
CREATE VIRTUAL TABLE message_trigrams USING fts5vocab ('message_text', 'row');

CREATE TRIGGER messages_enter_the_index AFTER INSERT ON messages WHEN NEW.state <> 'streaming' BEGIN
    INSERT INTO message_text (rowid, folded) VALUES (NEW.id, NEW.folded);
END;

CREATE TRIGGER answers_enter_the_index AFTER UPDATE OF state ON messages
WHEN OLD.state = 'streaming' AND NEW.state <> 'streaming' BEGIN
    INSERT INTO message_text (rowid, folded) VALUES (NEW.id, NEW.folded);
END;

CREATE TRIGGER messages_leave_the_index AFTER DELETE ON messages WHEN OLD.state <> 'streaming' BEGIN
    INSERT INTO message_text (message_text, rowid, folded) VALUES ('delete', OLD.id, OLD.folded);
END;

-- The ledger. It outlives the sessions that it tells of, hence no reference to them or to their messages.
CREATE TABLE turns (
    id           INTEGER PRIMARY KEY AUTOINCREMENT,
    session      TEXT NOT NULL,
    owner        TEXT NOT NULL,    -- the process that runs it: the name of a lock in the directory "running"
    started      REAL NOT NULL,
    user_message INTEGER,
    answer       INTEGER,
    outcome      TEXT CHECK (outcome IN ('answered', 'failed', 'cancelled', 'cut'))  -- NULL while it runs
);

CREATE INDEX turns_by_session ON turns (session);
CREATE INDEX turns_by_time ON turns (started);
CREATE INDEX turns_running ON turns (owner) WHERE outcome IS NULL;

CREATE TABLE calls (
    id               INTEGER PRIMARY KEY,
    turn             INTEGER NOT NULL REFERENCES turns (id),
    kind             TEXT NOT NULL,
    model            TEXT NOT NULL,
    base_url         TEXT NOT NULL,
    credential       TEXT NOT NULL,
    started          REAL NOT NULL,
    input_tokens     INTEGER NOT NULL,
    input_kind       TEXT NOT NULL,
    output_tokens    INTEGER NOT NULL,
    output_kind      TEXT NOT NULL,
    cached_tokens    INTEGER NOT NULL,
    cached_kind      TEXT NOT NULL,
    reasoning_tokens INTEGER NOT NULL,
    reasoning_kind   TEXT NOT NULL,
    first_token      REAL,
    total            REAL NOT NULL,
    outcome          TEXT NOT NULL,
    finish           TEXT NOT NULL,
    failure          TEXT NOT NULL,
    message          TEXT NOT NULL
);

CREATE INDEX calls_by_turn ON calls (turn);

-- Of every endpoint the newest look, and the newest one that got an answer.
CREATE TABLE discoveries (
    provider TEXT NOT NULL,
    base_url TEXT NOT NULL,
    slot     TEXT NOT NULL CHECK (slot IN ('last', 'answered')),
    outcome  TEXT NOT NULL,
    at       REAL NOT NULL,
    status   INTEGER,
    detail   TEXT NOT NULL,
    models   TEXT NOT NULL,        -- JSON
    PRIMARY KEY (provider, base_url, slot)
) WITHOUT ROWID;

CREATE TABLE learned_options (
    base_url TEXT NOT NULL,
    model    TEXT NOT NULL,
    option   TEXT NOT NULL,
    at       REAL NOT NULL,
    PRIMARY KEY (base_url, model, option)
) WITHOUT ROWID;
