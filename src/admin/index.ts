import { Elysia } from 'elysia'
import { errors } from '../http/errors.ts'
import { liveness, readiness } from '../http/health.ts'
import type { Store } from '../store/index.ts'
import { adminAuditLog } from './admin-audit-log.ts'
import { Authentication, type AuthenticationDeps } from './authentication.ts'
import { attemptDiagnosis } from './diagnosis.ts'
import { events } from './events.ts'
import { exports } from './exports.ts'
import { guard } from './guard.ts'
import { handshake } from './handshake.ts'
import { type Installation, installation } from './installation.ts'
import { ipWhitelistCheck } from './ip-whitelist-check.ts'
import { logTail } from './log-tail.ts'
import { methods } from './methods.ts'
import { type Metrics, metrics } from './metrics.ts'
import { openapi, type Route } from './openapi.ts'
import { overview } from './overview.ts'
import { type PageFile, pages } from './pages.ts'
import { preview } from './preview.ts'
import { rejectedBodies } from './rejected-bodies.ts'
import { schemeSamples } from './scheme-samples.ts'
import { schemes } from './schemes.ts'
import { session } from './session.ts'
import { stats } from './stats.ts'
import { testTool } from './test-tool.ts'
import { tokens } from './tokens.ts'
import { triggers } from './triggers.ts'
import { verification } from './verification.ts'
import { webhookEventLog } from './webhook-event-log.ts'
import { webhooks } from './webhooks.ts'

export interface AdminDeps extends AuthenticationDeps {
  readonly store: Store
  /** Base of the webhook URLs, without a slash at its end. */
  readonly publicUrl: string
  /** Where the receiver listens on this host, without a slash at its end. */
  receiverUrl(): string
  readonly metrics: Metrics
  readonly version: string
  readonly installation: Installation
  /** The pages, by path. */
  readonly pages: ReadonlyMap<string, PageFile>
  /** Of this process: how much waits. */
  readonly queues: () => Readonly<Record<'intake' | 'audit' | 'lookups' | 'rateLimit', number>>
  /** Aborted when the process begins to end. */
  readonly draining: AbortSignal
  /** How often it is asked whether who follows the log still may. Default: `TAIL_IDENTITY_MS`. */
  readonly tailIdentityMs?: number
  isReady(): boolean
}

/** No answer of this plane is for a cache, a frame, or a browser to run. */
const SECURITY_HEADERS = {
  'cache-control': 'no-store',
  'x-content-type-options': 'nosniff',
  'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
}

/**
 * The control plane. The guards come in this order: what is thrown becomes problem+json, then who asks, then the method;
 * only then is a route looked at, and a body read.
 */
export const createAdmin = (deps: AdminDeps) => {
  // Read at the first request, when the table is complete.
  const routes = (): readonly Route[] => app.routes
  const authentication = new Authentication(deps)
  const app = new Elysia({
    // A short `Host` would shift the path otherwise.
    handler: { standardHostname: false },
    // Bun's router would match another text than the guards have judged: it does not normalise paths.
    systemRouter: false,
    strictPath: true,
    // Unknown fields are refused, not left out.
    normalize: false,
  })
    .use(errors(deps))
    .headers(SECURITY_HEADERS)
    .use(pages(deps.pages))
    .use(guard(authentication, routes))
    .use(methods(routes))
    .use(liveness())
    .use(readiness(deps))
    .use(session({ ...deps, authentication }))
    .use(tokens(deps))
    .use(installation(deps))
    .use(triggers(deps))
    .use(webhooks(deps))
    .use(ipWhitelistCheck())
    .use(verification(deps))
    .use(handshake(deps))
    .use(schemes())
    .use(schemeSamples())
    .use(testTool(deps))
    .use(preview(deps))
    .use(stats(deps))
    .use(overview(deps))
    .use(events(deps))
    .use(webhookEventLog(deps))
    .use(logTail({ ...deps, authentication }))
    .use(exports({ ...deps, authentication }))
    .use(attemptDiagnosis(deps))
    .use(rejectedBodies(deps))
    .use(adminAuditLog(deps))
    .use(metrics(deps.metrics))
    .use(openapi({ version: deps.version, routes }))
  return app
}
