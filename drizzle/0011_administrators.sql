-- Administrators have tokens of their own, each with a role, and sign in to the console with one. No token is stored: what is random enough to be
-- out of reach of guessing needs no slow digest, so a SHA-256 of it says whether it is the same.

CREATE TABLE attune.api_token (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  name text NOT NULL,
  role text NOT NULL,
  -- The first characters of the token, by which its owner knows it.
  prefix text NOT NULL,
  -- SHA-256 of the token.
  token_hash bytea NOT NULL,
  created timestamptz NOT NULL DEFAULT now(),
  -- The name of the token that made it.
  created_by text NOT NULL,
  -- NULL: never. From this instant of the database's clock on it is refused.
  expires timestamptz,
  -- Written at most once a minute.
  last_used timestamptz,
  -- From this instant on it is refused; the row stays for a while, since the name stands in the audit log.
  revoked timestamptz,
  CONSTRAINT api_token_token_hash_key UNIQUE (token_hash),
  -- In lower case, so that no two look alike; not a number, so that none looks like an id.
  CONSTRAINT api_token_name_valid CHECK (name ~ '^[a-z][a-z0-9._-]*$' AND length(name) <= 64),
  -- That is whoever has the token of the installation.
  CONSTRAINT api_token_name_free CHECK (name <> 'admin-token'),
  CONSTRAINT api_token_role_known CHECK (role IN ('viewer', 'operator', 'admin')),
  CONSTRAINT api_token_prefix_short CHECK (length(prefix) <= 16),
  CONSTRAINT api_token_token_hash_length CHECK (length(token_hash) = 32),
  CONSTRAINT api_token_expires_finite CHECK (isfinite(expires))
);
--> statement-breakpoint
COMMENT ON TABLE attune.api_token IS 'Tokens of the admin API, each with a role. Their texts are nowhere: token_hash is a SHA-256.';
--> statement-breakpoint
-- A name can be given again when its token is revoked.
CREATE UNIQUE INDEX api_token_name_key ON attune.api_token (name) WHERE revoked IS NULL;
--> statement-breakpoint

-- Somebody who is signed in to the console.
CREATE TABLE attune.admin_session (
  -- SHA-256 of what the cookie holds.
  token_hash bytea PRIMARY KEY,
  -- Whom it stands for; it ends with that token. NULL: whoever has the token of the installation.
  api_token_id bigint REFERENCES attune.api_token (id) ON DELETE CASCADE,
  -- Of the cookie, under the token of the installation: with another token it does not fit any more, and who reads it can try out neither.
  installation_mac bytea,
  created timestamptz NOT NULL DEFAULT now(),
  -- Written at most once a minute.
  last_seen timestamptz NOT NULL DEFAULT now(),
  -- At the latest, however busy.
  expires timestamptz NOT NULL,
  CONSTRAINT admin_session_token_hash_length CHECK (length(token_hash) = 32),
  CONSTRAINT admin_session_one_identity CHECK ((api_token_id IS NULL) <> (installation_mac IS NULL)),
  CONSTRAINT admin_session_installation_mac_length CHECK (length(installation_mac) = 32),
  CONSTRAINT admin_session_expires_finite CHECK (isfinite(expires))
);
--> statement-breakpoint
COMMENT ON TABLE attune.admin_session IS 'Who is signed in to the console. What the cookies hold is nowhere: token_hash is a SHA-256.';
--> statement-breakpoint
CREATE INDEX admin_session_api_token ON attune.admin_session (api_token_id, last_seen);
