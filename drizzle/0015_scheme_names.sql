-- Senders whose names have a dot, incident.io and recall.ai, could not be set: the name of a preset had none. The constraint asks this
-- function and stays as it is; whatever it admitted before it admits now, so no row needs to be looked at again.
CREATE OR REPLACE FUNCTION attune.webhook_verification_problem(verification jsonb) RETURNS text
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
  IF jsonb_typeof(scheme) = 'string' AND NOT (scheme #>> '{}') ~ '^[a-z0-9][a-z0-9.-]{0,63}$' THEN
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
