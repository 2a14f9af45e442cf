import { type Static, Type as t } from '@sinclair/typebox'
import { HeaderPair } from './event.ts'

const Instant = t.String({ format: 'date-time' })

/** What the last attempts of a trigger would have met under a setting that is not saved yet. */
export const Preview = t.Object({
  considered: t.Integer({ description: 'attempts; the latest 1,000 at most' }),
  since: t.Union([Instant, t.Null()]),
  until: t.Union([Instant, t.Null()]),
  would_pass: t.Integer({ description: 'this check' }),
  would_be_refused: t.Integer({ description: 'by this check' }),
  unknown: t.Integer({ description: 'it cannot be said any more, for example since the body was not kept' }),
  newly_refused: t.Integer({ description: 'accepted then, refused by this' }),
  newly_passed: t.Integer({ description: 'refused by this check then, passing now' }),
  examples: t.Array(
    t.Object({
      id: t.String({ format: 'uuid' }),
      created: Instant,
      source_ip: t.Union([t.String(), t.Null()]),
      reason: t.String(),
      attempts: t.Integer({ description: 'of this address and for this reason, this one with them' }),
    }),
    { description: 'of those that would be refused newly, one for each address and reason, latest first' },
  ),
  locked_out: t.Array(t.Object({ source_ip: t.String(), attempts: t.Integer(), last_seen: Instant }), {
    description: 'only for a whitelist: addresses accepted in the last day that it would refuse',
  }),
})
export type Preview = Static<typeof Preview>

/** Entries of a whitelist one by one, and whether an address would pass. */
export const WhitelistCheck = t.Object({
  entries: t.Array(
    t.Object({
      entry: t.String(),
      canonical: t.Union([t.String(), t.Null()], {
        description: 'how it has to be written; null: it is none',
      }),
      problem: t.Union([t.String(), t.Null()], { description: 'null: it is accepted as it stands' }),
    }),
  ),
  address: t.Union([
    t.Object({
      canonical: t.Union([t.String(), t.Null()], { description: 'null: it is no address' }),
      passes: t.Boolean(),
      matched: t.Union([t.String(), t.Null()], { description: 'the first entry that holds it' }),
    }),
    t.Null(),
  ]),
})
export type WhitelistCheck = Static<typeof WhitelistCheck>

/** A request such as a sender makes. */
export const SampleRequest = t.Object({
  title: t.String(),
  content_type: t.String(),
  headers: t.Array(HeaderPair),
  body: t.String(),
})
export type SampleRequest = Static<typeof SampleRequest>
