import { useMutation, useQueryClient } from '@tanstack/react-query'
import { type FormEvent, useEffect, useRef, useState } from 'react'
import { ApiError, api } from '../api/client.ts'
import { SESSION_KEY } from '../api/session.tsx'
import { Button } from '../kit/button.tsx'
import { describeError, Notice } from '../kit/feedback.tsx'
import { Field, TextInput } from '../kit/form.tsx'

/** Takes a token once and gives it to the server, which answers with a session; the page keeps neither. */
export function SignIn({ hasEnded }: { readonly hasEnded: boolean }) {
  const [token, setToken] = useState('')
  const input = useRef<HTMLInputElement>(null)
  const client = useQueryClient()
  const signIn = useMutation({
    mutationFn: (given: string) => api('POST /api/v1/session', { body: { token: given } }),
    gcTime: 0,
    onSuccess: (session) => client.setQueryData(SESSION_KEY, session),
    onError: () => input.current?.select(),
  })
  useEffect(() => {
    document.title = 'Sign in · Attune Webhooks'
    input.current?.focus()
  }, [])
  const submit = (event: FormEvent) => {
    event.preventDefault()
    if (!signIn.isPending) signIn.mutate(token.trim())
  }
  return (
    <main className="flex min-h-dvh items-center justify-center p-4">
      <form
        onSubmit={submit}
        className="w-full max-w-md space-y-5 rounded-xl border border-line bg-surface p-6 shadow-sm"
      >
        <div>
          <h1 className="text-xl font-semibold tracking-tight">Sign in to Attune Webhooks</h1>
          <p className="mt-1 text-muted">With the admin token of this installation, or with an API token.</p>
        </div>
        {hasEnded && signIn.error === null && (
          <Notice tone="warn" title="You are signed out">
            The session has ended: it was not used for long, it reached its end, it was signed out in another
            window, or its token was revoked.
          </Notice>
        )}
        {signIn.error !== null && <SignInProblem error={signIn.error} />}
        <Field
          label="Token"
          hint={
            <>
              The first start wrote it to <code className="font-mono">admin-token</code> in the data directory
              and printed the path. Where <code className="font-mono">ATTUNE_ADMIN_TOKEN</code> is set, that
              is it.
            </>
          }
        >
          <TextInput
            ref={input}
            name="token"
            type="password"
            autoComplete="current-password"
            required
            value={token}
            onChange={(event) => setToken(event.target.value)}
          />
        </Field>
        <Button type="submit" look="primary" className="w-full" isBusy={signIn.isPending}>
          Sign in
        </Button>
      </form>
    </main>
  )
}

function SignInProblem({ error }: { readonly error: Error }) {
  if (error instanceof ApiError && error.code === 'unauthorized') {
    return (
      <Notice tone="bad" title="This token is not accepted">
        It may be mistyped, expired or revoked.
      </Notice>
    )
  }
  const { title, advice } = describeError(error)
  return (
    <Notice tone="bad" title={title}>
      {advice}
    </Notice>
  )
}
