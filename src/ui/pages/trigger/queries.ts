import { useQuery, useQueryClient } from '@tanstack/react-query'
import type { Trigger } from '../../../core/trigger.ts'
import { api } from '../../api/client.ts'

/** Whatever is known of one trigger stands under this key, and that under the key of all triggers. */
export const triggerKey = (ref: string, ...parts: readonly string[]) =>
  ['triggers', 'one', ref, ...parts] as const

export const useTrigger = (ref: string) =>
  useQuery({
    queryKey: triggerKey(ref),
    queryFn: ({ signal }) => api('GET /api/v1/triggers/:ref', { params: { ref }, signal }),
  })

/** Call it after a change: what other pages show of triggers is read anew too. */
export function useChanged(): (trigger?: Trigger) => Promise<void> {
  const client = useQueryClient()
  return async (trigger) => {
    if (trigger !== undefined) client.setQueryData(triggerKey(trigger.ref), trigger)
    await client.invalidateQueries({ queryKey: ['triggers'] })
  }
}

export const useVerification = (ref: string) =>
  useQuery({
    queryKey: triggerKey(ref, 'verification'),
    queryFn: ({ signal }) =>
      api('GET /api/v1/triggers/:ref/webhooks/verification', { params: { ref }, signal }),
  })

/** They are the same in every installation of one version. */
export const useSchemes = () =>
  useQuery({
    queryKey: ['schemes'],
    queryFn: ({ signal }) => api('GET /api/v1/schemes', { signal }),
    staleTime: Number.POSITIVE_INFINITY,
  })
