-- Who changed what, from where, and what it was before. Triggers of the tables write it, so that a change and its row are one transaction
-- whoever makes the change, with psql as through the API. What a transaction changes of one target is one row.
CREATE TABLE attune.admin_audit_log (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  -- When the transaction began. In milliseconds, which is what the cursor of a page can hold.
  created timestamptz NOT NULL DEFAULT date_trunc('milliseconds', now()),
  actor text NOT NULL,
  role text,
  via text NOT NULL,
  source_ip inet,
  request_id uuid,
  action text NOT NULL,
  target text NOT NULL,
  -- Only what changed. NULL: there was nothing before, or there is nothing any more.
  old jsonb,
  new jsonb,
  -- While this transaction lasts the row may still take in what it goes on to change.
  xact xid8 NOT NULL DEFAULT pg_current_xact_id(),
  CONSTRAINT admin_audit_log_actor_length CHECK (length(actor) <= 255),
  CONSTRAINT admin_audit_log_role_known CHECK (role IN ('viewer', 'operator', 'admin')),
  CONSTRAINT admin_audit_log_via_known CHECK (via IN ('api', 'cli', 'console', 'receiver', 'database')),
  CONSTRAINT admin_audit_log_action_length CHECK (length(action) <= 64),
  CONSTRAINT admin_audit_log_target_length CHECK (length(target) <= 255)
);
--> statement-breakpoint
COMMENT ON TABLE attune.admin_audit_log IS
  'What administrators changed, each row written in the transaction of its change. Append-only; secrets stand as [set] or [changed].';
--> statement-breakpoint
-- In the order of the page, so that a page reads no more rows than it shows, whatever it is filtered by.
CREATE INDEX admin_audit_log_created ON attune.admin_audit_log (created, id);
--> statement-breakpoint
CREATE INDEX admin_audit_log_actor ON attune.admin_audit_log (actor, created, id);
--> statement-breakpoint
CREATE INDEX admin_audit_log_action ON attune.admin_audit_log (action, created, id);
--> statement-breakpoint
CREATE INDEX admin_audit_log_target ON attune.admin_audit_log (target, created, id);
--> statement-breakpoint
CREATE INDEX admin_audit_log_xact ON attune.admin_audit_log (xact);
--> statement-breakpoint

-- A restored database counts its transactions anew, so a number alone does not say that a row is of this one.
CREATE FUNCTION attune.is_of_this_transaction(logged attune.admin_audit_log) RETURNS boolean
LANGUAGE sql STABLE
RETURN logged.xact = pg_current_xact_id() AND logged.created = date_trunc('milliseconds', now());
--> statement-breakpoint

CREATE FUNCTION attune.keep_admin_audit_log() RETURNS trigger
LANGUAGE plpgsql
AS $$
BEGIN
  IF TG_OP <> 'TRUNCATE' THEN
    IF attune.is_of_this_transaction(OLD) THEN
      RETURN CASE WHEN TG_OP = 'UPDATE' THEN NEW ELSE OLD END;
    END IF;
    IF TG_OP = 'DELETE' AND current_setting('attune.pruning', true) = 'on' THEN
      RETURN OLD;
    END IF;
  END IF;
  RAISE EXCEPTION 'attune.admin_audit_log is append-only' USING ERRCODE = 'object_not_in_prerequisite_state';
END
$$;
--> statement-breakpoint
CREATE TRIGGER keep_rows BEFORE UPDATE OR DELETE ON attune.admin_audit_log
FOR EACH ROW EXECUTE FUNCTION attune.keep_admin_audit_log();
--> statement-breakpoint
CREATE TRIGGER keep_table BEFORE TRUNCATE ON attune.admin_audit_log
FOR EACH STATEMENT EXECUTE FUNCTION attune.keep_admin_audit_log();
--> statement-breakpoint

-- Says who makes the changes of this transaction. Without it they are those of the database user.
CREATE FUNCTION attune.act_as(
  actor text, role text DEFAULT NULL, via text DEFAULT 'database', source_ip inet DEFAULT NULL, request_id uuid DEFAULT NULL
) RETURNS void
LANGUAGE plpgsql
AS $$
BEGIN
  PERFORM
    set_config('attune.actor', coalesce(actor, ''), true),
    set_config('attune.role', coalesce(role, ''), true),
    set_config('attune.via', coalesce(via, ''), true),
    set_config('attune.source_ip', coalesce(host(source_ip), ''), true),
    set_config('attune.request_id', coalesce(request_id::text, ''), true);
END
$$;
--> statement-breakpoint

-- Records what no trigger of a table sees.
CREATE FUNCTION attune.record_admin_action(action text, target text, old_values jsonb, new_values jsonb) RETURNS void
LANGUAGE sql
BEGIN ATOMIC
  INSERT INTO attune.admin_audit_log (actor, role, via, source_ip, request_id, action, target, old, new)
  VALUES (
    -- The role that was set with SET ROLE, else whoever has logged in; current_user is the owner of a trigger function that calls this.
    left(
      coalesce(
        nullif(current_setting('attune.actor', true), ''),
        nullif(current_setting('role', true), 'none'),
        session_user
      ),
      255
    ),
    nullif(current_setting('attune.role', true), ''),
    coalesce(nullif(current_setting('attune.via', true), ''), 'database'),
    nullif(current_setting('attune.source_ip', true), '')::inet,
    nullif(current_setting('attune.request_id', true), '')::uuid,
    record_admin_action.action,
    left(record_admin_action.target, 255),
    old_values,
    new_values
  );
END;
--> statement-breakpoint

-- A value as the log shows it. What is not known to be harmless is taken for a secret, so that a column that is new is not shown
-- before somebody has thought of it.
CREATE FUNCTION attune.audited_value(field text, value jsonb, earlier jsonb) RETURNS jsonb
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE
  WHEN value IS NULL THEN NULL
  -- Whoever has the key has the URL.
  WHEN field = 'webhook_key' THEN to_jsonb(left(value #>> '{}', 8) || '…')
  WHEN field = 'webhook_verification' THEN CASE
    WHEN jsonb_typeof(value -> 'config') = 'object' THEN jsonb_set(value, '{config}', (
      SELECT coalesce(jsonb_object_agg(
        c.name, CASE WHEN earlier #> ARRAY['config', c.name] <> c.text THEN '[changed]' ELSE '[set]' END
      ), '{}')
      FROM jsonb_each(value -> 'config') AS c (name, text)
    ))
    ELSE value
  END
  WHEN starts_with(field, 'webhook_secret_expires.') OR field IN (
    'ref', 'label', 'description', 'webhook_enabled', 'webhook_hmac_enabled', 'webhook_hmac_algorithm',
    'webhook_rate_limit_enabled', 'webhook_rate_limit_requests', 'webhook_rate_limit_window_seconds',
    'webhook_ip_whitelist_enabled', 'webhook_ip_whitelist', 'webhook_payload_size_limit_kb',
    'webhook_deduplication_enabled', 'webhook_deduplication_fields', 'webhook_deduplication_window_seconds',
    'webhook_handshake_armed_until', 'webhook_rejected_body_bytes_max',
    'name', 'role', 'prefix', 'created_by', 'expires', 'revoked'
  ) THEN CASE WHEN octet_length(value::text) <= 65536 THEN value ELSE to_jsonb('[too long]'::text) END
  ELSE to_jsonb(CASE WHEN earlier IS NULL THEN '[set]' ELSE '[changed]' END)
END;
--> statement-breakpoint

-- What differs between two rows, as the log shows it; NULL where nothing does. What only a clock or a sequence has written is no change,
-- nor is a secret that is sealed anew: what it says is the same.
CREATE FUNCTION attune.audited_difference(before jsonb, after jsonb, OUT old_values jsonb, OUT new_values jsonb)
LANGUAGE sql STABLE
BEGIN ATOMIC
  SELECT
    jsonb_object_agg(d.field, attune.audited_value(d.field, d.earlier, NULL)),
    jsonb_object_agg(d.field, attune.audited_value(d.field, d.later, d.earlier))
  FROM (
    SELECT k.field, nullif(before -> k.field, 'null') AS earlier, nullif(after -> k.field, 'null') AS later
    FROM (SELECT jsonb_object_keys(before) UNION SELECT jsonb_object_keys(after)) AS k (field)
  ) d
  WHERE d.earlier IS DISTINCT FROM d.later
    AND d.field NOT IN ('id', 'created', 'updated', 'last_used')
    AND NOT (
      coalesce(current_setting('attune.resealing', true), '') = 'on'
      AND (d.field IN ('webhook_hmac_secret', 'webhook_verification') OR starts_with(d.field, 'webhook_secret.'))
    );
END;
--> statement-breakpoint

-- What an administrator would say was done, by what of a trigger has changed.
CREATE FUNCTION attune.trigger_action(old_values jsonb, new_values jsonb) RETURNS text
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
AS $$
DECLARE
  -- Secrets by what they are, without their labels.
  fields text[] := ARRAY (SELECT DISTINCT split_part(f, '.', 1) FROM jsonb_object_keys(new_values) AS k (f));
  secrets CONSTANT text[] := '{webhook_secret,webhook_secret_expires}';
  handshake CONSTANT text[] := '{webhook_handshake_armed_until,webhook_handshake_secret_id}';
  verification CONSTANT text[] := '{webhook_hmac_enabled,webhook_hmac_algorithm,webhook_hmac_secret,webhook_verification}';
BEGIN
  IF fields <@ '{webhook_enabled,webhook_key}' THEN
    RETURN CASE new_values -> 'webhook_enabled'
      WHEN 'true' THEN 'webhook.enable' WHEN 'false' THEN 'webhook.disable' ELSE 'webhook.regenerate'
    END;
  ELSIF fields <@ secrets THEN
    RETURN CASE
      WHEN EXISTS (
        SELECT FROM jsonb_each(new_values) AS n (field, value)
        WHERE starts_with(field, 'webhook_secret.') AND old_values -> field = 'null' AND value <> 'null'
      ) THEN 'secret.add'
      WHEN EXISTS (
        SELECT FROM jsonb_each(new_values) AS n (field, value) WHERE starts_with(field, 'webhook_secret.') AND value <> 'null'
      ) THEN 'secret.change'
      WHEN 'webhook_secret' = ANY (fields) THEN 'secret.delete'
      ELSE 'secret.expire'
    END;
  ELSIF fields <@ handshake THEN
    RETURN CASE
      WHEN NOT 'webhook_handshake_armed_until' = ANY (fields) THEN 'handshake.reveal'
      WHEN new_values -> 'webhook_handshake_armed_until' = 'null' THEN 'handshake.disarm'
      ELSE 'handshake.arm'
    END;
  ELSIF fields <@ (secrets || handshake) THEN
    RETURN 'handshake.complete';
  ELSIF fields <@ (secrets || handshake || verification) THEN
    RETURN CASE
      WHEN new_values -> 'webhook_hmac_enabled' = 'true' OR jsonb_typeof(new_values -> 'webhook_verification') = 'object'
        OR NOT fields && '{webhook_hmac_enabled,webhook_verification}' THEN 'verification.set'
      ELSE 'verification.disable'
    END;
  ELSIF fields <@ '{webhook_rate_limit_enabled,webhook_rate_limit_requests,webhook_rate_limit_window_seconds}' THEN
    RETURN CASE new_values -> 'webhook_rate_limit_enabled' WHEN 'false' THEN 'rate-limit.disable' ELSE 'rate-limit.set' END;
  ELSIF fields <@ '{webhook_ip_whitelist_enabled,webhook_ip_whitelist}' THEN
    RETURN CASE new_values -> 'webhook_ip_whitelist_enabled' WHEN 'false' THEN 'ip-whitelist.disable' ELSE 'ip-whitelist.set' END;
  ELSIF fields <@ '{webhook_payload_size_limit_kb}' THEN
    RETURN 'payload-limit.set';
  ELSIF fields <@ '{webhook_deduplication_enabled,webhook_deduplication_fields,webhook_deduplication_window_seconds}' THEN
    RETURN CASE new_values -> 'webhook_deduplication_enabled'
      WHEN 'false' THEN 'deduplication.disable' ELSE 'deduplication.set'
    END;
  ELSIF fields <@ '{webhook_rejected_body_bytes_max}' THEN
    RETURN CASE new_values -> 'webhook_rejected_body_bytes_max'
      WHEN '0' THEN 'rejected-bodies.disable' ELSE 'rejected-bodies.set'
    END;
  END IF;
  RETURN 'trigger.change';
END
$$;
--> statement-breakpoint

-- What one transaction changes of a trigger is one row: what it was before the first change, and what it is after the last.
CREATE FUNCTION attune.record_trigger_change(changed_ref text, old_values jsonb, new_values jsonb) RETURNS void
LANGUAGE plpgsql
AS $$
DECLARE
  earlier attune.admin_audit_log;
  first_values jsonb;
  last_values jsonb;
BEGIN
  SELECT l.* INTO earlier
  FROM attune.admin_audit_log l
  WHERE l.xact = pg_current_xact_id() AND l.created = date_trunc('milliseconds', now())
    AND l.target = changed_ref AND split_part(l.action, '.', 1) <> 'token'
  ORDER BY l.id DESC
  LIMIT 1;
  IF earlier.id IS NULL OR earlier.action = 'trigger.delete' THEN
    PERFORM attune.record_admin_action(
      attune.trigger_action(old_values, new_values), changed_ref, old_values, new_values
    );
    RETURN;
  END IF;
  SELECT jsonb_object_agg(b.field, b.before), jsonb_object_agg(b.field, CASE
    WHEN b.before = 'null' AND b.after = '"[changed]"' THEN '"[set]"'
    -- It was taken away, and another one was set.
    WHEN b.before = '"[set]"' AND b.after = '"[set]"' THEN '"[changed]"'
    ELSE b.after
  END)
  INTO first_values, last_values
  FROM (
    SELECT f.field, coalesce(earlier.old -> f.field, old_values -> f.field, 'null') AS before, f.after
    FROM jsonb_each(coalesce(earlier.new, '{}') || new_values) AS f (field, after)
  ) b
  -- What is hidden may differ although it looks the same.
  WHERE b.before <> b.after OR position('[set]' IN b.before::text) > 0;
  IF last_values IS NULL THEN
    DELETE FROM attune.admin_audit_log l WHERE l.id = earlier.id;
  ELSE
    UPDATE attune.admin_audit_log l
    SET
      old = CASE WHEN earlier.old IS NOT NULL THEN first_values END,
      new = last_values,
      action = CASE
        WHEN earlier.old IS NULL THEN earlier.action
        ELSE attune.trigger_action(first_values, last_values)
      END
    WHERE l.id = earlier.id;
  END IF;
END
$$;
--> statement-breakpoint

-- With the rights of its owner, so that a role may be allowed to change triggers and not to write the log.
CREATE FUNCTION attune.audit_trigger() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  difference record;
BEGIN
  CASE TG_OP
    WHEN 'INSERT' THEN
      difference := attune.audited_difference('{}', to_jsonb(NEW));
      PERFORM attune.record_admin_action('trigger.create', NEW.ref, NULL, difference.new_values);
    WHEN 'DELETE' THEN
      difference := attune.audited_difference(to_jsonb(OLD), '{}');
      PERFORM attune.record_admin_action('trigger.delete', OLD.ref, difference.old_values, NULL);
    WHEN 'TRUNCATE' THEN
      PERFORM attune.record_admin_action('trigger.truncate', '*', NULL, NULL);
    ELSE
      difference := attune.audited_difference(to_jsonb(OLD), to_jsonb(NEW));
      IF difference.new_values IS NOT NULL THEN
        PERFORM attune.record_trigger_change(OLD.ref, difference.old_values, difference.new_values);
      END IF;
  END CASE;
  RETURN NULL;
END
$$;
--> statement-breakpoint
-- Triggers of a table fire in the order of their names: this one before those that change other tables in their turn.
CREATE TRIGGER audit AFTER INSERT OR UPDATE OR DELETE ON attune.trigger
FOR EACH ROW EXECUTE FUNCTION attune.audit_trigger();
--> statement-breakpoint
CREATE TRIGGER audit_truncate AFTER TRUNCATE ON attune.trigger
FOR EACH STATEMENT EXECUTE FUNCTION attune.audit_trigger();
--> statement-breakpoint

-- The secrets of a trigger are a part of it. The one in its own column is not told of twice: its row here has no text.
CREATE FUNCTION attune.audited_secret(secret attune.webhook_secret) RETURNS jsonb
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN jsonb_build_object(
  'webhook_secret.' || (secret).label, (secret).secret,
  'webhook_secret_expires.' || (secret).label, (secret).expires
);
--> statement-breakpoint

CREATE FUNCTION attune.audit_webhook_secret() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  difference record;
  changed_ref text;
BEGIN
  IF TG_OP = 'TRUNCATE' THEN
    PERFORM attune.record_admin_action('secret.truncate', '*', NULL, NULL);
    RETURN NULL;
  END IF;
  -- When it expired it ended; that its row goes changes nothing.
  IF TG_OP = 'DELETE' AND OLD.expires <= clock_timestamp() THEN
    RETURN NULL;
  END IF;
  SELECT t.ref INTO changed_ref FROM attune.trigger t WHERE t.id = coalesce(NEW.trigger_id, OLD.trigger_id);
  difference := attune.audited_difference(
    CASE WHEN TG_OP = 'INSERT' THEN '{}' ELSE attune.audited_secret(OLD) END,
    CASE WHEN TG_OP = 'DELETE' THEN '{}' ELSE attune.audited_secret(NEW) END
  );
  -- Secrets go with their trigger, whose row of the log says that it has gone.
  IF changed_ref IS NOT NULL AND difference.new_values IS NOT NULL THEN
    PERFORM attune.record_trigger_change(changed_ref, difference.old_values, difference.new_values);
  END IF;
  RETURN NULL;
END
$$;
--> statement-breakpoint
-- That a secret was used is no change of it, so this does not stand behind attempts.
CREATE TRIGGER audit AFTER INSERT OR DELETE OR UPDATE OF id, trigger_id, label, secret, expires ON attune.webhook_secret
FOR EACH ROW EXECUTE FUNCTION attune.audit_webhook_secret();
--> statement-breakpoint
CREATE TRIGGER audit_truncate AFTER TRUNCATE ON attune.webhook_secret
FOR EACH STATEMENT EXECUTE FUNCTION attune.audit_webhook_secret();
--> statement-breakpoint

-- What is older than `days_max`, and what is more than `rows_max` rows back.
CREATE FUNCTION attune.prune_admin_audit_log(days_max integer, rows_max integer) RETURNS void
LANGUAGE plpgsql
AS $$
BEGIN
  PERFORM set_config('attune.pruning', 'on', true);
  DELETE FROM attune.admin_audit_log l
  WHERE l.created < now() - make_interval(days => days_max)
    OR l.id <= (SELECT max(n.id) FROM attune.admin_audit_log n) - rows_max;
  PERFORM set_config('attune.pruning', '', true);
END
$$;
--> statement-breakpoint

-- Tokens of the admin API. That one was used is no change of it.
CREATE FUNCTION attune.audit_api_token() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  difference record;
BEGIN
  IF TG_OP = 'TRUNCATE' THEN
    PERFORM attune.record_admin_action('token.truncate', '*', NULL, NULL);
    RETURN NULL;
  END IF;
  -- It had ended; that its name becomes free, or its row goes, changes nothing.
  IF TG_OP <> 'INSERT' AND least(OLD.revoked, OLD.expires) <= now() AND (TG_OP = 'DELETE' OR NEW.revoked <= now()) THEN
    RETURN NULL;
  END IF;
  difference := attune.audited_difference(
    CASE WHEN TG_OP = 'INSERT' THEN '{}' ELSE to_jsonb(OLD) END,
    CASE WHEN TG_OP = 'DELETE' THEN '{}' ELSE to_jsonb(NEW) END
  );
  IF difference.new_values IS NOT NULL THEN
    PERFORM attune.record_admin_action(
      CASE TG_OP
        WHEN 'INSERT' THEN 'token.create'
        WHEN 'DELETE' THEN 'token.delete'
        ELSE CASE WHEN OLD.revoked IS NULL AND NEW.revoked IS NOT NULL THEN 'token.revoke' ELSE 'token.change' END
      END,
      CASE TG_OP WHEN 'INSERT' THEN NEW.name ELSE OLD.name END,
      CASE WHEN TG_OP <> 'INSERT' THEN difference.old_values END,
      CASE WHEN TG_OP <> 'DELETE' THEN difference.new_values END
    );
  END IF;
  RETURN NULL;
END
$$;
--> statement-breakpoint
CREATE TRIGGER audit AFTER INSERT OR DELETE OR UPDATE OF id, name, role, prefix, token_hash, created_by, expires, revoked
ON attune.api_token
FOR EACH ROW EXECUTE FUNCTION attune.audit_api_token();
--> statement-breakpoint
CREATE TRIGGER audit_truncate AFTER TRUNCATE ON attune.api_token
FOR EACH STATEMENT EXECUTE FUNCTION attune.audit_api_token();
