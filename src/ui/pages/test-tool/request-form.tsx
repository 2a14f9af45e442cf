import { Send } from 'lucide-react'
import { type FormEvent, useState } from 'react'
import type { Scheme } from '../../../admin/models.ts'
import type { Trigger } from '../../../core/trigger.ts'
import { Button } from '../../kit/button.tsx'
import { Combobox } from '../../kit/combobox.tsx'
import { describeError, Notice } from '../../kit/feedback.tsx'
import { Field, Switch, TextArea, TextInput } from '../../kit/form.tsx'
import { Card } from '../../kit/layout.tsx'
import type { Draft } from './draft.ts'
import { RecordedPicker } from './recorded-picker.tsx'
import type { TestInput } from './test-run.ts'

interface RequestFormProps {
  readonly trigger: Trigger
  readonly draft: Draft
  readonly schemes: readonly Scheme[]
  readonly onSample: (scheme: string) => void
  /** The id of an attempt. */
  readonly onRecorded: (id: string) => void
  readonly onSend: (input: TestInput) => void
  readonly isBusy: boolean
  readonly error: Error | null
}

/** The request as it will be sent. */
export function RequestForm(props: RequestFormProps) {
  const { trigger, draft, schemes, onSample, onRecorded, onSend, isBusy, error } = props
  const [contentType, setContentType] = useState(draft.contentType)
  const [headers, setHeaders] = useState(headerText(draft.headers))
  const [body, setBody] = useState(draft.body)
  const [isSigned, setSigned] = useState(trigger.webhook_verification_scheme !== null)
  const [scheme, setScheme] = useState<string | null>(null)
  const [secret, setSecret] = useState('')
  const parsed = parseHeaders(headers)
  const submit = (event: FormEvent) => {
    event.preventDefault()
    if (isBusy || typeof parsed === 'string') return
    onSend({
      ...(draft.bodyBase64 === null ? { body } : { body_base64: draft.bodyBase64 }),
      content_type: contentType,
      headers: parsed,
      sign: isSigned,
      ...(isSigned && scheme !== null && { scheme }),
      ...(isSigned && secret !== '' && { secret }),
    })
  }
  const choices = schemes.map(({ name, title }) => ({ value: name, label: title, hint: name }))
  return (
    <Card title="Request" actions={<span className="text-sm text-muted">{draft.origin}</span>}>
      <form onSubmit={submit} className="space-y-4">
        <div className="grid gap-4 sm:grid-cols-2">
          <RecordedPicker triggerRef={trigger.ref} onPick={onRecorded} />
          <Field label="Take a sender's sample">
            <Combobox
              label="Take a sender's sample"
              placeholder="Search senders"
              value={null}
              choices={choices}
              onChange={(name) => name !== null && onSample(name)}
            />
          </Field>
        </div>
        <Field label="Content type">
          <TextInput
            value={contentType}
            onChange={(event) => setContentType(event.target.value)}
            className="font-mono text-sm"
          />
        </Field>
        <Field
          label="Headers"
          hint="One on each line, as Name: value."
          problem={typeof parsed === 'string' ? parsed : null}
        >
          <TextArea value={headers} onChange={(event) => setHeaders(event.target.value)} rows={4} />
        </Field>
        <Field
          label="Body"
          hint={
            draft.bodyBase64 === null ? undefined : 'The recorded body is no text; its exact bytes are sent.'
          }
        >
          <TextArea
            value={draft.bodyBase64 === null ? body : '(binary)'}
            disabled={draft.bodyBase64 !== null}
            onChange={(event) => setBody(event.target.value)}
            rows={12}
          />
        </Field>
        <Switch
          label="Sign it"
          hint={
            trigger.webhook_verification_scheme !== null
              ? 'With the secret of the trigger, which does not leave the server.'
              : 'This trigger asks for no signature.'
          }
          isOn={isSigned}
          onChange={setSigned}
        />
        {isSigned && (
          <div className="grid gap-4 sm:grid-cols-2">
            <Field label="Scheme" hint="In place of the trigger's own.">
              <Combobox
                label="Scheme"
                placeholder={schemeName(trigger)}
                value={scheme}
                choices={choices}
                onChange={setScheme}
                isClearable
              />
            </Field>
            <Field label="Another secret" hint="To see what a wrong one does.">
              <TextInput
                type="password"
                autoComplete="off"
                value={secret}
                onChange={(event) => setSecret(event.target.value)}
                placeholder="that of the trigger"
              />
            </Field>
          </div>
        )}
        {error !== null && (
          <Notice tone="bad" title={describeError(error).title}>
            {describeError(error).advice}
          </Notice>
        )}
        <div className="flex justify-end">
          <Button type="submit" look="primary" isBusy={isBusy} icon={<Send aria-hidden className="size-4" />}>
            Send through the receiver
          </Button>
        </div>
      </form>
    </Card>
  )
}

const schemeName = ({ webhook_verification_scheme: scheme }: Trigger): string =>
  typeof scheme === 'string' ? scheme : 'that of the trigger'

const headerText = (headers: Draft['headers']): string =>
  headers.map(([name, value]) => `${name}: ${value}`).join('\n')

/** Names and values, or what is wrong. */
function parseHeaders(text: string): readonly (readonly [string, string])[] | string {
  const lines = text.split('\n').filter((line) => line.trim() !== '')
  const headers = lines.map((line) => /^([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*(.*?)[ \t]*$/.exec(line))
  const wrong = headers.indexOf(null)
  if (wrong !== -1) return `line ${wrong + 1} is not of the form Name: value`
  return headers.map((header) => [header?.[1] ?? '', header?.[2] ?? ''] as const)
}
