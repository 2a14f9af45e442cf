import { Type as t } from '@sinclair/typebox'
import { Elysia } from 'elysia'
import { REJECTED_BODY_BYTES_MAX_CEILING } from '../core/limits.ts'
import type { Store } from '../store/index.ts'
import type { RejectedBodiesState as StoredState } from '../store/rejected-bodies.ts'
import { administratorOf } from './administrator.ts'
import { describe } from './describe.ts'
import { jsonBody } from './input.ts'
import type { RejectedBodiesState } from './models.ts'
import { refInPath } from './path-parameters.ts'

const RejectedBodiesSettings = t.Object(
  {
    bytes_max: t.Integer({
      minimum: 0,
      maximum: REJECTED_BODY_BYTES_MAX_CEILING,
      description: 'of all that is kept together; 0 keeps nothing',
    }),
  },
  { additionalProperties: false },
)

/** How much a trigger keeps of attempts that were refused for their signature. */
export const rejectedBodies = ({ store }: { readonly store: Store }) => {
  const bodiesOf = (request: Request) => store.as(administratorOf(request)).rejectedBodies
  return new Elysia({ name: 'admin.rejected-bodies' })
    .get(
      '/api/v1/triggers/:ref/webhooks/rejected-bodies',
      async ({ params: { ref } }) => ({ data: view(await store.rejectedBodies.state(ref)) }),
      {
        ...refInPath,
        ...describe({
          id: 'readRejectedBodies',
          role: 'viewer',
          summary: 'Says how much is kept of attempts that were refused for their signature',
          answer: { one: 'RejectedBodiesState' },
        }),
      },
    )
    .put(
      '/api/v1/triggers/:ref/webhooks/rejected-bodies',
      async ({ params: { ref }, body: { bytes_max }, request }) => ({
        data: view(await bodiesOf(request).configure(ref, bytes_max)),
      }),
      {
        ...refInPath,
        ...jsonBody(RejectedBodiesSettings),
        ...describe({
          id: 'setRejectedBodies',
          role: 'operator',
          summary: 'Keeps so many bytes of attempts that were refused for their signature, the latest',
          answer: { one: 'RejectedBodiesState' },
        }),
      },
    )
    .delete(
      '/api/v1/triggers/:ref/webhooks/rejected-bodies',
      async ({ params: { ref }, request }) => ({ data: view(await bodiesOf(request).configure(ref, 0)) }),
      {
        ...refInPath,
        ...describe({
          id: 'disableRejectedBodies',
          role: 'operator',
          summary: 'Keeps nothing of rejected attempts, and forgets what is kept',
          answer: { one: 'RejectedBodiesState' },
        }),
      },
    )
}

const view = ({ bytesMax, kept, keptBytes }: StoredState): RejectedBodiesState => ({
  bytes_max: bytesMax,
  kept,
  kept_bytes: keptBytes,
})
