import { verify as verifySignature } from 'node:crypto'
import { certificateKey, isSnsCertificateUrl } from './certificate.ts'
import { decodeStrictly } from './decode.ts'
import type { RequestView } from './place.ts'
import type { VerificationOptions } from './request.ts'
import { refusal, type Unverified, type Verdict } from './verdict.ts'

/** What is signed of each type of message, in this order; a confirmation has what one needs to confirm. */
const NOTIFICATION = ['Message', 'MessageId', 'Subject', 'Timestamp', 'TopicArn', 'Type']
const CONFIRMATION = ['Message', 'MessageId', 'SubscribeURL', 'Timestamp', 'Token', 'TopicArn', 'Type']
const SIGNED_FIELDS: Readonly<Record<string, readonly string[]>> = {
  Notification: NOTIFICATION,
  SubscriptionConfirmation: CONFIRMATION,
  UnsubscribeConfirmation: CONFIRMATION,
}

/** The digest that each version of the signature is over. */
const VERSIONS: Readonly<Record<string, 'sha1' | 'sha256'>> = { '1': 'sha1', '2': 'sha256' }

/** The topic of the configuration that lets every topic pass. */
const ANY_TOPIC = '*'

/**
 * Amazon SNS: RSA over lines of names and values, under a certificate of Amazon. That proves the sender and not the topic, and everybody can
 * make a topic: so the topic has to be one of the configuration's.
 *
 * @see https://docs.aws.amazon.com/sns/latest/dg/sns-verify-signature-of-message.html
 */
export async function verifySns(
  view: RequestView,
  options: VerificationOptions,
  nowMs: number,
): Promise<Verdict> {
  const message = readMessage(view)
  if ('verified' in message) return message
  const topics = configuredTopics(view.config)
  if (topics.length === 0) {
    return refusal(
      'configuration_missing',
      'The trigger has no topicArn in its configuration, and a signature of SNS proves nothing without it.',
    )
  }
  const { certUrl, hash, text, signature, topic } = message
  const key = await certificateKey(
    isSnsCertificateUrl(certUrl) ? certUrl : null,
    options.fetchCertificate,
    nowMs,
  )
  if ('verified' in key) return key
  if (!verifySignature(hash, text, key, signature)) {
    return refusal('signature_mismatch', 'The signature does not match the message.')
  }
  return topics.includes(topic) || topics.includes(ANY_TOPIC)
    ? { verified: true, secretIndex: null, keyId: 'certificate' }
    : refusal(
        'topic_mismatch',
        'The message is genuine, but of a topic that the trigger is not configured for.',
      )
}

function configuredTopics(config: RequestView['config']): readonly string[] {
  const value = Object.hasOwn(config, 'topicArn') ? config['topicArn'] : undefined
  return [value].flat().filter((topic): topic is string => typeof topic === 'string' && topic !== '')
}

interface Message {
  readonly certUrl: string
  readonly hash: 'sha1' | 'sha256'
  readonly text: Uint8Array
  readonly signature: Uint8Array
  readonly topic: string
}

function readMessage(view: RequestView): Message | Unverified {
  const unreadable = refusal('body_unreadable', 'The body is no message of SNS.')
  if (view.json === null) return unreadable
  const read = (name: string): string | null | undefined => {
    const value = view.json?.at([name]) ?? 'absent'
    if (typeof value === 'string') return value === 'absent' ? undefined : null
    return value.isText() ? value.scalar() : null
  }
  const type = read('Type') ?? ''
  const names = Object.hasOwn(SIGNED_FIELDS, type) ? SIGNED_FIELDS[type] : undefined
  const given = read('Signature')
  const version = read('SignatureVersion') ?? ''
  const topic = read('TopicArn')
  if (names === undefined || typeof topic !== 'string') return unreadable
  if (given === undefined || given === '') {
    return refusal('signature_missing', 'The message has no Signature.')
  }
  const hash = Object.hasOwn(VERSIONS, version) ? VERSIONS[version] : undefined
  if (hash === undefined) {
    return refusal('algorithm_not_allowed', 'SignatureVersion of the message is neither 1 nor 2.')
  }
  const signature = given === null ? null : decodeStrictly(given, 'base64')
  if (signature === null) return refusal('signature_malformed', 'Signature of the message is no base64.')
  const text = signedText(names, read)
  return text === null ? unreadable : { certUrl: read('SigningCertURL') ?? '', hash, text, signature, topic }
}

/** A name and its value, each on a line. Only the subject may be missing. */
function signedText(
  names: readonly string[],
  read: (name: string) => string | null | undefined,
): Uint8Array | null {
  const lines: string[] = []
  for (const name of names) {
    const value = read(name)
    if (value === undefined && name === 'Subject') continue
    if (typeof value !== 'string') return null
    lines.push(name, value)
  }
  return Buffer.from(lines.map((line) => `${line}\n`).join(''))
}
