-- What an operator changes, from psql as through the API: the API calls these same functions. Each validates its input
-- and raises an error that names the argument and the fix.

-- 128 hexadecimal characters, 512 bits. gen_random_uuid() draws on the server's strong random source and needs no
-- extension; each has 122 random bits, so five of them hashed fill a SHA-512 digest.
CREATE FUNCTION attune.generate_webhook_hmac_secret() RETURNS text
LANGUAGE sql VOLATILE
RETURN (
  SELECT encode(sha512(string_agg(uuid_send(gen_random_uuid()), ''::bytea)), 'hex') FROM generate_series(1, 5)
);
--> statement-breakpoint

-- wh_ and 32 letters or digits, 190 bits. Two of base64's 64 characters are left out, and 88 of them are ample.
CREATE FUNCTION attune.generate_webhook_key() RETURNS text
LANGUAGE sql VOLATILE
RETURN 'wh_' || left(
  translate(encode(decode(attune.generate_webhook_hmac_secret(), 'hex'), 'base64'), E'+/=\n', ''), 32
);
--> statement-breakpoint

-- Fails unless the trigger is there, and holds its row until the end of the transaction.
CREATE FUNCTION attune.require_trigger(trigger_id bigint) RETURNS attune.trigger
LANGUAGE plpgsql
AS $$
DECLARE
  found_trigger attune.trigger;
BEGIN
  IF trigger_id IS NULL THEN
    RAISE EXCEPTION 'trigger_id must not be null' USING ERRCODE = 'invalid_parameter_value';
  END IF;
  SELECT * INTO found_trigger FROM attune.trigger t WHERE t.id = trigger_id FOR UPDATE;
  IF NOT FOUND THEN
    RAISE EXCEPTION 'no trigger has the id %', trigger_id USING ERRCODE = 'no_data_found';
  END IF;
  RETURN found_trigger;
END
$$;
--> statement-breakpoint

-- Switches webhooks on. The first time makes the key; later times keep it, so that a sender's URL goes on working.
CREATE FUNCTION attune.enable_trigger_webhook(trigger_id bigint)
RETURNS TABLE (webhook_enabled boolean, webhook_key text)
LANGUAGE plpgsql
AS $$
#variable_conflict use_column
BEGIN
  PERFORM attune.require_trigger(enable_trigger_webhook.trigger_id);
  RETURN QUERY
    UPDATE attune.trigger t
    SET webhook_enabled = true, webhook_key = coalesce(t.webhook_key, attune.generate_webhook_key())
    WHERE t.id = enable_trigger_webhook.trigger_id
    RETURNING t.webhook_enabled, t.webhook_key;
END
$$;
--> statement-breakpoint

-- Switches webhooks off and keeps the key, so that attempts on it are still recorded.
CREATE FUNCTION attune.disable_trigger_webhook(trigger_id bigint)
RETURNS TABLE (webhook_enabled boolean, webhook_key text)
LANGUAGE plpgsql
AS $$
#variable_conflict use_column
BEGIN
  PERFORM attune.require_trigger(disable_trigger_webhook.trigger_id);
  RETURN QUERY
    UPDATE attune.trigger t
    SET webhook_enabled = false
    WHERE t.id = disable_trigger_webhook.trigger_id
    RETURNING t.webhook_enabled, t.webhook_key;
END
$$;
--> statement-breakpoint

-- Gives the trigger a new key; the old one is unknown from then on. Whether webhooks are enabled stays as it was.
CREATE FUNCTION attune.regenerate_trigger_webhook_key(trigger_id bigint)
RETURNS TABLE (webhook_enabled boolean, webhook_key text)
LANGUAGE plpgsql
AS $$
#variable_conflict use_column
BEGIN
  PERFORM attune.require_trigger(regenerate_trigger_webhook_key.trigger_id);
  RETURN QUERY
    UPDATE attune.trigger t
    SET webhook_key = attune.generate_webhook_key()
    WHERE t.id = regenerate_trigger_webhook_key.trigger_id
    RETURNING t.webhook_enabled, t.webhook_key;
END
$$;
--> statement-breakpoint

-- Switches the signature check on with a fresh secret, which the answer shows.
CREATE FUNCTION attune.enable_trigger_webhook_hmac(trigger_id bigint, algorithm text DEFAULT 'sha256')
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
  RETURN QUERY
    UPDATE attune.trigger t
    SET
      webhook_hmac_enabled = true,
      webhook_hmac_secret = attune.generate_webhook_hmac_secret(),
      webhook_hmac_algorithm = algorithm
    WHERE t.id = enable_trigger_webhook_hmac.trigger_id
    RETURNING t.webhook_hmac_enabled, t.webhook_hmac_secret, t.webhook_hmac_algorithm;
END
$$;
--> statement-breakpoint

-- Switches the signature check off and forgets the secret.
CREATE FUNCTION attune.disable_trigger_webhook_hmac(trigger_id bigint)
RETURNS TABLE (webhook_hmac_enabled boolean)
LANGUAGE plpgsql
AS $$
#variable_conflict use_column
BEGIN
  PERFORM attune.require_trigger(disable_trigger_webhook_hmac.trigger_id);
  RETURN QUERY
    UPDATE attune.trigger t
    SET webhook_hmac_enabled = false, webhook_hmac_secret = NULL
    WHERE t.id = disable_trigger_webhook_hmac.trigger_id
    RETURNING t.webhook_hmac_enabled;
END
$$;
--> statement-breakpoint

CREATE FUNCTION attune.configure_trigger_webhook_rate_limit(
  trigger_id bigint, enabled boolean, requests integer DEFAULT 100, window_seconds integer DEFAULT 60
)
RETURNS TABLE (
  webhook_rate_limit_enabled boolean, webhook_rate_limit_requests integer, webhook_rate_limit_window_seconds integer
)
LANGUAGE plpgsql
AS $$
#variable_conflict use_column
BEGIN
  IF enabled IS NULL THEN
    RAISE EXCEPTION 'enabled must be true or false, not null' USING ERRCODE = 'invalid_parameter_value';
  END IF;
  IF requests IS NULL OR requests NOT BETWEEN 1 AND 10000 THEN
    RAISE EXCEPTION 'requests must be between 1 and 10000, not %', coalesce(requests::text, 'null')
      USING ERRCODE = 'invalid_parameter_value';
  END IF;
  IF window_seconds IS NULL OR window_seconds NOT BETWEEN 1 AND 3600 THEN
    RAISE EXCEPTION 'window_seconds must be between 1 and 3600, not %', coalesce(window_seconds::text, 'null')
      USING ERRCODE = 'invalid_parameter_value';
  END IF;
  PERFORM attune.require_trigger(configure_trigger_webhook_rate_limit.trigger_id);
  RETURN QUERY
    UPDATE attune.trigger t
    SET
      webhook_rate_limit_enabled = enabled,
      webhook_rate_limit_requests = requests,
      webhook_rate_limit_window_seconds = window_seconds
    WHERE t.id = configure_trigger_webhook_rate_limit.trigger_id
    RETURNING t.webhook_rate_limit_enabled, t.webhook_rate_limit_requests, t.webhook_rate_limit_window_seconds;
END
$$;
--> statement-breakpoint

-- An enabled whitelist that is empty refuses everyone; that is a way to close a webhook and still record who knocks.
CREATE FUNCTION attune.configure_trigger_webhook_ip_whitelist(trigger_id bigint, enabled boolean, ip_list text[])
RETURNS TABLE (webhook_ip_whitelist_enabled boolean, webhook_ip_whitelist text[])
LANGUAGE plpgsql
AS $$
#variable_conflict use_column
DECLARE
  problem text;
BEGIN
  IF enabled IS NULL THEN
    RAISE EXCEPTION 'enabled must be true or false, not null' USING ERRCODE = 'invalid_parameter_value';
  END IF;
  IF ip_list IS NULL THEN
    RAISE EXCEPTION 'ip_list must be an array of addresses and CIDRs, not null' USING ERRCODE = 'invalid_parameter_value';
  END IF;
  IF cardinality(ip_list) > 1000 THEN
    RAISE EXCEPTION 'ip_list must have at most 1000 entries, not %', cardinality(ip_list)
      USING ERRCODE = 'invalid_parameter_value';
  END IF;
  SELECT format('ip_list[%s]: %s', e.position, attune.webhook_cidr_problem(e.entry)) INTO problem
  FROM unnest(ip_list) WITH ORDINALITY AS e (entry, position)
  WHERE attune.webhook_cidr_problem(e.entry) IS NOT NULL
  ORDER BY e.position
  LIMIT 1;
  IF problem IS NOT NULL THEN
    RAISE EXCEPTION '%', problem USING ERRCODE = 'invalid_parameter_value';
  END IF;
  PERFORM attune.require_trigger(configure_trigger_webhook_ip_whitelist.trigger_id);
  RETURN QUERY
    UPDATE attune.trigger t
    SET webhook_ip_whitelist_enabled = enabled, webhook_ip_whitelist = ip_list
    WHERE t.id = configure_trigger_webhook_ip_whitelist.trigger_id
    RETURNING t.webhook_ip_whitelist_enabled, t.webhook_ip_whitelist;
END
$$;
