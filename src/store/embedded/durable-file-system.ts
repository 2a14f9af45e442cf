import { closeSync, fsyncSync, openSync } from 'node:fs'
import { dirname } from 'node:path'
import type { PGlite } from '@electric-sql/pglite'
import { NodeFS } from '@electric-sql/pglite/nodefs'

/** What is used of Emscripten's file system over Node's; PGlite does not export its types. */
interface Node {
  mode: number
  name: string
  parent: Node
}
/** What a change of a file's mode, times or size brings; absent is unchanged. */
interface Attributes {
  mode?: number
}
interface Stream {
  nfd: number
  node: Node
}
interface NodeOperations {
  setattr(node: Node, attributes: Attributes): void
  mknod(parent: Node, name: string, mode: number, device: number): Node
  rename(node: Node, directory: Node, name: string): void
  unlink(directory: Node, name: string): void
  rmdir(directory: Node, name: string): void
}
interface StreamOperations {
  setattr(stream: Stream, attributes: Attributes): void
  fsync?(stream: Stream): number
  write(stream: Stream, buffer: Uint8Array, offset: number, length: number, position: number): number
}
interface NodeFileSystem {
  node_ops: NodeOperations
  stream_ops: StreamOperations
  realPath(node: Node): string
  tryFSOperation<T>(operation: () => T): T
}

type InitOptions = Parameters<NodeFS['init']>[1]

/**
 * The data directory on the host's disk, where a commit that has been answered survives the loss of power.
 *
 * Emscripten's file system has no `fsync`: without this class PostgreSQL's syncs succeed and do nothing.
 * Directories that gained or lost an entry are synced with the next file, as PostgreSQL's own attempts to
 * sync them never reach the host. A failed sync becomes an errno, on which PostgreSQL stops itself (PANIC)
 * rather than go on with a disk that has lost writes.
 */
export class DurableFileSystem extends NodeFS {
  /** Bytes of write-ahead log that have been written so far; what a checkpoint is due by. */
  walBytes = 0
  readonly #changedDirectories = new Set<string>()

  override async init(pg: PGlite, options: InitOptions): ReturnType<NodeFS['init']> {
    const { emscriptenOpts } = await super.init(pg, options)
    // First, before the mount: the operations are copied to each node when it is made.
    const makeDurable = (module: { NODEFS: unknown }): void => this.#extend(module.NODEFS as NodeFileSystem)
    return { emscriptenOpts: { ...emscriptenOpts, preRun: [makeDurable, ...(emscriptenOpts.preRun ?? [])] } }
  }

  #extend(files: NodeFileSystem): void {
    this.#extendNodes(files)
    const walNodes = new WeakMap<Node, boolean>()
    const { write } = files.stream_ops
    files.stream_ops.write = (stream, buffer, offset, length, position) => {
      let isWal = walNodes.get(stream.node)
      if (isWal === undefined) {
        isWal = files.realPath(stream.node).includes('/pg_wal/')
        walNodes.set(stream.node, isWal)
      }
      const written = write(stream, buffer, offset, length, position)
      if (isWal) this.walBytes += written
      return written
    }
    const { setattr } = files.stream_ops
    files.stream_ops.setattr = (stream, attributes) => setattr(stream, withOwnerOnlyMode(attributes))
    files.stream_ops.fsync = (stream) =>
      files.tryFSOperation(() => {
        this.#syncDirectories()
        fsyncSync(stream.nfd)
        return 0
      })
  }

  #extendNodes({ node_ops: operations, realPath }: NodeFileSystem): void {
    const { mknod, setattr, rename, unlink, rmdir } = operations
    const changed = (directory: Node): unknown => this.#changedDirectories.add(realPath(directory))
    operations.mknod = (parent, name, mode, device) => {
      changed(parent)
      return mknod(parent, name, ownerOnly(mode), device)
    }
    operations.setattr = (node, attributes) => setattr(node, withOwnerOnlyMode(attributes))
    operations.rename = (node, directory, name) => {
      changed(node.parent)
      changed(directory)
      rename(node, directory, name)
    }
    operations.unlink = (directory, name) => {
      changed(directory)
      unlink(directory, name)
    }
    operations.rmdir = (directory, name) => {
      changed(directory)
      rmdir(directory, name)
    }
  }

  #syncDirectories(): void {
    for (const directory of this.#changedDirectories) {
      syncDirectory(directory)
      this.#changedDirectories.delete(directory)
    }
  }
}

/** Whatever the umask: nobody else reads what senders posted. */
function ownerOnly(mode: number): number {
  return mode & ~0o077
}

function withOwnerOnlyMode(attributes: Attributes): Attributes {
  return attributes.mode === undefined ? attributes : { ...attributes, mode: ownerOnly(attributes.mode) }
}

/** A directory that is gone again has its loss recorded in its parent, which is synced in its place. */
function syncDirectory(path: string): void {
  const descriptor = openExisting(path)
  try {
    fsyncSync(descriptor)
  } finally {
    closeSync(descriptor)
  }
}

function openExisting(path: string): number {
  try {
    return openSync(path, 'r')
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT')
      return openExisting(dirname(path))
    throw error
  }
}
