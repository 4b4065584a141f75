-- What was refused or withheld, and in which language people are answered.
CREATE TABLE moderation (
    id INTEGER PRIMARY KEY,
    owner_id INTEGER NOT NULL,
    server_id INTEGER,
    subject TEXT NOT NULL,  -- the request or the picture that it is about; each is noted once
    kind TEXT NOT NULL CHECK (kind IN ('text', 'picture')),
    reason TEXT NOT NULL,
    detail TEXT NOT NULL,  -- the text, or the SHA-256 of the picture
    score REAL,
    noted_at REAL NOT NULL,
    UNIQUE (owner_id, subject)
) STRICT;
CREATE INDEX moderation_of_server ON moderation (server_id, noted_at);

ALTER TABLE chats ADD COLUMN locale TEXT NOT NULL DEFAULT 'en';
