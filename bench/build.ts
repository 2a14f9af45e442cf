/** Compiles all three programs alike, so that none has an advantage over another that lies in how it is run. */
import { copyFileSync } from 'node:fs'
import { join } from 'node:path'

export interface Programs {
  /** A: the server, all of it. */
  readonly ours: string
  /** B: one statement for each step. */
  readonly baseline: string
  /** C: nothing is stored. */
  readonly ceiling: string
}

const root = join(import.meta.dir, '..')

/**
 * @param folder - takes the programs
 * @param givenBinary - measured in place of one that is built from this source, e.g. that of an earlier version
 */
export async function buildPrograms(folder: string, givenBinary: string | null): Promise<Programs> {
  const ours = join(folder, 'attune-webhooks')
  if (givenBinary === null) {
    await run('deploy/embedded-template.ts')
    await run('deploy/pages.ts')
    await run('deploy/build.ts')
  }
  // A copy: whoever builds in the meantime replaces the file that would be measured.
  copyFileSync(givenBinary ?? join(root, 'dist/attune-webhooks'), ours)
  return {
    ours,
    baseline: await compile('baseline', folder),
    ceiling: await compile('ceiling', folder),
  }
}

async function run(script: string): Promise<void> {
  const child = Bun.spawn([process.execPath, join(root, script)], { stdout: 'ignore', stderr: 'inherit' })
  if ((await child.exited) !== 0) throw new Error(`${script} did not succeed.`)
}

/** With the options of `deploy/executable.ts`. */
async function compile(name: string, folder: string): Promise<string> {
  const outfile = join(folder, name)
  await Bun.build({
    entrypoints: [join(import.meta.dir, `${name}.ts`)],
    root,
    target: 'bun',
    compile: { outfile, autoloadDotenv: false, autoloadBunfig: false },
    define: { 'process.env.NODE_ENV': '"production"' },
    minify: false,
    bytecode: true,
    format: 'esm',
  })
  return outfile
}
