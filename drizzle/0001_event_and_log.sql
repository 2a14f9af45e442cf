-- Events and the audit trail are partitioned by day from the beginning: what is older than the retention limit goes
-- by dropping a table, which costs the same for a thousand rows and for ten million.
--
-- `id` is the request id, a UUIDv7 that the server makes, and the partition key is the instant inside it. So a write whose
-- outcome is unknown can be repeated under the same id without a double, rows are ordered by id as by time, and an
-- id alone leads to its partition.

CREATE TABLE attune.event (
  id uuid NOT NULL,
  trigger_id bigint NOT NULL,
  trigger_ref text NOT NULL,
  content_type text,
  payload_size_bytes integer NOT NULL,
  -- The exact bytes. NUL bytes and invalid UTF-8 are legal bodies, which text and jsonb would refuse.
  body bytea NOT NULL,
  -- [[name, value], …], credentials replaced by [redacted].
  headers jsonb NOT NULL DEFAULT '[]',
  source_ip inet,
  received_at timestamptz NOT NULL,

  PRIMARY KEY (id, received_at),
  CONSTRAINT event_payload_size_true CHECK (payload_size_bytes = length(body)),
  CONSTRAINT event_headers_array CHECK (jsonb_typeof(headers) = 'array')
) PARTITION BY RANGE (received_at);
--> statement-breakpoint
COMMENT ON TABLE attune.event IS 'Accepted attempts, exactly as received. Rows are never changed.';
--> statement-breakpoint
-- Bodies are already compressed or small; trying again costs time at intake.
ALTER TABLE attune.event ALTER COLUMN body SET STORAGE EXTERNAL;
--> statement-breakpoint
CREATE INDEX event_trigger ON attune.event (trigger_ref, id);
--> statement-breakpoint

-- No foreign key leads to attune.trigger: the audit trail outlives the trigger it speaks of.
CREATE TABLE attune.webhook_event_log (
  id uuid NOT NULL,
  trigger_id bigint NOT NULL,
  trigger_ref text NOT NULL,
  webhook_key text NOT NULL,
  -- Equal to id when an event was made, else NULL.
  event_id uuid,
  source_ip inet,
  user_agent text,
  payload_size_bytes integer,
  headers jsonb NOT NULL DEFAULT '[]',
  status_code integer NOT NULL,
  error_code text,
  error_message text,
  processing_time_ms double precision,
  -- NULL: the check did not run.
  hmac_verified boolean,
  rate_limited boolean NOT NULL DEFAULT false,
  ip_allowed boolean,
  -- More than one when the rejections of a flood were merged into this row.
  attempts integer NOT NULL DEFAULT 1,
  created timestamptz NOT NULL,

  PRIMARY KEY (id, created),
  CONSTRAINT webhook_event_log_status_code_range CHECK (status_code BETWEEN 100 AND 599),
  CONSTRAINT webhook_event_log_attempts_positive CHECK (attempts >= 1),
  CONSTRAINT webhook_event_log_event_is_success CHECK (event_id IS NULL OR status_code BETWEEN 200 AND 299),
  CONSTRAINT webhook_event_log_error_is_failure CHECK ((error_code IS NULL) = (status_code < 400))
) PARTITION BY RANGE (created);
--> statement-breakpoint
COMMENT ON TABLE attune.webhook_event_log IS 'The audit trail: one row for each attempt, accepted or not.';
--> statement-breakpoint
CREATE INDEX webhook_event_log_trigger ON attune.webhook_event_log (trigger_ref, id);
--> statement-breakpoint
CREATE INDEX webhook_event_log_error ON attune.webhook_event_log (error_code, id) WHERE error_code IS NOT NULL;
--> statement-breakpoint
CREATE INDEX webhook_event_log_status ON attune.webhook_event_log (status_code, id) WHERE status_code >= 400;
--> statement-breakpoint
CREATE INDEX webhook_event_log_source_ip ON attune.webhook_event_log (source_ip, id);
--> statement-breakpoint

-- Where a row goes whose day has no partition: a clock far ahead, or a night in which none were made. Intake never stops
-- for it; the next maintenance moves such rows to where they belong.
CREATE TABLE attune.event_default PARTITION OF attune.event DEFAULT;
--> statement-breakpoint
CREATE TABLE attune.webhook_event_log_default PARTITION OF attune.webhook_event_log DEFAULT;
--> statement-breakpoint

-- Makes the partition of one day, and takes along what the default partition holds of it. Most rows are moved while others still
-- arrive. The lock that attaching needs is taken before the last of them are, since one row left behind forbids it.
CREATE FUNCTION attune.create_day_partition(parent text, time_column text, day date) RETURNS boolean
LANGUAGE plpgsql
AS $$
DECLARE
  child text := parent || '_' || to_char(day, 'YYYYMMDD');
  day_start timestamptz := day::timestamp AT TIME ZONE 'UTC';
  day_end timestamptz := (day + 1)::timestamp AT TIME ZONE 'UTC';
  move text := format(
    'WITH moved AS (DELETE FROM attune.%I WHERE %I >= $1 AND %I < $2 RETURNING *) INSERT INTO attune.%I SELECT * FROM moved',
    parent || '_default', time_column, time_column, child
  );
BEGIN
  IF to_regclass(format('attune.%I', child)) IS NOT NULL THEN
    RETURN false;
  END IF;
  EXECUTE format('CREATE TABLE attune.%I (LIKE attune.%I INCLUDING ALL)', child, parent);
  EXECUTE move USING day_start, day_end;
  EXECUTE format('LOCK TABLE attune.%I IN ACCESS EXCLUSIVE MODE', parent || '_default');
  EXECUTE move USING day_start, day_end;
  EXECUTE format(
    'ALTER TABLE attune.%I ATTACH PARTITION attune.%I FOR VALUES FROM (%L) TO (%L)', parent, child, day_start, day_end
  );
  RETURN true;
END
$$;
--> statement-breakpoint

-- Drops the partitions whose every row is older than the retention limit, and deletes such rows from the default
-- partition. Returns how many partitions went.
CREATE FUNCTION attune.drop_expired_partitions(parent text, time_column text, retention_days integer) RETURNS integer
LANGUAGE plpgsql
AS $$
DECLARE
  child text;
  dropped integer := 0;
  last_day date := (now() AT TIME ZONE 'UTC')::date - retention_days - 1;
BEGIN
  FOR child IN
    SELECT c.relname
    FROM pg_inherits i
    JOIN pg_class c ON c.oid = i.inhrelid
    WHERE i.inhparent = format('attune.%I', parent)::regclass
      AND c.relname ~ ('^' || parent || '_[0-9]{8}$')
      AND to_date(right(c.relname, 8), 'YYYYMMDD') <= last_day
    ORDER BY c.relname
  LOOP
    EXECUTE format('DROP TABLE attune.%I', child);
    dropped := dropped + 1;
  END LOOP;
  EXECUTE format('DELETE FROM attune.%I WHERE %I < $1', parent || '_default', time_column)
  USING (last_day + 1)::timestamp AT TIME ZONE 'UTC';
  RETURN dropped;
END
$$;
