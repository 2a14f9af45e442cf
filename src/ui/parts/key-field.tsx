import { Field, TextArea, TextInput } from '../kit/form.tsx'

/** Names of the configuration in words. */
const LABELS: Readonly<Record<string, string>> = {
  secret: 'Secret',
  public_key: 'Public key',
  'config.apiKey': 'API key (apiKey)',
  'config.jwk': 'Key set, as JSON (jwk)',
  'config.keyId': 'Key (keyId)',
  'config.nextSigningKey': 'Next signing key (nextSigningKey)',
  'config.publicKey': 'Public key (publicKey)',
  'config.secondarySecret': 'Secondary secret (secondarySecret)',
  'config.topicArn': 'ARN of the topic (topicArn)',
  'config.verifyToken': 'Verify token (verifyToken)',
  'config.webhookId': 'Id of the webhook (webhookId)',
}

const SECRETS: ReadonlySet<string> = new Set(['secret', 'config.nextSigningKey', 'config.secondarySecret'])

const HINTS: Readonly<Record<string, string>> = {
  secret: 'As the sender shows it, to the letter. It is stored, and never shown again.',
  'config.verifyToken': 'Any word of your own; the sender asks for the same one and checks it.',
}

/** A field for what the sender has: `secret`, `public_key` or `config.…`. */
export function KeyField({
  field,
  isNeeded,
  value,
  problem,
  hint = HINTS[field],
  onChange,
}: {
  readonly field: string
  readonly isNeeded: boolean
  readonly value: string
  readonly problem: string | null
  readonly hint?: string | undefined
  readonly onChange: (value: string) => void
}) {
  const label = `${LABELS[field] ?? field.replace('config.', '')}${isNeeded ? '' : ', optional'}`
  const isLong = field === 'config.jwk' || field === 'public_key'
  return (
    <Field label={label} problem={problem} {...(hint !== undefined && { hint })}>
      {isLong ? (
        <TextArea value={value} onChange={(event) => onChange(event.target.value)} />
      ) : (
        <TextInput
          type={SECRETS.has(field) ? 'password' : 'text'}
          value={value}
          onChange={(event) => onChange(event.target.value)}
          autoComplete="off"
          spellCheck={false}
          className="font-mono"
        />
      )}
    </Field>
  )
}
