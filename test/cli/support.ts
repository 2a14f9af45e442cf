import { afterEach } from 'bun:test'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { CommandContext } from '../../src/cli/command.ts'
import { runCommand } from '../../src/cli/index.ts'
import type { WebhookEventLogRow } from '../../src/core/event.ts'
import type { Trigger } from '../../src/core/trigger.ts'
import { createLog } from '../../src/log.ts'

export const TOKEN = 'canary-admin-token-0123456789abcdef0123456789'

const undo: (() => unknown)[] = []
afterEach(async () => {
  for (const step of undo.splice(0).reverse()) await step()
})

/** A folder that goes with the test. */
export function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'attune-cli-'))
  undo.push(() => rmSync(folder, { recursive: true, force: true }))
  return folder
}

export function temporaryFile(name: string, content: string | Uint8Array): string {
  const file = join(temporaryFolder(), name)
  writeFileSync(file, content)
  return file
}

export interface Call {
  readonly method: string
  /** Path and query. */
  readonly target: string
  readonly headers: Headers
  readonly body: string
}

/** A server that speaks as the admin API does: what it is asked is kept, what it answers is up to the test. */
export function adminApi(answer: (call: Call) => Response | Promise<Response>) {
  const calls: Call[] = []
  const server = Bun.serve({
    hostname: '127.0.0.1',
    port: 0,
    async fetch(request) {
      const { pathname, search } = new URL(request.url)
      const { method, headers } = request
      const call = { method, target: pathname + search, headers, body: await request.text() }
      calls.push(call)
      return answer(call)
    },
  })
  undo.push(() => server.stop(true))
  const url = `http://127.0.0.1:${server.port}`
  return { url, calls, env: { ATTUNE_ADMIN_URL: url, ATTUNE_ADMIN_TOKEN: TOKEN } }
}

export interface Ran {
  readonly code: number
  readonly out: string
  readonly err: string
}

/** Runs a command in this process, with everything that it says. */
export async function run(
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
  further: Partial<CommandContext> = {},
): Promise<Ran> {
  const output = { out: '', err: '' }
  const context: CommandContext = {
    // A folder without a token, unless the test brings one.
    env: { ATTUNE_DATA_DIR: '/nonexistent', ...env },
    print: (text) => {
      output.out += `${text}\n`
    },
    printBytes: (bytes) => {
      output.out += new TextDecoder().decode(bytes)
    },
    say: (text) => {
      output.err += `${text}\n`
    },
    printsToTerminal: false,
    terminalColumns: () => null,
    readInput: async () => new Uint8Array(),
    inputChunks: async function* () {},
    confirm: async () => true,
    createLog: (level) => createLog({ level, write: (line) => context.say(line.trimEnd()) }),
    writeLogLine: (line) => context.say(line),
    onStopSignal: () => undefined,
    platform: process.platform,
    startChild: () => {
      throw new Error('no command of a client starts a process')
    },
    openParent: () => null,
    ...further,
  }
  const code = await runCommand(args, context)
  return { code, ...output }
}

export const TRIGGER: Trigger = {
  ref: 'github.push',
  label: null,
  description: null,
  webhook_enabled: true,
  webhook_key: 'wh_0123456789abcdefghijklmnopqrstuv',
  webhook_url: 'http://localhost:8080/api/v1/webhooks/wh_0123456789abcdefghijklmnopqrstuv',
  webhook_hmac_enabled: false,
  webhook_hmac_algorithm: 'sha256',
  webhook_verification_scheme: null,
  webhook_rate_limit_enabled: true,
  webhook_rate_limit_requests: 10,
  webhook_rate_limit_window_seconds: 60,
  webhook_ip_whitelist_enabled: true,
  webhook_ip_whitelist: ['10.0.0.0/8', '2001:db8::/32'],
  webhook_payload_size_limit_kb: 1024,
  webhook_deduplication_enabled: false,
  webhook_deduplication_fields: [],
  webhook_deduplication_window_seconds: 86_400,
  created: '2026-01-02T03:04:05.000Z',
  updated: '2026-01-02T03:04:05.000Z',
}

/** An audit row whose place in time is `sequence`. */
export const logRow = (sequence: number, fields: Partial<WebhookEventLogRow> = {}): WebhookEventLogRow => ({
  id: `00000000-0000-7000-8000-${String(sequence).padStart(12, '0')}`,
  trigger_id: '1',
  trigger_ref: 'github.push',
  webhook_key: 'wh_0123456789abcdefghijklmnopqrstuv',
  event_id: null,
  source_ip: '192.0.2.1',
  user_agent: 'GitHub-Hookshot/1',
  payload_size_bytes: 17,
  headers: [],
  status_code: 401,
  error_code: 'signature_invalid',
  error_message: 'the digest does not match',
  processing_time_ms: 0.7,
  hmac_verified: false,
  rate_limited: false,
  ip_allowed: true,
  verified_by: null,
  outcome: null,
  checks: null,
  attempts: 1,
  created: '2026-01-02T03:04:05.000Z',
  ...fields,
})
