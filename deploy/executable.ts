/** Compiles the server into one executable. Both build scripts use it, so that every target is built alike. */
import { mkdirSync, mkdtempSync, renameSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import manifest from '../package.json' with { type: 'json' }

const root = join(import.meta.dir, '..')

/** Where all artefacts go. */
export const DIST = join(root, 'dist')

/** The version of Bun that the tests run on, and so the one that goes into an artefact. */
export const BUN_VERSION = manifest.packageManager.replace('bun@', '')

interface Target {
  /** A name that `bun build --target` takes, such as `bun-linux-arm64`. */
  readonly name: Bun.Build.CompileTarget
  /** The Bun executable of that target. Without it Bun would download one, and check nothing. */
  readonly runtime: string
}

/**
 * Makes `dist/<name>` and reports its size on stdout; without a target it is one for the machine that builds it.
 *
 * @throws Error when it does not compile, or when this is not the Bun that the tests run on
 */
export async function makeExecutable(name: string, target?: Target): Promise<void> {
  if (Bun.version !== BUN_VERSION) {
    throw new Error(
      `This is Bun ${Bun.version}, and the tests run on ${BUN_VERSION}: npx -y bun@${BUN_VERSION} run build`,
    )
  }
  mkdirSync(DIST, { recursive: true })
  // Bun also writes source maps beside the executable, which holds them itself. They go with this folder.
  const scratch = mkdtempSync(join(DIST, 'compile-'))
  try {
    const executable = join(scratch, 'attune-webhooks')
    await compile(executable, target)
    // Renamed into place: a server that runs keeps its file, and nobody ever starts half a one.
    renameSync(executable, join(DIST, name))
  } finally {
    rmSync(scratch, { recursive: true, force: true })
  }
  const megabytes = Math.round(Bun.file(join(DIST, name)).size / 1e6)
  process.stdout.write(`dist/${name}  ${megabytes} MB\n`)
}

async function compile(outfile: string, target?: Target): Promise<void> {
  await Bun.build({
    // A Worker that is no entry point of its own would be looked for on the disk of the host.
    entrypoints: [join(root, 'src/main.ts'), join(root, 'src/store/embedded/worker.ts')],
    root: join(root, 'src'),
    target: 'bun',
    compile: {
      outfile,
      ...(target && { target: target.name, executablePath: target.runtime }),
      // What lies in the directory where it is started must not become part of it: a bunfig.toml can preload code.
      autoloadDotenv: false,
      autoloadBunfig: false,
      autoloadPackageJson: false,
      autoloadTsconfig: false,
    },
    // Bun fixes this name at build time, and takes "development" when nobody says otherwise.
    define: { 'process.env.NODE_ENV': '"production"' },
    // Positions in a stack are those of the source. No stack leaves the process except in its log.
    sourcemap: 'linked',
    // Elysia compiles routes from the source text of their handlers, which a minifier rewrites.
    minify: false,
    // Every command starts in a third of the time. The source text stays in the executable, so Elysia still finds it.
    bytecode: true,
    format: 'esm',
  })
}
