-- The sums over all triggers, beside those of each: adding up a hundred thousand triggers hour by hour reads millions of
-- rows, half as many as the audit trail has. They stand in the same table, so that they go with the hours they are of, under
-- an id that no trigger has.
CREATE FUNCTION attune.count_all_of_webhook_event_log() RETURNS trigger
LANGUAGE plpgsql
AS $$
BEGIN
  INSERT INTO attune.webhook_stats_hourly AS s (
    trigger_id, hour, shard, total_requests, successful_requests, rate_limited_requests, hmac_failures,
    ip_blocked_requests, events_created, timed_requests, processing_time_ms_sum, last_request_at
  )
  SELECT
    0,
    date_trunc('hour', n.created, 'UTC') AS hour,
    -- Here all writers meet, whatever their triggers: there are more rows, so that hardly any two want the same.
    (pg_backend_pid() % 64)::smallint,
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
  GROUP BY date_trunc('hour', n.created, 'UTC')
  ORDER BY hour
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
-- Nobody may write between the sums of what is there and the first row that is counted by itself.
LOCK TABLE attune.webhook_event_log IN SHARE ROW EXCLUSIVE MODE;
--> statement-breakpoint
-- Triggers fire in the order of their names: every writer comes to the rows of all after those of its triggers, and none
-- waits for another in a circle.
CREATE TRIGGER count_rows_of_all AFTER INSERT ON attune.webhook_event_log
REFERENCING NEW TABLE AS new_rows
FOR EACH STATEMENT EXECUTE FUNCTION attune.count_all_of_webhook_event_log();
--> statement-breakpoint
INSERT INTO attune.webhook_stats_hourly (
  trigger_id, hour, shard, total_requests, successful_requests, rate_limited_requests, hmac_failures,
  ip_blocked_requests, events_created, timed_requests, processing_time_ms_sum, last_request_at
)
SELECT
  0, hour, 0, sum(total_requests), sum(successful_requests), sum(rate_limited_requests), sum(hmac_failures),
  sum(ip_blocked_requests), sum(events_created), sum(timed_requests), sum(processing_time_ms_sum), max(last_request_at)
FROM attune.webhook_stats_hourly
GROUP BY hour;
