import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Sealing } from '../../src/core/sealing.ts'
import { PRESETS, type Scheme } from '../../src/core/verification/index.ts'
import { type Recipe, recipeOf, SAMPLES, SECRET_VARIABLE } from '../../src/ui/parts/samples/index.ts'
import { engines, type TestEngine } from '../support/database.ts'
import { startReceiver, type TestReceiver, type TestTrigger } from '../support/receiver.ts'
import { SIGNERS } from '../support/signers.ts'

/** How each language runs a file, and under what name it wants it. */
const RUNNERS: Readonly<Record<string, { readonly command: readonly string[]; readonly file: string }>> = {
  curl: { command: ['sh'], file: 'send.sh' },
  node: { command: ['node'], file: 'send.mjs' },
  python: { command: ['python3'], file: 'send.py' },
  go: { command: ['go', 'run'], file: 'send.go' },
  php: { command: ['php'], file: 'send.php' },
  ruby: { command: ['ruby'], file: 'send.rb' },
}

/** What the shell needs beside itself. */
const TOOLS: Readonly<Record<string, readonly string[]>> = { curl: ['curl', 'openssl', 'od'] }

/** One of each shape that a recipe can have. */
const SENDERS = [
  'none',
  'generic',
  'github',
  'shopify',
  'intercom',
  'terraform-cloud',
  'slack',
  'stripe',
  'workos',
  'twitch',
  'standard-webhooks',
  'svix',
  'adyen-platform',
  'gitlab',
]

/** Schemes of the operator's own, with what no sender of ours has, and secrets that have to be written with care. */
const OWN: readonly (readonly [string, Scheme, string])[] = [
  ['a token in the URL', { scheme: 'token', at: 'query:access token' }, `a&b+c %20/ü"'$`],
  ['credentials with marks', { scheme: 'basic' }, `us"er:pa$$'\`wörd #{x}\\`],
  [
    'a token with marks',
    { scheme: 'token', at: 'header:x-token', prefix: `a"b'$c#{d}\\ ` },
    `t"k'$HOME#{1}\\\`id\``,
  ],
  [
    'text around the body',
    {
      scheme: 'hmac',
      hash: 'sha256',
      sig: { from: ['header:x-sig'], enc: 'base64url' },
      ts: { from: 'header:x-time', unit: 'iso', tolerance: 300 },
      signed: `"$'#\\ \`{ts}\n{body}`,
    },
    `s"e'c$r#{e}t\\\``,
  ],
  [
    'a hexadecimal key behind a prefix',
    {
      scheme: 'hmac',
      hash: 'sha512',
      key: { enc: 'hex', strip: 'key_' },
      sig: { from: ['header:x-sig'], enc: 'hex' },
      signed: '{body}',
    },
    `key_${'0f1e2d3c4b5a6978'.repeat(4)}`,
  ],
]

interface Sender {
  readonly name: string
  readonly scheme: Scheme
  readonly secret: string | null
  readonly config: Readonly<Record<string, string>>
}

const senders: readonly Sender[] = [
  ...PRESETS.filter(({ name }) => SENDERS.includes(name)).map(({ name, scheme }) => ({
    name,
    scheme,
    secret: SIGNERS[name]?.secret ?? null,
    config: (SIGNERS[name]?.config ?? {}) as Readonly<Record<string, string>>,
  })),
  ...OWN.map(([name, scheme, secret]) => ({ name, scheme, secret, config: {} })),
]

/** Another secret of the same make. */
const wrong = (secret: string): string =>
  secret.replace(/[0-9a-z](?=[^0-9a-z]*$)/, (last) => (last === '1' ? '2' : '1'))

function recipeFor({ name, scheme }: Sender, url: string): Recipe {
  const recipe = recipeOf(scheme as unknown as Record<string, unknown>, { url, algorithm: 'sha256' })
  if (recipe === null) throw new Error(`there is no sample for ${name}`)
  return recipe
}

describe('the samples that the console shows', () => {
  let database: TestEngine
  let receiver: TestReceiver
  let folder: string
  beforeAll(async () => {
    const [engine] = engines.toReversed()
    if (engine === undefined) throw new Error('there is no database')
    database = await engine.open()
    receiver = await startReceiver(database.engine, { sealing: new Sealing(Buffer.alloc(32, 7)) })
    folder = await mkdtemp(join(tmpdir(), 'attune-samples-'))
  }, 30_000)
  afterAll(async () => {
    await receiver.close()
    await database.dispose()
    await rm(folder, { recursive: true })
  }, 30_000)

  async function triggerOf({ scheme, secret, config }: Sender): Promise<TestTrigger> {
    if (scheme.scheme === 'generic') {
      return receiver.trigger({ hmac: { algorithm: 'sha256', secret: secret ?? '' } })
    }
    const trigger = await receiver.trigger()
    const secrets = secret === null ? [] : [{ label: 'default', text: secret }]
    await receiver.store.verifications.set(trigger.ref, { scheme, config }, secrets)
    return trigger
  }

  async function run(language: string, text: string, secret: string): Promise<string> {
    const runner = RUNNERS[language]
    if (runner === undefined) throw new Error(`nobody knows how to run ${language}`)
    const path = join(folder, runner.file)
    await Bun.write(path, text)
    const sample = Bun.spawn([...runner.command, path], {
      env: { ...process.env, [SECRET_VARIABLE]: secret, GOFLAGS: '-mod=mod' },
      stdout: 'pipe',
      stderr: 'pipe',
    })
    const [output, talk] = await Promise.all([
      new Response(sample.stdout).text(),
      new Response(sample.stderr).text(),
      sample.exited,
    ])
    return output + talk
  }

  /** What the receiver made of it, from its own row; where none comes, what the sample said. */
  async function statusOf(trigger: TestTrigger, count: number, output: string): Promise<number | string> {
    const requestId = /"(?:event_id|request_id)"\s*:\s*"([0-9a-f-]{36})"/.exec(output)?.[1]
    if (requestId === undefined) return output
    return (await receiver.logRowsOf(trigger, count)).at(-1)?.status_code ?? output
  }

  for (const { value, write } of SAMPLES) {
    const needed = [...(TOOLS[value] ?? []), ...(RUNNERS[value]?.command.slice(0, 1) ?? [])]
    const missing = needed.filter((tool) => Bun.which(tool) === null)
    const title = missing.length === 0 ? value : `${value}: not run, there is no ${missing.join(', ')} here`
    describe.skipIf(missing.length > 0)(title, () => {
      test.each(senders.map((sender) => [sender.name, sender] as const))(
        '%s: taken with its secret, refused with another',
        async (_, sender) => {
          const trigger = await triggerOf(sender)
          const text = write(recipeFor(sender, `http://127.0.0.1:${receiver.port}${trigger.path}`))
          const { secret } = sender
          const output = await run(value, text, secret ?? '')
          expect(await statusOf(trigger, 1, output)).toBe(200)
          if (secret === null) return
          expect(text).not.toContain(secret)
          const refusal = await run(value, text, wrong(secret))
          expect(await statusOf(trigger, 2, refusal)).toBe(401)
        },
        60_000,
      )
    })
  }
})
