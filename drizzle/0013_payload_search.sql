-- Events are found by what is in their payloads. Nothing of it is done at intake: a job reads what has been stored, and writes here
-- what it can be found by, a little later.

CREATE TABLE attune.event_search (
  event_id uuid NOT NULL,
  received_at timestamptz NOT NULL,
  -- Hashes of 32 bits: of the trigger, of the source address, and of each path of the payload with its value. Two can fall together,
  -- so what is found is looked at again in the event itself. One number of its own says that the payload has more than was taken.
  terms integer[] NOT NULL,
  PRIMARY KEY (event_id, received_at)
) PARTITION BY RANGE (received_at);
--> statement-breakpoint
COMMENT ON TABLE attune.event_search IS
  'By what events are found; made from attune.event by the process that maintains, up to attune.event_search_state.mark.';
--> statement-breakpoint
-- A row stays in one piece: each is read whole when it is checked.
ALTER TABLE attune.event_search ALTER COLUMN terms SET STORAGE MAIN;
--> statement-breakpoint
-- How frequent the most frequent terms are is all that a plan needs, and the embedded database learns it between two webhooks.
ALTER TABLE attune.event_search ALTER COLUMN terms SET STATISTICS 20;
--> statement-breakpoint
-- The pending list is short: who looks for something reads all of it, and who fills it up has to sort it in.
CREATE INDEX event_search_terms ON attune.event_search USING gin (terms) WITH (fastupdate = on, gin_pending_list_limit = 256);
--> statement-breakpoint
CREATE TABLE attune.event_search_default PARTITION OF attune.event_search DEFAULT;
--> statement-breakpoint

-- How far the job has come. One process at a time does it, until it has not been heard of for a while.
CREATE TABLE attune.event_search_state (
  is_only boolean PRIMARY KEY DEFAULT true CONSTRAINT event_search_state_only CHECK (is_only),
  -- Events up to this id are in attune.event_search, but for those that were stored after younger ones, which follow within seconds.
  mark uuid NOT NULL DEFAULT '00000000-0000-7000-8000-000000000000',
  holder uuid,
  held_until timestamptz NOT NULL DEFAULT '-infinity'
);
--> statement-breakpoint
COMMENT ON TABLE attune.event_search_state IS 'How far attune.event_search has come, and which process goes on with it.';
--> statement-breakpoint
INSERT INTO attune.event_search_state DEFAULT VALUES;
--> statement-breakpoint

-- Writes a batch and moves the mark with it, in one transaction: whoever sees the mark sees the rows. The caller becomes the one who
-- indexes for a while; false: somebody else is. A crash may take the last batches along, mark and rows together; then they are made
-- again, so nobody waits for the disk.
CREATE FUNCTION attune.index_events(process uuid, lease_seconds integer, new_mark uuid, events json) RETURNS boolean
LANGUAGE plpgsql
AS $$
BEGIN
  PERFORM set_config('synchronous_commit', 'off', true);
  UPDATE attune.event_search_state s
  SET mark = greatest(s.mark, coalesce(new_mark, s.mark)), holder = process,
    held_until = now() + make_interval(secs => lease_seconds)
  WHERE s.holder = process OR s.held_until < now();
  IF NOT FOUND THEN
    RETURN false;
  END IF;
  INSERT INTO attune.event_search (event_id, received_at, terms)
  SELECT e.id, e.received_at, e.terms
  FROM json_to_recordset(events) AS e (id uuid, received_at timestamptz, terms integer[])
  ON CONFLICT DO NOTHING;
  RETURN true;
END
$$;
--> statement-breakpoint

-- A partition for each of attune.event, and none that is older than the retention.
CREATE FUNCTION attune.maintain_event_search(retention_days integer) RETURNS void
LANGUAGE plpgsql
AS $$
DECLARE
  day date;
BEGIN
  IF NOT pg_try_advisory_xact_lock(hashtextextended('attune.maintain_event_search', 0)) THEN
    RETURN;
  END IF;
  PERFORM attune.drop_expired_partitions('event_search', 'received_at', retention_days);
  FOR day IN
    SELECT to_date(right(c.relname, 8), 'YYYYMMDD')
    FROM pg_inherits i
    JOIN pg_class c ON c.oid = i.inhrelid
    WHERE i.inhparent = 'attune.event'::regclass AND c.relname ~ '^event_[0-9]{8}$'
    ORDER BY 1
  LOOP
    PERFORM attune.create_day_partition('event_search', 'received_at', day);
  END LOOP;
END
$$;
--> statement-breakpoint

-- What is older than the retention, and what belongs to no trigger any more. It takes the lock of the others that delete here: two that
-- delete the same rows in different orders would wait for each other.
CREATE OR REPLACE FUNCTION attune.prune_webhook_rejected_bodies(retention_days integer) RETURNS void
LANGUAGE plpgsql
AS $$
BEGIN
  PERFORM pg_advisory_xact_lock(hashtextextended('attune.webhook_rejected_body', 0));
  DELETE FROM attune.webhook_rejected_body r
  WHERE r.created < now() - make_interval(days => retention_days)
    OR NOT EXISTS (SELECT FROM attune.trigger t WHERE t.id = r.trigger_id);
  DELETE FROM attune.webhook_readmission r WHERE r.created < now() - make_interval(days => retention_days);
END
$$;
