-- A sender that hands over its secret, or has a subscription confirmed, is believed only while an administrator expects it: whoever else
-- knows the URL could otherwise come first.
ALTER TABLE attune.trigger
  ADD COLUMN webhook_handshake_armed_until timestamptz
    CONSTRAINT trigger_webhook_handshake_armed_until_finite CHECK (isfinite(webhook_handshake_armed_until)),
  -- A row of attune.webhook_secret, if it is there still.
  ADD COLUMN webhook_handshake_secret_id bigint;
--> statement-breakpoint
COMMENT ON COLUMN attune.trigger.webhook_handshake_armed_until IS
  'Until then a handshake is expected that changes something; NULL: none is.';
--> statement-breakpoint
COMMENT ON COLUMN attune.trigger.webhook_handshake_secret_id IS
  'A secret that a handshake has handed over and that an administrator may be shown once, since its sender asks for it; NULL: there is none.';
--> statement-breakpoint

CREATE FUNCTION attune.arm_trigger_webhook_handshake(trigger_id bigint, minutes integer DEFAULT 15)
RETURNS TABLE (webhook_handshake_armed_until timestamptz)
LANGUAGE plpgsql
AS $$
#variable_conflict use_column
BEGIN
  IF minutes IS NULL OR minutes NOT BETWEEN 1 AND 1440 THEN
    RAISE EXCEPTION 'minutes must be between 1 and 1440, not %', coalesce(minutes::text, 'null')
      USING ERRCODE = 'invalid_parameter_value';
  END IF;
  PERFORM attune.require_trigger(arm_trigger_webhook_handshake.trigger_id);
  RETURN QUERY
    UPDATE attune.trigger t
    SET webhook_handshake_armed_until = clock_timestamp() + make_interval(mins => minutes)
    WHERE t.id = arm_trigger_webhook_handshake.trigger_id
    RETURNING t.webhook_handshake_armed_until;
END
$$;
--> statement-breakpoint

CREATE FUNCTION attune.disarm_trigger_webhook_handshake(trigger_id bigint)
RETURNS TABLE (webhook_handshake_armed_until timestamptz)
LANGUAGE plpgsql
AS $$
#variable_conflict use_column
BEGIN
  PERFORM attune.require_trigger(disarm_trigger_webhook_handshake.trigger_id);
  RETURN QUERY
    UPDATE attune.trigger t
    SET webhook_handshake_armed_until = NULL
    WHERE t.id = disarm_trigger_webhook_handshake.trigger_id
    RETURNING t.webhook_handshake_armed_until;
END
$$;
