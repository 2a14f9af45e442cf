import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { ArrowRight } from 'lucide-react'
import { type FormEvent, useEffect, useState } from 'react'
import { useLocation } from 'wouter'
import type { NewTrigger } from '../../../core/trigger.ts'
import { ApiError, api } from '../../api/client.ts'
import { Button } from '../../kit/button.tsx'
import { describeError, Notice } from '../../kit/feedback.tsx'
import { Field, problemOf, TextInput } from '../../kit/form.tsx'

const REF_LENGTH_MAX = 255
const TAKEN_PAUSE_MS = 300
const REF_PATTERN = /^[a-z0-9_-]+(\.[a-z0-9_-]+)*$/

/** The address of the path for a trigger that is there; whoever loads it again goes on where they were. */
export const connectPath = (ref: string): string => `/triggers?connect=${encodeURIComponent(ref)}`

/** The first step: what the trigger is called. The trigger is there when it is done. */
export function NameForm({ isFocused = false }: { readonly isFocused?: boolean }) {
  const [name, setName] = useState('')
  const [ownRef, setOwnRef] = useState<string | null>(null)
  const [, navigate] = useLocation()
  const client = useQueryClient()
  const ref = ownRef ?? suggestedRef(name)
  const create = useMutation({
    mutationFn: (given: NewTrigger) => api('POST /api/v1/triggers', { body: given }),
    onSuccess: async (trigger) => {
      navigate(connectPath(trigger.ref))
      await client.invalidateQueries({ queryKey: ['triggers'] })
    },
  })
  const isTaken = useIsTaken(ref, create.isPending || create.isSuccess)
  const problem = (ref === '' ? null : refProblem(ref)) ?? (isTaken ? 'is taken by another trigger' : null)
  const submit = (event: FormEvent) => {
    event.preventDefault()
    const label = name.trim()
    if (create.isPending || ref === '' || problem !== null) return
    create.mutate({ ref, ...(label !== '' && label !== ref && { label }) })
  }
  return (
    <form onSubmit={submit} className="space-y-4 text-left">
      <Field label="Name" hint="What it is about, in your words.">
        <TextInput
          autoFocus={isFocused}
          value={name}
          onChange={(event) => setName(event.target.value)}
          placeholder="GitHub push"
          maxLength={REF_LENGTH_MAX}
          autoComplete="off"
        />
      </Field>
      <Field
        label="Ref"
        hint="How log, events and API call it. Lower-case letters, digits, _ and -, joined by dots. It stays as it is."
        problem={problem ?? refusalOf(create.error)}
      >
        <TextInput
          value={ref}
          onChange={(event) => {
            setOwnRef(event.target.value === '' ? null : event.target.value)
            create.reset()
          }}
          placeholder="github.push"
          maxLength={REF_LENGTH_MAX}
          autoComplete="off"
          autoCapitalize="none"
          spellCheck={false}
          className="font-mono"
        />
      </Field>
      {create.error !== null && refusalOf(create.error) === null && (
        <Notice tone="bad" title={describeError(create.error).title}>
          {describeError(create.error).advice}
        </Notice>
      )}
      <div className="flex justify-end">
        <Button
          type="submit"
          look="primary"
          disabled={ref === '' || problem !== null}
          isBusy={create.isPending}
        >
          Create the trigger
          <ArrowRight aria-hidden className="size-4" />
        </Button>
      </div>
    </form>
  )
}

/** The form that a ref may have, with what was typed in it: `GitHub push` is `github.push`. */
const suggestedRef = (name: string): string =>
  name
    .normalize('NFKD')
    .toLowerCase()
    .replaceAll(/\p{M}/gu, '')
    .replaceAll(/[\s./:]+/g, '.')
    .replaceAll(/[^a-z0-9_.-]+/g, '-')
    .replaceAll(/-*\.-*/g, '.')
    .replaceAll(/^[.-]+|[.-]+$/g, '')
    .slice(0, REF_LENGTH_MAX)

function refProblem(ref: string): string | null {
  if (REF_PATTERN.test(ref)) return null
  if (/[A-Z]/.test(ref)) return 'has capital letters; only lower-case ones are allowed'
  if (/\s/.test(ref)) return 'has a space; use a dot, - or _'
  if (/^\.|\.$|\.\./.test(ref)) return 'has a dot that joins nothing'
  return 'may have lower-case letters, digits, _ and -, joined by dots'
}

function refusalOf(error: Error | null): string | null {
  if (error instanceof ApiError && error.code === 'trigger_ref_taken') return 'is taken by another trigger'
  return problemOf(error, 'ref')
}

/** Asked once typing pauses; the answer to the form decides. A ref that is being made here is not taken by another. */
function useIsTaken(ref: string, isMaking: boolean): boolean {
  const [settled, settle] = useState(ref)
  useEffect(() => {
    const timer = setTimeout(() => settle(ref), TAKEN_PAUSE_MS)
    return () => clearTimeout(timer)
  }, [ref])
  const { data } = useQuery({
    // Not among the triggers: what is read anew when one of them is made would find that one.
    queryKey: ['refs-taken', settled],
    queryFn: ({ signal }) =>
      api('GET /api/v1/triggers', {
        query: { search: settled, sort: 'ref', order: 'asc', limit: 10 },
        signal,
      }),
    enabled: REF_PATTERN.test(settled) && !isMaking,
    gcTime: 0,
  })
  return !isMaking && settled === ref && data?.data.some((trigger) => trigger.ref === ref) === true
}
