import { type QueryClient, useQuery, useQueryClient } from '@tanstack/react-query'
import { createContext, type ReactNode, useContext, useEffect, useState } from 'react'
import type { Role, Session } from '../../core/administrator.ts'
import { ApiError, api, listenToSession } from './client.ts'

const SessionContext = createContext<Session | null>(null)

const RANK: Readonly<Record<Role, number>> = { viewer: 0, operator: 1, admin: 2 }

/** Who is signed in. Only for what stands inside `RequireSession`. */
export function useSession(): Session {
  const session = useContext(SessionContext)
  if (session === null) throw new Error('nobody is signed in here')
  return session
}

/** Whether whoever is signed in may do what asks for `role`. The server decides; the pages only do not offer what it would refuse. */
export const useMay = (role: Role): boolean => RANK[useSession().role] >= RANK[role]

export const SESSION_KEY = ['session'] as const

/** Nothing that was read by this session stays for the next one. */
export function forgetSession(client: QueryClient): void {
  client.setQueryData(SESSION_KEY, null)
  client.removeQueries({ predicate: ({ queryKey }) => queryKey[0] !== SESSION_KEY[0] })
}

/** Shows `children` to whoever is signed in, and `signIn` to everybody else. */
export function RequireSession({
  children,
  signIn,
  loading,
  failed,
}: {
  readonly children: ReactNode
  /** @param hasEnded - there was a session, and nobody ended it on this page */
  readonly signIn: (hasEnded: boolean) => ReactNode
  readonly loading: ReactNode
  readonly failed: (error: Error, retry: () => void) => ReactNode
}) {
  const client = useQueryClient()
  const [hasEnded, setEnded] = useState(false)
  const { data, isPending, error, refetch } = useQuery({
    queryKey: SESSION_KEY,
    queryFn: async ({ signal }) => {
      try {
        return await api('GET /api/v1/session', { signal })
      } catch (error) {
        if (!(error instanceof ApiError) || error.status !== 401) throw error
        if (client.getQueryData(SESSION_KEY)) setEnded(true)
        return null
      }
    },
    staleTime: 60_000,
  })
  useEffect(() => {
    listenToSession({
      onEnded: () => {
        setEnded(true)
        forgetSession(client)
      },
      onRoleInsufficient: () => void client.invalidateQueries({ queryKey: SESSION_KEY }),
    })
  }, [client])
  const isSignedIn = Boolean(data)
  useEffect(() => {
    if (isSignedIn) setEnded(false)
  }, [isSignedIn])
  if (isPending) return loading
  // Who was signed in and cannot be asked just now still is: each page says what it lacks.
  if (error !== null && data === undefined) return failed(error, refetch)
  if (data === null || data === undefined) return signIn(hasEnded)
  return <SessionContext value={data}>{children}</SessionContext>
}
