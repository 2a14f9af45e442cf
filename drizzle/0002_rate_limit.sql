-- One row for each key and window. The upsert takes the row lock, so two callers of one window never read the same
-- count, and the database's clock sets the windows, so that all processes and hosts agree on them.
CREATE TABLE attune.webhook_rate_limit (
  webhook_key text NOT NULL,
  window_start timestamptz NOT NULL,
  request_count integer NOT NULL,
  CONSTRAINT webhook_rate_limit_window UNIQUE (webhook_key, window_start),
  CONSTRAINT webhook_rate_limit_request_count_positive CHECK (request_count > 0)
)
-- Every count rewrites its row; room on the page keeps the rewrite out of the index.
WITH (fillfactor = 50);
--> statement-breakpoint
COMMENT ON TABLE attune.webhook_rate_limit IS 'Requests of each webhook key in its fixed window, rejected ones included.';
--> statement-breakpoint
CREATE INDEX webhook_rate_limit_window_start ON attune.webhook_rate_limit (window_start);
--> statement-breakpoint

-- The start of the window that an instant falls into: windows are aligned to their own length.
CREATE FUNCTION attune.webhook_window_start(instant timestamptz, window_seconds integer) RETURNS timestamptz
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN to_timestamp(floor(extract(epoch FROM instant) / window_seconds)::bigint * window_seconds);
--> statement-breakpoint

-- Counts one request and says whether it is within the limit.
CREATE FUNCTION attune.check_webhook_rate_limit(webhook_key text, max_requests integer, window_seconds integer)
RETURNS boolean
LANGUAGE plpgsql
AS $$
#variable_conflict use_column
DECLARE
  hits integer;
BEGIN
  IF check_webhook_rate_limit.webhook_key IS NULL OR check_webhook_rate_limit.webhook_key = '' THEN
    RAISE EXCEPTION 'webhook_key must not be empty' USING ERRCODE = 'invalid_parameter_value';
  END IF;
  IF max_requests IS NULL OR max_requests NOT BETWEEN 1 AND 10000 THEN
    RAISE EXCEPTION 'max_requests must be between 1 and 10000, not %', coalesce(max_requests::text, 'null')
      USING ERRCODE = 'invalid_parameter_value';
  END IF;
  IF window_seconds IS NULL OR window_seconds NOT BETWEEN 1 AND 3600 THEN
    RAISE EXCEPTION 'window_seconds must be between 1 and 3600, not %', coalesce(window_seconds::text, 'null')
      USING ERRCODE = 'invalid_parameter_value';
  END IF;
  -- The transaction's clock would stand still in a long transaction; each call counts in its own present.
  INSERT INTO attune.webhook_rate_limit AS counter (webhook_key, window_start, request_count)
  VALUES (
    check_webhook_rate_limit.webhook_key,
    attune.webhook_window_start(clock_timestamp(), check_webhook_rate_limit.window_seconds),
    1
  )
  ON CONFLICT (webhook_key, window_start) DO UPDATE SET request_count = counter.request_count + 1
  RETURNING counter.request_count INTO hits;
  RETURN hits <= max_requests;
END
$$;
--> statement-breakpoint

-- Says whether an address is on a whitelist. An address that is not known, an empty list, and an entry that is no
-- address or CIDR all refuse: a check that cannot be made does not pass.
CREATE FUNCTION attune.check_webhook_ip_whitelist(source_ip inet, whitelist text[]) RETURNS boolean
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
AS $$
DECLARE
  address inet := source_ip;
  entry text;
BEGIN
  IF source_ip IS NULL OR whitelist IS NULL THEN
    RETURN false;
  END IF;
  -- An IPv4 peer of a dual-stack listener arrives as ::ffff:a.b.c.d and counts as IPv4.
  IF family(source_ip) = 6 AND source_ip <<= '::ffff:0:0/96'::inet THEN
    address := regexp_replace(host(source_ip), '^.*:', '')::inet;
  END IF;
  FOREACH entry IN ARRAY whitelist LOOP
    IF attune.webhook_cidr_problem(entry) IS NULL AND host(address)::inet <<= entry::inet THEN
      RETURN true;
    END IF;
  END LOOP;
  RETURN false;
END
$$;
