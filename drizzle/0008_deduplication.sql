-- What a sender delivers again makes no second event: a delivery is claimed under its id in the transaction that stores its event, and
-- whoever brings the same id later finds the claim.

-- Says what is wrong with the places of an id, or NULL when each can be one.
CREATE FUNCTION attune.webhook_deduplication_fields_problem(fields text[]) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE
  WHEN fields IS NULL THEN 'fields must be an array of places, not null'
  WHEN cardinality(fields) > 8 THEN 'fields must have at most 8 entries'
  WHEN EXISTS (
    SELECT FROM unnest(fields) AS f (place)
    WHERE place IS NULL OR length(place) > 256 OR place !~ '^(header:[a-z0-9_-]+|json:[^.]+([.][^.]+)*)$'
  ) THEN 'fields must be places such as header:x-id, in lower case, or json:data.id'
END;
--> statement-breakpoint

ALTER TABLE attune.trigger
  ADD COLUMN webhook_deduplication_enabled boolean NOT NULL DEFAULT false,
  ADD COLUMN webhook_deduplication_fields text[] NOT NULL DEFAULT '{}'
    CONSTRAINT trigger_webhook_deduplication_fields_valid
    CHECK (attune.webhook_deduplication_fields_problem(webhook_deduplication_fields) IS NULL),
  ADD COLUMN webhook_deduplication_window_seconds integer NOT NULL DEFAULT 86400
    CONSTRAINT trigger_webhook_deduplication_window_range
    CHECK (webhook_deduplication_window_seconds BETWEEN 60 AND 2592000);
--> statement-breakpoint
COMMENT ON COLUMN attune.trigger.webhook_deduplication_enabled IS
  'Deliveries are recognised by their id. It means nothing while the trigger asks for no signature.';
--> statement-breakpoint
COMMENT ON COLUMN attune.trigger.webhook_deduplication_fields IS
  'Where the id is, all of them together; empty: where the scheme of the trigger says.';
--> statement-breakpoint

-- Not partitioned, since an id has to be one over all days; rows are small, of one size, and pruned by time.
CREATE TABLE attune.webhook_delivery (
  -- No foreign key: it would lock the trigger's row for every event.
  trigger_id bigint NOT NULL,
  -- SHA-256 of where the id was and what it said, so that no sender decides how large a row is.
  delivery_digest bytea NOT NULL,
  body_digest bytea NOT NULL,
  -- The event that the delivery became. It may be gone before the claim is.
  event_id uuid NOT NULL,
  claimed_at timestamptz NOT NULL,
  -- From then on the id may be claimed anew.
  expires timestamptz NOT NULL,
  PRIMARY KEY (trigger_id, delivery_digest),
  CONSTRAINT webhook_delivery_digests_whole CHECK (length(delivery_digest) = 32 AND length(body_digest) = 32)
);
--> statement-breakpoint
COMMENT ON TABLE attune.webhook_delivery IS 'Which ids of deliveries have become which events, for as long as each trigger looks back.';
--> statement-breakpoint
CREATE INDEX webhook_delivery_expires ON attune.webhook_delivery (expires);
--> statement-breakpoint

-- Ids of triggers may begin anew.
CREATE FUNCTION attune.drop_webhook_deliveries() RETURNS trigger
LANGUAGE plpgsql
AS $$
BEGIN
  DELETE FROM attune.webhook_delivery;
  RETURN NULL;
END
$$;
--> statement-breakpoint
CREATE TRIGGER drop_all_deliveries AFTER TRUNCATE ON attune.trigger
FOR EACH STATEMENT EXECUTE FUNCTION attune.drop_webhook_deliveries();
--> statement-breakpoint

-- A claim without an event would turn the sender's next try into a duplicate of nothing. It would come about when the write of an event
-- reaches the database after the row of its refusal; then nothing of that write may remain.
CREATE FUNCTION attune.refuse_claim_without_event(event_id uuid) RETURNS text
LANGUAGE plpgsql VOLATILE
AS $$
BEGIN
  RAISE EXCEPTION 'the attempt % has been recorded as refused', event_id USING ERRCODE = 'unique_violation';
END
$$;
--> statement-breakpoint

-- Takes away expired claims, at most so many, and returns how many. It waits for nobody: what is being claimed just now is left
-- for the next time. Apart from attune.maintain, whose locks on other tables it would otherwise hold while intake waits for its rows.
CREATE FUNCTION attune.prune_webhook_deliveries(rows_max integer) RETURNS integer
LANGUAGE plpgsql
AS $$
DECLARE
  pruned integer;
BEGIN
  WITH expired AS (
    SELECT d.trigger_id, d.delivery_digest
    FROM attune.webhook_delivery d
    WHERE d.expires <= now()
    ORDER BY d.expires
    LIMIT rows_max
    FOR UPDATE SKIP LOCKED
  )
  DELETE FROM attune.webhook_delivery d USING expired e
  WHERE d.trigger_id = e.trigger_id AND d.delivery_digest = e.delivery_digest;
  GET DIAGNOSTICS pruned = ROW_COUNT;
  RETURN pruned;
END
$$;
--> statement-breakpoint

-- Which ids: those of the scheme, or what is at the given places, all of them together.
CREATE FUNCTION attune.configure_trigger_webhook_deduplication(
  trigger_id bigint, enabled boolean, fields text[] DEFAULT '{}', window_seconds integer DEFAULT 86400
)
RETURNS TABLE (
  webhook_deduplication_enabled boolean,
  webhook_deduplication_fields text[],
  webhook_deduplication_window_seconds integer
)
LANGUAGE plpgsql
AS $$
#variable_conflict use_column
DECLARE
  problem text := attune.webhook_deduplication_fields_problem(configure_trigger_webhook_deduplication.fields);
BEGIN
  IF enabled IS NULL THEN
    RAISE EXCEPTION 'enabled must be true or false, not null' USING ERRCODE = 'invalid_parameter_value';
  END IF;
  IF problem IS NOT NULL THEN
    RAISE EXCEPTION '%', problem USING ERRCODE = 'invalid_parameter_value';
  END IF;
  IF window_seconds IS NULL OR window_seconds NOT BETWEEN 60 AND 2592000 THEN
    RAISE EXCEPTION 'window_seconds must be between 60 and 2592000, not %', coalesce(window_seconds::text, 'null')
      USING ERRCODE = 'invalid_parameter_value';
  END IF;
  PERFORM attune.require_trigger(configure_trigger_webhook_deduplication.trigger_id);
  RETURN QUERY
    UPDATE attune.trigger t
    SET
      webhook_deduplication_enabled = enabled,
      webhook_deduplication_fields = fields,
      webhook_deduplication_window_seconds = window_seconds
    WHERE t.id = configure_trigger_webhook_deduplication.trigger_id
    RETURNING
      t.webhook_deduplication_enabled, t.webhook_deduplication_fields, t.webhook_deduplication_window_seconds;
END
$$;
