-- How a sender signs is data: a scheme of its own beside the generic HMAC of the webhook_hmac_* columns, and more than one
-- secret at a time, so that a secret can be changed without refusing anything that was signed with the one before.

-- Says what is wrong with a setting of verification, or NULL when it has the form that is asked for. Whether a preset of this
-- name exists, the server alone knows; of one that it does not know, everyone is refused.
CREATE FUNCTION attune.webhook_verification_problem(verification jsonb) RETURNS text
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
AS $$
DECLARE
  unknown text;
  scheme jsonb := verification -> 'scheme';
BEGIN
  IF verification IS NULL THEN
    RETURN NULL;
  END IF;
  IF jsonb_typeof(verification) <> 'object' THEN
    RETURN 'verification must be a JSON object';
  END IF;
  IF octet_length(verification::text) > 32768 THEN
    RETURN 'verification must not be larger than 32768 bytes';
  END IF;
  SELECT name INTO unknown
  FROM jsonb_object_keys(verification) AS k (name)
  WHERE name NOT IN ('scheme', 'config', 'public_key', 'tolerance_seconds')
  LIMIT 1;
  IF unknown IS NOT NULL THEN
    RETURN format('verification.%s is not a known field', left(unknown, 64));
  END IF;
  IF scheme IS NULL OR jsonb_typeof(scheme) NOT IN ('string', 'object') THEN
    RETURN 'verification.scheme must be the name of a preset, or a scheme as a JSON object';
  END IF;
  IF jsonb_typeof(scheme) = 'string' AND NOT (scheme #>> '{}') ~ '^[a-z0-9][a-z0-9-]{0,63}$' THEN
    RETURN 'verification.scheme must be the name of a preset';
  END IF;
  IF scheme = '"generic"' THEN
    RETURN 'verification.scheme must not be generic; that is what enable_trigger_webhook_hmac sets';
  END IF;
  IF verification ? 'config' THEN
    IF jsonb_typeof(verification -> 'config') <> 'object' THEN
      RETURN 'verification.config must be a JSON object';
    END IF;
    SELECT name INTO unknown
    FROM jsonb_each(verification -> 'config') AS c (name, value)
    WHERE jsonb_typeof(value) <> 'string'
    LIMIT 1;
    IF unknown IS NOT NULL THEN
      RETURN format('verification.config.%s must be text', left(unknown, 64));
    END IF;
  END IF;
  IF verification ? 'public_key' AND jsonb_typeof(verification -> 'public_key') <> 'string' THEN
    RETURN 'verification.public_key must be text';
  END IF;
  -- Digits only, and few of them, before anything reads them as a number.
  IF verification ? 'tolerance_seconds' AND NOT (
    jsonb_typeof(verification -> 'tolerance_seconds') = 'number'
    AND verification ->> 'tolerance_seconds' ~ '^[1-9][0-9]{0,4}$'
  ) THEN
    RETURN 'verification.tolerance_seconds must be a whole number from 1 to 86400';
  END IF;
  IF (verification ->> 'tolerance_seconds')::integer > 86400 THEN
    RETURN 'verification.tolerance_seconds must be a whole number from 1 to 86400';
  END IF;
  RETURN NULL;
END
$$;
--> statement-breakpoint

ALTER TABLE attune.trigger ADD COLUMN webhook_verification jsonb;
--> statement-breakpoint
COMMENT ON COLUMN attune.trigger.webhook_verification IS
  'A scheme of verification, {"scheme", "config", "public_key", "tolerance_seconds"}; NULL: the generic one, where webhook_hmac_enabled.';
--> statement-breakpoint
ALTER TABLE attune.trigger ADD CONSTRAINT trigger_webhook_verification_valid CHECK (
  attune.webhook_verification_problem(webhook_verification) IS NULL
);
--> statement-breakpoint
-- Two schemes at once would leave open which of them has to be fulfilled.
ALTER TABLE attune.trigger ADD CONSTRAINT trigger_webhook_one_scheme CHECK (
  webhook_verification IS NULL OR (NOT webhook_hmac_enabled AND webhook_hmac_secret IS NULL)
);
--> statement-breakpoint
-- A sealed secret is longer than what it holds.
ALTER TABLE attune.trigger DROP CONSTRAINT trigger_webhook_hmac_secret_length;
--> statement-breakpoint
ALTER TABLE attune.trigger ADD CONSTRAINT trigger_webhook_hmac_secret_length CHECK (
  length(webhook_hmac_secret) <= CASE WHEN starts_with(webhook_hmac_secret, 'sealed:') THEN 4096 ELSE 512 END
);
--> statement-breakpoint

-- Every secret that a trigger accepts, each until it expires. The one of the column webhook_hmac_secret has a row too, `default`,
-- which says when it was set, used and expires; its text stays in that column alone.
CREATE TABLE attune.webhook_secret (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  -- Of a trigger that is there. No foreign key says so: it would forbid to truncate attune.trigger.
  trigger_id bigint NOT NULL,
  label text NOT NULL,
  -- NULL: the secret is in attune.trigger.webhook_hmac_secret.
  secret text,
  created timestamptz NOT NULL DEFAULT now(),
  -- NULL: never. From this instant of the database's clock on it is refused.
  expires timestamptz,
  -- Written at most once a minute.
  last_used timestamptz,
  CONSTRAINT webhook_secret_label_key UNIQUE (trigger_id, label),
  CONSTRAINT webhook_secret_label_valid CHECK (label ~ '^[A-Za-z0-9][A-Za-z0-9._-]*$' AND length(label) <= 64),
  CONSTRAINT webhook_secret_secret_present CHECK (
    CASE WHEN secret IS NULL THEN label = 'default' ELSE secret <> '' END
  ),
  CONSTRAINT webhook_secret_secret_length CHECK (
    length(secret) <= CASE WHEN starts_with(secret, 'sealed:') THEN 4096 ELSE 512 END
  ),
  CONSTRAINT webhook_secret_expires_finite CHECK (isfinite(expires))
);
--> statement-breakpoint
COMMENT ON TABLE attune.webhook_secret IS 'The secrets of each trigger; any that has not expired may have signed.';
--> statement-breakpoint
COMMENT ON COLUMN attune.webhook_secret.secret IS 'Plain or sealed. Write-only for the API: no call returns it again.';
--> statement-breakpoint

-- Each secret may cost an attempt one digest of its body, so their number is bounded. The lock lets no trigger be deleted while
-- it gets a secret.
CREATE FUNCTION attune.limit_webhook_secrets() RETURNS trigger
LANGUAGE plpgsql
AS $$
BEGIN
  PERFORM FROM attune.trigger t WHERE t.id = NEW.trigger_id FOR NO KEY UPDATE;
  IF NOT FOUND THEN
    RAISE EXCEPTION 'no trigger has the id %', NEW.trigger_id USING ERRCODE = 'foreign_key_violation';
  END IF;
  IF (SELECT count(*) FROM attune.webhook_secret s WHERE s.trigger_id = NEW.trigger_id) >= 16 THEN
    RAISE EXCEPTION 'a trigger has at most 16 secrets, expired ones included'
      USING ERRCODE = 'check_violation', CONSTRAINT = 'webhook_secret_count';
  END IF;
  RETURN NEW;
END
$$;
--> statement-breakpoint
CREATE TRIGGER limit_count BEFORE INSERT ON attune.webhook_secret
FOR EACH ROW EXECUTE FUNCTION attune.limit_webhook_secrets();
--> statement-breakpoint

CREATE FUNCTION attune.drop_webhook_secrets() RETURNS trigger
LANGUAGE plpgsql
AS $$
BEGIN
  DELETE FROM attune.webhook_secret s WHERE TG_OP = 'TRUNCATE' OR s.trigger_id = OLD.id;
  RETURN NULL;
END
$$;
--> statement-breakpoint
CREATE TRIGGER drop_secrets AFTER DELETE ON attune.trigger
FOR EACH ROW EXECUTE FUNCTION attune.drop_webhook_secrets();
--> statement-breakpoint
CREATE TRIGGER drop_all_secrets AFTER TRUNCATE ON attune.trigger
FOR EACH STATEMENT EXECUTE FUNCTION attune.drop_webhook_secrets();
--> statement-breakpoint

-- A changed secret is a changed trigger to those who have it cached. That it was used changes nothing for them.
CREATE FUNCTION attune.note_webhook_secret_change() RETURNS trigger
LANGUAGE plpgsql
AS $$
BEGIN
  IF TG_OP = 'TRUNCATE' THEN
    INSERT INTO attune.trigger_change (webhook_key) VALUES (NULL);
  ELSE
    INSERT INTO attune.trigger_change (webhook_key)
    SELECT t.webhook_key
    FROM attune.trigger t
    WHERE t.webhook_key IS NOT NULL
      AND t.id IN (
        CASE WHEN TG_OP <> 'INSERT' THEN OLD.trigger_id END,
        CASE WHEN TG_OP <> 'DELETE' THEN NEW.trigger_id END
      );
  END IF;
  PERFORM pg_notify('attune_trigger', '');
  RETURN NULL;
END
$$;
--> statement-breakpoint
CREATE TRIGGER note_change AFTER INSERT OR DELETE OR UPDATE OF id, trigger_id, label, secret, expires
ON attune.webhook_secret
FOR EACH ROW EXECUTE FUNCTION attune.note_webhook_secret_change();
--> statement-breakpoint
CREATE TRIGGER note_truncate AFTER TRUNCATE ON attune.webhook_secret
FOR EACH STATEMENT EXECUTE FUNCTION attune.note_webhook_secret_change();
--> statement-breakpoint

-- Whoever sets webhook_hmac_secret, from psql as through the API, begins a new secret: what was said of the one before does not
-- hold for it. Sealing the same secret anew is no change of it, and says so in a setting of its transaction.
CREATE FUNCTION attune.follow_webhook_hmac_secret() RETURNS trigger
LANGUAGE plpgsql
AS $$
BEGIN
  IF current_setting('attune.resealing', true) = 'on' THEN
    RETURN NULL;
  END IF;
  DELETE FROM attune.webhook_secret s WHERE s.trigger_id = NEW.id AND s.label = 'default' AND s.secret IS NULL;
  IF NEW.webhook_hmac_secret IS NOT NULL THEN
    INSERT INTO attune.webhook_secret (trigger_id, label) VALUES (NEW.id, 'default')
    ON CONFLICT (trigger_id, label) DO UPDATE SET secret = NULL, created = now(), expires = NULL, last_used = NULL;
  END IF;
  RETURN NULL;
END
$$;
--> statement-breakpoint
CREATE TRIGGER follow_hmac_secret_insert AFTER INSERT ON attune.trigger
FOR EACH ROW WHEN (NEW.webhook_hmac_secret IS NOT NULL)
EXECUTE FUNCTION attune.follow_webhook_hmac_secret();
--> statement-breakpoint
CREATE TRIGGER follow_hmac_secret_update AFTER UPDATE OF webhook_hmac_secret ON attune.trigger
FOR EACH ROW WHEN (NEW.webhook_hmac_secret IS DISTINCT FROM OLD.webhook_hmac_secret)
EXECUTE FUNCTION attune.follow_webhook_hmac_secret();
--> statement-breakpoint
INSERT INTO attune.webhook_secret (trigger_id, label, created)
SELECT id, 'default', updated FROM attune.trigger WHERE webhook_hmac_secret IS NOT NULL;
--> statement-breakpoint

-- Switches the signature check on with a scheme. Its secrets are rows of attune.webhook_secret; those of another scheme go,
-- since they must not come to be accepted by this one.
CREATE FUNCTION attune.set_trigger_webhook_verification(trigger_id bigint, verification jsonb)
RETURNS TABLE (webhook_verification jsonb)
LANGUAGE plpgsql
AS $$
#variable_conflict use_column
DECLARE
  found_trigger attune.trigger;
  problem text := coalesce(
    attune.webhook_verification_problem(set_trigger_webhook_verification.verification),
    CASE WHEN set_trigger_webhook_verification.verification IS NULL THEN 'verification must not be null' END
  );
BEGIN
  IF problem IS NOT NULL THEN
    RAISE EXCEPTION '%', problem USING ERRCODE = 'invalid_parameter_value';
  END IF;
  found_trigger := attune.require_trigger(set_trigger_webhook_verification.trigger_id);
  IF found_trigger.webhook_verification -> 'scheme' IS DISTINCT FROM verification -> 'scheme' THEN
    DELETE FROM attune.webhook_secret s WHERE s.trigger_id = found_trigger.id;
  END IF;
  RETURN QUERY
    UPDATE attune.trigger t
    SET
      webhook_hmac_enabled = false,
      webhook_hmac_secret = NULL,
      webhook_verification = set_trigger_webhook_verification.verification
    WHERE t.id = found_trigger.id
    RETURNING t.webhook_verification;
END
$$;
--> statement-breakpoint

-- Switches the signature check on with a fresh secret, which the answer shows. It is the generic scheme, and the one secret
-- that is accepted from then on.
CREATE OR REPLACE FUNCTION attune.enable_trigger_webhook_hmac(trigger_id bigint, algorithm text DEFAULT 'sha256')
RETURNS TABLE (webhook_hmac_enabled boolean, webhook_hmac_secret text, webhook_hmac_algorithm text)
LANGUAGE plpgsql
AS $$
#variable_conflict use_column
BEGIN
  IF algorithm IS NULL OR algorithm NOT IN ('sha256', 'sha512', 'sha1') THEN
    RAISE EXCEPTION 'algorithm must be sha256, sha512 or sha1, not %', coalesce(quote_literal(algorithm), 'null')
      USING ERRCODE = 'invalid_parameter_value';
  END IF;
  PERFORM attune.require_trigger(enable_trigger_webhook_hmac.trigger_id);
  DELETE FROM attune.webhook_secret s WHERE s.trigger_id = enable_trigger_webhook_hmac.trigger_id;
  RETURN QUERY
    UPDATE attune.trigger t
    SET
      webhook_hmac_enabled = true,
      webhook_hmac_secret = attune.generate_webhook_hmac_secret(),
      webhook_hmac_algorithm = algorithm,
      webhook_verification = NULL
    WHERE t.id = enable_trigger_webhook_hmac.trigger_id
    RETURNING t.webhook_hmac_enabled, t.webhook_hmac_secret, t.webhook_hmac_algorithm;
END
$$;
--> statement-breakpoint

-- Switches the signature check off, whatever its scheme, and forgets every secret.
CREATE OR REPLACE FUNCTION attune.disable_trigger_webhook_hmac(trigger_id bigint)
RETURNS TABLE (webhook_hmac_enabled boolean)
LANGUAGE plpgsql
AS $$
#variable_conflict use_column
BEGIN
  PERFORM attune.require_trigger(disable_trigger_webhook_hmac.trigger_id);
  DELETE FROM attune.webhook_secret s WHERE s.trigger_id = disable_trigger_webhook_hmac.trigger_id;
  RETURN QUERY
    UPDATE attune.trigger t
    SET webhook_hmac_enabled = false, webhook_hmac_secret = NULL, webhook_verification = NULL
    WHERE t.id = disable_trigger_webhook_hmac.trigger_id
    RETURNING t.webhook_hmac_enabled;
END
$$;
--> statement-breakpoint

-- Which secret verified an attempt, by its label.
ALTER TABLE attune.webhook_event_log ADD COLUMN verified_by text;
--> statement-breakpoint
COMMENT ON COLUMN attune.webhook_event_log.verified_by IS 'The label of the secret that verified; NULL: none did.';
