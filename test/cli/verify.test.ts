import { describe, expect, test } from 'bun:test'
import { createHmac } from 'node:crypto'
import { VERIFY_LINE_BYTES_MAX } from '../../src/core/limits.ts'
import { VECTOR_FOLDERS, vectorsIn } from '../core/verification/support.ts'
import { run } from './support.ts'

interface Answer {
  readonly id: string | number | null
  readonly valid: boolean
  readonly reason: string | null
  readonly detail: string | null
}

async function* pieces(text: string | Uint8Array, size = Number.POSITIVE_INFINITY) {
  const all = typeof text === 'string' ? Buffer.from(text) : text
  for (let at = 0; at < all.byteLength; at += size) yield all.subarray(at, at + size)
}

async function verify(text: string | Uint8Array, size?: number) {
  const { code, out, err } = await run(['verify'], {}, { inputChunks: () => pieces(text, size) })
  const answers = out
    .split('\n')
    .filter((line) => line !== '')
    .map((line): Answer => JSON.parse(line))
  return { code, err, answers }
}

const BODY = '{"a":1}'
const DIGEST = createHmac('sha256', 's3cret-s3cret').update(BODY).digest('hex')
const REQUEST = {
  id: 'r-1',
  scheme: 'github',
  secret: 's3cret-s3cret',
  method: 'POST',
  url: 'https://hooks.example.test/x',
  headers: { 'X-Hub-Signature-256': `sha256=${DIGEST}` },
  body: BODY,
}
const line = (changes: object = {}): string => `${JSON.stringify({ ...REQUEST, ...changes })}\n`
const VALID = { id: 'r-1', valid: true, reason: null, detail: null }

test.each(VECTOR_FOLDERS)('the vectors of %s feed it unchanged', async (folder) => {
  const vectors = vectorsIn(folder)
  const { code, err, answers } = await verify(vectors.map((vector) => `${JSON.stringify(vector)}\n`).join(''))
  expect({ code, err }).toEqual({ code: 0, err: '' })
  expect(answers.map(({ id }) => id)).toEqual(vectors.map(({ id }) => id))
  const wrong = vectors.filter(
    ({ binding, expect: expected }, index) => binding && answers[index]?.valid !== (expected === 'valid'),
  )
  expect(wrong.map(({ provider, id }) => `${provider} ${id}`)).toEqual([])
})

describe('a captured request', () => {
  test.each([
    ['as it is documented', {}],
    ['with headers as lists', { headers: { 'x-hub-signature-256': [`sha256=${DIGEST}`] } }],
    ['with headers as pairs', { headers: [['X-HUB-Signature-256', `sha256=${DIGEST}`]] }],
    ['with a body in base64', { body: undefined, body_base64: btoa(BODY) }],
    ['with several secrets', { secret: undefined, secrets: ['another', 's3cret-s3cret'] }],
    ['with a secret and others', { secret: 'another', secrets: ['s3cret-s3cret'] }],
    ['with the spelling of the vectors', { scheme: undefined, template: 'github' }],
    [
      'with a scheme of its own',
      {
        scheme: {
          scheme: 'hmac',
          hash: 'sha256',
          sig: { from: ['header:x-hub-signature-256'], prefix: 'sha256=', enc: 'hex' },
          signed: '{body}',
        },
      },
    ],
    ['under the generic scheme', { scheme: 'generic' }],
  ])('%s is judged', async (_, changes) => {
    expect((await verify(line(changes))).answers).toEqual([VALID])
  })

  test.each([
    ['GitHub', ''],
    ['gitlab signing token', 'secret_unusable'],
    ['Recall-AI', 'secret_unusable'],
    ['incident-io', 'secret_unusable'],
    ['cal.com', 'signature_missing'],
    ['docker_hub', 'credential_missing'],
    ['git hub', 'scheme_unknown'],
    ['', 'scheme_unknown'],
  ])('the scheme %p is found by what its name means', async (scheme, reason) => {
    const [answer] = (await verify(line({ scheme }))).answers
    expect(answer?.reason ?? '').toBe(reason)
  })

  test.each([
    ['no secret', { secret: undefined }, 'secret_missing'],
    ['an empty list of secrets', { secret: undefined, secrets: [] }, 'secret_missing'],
    ['another body', { body: '{"a":2}' }, 'signature_mismatch'],
    ['no header', { headers: {} }, 'signature_missing'],
    ['no headers at all', { headers: undefined }, 'signature_missing'],
    ['a header twice', { headers: [...pairs(), ...pairs()] }, 'signature_malformed'],
    ['an unknown scheme', { scheme: 'githab' }, 'scheme_unknown'],
    ['a scheme of its own with a fault', { scheme: { scheme: 'hmac' } }, 'scheme_invalid'],
    ['no scheme', { scheme: undefined }, 'request_malformed'],
    ['a body that is no text', { body: { a: 1 } }, 'request_malformed'],
    ['two bodies', { body_base64: btoa(BODY) }, 'request_malformed'],
    ['a body that is no base64', { body: undefined, body_base64: '!' }, 'request_malformed'],
    ['headers that are none', { headers: 7 }, 'request_malformed'],
    ['a header that is no text', { headers: { a: 1 } }, 'request_malformed'],
    ['a time that is none', { now: 'today' }, 'request_malformed'],
    ['secrets that are none', { secrets: [1] }, 'request_malformed'],
    ['configuration that is none', { extra: [] }, 'request_malformed'],
  ])('with %s is refused, with its id', async (_, changes, reason) => {
    const { code, answers } = await verify(line(changes))
    expect(code).toBe(0)
    expect(answers).toEqual([
      { id: 'r-1', valid: false, reason, detail: expect.stringMatching(/^[A-Z].*\.$/) },
    ])
    expect(JSON.stringify(answers)).not.toContain('s3cret-s3cret')
    expect(JSON.stringify(answers)).not.toContain(DIGEST)
  })
})

function pairs() {
  return [['x-hub-signature-256', `sha256=${DIGEST}`]]
}

describe('the stream', () => {
  test.each([1, 7, 1_024])('may come in pieces of %i bytes; answers keep its order', async (size) => {
    const text = [
      line({ id: 1 }),
      '\n',
      'no json\n',
      '[]\r\n',
      line({ id: 2 }),
      line({ id: 'é😀' }).trimEnd(),
    ]
    const { answers } = await verify(text.join(''), size)
    expect(answers.map(({ id, valid }) => [id, valid])).toEqual([
      [1, true],
      [null, false],
      [null, false],
      [2, true],
      ['é😀', true],
    ])
  })

  test('bytes that are no UTF-8 cost their line alone', async () => {
    const text = Buffer.concat([Buffer.from(line()), Buffer.from([0x7b, 0xff, 0x0a]), Buffer.from(line())])
    const { answers } = await verify(text)
    expect(answers.map(({ valid }) => valid)).toEqual([true, false, true])
  })

  test('a line that is too long costs no memory, and the next one is judged', async () => {
    const piece = Buffer.alloc(1024 * 1024, 0x20)
    async function* input() {
      for (let sent = 0; sent <= VERIFY_LINE_BYTES_MAX; sent += piece.byteLength) yield piece
      yield Buffer.from(`\n${line()}`)
    }
    const { out } = await run(['verify'], {}, { inputChunks: input })
    const answers = out.trim().split('\n')
    expect(answers.map((text) => JSON.parse(text).valid)).toEqual([false, true])
  })

  test('no more is read than has been answered', async () => {
    let read = 0
    const printed: number[] = []
    async function* input() {
      for (; read < 50; read += 1) yield Buffer.from(line())
    }
    await run(['verify'], {}, { inputChunks: input, print: () => printed.push(read) })
    expect(printed).toEqual(Array.from({ length: 50 }, (_, index) => index))
  })

  test('nothing at all is answered with nothing', async () => {
    expect(await verify('')).toEqual({ code: 0, err: '', answers: [] })
  })

  test('the program itself reads its stdin', async () => {
    const child = Bun.spawn([process.execPath, 'src/main.ts', 'verify'], {
      cwd: `${import.meta.dir}/../..`,
      stdin: Buffer.from(line() + line({ body: '' })),
      stdout: 'pipe',
      stderr: 'pipe',
    })
    const [out, err] = [await child.stdout.text(), await child.stderr.text()]
    expect({ code: await child.exited, err }).toEqual({ code: 0, err: '' })
    expect(
      out
        .trim()
        .split('\n')
        .map((text) => JSON.parse(text).valid),
    ).toEqual([true, false])
  })
})

describe('--diagnose', () => {
  const diagnosed = async (changes: object, ...options: string[]) => {
    const { out } = await run(['verify', ...options], {}, { inputChunks: () => pieces(line(changes)) })
    return JSON.parse(out) as Answer & { readonly diagnosis?: readonly { readonly cause: string }[] }
  }

  test('says why a request is not valid', async () => {
    const answer = await diagnosed({ body: `${BODY}\n` }, '--diagnose')
    expect(answer.reason).toBe('signature_mismatch')
    expect(answer.diagnosis?.[0]?.cause).toBe('body_whitespace')
  })

  test('adds nothing to what is valid, and nothing where it is not asked for', async () => {
    expect(await diagnosed({}, '--diagnose')).toEqual(VALID)
    expect(Object.keys(await diagnosed({ body: 'x' }))).toEqual(['id', 'valid', 'reason', 'detail'])
  })
})
