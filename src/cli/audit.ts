import type { AdminAuditRow } from '../core/administrator.ts'
import { adminCommand, printAnswer } from './admin-client.ts'
import { type Column, cellText, tableLines, toTheSecond } from './output.ts'
import {
  lineWidthOf,
  PAGE_OPTIONS,
  pageQuery,
  RANGE_OPTIONS,
  rangeQuery,
  sayNextCursor,
  WIDE_OPTION,
} from './page.ts'

/** Each field that changed, as it was and as it is. Of what was made or deleted there is one side only. */
function changes({ old, new: now }: AdminAuditRow): string {
  const fields = Object.keys(now ?? old ?? {})
  return fields
    .map((field) => {
      const sides = [old, now].filter((side) => side !== null).map((side) => cellText(side[field]))
      return `${field}: ${sides.join(' → ')}`
    })
    .join('; ')
}

const COLUMNS: readonly Column<AdminAuditRow>[] = [
  { title: 'created', cell: ({ created }) => created },
  { title: 'actor', cell: ({ actor }) => actor },
  { title: 'role', cell: ({ role }) => role },
  { title: 'via', cell: ({ via }) => via },
  { title: 'source ip', cell: (row) => row.source_ip },
  { title: 'action', cell: ({ action }) => action },
  { title: 'target', cell: ({ target }) => target },
  { title: 'changes', cell: changes, isShortened: true },
  { title: 'request id', cell: (row) => row.request_id },
]

/** What fits a terminal. */
const TERMINAL_COLUMNS: readonly Column<AdminAuditRow>[] = [
  { title: 'time', cell: ({ created }) => toTheSecond(created) },
  { title: 'actor', cell: ({ actor }) => actor, cutTo: 8 },
  { title: 'via', cell: ({ via }) => via, isOptional: true },
  { title: 'action', cell: ({ action }) => action },
  { title: 'target', cell: ({ target }) => target, cutTo: 8 },
  { title: 'changes', cell: changes, cutTo: 7 },
]

const list = adminCommand({
  name: 'audit list',
  summary: 'Lists the admin audit log, newest first: who changed what, and what it was before.',
  details: 'Secrets are never among it: they show as [set] or [changed].',
  options: {
    actor: { type: 'string', placeholder: 'NAME', description: 'only those of this token or database user' },
    action: { type: 'string', placeholder: 'ACTION', description: 'only those, e.g. trigger.delete' },
    target: { type: 'string', placeholder: 'TARGET', description: 'only those of this trigger or token' },
    since: RANGE_OPTIONS.since,
    until: RANGE_OPTIONS.until,
    ...PAGE_OPTIONS,
    wide: WIDE_OPTION,
  },
  async run({ options }, context, client) {
    const { actor, action, target, since, until } = options
    const query = { actor, action, target, ...rangeQuery({ since, until }), ...pageQuery(options) }
    const answer = await client.call<AdminAuditRow[]>('GET', '/api/v1/admin-audit-log', { query })
    const lineWidth = lineWidthOf(options.wide, context)
    const columns = lineWidth === null ? COLUMNS : TERMINAL_COLUMNS
    printAnswer(answer, { json: options.json, context }, ({ data }) => tableLines(columns, data, lineWidth))
    if (!options.json) sayNextCursor(answer, context)
    return 0
  },
})

export const AUDIT_COMMANDS = [list]
