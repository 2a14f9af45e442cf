-- What an accepted attempt was, where it was more than a new event.
ALTER TABLE attune.webhook_event_log ADD COLUMN outcome text
  CONSTRAINT webhook_event_log_outcome_known CHECK (outcome IN ('handshake', 'duplicate', 'conflict', 'readmitted'));
--> statement-breakpoint
COMMENT ON COLUMN attune.webhook_event_log.outcome IS
  'NULL: a new event, or a rejection. handshake: the sender verified the URL. duplicate: of an event that is there. conflict: an event with the id of another but a different body. readmitted: turned away first, admitted by an administrator later.';
