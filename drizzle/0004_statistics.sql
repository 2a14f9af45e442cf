-- Statistics are kept by the hour as rows arrive, so that reading them costs the same at a thousand rows and at ten
-- million. The counting happens here and not in the server: whoever writes a log row, it is counted in the same
-- transaction, and a repeated write that changes nothing counts nothing.
CREATE TABLE attune.webhook_stats_hourly (
  trigger_id bigint NOT NULL,
  hour timestamptz NOT NULL,
  -- Writers of one trigger would otherwise wait for each other's commit; each takes a row of its own.
  shard smallint NOT NULL,
  total_requests bigint NOT NULL,
  successful_requests bigint NOT NULL,
  rate_limited_requests bigint NOT NULL,
  hmac_failures bigint NOT NULL,
  ip_blocked_requests bigint NOT NULL,
  events_created bigint NOT NULL,
  timed_requests bigint NOT NULL,
  processing_time_ms_sum double precision NOT NULL,
  last_request_at timestamptz NOT NULL,
  PRIMARY KEY (trigger_id, hour, shard)
)
WITH (fillfactor = 50);
--> statement-breakpoint
CREATE INDEX webhook_stats_hourly_hour ON attune.webhook_stats_hourly (hour);
--> statement-breakpoint

CREATE FUNCTION attune.count_webhook_event_log() RETURNS trigger
LANGUAGE plpgsql
AS $$
BEGIN
  INSERT INTO attune.webhook_stats_hourly AS s
  SELECT
    n.trigger_id,
    date_trunc('hour', n.created, 'UTC') AS hour,
    (pg_backend_pid() % 8)::smallint,
    sum(n.attempts),
    coalesce(sum(n.attempts) FILTER (WHERE n.status_code < 400), 0),
    coalesce(sum(n.attempts) FILTER (WHERE n.rate_limited), 0),
    coalesce(sum(n.attempts) FILTER (WHERE NOT n.hmac_verified), 0),
    coalesce(sum(n.attempts) FILTER (WHERE NOT n.ip_allowed), 0),
    count(n.event_id),
    coalesce(sum(n.attempts) FILTER (WHERE n.processing_time_ms IS NOT NULL), 0),
    coalesce(sum(n.attempts * n.processing_time_ms), 0),
    max(n.created)
  FROM new_rows n
  GROUP BY n.trigger_id, date_trunc('hour', n.created, 'UTC')
  -- One order for all writers, so that no two of them wait for each other.
  ORDER BY n.trigger_id, hour
  ON CONFLICT (trigger_id, hour, shard) DO UPDATE SET
    total_requests = s.total_requests + excluded.total_requests,
    successful_requests = s.successful_requests + excluded.successful_requests,
    rate_limited_requests = s.rate_limited_requests + excluded.rate_limited_requests,
    hmac_failures = s.hmac_failures + excluded.hmac_failures,
    ip_blocked_requests = s.ip_blocked_requests + excluded.ip_blocked_requests,
    events_created = s.events_created + excluded.events_created,
    timed_requests = s.timed_requests + excluded.timed_requests,
    processing_time_ms_sum = s.processing_time_ms_sum + excluded.processing_time_ms_sum,
    last_request_at = greatest(s.last_request_at, excluded.last_request_at);
  RETURN NULL;
END
$$;
--> statement-breakpoint
CREATE TRIGGER count_rows AFTER INSERT ON attune.webhook_event_log
REFERENCING NEW TABLE AS new_rows
FOR EACH STATEMENT EXECUTE FUNCTION attune.count_webhook_event_log();
--> statement-breakpoint

CREATE VIEW attune.webhook_stats_detailed AS
SELECT
  t.id AS trigger_id,
  t.ref AS trigger_ref,
  t.webhook_enabled,
  coalesce(s.total_requests, 0)::bigint AS total_requests,
  coalesce(s.successful_requests, 0)::bigint AS successful_requests,
  (coalesce(s.total_requests, 0) - coalesce(s.successful_requests, 0))::bigint AS failed_requests,
  coalesce(s.rate_limited_requests, 0)::bigint AS rate_limited_requests,
  coalesce(s.hmac_failures, 0)::bigint AS hmac_failures,
  coalesce(s.ip_blocked_requests, 0)::bigint AS ip_blocked_requests,
  coalesce(s.events_created, 0)::bigint AS events_created,
  round((s.processing_time_ms_sum / nullif(s.timed_requests, 0))::numeric, 3)::double precision AS avg_processing_time_ms,
  s.last_request_at
FROM attune.trigger t
LEFT JOIN LATERAL (
  SELECT
    sum(h.total_requests) AS total_requests,
    sum(h.successful_requests) AS successful_requests,
    sum(h.rate_limited_requests) AS rate_limited_requests,
    sum(h.hmac_failures) AS hmac_failures,
    sum(h.ip_blocked_requests) AS ip_blocked_requests,
    sum(h.events_created) AS events_created,
    sum(h.timed_requests) AS timed_requests,
    sum(h.processing_time_ms_sum) AS processing_time_ms_sum,
    max(h.last_request_at) AS last_request_at
  FROM attune.webhook_stats_hourly h
  WHERE h.trigger_id = t.id
) s ON true;
--> statement-breakpoint
COMMENT ON VIEW attune.webhook_stats_detailed IS
  'For each trigger, over the time that is retained: totals, outcomes by check, average processing time, last request.';
--> statement-breakpoint

-- Everything that has to be done now and then, by whichever process comes first; the others find nothing to do.
-- Partitions are made ahead for `days_ahead` days; what is older than `retention_days` goes.
CREATE FUNCTION attune.maintain(retention_days integer, days_ahead integer)
RETURNS TABLE (partitions_created integer, partitions_dropped integer)
LANGUAGE plpgsql
AS $$
DECLARE
  today date := (now() AT TIME ZONE 'UTC')::date;
  day date;
BEGIN
  partitions_created := 0;
  partitions_dropped := 0;
  IF NOT pg_try_advisory_xact_lock(hashtextextended('attune.maintain', 0)) THEN
    RETURN NEXT;
    RETURN;
  END IF;
  -- Dropping needs the whole table for an instant. Whoever reads it for long is waited for only this long, because
  -- intake waits behind us; the next maintenance tries again.
  SET LOCAL lock_timeout = '1s';
  DELETE FROM attune.webhook_stats_hourly WHERE hour < (today - retention_days)::timestamp AT TIME ZONE 'UTC';
  -- No window is longer than an hour, and no process reads changes older than this.
  DELETE FROM attune.webhook_rate_limit WHERE window_start < now() - interval '1 hour';
  DELETE FROM attune.trigger_change WHERE created < now() - interval '10 minutes';
  -- Ahead, and where rows have come in without a partition. A clock that was wrong may have scattered those; some at a time will do.
  FOR day IN
    SELECT today + n FROM generate_series(-1, days_ahead) AS n
    UNION
    (SELECT DISTINCT (created AT TIME ZONE 'UTC')::date FROM attune.webhook_event_log_default LIMIT 31)
    ORDER BY 1
  LOOP
    -- In the order in which intake writes to the two, so that neither waits for the other in a circle.
    partitions_created := partitions_created
      + attune.create_day_partition('webhook_event_log', 'created', day)::integer
      + attune.create_day_partition('event', 'received_at', day)::integer;
  END LOOP;
  -- Last, because the locks are held from here to the commit.
  partitions_dropped :=
    attune.drop_expired_partitions('webhook_event_log', 'created', retention_days)
    + attune.drop_expired_partitions('event', 'received_at', retention_days);
  RETURN NEXT;
END
$$;
