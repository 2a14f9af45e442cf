-- A trigger is the named thing that a webhook fires. It holds the security settings, so that one row
-- says everything the receiver has to know before it looks at a body.

-- Says what is wrong with an entry of a whitelist, or NULL when it is a canonical address or CIDR. "Canonical"
-- leaves no room for two readings: no host bits, no short forms, IPv6 as RFC 5952 writes it, and IPv4 as IPv4.
CREATE FUNCTION attune.webhook_cidr_problem(entry text) RETURNS text
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
AS $$
DECLARE
  parsed inet;
  canonical text;
BEGIN
  IF entry IS NULL THEN
    RETURN 'an entry is null';
  END IF;
  BEGIN
    parsed := entry::inet;
  EXCEPTION WHEN data_exception THEN
    RETURN format('%L is not an IP address or CIDR', left(entry, 64));
  END;
  IF family(parsed) = 6 AND parsed <<= '::ffff:0:0/96'::inet THEN
    RETURN format('%L is an IPv4 address in IPv6 form; write it as IPv4', left(entry, 64));
  END IF;
  -- Out of use (RFC 4291, 2.5.5.1), and PostgreSQL writes them otherwise than RFC 5952 does.
  IF family(parsed) = 6 AND parsed <<= '::/96'::inet AND host(network(parsed)) NOT IN ('::', '::1') THEN
    RETURN format('%L is a deprecated IPv4-compatible address; write it as IPv4', left(entry, 64));
  END IF;
  canonical := CASE
    WHEN position('/' IN entry) > 0 THEN host(network(parsed)) || '/' || masklen(parsed)
    ELSE host(parsed)
  END;
  IF canonical <> entry THEN
    RETURN format('%L is not canonical; write %s', left(entry, 64), canonical);
  END IF;
  RETURN NULL;
END
$$;
--> statement-breakpoint

CREATE FUNCTION attune.webhook_cidrs_are_canonical(entries text[]) RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN NOT EXISTS (
  SELECT 1 FROM unnest(entries) AS e (entry) WHERE attune.webhook_cidr_problem(e.entry) IS NOT NULL
);
--> statement-breakpoint

CREATE TABLE attune.trigger (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  ref text NOT NULL,
  label text,
  description text,

  webhook_enabled boolean NOT NULL DEFAULT false,
  webhook_key text,

  webhook_hmac_enabled boolean NOT NULL DEFAULT false,
  webhook_hmac_secret text,
  webhook_hmac_algorithm text NOT NULL DEFAULT 'sha256',
  webhook_rate_limit_enabled boolean NOT NULL DEFAULT false,
  webhook_rate_limit_requests integer NOT NULL DEFAULT 100,
  webhook_rate_limit_window_seconds integer NOT NULL DEFAULT 60,
  webhook_ip_whitelist_enabled boolean NOT NULL DEFAULT false,
  webhook_ip_whitelist text[] NOT NULL DEFAULT '{}',
  webhook_payload_size_limit_kb integer NOT NULL DEFAULT 1024,

  created timestamptz NOT NULL DEFAULT now(),
  updated timestamptz NOT NULL DEFAULT now(),

  CONSTRAINT trigger_ref_key UNIQUE (ref),
  CONSTRAINT trigger_webhook_key_key UNIQUE (webhook_key),
  -- The pattern is anchored by hand on both sides: a newline is no part of a ref.
  CONSTRAINT trigger_ref_valid CHECK (ref ~ '^[a-z0-9_-]+(\.[a-z0-9_-]+)*$' AND length(ref) <= 255),
  CONSTRAINT trigger_label_length CHECK (length(label) <= 255),
  CONSTRAINT trigger_description_length CHECK (length(description) <= 4096),
  CONSTRAINT trigger_webhook_key_valid CHECK (webhook_key ~ '^wh_[A-Za-z0-9]{32}$'),
  CONSTRAINT trigger_webhook_enabled_has_key CHECK (NOT webhook_enabled OR webhook_key IS NOT NULL),
  -- A signature check without a secret would either let everyone in or be a trap; it cannot be stored.
  CONSTRAINT trigger_webhook_hmac_enabled_has_secret CHECK (
    NOT webhook_hmac_enabled OR (webhook_hmac_secret IS NOT NULL AND webhook_hmac_secret <> '')
  ),
  CONSTRAINT trigger_webhook_hmac_secret_length CHECK (length(webhook_hmac_secret) <= 512),
  CONSTRAINT trigger_webhook_hmac_algorithm_known CHECK (webhook_hmac_algorithm IN ('sha256', 'sha512', 'sha1')),
  CONSTRAINT trigger_webhook_rate_limit_requests_range CHECK (webhook_rate_limit_requests BETWEEN 1 AND 10000),
  CONSTRAINT trigger_webhook_rate_limit_window_range CHECK (webhook_rate_limit_window_seconds BETWEEN 1 AND 3600),
  CONSTRAINT trigger_webhook_ip_whitelist_size CHECK (cardinality(webhook_ip_whitelist) <= 1000),
  CONSTRAINT trigger_webhook_ip_whitelist_canonical CHECK (attune.webhook_cidrs_are_canonical(webhook_ip_whitelist)),
  CONSTRAINT trigger_webhook_payload_size_limit_range CHECK (webhook_payload_size_limit_kb BETWEEN 1 AND 65536)
);
--> statement-breakpoint
COMMENT ON TABLE attune.trigger IS 'The named things that webhooks fire, each with its security settings.';
--> statement-breakpoint
COMMENT ON COLUMN attune.trigger.webhook_payload_size_limit_kb IS 'In units of 1,024 bytes.';
--> statement-breakpoint
COMMENT ON COLUMN attune.trigger.webhook_hmac_secret IS 'Write-only for the API: no call returns it again.';
--> statement-breakpoint

-- The feed of changes. Each process reads it twice a second and forgets what it had cached of the keys in it.
-- NOTIFY is the fast path, but a notification can be lost; a row cannot. `xact` is the writing transaction:
-- whoever reads from the oldest transaction still open at the last read misses none, however late one commits.
CREATE TABLE attune.trigger_change (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  xact xid8 NOT NULL DEFAULT pg_current_xact_id(),
  -- NULL: every key may have changed.
  webhook_key text,
  created timestamptz NOT NULL DEFAULT now()
);
--> statement-breakpoint
CREATE INDEX trigger_change_xact ON attune.trigger_change (xact);
--> statement-breakpoint
CREATE INDEX trigger_change_created ON attune.trigger_change (created);
--> statement-breakpoint

CREATE FUNCTION attune.note_trigger_change() RETURNS trigger
LANGUAGE plpgsql
AS $$
BEGIN
  IF TG_OP = 'TRUNCATE' THEN
    INSERT INTO attune.trigger_change (webhook_key) VALUES (NULL);
  ELSE
    INSERT INTO attune.trigger_change (webhook_key)
    SELECT DISTINCT key
    FROM (VALUES
      (CASE WHEN TG_OP <> 'INSERT' THEN OLD.webhook_key END),
      (CASE WHEN TG_OP <> 'DELETE' THEN NEW.webhook_key END)
    ) AS keys (key)
    WHERE key IS NOT NULL;
  END IF;
  PERFORM pg_notify('attune_trigger', '');
  RETURN NULL;
END
$$;
--> statement-breakpoint
CREATE TRIGGER note_change AFTER INSERT OR UPDATE OR DELETE ON attune.trigger
FOR EACH ROW EXECUTE FUNCTION attune.note_trigger_change();
--> statement-breakpoint
CREATE TRIGGER note_truncate AFTER TRUNCATE ON attune.trigger
FOR EACH STATEMENT EXECUTE FUNCTION attune.note_trigger_change();
--> statement-breakpoint

CREATE FUNCTION attune.touch_trigger() RETURNS trigger
LANGUAGE plpgsql
AS $$
BEGIN
  NEW.updated := now();
  RETURN NEW;
END
$$;
--> statement-breakpoint
CREATE TRIGGER touch BEFORE UPDATE ON attune.trigger
FOR EACH ROW EXECUTE FUNCTION attune.touch_trigger();
