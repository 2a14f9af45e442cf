import { describe, expect, test } from 'bun:test'
import { createCertificateFetcher } from '../../src/http/certificates.ts'

const PEM = '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n'
const URL_OF = (name: string) => `https://api.example.test/${name}`

/** What answers in place of the internet, and what it was asked. */
function remote(answer: (url: string) => Response | Promise<Response>) {
  const asked: { url: string; init: RequestInit }[] = []
  const fetcher = createCertificateFetcher(async (url, init) => {
    asked.push({ url, init })
    return answer(url)
  })
  return { asked, fetcher }
}

describe('a certificate of a sender', () => {
  test('is fetched once, however many ask for it at the same time, and follows no redirect', async () => {
    const { asked, fetcher } = remote(() => new Response(PEM))
    const answers = await Promise.all(Array.from({ length: 20 }, () => fetcher(URL_OF('a'))))
    expect(new Set(answers)).toEqual(new Set([PEM]))
    expect(await fetcher(URL_OF('a'))).toBe(PEM)
    expect(asked).toHaveLength(1)
    expect(asked[0]?.init).toMatchObject({ redirect: 'error', signal: expect.any(AbortSignal) })
  })

  test.each([
    ['404', () => new Response(PEM, { status: 404 })],
    ['another text', () => new Response('<html>')],
    ['too large', () => new Response(PEM + 'x'.repeat(33_000))],
    ['a fault of the network', () => Promise.reject(new Error('ECONNREFUSED'))],
  ])('%s is none, and is not asked for again at once', async (_, answer) => {
    const { asked, fetcher } = remote(answer)
    expect(await fetcher(URL_OF('a'))).toBeNull()
    expect(await fetcher(URL_OF('a'))).toBeNull()
    expect(asked).toHaveLength(1)
  })

  test('is fetched by https only', async () => {
    const { asked, fetcher } = remote(() => new Response(PEM))
    expect(await fetcher('http://api.example.test/a')).toBeNull()
    expect(asked).toHaveLength(0)
  })

  test('no more than four are fetched at a time', async () => {
    const { promise, resolve } = Promise.withResolvers<void>()
    const { asked, fetcher } = remote(async () => {
      await promise
      return new Response(PEM)
    })
    const first = Array.from({ length: 4 }, (_, index) => fetcher(URL_OF(String(index))))
    expect(await fetcher(URL_OF('one too many'))).toBeNull()
    resolve()
    expect(await Promise.all(first)).toEqual([PEM, PEM, PEM, PEM])
    expect(asked).toHaveLength(4)
    expect(await fetcher(URL_OF('one too many'))).toBe(PEM)
  })

  test('URLs that lead nowhere push none out', async () => {
    const { asked, fetcher } = remote((url) =>
      url === URL_OF('real') ? new Response(PEM) : new Response('', { status: 404 }),
    )
    await fetcher(URL_OF('real'))
    for (let number = 0; number < 200; number++) await fetcher(URL_OF(`made-up-${number}`))
    expect(await fetcher(URL_OF('real'))).toBe(PEM)
    expect(asked.filter(({ url }) => url === URL_OF('real'))).toHaveLength(1)
  })
})
