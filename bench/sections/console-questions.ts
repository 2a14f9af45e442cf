/** What the pages of the console ask for, with values that are common, rare and absent: what finds little is what reads much. */
import { PAYLOAD_VALUES } from '../large-events.ts'

const LOG = '/api/v1/webhook-event-log'
const TRIGGERS_SHOWN = 50

const daysAgo = (days: number): string => new Date(Date.now() - days * 86_400_000).toISOString()

const path = (base: string, query: Readonly<Record<string, string>>): string =>
  Object.keys(query).length === 0 ? base : `${base}?${new URLSearchParams(query)}`

export const consoleQuestions = (): string[] => [
  ...numbers(),
  ...searchesOfLog().map((query) => path(LOG, query)),
  ...searchesOfEvents().map((query) => path('/api/v1/events', { view: 'summary', ...query })),
  ...triggers(),
  ...auditOfAdmins(),
]

function numbers(): string[] {
  const refs = Array.from({ length: TRIGGERS_SHOWN }, (_, index) => `fill.${index + 1}`).join(',')
  return ['hour', 'day', 'week', 'month'].flatMap((window) => [
    path('/api/v1/overview', { window }),
    path('/api/v1/trigger-activity', { refs, window }),
  ])
}

function searchesOfLog(): Record<string, string>[] {
  const outcomes = ['accepted', 'refused', 'duplicate', 'conflict', 'handshake', 'readmitted']
  return [
    ...outcomes.flatMap((outcome) => [{ outcome }, { outcome, trigger: 'fill.1' }]),
    { outcome: 'refused', trigger: 'fill.900' },
    { outcome: 'conflict', ip: '10.0.0.1' },
    { outcome: 'refused', ip: '10.0.150.7' },
    { status: '204' },
    { ip: '10.0.0.3', code: 'rate_limited' },
    {
      trigger: 'fill.1',
      status: '401',
      code: 'signature_invalid',
      ip: '10.0.0.1',
      since: daysAgo(25),
      until: daysAgo(1),
    },
    { text: 'hookshot' },
    { text: 'not finished' },
    { text: 'no such text' },
    { text: 'no such text', trigger: 'fill.1' },
    { text: 'no such text', trigger: 'fill.900' },
    { text: 'no such text', ip: '10.0.0.1' },
    { text: 'no such text', outcome: 'refused' },
    { text: 'no such text', since: daysAgo(20), until: daysAgo(10) },
    { text: '10.0.150.7', outcome: 'accepted', trigger: 'fill.1' },
  ]
}

function searchesOfEvents(): Record<string, string>[] {
  const values = Object.values(PAYLOAD_VALUES).flatMap(({ path: at, value }) => [
    { path: at, value },
    { path: at, value, trigger: 'fill.1' },
    { path: at, value, trigger: 'fill.900' },
  ])
  const addresses = ['10.0.0.1', '10.0.150.7', '10.0.200.0', '2001:db8::f'].map((ip) => ({ ip }))
  return [
    {},
    { trigger: 'fill.1' },
    { trigger: 'fill.900' },
    { since: daysAgo(20), until: daysAgo(19) },
    ...values,
    ...addresses,
    { ip: '10.0.0.1', trigger: 'fill.900' },
    { text: 'application/json' },
    { text: 'no such text' },
    { text: 'no such text', trigger: 'fill.1' },
    { text: 'no such text', trigger: 'fill.900' },
    { text: 'no such text', ip: '10.0.0.1' },
    { text: 'no such text', since: daysAgo(20), until: daysAgo(10) },
  ]
}

function triggers(): string[] {
  const sorts = ['created', 'ref', 'updated'].flatMap((sort) =>
    ['asc', 'desc'].map((order) => ({ sort, order })),
  )
  const searches = ['fill.99', 'no.such.trigger'].map((search) => ({ search }))
  return [...sorts, ...searches].map((query) => path('/api/v1/triggers', query))
}

const auditOfAdmins = (): string[] =>
  [{}, { limit: '500' }, { target: 'fill.990' }, { action: 'trigger.create' }, { actor: 'no.such' }].map(
    (query) => path('/api/v1/admin-audit-log', query),
  )
