-- What was refused for its signature is kept for a while, so that an administrator can be told why, and admit it after the mend. Strangers
-- fill this, so it is a ring for each trigger: what comes last pushes out what came first.
ALTER TABLE attune.trigger
  ADD COLUMN webhook_rejected_body_bytes_max integer NOT NULL DEFAULT 1048576
    CONSTRAINT trigger_webhook_rejected_body_bytes_max_range
    CHECK (webhook_rejected_body_bytes_max BETWEEN 0 AND 67108864);
--> statement-breakpoint
COMMENT ON COLUMN attune.trigger.webhook_rejected_body_bytes_max IS
  'Bytes that attempts refused for their signature may take in attune.webhook_rejected_body; 0: none is kept.';
--> statement-breakpoint

CREATE TABLE attune.webhook_rejected_body (
  -- The request id, as in attune.webhook_event_log.
  id uuid PRIMARY KEY,
  -- No foreign key: it would lock the trigger's row.
  trigger_id bigint NOT NULL,
  method text NOT NULL,
  -- With its question mark, or empty; credentials replaced by [redacted].
  query text NOT NULL,
  -- [[name, value], …], all of them, credentials replaced by [redacted].
  headers jsonb NOT NULL,
  -- NULL: it was refused before its body was read.
  body bytea,
  -- All that the row takes of the ring.
  size_bytes integer NOT NULL,
  created timestamptz NOT NULL,
  CONSTRAINT webhook_rejected_body_size_true CHECK (size_bytes >= 1024 + coalesce(length(body), 0)),
  CONSTRAINT webhook_rejected_body_headers_array CHECK (jsonb_typeof(headers) = 'array')
);
--> statement-breakpoint
COMMENT ON TABLE attune.webhook_rejected_body IS
  'Attempts that were refused for their signature: a ring for each trigger, of webhook_rejected_body_bytes_max bytes.';
--> statement-breakpoint
ALTER TABLE attune.webhook_rejected_body ALTER COLUMN body SET STORAGE EXTERNAL;
--> statement-breakpoint
CREATE INDEX webhook_rejected_body_trigger ON attune.webhook_rejected_body (trigger_id, id);
--> statement-breakpoint
CREATE INDEX webhook_rejected_body_created ON attune.webhook_rejected_body (created);
--> statement-breakpoint

-- Which attempt was admitted later, and as which event. It outlives the ring, so that nothing is admitted twice.
CREATE TABLE attune.webhook_readmission (
  -- Of the row that was turned away.
  id uuid PRIMARY KEY,
  event_id uuid NOT NULL,
  created timestamptz NOT NULL DEFAULT now()
);
--> statement-breakpoint
COMMENT ON TABLE attune.webhook_readmission IS
  'Attempts that were turned away and admitted by an administrator later, each with the id of its event.';
--> statement-breakpoint
CREATE INDEX webhook_readmission_event ON attune.webhook_readmission (event_id);
--> statement-breakpoint

-- Cuts rings back to their size, the oldest first.
CREATE FUNCTION attune.trim_webhook_rejected_bodies(trigger_ids bigint[]) RETURNS integer
LANGUAGE plpgsql
AS $$
DECLARE
  trimmed integer;
BEGIN
  DELETE FROM attune.webhook_rejected_body r
  USING (
    SELECT b.id, b.trigger_id, sum(b.size_bytes) OVER (PARTITION BY b.trigger_id ORDER BY b.id DESC) AS bytes
    FROM attune.webhook_rejected_body b
    WHERE b.trigger_id = ANY (trigger_ids)
  ) ring
  LEFT JOIN attune.trigger t ON t.id = ring.trigger_id
  WHERE r.id = ring.id AND ring.bytes > coalesce(t.webhook_rejected_body_bytes_max, 0);
  GET DIAGNOSTICS trimmed = ROW_COUNT;
  RETURN trimmed;
END
$$;
--> statement-breakpoint

-- Keeps a batch: all bodies end to end, and everything else as JSON. One writer at a time, or two would each see half of a ring.
CREATE FUNCTION attune.keep_webhook_rejected_bodies(bodies bytea, attempts json) RETURNS void
LANGUAGE plpgsql
AS $$
BEGIN
  PERFORM pg_advisory_xact_lock(hashtextextended('attune.webhook_rejected_body', 0));
  INSERT INTO attune.webhook_rejected_body (id, trigger_id, method, query, headers, body, size_bytes, created)
  SELECT
    a.id, a.trigger_id, a.method, a.query, a.headers,
    CASE WHEN a.body_start IS NOT NULL THEN substring(bodies FROM a.body_start FOR a.body_bytes) END,
    a.size_bytes, a.created
  FROM json_to_recordset(attempts) AS a (
    id uuid, trigger_id bigint, method text, query text, headers jsonb, body_start integer, body_bytes integer,
    size_bytes integer, created timestamptz
  )
  JOIN attune.trigger t ON t.id = a.trigger_id AND a.size_bytes <= t.webhook_rejected_body_bytes_max
  ON CONFLICT DO NOTHING;
  PERFORM attune.trim_webhook_rejected_bodies(
    ARRAY (SELECT DISTINCT a.trigger_id FROM json_to_recordset(attempts) AS a (trigger_id bigint))
  );
END
$$;
--> statement-breakpoint

-- 0 switches it off, and forgets what is kept.
CREATE FUNCTION attune.configure_trigger_webhook_rejected_bodies(trigger_id bigint, bytes_max integer DEFAULT 1048576)
RETURNS TABLE (webhook_rejected_body_bytes_max integer)
LANGUAGE plpgsql
AS $$
#variable_conflict use_column
BEGIN
  IF bytes_max IS NULL OR bytes_max NOT BETWEEN 0 AND 67108864 THEN
    RAISE EXCEPTION 'bytes_max must be between 0 and 67108864, not %', coalesce(bytes_max::text, 'null')
      USING ERRCODE = 'invalid_parameter_value';
  END IF;
  PERFORM attune.require_trigger(configure_trigger_webhook_rejected_bodies.trigger_id);
  PERFORM pg_advisory_xact_lock(hashtextextended('attune.webhook_rejected_body', 0));
  RETURN QUERY
    UPDATE attune.trigger t
    SET webhook_rejected_body_bytes_max = bytes_max
    WHERE t.id = configure_trigger_webhook_rejected_bodies.trigger_id
    RETURNING t.webhook_rejected_body_bytes_max;
  PERFORM attune.trim_webhook_rejected_bodies(ARRAY[configure_trigger_webhook_rejected_bodies.trigger_id]);
END
$$;
--> statement-breakpoint

-- What is older than the retention, and what belongs to no trigger any more.
CREATE FUNCTION attune.prune_webhook_rejected_bodies(retention_days integer) RETURNS void
LANGUAGE plpgsql
AS $$
BEGIN
  DELETE FROM attune.webhook_rejected_body r
  WHERE r.created < now() - make_interval(days => retention_days)
    OR NOT EXISTS (SELECT FROM attune.trigger t WHERE t.id = r.trigger_id);
  DELETE FROM attune.webhook_readmission r WHERE r.created < now() - make_interval(days => retention_days);
END
$$;
