import { createHmac, timingSafeEqual } from 'node:crypto'
import { HANDSHAKE_BODY_BYTES_MAX, HANDSHAKE_URL_LENGTH_MAX } from '../limits.ts'
import type { CompiledScheme } from './compiled.ts'
import { queryFields } from './form.ts'
import { isHandshakeText, isHandshakeToken } from './handshake-token.ts'
import { JsonText } from './json.ts'
import { prepareKeys } from './keys.ts'
import type { VerificationKeys, VerificationRequest } from './request.ts'
import type { Handshake } from './scheme.ts'

/** What has to happen before the answer leaves. */
export type HandshakeEffect =
  /** The sender has handed over the secret that it will sign with; `isToBeShown`: its administrator has to type it in there. */
  | { readonly kind: 'remember'; readonly secret: string; readonly isToBeShown: boolean }
  /** The subscription begins when this URL is fetched. */
  | { readonly kind: 'confirm'; readonly url: string }

export interface HandshakeAnswer {
  readonly kind: 'answer'
  readonly status: 200 | 204
  /** `null`: there is no body, and it has no type. */
  readonly contentType: string | null
  readonly body: string
  /** Beyond the content type. */
  readonly headers: Readonly<Record<string, string>>
  readonly effect: HandshakeEffect | null
  /** For the audit row: what is left for the administrator to do. */
  readonly note: string | null
}

/** It is a handshake, and is not answered. The reason is for the audit row and quotes nothing of the request. */
export interface HandshakeRefused {
  readonly kind: 'refused'
  readonly reason: string
}

export type HandshakeOutcome = HandshakeAnswer | HandshakeRefused

export interface HandshakeInput {
  readonly compiled: CompiledScheme
  readonly request: VerificationRequest
  /** Live secrets, newest first. */
  readonly keys: VerificationKeys
  /** Whether the administrator expects a handshake just now. */
  readonly isArmed: boolean
  /** Which of the secrets has verified this request; `null`: none has, or another key. */
  readonly secretIndex: number | null
}

interface Procedure {
  readonly method: 'GET' | 'HEAD' | 'OPTIONS' | 'POST'
  /** Answered only to a request that the scheme has verified. */
  readonly isSigned: boolean
  /** `null`: the request is no handshake. */
  readonly answer: (input: HandshakeInput) => HandshakeOutcome | null
}

/**
 * Answers the handshake of a request that nothing is known of yet, or says that it is none (`null`). Pure; never throws.
 *
 * It is no oracle: what it signs or echoes keeps to `handshake-token.ts`, whatever the request has.
 */
export const unsignedHandshake = (input: HandshakeInput): HandshakeOutcome | null => proceed(input, false)

/** The same for a request that the scheme of the trigger has verified. */
export const signedHandshake = (input: HandshakeInput): HandshakeOutcome | null => proceed(input, true)

/** Whether requests of a method may be handshakes, before or after they are verified: all others need not be looked at. */
export const hasHandshake = (compiled: CompiledScheme | null, method: string, isSigned: boolean): boolean =>
  proceduresOf(compiled).some((one) => one.method === method && one.isSigned === isSigned)

/** Whether the sender hands over its secret, so that a trigger begins without one. */
export const handsOverSecret = (handshake: Handshake | undefined): boolean =>
  handshake === 'asana' || handshake === 'notion'

const proceduresOf = (compiled: CompiledScheme | null): readonly Procedure[] => {
  const name = compiled?.scheme.handshake
  return name === undefined ? [] : PROCEDURES[name]
}

function proceed(input: HandshakeInput, isSigned: boolean): HandshakeOutcome | null {
  const { compiled, request } = input
  for (const procedure of proceduresOf(compiled)) {
    if (procedure.method !== request.method || procedure.isSigned !== isSigned) continue
    const outcome = procedure.answer(input)
    if (outcome !== null) return outcome
  }
  return null
}

const refused = (reason: string): HandshakeRefused => ({ kind: 'refused', reason })
const NOT_A_TOKEN = refused('the token of the handshake is too long, or has characters that no token has')
const NOT_ARMED = refused('the trigger does not expect a handshake; see `handshake arm`')

const answered = (part: Partial<HandshakeAnswer>): HandshakeAnswer => ({
  kind: 'answer',
  status: 200,
  contentType: null,
  body: '',
  headers: {},
  effect: null,
  note: null,
  ...part,
})
const PLAIN = 'text/plain; charset=utf-8'
const asText = (body: string): HandshakeAnswer => answered({ contentType: PLAIN, body })
const asJson = (value: object): HandshakeAnswer =>
  answered({ contentType: 'application/json', body: JSON.stringify(value) })

/** Echoes a token, when there is one. */
const echo = (
  token: string | null,
  answer: (token: string) => HandshakeAnswer,
  isAllowed = isHandshakeToken,
): HandshakeOutcome | null => (token === null ? null : isAllowed(token) ? answer(token) : NOT_A_TOKEN)

/** A parameter of the query; `null` when it is absent, or there twice. */
function parameter({ url }: VerificationRequest, name: string): string | null {
  const [first, second] = queryFields(url).filter(([given]) => given === name)
  return first === undefined || second !== undefined ? null : first[1]
}

/** A text in the JSON of the body; `null` when there is none, or more than one. */
function textAt(json: JsonText | null, ...path: string[]): string | null {
  const found = json?.at(path) ?? 'absent'
  return typeof found === 'string' || !found.isText() ? null : found.scalar()
}

const jsonOf = ({ body }: VerificationRequest): JsonText | null =>
  body.byteLength > HANDSHAKE_BODY_BYTES_MAX ? null : JsonText.parse(body)

const latin1 = ({ body }: VerificationRequest): string =>
  body.byteLength > HANDSHAKE_BODY_BYTES_MAX
    ? ''
    : Buffer.from(body.buffer, body.byteOffset, body.byteLength).toString('latin1')

/** The value of a JSON object that has this one member and nothing else. */
function onlyMember(request: VerificationRequest, name: string): string | null {
  const found = /^\s*\{\s*"([a-z_]{1,32})"\s*:\s*"([^"\\]*)"\s*\}\s*$/.exec(latin1(request))
  return found?.[1] === name ? (found[2] ?? null) : null
}

const echoQuery = (name: string, isAllowed = isHandshakeToken): Procedure['answer'] => {
  return ({ request }) => echo(parameter(request, name), asText, isAllowed)
}

/**
 * The sender makes the secret. Whoever comes first while the trigger is armed sets it, and it is never set twice. Without
 * `headers` the sender wants nothing back but to be told the secret by its administrator.
 */
function handOver(
  { isArmed, keys }: HandshakeInput,
  secret: string | null,
  headers: ((secret: string) => Readonly<Record<string, string>>) | null,
): HandshakeOutcome | null {
  if (secret === null) return null
  if (!isHandshakeToken(secret)) return NOT_A_TOKEN
  if (!isArmed) return NOT_ARMED
  if (keys.secrets.length > 0) return refused(SECRET_STORED)
  return headers === null
    ? answered({ effect: { kind: 'remember', secret, isToBeShown: true }, note: TO_BE_SHOWN })
    : answered({ headers: headers(secret), effect: { kind: 'remember', secret, isToBeShown: false } })
}

const TO_BE_SHOWN =
  'the secret was handed over; `handshake reveal` shows it once, to be typed in at the sender'

export const SECRET_STORED = 'the trigger has a secret already, which no handshake replaces'

/** @see https://developers.facebook.com/docs/graph-api/webhooks/getting-started */
function meta({ request, keys }: HandshakeInput): HandshakeOutcome | null {
  if (parameter(request, 'hub.mode') !== 'subscribe') return null
  const { verifyToken } = keys.config
  if (typeof verifyToken !== 'string' || verifyToken === '') {
    return refused('the trigger has no verifyToken in its configuration')
  }
  const given = parameter(request, 'hub.verify_token') ?? ''
  if (!isSame(given, Buffer.from(verifyToken).toString('latin1')))
    return refused('hub.verify_token is not that of the trigger')
  return echo(parameter(request, 'hub.challenge'), asText)
}

/** In a time that says nothing of where two texts differ: digests under a key of the moment have one length. */
function isSame(given: string, expected: string): boolean {
  const key = crypto.getRandomValues(new Uint8Array(32))
  const digest = (text: string) => createHmac('sha256', key).update(text, 'latin1').digest()
  return timingSafeEqual(digest(given), digest(expected))
}

/**
 * X signs the bare body of its webhooks with the same secret. The engine takes no body that is itself a token, so that none of what
 * is signed here is ever accepted; of any other scheme that could not be said.
 *
 * @see https://docs.x.com/x-api/webhooks/quickstart
 */
function challengeResponseCheck({ compiled, request, keys }: HandshakeInput): HandshakeOutcome | null {
  const token = parameter(request, 'crc_token')
  if (token === null) return null
  if (!isHandshakeToken(token)) return NOT_A_TOKEN
  const mac = compiled.isPlain ? macOf(token, { compiled, keys, secretIndex: 0 }) : null
  if (mac === null) return refused('the trigger has no secret that this handshake could be answered with')
  return asJson({ response_token: `sha256=${mac.toString('base64')}` })
}

function macOf(
  token: string,
  { compiled, keys, secretIndex }: Pick<HandshakeInput, 'compiled' | 'keys' | 'secretIndex'>,
): Buffer | null {
  const key = prepareKeys(compiled.scheme, keys).secrets.find((one) => one.secretIndex === secretIndex)
  return key === undefined ? null : createHmac('sha256', key.bytes).update(token).digest()
}

/**
 * Zoom signs `v0:`, a time and the body; a token has no colon, so what is signed here is never the signature of a webhook.
 *
 * @see https://developers.zoom.us/docs/api/webhooks/#validate-your-webhook-endpoint
 */
function zoom(input: HandshakeInput): HandshakeOutcome | null {
  const json = jsonOf(input.request)
  if (textAt(json, 'event') !== 'endpoint.url_validation') return null
  const plainToken = textAt(json, 'payload', 'plainToken')
  if (plainToken === null || !isHandshakeToken(plainToken)) return NOT_A_TOKEN
  const isApart = input.compiled.scheme.signed?.startsWith('v0:{ts}:') === true
  const mac = isApart ? macOf(plainToken, input) : null
  if (mac === null) return refused('the trigger has no secret that this handshake could be answered with')
  return asJson({ plainToken, encryptedToken: mac.toString('hex') })
}

/** @see https://docs.slack.dev/reference/events/url_verification */
function slack({ request }: HandshakeInput): HandshakeOutcome | null {
  const json = jsonOf(request)
  if (textAt(json, 'type') !== 'url_verification') return null
  return echo(textAt(json, 'challenge') ?? '', asText)
}

/** @see https://dev.twitch.tv/docs/eventsub/handling-webhook-events/#responding-to-a-challenge-request */
function twitch({ request }: HandshakeInput): HandshakeOutcome | null {
  if (request.header('twitch-eventsub-message-type') !== 'webhook_callback_verification') return null
  return echo(textAt(jsonOf(request), 'challenge') ?? '', asText)
}

/** Type 0 is the PING of webhook events; type 1 that of interactions, or a webhook event, which alone has an `event`. */
function discord({ request }: HandshakeInput): HandshakeOutcome | null {
  const json = jsonOf(request)
  const type = json?.at(['type']) ?? 'absent'
  const number = typeof type === 'string' || type.isText() ? null : type.scalar()
  if (number === '0') return answered({ status: 204, contentType: 'application/json' })
  return number === '1' && json?.at(['event']) === 'absent' ? asJson({ type: 1 }) : null
}

/** Xero tries good and bad signatures first, with a list of events that is empty; it wants no body in the answer. */
function xero({ request }: HandshakeInput): HandshakeOutcome | null {
  const events = jsonOf(request)?.at(['events']) ?? 'absent'
  const isEmpty = typeof events !== 'string' && events.elements(1)?.length === 0
  return isEmpty ? answered({}) : null
}

/**
 * The message is Amazon's and of a topic of the configuration. Still the subscription is confirmed only while that is expected: the
 * one that asked for it need not be the administrator.
 *
 * @see https://docs.aws.amazon.com/sns/latest/dg/SendMessageToHttp.prepare.html
 */
function sns({ request, isArmed }: HandshakeInput): HandshakeOutcome | null {
  const json = jsonOf(request)
  const type = textAt(json, 'Type')
  if (type === 'UnsubscribeConfirmation')
    return answered({ note: 'the topic no longer sends to this webhook' })
  if (type !== 'SubscriptionConfirmation') return null
  const url = textAt(json, 'SubscribeURL') ?? ''
  if (!isSubscribeUrl(url, textAt(json, 'TopicArn') ?? '')) {
    return refused('SubscribeURL does not confirm a subscription to the topic at Amazon')
  }
  return isArmed
    ? answered({ effect: { kind: 'confirm', url }, note: 'the subscription was confirmed' })
    : answered({ note: `not confirmed, since no handshake was expected; to confirm, open ${url}` })
}

const SUBSCRIBE_URL = /^https:\/\/sns\.[a-z0-9-]{3,}\.amazonaws\.com(?:\.cn)?\/\?[A-Za-z0-9%:=&._~-]+$/

/** To the letter, so that no parser can take another host from it, or another call than the one that is meant. */
function isSubscribeUrl(url: string, topic: string): boolean {
  if (url.length > HANDSHAKE_URL_LENGTH_MAX || !SUBSCRIBE_URL.test(url)) return false
  const fields = queryFields(url)
  const only = (name: string) => fields.filter(([given]) => given === name).map(([, value]) => value)
  const [token, ...others] = only('Token')
  return (
    fields.length === 3 &&
    only('Action').join() === 'ConfirmSubscription' &&
    only('TopicArn').join() === topic &&
    others.length === 0 &&
    /^[A-Za-z0-9]+$/.test(token ?? '')
  )
}

/** @see https://github.com/cloudevents/spec/blob/main/cloudevents/http-webhook.md */
function webhookOrigin({ request }: HandshakeInput): HandshakeOutcome | null {
  const origin = request.header('webhook-request-origin')
  if (origin === null) return null
  if (origin.length > 253 || !/^[A-Za-z0-9.-]+$/.test(origin)) return NOT_A_TOKEN
  const asksForRate = request.header('webhook-request-rate') !== null
  return answered({
    headers: {
      allow: 'POST',
      'webhook-allowed-origin': origin,
      ...(asksForRate && { 'webhook-allowed-rate': '*' }),
    },
  })
}

const EVENT_GRID_VALIDATION = 'Microsoft.EventGrid.SubscriptionValidationEvent'

/** @see https://learn.microsoft.com/azure/event-grid/end-point-validation-event-grid-events-schema */
function eventGrid({ request }: HandshakeInput): HandshakeOutcome | null {
  if (request.header('aeg-event-type') !== 'SubscriptionValidation') return null
  const [event, ...others] = jsonOf(request)?.elements(2) ?? []
  if (event === undefined || others.length > 0) return null
  if (textAt(event, 'eventType') !== EVENT_GRID_VALIDATION) return null
  return echo(textAt(event, 'data', 'validationCode') ?? '', (validationResponse) =>
    asJson({ validationResponse }),
  )
}

const unsigned = (method: Procedure['method'], answer: Procedure['answer']): Procedure => ({
  method,
  isSigned: false,
  answer,
})
const signed = (answer: Procedure['answer']): Procedure => ({ method: 'POST', isSigned: true, answer })

const PROCEDURES: Readonly<Record<Handshake, readonly Procedure[]>> = {
  asana: [
    unsigned('POST', (input) =>
      handOver(input, input.request.header('x-hook-secret'), (secret) => ({ 'x-hook-secret': secret })),
    ),
  ],
  'aws-sns': [signed(sns)],
  'azure-event-grid': [unsigned('POST', eventGrid), unsigned('OPTIONS', webhookOrigin)],
  'challenge-json': [
    unsigned('POST', ({ request }) =>
      echo(onlyMember(request, 'challenge'), (challenge) => asJson({ challenge })),
    ),
  ],
  cloudevents: [unsigned('OPTIONS', webhookOrigin)],
  discord: [signed(discord)],
  dropbox: [unsigned('GET', echoQuery('challenge'))],
  head: [unsigned('HEAD', () => answered({}))],
  meta: [unsigned('GET', meta)],
  'ms-graph': [unsigned('POST', echoQuery('validationToken', isHandshakeText))],
  notion: [
    unsigned('POST', (input) => handOver(input, onlyMember(input.request, 'verification_token'), null)),
  ],
  nylas: [unsigned('GET', echoQuery('challenge'))],
  okta: [
    unsigned('GET', ({ request }) =>
      echo(
        request.header('x-okta-verification-challenge'),
        (verification) => asJson({ verification }),
        isHandshakeText,
      ),
    ),
  ],
  slack: [signed(slack)],
  twitch: [signed(twitch)],
  // Sent without a signature when the webhook is saved, and repeated only by saving it again.
  woocommerce: [
    unsigned('POST', ({ request }) =>
      /^webhook_id=[0-9]{1,20}$/.test(latin1(request)) ? answered({}) : null,
    ),
  ],
  'x-crc': [unsigned('GET', challengeResponseCheck)],
  xero: [signed(xero)],
  zoom: [signed(zoom)],
}
