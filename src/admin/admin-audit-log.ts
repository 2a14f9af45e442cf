import { Type as t } from '@sinclair/typebox'
import { Elysia } from 'elysia'
import type { AdminAuditRow } from '../core/administrator.ts'
import { decodeAuditCursor } from '../core/audit-cursor.ts'
import { AUDIT_ACTION_LENGTH_MAX, AUDIT_NAME_LENGTH_MAX, PAGE_ROWS_DEFAULT } from '../core/limits.ts'
import type { StoredAuditRow } from '../store/admin-audit-log.ts'
import type { Store } from '../store/index.ts'
import { describe } from './describe.ts'
import { problemIf, queryOf, type Rule } from './input.ts'
import { pageFields, timeFields, timeRules, timesOf } from './lists.ts'

const Name = t.String({ minLength: 1, maxLength: AUDIT_NAME_LENGTH_MAX })

const ListQuery = t.Object(
  {
    actor: t.Optional(Name),
    action: t.Optional(t.String({ minLength: 1, maxLength: AUDIT_ACTION_LENGTH_MAX })),
    target: t.Optional(Name),
    ...timeFields,
    ...pageFields,
  },
  { additionalProperties: false },
)

const isAuditCursor: Rule = (value, field) =>
  problemIf(decodeAuditCursor(String(value)) === null, field, 'must be the next_cursor of an earlier page')

/** Who changed what, from where, and what it was before. */
export const adminAuditLog = ({ store }: { readonly store: Pick<Store, 'adminAuditLog'> }) =>
  new Elysia({ name: 'admin.admin-audit-log' }).get(
    '/api/v1/admin-audit-log',
    async ({ query: { actor, action, target, since, until, limit = PAGE_ROWS_DEFAULT, cursor } }) => {
      const filter = { actor, action, target, ...timesOf(since, until) }
      const after = cursor === undefined ? null : decodeAuditCursor(cursor)
      const page = await store.adminAuditLog.list(filter, limit, after)
      return { data: page.rows.map(rowView), next_cursor: page.nextCursor }
    },
    {
      ...queryOf(ListQuery, { ...timeRules, cursor: isAuditCursor }),
      ...describe({
        id: 'listAdminAuditLog',
        role: 'admin',
        summary: 'Lists what administrators have changed, newest first; secrets are never among it',
        answer: { list: 'AdminAuditRow' },
      }),
    },
  )

const rowView = (row: StoredAuditRow): AdminAuditRow => ({
  id: String(row.id),
  created: row.created.toISOString(),
  actor: row.actor,
  role: row.role,
  via: row.via,
  source_ip: row.sourceIp,
  request_id: row.requestId,
  action: row.action,
  target: row.target,
  old: row.old,
  new: row.new,
})
