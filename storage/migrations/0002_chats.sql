-- Where in a chat a job was asked for, and where its outcome was told.
CREATE TABLE chats (
    owner_id INTEGER NOT NULL,
    request_key TEXT NOT NULL,  -- as in jobs; the row is there before the job
    server_id INTEGER,
    channel_id INTEGER NOT NULL,
    reply_id INTEGER NOT NULL,  -- the message that answers the request
    token TEXT NOT NULL,  -- edits that message for a while
    token_until REAL NOT NULL,
    may_post INTEGER NOT NULL CHECK (may_post IN (0, 1)),
    is_hidden INTEGER NOT NULL CHECK (is_hidden IN (0, 1)),
    is_spoiler INTEGER NOT NULL CHECK (is_spoiler IN (0, 1)),
    upload_limit INTEGER NOT NULL CHECK (upload_limit > 0),
    attempted_at REAL,  -- when a new message for the outcome was tried last
    told TEXT CHECK (told IN ('reply', 'channel', 'direct', 'kept', 'fetched')),
    told_channel_id INTEGER,
    told_message_id INTEGER,
    created_at REAL NOT NULL,
    PRIMARY KEY (owner_id, request_key)
) STRICT, WITHOUT ROWID;
