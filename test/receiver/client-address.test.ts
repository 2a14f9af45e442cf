import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { engines, type TestEngine } from '../support/database.ts'
import { head, sendRaw } from '../support/raw-http.ts'
import { startReceiver, type TestReceiver } from '../support/receiver.ts'

type Header = readonly [string, string]

const PROXIES = ['10.0.0.0/8', 'fd00::/8']

interface Way {
  readonly title: string
  readonly peer: string | null
  readonly headers?: readonly Header[]
  /** What the audit row has. */
  readonly address: string | null
  /** When there is no address: why the whitelist refuses. */
  readonly reason?: string
}

const WAYS: readonly Way[] = [
  { title: 'the peer, without any header', peer: '203.0.113.7', address: '203.0.113.7' },
  { title: 'an IPv4 peer of a dual-stack listener', peer: '::ffff:203.0.113.7', address: '203.0.113.7' },
  { title: 'an IPv6 peer', peer: '2001:db8::7', address: '2001:db8::7' },
  {
    title: 'X-Forwarded-For of a stranger is not believed',
    peer: '203.0.113.7',
    headers: [['X-Forwarded-For', '198.51.100.1']],
    address: '203.0.113.7',
  },
  {
    title: 'Forwarded of a stranger is not believed',
    peer: '203.0.113.7',
    headers: [['Forwarded', 'for=198.51.100.1']],
    address: '203.0.113.7',
  },
  {
    title: 'X-Real-IP of a stranger is not believed',
    peer: '203.0.113.7',
    headers: [['X-Real-IP', '198.51.100.1']],
    address: '203.0.113.7',
  },
  {
    title: 'X-Forwarded-For of a proxy',
    peer: '10.1.2.3',
    headers: [['X-Forwarded-For', '198.51.100.1']],
    address: '198.51.100.1',
  },
  {
    title: 'X-Forwarded-For of a proxy that arrives as ::ffff:',
    peer: '::ffff:10.1.2.3',
    headers: [['X-Forwarded-For', '198.51.100.1']],
    address: '198.51.100.1',
  },
  {
    title: 'what a stranger wrote on the left of X-Forwarded-For is not believed',
    peer: '10.1.2.3',
    headers: [['X-Forwarded-For', '192.0.2.66, 203.0.113.7']],
    address: '203.0.113.7',
  },
  {
    title: 'a chain of proxies is walked from the right',
    peer: '10.1.2.3',
    headers: [['X-Forwarded-For', '192.0.2.66, 203.0.113.7, fd00::1, 10.9.9.9']],
    address: '203.0.113.7',
  },
  {
    title: 'two X-Forwarded-For headers are one chain',
    peer: '10.1.2.3',
    headers: [
      ['X-Forwarded-For', '192.0.2.66'],
      ['X-Forwarded-For', '203.0.113.7, 10.0.0.9'],
    ],
    address: '203.0.113.7',
  },
  {
    title: 'Forwarded of a proxy, with IPv6 and a port',
    peer: '10.1.2.3',
    headers: [['Forwarded', 'for=192.0.2.66, For="[2001:db8::7]:443";proto=https']],
    address: '2001:db8::7',
  },
  {
    title: 'X-Real-IP of a proxy',
    peer: 'fd00::5',
    headers: [['X-Real-IP', '203.0.113.7']],
    address: '203.0.113.7',
  },
  { title: 'a proxy without any header speaks for itself', peer: '10.1.2.3', address: '10.1.2.3' },
  {
    title: 'headers that disagree are not believed',
    peer: '10.1.2.3',
    headers: [
      ['X-Forwarded-For', '203.0.113.7'],
      ['X-Real-IP', '198.51.100.1'],
    ],
    address: null,
    reason: 'the forwarding headers disagree: 203.0.113.7 and 198.51.100.1',
  },
  {
    title: 'what cannot be parsed is not believed',
    peer: '10.1.2.3',
    headers: [['X-Forwarded-For', 'unknown']],
    address: null,
    reason: 'X-Forwarded-For has an entry that is no address',
  },
  {
    title: 'a short form of an address is not believed',
    peer: '10.1.2.3',
    headers: [['X-Forwarded-For', '127.1']],
    address: null,
    reason: 'X-Forwarded-For has an entry that is no address',
  },
  {
    title: 'an empty header is not believed',
    peer: '10.1.2.3',
    headers: [['X-Forwarded-For', '']],
    address: null,
    reason: 'X-Forwarded-For has an entry that is no address',
  },
  {
    title: 'a chain without end is not believed',
    peer: '10.1.2.3',
    headers: [['X-Forwarded-For', Array(200).fill('10.0.0.1').join(',')]],
    address: null,
    reason: 'X-Forwarded-For has more than 64 addresses of trusted proxies',
  },
  {
    title: 'a connection without a peer, whatever the headers say',
    peer: null,
    headers: [['X-Forwarded-For', '203.0.113.7']],
    address: null,
    reason: 'the connection has no peer address',
  },
]

describe.each(engines.slice(0, 1))(
  'the client address that the checks and the audit trail use',
  ({ open }) => {
    let database: TestEngine
    let receiver: TestReceiver
    let peer: string | null = null
    beforeAll(async () => {
      database = await open()
      receiver = await startReceiver(database.engine, { trustedProxies: PROXIES, peerAddress: () => peer })
    }, 30_000)
    afterAll(async () => {
      await receiver.close()
      await database.dispose()
    }, 30_000)

    async function send(path: string, headers: readonly Header[] = []) {
      const answer = await sendRaw(receiver.port, head(path, [...headers, ['Content-Length', '2']]), '{}')
      return { status: answer.status, row: await receiver.logRow(answer.headers.get('x-request-id')) }
    }

    test.each(WAYS.map((way) => [way.title, way] as const))('%s', async (_, way) => {
      peer = way.peer
      const open = await receiver.trigger()
      const { status, row } = await send(open.path, way.headers)
      expect(status).toBe(200)
      expect(row.source_ip).toBe(way.address)
      expect((await receiver.eventRow(row.id)).source_ip).toBe(way.address)

      // The whitelist lets in exactly this address, and nobody when none is known.
      const own = way.address === null ? ['0.0.0.0/0', '::/0'] : [way.address]
      const listed = await send((await receiver.trigger({ ipWhitelist: own })).path, way.headers)
      expect(listed.status).toBe(way.address === null ? 403 : 200)
      expect(listed.row.ip_allowed).toBe(way.address !== null)
      if (way.reason !== undefined) {
        expect(listed.row.error_message).toBe(`the sender's address is not known: ${way.reason}`)
      }
      const others = await receiver.trigger({
        ipWhitelist: ['192.0.2.66', '198.51.100.0/32', '2001:db8:1::/48'],
      })
      expect((await send(others.path, way.headers)).status).toBe(403)
    })
  },
)

describe.each(engines.slice(0, 1))('the client address without trusted proxies', ({ open }) => {
  let database: TestEngine
  let receiver: TestReceiver
  beforeAll(async () => {
    database = await open()
    receiver = await startReceiver(database.engine)
  }, 30_000)
  afterAll(async () => {
    await receiver.close()
    await database.dispose()
  }, 30_000)

  test('is the real peer of the socket, and no header changes it', async () => {
    const trigger = await receiver.trigger({ ipWhitelist: ['203.0.113.7'] })
    for (const header of ['X-Forwarded-For', 'X-Real-IP', 'Forwarded']) {
      const value = header === 'Forwarded' ? 'for=203.0.113.7' : '203.0.113.7'
      const answer = await receiver.post(trigger.path, '{}', { [header]: value })
      expect(answer.status).toBe(403)
      expect((await receiver.logRow(answer.headers.get('x-request-id'))).source_ip).toBe('127.0.0.1')
    }
  })
})
