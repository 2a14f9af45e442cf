import { Type as t } from '@sinclair/typebox'
import { Value } from '@sinclair/typebox/value'
import { Elysia } from 'elysia'
import { ACTIVITY_TRIGGERS_MAX } from '../core/limits.ts'
import { type Overview, WINDOWS, type Window } from '../core/overview.ts'
import { TriggerRef } from '../core/trigger.ts'
import type { Store } from '../store/index.ts'
import { describe } from './describe.ts'
import { problemIf, queryOf, type Rule } from './input.ts'

interface Deps {
  readonly store: Store
  readonly queues: () => Readonly<Record<'intake' | 'audit' | 'lookups' | 'rateLimit', number>>
  isReady(): boolean
}

const windowField = { window: t.Optional(t.Union(WINDOWS.map((window) => t.Literal(window)))) }

const OverviewQuery = t.Object(windowField, { additionalProperties: false })

const ActivityQuery = t.Object(
  {
    // What is before our check makes a list of a text with commas.
    refs: t.Union([
      t.String({
        maxLength: 256 * ACTIVITY_TRIGGERS_MAX,
        description: 'refs of triggers, with commas between',
      }),
      t.Array(t.String({ maxLength: 255 }), { maxItems: ACTIVITY_TRIGGERS_MAX }),
    ]),
    ...windowField,
  },
  { additionalProperties: false },
)

const refsIn = (given: string | readonly string[]): readonly string[] =>
  typeof given === 'string' ? given.split(',') : given

const areRefs: Rule = (value, field) => {
  const refs = refsIn(value as string | readonly string[])
  const isWrong = refs.length > ACTIVITY_TRIGGERS_MAX || !refs.every((ref) => Value.Check(TriggerRef, ref))
  return problemIf(
    isWrong,
    field,
    `must be refs of triggers with commas between, ${ACTIVITY_TRIGGERS_MAX} at most`,
  )
}

/** The numbers over time, of all triggers and of some. */
export const overview = ({ store, queues, isReady }: Deps) =>
  new Elysia({ name: 'admin.overview' })
    .get(
      '/api/v1/overview',
      async ({ query: { window = 'day' } }) => {
        const [numbers, database] = await Promise.all([
          store.activity.overview(window as Window),
          store.activity.database(),
        ])
        const { intake, audit, lookups, rateLimit } = queues()
        const data: Overview = {
          ...numbers,
          health: {
            ready: isReady(),
            database: {
              engine: store.engine.kind,
              answer_ms: database.answerMs,
              size_bytes: database.sizeBytes,
            },
            queues: { intake, audit, lookups, rate_limit: rateLimit },
          },
        }
        return { data }
      },
      {
        ...queryOf(OverviewQuery),
        ...describe({
          id: 'readOverview',
          role: 'viewer',
          summary: 'What has arrived of late, what became of it, and whether all is well',
          answer: { one: 'Overview' },
        }),
      },
    )
    .get(
      '/api/v1/trigger-activity',
      async ({ query: { refs, window = 'day' } }) => ({
        data: await store.activity.ofTriggers(refsIn(refs), window as Window),
        next_cursor: null,
      }),
      {
        ...queryOf(ActivityQuery, { refs: areRefs }),
        ...describe({
          id: 'listTriggerActivity',
          role: 'viewer',
          summary: 'Attempts of triggers over time; of an hour, the one that runs and the one before',
          answer: { list: 'TriggerActivity' },
        }),
      },
    )
