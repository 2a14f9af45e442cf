import { Elysia } from 'elysia'
import { newRequestId } from '../core/request-id.ts'
import { sampleRequest } from '../core/verification/samples/index.ts'
import { describe } from './describe.ts'
import { presetOf } from './schemes.ts'

/** Requests such as senders make, to try a trigger with. */
export const schemeSamples = () =>
  new Elysia({ name: 'admin.scheme-samples' }).get(
    '/api/v1/schemes/:name/sample',
    ({ params: { name } }) => ({
      data: sampleRequest(presetOf(name), { nowMs: Date.now(), newId: newRequestId() }),
    }),
    {
      ...describe({
        id: 'readSchemeSample',
        role: 'viewer',
        summary: 'Makes up a request as one sender sends it, without its proof',
        answer: { one: 'SampleRequest' },
      }),
    },
  )
