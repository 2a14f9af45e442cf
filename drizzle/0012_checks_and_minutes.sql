-- What each check of the receiver said, and how long it took: for each in its order (webhook_enabled, payload_size, ip_whitelist,
-- rate_limit, signature, store) p passed, r refused, o off or n not reached, and the microseconds where it was timed.
ALTER TABLE attune.webhook_event_log ADD COLUMN checks text
  CONSTRAINT webhook_event_log_checks_short CHECK (length(checks) <= 100);
--> statement-breakpoint
COMMENT ON COLUMN attune.webhook_event_log.checks IS
  'For webhook_enabled, payload_size, ip_whitelist, rate_limit, signature, store: p passed, r refused, o off, n not reached; behind it microseconds, where it was timed. NULL: older than this record, merged, or readmitted.';
--> statement-breakpoint

-- Rows by what became of them: outcomes are rare, and refused ones have a page of their own.
CREATE INDEX webhook_event_log_outcome ON attune.webhook_event_log (outcome, id) WHERE outcome IS NOT NULL;
--> statement-breakpoint
CREATE INDEX webhook_event_log_refused ON attune.webhook_event_log (id) WHERE error_code IS NOT NULL;
--> statement-breakpoint

-- The last hour by the minute: for all triggers together, and only for as long as anybody looks at minutes.
CREATE TABLE attune.webhook_stats_minutely (
  minute timestamptz NOT NULL,
  -- As in attune.webhook_stats_hourly: writers would otherwise wait for each other's commit.
  shard smallint NOT NULL,
  total_requests bigint NOT NULL,
  successful_requests bigint NOT NULL,
  rate_limited_requests bigint NOT NULL,
  hmac_failures bigint NOT NULL,
  ip_blocked_requests bigint NOT NULL,
  PRIMARY KEY (minute, shard)
)
WITH (fillfactor = 50);
--> statement-breakpoint
COMMENT ON TABLE attune.webhook_stats_minutely IS
  'Attempts of all triggers together, by the minute; kept for 25 hours.';
--> statement-breakpoint

CREATE OR REPLACE FUNCTION attune.count_webhook_event_log() RETURNS trigger
LANGUAGE plpgsql
AS $$
BEGIN
  INSERT INTO attune.webhook_stats_hourly AS s (
    trigger_id, hour, shard, total_requests, successful_requests, rate_limited_requests, hmac_failures,
    ip_blocked_requests, events_created, timed_requests, processing_time_ms_sum, last_request_at
  )
  SELECT
    CASE grouping(n.trigger_id) WHEN 1 THEN 0 ELSE n.trigger_id END,
    n.hour,
    -- In the rows of all triggers all writers meet: there are more of them, so that hardly any two want the same.
    (pg_backend_pid() % CASE grouping(n.trigger_id) WHEN 1 THEN 64 ELSE 8 END)::smallint,
    sum(n.attempts),
    coalesce(sum(n.attempts) FILTER (WHERE n.status_code < 400), 0),
    coalesce(sum(n.attempts) FILTER (WHERE n.rate_limited), 0),
    coalesce(sum(n.attempts) FILTER (WHERE NOT n.hmac_verified), 0),
    coalesce(sum(n.attempts) FILTER (WHERE NOT n.ip_allowed), 0),
    count(n.event_id),
    coalesce(sum(n.attempts) FILTER (WHERE n.processing_time_ms IS NOT NULL), 0),
    coalesce(sum(n.attempts * n.processing_time_ms), 0),
    max(n.created)
  FROM (SELECT r.*, date_trunc('hour', r.created, 'UTC') AS hour FROM new_rows r) n
  GROUP BY GROUPING SETS ((n.trigger_id, n.hour), (n.hour))
  -- One order for all writers, so that no two of them wait for each other; the rows of all come last.
  ORDER BY grouping(n.trigger_id), n.trigger_id, n.hour
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
  INSERT INTO attune.webhook_stats_minutely AS s (
    minute, shard, total_requests, successful_requests, rate_limited_requests, hmac_failures, ip_blocked_requests
  )
  SELECT
    date_trunc('minute', n.created, 'UTC') AS minute,
    (pg_backend_pid() % 64)::smallint,
    sum(n.attempts),
    coalesce(sum(n.attempts) FILTER (WHERE n.status_code < 400), 0),
    coalesce(sum(n.attempts) FILTER (WHERE n.rate_limited), 0),
    coalesce(sum(n.attempts) FILTER (WHERE NOT n.hmac_verified), 0),
    coalesce(sum(n.attempts) FILTER (WHERE NOT n.ip_allowed), 0)
  FROM new_rows n
  -- What is written for another time, say by a restore, is of no minute that anybody asks for.
  WHERE n.created >= now() - interval '25 hours'
  GROUP BY 1
  ORDER BY 1
  ON CONFLICT (minute, shard) DO UPDATE SET
    total_requests = s.total_requests + excluded.total_requests,
    successful_requests = s.successful_requests + excluded.successful_requests,
    rate_limited_requests = s.rate_limited_requests + excluded.rate_limited_requests,
    hmac_failures = s.hmac_failures + excluded.hmac_failures,
    ip_blocked_requests = s.ip_blocked_requests + excluded.ip_blocked_requests;
  RETURN NULL;
END
$$;
--> statement-breakpoint
-- Nobody may write between the sums of what is there and the first row that is counted by itself.
LOCK TABLE attune.webhook_event_log IN SHARE ROW EXCLUSIVE MODE;
--> statement-breakpoint
INSERT INTO attune.webhook_stats_minutely (
  minute, shard, total_requests, successful_requests, rate_limited_requests, hmac_failures, ip_blocked_requests
)
SELECT
  date_trunc('minute', n.created, 'UTC'),
  0,
  sum(n.attempts),
  coalesce(sum(n.attempts) FILTER (WHERE n.status_code < 400), 0),
  coalesce(sum(n.attempts) FILTER (WHERE n.rate_limited), 0),
  coalesce(sum(n.attempts) FILTER (WHERE NOT n.hmac_verified), 0),
  coalesce(sum(n.attempts) FILTER (WHERE NOT n.ip_allowed), 0)
FROM attune.webhook_event_log n
WHERE n.created >= now() - interval '1 hour'
GROUP BY 1;
--> statement-breakpoint

CREATE FUNCTION attune.prune_webhook_stats_minutely() RETURNS void
LANGUAGE sql
AS $$
  DELETE FROM attune.webhook_stats_minutely WHERE minute < now() - interval '25 hours';
$$;
