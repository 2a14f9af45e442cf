import archive from '../dist/pages.bin' with { type: 'file' }
import type { PageFile } from './admin/pages.ts'

interface IndexEntry {
  readonly path: string
  readonly type: string
  readonly etag: string
  readonly forms: readonly (readonly [encoding: 'identity' | 'gzip' | 'br', begin: number, length: number])[]
}

/** The console as `deploy/pages.ts` has packed it, by path. */
export async function loadPages(): Promise<ReadonlyMap<string, PageFile>> {
  const bytes = await Bun.file(archive).bytes()
  const indexBytes = new DataView(bytes.buffer, bytes.byteOffset).getUint32(0, true)
  const begin = 4 + indexBytes
  const index: readonly IndexEntry[] = JSON.parse(new TextDecoder().decode(bytes.subarray(4, begin)))
  return new Map(
    index.map(({ path, type, etag, forms }) => [
      path,
      {
        type,
        etag,
        forms: new Map(
          forms.map(([name, at, length]) => [name, bytes.subarray(begin + at, begin + at + length)]),
        ),
      },
    ]),
  )
}
