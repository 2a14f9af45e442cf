/** SQL is imported as text, so that it travels inside the binary. */
declare module '*.sql' {
  const text: string
  export default text
}

/** The console, as `deploy/pages.ts` packs it: `with { type: 'file' }` gives a path that `Bun.file` reads, also inside a binary. */
declare module '*.bin' {
  const path: string
  export default path
}
