-- What a textbook would make of the same task: the same columns, the indexes that its questions need, no partitions.
CREATE SCHEMA baseline;

CREATE TABLE baseline.trigger (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  ref text NOT NULL UNIQUE,
  webhook_key text NOT NULL UNIQUE,
  enabled boolean NOT NULL DEFAULT true,
  hmac_secret text NOT NULL,
  rate_limit_requests integer NOT NULL,
  rate_limit_window_seconds integer NOT NULL,
  ip_whitelist inet[] NOT NULL,
  payload_bytes_max integer NOT NULL DEFAULT 1048576
);

CREATE TABLE baseline.rate_limit (
  webhook_key text NOT NULL,
  window_start timestamptz NOT NULL,
  request_count integer NOT NULL,
  PRIMARY KEY (webhook_key, window_start)
);

CREATE TABLE baseline.event (
  id uuid PRIMARY KEY,
  trigger_id bigint NOT NULL REFERENCES baseline.trigger,
  trigger_ref text NOT NULL,
  content_type text,
  payload_size_bytes integer NOT NULL,
  body bytea NOT NULL,
  headers jsonb NOT NULL,
  source_ip inet,
  received_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX ON baseline.event (trigger_ref, received_at);

CREATE TABLE baseline.log (
  id uuid PRIMARY KEY,
  trigger_id bigint NOT NULL REFERENCES baseline.trigger,
  trigger_ref text NOT NULL,
  webhook_key text NOT NULL,
  event_id uuid,
  source_ip inet,
  user_agent text,
  payload_size_bytes integer,
  headers jsonb NOT NULL,
  status_code integer NOT NULL,
  error_code text,
  processing_time_ms double precision,
  hmac_verified boolean,
  created timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX ON baseline.log (trigger_ref, created);
CREATE INDEX ON baseline.log (error_code, created) WHERE error_code IS NOT NULL;
CREATE INDEX ON baseline.log (source_ip, created);
