import { VERIFY_LINE_BYTES_MAX } from '../core/limits.ts'
import { type CapturedVerdict, judgeCaptured } from '../core/verification/captured.ts'
import { visibleJson } from '../core/visible-text.ts'
import { command } from './command.ts'

const NEWLINE = 0x0a

/** A line of stdin; `null` when it is too long to be kept. */
type Line = Uint8Array | null

/** Lines of what comes in pieces. A line that is too long is passed over as it comes, and takes no memory. */
async function* linesOf(chunks: AsyncIterable<Uint8Array>, bytesMax: number): AsyncIterable<Line> {
  let pieces: Uint8Array[] = []
  let length = 0
  const take = (): Line => {
    const line = length > bytesMax ? null : Buffer.concat(pieces)
    pieces = []
    length = 0
    return line
  }
  const keep = (piece: Uint8Array): void => {
    length += piece.byteLength
    if (length > bytesMax) pieces = []
    else pieces.push(piece)
  }
  for await (const chunk of chunks) {
    let from = 0
    for (let end = chunk.indexOf(NEWLINE); end !== -1; end = chunk.indexOf(NEWLINE, from)) {
      keep(chunk.subarray(from, end))
      yield take()
      from = end + 1
    }
    keep(chunk.subarray(from))
  }
  if (length > 0) yield take()
}

const TOO_LONG: CapturedVerdict = {
  id: null,
  valid: false,
  reason: 'request_malformed',
  detail: `The line is longer than ${VERIFY_LINE_BYTES_MAX} bytes.`,
}

const UTF_8 = new TextDecoder('utf-8', { fatal: true })

async function judgeLine(line: Line, nowMs: number, isDiagnosed: boolean): Promise<CapturedVerdict | null> {
  if (line === null) return TOO_LONG
  let captured: unknown
  try {
    const text = UTF_8.decode(line)
    if (text.trim() === '') return null
    captured = JSON.parse(text)
  } catch {
    return { id: null, valid: false, reason: 'request_malformed', detail: 'The line is no JSON in UTF-8.' }
  }
  return await judgeCaptured(captured, nowMs, isDiagnosed)
}

const verify = command({
  name: 'verify',
  summary: 'Judges captured requests from stdin, one JSON object a line, and answers each with a line.',
  details: [
    'A request: {id?, scheme, secret?, secrets?, public_key?, extra?, now?, method, url, headers, body | body_base64}. `scheme` is a name of `scheme list`',
    'or a scheme as `scheme show` prints it; `extra` has further keys, a certificate (certificatePem) or other configuration; `now` is in Unix',
    'seconds; headers are an object or a list of pairs. An answer: {id, valid, reason, detail}. The exit code is 0 for bad requests, too.',
    'With --diagnose the answer to what is not valid has a list `diagnosis` of {cause, remedy, detail}, the likeliest first.',
    'It asks no server, needs no data directory, and fetches nothing.',
  ].join('\n'),
  options: {
    diagnose: {
      type: 'boolean',
      description: 'say why a request is not valid; takes longer for each of them',
    },
  },
  async run({ options }, { inputChunks, print }) {
    // One after the other: answers keep the order of requests, and no more is read than is being judged.
    for await (const line of linesOf(inputChunks(), VERIFY_LINE_BYTES_MAX)) {
      const answer = await judgeLine(line, Date.now(), options.diagnose === true)
      if (answer !== null) print(visibleJson(JSON.stringify(answer)))
    }
    return 0
  },
})

export const VERIFY_COMMANDS = [verify]
