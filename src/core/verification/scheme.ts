import { type Static, Type as t } from '@sinclair/typebox'
import {
  SCHEME_CLAIMS_MAX,
  SCHEME_LIST_MAX,
  SCHEME_TEXT_LENGTH_MAX,
  SCHEME_TOLERANCE_SECONDS_MAX,
} from '../limits.ts'

/** How a request proves where it comes from. Everything else in a record says where the parts of that proof are. */
export const SCHEME_KINDS = [
  'generic',
  'hmac',
  'hash',
  'ed25519',
  'ecdsa-p256-sha256',
  'rsa-sha256',
  'aws-sns',
  'jwt',
  'token',
  'basic',
  'none',
] as const
export type SchemeKind = (typeof SCHEME_KINDS)[number]

/** What senders ask before they deliver; each name is one small function of its own, outside of the engine. */
export const HANDSHAKES = [
  'asana',
  'aws-sns',
  'azure-event-grid',
  'challenge-json',
  'cloudevents',
  'discord',
  'dropbox',
  'head',
  'meta',
  'ms-graph',
  'notion',
  'nylas',
  'okta',
  'slack',
  'twitch',
  'woocommerce',
  'x-crc',
  'xero',
  'zoom',
] as const
export type Handshake = (typeof HANDSHAKES)[number]

const text = (options: { readonly description?: string } = {}) =>
  t.String({ minLength: 1, maxLength: SCHEME_TEXT_LENGTH_MAX, ...options })
const literals = <const Names extends readonly string[]>(names: Names) =>
  t.Unsafe<Names[number]>(t.Union(names.map((name) => t.Literal(name))))
const record = <Value extends ReturnType<typeof text> | ReturnType<typeof t.Union>>(value: Value) =>
  t.Record(t.String({ maxLength: SCHEME_TEXT_LENGTH_MAX }), value, { maxProperties: SCHEME_CLAIMS_MAX })

/** Where a value is: `header:x-id`, `json:a.0.b`, `form:x`, `query:x`, `cfg:x` (the operator's configuration), `jwt:jti`. */
const Ref = text({
  description: 'a place such as header:x-signature, json:data.id, form:x, query:x or cfg:x',
})

const Hash = literals(['sha1', 'sha256', 'sha512'])
export type Hash = Static<typeof Hash>

const Encoding = literals(['hex', 'base64', 'base64url'])
export type Encoding = Static<typeof Encoding>

const Key = t.Object(
  {
    /** How the text of a secret becomes bytes. Default `utf8`. */
    enc: t.Optional(literals(['utf8', 'base64', 'hex', 'spki'])),
    /** Taken off the beginning of the secret when it is there. */
    strip: t.Optional(text()),
    /** A secret that does not begin with `strip` is taken as text, whatever `enc` says. */
    textWithoutPrefix: t.Optional(t.Boolean()),
    /** The key is this digest of the bytes. */
    digest: t.Optional(literals(['sha1'])),
    /** The sender escapes its secret for HTML before it shows it, and signs with the one that is not escaped. */
    htmlEntities: t.Optional(t.Boolean()),
    /** Where the request names the certificate whose key has signed it, and hosts that may serve one. */
    certUrl: t.Optional(Ref),
    hosts: t.Optional(t.Array(text(), { minItems: 1, maxItems: SCHEME_LIST_MAX })),
  },
  { additionalProperties: false },
)
export type KeyRecord = Static<typeof Key>

const Sig = t.Object(
  {
    /** The first of these that is present decides, even when it is empty. `header:name-*` is each header of that beginning. */
    from: t.Array(Ref, { minItems: 1, maxItems: SCHEME_LIST_MAX }),
    /** Has to be there, in exactly these letters. */
    prefix: t.Optional(text()),
    /** Splits the text into items, and `kv` each item, once, into name and value; those named `take` are signatures. */
    list: t.Optional(t.String({ minLength: 1, maxLength: 4 })),
    kv: t.Optional(t.String({ minLength: 1, maxLength: 4 })),
    take: t.Optional(text()),
    /** White space around items is no part of them. */
    trim: t.Optional(t.Boolean()),
    enc: Encoding,
  },
  { additionalProperties: false },
)
export type SigRecord = Static<typeof Sig>

const Timestamp = t.Object(
  {
    /** A place, or `sig:t` for the item of that name in the signature. */
    from: Ref,
    unit: literals(['s', 'ms', 'iso']),
    /** Seconds, into the past and into the future. */
    tolerance: t.Integer({ minimum: 1, maximum: SCHEME_TOLERANCE_SECONDS_MAX }),
  },
  { additionalProperties: false },
)
export type TimestampRecord = Static<typeof Timestamp>

/**
 * How one sender proves that a request is its own, as data: there is no code for a sender but for what `{code:…}` and the kind
 * `aws-sns` name. Operators write their own in the same words.
 *
 * Placeholders of `signed`, `signedForm`, `retryWith` and `claims`: `{body}` the raw bytes · `{ts}` and `{id}` as received · `{method}` ·
 * `{url}` the public URL with the received query · `{url:hubspot}` · `{url:path}` without the query · `{header:x}` `{json:a.b}` `{form:x}` `{query:x}`
 * `{cfg:x}` · `{params}` form parameters sorted · `{crc32}` · `{sha256:hex|base64|base64url}` of the body · `{secret}` (kind `hash` only) ·
 * `{code:contentful|plivo|qsh}`.
 */
export const Scheme = t.Object(
  {
    scheme: literals(SCHEME_KINDS),
    hash: t.Optional(Hash),
    key: t.Optional(Key),
    sig: t.Optional(Sig),
    /** Further signatures with keys of their own, from the configuration. */
    alt: t.Optional(
      t.Array(t.Object({ sig: Sig, keyFrom: text() }, { additionalProperties: false }), {
        minItems: 1,
        maxItems: SCHEME_LIST_MAX,
      }),
    ),
    ts: t.Optional(Timestamp),
    /** The message id that is part of what is signed. */
    id: t.Optional(Ref),
    signed: t.Optional(text()),
    /** What is signed instead when the body is a form. */
    signedForm: t.Optional(text()),
    /** The sender is not consistent in how it writes the URL: all its ways are tried. */
    urlVariants: t.Optional(t.Boolean()),
    /** A digest of a body that is no form, signed as part of the URL. */
    bodyHash: t.Optional(
      t.Object({ from: Ref, hash: Hash, enc: literals(['hex', 'base64']) }, { additionalProperties: false }),
    ),
    /** Places that must hold exactly these values. */
    require: t.Optional(record(text())),
    /** The path of an array of which each element is verified; in each, `item` holds what the places are relative to. */
    each: t.Optional(text()),
    item: t.Optional(text()),
    /** The JSON is in this field of a form. */
    bodyJson: t.Optional(Ref),
    /** A second text that is tried. */
    retryWith: t.Optional(text()),
    token: t.Optional(Ref),
    /** What stands before a token or JWT in its header. */
    prefix: t.Optional(text()),
    algs: t.Optional(t.Array(literals(['HS256', 'HS384', 'HS512', 'ES256']), { minItems: 1, maxItems: 4 })),
    /** What claims must say; of several texts one. */
    claims: t.Optional(
      record(t.Union([text(), t.Array(text(), { minItems: 1, maxItems: SCHEME_LIST_MAX })])),
    ),
    need: t.Optional(t.Array(literals(['exp', 'iat', 'nbf']), { minItems: 1, maxItems: 3 })),
    /** Seconds since `iat`, into the past and into the future. */
    maxAge: t.Optional(t.Integer({ minimum: 1, maximum: SCHEME_TOLERANCE_SECONDS_MAX })),
    /** The configuration's name of a further secret. */
    nextKey: t.Optional(text()),
    jwk: t.Optional(literals(['by-kid'])),
    /** Where a shared token is. */
    at: t.Optional(Ref),
    event: t.Optional(Ref),
    dedup: t.Optional(Ref),
    handshake: t.Optional(literals(HANDSHAKES)),
    /** The preset that judges a request which has none of this scheme's signatures. */
    fallback: t.Optional(text()),
  },
  { additionalProperties: false },
)
export type Scheme = Static<typeof Scheme>
