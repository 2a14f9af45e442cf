import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

export interface Licence {
  readonly name: string
  readonly version: string
  readonly licence: string
  readonly text: string
}

interface Manifest {
  readonly name: string
  readonly version: string
  readonly license?: string
  readonly dependencies?: Readonly<Record<string, string>>
  readonly optionalDependencies?: Readonly<Record<string, string>>
}

const read = (path: string): Manifest => JSON.parse(readFileSync(path, 'utf8'))

/**
 * Every package that is part of the executable, with the text of its licence: the dependencies of the manifest, and theirs.
 *
 * @throws Error when a package names no licence, since it could not be passed on
 */
export async function licences(root: string): Promise<readonly Licence[]> {
  const found = new Map<string, Licence>()
  const waiting = Object.keys(read(join(root, 'package.json')).dependencies ?? {})
  for (let name = waiting.pop(); name !== undefined; name = waiting.pop()) {
    const folder = join(root, 'node_modules', name)
    if (found.has(name) || name.startsWith('@types/') || !existsSync(folder)) continue
    const { version, license, dependencies = {} } = read(join(folder, 'package.json'))
    if (license === undefined) throw new Error(`${name} names no licence`)
    found.set(name, { name, version, licence: license, text: licenceText(folder) })
    waiting.push(...Object.keys(dependencies))
  }
  return [...found.values()].sort((a, b) => a.name.localeCompare(b.name, 'en'))
}

/** Empty where a package has no such file; then its manifest alone says under which licence it stands. */
function licenceText(folder: string): string {
  const file = readdirSync(folder).find((name) => /^licen[cs]e/i.test(name))
  return file === undefined ? '' : readFileSync(join(folder, file), 'utf8')
}
