/**
 * Makes dist/pages.bin: the pages of src/ui, bundled, hashed by content and compressed ahead, in one file that travels inside
 * the executable. Whatever asks for it serves bytes as they stand.
 *
 * The file begins with the length of an index (32 bits, little-endian), then the index as JSON, then the bytes it points into.
 */
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { extname, join } from 'node:path'
import { brotliCompressSync, constants } from 'node:zlib'
import tailwind from 'bun-plugin-tailwind'
import { licences } from './licences.ts'

const root = join(import.meta.dir, '..')

const TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml',
  '.json': 'application/json',
}

interface IndexEntry {
  readonly path: string
  readonly type: string
  readonly etag: string
  /** Encoding, begin and length of each form. */
  readonly forms: readonly (readonly [encoding: 'identity' | 'gzip' | 'br', begin: number, length: number])[]
}

await makePages()

async function makePages(): Promise<void> {
  const scratch = mkdtempSync(join(tmpdir(), 'pages-'))
  try {
    await bundle(scratch)
    writeFileSync(join(scratch, 'licences.json'), JSON.stringify(await licences(root)))
    const file = join(root, 'dist', 'pages.bin')
    mkdirSync(join(root, 'dist'), { recursive: true })
    // Renamed into place, so that two builds at a time cannot leave half a file.
    const unfinished = `${file}.${process.pid}`
    writeFileSync(unfinished, packed(scratch))
    renameSync(unfinished, file)
  } finally {
    rmSync(scratch, { recursive: true, force: true })
  }
}

async function bundle(outdir: string): Promise<void> {
  await Bun.build({
    entrypoints: [join(root, 'src/ui/index.html')],
    root: join(root, 'src/ui'),
    outdir,
    target: 'browser',
    minify: true,
    splitting: true,
    plugins: [tailwind],
    publicPath: '/',
    naming: {
      entry: '[name].[ext]',
      chunk: 'assets/[name].[hash].[ext]',
      asset: 'assets/[name].[hash].[ext]',
    },
    define: { 'process.env.NODE_ENV': '"production"' },
    sourcemap: 'none',
  })
}

function packed(directory: string): Uint8Array {
  const pieces: Uint8Array[] = []
  let begin = 0
  const index: IndexEntry[] = []
  for (const name of (readdirSync(directory, { recursive: true }) as string[]).sort()) {
    const type = TYPES[extname(name)]
    if (type === undefined) continue
    const bytes = readFileSync(join(directory, name))
    const forms = formsOf(bytes).map(([encoding, form]) => {
      pieces.push(form)
      begin += form.byteLength
      return [encoding, begin - form.byteLength, form.byteLength] as const
    })
    index.push({ path: `/${name}`, type, etag: `"${Bun.hash(bytes).toString(36)}"`, forms })
  }
  const header = Buffer.from(JSON.stringify(index))
  const length = Buffer.alloc(4)
  length.writeUInt32LE(header.byteLength)
  return Buffer.concat([length, header, ...pieces])
}

function formsOf(
  bytes: Uint8Array<ArrayBuffer>,
): readonly (readonly ['identity' | 'gzip' | 'br', Uint8Array])[] {
  const br = brotliCompressSync(bytes, { params: { [constants.BROTLI_PARAM_QUALITY]: 11 } })
  return [
    ['identity', bytes],
    ['gzip', Bun.gzipSync(bytes, { level: 9 })],
    ['br', br],
  ]
}
