import { useMutation } from '@tanstack/react-query'
import { type FormEvent, type ReactNode, useState } from 'react'
import type { Trigger } from '../../../core/trigger.ts'
import { ApiError } from '../../api/client.ts'
import { Button } from '../../kit/button.tsx'
import { Badge, describeError, Notice, toast } from '../../kit/feedback.tsx'
import { Card } from '../../kit/layout.tsx'
import { PreviewPanel, type PreviewState } from './preview.tsx'
import { useChanged } from './queries.ts'
import { useUnsaved } from './unsaved.tsx'

interface Options<Value> {
  /** How it is called among the forms of the page. */
  readonly name: string
  readonly saved: Value
  readonly save: (value: Value) => Promise<Trigger>
  /** What is said when it is saved. */
  readonly done: (value: Value) => string
}

export interface Setting<Value> {
  readonly value: Value
  readonly isDirty: boolean
  readonly isSaving: boolean
  readonly error: Error | null
  readonly change: (part: Partial<Value>) => void
  readonly discard: () => void
  readonly submit: () => void
}

/** A form over one setting of a trigger: what is saved until somebody changes it, then what they have typed. */
export function useSetting<Value extends object>({
  name,
  saved,
  save,
  done,
}: Options<Value>): Setting<Value> {
  const [draft, setDraft] = useState<Value | null>(null)
  const changed = useChanged()
  const value = draft ?? saved
  const isDirty = draft !== null && JSON.stringify(draft) !== JSON.stringify(saved)
  useUnsaved(name, isDirty)
  const saving = useMutation({
    mutationFn: save,
    onSuccess: async (trigger, given) => {
      await changed(trigger)
      setDraft(null)
      toast.done(done(given))
    },
  })
  const forget = () => {
    if (saving.error !== null) saving.reset()
  }
  return {
    value,
    isDirty,
    isSaving: saving.isPending,
    error: saving.error,
    change(part) {
      forget()
      setDraft({ ...value, ...part })
    },
    discard() {
      forget()
      setDraft(null)
    },
    submit() {
      if (!saving.isPending) saving.mutate(value)
    },
  }
}

interface SettingCardProps {
  readonly title: string
  /** Undefined: it is never off. */
  readonly isOn?: boolean
  /** How it is now, in words. */
  readonly state: ReactNode
  readonly children?: ReactNode
}

/** A setting in a card of its own: how it is now, and below it the form that changes it. */
export function SettingCard({ title, isOn, state, children }: SettingCardProps) {
  return (
    <Card
      title={title}
      actions={isOn !== undefined && <Badge tone={isOn ? 'good' : 'neutral'}>{isOn ? 'On' : 'Off'}</Badge>}
    >
      <div className="space-y-4">
        <div>{state}</div>
        {children}
      </div>
    </Card>
  )
}

interface SettingFormProps {
  readonly label: string
  readonly setting: Pick<Setting<object>, 'isDirty' | 'isSaving' | 'error' | 'discard' | 'submit'>
  readonly triggerRef: string
  readonly preview?: PreviewState
  /** It can be saved as it stands. */
  readonly isValid: boolean
  /** Every field problem has a place of its own in `children`. */
  readonly hasFields?: boolean
  readonly children: ReactNode
  /** Stands right above the buttons. */
  readonly warning?: ReactNode
}

/** The fields, what they would have meant, and the buttons. The last two show once something is changed. */
export function SettingForm({
  label,
  setting,
  triggerRef,
  preview,
  isValid,
  hasFields = true,
  children,
  warning,
}: SettingFormProps) {
  const { isDirty, isSaving, error, discard, submit } = setting
  const onSubmit = (event: FormEvent) => {
    event.preventDefault()
    event.stopPropagation()
    if (isDirty && isValid) submit()
  }
  const isAtField = (one: Error | null | undefined) =>
    hasFields && one instanceof ApiError && one.problems.length > 0
  return (
    <form onSubmit={onSubmit} noValidate aria-label={label} className="space-y-4 border-t border-line pt-4">
      {children}
      {isDirty && (
        <>
          {preview !== undefined && (
            <PreviewPanel triggerRef={triggerRef} state={preview} isFieldError={isAtField(preview.error)} />
          )}
          {warning}
          {error !== null && !isAtField(error) && (
            <Notice tone="bad" title={describeError(error).title}>
              {describeError(error).advice}
            </Notice>
          )}
          <div className="flex flex-wrap gap-2">
            <Button type="submit" look="primary" isBusy={isSaving} disabled={!isValid}>
              Save
            </Button>
            <Button onClick={discard} disabled={isSaving}>
              Discard
            </Button>
            <span className="self-center text-sm text-muted">Not saved yet</span>
          </div>
        </>
      )}
    </form>
  )
}
