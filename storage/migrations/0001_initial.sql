CREATE TABLE characters (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    owner_id INTEGER NOT NULL,
    name TEXT NOT NULL,
    name_key TEXT NOT NULL,  -- what names that read as one share
    description TEXT NOT NULL,
    style TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('draft', 'ready', 'failed')),
    revision INTEGER NOT NULL DEFAULT 1,
    model_id TEXT NOT NULL DEFAULT '',
    model_hash TEXT NOT NULL DEFAULT '',
    bank TEXT,  -- SHA-256 of the weight file
    portrait TEXT,  -- SHA-256 of the picture
    scores TEXT NOT NULL DEFAULT '{}',
    created_at REAL NOT NULL,
    updated_at REAL NOT NULL,
    UNIQUE (owner_id, name_key),
    CHECK (state <> 'ready' OR (bank IS NOT NULL AND model_hash <> ''))
) STRICT;

CREATE TABLE rosters (
    server_id INTEGER NOT NULL,
    character_id INTEGER NOT NULL REFERENCES characters (id) ON DELETE CASCADE,
    shared_by INTEGER NOT NULL,
    access TEXT NOT NULL CHECK (access IN ('use', 'remix')),
    shared_at REAL NOT NULL,
    PRIMARY KEY (server_id, character_id)
) STRICT, WITHOUT ROWID;

CREATE INDEX rosters_by_character ON rosters (character_id);

CREATE TABLE jobs (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    request_key TEXT NOT NULL,
    owner_id INTEGER NOT NULL,
    server_id INTEGER,
    weight REAL NOT NULL CHECK (weight > 0),
    work TEXT NOT NULL,
    state TEXT NOT NULL CHECK (
        state IN ('queued', 'leased', 'running', 'waiting', 'stored', 'delivered', 'failed', 'cancelled')
    ),
    fence INTEGER NOT NULL DEFAULT 0,
    attempts INTEGER NOT NULL DEFAULT 0,
    leased_by TEXT NOT NULL DEFAULT '',
    heartbeat_at REAL,
    progress REAL NOT NULL DEFAULT 0,
    question TEXT,
    answer TEXT,
    deadline_at REAL,
    checkpoint TEXT,
    result TEXT,
    failure TEXT,
    past_ms REAL NOT NULL DEFAULT 0,  -- engine time of earlier leases
    lease_ms REAL NOT NULL DEFAULT 0,  -- engine time of the newest lease
    created_at REAL NOT NULL,
    updated_at REAL NOT NULL,
    told_at REAL,
    UNIQUE (owner_id, request_key),
    CHECK ((state IN ('leased', 'running')) = (heartbeat_at IS NOT NULL)),
    CHECK (state <> 'waiting' OR (question IS NOT NULL AND deadline_at IS NOT NULL)),
    CHECK (state NOT IN ('stored', 'delivered') OR result IS NOT NULL),
    CHECK (state <> 'failed' OR failure IS NOT NULL)
) STRICT;

-- The limits count these on every submission, so the indexes hold unfinished jobs alone.
CREATE INDEX jobs_unfinished_by_owner ON jobs (owner_id)
    WHERE state IN ('queued', 'leased', 'running', 'waiting');
CREATE INDEX jobs_unfinished_by_server ON jobs (server_id)
    WHERE state IN ('queued', 'leased', 'running', 'waiting');
CREATE INDEX jobs_unfinished ON jobs (state)
    WHERE state IN ('queued', 'leased', 'running', 'waiting');
CREATE INDEX jobs_untold ON jobs (id) WHERE told_at IS NULL AND state IN ('stored', 'failed');

CREATE TABLE images (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    image TEXT NOT NULL,  -- SHA-256 of the picture
    thumbnail TEXT NOT NULL,  -- SHA-256 of its small version
    owner_id INTEGER NOT NULL,
    server_id INTEGER,
    character_id INTEGER REFERENCES characters (id) ON DELETE SET NULL,
    job_id INTEGER NOT NULL,
    position INTEGER NOT NULL,
    seed INTEGER NOT NULL,
    prompt TEXT NOT NULL,
    scores TEXT NOT NULL DEFAULT '{}',
    created_at REAL NOT NULL,
    UNIQUE (job_id, position)
) STRICT;

CREATE INDEX images_by_owner ON images (owner_id, id);
CREATE INDEX images_by_character ON images (character_id, id);

CREATE TABLE preferences (
    scope TEXT NOT NULL CHECK (scope IN ('user', 'server')),
    subject_id INTEGER NOT NULL,
    name TEXT NOT NULL,
    value TEXT NOT NULL,  -- JSON
    PRIMARY KEY (scope, subject_id, name)
) STRICT, WITHOUT ROWID;

CREATE TABLE usage (
    job_id INTEGER NOT NULL,
    fence INTEGER NOT NULL,  -- one row a lease: recording it twice counts once
    owner_id INTEGER NOT NULL,
    server_id INTEGER,
    kind TEXT NOT NULL,
    engine_ms REAL NOT NULL CHECK (engine_ms >= 0),
    recorded_at REAL NOT NULL,
    PRIMARY KEY (job_id, fence)
) STRICT, WITHOUT ROWID;

CREATE INDEX usage_by_owner ON usage (owner_id, recorded_at);

CREATE TABLE fair_counters (
    owner_id INTEGER PRIMARY KEY,
    virtual_ms REAL NOT NULL,
    floor_ms REAL NOT NULL
) STRICT;
