import { join } from 'node:path'

/** A process under test, whose output is read line by line. */
export class Child {
  readonly lines: string[] = []
  readonly process: Bun.Subprocess<'ignore', 'pipe', 'inherit'>
  readonly #end: Promise<void>
  static readonly #alive = new Set<Child>()

  constructor(command: string[]) {
    this.process = Bun.spawn(command, { stdin: 'ignore', stdout: 'pipe', stderr: 'inherit' })
    this.#end = this.#read()
    Child.#alive.add(this)
  }

  /** Leaves no process behind, also after a test that failed. */
  static async killAll(): Promise<void> {
    for (const child of Child.#alive) await child.kill()
  }

  /** Resolves with the line once the child has printed one that matches. */
  async line(matches: (line: string) => boolean, msMax = 30_000): Promise<string> {
    const deadline = performance.now() + msMax
    for (;;) {
      const found = this.lines.find(matches)
      if (found !== undefined) return found
      if (performance.now() > deadline) throw new Error(`The child printed only: ${this.lines.join(', ')}`)
      await Bun.sleep(5)
    }
  }

  /** Ends it as a crash would, and waits until everything it had printed is read. */
  async kill(): Promise<void> {
    this.process.kill('SIGKILL')
    await this.process.exited
    await this.#end
    Child.#alive.delete(this)
  }

  async #read(): Promise<void> {
    const decoder = new TextDecoder()
    let rest = ''
    for await (const bytes of this.process.stdout) {
      const parts = (rest + decoder.decode(bytes, { stream: true })).split('\n')
      rest = parts.pop() ?? ''
      this.lines.push(...parts)
    }
  }
}

export const WRITER = [process.execPath, join(import.meta.dir, 'writer.ts')]
