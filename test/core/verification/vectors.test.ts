/** What the senders' own libraries, samples and published values say of requests. */
import { describe, expect, test } from 'bun:test'
import { judge, VECTOR_FOLDERS, vectorsIn } from './support.ts'

test('there are vectors of at least sixty senders', () => {
  const [folder = ''] = VECTOR_FOLDERS
  expect(new Set(vectorsIn(folder).map(({ provider }) => provider)).size).toBeGreaterThanOrEqual(58)
})

describe.each(VECTOR_FOLDERS.map((folder, index) => [index === 0 ? 'own' : 'beside', folder]))(
  'vectors, %s',
  (_, folder) => {
    const rows = vectorsIn(folder).map(
      (vector) => [`${vector.provider} ${vector.template} ${vector.id}`, vector] as const,
    )

    test.each(rows.filter(([, { binding }]) => binding))('%s', async (_title, vector) => {
      const { secret, publicKey, extra = {}, body = '', bodyBase64 } = vector
      const pem = extra['certificatePem']
      const verdict = await judge(
        vector.template,
        {
          secrets: secret === undefined ? [] : [secret],
          config: extra,
          ...(publicKey !== undefined && { publicKey }),
        },
        {
          method: vector.method,
          url: vector.url,
          headers: vector.headers,
          body: Buffer.from(bodyBase64 ?? body, bodyBase64 === undefined ? 'utf8' : 'base64'),
        },
        {
          nowMs: vector.now * 1_000,
          fetchCertificate: () => (typeof pem === 'string' ? pem : null),
        },
      )
      expect(verdict.verified ? 'valid' : 'invalid').toBe(vector.expect)
      if (verdict.verified) return
      // Whoever reads the reason learns neither the secret nor what would have been right.
      expect(verdict.detail).toMatch(/^[A-Z].*\.$/)
      if (secret !== undefined && secret.length > 5) expect(verdict.detail).not.toContain(secret)
    })
  },
)
