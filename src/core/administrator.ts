import { type Static, Type as t } from '@sinclair/typebox'

const Instant = t.String({ format: 'date-time' })
const Nullable = <T extends ReturnType<typeof t.String>>(schema: T) => t.Union([schema, t.Null()])

/** What somebody may do: a viewer reads, an operator changes triggers, an admin also deletes, and hands out tokens. */
export const ROLES = ['viewer', 'operator', 'admin'] as const
export type Role = (typeof ROLES)[number]
export const Role = t.Unsafe<Role>({ type: 'string', enum: [...ROLES] })

/** Whether `role` may do what asks for `needed`. */
export const hasRole = (role: Role, needed: Role): boolean => ROLES.indexOf(role) >= ROLES.indexOf(needed)

/** Whoever has the token of the installation. */
export const ADMIN_TOKEN_NAME = 'admin-token'

/** Who is asking, as the admin API sees it. */
export const Session = t.Object({
  name: t.String({ description: 'of the token; admin-token is that of the installation' }),
  role: Role,
  kind: t.Unsafe<'session' | 'token'>({ type: 'string', enum: ['session', 'token'] }),
  expires: Nullable(
    t.String({ format: 'date-time', description: 'at the latest, however busy; null: never' }),
  ),
  idle_seconds_max: t.Union([t.Integer(), t.Null()], {
    description: 'without a request for so long it ends',
  }),
})
export type Session = Static<typeof Session>

/** A token of the admin API; its text is never among it. */
export const ApiToken = t.Object({
  id: t.String({ description: 'a 64-bit number, as text' }),
  name: t.String(),
  role: Role,
  prefix: t.String({ description: 'the first characters of the token' }),
  created: Instant,
  created_by: t.String(),
  expires: Nullable(Instant),
  last_used: Nullable(t.String({ format: 'date-time', description: 'to about a minute' })),
  revoked: Nullable(Instant),
})
export type ApiToken = Static<typeof ApiToken>

/** The one answer in which a token is ever shown. */
export const NewApiToken = t.Composite([
  ApiToken,
  t.Object({ token: t.String({ description: 'shown this once' }) }),
])
export type NewApiToken = Static<typeof NewApiToken>

/** Which way a change came in: `database` is SQL of somebody's own. */
export const CHANGED_VIA = ['api', 'cli', 'console', 'receiver', 'database'] as const
export type ChangedVia = (typeof CHANGED_VIA)[number]

/** Who is behind a request to the admin API. */
export interface Administrator {
  /** Of the token; `admin-token` is that of the installation. */
  readonly name: string
  readonly role: Role
  readonly via: ChangedVia
  readonly sourceIp: string | null
  readonly requestId: string | null
}

/** One change that an administrator made, written with the change itself. */
export const AdminAuditRow = t.Object({
  id: t.String({ description: 'a 64-bit number, as text' }),
  created: Instant,
  actor: t.String({ description: 'the name of the token, or of the database user' }),
  role: t.Union([Role, t.Null()]),
  via: t.Unsafe<ChangedVia>({ type: 'string', enum: [...CHANGED_VIA] }),
  source_ip: Nullable(t.String()),
  request_id: Nullable(t.String({ format: 'uuid' })),
  action: t.String({ description: 'a noun and a verb, such as trigger.change' }),
  target: t.String({ description: 'the ref of a trigger, or the name of a token' }),
  old: t.Union([t.Record(t.String(), t.Unknown()), t.Null()], {
    description: 'what changed, without secrets',
  }),
  new: t.Union([t.Record(t.String(), t.Unknown()), t.Null()], {
    description: 'what changed, without secrets',
  }),
})
export type AdminAuditRow = Static<typeof AdminAuditRow>

/** One setting as it is in force. */
export const EffectiveSetting = t.Object({
  variable: t.String(),
  value: Nullable(t.String({ description: 'secrets stand as [redacted]' })),
  default: Nullable(t.String()),
  origin: t.String({ description: 'default, environment or flag' }),
})
export type EffectiveSetting = Static<typeof EffectiveSetting>

/** What runs here. */
export const About = t.Object({
  version: t.String(),
  runtime: t.String(),
  database: t.String({ description: 'engine and version' }),
  started: Instant,
  receiver_url: t.String(),
  body_bytes_max: t.Integer({ description: 'larger bodies are refused, whatever the limit of a trigger is' }),
})
export type About = Static<typeof About>
