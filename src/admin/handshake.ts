import { Type as t } from '@sinclair/typebox'
import { Elysia } from 'elysia'
import { HANDSHAKE_ARMED_MINUTES_DEFAULT, HANDSHAKE_ARMED_MINUTES_MAX } from '../core/limits.ts'
import type { HandshakeState as StoredState } from '../store/handshakes.ts'
import type { Store } from '../store/index.ts'
import { administratorOf } from './administrator.ts'
import { describe } from './describe.ts'
import { jsonBody } from './input.ts'
import type { HandshakeState } from './models.ts'
import { refInPath } from './path-parameters.ts'

const ArmSettings = t.Object(
  { minutes: t.Optional(t.Integer({ minimum: 1, maximum: HANDSHAKE_ARMED_MINUTES_MAX })) },
  { additionalProperties: false },
)

/** Whether a trigger expects a handshake that changes something; all others are answered at any time. */
export const handshake = ({ store }: { readonly store: Store }) => {
  const handshakesOf = (request: Request) => store.as(administratorOf(request)).handshakes
  const answer = { one: 'HandshakeState' } as const
  return new Elysia({ name: 'admin.handshake' })
    .get(
      '/api/v1/triggers/:ref/webhooks/handshake',
      async ({ params: { ref } }) => ({ data: view(await store.handshakes.read(ref)) }),
      {
        ...refInPath,
        ...describe({
          id: 'readHandshake',
          role: 'viewer',
          summary: 'Says whether a handshake is expected',
          answer,
        }),
      },
    )
    .post(
      '/api/v1/triggers/:ref/webhooks/handshake',
      async ({ params: { ref }, body: { minutes = HANDSHAKE_ARMED_MINUTES_DEFAULT }, request }) => ({
        data: view(await handshakesOf(request).arm(ref, minutes)),
      }),
      {
        ...refInPath,
        ...jsonBody(ArmSettings),
        ...describe({
          id: 'armHandshake',
          role: 'operator',
          summary: 'Expects a handshake that hands over a secret or begins a subscription, for a while',
          answer,
        }),
      },
    )
    .delete(
      '/api/v1/triggers/:ref/webhooks/handshake',
      async ({ params: { ref }, request }) => ({ data: view(await handshakesOf(request).disarm(ref)) }),
      {
        ...refInPath,
        ...describe({ id: 'disarmHandshake', role: 'operator', summary: 'Expects none any more', answer }),
      },
    )
    .post(
      '/api/v1/triggers/:ref/webhooks/handshake/reveal',
      async ({ params: { ref }, request }) => ({ data: view(await handshakesOf(request).reveal(ref)) }),
      {
        ...refInPath,
        ...describe({
          id: 'revealHandshakeSecret',
          role: 'operator',
          summary: 'Shows, once, a secret that was handed over and that its sender wants typed in',
          answer,
          codes: ['secret_unknown'],
        }),
      },
    )
}

const view = ({ armedUntil, secret }: StoredState): HandshakeState => ({
  armed_until: armedUntil?.toISOString() ?? null,
  secret,
})
