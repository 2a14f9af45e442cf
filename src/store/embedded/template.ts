import { existsSync, mkdirSync, readFileSync, renameSync, rmSync } from 'node:fs'
import { open, readdir } from 'node:fs/promises'
import { join } from 'node:path'
import templateFile from '../../../dist/embedded-template.tar.gz' with { type: 'file' }

/** The major version of PostgreSQL inside PGlite; another one cannot read its files. */
const POSTGRES_VERSION = '18'

/** Enough syncs at a time for the disk to merge them, few enough to stay far from the limit of open files. */
const SYNCS_AT_A_TIME = 64

/**
 * Makes sure that `cluster` is a data directory that the engine can open, from the template if there is none.
 *
 * The template is unpacked beside it, every file and directory is synced, and one rename puts it into place:
 * whenever the power goes, there is a whole cluster or none.
 */
export async function ensureCluster(dataDirectory: string, cluster: string): Promise<'made' | 'found'> {
  const unfinished = `${cluster}.unfinished`
  rmSync(unfinished, { recursive: true, force: true })
  if (existsSync(cluster)) {
    checkVersion(cluster)
    return 'found'
  }

  mkdirSync(unfinished, { mode: 0o700 })
  const archive = Bun.gunzipSync(await Bun.file(templateFile).bytes())
  await new Bun.Archive(archive).extract(unfinished)
  await settle(unfinished)
  renameSync(unfinished, cluster)
  await syncPath(dataDirectory)
  return 'made'
}

function checkVersion(cluster: string): void {
  const file = join(cluster, 'PG_VERSION')
  const version = existsSync(file) ? readFileSync(file, 'utf8').trim() : 'unknown'
  if (version !== POSTGRES_VERSION) {
    throw new Error(
      `${cluster} holds a database of PostgreSQL ${version}; this version reads ${POSTGRES_VERSION} only.`,
    )
  }
}

/** Gives files and directories their modes and puts them on disk. */
async function settle(root: string): Promise<void> {
  const entries = await readdir(root, { recursive: true, withFileTypes: true })
  for (let start = 0; start < entries.length; start += SYNCS_AT_A_TIME) {
    const slice = entries.slice(start, start + SYNCS_AT_A_TIME)
    await Promise.all(
      slice.map((entry) => syncPath(join(entry.parentPath, entry.name), entry.isDirectory() ? 0o700 : 0o600)),
    )
  }
  await syncPath(root, 0o700)
}

async function syncPath(path: string, mode?: number): Promise<void> {
  const handle = await open(path, 'r')
  try {
    if (mode !== undefined) await handle.chmod(mode)
    await handle.sync()
  } finally {
    await handle.close()
  }
}
