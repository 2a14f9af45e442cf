import type { WebhookEventLogRow } from '../../core/event.ts'
import type { RejectionCode } from '../../core/rejection.ts'
import { Badge, type Tone } from '../kit/feedback.tsx'

interface Words {
  readonly label: string
  /** What it means and what to do, for somebody who has not read a page of documentation. */
  readonly explanation: string
}

/** Why the receiver turns attempts away. */
export const REFUSALS = {
  webhook_unknown: {
    label: 'Webhook unknown',
    explanation: 'No webhook has the key in this URL. Give the sender the URL that its trigger shows.',
  },
  webhook_disabled: {
    label: 'Webhook disabled',
    explanation: 'The webhook of this trigger is switched off. Switch it on to accept attempts.',
  },
  payload_too_large: {
    label: 'Payload too large',
    explanation:
      'The body is larger than the payload limit of the trigger. Raise the limit if such bodies are wanted.',
  },
  body_incomplete: {
    label: 'Body incomplete',
    explanation: 'The connection ended before the whole body had arrived. Senders usually deliver again.',
  },
  body_timeout: {
    label: 'Body timeout',
    explanation:
      'The body did not arrive in time. The line of the sender is slow, or it stopped in the middle.',
  },
  ip_not_allowed: {
    label: 'Address refused',
    explanation:
      'The address of the sender is not in the IP whitelist of the trigger. Add it there if it should pass.',
  },
  rate_limited: {
    label: 'Rate limited',
    explanation:
      'More attempts came than the rate limit of the trigger allows. The sender was told when to come again.',
  },
  signature_missing: {
    label: 'Signature missing',
    explanation: 'The trigger asks for a signature, and none came. Set the secret at the sender.',
  },
  signature_invalid: {
    label: 'Signature invalid',
    explanation: 'A signature came, and it does not fit this body and the secrets of the trigger.',
  },
  handshake_refused: {
    label: 'Handshake refused',
    explanation:
      'A sender asked to be confirmed while no handshake was expected. Arm one at the trigger, then try again.',
  },
  store_unavailable: {
    label: 'Not stored',
    explanation: 'The database could not take it just then. The sender was asked to send it again.',
  },
} as const satisfies Partial<Record<RejectionCode, Words>>

const isRefusal = (code: string): code is keyof typeof REFUSALS => Object.hasOwn(REFUSALS, code)

const OUTCOMES: Readonly<Record<string, Words & { readonly tone: Tone }>> = {
  accepted: { label: 'Accepted', tone: 'good', explanation: 'It passed every check and became an event.' },
  duplicate: {
    label: 'Duplicate',
    tone: 'accent',
    explanation:
      'The sender had delivered it before. It was answered with success, and no second event was made.',
  },
  conflict: {
    label: 'Conflict',
    tone: 'warn',
    explanation: 'Under the same id another body had come before. Both are kept as events of their own.',
  },
  handshake: {
    label: 'Handshake',
    tone: 'accent',
    explanation: 'The sender asked whether somebody is here, and was answered. It is no event.',
  },
  readmitted: {
    label: 'Readmitted',
    tone: 'good',
    explanation:
      'It had been refused for its signature, and was admitted as an event later by an administrator.',
  },
}

export interface Verdict extends Words {
  readonly tone: Tone
}

type Judged = Pick<WebhookEventLogRow, 'status_code' | 'error_code' | 'outcome'>

/** What became of an attempt, in words. */
export function verdictOf({ status_code, error_code, outcome }: Judged): Verdict {
  if (error_code !== null) {
    const words = isRefusal(error_code) ? REFUSALS[error_code] : { label: error_code, explanation: '' }
    return { ...words, tone: status_code >= 500 ? 'warn' : 'bad' }
  }
  const words = OUTCOMES[outcome ?? 'accepted']
  if (words !== undefined && status_code < 400) return words
  return { label: 'Refused', tone: 'bad', explanation: '' }
}

/** The status in sight, and what it stands for. */
export function VerdictBadge({ row }: { readonly row: Judged }) {
  const { label, tone } = verdictOf(row)
  return (
    <Badge tone={tone}>
      <span className="numbers">{row.status_code}</span> {label}
    </Badge>
  )
}
