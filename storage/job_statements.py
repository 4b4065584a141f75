"""The ledger's SQL. Each statement is atomic, and each that follows a lease names its fencing token."""

UNFINISHED = "state IN ('queued', 'leased', 'running', 'waiting')"
_HELD = "id = :job_id AND fence = :fence AND state IN ('leased', 'running')"
_NO_LEASE = "leased_by = '', heartbeat_at = NULL, updated_at = :now"

SUBMIT = f"""
INSERT INTO jobs (request_key, owner_id, server_id, weight, work, state, created_at, updated_at)
SELECT :request_key, :owner_id, :server_id, :weight, :work, 'queued', :now, :now
WHERE EXISTS (SELECT 1 FROM jobs WHERE owner_id = :owner_id AND request_key = :request_key)
OR (
    (SELECT count(*) FROM jobs WHERE owner_id = :owner_id AND {UNFINISHED}) < :per_owner
    AND (SELECT count(*) FROM jobs WHERE server_id = :server_id AND {UNFINISHED}) < :per_server
    AND (SELECT count(*) FROM jobs WHERE {UNFINISHED}) < :in_all
)
ON CONFLICT (owner_id, request_key) DO UPDATE SET request_key = excluded.request_key
RETURNING *
"""

COUNTS = f"""
SELECT
    (SELECT count(*) FROM jobs WHERE owner_id = :owner_id AND {UNFINISHED}) AS of_owner,
    (SELECT count(*) FROM jobs WHERE server_id = :server_id AND {UNFINISHED}) AS of_server
"""

GET = "SELECT * FROM jobs WHERE id = :job_id"
QUEUED = f"SELECT * FROM jobs WHERE state = 'queued' AND {UNFINISHED} ORDER BY id"
LEASED = f"SELECT * FROM jobs WHERE state IN ('leased', 'running') AND {UNFINISHED} ORDER BY id"
WAITING = f"SELECT * FROM jobs WHERE state = 'waiting' AND {UNFINISHED} ORDER BY id"
OF_REQUEST = "SELECT * FROM jobs WHERE owner_id = :owner_id AND request_key = :request_key"
UNTOLD = "SELECT * FROM jobs WHERE told_at IS NULL AND state IN ('stored', 'failed') ORDER BY id"
OF_OWNER = "SELECT * FROM jobs WHERE owner_id = :owner_id ORDER BY id DESC LIMIT :limit"

LEASE = """
UPDATE jobs SET state = 'leased', fence = fence + 1, leased_by = :engine, heartbeat_at = :now,
    past_ms = past_ms + lease_ms, lease_ms = 0, updated_at = :now
WHERE id = :job_id AND state = 'queued'
RETURNING *
"""

START = f"UPDATE jobs SET state = 'running', heartbeat_at = :now, updated_at = :now WHERE {_HELD} RETURNING *"

HEARTBEAT = """
UPDATE jobs SET heartbeat_at = :now, lease_ms = max(lease_ms, beat.engine_ms), progress = beat.progress
FROM (
    SELECT
        json_extract(value, '$.lease.job_id') AS job_id,
        json_extract(value, '$.lease.fence') AS fence,
        json_extract(value, '$.engine_ms') AS engine_ms,
        json_extract(value, '$.progress') AS progress
    FROM json_each(:beats)
) AS beat
WHERE jobs.id = beat.job_id AND jobs.fence = beat.fence AND state IN ('leased', 'running')
RETURNING id, jobs.fence
"""

CHECKPOINT = f"UPDATE jobs SET checkpoint = :checkpoint, updated_at = :now WHERE {_HELD} RETURNING *"

PARK = f"""
UPDATE jobs SET state = 'waiting', question = :question, answer = NULL, deadline_at = :deadline_at,
    checkpoint = :checkpoint, lease_ms = max(lease_ms, :engine_ms), {_NO_LEASE}
WHERE {_HELD}
RETURNING *
"""

ANSWER = """
UPDATE jobs SET state = 'queued', answer = :answer, deadline_at = NULL, updated_at = :now
WHERE id = :job_id AND fence = :fence AND state = 'waiting'
    AND :choice < json_array_length(question, '$.choices')
RETURNING *
"""

EXPIRE_QUESTIONS = f"""
UPDATE jobs SET state = 'queued', deadline_at = NULL, updated_at = :now,
    answer = json_object(
        'version', 1, 'choice', json_extract(question, '$.default'), 'timed_out', json('true')
    )
WHERE state = 'waiting' AND {UNFINISHED} AND deadline_at <= :now
RETURNING *
"""

RELEASE = f"""
UPDATE jobs SET state = 'queued', lease_ms = max(lease_ms, :engine_ms), {_NO_LEASE}
WHERE {_HELD}
RETURNING *
"""

_BREAK_OFF = f"""
UPDATE jobs SET state = CASE WHEN attempts + 1 >= :most_attempts THEN 'failed' ELSE 'queued' END,
    attempts = attempts + 1, failure = :failure, {_NO_LEASE}
"""

REQUEUE = f"{_BREAK_OFF} WHERE {_HELD} RETURNING *"

REQUEUE_STALE = f"""
{_BREAK_OFF}
WHERE state IN ('leased', 'running') AND {UNFINISHED} AND heartbeat_at < :stale_before
RETURNING *
"""

FINISH = f"""
UPDATE jobs SET state = 'stored', result = :result, failure = NULL, progress = 1,
    lease_ms = max(lease_ms, :engine_ms), {_NO_LEASE}
WHERE {_HELD}
RETURNING *
"""

FAIL = f"UPDATE jobs SET state = 'failed', failure = :failure, {_NO_LEASE} WHERE {_HELD} RETURNING *"

MARK_DELIVERED = """
UPDATE jobs SET state = CASE state WHEN 'stored' THEN 'delivered' ELSE state END,
    told_at = coalesce(told_at, :now), updated_at = :now
WHERE id = :job_id AND fence = :fence AND state IN ('stored', 'delivered', 'failed')
RETURNING *
"""

CANCEL = """
UPDATE jobs SET
    state = CASE WHEN state IN ('delivered', 'failed') THEN state ELSE 'cancelled' END,
    leased_by = '', heartbeat_at = NULL, deadline_at = NULL, updated_at = :now
WHERE id = :job_id
RETURNING *
"""

FORGET = """
DELETE FROM jobs
WHERE updated_at < :before
    AND (state = 'cancelled' OR (state IN ('delivered', 'failed') AND told_at IS NOT NULL))
RETURNING id
"""
