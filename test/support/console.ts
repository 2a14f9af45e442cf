/** The console of a binary of its own, and a browser to visit it with: what the tests of the pages begin with. */
import type { Role } from '../../src/core/administrator.ts'
import { type Installation, install, type Server, type Settings } from './binary.ts'
import { adminToken, type Chromium, type Reader, startChromium, type Visit } from './browser.ts'

export interface ConsoleUnderTest {
  readonly installation: Installation
  readonly server: Server
  readonly chromium: Chromium
  /** That of the installation. */
  readonly token: string
  /** Makes an API token. */
  tokenOf(name: string, role: Role): Promise<{ readonly id: string; readonly token: string }>
  /** Runs `run` for somebody who has signed in. Whatever the browser complains about is a failure. */
  visiting(run: (visit: Visit) => Promise<void>, as?: { token?: string; reader?: Reader }): Promise<void>
  close(): Promise<void>
}

export async function startConsole(settings: Settings = {}): Promise<ConsoleUnderTest> {
  const installation = await install()
  const [server, chromium] = await Promise.all([installation.serve(settings), startChromium()])
  const token = adminToken(installation.dataDirectory)
  return {
    installation,
    server,
    chromium,
    token,
    async tokenOf(name, role) {
      const answer = await server.api('POST', '/api/v1/tokens', { name, role })
      if (answer.status !== 201) throw new Error(`no token: ${answer.status} ${answer.text}`)
      return answer.json.data
    },
    async visiting(run, { token: given = token, reader } = {}) {
      const visit = await chromium.visit(server, reader)
      try {
        await visit.signIn(given)
        await run(visit)
        const complaints = visit.complaints()
        if (complaints.length > 0) throw new Error(`the browser complains: ${complaints.join('; ')}`)
      } finally {
        await visit.close()
      }
    },
    async close() {
      await chromium.close()
      await installation.dispose()
    },
  }
}
