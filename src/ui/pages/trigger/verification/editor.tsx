import { useMutation } from '@tanstack/react-query'
import { type FormEvent, useState } from 'react'
import type { Scheme, VerificationState } from '../../../../admin/models.ts'
import type { Trigger } from '../../../../core/trigger.ts'
import { ApiError, api } from '../../../api/client.ts'
import type { VerificationInput } from '../../../api/routes.ts'
import { Button } from '../../../kit/button.tsx'
import { Dialog } from '../../../kit/dialog.tsx'
import { describeError, Notice, toast } from '../../../kit/feedback.tsx'
import { Code } from '../../../kit/layout.tsx'
import { isToBeArmed, titleOf } from '../../../parts/schemes.ts'
import { PreviewPanel, usePreview } from '../preview.tsx'
import { useChanged } from '../queries.ts'
import { useUnsaved } from '../unsaved.tsx'
import {
  type Draft,
  draftOf,
  hiddenIn,
  inputOf,
  isSameScheme,
  OWN,
  type SecretFrom,
  secretSources,
  sourceOf,
} from './draft.ts'
import { SchemeFields, ToleranceField } from './fields.tsx'
import { SecretField } from './secret-field.tsx'

interface EditorProps {
  readonly trigger: Trigger
  readonly state: VerificationState
  readonly schemes: readonly Scheme[]
  readonly isOpen: boolean
  readonly onOpenChange: (isOpen: boolean) => void
}

/** Chooses the scheme and its keys. A secret is in the state of this dialog alone, and goes with it. */
export function VerificationEditor({ isOpen, onOpenChange, ...rest }: EditorProps) {
  const [shown, show] = useState<string | null>(null)
  const close = (next: boolean) => {
    if (!next) show(null)
    onOpenChange(next)
  }
  return (
    <Dialog
      title={shown === null ? 'Verification' : 'The new secret'}
      description={
        shown === null
          ? 'How a sender proves that it is the sender.'
          : 'It is in force. Give it to the sender.'
      }
      isOpen={isOpen}
      onOpenChange={close}
      isWide
    >
      {shown === null ? (
        <EditorForm {...rest} onShow={show} onClose={() => close(false)} />
      ) : (
        <div className="space-y-4">
          <Notice tone="warn" title="Copy it now">
            It is shown this once; nobody can show it again.
          </Notice>
          <Code label="Secret" text={shown} />
          <div className="flex justify-end">
            <Button look="primary" onClick={() => close(false)}>
              I have copied it
            </Button>
          </div>
        </div>
      )}
    </Dialog>
  )
}

interface EditorFormProps extends Omit<EditorProps, 'isOpen' | 'onOpenChange'> {
  readonly onShow: (secret: string) => void
  readonly onClose: () => void
}

function EditorForm({ trigger, state, schemes, onShow, onClose }: EditorFormProps) {
  const [saved] = useState(() => draftOf(state, trigger.webhook_hmac_algorithm))
  const [draft, setDraft] = useState(saved)
  const scheme = schemes.find(({ name }) => name === draft.choice) ?? null
  const sources = secretSources(draft, scheme, state)
  const source = sourceOf(draft, sources)
  const input = inputOf(draft, scheme, source)
  const isDirty = draft !== saved
  useUnsaved('verification', isDirty)
  const preview = usePreview(trigger.ref, input === null || !isDirty ? null : { verification: input })
  const save = useSave(trigger, scheme, source, { onShow, onClose })
  const change = (part: Partial<Draft>) => {
    save.reset()
    setDraft({ ...draft, ...part })
  }
  const problem = (field: string): string | null =>
    problemIn(save.error, field) ?? problemIn(preview.error, `verification.${field}`)
  const submit = (event: FormEvent) => {
    event.preventDefault()
    // A dialog stands in a portal, and in the tree of React inside the page all the same.
    event.stopPropagation()
    if (input !== null && !save.isPending) save.mutate(input)
  }
  const isAtField = (error: Error | null) => error instanceof ApiError && error.problems.length > 0
  return (
    <form onSubmit={submit} noValidate aria-label="Verification" className="space-y-5">
      <SchemeFields draft={draft} change={change} scheme={scheme} schemes={schemes} problem={problem} />
      {source !== null && (
        <SecretField
          draft={draft}
          change={change}
          sources={sources}
          source={source}
          problem={problem('secret')}
          sender={scheme === null ? null : titleOf(scheme)}
        />
      )}
      <ToleranceField draft={draft} change={change} scheme={scheme} problem={problem} />
      <Warnings draft={draft} state={state} scheme={scheme} source={source} />
      <PreviewPanel triggerRef={trigger.ref} state={preview} isFieldError={isAtField(preview.error)} />
      {save.error !== null && !isAtField(save.error) && (
        <Notice tone="bad" title={describeError(save.error).title}>
          {describeError(save.error).advice}
        </Notice>
      )}
      {/* They stay in sight over whatever the preview has to say. */}
      <div className="sticky -bottom-5 -mx-5 -mb-5 flex flex-wrap justify-end gap-2 border-t border-line bg-surface px-5 py-4">
        <Button onClick={onClose}>Cancel</Button>
        <Button type="submit" look="primary" disabled={input === null} isBusy={save.isPending}>
          {source === 'made' ? 'Save and make the secret' : 'Save'}
        </Button>
      </div>
    </form>
  )
}

/** What the server says of a field, and of what is inside it: `scheme` has the problems of `scheme.sig.enc` too. */
function problemIn(error: Error | null, field: string): string | null {
  const problems = error instanceof ApiError ? error.problems : []
  const texts = problems.flatMap((each) => {
    if (each.field === field) return [each.message]
    const inside = `${field}.`
    return each.field.startsWith(inside) ? [`${each.field.slice(inside.length)} ${each.message}`] : []
  })
  return texts.length === 0 ? null : texts.join('; ')
}

/** Nothing of it is kept once it is done: what was given, and what was answered, may be secrets. */
function useSave(
  trigger: Trigger,
  scheme: Scheme | null,
  source: SecretFrom | null,
  { onShow, onClose }: Pick<EditorFormProps, 'onShow' | 'onClose'>,
) {
  const changed = useChanged()
  const params = { ref: trigger.ref }
  const save = useMutation({
    gcTime: 0,
    mutationFn: async (body: VerificationInput) => {
      const { secret } = await api('PUT /api/v1/triggers/:ref/webhooks/verification', { params, body })
      if (scheme !== null && isToBeArmed(scheme) && source !== 'kept' && source !== 'given') {
        await api('POST /api/v1/triggers/:ref/webhooks/handshake', { params, body: {} })
      }
      return source === 'made' ? secret : null
    },
    onSuccess: async (secret) => {
      save.reset()
      toast.done('Verification is in force')
      if (secret === null) onClose()
      else onShow(secret)
      await changed()
    },
  })
  return save
}

interface WarningsProps {
  readonly draft: Draft
  readonly state: VerificationState
  readonly scheme: Scheme | null
  readonly source: SecretFrom | null
}

function Warnings({ draft, state, scheme, source }: WarningsProps) {
  const isSame = isSameScheme(draft, state)
  const hidden = isSame ? hiddenIn(state).filter((name) => (draft.keys[`config.${name}`] ?? '') === '') : []
  const isReplaced = state.secrets.length > 0 && draft.choice !== null && source !== 'kept'
  return (
    <>
      {scheme?.not_signed != null && <Notice tone="warn">{scheme.not_signed}</Notice>}
      {isReplaced && (
        <Notice tone="warn" title="The secrets of now end at once">
          {isSame
            ? 'To change the secret without refusing anything, close this and add a further one beside it.'
            : 'They are of the scheme that is replaced, and are deleted.'}
        </Notice>
      )}
      {hidden.length > 0 && draft.choice !== OWN && (
        <Notice tone="warn" title={`Enter ${hidden.join(', ')} again`}>
          It is set, is never shown, and goes when this is saved without it.
        </Notice>
      )}
    </>
  )
}
