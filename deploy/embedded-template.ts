/**
 * Makes dist/embedded-template.tar.gz: the data directory of a freshly initialised embedded database, shut
 * down cleanly. The server unpacks it at its first start, which takes a fraction of the time of initdb.
 *
 * Superuser and database are `postgres`, the encoding is UTF8 and the locale C, whatever the builder's
 * environment says. Does nothing when the file is there and was made by the same version of PGlite.
 */
import {
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { PGlite } from '@electric-sql/pglite'
import { NodeFS } from '@electric-sql/pglite/nodefs'
import manifest from '../package.json' with { type: 'json' }

const dist = join(import.meta.dir, '..', 'dist')
const templateFile = join(dist, 'embedded-template.tar.gz')
const versionFile = join(dist, 'embedded-template.version')
const version = `${manifest.dependencies['@electric-sql/pglite']}\n`

const upToDate =
  existsSync(templateFile) && existsSync(versionFile) && readFileSync(versionFile, 'utf8') === version
if (!upToDate) await makeTemplate()

async function makeTemplate(): Promise<void> {
  const scratch = mkdtempSync(join(tmpdir(), 'embedded-template-'))
  try {
    const directory = join(scratch, 'postgres')
    const database = await PGlite.create({ fs: new NodeFS(directory) })
    // Transaction ids and statistics of the catalogue are settled once here, not at every installation.
    await database.exec('VACUUM FREEZE ANALYZE')
    await database.exec('CHECKPOINT')
    await database.close()

    mkdirSync(dist, { recursive: true })
    // Renamed into place, so that two builds at a time cannot leave half a file; the version goes last.
    const unfinished = `${templateFile}.${process.pid}`
    writeFileSync(unfinished, Bun.gzipSync(archive(directory), { level: 9 }))
    renameSync(unfinished, templateFile)
    writeFileSync(versionFile, version)
  } finally {
    rmSync(scratch, { recursive: true, force: true })
  }
}

/** A ustar archive in order of name, without times and owners. Bun.Archive would leave out empty directories. */
function archive(directory: string): Uint8Array<ArrayBuffer> {
  const blocks: Uint8Array[] = []
  for (const name of (readdirSync(directory, { recursive: true }) as string[]).sort()) {
    if (name === 'postmaster.pid' || name === 'postmaster.opts') continue
    const path = join(directory, name)
    if (lstatSync(path).isDirectory()) {
      blocks.push(header(`${name}/`, 0o700, 0, '5'))
    } else {
      const content = readFileSync(path)
      blocks.push(header(name, 0o600, content.length, '0'), content)
      blocks.push(new Uint8Array((512 - (content.length % 512)) % 512))
    }
  }
  blocks.push(new Uint8Array(1024))
  return new Uint8Array(Buffer.concat(blocks))
}

function header(name: string, mode: number, size: number, type: '0' | '5'): Uint8Array {
  const block = Buffer.alloc(512)
  const octal = (value: number, length: number): string => `${value.toString(8).padStart(length - 1, '0')}\0`
  block.write(name, 0, 100)
  block.write(octal(mode, 8), 100)
  block.write(octal(0, 8), 108)
  block.write(octal(0, 8), 116)
  block.write(octal(size, 12), 124)
  block.write(octal(0, 12), 136)
  block.fill(' ', 148, 156)
  block.write(type, 156)
  block.write('ustar\x0000', 257)
  const sum = block.reduce((total, byte) => total + byte, 0)
  block.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148)
  return block
}
