import { expect, test } from 'bun:test'
import { BackendMessages } from '../../../src/store/embedded/backend-messages.ts'
import { FrontendMessages, ProtocolViolation } from '../../../src/store/embedded/frontend-messages.ts'
import { frame, startup } from './support.ts'

const groupOfTwo = Buffer.concat([frame('P', 'name\0select 1\0\0\0'), frame('S', '')])
const query = frame('Q', 'select 2\0')

/** The kinds of the requests that come out, with how each group begins, when the bytes come in such pieces. */
function requests(bytes: Buffer, pieceBytes: number): string[] {
  const messages = new FrontendMessages()
  const found: string[] = []
  for (let start = 0; start < bytes.length; start += pieceBytes) {
    messages.push(new Uint8Array(bytes.subarray(start, start + pieceBytes)))
    for (let request = messages.next(); request !== undefined; request = messages.next()) {
      found.push(request.kind === 'group' ? Buffer.from(request.bytes).toString('latin1') : request.kind)
    }
  }
  return found
}

test('requests are the same in whatever pieces their bytes come', () => {
  const all = Buffer.concat([startup(), groupOfTwo, query, frame('H', ''), frame('X', '')])
  const whole = requests(all, all.length)
  expect(whole.map((request) => request.slice(0, 1))).toEqual(['s', 'P', 'Q', 'H', 't'])
  expect(whole[1]?.startsWith(groupOfTwo.toString('latin1'))).toBe(true)
  for (let pieceBytes = 1; pieceBytes < all.length; pieceBytes++)
    expect(requests(all, pieceBytes)).toEqual(whole)
})

test('named statements are remembered until they are closed, the unnamed one never', () => {
  const messages = new FrontendMessages()
  messages.push(
    Buffer.concat([
      startup(),
      frame('P', 'kept\0\0\0\0'),
      frame('P', 'gone\0\0\0\0'),
      frame('P', '\0\0\0\0'),
    ]),
  )
  messages.push(Buffer.concat([frame('C', 'Sgone\0'), frame('C', 'Pkept\0'), frame('S', '')]))
  while (messages.next() !== undefined);
  expect([...messages.statements]).toEqual(['kept'])
})

test.each([
  { title: 'a startup message of 4 bytes', bytes: Buffer.from([0, 0, 0, 4, 0, 0, 0, 0]) },
  { title: 'a startup message of 1 GB', bytes: Buffer.from([0x40, 0, 0, 0, 0, 3, 0, 0]) },
  { title: 'version 2 of the protocol', bytes: Buffer.from([0, 0, 0, 8, 0, 2, 0, 0]) },
  { title: 'a function call', bytes: Buffer.concat([startup(), frame('F', '')]) },
  { title: 'a password', bytes: Buffer.concat([startup(), frame('p', 'x\0')]) },
  {
    title: 'a message shorter than its header',
    bytes: Buffer.concat([startup(), Buffer.from([0x51, 0, 0, 0, 0])]),
  },
])('$title is a violation of the protocol', ({ bytes }) => {
  expect(() => requests(bytes, bytes.length)).toThrow(ProtocolViolation)
})

test('output reaches the client unchanged in whatever pieces it comes, less what is for others', () => {
  const row = frame('D', 'a row of some length')
  const note = frame('A', '\0\0\0\x2achannel\0payload\0')
  const pieces = [frame('C', 'LISTEN\0'), row, note, row, frame('G', '\0\0\0'), note, frame('Z', 'T')]
  const all = Buffer.concat(pieces)
  const expected = Buffer.concat([frame('C', 'LISTEN\0'), row, row, frame('Z', 'T')])
  for (let pieceBytes = 1; pieceBytes <= all.length; pieceBytes++) {
    const output: Buffer[] = []
    const notes: Buffer[] = []
    let listened = 0
    const messages = new BackendMessages({
      output: (bytes) => output.push(Buffer.from(bytes)),
      notification: (bytes) => notes.push(Buffer.from(bytes)),
      listening: () => listened++,
    })
    for (let start = 0; start < all.length; start += pieceBytes) {
      messages.push(new Uint8Array(all.subarray(start, start + pieceBytes)))
    }
    expect(Buffer.concat(output).equals(expected)).toBe(true)
    expect(notes.map((bytes) => bytes.equals(note))).toEqual([true, true])
    expect(listened).toBe(1)
    expect(messages.status).toBe('T')
  }
})
