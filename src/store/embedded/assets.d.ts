/** Files that `with { type: 'file' }` turns into a path which `Bun.file` can read, also inside a binary. */
declare module '*.wasm' {
  const path: string
  export default path
}

declare module '*.data' {
  const path: string
  export default path
}

declare module '*.tar.gz' {
  const path: string
  export default path
}
