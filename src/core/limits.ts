/**
 * Every limit of the house, with its unit in its name and its reason beside it. Whatever a stranger
 * can send is bounded by one of these.
 */

/** Bytes in the "kb" of a payload limit. */
export const BYTES_PER_KB = 1024

/** The limit a trigger starts with and returns to. */
export const PAYLOAD_KB_DEFAULT = 1024

/** GitHub sends at most 25 MiB, the largest body of any sender we know. */
export const BODY_BYTES_MAX_DEFAULT = 25 * 1024 * 1024

/** No trigger and no setting goes above this: a `bytea` travels as hexadecimal text of twice the size. */
export const BODY_BYTES_MAX_CEILING = 64 * 1024 * 1024

/** The highest limit that a trigger can have. */
export const PAYLOAD_KB_MAX = BODY_BYTES_MAX_CEILING / BYTES_PER_KB

/** All bodies that are being read, or wait to be stored, together. Past it: 503. */
export const BODY_BYTES_IN_FLIGHT_MAX = 128 * 1024 * 1024

/** The share of one trigger in it: room for one body of the ceiling, and for other triggers beside it. */
export const BODY_BYTES_IN_FLIGHT_PER_TRIGGER_MAX = BODY_BYTES_MAX_CEILING

/** A sender that has not finished its body by then is answered 408. */
export const BODY_READ_MS_MAX = 30_000

/** Accepted attempts that wait for the intake writer. Past it: 503. */
export const INTAKE_QUEUE_ROWS_MAX = 4_096

/** One statement of the intake writer. Small enough that a commit stays short, large enough to share it. */
export const INTAKE_BATCH_ROWS_MAX = 512
export const INTAKE_BATCH_BYTES_MAX = 4 * 1024 * 1024

/**
 * An attempt that is not stored by then is answered 503, so that its sender tries again. Together with one wait for a check it
 * stays within the ten seconds that GitHub waits for an answer.
 */
export const ACCEPT_MS_MAX = 7_000

/** Rejections that wait for the intake writer. Past it they are merged with a count. */
export const AUDIT_QUEUE_ROWS_MAX = 2_048

/** Headers of a rejected attempt in its row. Those of the senders we know take about a third of it. */
export const REJECTED_HEADERS_LENGTH_MAX = 3_072

/** Rows a flood of rejections may write one by one, and how fast that allowance comes back. */
export const AUDIT_ROWS_BURST_PER_TRIGGER = 200
export const AUDIT_ROWS_PER_SECOND_PER_TRIGGER = 1
export const AUDIT_ROWS_BURST = 2_000
export const AUDIT_ROWS_PER_SECOND = 10

/** Distinct merged rows that one interval may hold; what does not fit is merged with its address left out. */
export const AUDIT_MERGED_ROWS_MAX = 64

/** Merged rows are written this often, so that a flood costs a bounded number of rows a minute. */
export const AUDIT_MERGE_INTERVAL_MS = 5_000

/** The rate-limit counter: requests that wait for the next batch. Past it: 503. */
export const RATE_LIMIT_QUEUE_MAX = 8_192

/** A count gives up on a row that someone else has locked for so long. Counts hold theirs for an instant. */
export const RATE_LIMIT_LOCK_MS_MAX = 500

/** A request that was let on before it was counted is counted within this, also when nothing is stored meanwhile. */
export const DEFERRED_COUNT_MS_MAX = 100

/** Triggers that are kept in memory, known and unknown keys apart. */
export const TRIGGER_CACHE_MAX = 10_000
export const UNKNOWN_KEY_CACHE_MAX = 10_000

/** Keys that wait for a look-up. Past it: 503. */
export const LOOKUP_QUEUE_MAX = 4_096

/** A cached trigger is believed for this long after the database last confirmed it. */
export const TRIGGER_FRESH_MS = 1_000

/** A cached trigger is read again after this whatever the feed says: a change written with triggers switched off is not in it. */
export const TRIGGER_AGE_MS_MAX = 30_000

/** The clocks of host and database: apart by more than the first is an error in the log, by more than the second nothing is accepted. */
export const CLOCK_SKEW_WARNED_MS = 5 * 60_000
export const CLOCK_SKEW_MS_MAX = 24 * 3_600_000

/** How often the feed of trigger changes is read; two polls fit into `TRIGGER_FRESH_MS`. */
export const TRIGGER_POLL_MS = 400

/** Look-ups, counts and polls of the receiver give up after this, and refuse. */
export const QUERY_MS_MAX = 2_500

/** Admin queries are ended after this, so that none keeps intake waiting. */
export const ADMIN_QUERY_MS_MAX = 15_000

/** Lists of the admin API. */
export const PAGE_ROWS_DEFAULT = 50
export const PAGE_ROWS_MAX = 500

/**
 * A page whose rows have to be searched for ends where the search has come to after so long, so that it is there in half as long again. A
 * search goes in steps, which grow while one is quick and shrink when one is slow.
 */
export const PAGE_SEARCH_MS_MAX = 80
export const PAGE_SEARCH_QUICK_MS = 10
export const PAGE_SEARCH_SLOW_MS = 40

/** What of payloads can be searched for: beyond it lies nothing that people look for, and every term takes room on the disk. */
export const PAYLOAD_SEARCH_BYTES_MAX = 256 * 1024
export const PAYLOAD_SEARCH_DEPTH_MAX = 12
export const PAYLOAD_SEARCH_PATH_LENGTH_MAX = 512
export const PAYLOAD_SEARCH_VALUE_LENGTH_MAX = 256
export const PAYLOAD_SEARCH_NUMBER_LENGTH_MAX = 1_024

/** Terms of one event. One that has more is looked at in full by each search that comes by. */
export const PAYLOAD_SEARCH_TERMS_MAX = 512

/** One batch of the job that indexes payloads, at most. */
export const PAYLOAD_INDEX_ROWS_MAX = 512
export const PAYLOAD_INDEX_BYTES_MAX = 1024 * 1024

/** The share of its time in which that job works, itself or the database for it. */
export const PAYLOAD_INDEX_SHARE_MAX = 0.2

/** It waits while so many accepted attempts wait to be stored: more than one batch gathers in the ordinary course. */
export const PAYLOAD_INDEX_PRESSED_ROWS = 128

/** Rows of the webhook event log that are looked through in one step: at first, and when steps are quick or slow. */
export const LOG_SEARCH_ROWS_FIRST = 4_000
export const LOG_SEARCH_ROWS_MIN = 1_000
export const LOG_SEARCH_ROWS_MAX = 32_000

/** Longest text that the webhook event log is searched for. */
export const TEXT_SOUGHT_LENGTH_MAX = 256

/** A page of events ends early once its bodies reach this many bytes, so that no page outgrows memory. */
export const PAGE_BODY_BYTES_MAX = 8 * 1024 * 1024

/** Bodies of the admin API: settings, never payloads. */
export const ADMIN_BODY_BYTES_MAX = 1024 * 1024

/** Of strangers no more is read than a token needs, whose connections nobody counts. */
export const SIGN_IN_BODY_BYTES_MAX = 4 * 1024

/** Fields that the answer to one wrong request names; a whitelist may have so many entries. */
export const FIELD_PROBLEMS_MAX = 1_000

export const TRIGGER_REF_LENGTH_MAX = 255
export const TRIGGER_LABEL_LENGTH_MAX = 255
export const TRIGGER_DESCRIPTION_LENGTH_MAX = 4_096

/** What is looked for in refs and labels; none of them is longer. */
export const TRIGGER_SEARCH_LENGTH_MAX = 255

export const HMAC_SECRET_LENGTH_MIN = 8
export const HMAC_SECRET_LENGTH_MAX = 512

/** Secrets of one trigger, expired ones included; the database refuses more. Each live one may cost a digest of the body. */
export const WEBHOOK_SECRETS_MAX = 16

/** A label of a secret, and a secret of a scheme, which may be shorter than one of the generic HMAC: some senders choose it. */
export const SECRET_LABEL_LENGTH_MAX = 64
export const SECRET_LENGTH_MAX = 512

/** How long a secret can go on beside a newer one. */
export const SECRET_OVERLAP_SECONDS_MAX = 365 * 86_400

/** An expired secret is kept so long, so that it can be said of a refused attempt that it was signed with it. */
export const SECRET_KEPT_DAYS = 30

/** How often it is written down which secrets were used. */
export const SECRET_USES_WRITE_MS = 60_000

/** Secrets whose use waits to be written down. */
export const SECRET_USES_MAX = 10_000

/** Values of the configuration of a scheme: a JSON Web Key Set is the largest. The database refuses more than 32 KiB in all. */
export const VERIFICATION_CONFIG_ENTRIES_MAX = 16
export const VERIFICATION_CONFIG_LENGTH_MAX = 8_192
export const PUBLIC_KEY_LENGTH_MAX = 4_096
export const VERIFICATION_TOLERANCE_SECONDS_MAX = 86_400

/** Rows that `rekey` seals anew in one transaction. */
export const REKEY_BATCH_ROWS = 100

/** A body that is declared longer is not read while its headers can be told to be wrong. */
export const BODY_BYTES_JUDGED_UNREAD = 16 * 1024

/** Certificates of senders: how long one is believed, how long a failure is, how many are kept and fetched at once. */
export const CERTIFICATE_AGE_MS_MAX = 3_600_000
export const CERTIFICATE_FAILURE_MS = 5_000
export const CERTIFICATES_MAX = 64
export const CERTIFICATE_FETCHES_MAX = 4
export const CERTIFICATE_FETCH_MS_MAX = 3_000

/**
 * How far back the id of a delivery is looked for. Senders give up after hours to days; the upper end bounds the ledger. It is never
 * less than the time for which a timestamp is believed.
 */
export const DEDUPLICATION_WINDOW_SECONDS_MIN = 60
export const DEDUPLICATION_WINDOW_SECONDS_MAX = 30 * 86_400
export const DEDUPLICATION_WINDOW_SECONDS_DEFAULT = 86_400

/** Fields that together are the id of a delivery. */
export const DEDUPLICATION_FIELDS_MAX = 8
export const DEDUPLICATION_FIELD_LENGTH_MAX = 256

/** Claims that are pruned at once, and how often in one run of the maintenance: about 1,600 a second in the long run. */
export const DELIVERIES_PRUNED_ROWS_MAX = 10_000
export const DELIVERIES_PRUNED_BATCHES_MAX = 100

export const RATE_LIMIT_REQUESTS_MAX = 10_000
export const RATE_LIMIT_WINDOW_SECONDS_MAX = 3_600

export const IP_WHITELIST_ENTRIES_MAX = 1_000

/** So much of an entry comes back from the check of a list, which takes whatever was pasted. */
export const WHITELIST_ENTRY_SHOWN_LENGTH_MAX = 128

/** Addresses of a forwarding header that are walked; a longer chain is not believed. */
export const FORWARDED_HOPS_MAX = 64

/** Longest text of a sender that is kept beside the body. */
export const USER_AGENT_LENGTH_MAX = 512
export const CONTENT_TYPE_LENGTH_MAX = 255

export const RETENTION_DAYS_DEFAULT = 90
export const RETENTION_DAYS_MAX = 3_650

/** Seconds that a 503 asks its sender to wait. */
export const RETRY_AFTER_SECONDS = 5

/** From the first signal to the end of the process. */
export const SHUTDOWN_MS_MAX = 20_000

/** 32 characters of a random token are out of reach of guessing; the upper end keeps it within one header. */
export const ADMIN_TOKEN_LENGTH_MIN = 32
export const ADMIN_TOKEN_LENGTH_MAX = 1_024

/** Tokens of the admin API that are neither revoked nor expired; those that are, are kept for so long and up to so many. */
export const API_TOKENS_MAX = 100
export const API_TOKENS_ENDED_MAX = 1_000
export const API_TOKEN_KEPT_DAYS = 90
export const API_TOKEN_NAME_LENGTH_MAX = 64
export const API_TOKEN_DAYS_MAX = 3_650

/** Its random part, and how many characters of it are shown so that its owner knows it: 224 of 256 bits stay unseen. */
export const API_TOKEN_BYTES = 32
export const API_TOKEN_PREFIX_LENGTH = 15

/** A session ends after so long without a request, and after so long in any case: a working day with its breaks. */
export const ADMIN_SESSION_IDLE_SECONDS_MAX = 2 * 3_600
export const ADMIN_SESSION_SECONDS_MAX = 12 * 3_600

/** Sessions of one token. Past it the one that was used the longest ago ends. */
export const ADMIN_SESSIONS_MAX = 50

/** When a token or a session was used is written down no more often. */
export const LAST_USE_WRITE_SECONDS = 60

/**
 * Look-ups of tokens and sessions that are under way at once, and how many of them may be of what was not found at its last look-up: of one
 * address, which has as many as a browser asks at once and more, and of all. Past either: 503.
 */
export const SIGN_IN_LOOKUPS_MAX = 64
export const SIGN_IN_LOOKUPS_UNKNOWN_MAX = 48
export const SIGN_IN_LOOKUPS_PER_ADDRESS_MAX = 16

/** Tokens and sessions that are remembered to have been found. */
export const SIGN_IN_LOOKUPS_KNOWN_MAX = 4_096

/** Wrong tokens that one address may show in this time; then it shows none at all until the time is over. */
export const WRONG_TOKENS_MAX = 10
export const WRONG_TOKENS_MS = 60_000

/** Addresses of which that is remembered. Whoever has more of them could not guess a token either. */
export const WRONG_TOKEN_ADDRESSES_MAX = 10_000

/** Longest text of one field of a log entry; what is cut off ends in an ellipsis. */
export const LOG_TEXT_LENGTH_MAX = 2_048

/** Lines of the log that wait for their reader; past it they are counted and dropped. One write takes up to the second. */
export const LOG_QUEUE_BYTES_MAX = 1024 * 1024
export const LOG_WRITE_BYTES_MAX = 64 * 1024

/** The end of the process waits so long for the reader of its log. */
export const LOG_FLUSH_MS_MAX = 1_000

/** One call of the command line to the admin API. Above `ADMIN_QUERY_MS_MAX`, so that the server's answer comes first. */
export const CLIENT_MS_MAX = 30_000

/** A container engine gives its health check few seconds; a late answer is a no. */
export const HEALTHCHECK_MS_MAX = 5_000

/** `log list --follow`: how often it asks, how far back one poll reads, and how many printed rows it remembers. */
export const FOLLOW_POLL_MS = 1_000
export const FOLLOW_PAGES_MAX = 20
export const FOLLOW_IDS_MAX = 20_000

/** Processing times and the busiest triggers and addresses are told of so many rows, the newest; so many of each are named. */
export const OVERVIEW_ROWS_MAX = 10_000
export const ACTIVITY_ENTRIES_MAX = 10

/** Triggers whose activity is asked for at once. */
export const ACTIVITY_TRIGGERS_MAX = 50

/**
 * The live tail of the webhook event log: how often new rows are looked for, how far back, and, since a row can be stored up to a minute
 * after newer ones, how far back now and then; so many of these polls later. Its readers, at one process.
 */
export const TAIL_POLL_MS = 500
export const TAIL_OVERLAP_MS = 5_000
export const TAIL_LONG_OVERLAP_MS = 60_000
export const TAIL_POLLS_BETWEEN_LONG = 10
export const TAIL_READERS_MAX = 32

/** Rows that one poll hands on, ids that it looks at, and rows that a reader who was away catches up with. Past it: a gap. */
export const TAIL_ROWS_MAX = 500
export const TAIL_IDS_MAX = 10_000

/** What waits for one reader; when a reader is slower, rows are left out. */
export const TAIL_QUEUE_BYTES_MAX = 2 * 1024 * 1024

/** A sign of life on a tail without rows, well within `IDLE_SECONDS_MAX`. */
export const TAIL_SILENCE_MS_MAX = 5_000

/** How often it is asked whether who reads a tail still may. */
export const TAIL_IDENTITY_MS = 10_000

/**
 * An export: its rows, of which one page at a time is in memory; after so many it ends and says where to go on. How many there are at once at
 * one process, which leaves connections to everybody else, and the share of its time in which one works, itself or the
 * database for it: the smaller one while attempts wait to be stored.
 */
export const EXPORT_ROWS_MAX = 1_000_000
export const EXPORTS_MAX = 2
export const EXPORT_SHARE_MAX = 0.6
export const EXPORT_PRESSED_SHARE_MAX = 0.15

/** What of an export is handed to its connection at once, and how long that may take before the client counts as gone. */
export const EXPORT_PIECE_LENGTH = 64 * 1024
export const EXPORT_STALL_MS_MAX = 60_000

/** The longest that an export goes on: who reads more slowly asks for less. */
export const EXPORT_MS_MAX = 2 * 3_600_000

/** Longest cell of a table of the command line; `--json` has the whole text. */
export const TABLE_CELL_LENGTH_MAX = 72

/** One group of wire-protocol messages to the embedded database: twice the largest body as hexadecimal text, and then some. */
export const EMBEDDED_GROUP_BYTES_MAX = 256 * 1024 * 1024

/** Complete groups of one connection that wait for their turn at the embedded database; past it writes wait too. */
export const EMBEDDED_WAITING_BYTES_MAX = 8 * 1024 * 1024

/** The embedded database has one session: whoever holds it between two messages for longer is rolled back and cut off. */
export const EMBEDDED_TURN_IDLE_MS_MAX = 10_000

/** WAL written since the last checkpoint before the embedded database makes the next one; it never does by itself. */
export const EMBEDDED_CHECKPOINT_WAL_BYTES = 32 * 1024 * 1024

/** `events show` prints this much of a body for people to read; `--body` writes all of it. */
export const EVENT_SHOWN_BYTES_MAX = 16 * 1024

/** Log lines about unknown keys; a flood of guesses is counted, not written down one by one. */
export const UNKNOWN_KEY_LOG_LINES_PER_MINUTE = 60

/** A declared body up to this is read in one go; a longer one by the chunk, so that memory holds only what has arrived. */
export const BODY_BYTES_READ_AT_ONCE_MAX = 64 * 1024

/** Waits before the embedded database is opened again after it has stopped; when they are used up the process gives up. */
export const EMBEDDED_REOPEN_DELAYS_MS: readonly number[] = [100, 1_000, 2_000, 4_000, 8_000]

/** An embedded database that has stayed up for so long begins with the first of those waits again. */
export const EMBEDDED_STEADY_MS = 60_000

/**
 * Two segments of write-ahead log: with less room on its disk the embedded database cannot recover, and is not opened again until
 * there is more, which is looked for this often.
 */
export const EMBEDDED_DISK_BYTES_MIN = 32 * 1024 * 1024
export const EMBEDDED_DISK_POLL_MS = 1_000

/** A connection on which nothing moves for this long is closed. Longer than any of our own deadlines, in Bun's steps of 4 s. */
export const IDLE_SECONDS_MAX = 60

/** The end of the process: requests in flight first, then what waits to be written. Together within `SHUTDOWN_MS_MAX`. */
export const DRAIN_MS_MAX = 10_000
export const FLUSH_MS_MAX = 5_000

/**
 * A listener that closes first hears no newcomers for this long: the time for handshakes under way to end, for senders that hold a
 * connection to learn with their next answer that it was the last, and for a long tick of the event loop.
 */
export const DRAIN_GRACE_MS = 300

/** Who is not done after `DRAIN_MS_MAX` is told to come again, and has so long to hear it. */
export const LAST_ANSWER_MS = 250

/** Receiver processes of one `serve`. Each holds up to six connections to the database. */
export const PROCESSES_MAX = 64

/** A receiver process that has died is started anew after the first of these, doubled each time up to the second. */
export const PROCESS_RESTART_MS_MIN = 100
export const PROCESS_RESTART_MS_MAX = 5_000

/** One that has listened for so long begins with the shortest wait again. */
export const PROCESS_STEADY_MS = 10_000

/** A receiver process that has just been started is told what to do within this, or nobody is there to tell it. */
export const PROCESS_ORDER_MS_MAX = 10_000

/** How often a receiver process looks whether it is still ready; a change is reported. */
export const PROCESS_READY_MS = 200

/** Draining and flushing fit into this; then a receiver process is killed. Below `SHUTDOWN_MS_MAX`. */
export const PROCESS_STOP_MS_MAX = 18_000

/** A scrape waits so long for the metrics of the receiver processes; of one that is late, the last ones are shown. */
export const METRICS_WAIT_MS_MAX = 1_000

/** How often a receiver process reports its metrics unasked: what it counted since is lost when it is killed. */
export const METRICS_REPORT_MS = 5_000

/** Longest line that is taken from a receiver process; a longer one is cut in pieces. */
export const PROCESS_LINE_LENGTH_MAX = 262_144

/** A database that starts beside us is waited for. */
export const DATABASE_WAIT_MS_MAX = 60_000
export const DATABASE_WAIT_STEP_MS = 1_000

/** A scheme that an operator writes: its JSON as a whole, one text in it, entries of a list, entries of a map, placeholders of a text. */
export const SCHEME_BYTES_MAX = 16 * 1024
export const SCHEME_TEXT_LENGTH_MAX = 512
export const SCHEME_LIST_MAX = 8
export const SCHEME_CLAIMS_MAX = 16
export const SCHEME_PLACEHOLDERS_MAX = 32

/** The widest window of a timestamp. Longer than any sender repeats a delivery; beyond it a timestamp says nothing. */
export const SCHEME_TOLERANCE_SECONDS_MAX = 7 * 86_400

/** Signatures of one request that are looked at; a sender that rotates its secret sends two or three. */
export const SIGNATURES_MAX = 20

/** DocuSign signs once for each of up to so many keys, in a header each. */
export const SIGNATURE_HEADERS_MAX = 100

/** Secrets of one trigger that are tried. */
export const SECRETS_MAX = 20

/** Digits of a timestamp: microseconds until the year 2286. */
export const TIMESTAMP_DIGITS_MAX = 16

/** Elements of a body that are verified one by one; Microsoft Graph sends some hundred at most. */
export const VERIFIED_ELEMENTS_MAX = 1_000

/** Longest JWT. The senders we know stay below 2 KB. */
export const JWT_LENGTH_MAX = 8_192

/** A JWT that begins in the future is accepted this much early: senders put their own present into it. */
export const JWT_EARLY_SECONDS_MAX = 10

export const CERTIFICATE_URL_LENGTH_MAX = 1_024
export const CERTIFICATE_PEM_LENGTH_MAX = 32 * 1024

/** Longest event type or duplicate id that is read from a request. */
export const REF_TEXT_LENGTH_MAX = 1_024

/** One line of `verify`: the largest body as base64, and its headers. */
export const VERIFY_LINE_BYTES_MAX = BODY_BYTES_MAX_CEILING * 2

/** Fields of a form or query; more than any sender has, few enough to be sorted. */
export const FORM_FIELDS_MAX = 10_000

/** Longest signature, token or password of a request: RSA with 16,384 bits in hexadecimal digits. */
export const SIGNATURE_LENGTH_MAX = 4_096

/** Longest token that a handshake signs, echoes or remembers; the senders we know stay below 100 characters. */
export const HANDSHAKE_TOKEN_LENGTH_MAX = 256

/** Longest text that a handshake echoes; Microsoft Graph and Okta send sentences. */
export const HANDSHAKE_TEXT_LENGTH_MAX = 512

/** A larger body is no handshake, and is not read before its headers are judged. */
export const HANDSHAKE_BODY_BYTES_MAX = BODY_BYTES_JUDGED_UNREAD

/** Longest URL that confirms a subscription; SNS sends some 400 characters. */
export const HANDSHAKE_URL_LENGTH_MAX = 1_024

/** How long a URL that confirms a subscription may take, and how many are fetched at once. Senders wait 15 seconds. */
export const CONFIRMATION_MS_MAX = 5_000
export const CONFIRMATIONS_MAX = 4

/** For how long a trigger may expect the handshake of its sender. */
export const HANDSHAKE_ARMED_MINUTES_DEFAULT = 15
export const HANDSHAKE_ARMED_MINUTES_MAX = 1_440

/** The signature doctor: what it tries at most for one request, and how long it works before it lets others have their turn. */
export const DOCTOR_CANDIDATES_MAX = 2_000
export const DOCTOR_BYTES_MAX = 256 * 1024 * 1024
export const DOCTOR_MS_MAX = 3_000
export const DOCTOR_TURN_MS = 15

/** JSON that it writes anew, and causes that it names. */
export const DOCTOR_JSON_BYTES_MAX = 1024 * 1024
export const DOCTOR_JSON_DEPTH_MAX = 200
export const DIAGNOSES_MAX = 5

/** What a trigger keeps of attempts that were refused for their signature, and what a row of that takes beside its texts and body. */
export const REJECTED_BODY_BYTES_MAX_DEFAULT = 1024 * 1024
export const REJECTED_BODY_BYTES_MAX_CEILING = BODY_BYTES_MAX_CEILING
export const REJECTED_BODY_ROW_BYTES = 1024

/** Rejected bodies that wait to be written. Past it they are not kept. */
export const REJECTED_BODIES_QUEUE_ROWS_MAX = 256
export const REJECTED_BODIES_QUEUE_BYTES_MAX = 16 * 1024 * 1024

/** What strangers may have one trigger write of them, at once and from then on. */
export const REJECTED_BODY_BYTES_BURST_PER_TRIGGER = 8 * 1024 * 1024
export const REJECTED_BODY_BYTES_PER_SECOND_PER_TRIGGER = 128 * 1024

/** Longest query that is kept; the HTTP server takes no longer line than this. */
export const KEPT_QUERY_LENGTH_MAX = 16 * 1024

/** Rows of the admin audit log are kept for a year, in which the last of so many are: whoever changes things all day cannot fill the disk. */
export const ADMIN_AUDIT_DAYS_MAX = 365
export const ADMIN_AUDIT_ROWS_MAX = 1_000_000

/** Of a name in it, a token's or a target's, and of an action. The table has the same. */
export const AUDIT_NAME_LENGTH_MAX = 255
export const AUDIT_ACTION_LENGTH_MAX = 64

/** A test webhook: its body, its headers in number and together, of which the HTTP server takes 16 KiB with its own, and what is shown of the answer. */
export const TEST_BODY_BYTES_MAX = 512 * 1024
export const TEST_HEADERS_MAX = 64
export const TEST_HEADERS_LENGTH_MAX = 12 * 1024
export const TEST_ANSWER_BYTES_MAX = 64 * 1024

/** The receiver answers within `ACCEPT_MS_MAX` and the wait for a check; a test that takes longer has failed. */
export const TEST_MS_MAX = 20_000

/** The row of a refused attempt is written a little after its answer. A flood is merged into rows of other ids, so it may never come. */
export const TEST_ROW_WAIT_MS = 3_000
export const TEST_ROW_POLL_MS = 50

/** A preview: attempts that it judges, the bodies of those that it verifies again together and at once, and how long it works at that. */
export const PREVIEW_ATTEMPTS_MAX = 1_000
export const PREVIEW_BYTES_MAX = 32 * 1024 * 1024
export const PREVIEW_BATCH_BYTES_MAX = 4 * 1024 * 1024
export const PREVIEW_BATCH_ROWS_MAX = 100
export const PREVIEW_MS_MAX = 2_000

/** What it names: attempts that would be refused newly, and addresses that would be locked out, of so many accepted attempts of the last day. */
export const PREVIEW_EXAMPLES_MAX = 10
export const PREVIEW_ADDRESSES_MAX = 100
export const PREVIEW_ADDRESS_ROWS_MAX = 10_000
