/**
 * Makes dist/attune-webhooks-<target> for every target, and dist/SHA256SUMS over them.
 *
 * The Bun runtime of each target comes from the package registry that this machine is set up for. The lock file
 * in `deploy/runtimes` says which bytes are the right ones, and Bun's own client refuses all others. When the
 * version of Bun changes, `bun install --os='*' --cpu='*'` in that folder renews the lock file.
 */
import { cpSync } from 'node:fs'
import { join } from 'node:path'
import { BUN_VERSION, DIST, makeExecutable } from './executable.ts'
import runtimes from './runtimes/package.json' with { type: 'json' }

/** Each target with the package of its runtime, which says `aarch64` where Bun's own targets say `arm64`. */
const TARGETS = [
  ['linux-x64', '@oven/bun-linux-x64'],
  ['linux-arm64', '@oven/bun-linux-aarch64'],
  ['linux-x64-musl', '@oven/bun-linux-x64-musl'],
  ['linux-arm64-musl', '@oven/bun-linux-aarch64-musl'],
  ['darwin-arm64', '@oven/bun-darwin-aarch64'],
] as const satisfies readonly (readonly [string, keyof typeof runtimes.dependencies])[]

const packages = await installRuntimes()
const sums: string[] = []
for (const [target, runtime] of TARGETS) {
  const name = `attune-webhooks-${target}`
  await makeExecutable(name, { name: `bun-${target}`, runtime: join(packages, runtime, 'bin/bun') })
  const bytes = await Bun.file(join(DIST, name)).bytes()
  sums.push(`${new Bun.CryptoHasher('sha256').update(bytes).digest('hex')}  ${name}\n`)
}
await Bun.write(join(DIST, 'SHA256SUMS'), sums.join(''))

/** @returns the folder that holds the packages */
async function installRuntimes(): Promise<string> {
  for (const [name, version] of Object.entries(runtimes.dependencies)) {
    if (version === BUN_VERSION) continue
    throw new Error(`deploy/runtimes has ${name} at ${version}, and Bun ${BUN_VERSION} builds.`)
  }
  const folder = join(DIST, 'runtimes')
  cpSync(join(import.meta.dir, 'runtimes'), folder, { recursive: true })
  const install = Bun.spawn([process.execPath, 'install', '--frozen-lockfile', '--os=*', '--cpu=*'], {
    cwd: folder,
    // A package is checked when it is unpacked into the cache and never again, so the user's own cache proves nothing.
    env: { ...process.env, BUN_INSTALL_CACHE_DIR: join(folder, 'cache') },
    stdout: 'ignore',
    stderr: 'inherit',
  })
  if ((await install.exited) !== 0) throw new Error('The runtimes could not be installed.')
  return join(folder, 'node_modules')
}
