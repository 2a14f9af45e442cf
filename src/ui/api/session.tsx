import { useQuery, useQueryClient } from '@tanstack/react-query'
import { createContext, type ReactNode, useContext, useEffect } from 'react'
import type { Role, Session } from '../../core/administrator.ts'
import { ApiError, api, whenSignedOut } from './client.ts'

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

/** Shows `children` to whoever is signed in, and `signIn` to everybody else. */
export function RequireSession({
  children,
  signIn,
  loading,
  failed,
}: {
  readonly children: ReactNode
  readonly signIn: ReactNode
  readonly loading: ReactNode
  readonly failed: (error: Error, retry: () => void) => ReactNode
}) {
  const client = useQueryClient()
  const { data, isPending, error, refetch } = useQuery({
    queryKey: SESSION_KEY,
    queryFn: async ({ signal }) => {
      try {
        return await api('GET /api/v1/session', { signal })
      } catch (error) {
        if (error instanceof ApiError && error.status === 401) return null
        throw error
      }
    },
    staleTime: 60_000,
  })
  useEffect(() => {
    whenSignedOut(() => {
      client.setQueryData(SESSION_KEY, null)
    })
  }, [client])
  if (isPending) return loading
  if (error !== null) return failed(error, refetch)
  if (data === null) return signIn
  return <SessionContext value={data}>{children}</SessionContext>
}
